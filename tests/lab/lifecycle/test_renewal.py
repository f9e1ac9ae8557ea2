# SPDX-License-Identifier: GPL-2.0-or-later
"""The installed service is restarted, or dies, under many VMs of a user, and none notices."""

import signal
import time
from contextlib import ExitStack
from typing import Iterator

import pytest

from fault import standing_in
from lab import Lab
from manager import Manager
from stacks import PORT, Pings, Stacks, Talk, lost_segments
from vm import Account

pytestmark = [pytest.mark.usefixtures("vmrun"), pytest.mark.both_paths]

MANY = 20
AT_ONCE = 8  # CLIENTS_MAX of netsetup/service/client.c: connections of a user without a VM yet
FORWARDING = "net/ipv4/conf/wlan0/forwarding"
FOREVER = 10 ** 8
RESTART = 0.05  # RestartSec of vmrun-netsetup.service.in, in seconds
ENDED = "vmrun-netsetup ended"


class Crowd:
    """Running VMs of a user who has no privilege, each with an open connection from the phone."""

    def __init__(self, lab: Lab, manager: Manager, me: Account, path: str,
                 closing: ExitStack) -> None:
        self.lab, self.manager, self.path = lab, manager, path
        self.vms = []
        for i in range(MANY):
            if i >= AT_ONCE:
                self.vms[i - AT_ONCE].wait_ready(60)
            self.vms.append(lab.start_vm(standing_in(f"vm{i}", FOREVER, network={"path": path}),
                                         wait=False, user=me))
        for vm in self.vms[-AT_ONCE:]:
            vm.wait_ready(60)
        self._stacks = closing.enter_context(Stacks(lab, self.vms))
        self.connections = []
        for vm in self.vms:
            self.connections.append(lab.phone.tcp_open(vm.address, PORT, 10))
            closing.callback(self.connections[-1].close)

    def stored(self) -> int:
        """The number of clients' connections that are kept."""
        return sum(name.startswith("vm-") for name in self.manager.stored)

    def check(self) -> None:
        """All are there: VMs, connections, and what the host has for them."""
        for vm, connection in zip(self.vms, self.connections):
            assert vm.alive, vm.stderr.text
            text = f"{vm.name} {time.monotonic()}".encode()
            connection.sendall(text)
            assert connection.recv(100) == text
        assert self.reachable() >= {vm.address for vm in self.vms}
        assert self.lab.laptop.netns.sysctl(FORWARDING) == str(int(self.path == "routed"))

    def reachable(self) -> set[str]:
        """The addresses that the host leads to a tap."""
        laptop = self.lab.laptop.netns
        if self.path == "routed":
            return {line.split()[0] for line in laptop.ip("neigh show proxy").splitlines()}
        found = laptop.nft_json("list", "map", "netdev", "vmrun-wlan0", "tap_by_ip4")[0]["map"]
        return {address for address, _ in found["elem"]}

    def talk(self) -> Talk:
        """Messages on all connections."""
        return Talk(self.connections)

    def lost(self) -> int:
        """TCP segments that were lost so far, both ways."""
        return lost_segments(self.lab.phone.netns) + lost_segments(self._stacks.netns)

    def pings(self) -> Pings:
        """Requests to all of them."""
        return Pings(self.lab, [vm.address for vm in self.vms])


def longest(pings: Pings, what: str) -> float:
    """The longest gap."""
    gaps = sorted(pings.gaps().values())
    print(f"\n{what}: the longest time without an answer: {gaps[-1] * 1000:.0f} ms, "
          f"the median of {len(gaps)} VMs' {gaps[len(gaps) // 2] * 1000:.0f} ms")
    return gaps[-1]


@pytest.fixture
def crowd(lab: Lab, data_path: str) -> Iterator[Crowd]:
    """VMs of a user whom the policy permits the installed service."""
    me = lab.add_user()
    lab.set_policy(f"allow user {me.uid} vms {MANY}\n")
    with Manager(lab, me.gid) as manager:
        try:
            with ExitStack() as closing:
                yield Crowd(lab, manager, me, data_path, closing)
        finally:
            lab.reset()
        deadline = time.monotonic() + 2  # vmrun does not wait for the service to undo the last one
        while sorted(manager.stored) != ["listen"]:
            assert time.monotonic() < deadline, f"left: {manager.stored}"
            time.sleep(0.02)


def test_restart(lab: Lab, crowd: Crowd) -> None:
    """By `systemctl restart`, as after an update: nothing is undone in between."""
    before = lab.snapshot()
    assert crowd.stored() == MANY
    lost = crowd.lost()
    with crowd.talk() as talk, crowd.pings() as pings:
        for _ in range(3):
            crowd.manager.end(signal.SIGTERM)
            crowd.manager.start()
    assert longest(pings, "SIGTERM") < 0.2
    assert not talk.wrong and crowd.lost() == lost
    crowd.check()
    # The state file has the VMs in another order, and the kernel is asked about each anew.
    deadline = time.monotonic() + 10
    while changes := [line for line in before.diff(lab.snapshot()) if "/state: " not in line]:
        assert time.monotonic() < deadline, changes
        time.sleep(0.1)
    assert crowd.stored() == MANY
    assert not any(ENDED in vm.stderr.text for vm in crowd.vms), "their connections go on"


def test_kill(lab: Lab, crowd: Crowd) -> None:
    """The next one makes whole what is missing, here because it was taken away meanwhile. From the
    table nobody can take anything."""
    lost = crowd.lost()
    with crowd.talk() as talk, crowd.pings() as pings:
        crowd.manager.end(signal.SIGKILL)
        if crowd.path == "routed":
            lab.laptop.netns.sysctls({FORWARDING: "0"})
            lab.laptop.netns.ip_batch([f"neigh del proxy {vm.address} dev wlan0"
                                       for vm in crowd.vms])
        time.sleep(RESTART)
        crowd.manager.start()
    gap = longest(pings, "SIGKILL")
    assert 0 < gap < 1 if crowd.path == "routed" else gap < 0.2 and crowd.lost() == lost
    assert not talk.wrong
    crowd.check()
    assert crowd.stored() == MANY


def test_stop_and_start(lab: Lab, crowd: Crowd) -> None:
    """By `systemctl stop` the connections are lost; each vmrun connects again and keeps its tap."""
    taps = [(vm.tap, lab.laptop.netns.ip_json(f"link show dev {vm.tap}")[0]["ifindex"])
            for vm in crowd.vms]
    with crowd.talk() as talk, crowd.pings() as pings:
        crowd.manager.end(signal.SIGTERM)
        crowd.manager.forget()
        crowd.manager.start()
        for vm in crowd.vms:
            vm.wait_stderr("vmrun-netsetup ended; it serves again")
    assert longest(pings, "stop") < 1
    assert not talk.wrong
    crowd.check()
    assert taps == [(vm.tap, lab.laptop.netns.ip_json(f"link show dev {vm.tap}")[0]["ifindex"])
                    for vm in crowd.vms]
    assert crowd.stored() == MANY


def test_vms_that_end_while_no_service_runs(lab: Lab, crowd: Crowd) -> None:
    """The next service reads the end of their connections, and undoes what they had."""
    crowd.manager.end(signal.SIGKILL)
    gone, crowd.vms = crowd.vms[:5], crowd.vms[5:]
    crowd.connections = crowd.connections[5:]
    for vm in gone:
        vm.signal(signal.SIGKILL)
        vm.wait()
    crowd.manager.start()
    deadline = time.monotonic() + 1
    while any(vm.address in crowd.reachable() for vm in gone):
        assert time.monotonic() < deadline
    assert not any(vm.tap in lab.laptop.netns.ip("link show") for vm in gone)
    crowd.check()
    assert crowd.stored() == MANY - len(gone)
