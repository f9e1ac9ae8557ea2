# SPDX-License-Identifier: GPL-2.0-or-later
"""Many VMs share an uplink and a directory of leases, start at one moment and end in any order."""

import random
import signal
import time

import pytest

from fault import standing_in
from lab import Lab
from vm import Vm

pytestmark = pytest.mark.usefixtures("vmrun")

MANY = 50
FORWARDING = "net/ipv4/conf/wlan0/forwarding"
PROXY_DELAY = "net/ipv4/neigh/wlan0/proxy_delay"
FOREVER = 10 ** 8


def shared(lab: Lab) -> tuple[str, str]:
    """The values of the uplink that all VMs share."""
    return lab.laptop.netns.sysctl(FORWARDING), lab.laptop.netns.sysctl(PROXY_DELAY)


def crowd(lab: Lab, count: int) -> list[Vm]:
    """That many VMs, started at one moment."""
    vms = [lab.start_vm(standing_in(f"vm{i}", FOREVER, network={}), wait=False)
           for i in range(count)]
    for vm in vms:
        vm.wait_ready(60)
    return vms


def end(vm: Vm, number: int) -> None:
    """By a signal to vmrun, and wait until nothing of it runs."""
    family = vm.family()
    vm.signal(number)
    vm.wait()
    assert all(each.wait_gone(5) for each in family)


def wait_shared(lab: Lab, wanted: tuple[str, str], timeout: float = 1) -> None:
    """The values become these within @timeout."""
    deadline = time.monotonic() + timeout
    while shared(lab) != wanted and time.monotonic() < deadline:
        time.sleep(0.01)
    assert shared(lab) == wanted


def test_fifty_at_once(lab: Lab) -> None:
    """Probes and all: no two have one address, each is reachable, the last one out restores."""
    assert shared(lab) == ("0", "80")
    began = time.monotonic()
    vms = crowd(lab, MANY)
    took = time.monotonic() - began
    addresses = {vm.address for vm in vms}
    assert len(addresses) == MANY and len({vm.tap for vm in vms}) == MANY
    print(f"{MANY} VMs on the LAN after {took:.1f} s")
    for vm in vms:
        assert set(lab.phone.arp_request(vm.address)) == {lab.laptop.mac}, vm.address

    order = random.Random(50).sample(vms, MANY)
    for i, vm in enumerate(order[:-1]):
        assert shared(lab) == ("1", "0"), f"{MANY - i} VMs still need them"
        if i % 5 == 0:
            vm.netsetup.signal(signal.SIGKILL)  # another takes over
        if i % 7 == 0:  # all of it, nobody is left to undo anything
            for each in (vm.netsetup, vm.child("standin")):
                each.signal(signal.SIGKILL)
        end(vm, signal.SIGKILL if i % 3 == 0 or i % 7 == 0 else signal.SIGTERM)
    last = order[-1]
    assert shared(lab) == ("1", "0")
    assert lab.phone.arp_request(last.address)
    end(last, signal.SIGTERM)
    wait_shared(lab, ("0", "80"))
    assert not (lab.run_dir / "vmrun").exists()


def test_a_value_that_somebody_chose_stays(lab: Lab) -> None:
    """Also when several VMs have set it since, and some of them were killed."""
    vms = crowd(lab, 3)
    lab.laptop.netns.sysctls({PROXY_DELAY: "40"})
    time.sleep(0.2)
    for vm in vms[:2]:
        end(vm, signal.SIGKILL)
    end(vms[2], signal.SIGTERM)
    wait_shared(lab, ("0", "40"))
    lab.laptop.netns.sysctls({PROXY_DELAY: "80"})


def test_start_and_end_again_and_again(lab: Lab) -> None:
    """Those that come and those that go at the same time do not undo each other's."""
    stays = crowd(lab, 1)[0]
    for turn in range(3):
        vms = [lab.start_vm(standing_in(f"short{i}", 20 * i + 1, network={"probe": "none"}),
                            wait=False) for i in range(8)]
        for vm in vms:
            assert vm.wait(30) == 0, f"turn {turn}: {vm.stderr.text}"
        assert shared(lab) == ("1", "0")
        assert lab.phone.arp_request(stays.address)
    end(stays, signal.SIGTERM)
    wait_shared(lab, ("0", "80"))


def test_two_runs_of_one_definition_at_one_moment(lab: Lab) -> None:
    """One is refused, and told the other's pid; its address too, once it has one."""
    definition = standing_in("one", FOREVER)
    vms = [lab.start_vm(definition, wait=False) for _ in range(6)]
    deadline = time.monotonic() + 20
    while sum(vm.alive for vm in vms) > 1 and time.monotonic() < deadline:
        time.sleep(0.05)
    winner = next(vm for vm in vms if vm.alive)
    winner.wait_ready()
    for vm in vms:
        if vm is not winner:
            assert vm.wait() == 1
            assert f"VM 'one' is already running: pid {winner.pid}, " in vm.stderr.text
    assert winner.alive and lab.phone.arp_request(winner.address)
    late = lab.start_vm(definition, wait=False)
    assert late.wait() == 1
    assert f"VM 'one' is already running: pid {winner.pid}, {winner.address}" in late.stderr.text
    end(winner, signal.SIGTERM)


def test_uplinks_of_one_name_in_two_namespaces() -> None:
    """They share /run, as namespaces of one machine do, and nothing else."""
    with Lab() as one, Lab() as two:
        two.laptop.netns.run_dir = one.run_dir
        before = one.snapshot(), two.snapshot()
        first = one.start_vm(standing_in("same", FOREVER))
        theirs = {"XDG_RUNTIME_DIR": str(two.directory / "home-0")}
        second = two.start_vm(standing_in("same", FOREVER), env=theirs)
        assert len(list((one.run_dir / "vmrun").iterdir())) == 2
        assert shared(one) == shared(two) == ("1", "0")
        for vm in (first, second):
            for each in (vm.netsetup, vm.child("standin")):
                each.signal(signal.SIGKILL)
            if vm is first:
                end(vm, signal.SIGKILL)
                assert one.vmrun("clean").returncode == 0
                assert shared(one) == ("0", "80")
                assert shared(two) == ("1", "0")
                assert two.phone.arp_request(second.address)
            else:
                vm.wait()
        two.vmrun("clean", env=theirs)
        assert [lab.snapshot().diff(was) for lab, was in zip((one, two), before)] == [[], []]
