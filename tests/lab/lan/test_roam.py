# SPDX-License-Identifier: GPL-2.0-or-later
"""The laptop is carried to another network: the VM goes along, and comes back."""

import re
import time

import pytest

from guests import boot, paused, reach, tiny
from lab import LAPTOP_MAC, Lab
from stream import Echoes, Pings, arp_answered

pytestmark = pytest.mark.usefixtures("vmrun")

DHCP = {"configure": ["dhcp"]}
CMDLINE = {"configure": ["cmdline"]}


@pytest.mark.both_paths
def test_dhcp_guest_roams_and_returns(lab: Lab) -> None:
    """Another subnet: another address, without a restart; at home again: the old one."""
    vm, guest = boot(lab, tiny(network=DHCP))
    home, old, booted = lab.lan, vm.address, guest.sh("cat /proc/sys/kernel/random/boot_id")
    other = lab.second_lan()
    with lab.phone.capture(f"arp and host {old}") as at_home:
        began = time.monotonic()
        lab.laptop.roam(other)
        arrived = time.monotonic()
        moved = vm.wait_stderr(rf"^vmrun: tiny: moved: {re.escape(old)} on wlan0 -> "
                               r"(192\.168\.88\.\d+) on wlan0$")
        ready, new = time.monotonic(), moved[1]
        with Pings(other.phone, new) as pings:
            reached = pings.answered(began, 20)
    print(f"roamed: {old} -> {new}, published {ready - arrived:.2f} s and reachable "
          f"{reached - arrived:.2f} s after the host's address")
    assert reached - arrived < 10
    assert not [line for line in at_home.lines if LAPTOP_MAC in line], "nothing is said back home"
    vm.address = new
    guest = reach(vm, other.phone)
    assert guest.sh("cat /proc/sys/kernel/random/boot_id") == booted, "no restart"
    assert guest.sh("ip route show default").split()[2] == other.gateway
    assert guest.sh("cat /etc/resolv.conf").splitlines()[0] == f"nameserver {other.gateway}"
    assert guest.reads("http://www.lab.test/") == f"server beyond\nclient {new}\n"
    assert list(other.seen()) == [LAPTOP_MAC]
    assert not lab.laptop.netns.ip(f"route show {old}/32"), "no route to the old address is left"

    lab.laptop.roam(home)
    arrived = time.monotonic()
    vm.wait_stderr(rf"moved: {re.escape(new)} on wlan0 -> {re.escape(old)} on wlan0$")
    with Pings(lab.phone, old) as pings:
        reached = pings.answered(arrived, 20)
    print(f"back: {new} -> {old}, reachable after {reached - arrived:.2f} s")
    vm.address = old
    assert reach(vm, lab.phone).sh("cat /proc/sys/kernel/random/boot_id") == booted


@pytest.mark.both_paths
def test_static_guest_waits_for_its_network(lab: Lab) -> None:
    """Told on the kernel's command line alone, and told so plainly."""
    vm, guest = boot(lab, tiny(network=CMDLINE))
    home, other = lab.lan, lab.second_lan()
    changes = guest.sh("cat /sys/class/net/$(cat /run/nic)/carrier_changes")
    stream = Echoes(lab.phone, vm.address)
    with stream:
        assert stream.answered(time.monotonic())
        lab.laptop.roam(other)
        vm.wait_stderr(rf"^vmrun: tiny: off the LAN: the guest's address {vm.address} is fixed, "
                       r"and 'wlan0' is in 192\.168\.88\.0/24 now; it works again in its own "
                       r"network$")
        assert not other.phone.arp_request(vm.address, timeout=0.3)
        proxies = lab.laptop.netns.ip_json("neigh show proxy")
        assert not proxies, "nothing is published there"
        lab.laptop.roam(home)
        back = time.monotonic()
        vm.wait_stderr(rf"^vmrun: tiny: on the LAN again: {vm.address} on wlan0$")
        answered = stream.answered(back, 20)
        print(f"its old connection went on {answered - back:.2f} s after the return")
        assert not stream.broken
    assert guest.pings(lab.phone.address)
    # It is told nothing of other networks' gateways, and nobody in it asks for a new address.
    assert "the gateway is" not in vm.stderr.text
    assert guest.sh("cat /sys/class/net/$(cat /run/nic)/carrier_changes") == changes


def test_guest_told_by_both_follows_once_it_asks(lab: Lab) -> None:
    """`configure: auto` with a kernel: on the command line, and by DHCP to a guest that asks. This
    one takes what it was told and never asks, so it is as a static one."""
    vm, _ = boot(lab, tiny())
    lab.laptop.roam(lab.second_lan())
    vm.wait_stderr(rf"off the LAN: the guest's address {vm.address} is fixed")


@pytest.mark.both_paths
def test_no_network_for_a_while(lab: Lab) -> None:
    """Out of every network's reach, then at home again: told once each, and the address stays."""
    vm, guest = boot(lab, tiny(network=DHCP))
    lab.laptop.disconnect()
    vm.wait_stderr(r"^vmrun: tiny: off the LAN: no usable uplink$")
    lab.laptop.connect()
    vm.wait_stderr(rf"^vmrun: tiny: on the LAN again: {vm.address} on wlan0$")
    assert guest.sh("echo alive") == "alive"
    assert vm.stderr.text.count("off the LAN") == vm.stderr.text.count("on the LAN again") == 1
    assert lab.phone.arp_request(vm.address).keys() == {LAPTOP_MAC}


# Networks that have the same numbers


def twin(lab: Lab):
    """Another network with the first one's numbers: its router and its phone have the same
    addresses, but are other machines."""
    return lab.second_lan(str(lab.lan.network))


@pytest.mark.both_paths
def test_same_numbers_and_the_address_is_taken(lab: Lab) -> None:
    """Somebody there has the guest's address: it is proven again before it is used, and another
    is allocated. That somebody's neighbours are told nothing wrong. At home the guest has its own
    address again, and at the next start too: the router shows which network it is."""
    vm, _ = boot(lab, tiny(network=DHCP))
    assert lab.laptop.ping_once(lab.lan.gateway), "so that the laptop knows its router"
    lab.laptop.netns.ip("route add 10.9.0.0/16 dev wlan0")  # an event: netsetup sees it too
    lab.laptop.netns.ip("route del 10.9.0.0/16 dev wlan0")
    old, home, other = vm.address, lab.lan, twin(lab)
    owner = lab.squat(old, lan=other)
    assert other.phone.ping(old) and other.phone.neighbour(old) == owner.mac
    lab.laptop.roam(other, lab.laptop.cidr)
    moved = vm.wait_stderr(rf"moved: {re.escape(old)} on wlan0 -> (\S+) on wlan0$")
    assert moved[1] != old
    assert other.phone.neighbour(old) == owner.mac
    assert list(other.phone.arp_request(old, first=False)) == [owner.mac]
    assert moved[1] in other.phone.http_get(moved[1], timeout=15)
    lab.laptop.roam(home, lab.laptop.cidr)
    vm.wait_stderr(rf"moved: {re.escape(moved[1])} on wlan0 -> {re.escape(old)} on wlan0$")
    assert old in lab.phone.http_get(old, timeout=15)
    vm.quit()
    lab.laptop.roam(other, lab.laptop.cidr)
    vm = lab.start_vm(paused("tiny", network=DHCP))
    assert vm.address == moved[1], "its address in the other network"
    vm.quit()
    lab.laptop.roam(home, lab.laptop.cidr)
    assert lab.start_vm(paused("tiny", network=DHCP)).address == old, "its address at home"


@pytest.mark.both_paths
def test_same_numbers_and_a_static_guest(lab: Lab) -> None:
    """It cannot be told another address, so it waits: the owner is not disturbed. The laptop speaks
    with the owner there, and with the guest at home."""
    vm, _ = boot(lab, tiny(network=CMDLINE))
    assert lab.laptop.ping_once(lab.lan.gateway)
    lab.laptop.netns.ip("route add 10.9.0.0/16 dev wlan0")
    lab.laptop.netns.ip("route del 10.9.0.0/16 dev wlan0")
    home, other = lab.lan, twin(lab)
    owner = lab.squat(vm.address, lan=other)
    lab.laptop.roam(other, lab.laptop.cidr)
    vm.wait_stderr(rf"off the LAN: address {vm.address} is in use by {owner.mac} on 'wlan0'")
    assert list(other.phone.arp_request(vm.address, first=False)) == [owner.mac]
    owner.serve_http(label="owner")
    assert "owner" in lab.laptop.http_get(vm.address, timeout=10)
    lab.laptop.roam(home, lab.laptop.cidr)
    vm.wait_stderr(rf"on the LAN again: {vm.address} on wlan0")
    assert lab.phone.http_get(vm.address, timeout=10)
    assert "owner" not in lab.laptop.http_get(vm.address, timeout=10)


def test_same_numbers_and_the_address_is_free(lab: Lab) -> None:
    """Proven free there: it stays, and no connection but those to the old network is lost."""
    vm, _ = boot(lab, tiny(network=DHCP))
    assert lab.laptop.ping_once(lab.lan.gateway)
    lab.laptop.netns.ip("route add 10.9.0.0/16 dev wlan0")
    lab.laptop.netns.ip("route del 10.9.0.0/16 dev wlan0")
    other = twin(lab)
    with other.phone.capture("arp") as seen:
        lab.laptop.roam(other, lab.laptop.cidr)
        assert arp_answered(other.phone, vm.address, LAPTOP_MAC)
        probes = [line for line in seen.lines if re.search(
            rf"{LAPTOP_MAC} > .*who-has {vm.address} .*tell 0\.0\.0\.0", line)]
    assert len(probes) == 3, "proven again"
    assert vm.address in other.phone.http_get(vm.address, timeout=15)


@pytest.mark.both_paths
def test_host_gets_the_guests_address(lab: Lab) -> None:
    """The router gives this very host the address that its guest has: the guest moves, or waits."""
    vm, _ = boot(lab, tiny(network=DHCP))
    old = vm.address
    lab.laptop.set_address(lab.lan.cidr(old))
    moved = vm.wait_stderr(rf"moved: {re.escape(old)} on wlan0 -> (\S+) on wlan0")
    assert moved[1] in lab.phone.http_get(moved[1], timeout=15)
    vm.quit()
    lab.laptop.set_address(lab.lan.cidr(lab.lan.host(1)))
    vm = lab.start_vm(paused("fixed", network=CMDLINE))
    lab.laptop.set_address(lab.lan.cidr(vm.address))
    vm.wait_stderr(rf"off the LAN: the guest's address {vm.address} is fixed, and this host has it")
    lab.laptop.set_address(lab.lan.cidr(lab.lan.host(1)))
    vm.wait_stderr(rf"on the LAN again: {vm.address} on wlan0")


# The host's own address changes


@pytest.mark.both_paths
def test_hosts_address_changes_unnoticed(lab: Lab) -> None:
    """Within the subnet, with the router as the guest's gateway: no connection notices."""
    vm, guest = boot(lab, tiny(network=DHCP))
    with Echoes(lab.phone, vm.address) as stream:
        assert stream.answered(time.monotonic())
        began = time.monotonic()
        for last in (40, 41, 1):
            lab.laptop.lose_address()
            time.sleep(0.1)
            lab.laptop.set_address(lab.lan.cidr(lab.lan.host(last)))
            assert stream.answered(time.monotonic())
        print(f"longest pause {stream.outage(began, time.monotonic()) * 1000:.0f} ms")
        assert not stream.broken
    assert guest.sh("cat /sys/class/net/$(cat /run/nic)/carrier_changes") in ("0", "1", "2")
    assert "moved" not in vm.stderr.text
    assert "off the LAN" not in vm.stderr.text, "a moment without an address is no news"


def test_host_as_gateway_changes(lab: Lab) -> None:
    """With `gateway: host` the guest must be told, and is: by DHCP, at once."""
    vm, guest = boot(lab, tiny(network=DHCP | {"gateway": "host"}))
    assert guest.sh("ip route show default").split()[2] == lab.laptop.address
    lab.laptop.set_address(lab.lan.cidr(lab.lan.host(40)))
    deadline = time.monotonic() + 20
    while guest.sh("ip route show default", timeout=10).split()[2:3] != ["192.168.77.41"]:
        assert time.monotonic() < deadline, guest.sh("ip route")
        time.sleep(0.2)
    assert guest.reads("http://www.lab.test/") == f"server beyond\nclient {vm.address}\n"


def test_host_as_gateway_of_a_static_guest(lab: Lab) -> None:
    """One that cannot be told keeps the old gateway, and the user is told."""
    vm = lab.start_vm(paused(network=CMDLINE | {"gateway": "host"}))
    old = lab.laptop.address
    lab.laptop.set_address(lab.lan.cidr(lab.lan.host(40)))
    vm.wait_stderr(rf"^vmrun: tiny: the gateway is 192\.168\.77\.41 now, no longer {old}")
