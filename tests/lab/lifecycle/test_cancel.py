# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks signals that come before QEMU runs: each is a cancel, which undoes everything at once.

The fixture checks that nothing is left on the laptop.
"""

import hashlib
import os
import signal
import stat
import time
from pathlib import Path
from typing import Callable

import pytest

from guests import paused
from lab import Lab
from mirror import Mirror
from vm import Vm

pytestmark = pytest.mark.usefixtures("vmrun")

# tcpdump's words for a probe: RFC 5227 has no sender's address in it.
PROBE = r"who-has 192\.168\.77\.\d+ tell 0\.0\.0\.0"
STRICT = ("--set", "network.probe=strict")
SIGNALS = (signal.SIGINT, signal.SIGTERM)
DETACH = ((), ("--detach",))


def wait_until(condition: Callable[[], bool], vm: Vm) -> None:
    """Wait until vmrun, which must not end before, is where the test wants it."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline and vm.alive, vm.stderr.text
        time.sleep(0.01)


def cancel(lab: Lab, vm: Vm, number: signal.Signals) -> None:
    """Send the signal, and check the exit status and that vmrun has undone everything."""
    vm.signal(number)
    assert vm.wait() == 128 + number
    assert "tap" not in vm.stderr.text, "the service did not go on to make one"
    assert "QEMU" not in vm.stderr.text
    assert not any((lab.run_dir / "user" / "0" / "vmrun").iterdir())
    assert not list(lab.directory.rglob("*.tmp*"))


@pytest.mark.parametrize("detach", DETACH)
@pytest.mark.parametrize("number", SIGNALS)
def test_while_the_service_probes(lab: Lab, number: signal.Signals, detach: tuple) -> None:
    with lab.phone.capture("arp") as seen:
        vm = lab.start_vm(paused(), ["--verbose", *STRICT, *detach], wait=False)
        seen.wait_for(PROBE, 20)
        services = vm.services()
        cancel(lab, vm, number)
        assert services and all(each.wait_gone(1) for each in services)


@pytest.fixture
def slow_qemu_img(tmp_path: Path) -> Path:
    """A directory for $PATH with a qemu-img that says where it is and never ends."""
    program = tmp_path / "qemu-img"
    program.write_text(f"#!/bin/sh\ntouch {tmp_path}/reached\nexec sleep 1000\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return tmp_path


@pytest.mark.parametrize("detach", DETACH)
def test_while_an_overlay_is_made(lab: Lab, slow_qemu_img: Path, detach: tuple) -> None:
    image = lab.directory / "disk.raw"
    image.write_bytes(bytes(1 << 20))
    disks = [{"image": str(image), "format": "raw"}]
    vm = lab.start_vm(paused(disks=disks), ["--verbose", *detach], wait=False,
                      env={"PATH": f"{slow_qemu_img}:{os.environ['PATH']}"})
    wait_until((slow_qemu_img / "reached").exists, vm)
    cancel(lab, vm, signal.SIGINT)


@pytest.mark.parametrize("detach", DETACH)
def test_during_a_download(lab: Lab, mirror: Mirror, detach: tuple) -> None:
    disks = [{"image": mirror.url("stall", "disk.raw"),
              "sha256": hashlib.sha256(mirror.files["disk.raw"]).hexdigest()}]
    vm = lab.start_vm(paused(disks=disks), ["--verbose", *detach], wait=False)
    wait_until(mirror.stalled.is_set, vm)
    cancel(lab, vm, signal.SIGINT)
