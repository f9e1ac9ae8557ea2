# SPDX-License-Identifier: GPL-2.0-or-later
"""Definitions of the guests that the tests run, and how to boot one and ask it."""

import copy
from pathlib import Path
from typing import Any, Optional, Sequence

import pytest

from lab import Lab
from station import Station, guest_sh
from vm import Definition, Vm

VMS = Path(__file__).resolve().parents[3] / "vms"
TINY = VMS / "tiny"

# The path of the guests of a test for both paths.
data_path: Optional[str] = None


def merged(base: dict, changes: dict) -> dict:
    """@base with @changes laid over it, mapping by mapping."""
    result = copy.deepcopy(base)
    for key, value in changes.items():
        nested = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if nested else copy.deepcopy(value)
    return result


def tiny(name: str = "tiny", *, full: bool = False, words: str = "", **keys: Any) -> dict:
    """The small guest, with a shell for guest_sh(). @words go on its kernel command line, @keys
    over its definition; @full: the kernel that knows every network card."""
    suffix = "-full" if full else ""
    kernel, initrd = TINY / f"vmlinuz{suffix}", TINY / f"initrd{suffix}.img"
    if not (kernel.exists() and initrd.exists()):
        pytest.skip(f"needs {kernel.name} and {initrd.name}: run vms/tiny/build")
    if data_path and isinstance(keys.get("network", {}), dict):
        keys = merged({"network": {"path": data_path}}, keys)
    return merged({
        "name": name, "cpus": 1, "memory": "192M",
        "boot": {"kernel": str(kernel), "initrd": str(initrd),
                 # On a busy machine an emulated timer may look broken to the kernel, which panics.
                 "cmdline": f"console=ttyS0 quiet no_timer_check tiny.shell {words}".rstrip()},
    }, keys)


def paused(name: str = "tiny", **keys: Any) -> dict:
    """A VM that never runs an instruction: for all that QEMU and the host do around a guest. It
    costs no time, and it does not hear the power button."""
    return tiny(name, **merged({"qemu": {"args": ["-S"]}}, keys))


def cards() -> dict[str, dict]:
    """The small guest with each kind of card, by the name of the kind: QEMU checks and cuts packets
    itself for a card without offloads."""
    off = [word for feature in ("csum", "gso", "guest_csum", "guest_tso4", "host_tso4", "mrg_rxbuf")
           for word in ("-global", f"virtio-net-pci.{feature}=off")]
    return {"virtio": tiny("virtio"),
            "virtio without offloads": tiny("plain", qemu={"args": off}),
            "e1000": tiny("e1000", full=True, network={"model": "e1000"})}


class Guest(Station):
    """The small guest as a machine of the LAN, asked through @asker."""

    def __init__(self, vm: Vm, asker: Station) -> None:
        super().__init__(asker.netns, asker.interface, f"{vm.address}/{vm.prefix}")
        self._asker = asker

    def sh(self, script: str, check: bool = True, timeout: float = 30) -> str:
        """Run a shell script in the guest; its output, without the last line's end."""
        return guest_sh(self._asker, self.address, script, timeout, check).rstrip("\n")

    def reads(self, url: str, timeout: int = 5) -> str:
        """The text of a web page that the guest fetches."""
        return self.sh(f"timeout {timeout} wget -q -O - {url}") + "\n"

    def pings(self, address: str, timeout: int = 5) -> bool:
        """True if the guest gets an answer to one of its echo requests."""
        script = f"ping -c {timeout} -A -W 1 -w {timeout} {address} >/dev/null && echo yes; true"
        return self.sh(script) == "yes"

    @property
    def mac(self) -> str:
        """The link-level address that the guest itself uses."""
        return self.sh("cat /sys/class/net/$(cat /run/nic)/address")


def boot(lab: Lab, definition: Optional[Definition] = None, options: Sequence[str] = (),
         asker: Optional[Station] = None, **how: Any) -> tuple[Vm, Guest]:
    """Start the small guest and wait until it serves its page to @asker, by default the phone."""
    vm = lab.start_vm(definition or tiny(), options, **how)
    return vm, reach(vm, asker or lab.phone)


def reach(vm: Vm, asker: Station, timeout: float = 60) -> Guest:
    """Wait until the guest of @vm serves its page to @asker."""
    try:
        assert vm.address in asker.http_get(vm.address, timeout=timeout)
    except OSError as error:
        raise AssertionError(f"{vm.address} does not answer {asker}: {error}\n"
                             f"{vm.stderr.text}\n{vm.console.text}") from error
    return Guest(vm, asker)


def refused(lab: Lab, definition: Definition, options: Sequence[str] = (), timeout: float = 30,
            **how: Any) -> tuple[int, str]:
    """Start a VM that cannot be started: the exit status, and what was said on standard error."""
    vm = lab.start_vm(definition, options, wait=False, **how)
    status = vm.wait(timeout)
    return status, vm.stderr.text
