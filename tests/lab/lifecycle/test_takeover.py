# SPDX-License-Identifier: GPL-2.0-or-later
"""The helper dies, whatever the laptop is doing just then, and the VM stays on the LAN."""

import re
import signal
import threading
import time
from pathlib import Path

import pytest

import process
from guests import boot, paused
from lab import Lab
from vm import Vm

pytestmark = pytest.mark.usefixtures("vmrun")


def kill_helper(vm: Vm) -> None:
    """And wait until another has taken over."""
    taken = vm.stderr.text.count("another has taken over")
    vm.netsetup.signal(signal.SIGKILL)
    deadline = time.monotonic() + 5
    while vm.stderr.text.count("another has taken over") == taken:
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


def descriptors(helpers: list[process.Process]) -> list[int]:
    """The number of descriptors of each helper, which must not grow."""
    return [len(each.descriptors) for each in helpers]


def wait_helpers(vm: Vm, count: int) -> list[process.Process]:
    """As many as are to be there again, the one that has the place first."""
    deadline = time.monotonic() + 2
    while len(vm.helpers) != count:
        assert time.monotonic() < deadline, [(each.pid, each.name) for each in vm.family()]
        time.sleep(0.01)
    return vm.helpers


def test_traffic_goes_on(lab: Lab) -> None:
    """Root starts another helper as often as one dies."""
    vm, _ = boot(lab)
    first = wait_helpers(vm, 1)
    opened, memory, seen = descriptors(first), [pss(each) for each in first], set(first)
    for _ in range(5):
        pinger = Pinger(lab, vm.address)
        kill_helper(vm)
        lab.phone.forget(vm.address)
        time.sleep(0.3)
        gap = pinger.longest_gap()
        helpers = wait_helpers(vm, 1)
        print(f"the longest time without an answer: {gap * 1000:.0f} ms; "
              f"PSS {[pss(each) for each in helpers]} kB, at first {memory}")
        assert gap < 1
        assert descriptors(helpers) == opened
        assert not seen.issuperset(helpers)
        seen.update(helpers)
    assert sum(pss(each) for each in helpers) < sum(memory) + 256
    time.sleep(2.2)  # the second announcement
    before = [switches(each) for each in helpers]
    time.sleep(2)
    assert [switches(each) for each in helpers] == before, "an idle one wakes up"
    zombies = [each for each in process.descendants(vm.pid) if not each.alive]
    assert not zombies, "those that died are waited for"
    assert vm.stop() == 0
    assert all(each.wait_gone(1) for each in seen)


LOST = "VM 'tiny' is no longer on the LAN: vmrun-netsetup ended, and there is none to replace it"


def test_standby(lab: Lab) -> None:
    """Under sudo the standby takes over, once; the next death ends the VM, gracefully."""
    vm, _ = boot(lab, user=lab.add_user(), sudo=True)
    helper, standby = wait_helpers(vm, 2)
    opened = descriptors([helper])
    pinger = Pinger(lab, vm.address)
    kill_helper(vm)
    lab.phone.forget(vm.address)
    time.sleep(0.3)
    assert pinger.longest_gap() < 1
    assert wait_helpers(vm, 1) == [standby] and descriptors([standby]) == opened
    standby.signal(signal.SIGKILL)
    vm.wait_stderr(LOST)
    assert vm.wait() == 1
    assert "power button, going down" in vm.console.text
    lab.start_vm(paused()).quit()


def test_standby_that_dies(lab: Lab) -> None:
    """The VM stays, until its helper dies."""
    vm, _ = boot(lab, user=lab.add_user(), sudo=True)
    helper, standby = wait_helpers(vm, 2)
    standby.signal(signal.SIGKILL)
    assert wait_helpers(vm, 1) == [helper] and lab.phone.arp_request(vm.address)
    helper.signal(signal.SIGKILL)
    vm.wait_stderr(LOST)
    assert vm.wait() == 1
    lab.start_vm(paused()).quit()


def test_helper_and_standby_die_at_once(lab: Lab) -> None:
    """That is the end of the VM's membership, and so of the VM: it says so, and what they have
    left is swept by the next start."""
    vm, _ = boot(lab, user=lab.add_user(), sudo=True)
    helpers = wait_helpers(vm, 2)
    vm.signal(signal.SIGSTOP)
    for each in helpers:
        each.signal(signal.SIGKILL)
    assert all(each.wait_gone(1) for each in helpers)
    vm.signal(signal.SIGCONT)
    vm.wait_stderr(LOST)
    assert vm.wait() == 1
    assert "power button, going down" in vm.console.text
    lab.start_vm(paused()).quit()


@pytest.mark.parametrize("leave, come_back", [("carrier_off", "carrier_on"), ("down", "up"),
                                              ("disconnect", "connect")])
def test_while_the_uplink_is_away(lab: Lab, leave: str, come_back: str) -> None:
    vm, _ = boot(lab)
    getattr(lab.laptop, leave)()
    vm.wait_stderr("off the LAN")
    kill_helper(vm)
    getattr(lab.laptop, come_back)()
    assert lab.phone.ping(vm.address, 10), vm.stderr.text
    assert vm.stop() == 0


def test_while_roaming(lab: Lab) -> None:
    """Killed in the other network, where the guest's fixed address does not work; back again."""
    vm = lab.start_vm(paused(network={"configure": "cmdline"}))
    home, other = lab.lan, lab.second_lan()
    lab.laptop.roam(other)
    vm.wait_stderr("off the LAN")
    kill_helper(vm)
    time.sleep(0.3)
    assert vm.address not in lab.laptop.netns.ip("neigh show proxy")
    lab.laptop.roam(home, home.cidr(home.host(1)))
    deadline = time.monotonic() + 10
    while not lab.phone.arp_request(vm.address, 0.2):
        assert time.monotonic() < deadline, vm.stderr.text
    vm.quit()


def test_while_another_vm_sweeps(lab: Lab) -> None:
    """Neither its start nor its end takes anything from a VM whose helper is being replaced."""
    vm = lab.start_vm(paused("one"))
    for turn in range(3):
        netsetup = vm.netsetup
        vm.signal(signal.SIGSTOP)
        netsetup.signal(signal.SIGKILL)
        assert netsetup.wait_gone(1)
        other = lab.start_vm(paused(f"other{turn}"))
        assert lab.phone.arp_request(vm.address) and other.address != vm.address
        vm.signal(signal.SIGCONT)
        other.quit()
        assert lab.laptop.netns.sysctl("net/ipv4/conf/wlan0/forwarding") == "1"
        assert lab.phone.arp_request(vm.address)
    vm.quit()
