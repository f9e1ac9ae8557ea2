# SPDX-License-Identifier: GPL-2.0-or-later
"""Many VMs of two users share an uplink and a service, start at one moment and end in any order."""

import random
import re
import signal
import time
from pathlib import Path

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
    """That many VMs, started at one moment, in turn by root and by a user with sudo(8); names
    repeat."""
    me = lab.add_user()
    vms = [lab.start_vm(standing_in(f"vm{i // 2}", FOREVER, network={}), wait=False,
                        **({"user": me, "sudo": True} if i % 2 else {})) for i in range(count)]
    for vm in vms:
        vm.wait_ready(120)
    return vms


def end(vm: Vm, number: int) -> None:
    """By a signal to vmrun, and wait until its QEMU is gone; the service may have other VMs."""
    stand_ins = [each for each in vm.family() if each.name == "standin"]
    vm.signal(number)
    vm.wait()
    assert all(each.wait_gone(5) for each in stand_ins)


def wait_unreachable(lab: Lab, vm: Vm, timeout: float = 5) -> None:
    """Its proxy entry goes within @timeout."""
    deadline = time.monotonic() + timeout
    while f"{vm.address} " in lab.laptop.netns.ip("neigh show proxy"):
        assert time.monotonic() < deadline, vm.address
        time.sleep(0.01)


def rss(vm: Vm) -> dict[str, int]:
    """The kilobytes of each process of vmrun-netsetup."""
    found = {}
    for name in ("supervisor", "netsetup", "worker"):
        text = Path(f"/proc/{getattr(vm, name).pid}/smaps_rollup").read_text(encoding="ascii")
        found[name] = int(re.search(r"^Rss:\s+(\d+) kB", text, re.MULTILINE)[1])
    return found


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
    assert len(vms[0].services()) == 4, "a supervisor, a service, a maker, a worker"
    print(f"{MANY} VMs on the LAN after {took:.1f} s; kB: {rss(vms[0])}; "
          f"{len(vms[0].netsetup.descriptors)} descriptors")
    for vm in vms:
        assert set(lab.phone.arp_request(vm.address)) == {lab.laptop.mac}, vm.address

    order = random.Random(50).sample(vms, MANY)
    for i, vm in enumerate(order[:-1]):
        assert shared(lab) == ("1", "0"), f"{MANY - i} VMs still need them"
        if i % 10 == 0:  # the next one serves all others, and undoes this one's
            last_service = vm.netsetup
            last_service.signal(signal.SIGKILL)
            assert last_service.wait_gone(1)
        if i % 7 == 0:
            vm.child("standin").signal(signal.SIGKILL)
        end(vm, signal.SIGKILL if i % 3 == 0 or i % 7 == 0 else signal.SIGTERM)
        wait_unreachable(lab, vm)
        if i % 10 == 0:
            for other in order[i + 1:]:
                assert lab.phone.arp_request(other.address), other.address
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


def test_services_that_start_and_end_at_the_same_time(lab: Lab) -> None:
    """No VM stays: several start the service, one of them serves, and ends while others connect."""
    me = lab.add_user()
    for turn in range(10):
        vms = [lab.start_vm(standing_in(f"short{i}", 1), wait=False,
                            **({"user": me, "sudo": True} if i % 2 else {})) for i in range(8)]
        for vm in vms:
            assert vm.wait(30) == 0, f"turn {turn}: {vm.stderr.text}"
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
        services = [first.netsetup, second.netsetup]
        assert services[0] != services[1] and first.address == second.address
        assert len(list((one.run_dir / "vmrun").iterdir())) == 2
        assert shared(one) == shared(two) == ("1", "0")
        for vm in (first, second):
            if vm is second:
                vm.netsetup.signal(signal.SIGKILL)
                assert services[1].wait_gone(1) and second.netsetup != services[1]
                end(vm, signal.SIGKILL)
                wait_shared(two, ("0", "80"))
            else:
                family = [vm.supervisor, *vm.services(), vm.child("standin")]
                vm.signal(signal.SIGSTOP)
                for each in family:
                    each.signal(signal.SIGKILL)
                end(vm, signal.SIGKILL)
                assert shared(one) == ("1", "0")
                assert one.vmrun("clean").returncode == 0
                assert shared(one) == ("0", "80")
                assert shared(two) == ("1", "0")
                assert two.phone.arp_request(second.address)
                assert second.netsetup == services[1]
        two.vmrun("clean", env=theirs)
        assert [lab.snapshot().diff(was) for lab, was in zip((one, two), before)] == [[], []]
