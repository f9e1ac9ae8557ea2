# SPDX-License-Identifier: GPL-2.0-or-later
"""Which address the VM gets: one of the uplink's subnet that nobody uses, and the same again."""

import threading
import time
from ipaddress import IPv4Address, IPv4Network

import pytest

from guests import boot, paused, refused
from lab import LAPTOP_MAC, Lab

pytestmark = pytest.mark.usefixtures("vmrun")


def preferred(lab: Lab, **keys: object) -> str:
    """The address that the VM would have; a dry run changes nothing and is not remembered."""
    vm = lab.start_vm(paused(**keys), ["--dry-run"], wait=False)
    route = vm.wait_console(r"^ip route add (\S+)/32", 10)[1]
    assert vm.wait(5) == 0
    return route


def run_once(lab: Lab, *options: str, **keys: object) -> str:
    """Start the VM, end it, and return the address it had."""
    vm = lab.start_vm(paused(**keys), options)
    vm.quit()
    return vm.address


def test_same_address_every_time(lab: Lab) -> None:
    """Derived from the VM and the subnet; once used, it is remembered, even against its choice."""
    first = preferred(lab)
    assert IPv4Address(first) in lab.lan.network
    squatter = lab.squat(first)
    second = run_once(lab)
    assert second != first
    assert run_once(lab) == second
    squatter.add_addresses([lab.lan.cidr(second)])
    third = run_once(lab)
    assert third not in (first, second)
    squatter.netns.ip(f"addr flush dev {squatter.interface}")
    assert run_once(lab) == third, "both others are free again"
    assert run_once(lab, name="other") != third


@pytest.mark.parametrize("what, message", [
    ("route add {}/32 dev lo", "already has a route of another program, through 'lo'"),
    ("route add blackhole {}/32", "already has a route of another program, through 'wlan0'"),
    ("neigh add proxy {} dev wlan0", "already has a proxy entry of another program, on 'wlan0'")],
    ids=["route", "blackhole", "proxy"])
def test_what_others_have_made(lab: Lab, what: str, message: str) -> None:
    """An address that the host has something for is no VM's, neither by choice nor by wish."""
    netns, first = lab.laptop.netns, preferred(lab)
    netns.ip(what.format(first))
    assert preferred(lab) != first
    assert run_once(lab) != first
    status, said = refused(lab, paused(), ["--address", first])
    assert status == 5
    assert f"address {first} {message}\nchoose another, or: sudo ip " in said
    netns.ip(what.format(first).replace(" add ", " delete ", 1))
    assert run_once(lab, "--address", first) == first


def test_squatter_is_left_alone(lab: Lab) -> None:
    taken = preferred(lab)
    squatter = lab.squat(taken)
    assert lab.phone.ping(taken)
    with lab.phone.capture("arp") as seen:
        vm, _ = boot(lab)
        assert lab.phone.ping(vm.address)
    assert vm.address != taken
    claims = [line for line in seen.lines if LAPTOP_MAC in line.split(" > ")[0]
              and f"tell {taken}" in line or f"{taken} is-at {LAPTOP_MAC}" in line]
    assert claims == []
    lab.phone.forget(taken)
    assert list(lab.phone.arp_request(taken, timeout=0.3, first=False)) == [squatter.mac]
    assert lab.phone.ping(taken)


def test_phone_that_uses_the_address(lab: Lab) -> None:
    taken = preferred(lab)
    lab.phone.add_addresses([lab.lan.cidr(taken)])
    assert run_once(lab) != taken


def test_phone_that_probes_for_the_address(lab: Lab) -> None:
    """RFC 5227 section 2.1.1: who sees another's probe for the same address must not take it."""
    wanted, over = preferred(lab), threading.Event()

    def probe() -> None:
        while not over.is_set():
            lab.phone.arp_probe(wanted, timeout=0.05)

    prober = threading.Thread(target=probe)
    prober.start()
    try:
        assert run_once(lab) != wanted
    finally:
        over.set()
        prober.join()


def test_address_is_defended(lab: Lab) -> None:
    """A phone that asks for it before it uses it is told, for as long as the VM is there."""
    vm = lab.start_vm(paused())
    answers = lab.phone.arp_probe(vm.address)
    assert list(answers) == [LAPTOP_MAC] and answers[LAPTOP_MAC] < 0.1
    vm.quit()
    assert lab.phone.arp_probe(vm.address, timeout=0.3) == {}


def test_full_subnet(lab: Lab) -> None:
    lab.squat_on_all()
    began = time.monotonic()
    status, said = refused(lab, paused())
    assert status == 5 and time.monotonic() - began < 15
    assert "no free address in 192.168.77.0/24 on 'wlan0'" in said
    print(f"{time.monotonic() - began:.1f} s until {said}")


def test_last_free_address(lab: Lab) -> None:
    lab.squat_on_all(free=["192.168.77.201"])
    assert run_once(lab) == "192.168.77.201"


@pytest.mark.lab(subnet="192.168.77.0/29")
def test_small_subnet_with_one_free(lab: Lab) -> None:
    lab.squat_on_all(free=["192.168.77.5"])
    assert run_once(lab) == "192.168.77.5"


@pytest.mark.lab(subnet="192.168.77.0/30")
def test_subnet_of_router_and_laptop(lab: Lab) -> None:
    status, said = refused(lab, paused())
    assert status == 5 and "no free address in 192.168.77.0/30" in said


@pytest.mark.lab(subnet="10.20.0.0/30", laptop="10.20.0.1")
def test_smallest_subnet_with_a_router_elsewhere(lab: Lab) -> None:
    """A /30 whose only other address is free, since the way out is another's."""
    lab.router.netns.ip("addr flush dev lan")
    lab.laptop.remove_default_route()
    vm = lab.start_vm(paused(), ["--uplink=wlan0"])
    assert (vm.address, vm.prefix, vm.gateway) == ("10.20.0.2", "30", "none")


@pytest.mark.lab(subnet="10.9.0.0/16")
def test_large_subnet(lab: Lab) -> None:
    vm, guest = boot(lab)
    assert vm.prefix == "16" and IPv4Address(vm.address) in IPv4Network("10.9.0.0/16")
    assert guest.sh("ip -4 addr show dev $(cat /run/nic)").split()[-1] != "lo"
    assert f"{vm.address}/16" in guest.sh("ip addr")
    assert guest.reads("http://www.lab.test/").endswith(f"client {vm.address}\n")


def test_range(lab: Lab) -> None:
    inside = {"range": "192.168.77.200-192.168.77.202"}
    assert run_once(lab, network=inside) in [f"192.168.77.{n}" for n in (200, 201, 202)]
    lab.squat("192.168.77.200", "192.168.77.201", "192.168.77.202")
    status, said = refused(lab, paused(network=inside))
    assert status == 5
    assert "no free address from 192.168.77.200 to 192.168.77.202" in said
    status, said = refused(lab, paused(network={"range": "10.1.1.1-10.1.1.9"}))
    assert status == 5 and "range 10.1.1.1-10.1.1.9 has no host's address" in said


def test_fixed_address(lab: Lab) -> None:
    assert run_once(lab, network={"address": "192.168.77.77"}) == "192.168.77.77"
    assert run_once(lab, "--address=192.168.77.78") == "192.168.77.78"
    squatter = lab.squat("192.168.77.77")
    for address, reason in {
            "192.168.77.77": f"address 192.168.77.77 is in use by {squatter.mac} on 'wlan0'",
            lab.phone.address: f"address 192.168.77.20 is in use by {lab.phone.mac} on 'wlan0'",
            lab.laptop.address: "address 192.168.77.2 is this host's",
            lab.lan.gateway: "address 192.168.77.1 is the router's",
            "192.168.78.5": "address 192.168.78.5 is not a host's address in 192.168.77.0/24",
            "192.168.77.255": "address 192.168.77.255 is not a host's address in 192.168.77.0/24",
    }.items():
        status, said = refused(lab, paused(), [f"--address={address}"])
        assert status == 5 and f"vmrun: {reason}" in said


def test_fixed_address_of_another_vm(lab: Lab) -> None:
    first = lab.start_vm(paused("first"))
    status, said = refused(lab, paused("second"), [f"--address={first.address}"])
    assert status == 5
    assert f"address {first.address} is in use by another VM of this host" in said
    assert lab.start_vm(paused("third"), ["--set=network.range="
                        f"{first.address}-{IPv4Address(first.address) + 1}"]).address == str(
                            IPv4Address(first.address) + 1)


def test_without_probing(lab: Lab) -> None:
    """`probe: none` asks nobody: the address is taken at once, for networks that forbid it."""
    with lab.phone.capture("arp") as seen:
        address = run_once(lab, network={"probe": "none"})
        seen.wait_for(f"who-has {address} .*tell {address}")
    assert not [line for line in seen.lines if "tell 0.0.0.0" in line]
    with lab.phone.capture("arp") as seen:
        assert run_once(lab, network={"probe": "normal"}) == address
    assert len([line for line in seen.lines if f"who-has {address} tell 0.0.0.0" in line]) == 3
