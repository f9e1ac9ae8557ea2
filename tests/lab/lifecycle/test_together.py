# SPDX-License-Identifier: GPL-2.0-or-later
"""Several VMs at once, and values of the uplink that others have a say in."""

import signal
import time

import pytest

from guests import paused, reach, refused, tiny
from lab import Lab

pytestmark = pytest.mark.usefixtures("vmrun")

FORWARDING = "net/ipv4/conf/wlan0/forwarding"
PROXY_DELAY = "net/ipv4/neigh/wlan0/proxy_delay"


def shared(lab: Lab) -> tuple[str, str]:
    """The values of the uplink that all VMs share."""
    return lab.laptop.netns.sysctl(FORWARDING), lab.laptop.netns.sysctl(PROXY_DELAY)


def test_second_run_is_refused(lab: Lab) -> None:
    first = lab.start_vm(paused())
    for how in ({}, {"options": ["--address=192.168.77.99"]}):
        status, said = refused(lab, first.file, **how)
        assert status == 1
        assert f"vmrun: VM 'tiny' is already running: pid {first.pid}, {first.address}" in said
        assert "stop it first (vmrun stop " in said
    assert first.alive and lab.phone.arp_request(first.address)
    first.quit()
    assert lab.start_vm(first.file).address == first.address


def test_two_users_may_have_a_vm_of_one_name(lab: Lab) -> None:
    """At the same time: names are a user's own, and so are taps. One service serves both."""
    me = lab.add_user()
    first = lab.start_vm(paused())
    second = lab.start_vm(paused(), user=me, sudo=True)
    assert first.address != second.address and first.tap != second.tap
    assert len(first.services()) == 4, "a supervisor, a service, its maker and its worker"
    for vm in (first, second):
        assert lab.phone.arp_request(vm.address)
    status, said = refused(lab, paused(), user=me, sudo=True)
    assert status == 1 and f"VM 'tiny' is already running: pid {second.pid}" in said
    first.quit()
    assert lab.phone.arp_request(second.address) and shared(lab) == ("1", "0")
    second.quit()


def test_service_outlives_who_started_it(lab: Lab) -> None:
    """A vmrun that ends, even by SIGKILL, takes no other VM along; its user gets a prompt."""
    first = lab.start_vm(paused("first"))
    second = lab.start_vm(paused("second"), user=lab.add_user(), sudo=True)
    service = first.netsetup
    began = time.monotonic()
    first.quit()
    assert time.monotonic() - began < 3
    assert second.netsetup == service
    assert lab.phone.arp_request(second.address) and not lab.phone.arp_request(first.address, 0.3)
    second.signal(signal.SIGKILL)
    second.wait()
    assert service.wait_gone(1) and shared(lab) == ("0", "80")


def test_start_while_the_last_one_ends(lab: Lab) -> None:
    """Those who have connected in the meantime are served, by the one that ends or by the next."""
    first = lab.start_vm(paused("first"))
    service = first.netsetup
    service.signal(signal.SIGSTOP)
    first.signal(signal.SIGKILL)
    first.wait()
    second = lab.start_vm(paused("second"), user=lab.add_user(), sudo=True, wait=False)
    time.sleep(0.5)
    service.signal(signal.SIGCONT)
    second.wait_ready()
    assert lab.phone.arp_request(second.address)
    assert not lab.phone.arp_request(first.address, 0.3)
    services = second.services()
    second.quit()
    assert all(each.wait_gone(1) for each in [service, *services]) and shared(lab) == ("0", "80")


def test_last_one_out_restores(lab: Lab) -> None:
    before = shared(lab)
    assert before == ("0", "80")
    first = lab.start_vm(paused("first"), ["--verbose"])
    second = lab.start_vm(tiny("second"))
    assert first.address != second.address and first.tap != second.tap
    assert shared(lab) == ("1", "0")
    reach(second, lab.phone)
    first.quit()
    assert shared(lab) == ("1", "0"), "the second still needs them"
    assert "forwarding=0" not in first.stderr.text, "not even for a moment"
    assert lab.phone.never_pings(first.address, 0.3)
    assert lab.phone.ping(second.address)
    third = lab.start_vm(paused("third"))
    second.stop()
    assert shared(lab) == ("1", "0")
    family = [*third.family(), *third.services()]
    third.signal(signal.SIGKILL)
    third.wait()
    assert all(each.wait_gone(1) for each in family)
    assert shared(lab) == before


def test_forwarding_that_was_on_stays_on(lab: Lab) -> None:
    """A laptop that routes anyway, as one with containers: nothing of it is ours to change."""
    lab.laptop.netns.sysctls({FORWARDING: "1", PROXY_DELAY: "0"})
    vm = lab.start_vm(paused(), ["--verbose"])
    assert shared(lab) == ("1", "0")
    vm.quit()
    assert shared(lab) == ("1", "0")
    assert "wlan0.forwarding" not in vm.stderr.text and "wlan0.proxy_delay" not in vm.stderr.text
    lab.laptop.netns.sysctls({FORWARDING: "0", PROXY_DELAY: "80"})


def test_value_that_somebody_else_changed_is_left(lab: Lab) -> None:
    vm = lab.start_vm(paused())
    lab.laptop.netns.sysctls({PROXY_DELAY: "40"})
    vm.quit()
    assert shared(lab) == ("0", "40")
    lab.laptop.netns.sysctls({PROXY_DELAY: "80"})


def test_entries_of_others_are_left(lab: Lab) -> None:
    """A proxy entry and a route that a person made stay as they are, whatever VMs come and go."""
    laptop = lab.laptop.netns
    laptop.ip_batch(["neigh add proxy 192.168.77.240 dev wlan0",
                     "link add veth0 type veth peer name veth1",
                     "link set veth0 up", "route add 192.168.77.240 dev veth0"])
    before = lab.snapshot()
    lab.start_vm(paused()).quit()
    assert before.diff(lab.snapshot()) == []
    laptop.ip_batch(["neigh del proxy 192.168.77.240 dev wlan0", "link del veth0"])
