# SPDX-License-Identifier: GPL-2.0-or-later
"""vmrun-netsetup dies, whatever the laptop is doing just then, and the VM stays on the LAN."""

import re
import signal
import threading
import time
from pathlib import Path

import pytest

import process
from guests import boot, paused, tiny
from lab import Lab
from vm import Vm

pytestmark = pytest.mark.usefixtures("vmrun")


def kill(vm: Vm, which: str = "netsetup") -> None:
    """SIGKILL for one process of vmrun-netsetup; wait until another service runs."""
    before = vm.netsetup
    getattr(vm, which).signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while vm.netsetup == before:
        assert time.monotonic() < deadline, vm.stderr.text
        time.sleep(0.005)


class Pinger:
    """Pings every 20 ms from the phone; afterwards, how long the longest gap was."""

    def __init__(self, lab: Lab, address: str) -> None:
        self.gap, self._stop = 0.0, threading.Event()
        self._lab, self._address = lab, address
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        last = time.monotonic()
        while not self._stop.is_set():
            if self._lab.phone.ping_once(self._address, wait=0.1):
                now = time.monotonic()
                self.gap, last = max(self.gap, now - last), now
            time.sleep(0.02)
        self.gap = max(self.gap, time.monotonic() - last)

    def longest_gap(self) -> float:
        """Stop, and tell it in seconds."""
        self._stop.set()
        self._thread.join()
        return self.gap


def pss(each: process.Process) -> int:
    """The kilobytes that are a process's own share of memory."""
    text = Path(f"/proc/{each.pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[1])


def switches(each: process.Process) -> int:
    """The number of times that it slept, and so woke up."""
    return int(each.status["voluntary_ctxt_switches"])


def numbers(vm: Vm) -> dict[str, tuple[int, int]]:
    """Descriptors, which must not grow, and PSS of each process of vmrun-netsetup."""
    return {name: (len(each.descriptors), pss(each)) for name, each in
            (("service", vm.netsetup), ("worker", vm.worker), ("supervisor", vm.supervisor))}


@pytest.mark.both_paths
@pytest.mark.parametrize("sudo", [False, True], ids=["root", "sudo"])
def test_traffic_goes_on(lab: Lab, sudo: bool) -> None:
    """The supervisor starts the service again, which goes on with its clients' connections."""
    vm, _ = boot(lab, user=lab.add_user() if sudo else None, sudo=sudo)
    first, seen = numbers(vm), set(vm.services())
    for which in ("netsetup", "worker", "netsetup", "worker"):
        pinger = Pinger(lab, vm.address)
        kill(vm, which)
        lab.phone.forget(vm.address)
        time.sleep(0.3)
        gap = pinger.longest_gap()
        print(f"{which}: the longest time without an answer: {gap * 1000:.0f} ms; {numbers(vm)}")
        assert gap < 1
        seen.update(vm.services())
    time.sleep(2.2)  # the second announcement
    last = numbers(vm)
    assert {name: fds for name, (fds, _) in last.items()} == \
        {name: fds for name, (fds, _) in first.items()}
    assert sum(size for _, size in last.values()) < sum(size for _, size in first.values()) + 256
    before = [switches(each) for each in vm.services()]
    time.sleep(2)
    assert [switches(each) for each in vm.services()] == before, "an idle one wakes up"
    zombies = [each for each in process.descendants(vm.pid) if not each.alive]
    assert not zombies, "those that died are waited for"
    assert "off the LAN" not in vm.stderr.text, "nobody was told"
    assert vm.stop() == 0
    assert all(each.wait_gone(1) for each in seen)


@pytest.mark.both_paths
def test_supervisor_dies(lab: Lab) -> None:
    """The service goes on without one. When it dies, too, root's vmrun starts another."""
    vm, _ = boot(lab)
    vm.supervisor.signal(signal.SIGKILL)
    pinger = Pinger(lab, vm.address)
    time.sleep(0.5)
    assert pinger.longest_gap() < 0.5
    kill(vm)
    assert lab.phone.ping(vm.address, 5)
    assert vm.stop() == 0


LOST = "VM 'tiny' is no longer on the LAN"


def test_all_die_at_once(lab: Lab) -> None:
    """Under sudo that is the end of the VM's membership, and so of the VM: it says so, and what they
    have left is removed by the next start."""
    vm, _ = boot(lab, user=lab.add_user(), sudo=True)
    services = [vm.supervisor, *vm.services()]
    vm.signal(signal.SIGSTOP)
    for each in services:
        each.signal(signal.SIGKILL)
    assert all(each.wait_gone(1) for each in services)
    vm.signal(signal.SIGCONT)
    vm.wait_stderr(LOST)
    assert vm.wait() == 1
    assert "power button, going down" in vm.console.text
    lab.start_vm(paused()).quit()


def test_service_that_dies_at_once_each_time(lab: Lab) -> None:
    """The supervisor gives up after five times in ten seconds; root's vmrun starts another."""
    vm = lab.start_vm(paused())
    supervisor = vm.supervisor
    for _ in range(30):  # a slow machine needs more, since only those of 10 s count
        service = vm.netsetup
        service.signal(signal.SIGKILL)
        assert service.wait_gone(1)
        if supervisor.wait_gone(0.1):
            break
    assert supervisor.wait_gone(5)
    deadline = time.monotonic() + 5
    while not lab.phone.arp_request(vm.address, 0.2):
        assert time.monotonic() < deadline, vm.stderr.text
    vm.quit()


@pytest.mark.both_paths
@pytest.mark.parametrize("leave, come_back", [("carrier_off", "carrier_on"), ("down", "up"),
                                              ("disconnect", "connect")])
def test_while_the_uplink_is_away(lab: Lab, leave: str, come_back: str) -> None:
    vm, _ = boot(lab)
    getattr(lab.laptop, leave)()
    vm.wait_stderr("off the LAN")
    kill(vm)
    getattr(lab.laptop, come_back)()
    assert lab.phone.ping(vm.address, 10), vm.stderr.text
    assert vm.stop() == 0


@pytest.mark.both_paths
def test_while_roaming(lab: Lab) -> None:
    """Killed in the other network, where the guest's fixed address does not work; back again."""
    vm, _ = boot(lab, tiny(network={"configure": "cmdline"}))
    home, other = lab.lan, lab.second_lan()
    lab.laptop.roam(other)
    vm.wait_stderr("off the LAN")
    kill(vm)
    time.sleep(0.3)
    assert vm.address not in lab.laptop.netns.ip("neigh show proxy")
    lab.laptop.roam(home, home.cidr(home.host(1)))
    assert lab.phone.ping(vm.address, 10), vm.stderr.text
    vm.quit()


@pytest.mark.both_paths
def test_while_another_vm_starts(lab: Lab, data_path: str) -> None:
    """Neither its start nor its end takes anything from a VM whose vmrun does not answer."""
    vm = lab.start_vm(paused("one"))
    # A bridged guest answers itself, and this one is paused; the worker answers probes.
    ask = lab.phone.arp_request if data_path == "routed" else lab.phone.arp_probe
    for turn in range(3):
        vm.signal(signal.SIGSTOP)
        kill(vm)
        other = lab.start_vm(paused(f"other{turn}"))
        assert ask(vm.address) and other.address != vm.address
        vm.signal(signal.SIGCONT)
        other.quit()
        forwarding = lab.laptop.netns.sysctl("net/ipv4/conf/wlan0/forwarding")
        assert forwarding == ("1" if data_path == "routed" else "0")
        assert ask(vm.address)
    vm.quit()
