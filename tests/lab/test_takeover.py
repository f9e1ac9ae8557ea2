# SPDX-License-Identifier: GPL-2.0-or-later
"""The helper dies, whatever the laptop is doing just then, and the VM stays on the LAN."""

import signal
import threading
import time

import pytest

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


@pytest.mark.parametrize("sudo", [False, True], ids=["root", "sudo"])
def test_traffic_goes_on(lab: Lab, sudo: bool) -> None:
    """As root as often as it happens; under sudo once, by the spare."""
    vm, _ = boot(lab, user=lab.add_user() if sudo else None, sudo=sudo)
    pinger = Pinger(lab, vm.address)
    for _ in range(1 if sudo else 4):
        kill_helper(vm)
        lab.phone.forget(vm.address)
        time.sleep(0.3)
    gap = pinger.longest_gap()
    print(f"the longest time without an answer: {gap * 1000:.0f} ms")
    assert gap < 1
    assert vm.stop() == 0


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
