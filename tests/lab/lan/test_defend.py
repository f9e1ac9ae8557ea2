# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's address is defended as a host defends its own: probes, announcements, conflicts."""

import os
import re
import time
from contextlib import closing
from pathlib import Path

import pytest

import arp
from conftest import need
from guests import boot, paused, tiny
from lab import LAPTOP_MAC, Lab
from station import Station
from stream import Pings
from vm import Vm

pytestmark = pytest.mark.usefixtures("vmrun")

LONG = bool(os.environ.get("VMRUN_TESTS_LONG"))
OTHER_MAC = "02:00:00:77:00:99"
CALM = 30  # seconds until a rival that is silent is forgotten


def claim(rival: Station, address: str, reply: bool = False) -> None:
    """Send the announcement of a machine that takes @address without a probe: arping's request or
    @reply."""
    rival.netns.run(["arping", "-A" if reply else "-U", "-c", "1", "-I", "lan", "-s", address,
                     address], check=False)


def make_rival(lab: Lab, address: str) -> Station:
    """A machine that says it has the guest's address; it has it, but answers no ARP for it."""
    rival = lab.squat("192.168.77.60")
    rival.netns.sysctls({"net/ipv4/conf/lan/arp_ignore": "8"})
    rival.netns.ip(f"addr add {address}/32 dev lan")
    return rival


def announcements(lines: list[str], address: str, mac: str = LAPTOP_MAC) -> list[float]:
    """When @mac announced @address, from a capture's lines."""
    wanted = re.compile(rf"^([0-9.]+) {mac} > .*who-has {re.escape(address)} "
                        rf"(?:\(.*\) )?tell {re.escape(address)}")
    return [float(match[1]) for match in map(wanted.match, lines) if match]


# Probes


@pytest.mark.both_paths
def test_probe_is_answered(lab: Lab) -> None:
    """arping -D is the check that Linux' own scripts make (RFC 5227 section 2.1.1)."""
    need("arping")
    vm = lab.start_vm(paused())
    assert list(lab.phone.arp_probe(vm.address)) == [LAPTOP_MAC]
    found = lab.phone.netns.run(["arping", "-D", "-c", "2", "-w", "2", "-I", "lan", vm.address],
                                check=False)
    assert found.returncode == 1 and LAPTOP_MAC in found.stdout.lower(), found.stdout
    free = lab.phone.netns.run(["arping", "-D", "-c", "1", "-w", "1", "-I", "lan",
                                "192.168.77.99"], check=False)
    assert free.returncode == 0, "nobody is there"
    # Another probe than arping's, of busybox: with 0.0.0.0 by hand.
    busy = lab.phone.netns.run(["busybox", "arping", "-D", "-c", "1", "-w", "1", "-I", "lan",
                                vm.address], check=False)
    assert "1 replies" in busy.stdout or LAPTOP_MAC in busy.stdout.lower(), busy.stdout
    vm.quit()
    assert not lab.phone.arp_probe(vm.address, timeout=0.3)


def test_dhcp_client_declines_the_address(lab: Lab) -> None:
    """The router's server, which pings nobody, offers a new station the guest's address: the
    station finds it taken, declines, and gets another."""
    vm = lab.start_vm(paused(network={"range": "192.168.77.100-192.168.77.100"}))
    assert vm.address == "192.168.77.100", "of the router's own range"
    new = lab.squat("192.168.77.61")
    new.netns.ip("addr flush dev lan")
    # A reservation would do as well: the server has this address for the newcomer's MAC.
    lab.lan.dnsmasq.reserve(new.mac, vm.address)
    script = Path(lab.directory, "newcomer.script")
    script.write_text('#!/bin/sh\n[ "$1" = bound ] && echo "bound $ip"\nexit 0\n')
    script.chmod(0o755)
    asked = new.netns.run(["busybox", "udhcpc", "-i", "lan", "-f", "-q", "-n", "-a", "-t", "2",
                           "-T", "1", "-A", "1", "-s", script], check=False, timeout=40)
    log = lab.lan.dnsmasq.log.read_text()
    assert f"DHCPOFFER(lan) {vm.address}" in log, log
    assert f"DHCPDECLINE(lan) {vm.address}" in log, f"{log}\n{asked.stdout}{asked.stderr}"
    bound = re.search(r"^bound (\S+)", asked.stdout, re.MULTILINE)
    assert not bound or bound[1] != vm.address


# Announcements


def test_announced_twice_at_the_start(lab: Lab) -> None:
    with lab.phone.capture("arp") as seen:
        vm = lab.start_vm(paused())
        seen.wait_for(rf"tell {vm.address}")
        first = announcements(seen.lines, vm.address)
        assert len(first) == 1
        deadline = time.monotonic() + 10
        while len(announcements(seen.lines, vm.address)) < 2 and time.monotonic() < deadline:
            time.sleep(0.05)
        times = announcements(seen.lines, vm.address)
    assert len(times) == 2 and 1.9 < times[1] - times[0] < 4, "RFC 5227 section 2.3: 2 s apart"


@pytest.mark.both_paths
def test_announced_when_it_is_news(lab: Lab) -> None:
    """After the uplink's MAC has changed and when the carrier is back; an event that changes
    nothing for the guest is not announced."""
    vm = lab.start_vm(paused())
    time.sleep(2.5)  # the second announcement
    laptop = lab.laptop

    def count(step: object, mac: str) -> int:
        with lab.phone.capture("arp") as seen:
            step()
            time.sleep(3)
            return len(announcements(seen.lines, vm.address, mac))

    def carrier() -> None:
        laptop.carrier_off()
        vm.wait_stderr(r"off the LAN: ")
        laptop.carrier_on()

    def other_route() -> None:
        laptop.netns.ip("route add 10.9.0.0/16 dev wlan0")
        laptop.netns.ip("route del 10.9.0.0/16 dev wlan0")

    counts = [count(other_route, LAPTOP_MAC), count(carrier, LAPTOP_MAC),
              count(lambda: laptop.change_mac(OTHER_MAC), OTHER_MAC)]
    print(f"announcements after another's route, carrier, MAC: {counts}")
    assert counts == [0, 2, 2]


# Conflicts


@pytest.mark.both_paths
def test_claim_is_answered_once(lab: Lab) -> None:
    """One claim, which may have been a mistake: the LAN is told who has the address."""
    vm, guest = boot(lab)
    rival = make_rival(lab, vm.address)
    time.sleep(2.5)
    with lab.phone.capture("arp") as seen:
        claim(rival, vm.address)
        seen.wait_for(rf"{LAPTOP_MAC} > .*who-has {vm.address} .*tell {vm.address}")
        time.sleep(0.5)
        assert len(announcements(seen.lines, vm.address)) == 1
    assert lab.phone.neighbour(vm.address) == LAPTOP_MAC
    assert guest.sh("echo alive") == "alive"
    assert "address conflict" not in vm.stderr.text and "moved" not in vm.stderr.text


def test_former_mac_is_no_rival(lab: Lab) -> None:
    """An access point that answers ARP for its stations knows the laptop by its MAC of before."""
    vm = lab.start_vm(paused(network={"configure": ["dhcp"]}))
    point = lab.squat("192.168.77.62")
    point.netns.ip(f"link set lan address {LAPTOP_MAC}")
    responder = arp.Responder(point.netns, "lan", lambda address: str(address) == vm.address)
    with closing(responder):
        lab.laptop.change_mac(OTHER_MAC)
        time.sleep(3)
        assert OTHER_MAC in lab.phone.arp_request(vm.address, first=False)
    assert "moved" not in vm.stderr.text and "conflict" not in vm.stderr.text, vm.stderr.text


def insist(rival: Station, address: str, vm: Vm, until: str, reply: bool = False) -> re.Match:
    """Claim twice, which is to insist, and say nothing more."""
    claim(rival, address, reply)
    time.sleep(1)
    claim(rival, address, reply)
    return vm.wait_stderr(until, 15)


@pytest.mark.both_paths
def test_static_guest_stays(lab: Lab) -> None:
    """Told on the kernel's command line alone: it cannot move, and the user is told who it is. When
    the rival is silent the VM is on the LAN again."""
    vm, _ = boot(lab, tiny(network={"configure": ["cmdline"]}))
    rival = make_rival(lab, vm.address)
    insist(rival, vm.address, vm, rf"tiny: address conflict: {rival.mac} also uses the guest's "
                                  rf"address {vm.address}")
    # An event meanwhile does not make it forgotten.
    lab.laptop.netns.ip("route add 10.9.0.0/16 dev wlan0")
    lab.laptop.netns.ip("route del 10.9.0.0/16 dev wlan0")
    time.sleep(0.5)
    assert "on the LAN again" not in vm.stderr.text
    # Defended still, but no more than once in ten seconds (section 2.4 (c)).
    with lab.phone.capture("arp") as seen:
        began = time.monotonic()
        while time.monotonic() - began < 12:
            claim(rival, vm.address)
            time.sleep(0.2)
        told = announcements(seen.lines, vm.address)
    assert 1 <= len(told) <= 2, told
    if LONG:
        vm.wait_stderr(rf"tiny: on the LAN again: {vm.address} on wlan0", CALM + 10)
        assert lab.phone.http_get(vm.address, timeout=10)
        assert lab.phone.neighbour(vm.address) == LAPTOP_MAC


@pytest.mark.both_paths
def test_dhcp_guest_moves(lab: Lab) -> None:
    """Told by DHCP, and the rival insists: another address, without a restart. By replies, which
    leave no trace in the laptop's own cache, and it answers no probe either."""
    vm, _ = boot(lab, tiny(network={"configure": ["dhcp"]}))
    old = vm.address
    rival = make_rival(lab, old)
    began = time.monotonic()
    moved = insist(rival, old, vm, rf"tiny: moved: {re.escape(old)} on wlan0 -> (\S+) on wlan0: "
                                   rf"{rival.mac} insists on {re.escape(old)}", reply=True)
    new = moved[1]
    assert new != old
    assert new in lab.phone.http_get(new, timeout=15)
    print(f"at its new address {time.monotonic() - began:.1f} s after the first claim")
    assert vm.netsetup.alive and vm.process.poll() is None
    assert not lab.phone.arp_probe(old, timeout=0.3), "given up"
    with Pings(lab.phone, new) as pings:
        assert pings.answered(time.monotonic())


def test_fixed_address_stays(lab: Lab) -> None:
    """A user who names an address gets no other, though DHCP could tell the guest one."""
    vm, _ = boot(lab, tiny(network={"configure": ["dhcp"], "address": "192.168.77.90"}))
    rival = make_rival(lab, vm.address)
    insist(rival, vm.address, vm, rf"address conflict: {rival.mac} also uses .* {vm.address}")
    assert lab.phone.http_get(vm.address, timeout=15)


@pytest.mark.both_paths
def test_rival_takes_the_address_while_the_vm_is_away(lab: Lab) -> None:
    """Not on the LAN, netsetup does not speak for an address that may be another's by now."""
    vm = lab.start_vm(paused(), ["--uplink=wlan0"])
    time.sleep(2.5)
    lab.laptop.lose_address()
    vm.wait_stderr("off the LAN: ")
    rival = make_rival(lab, vm.address)
    with lab.phone.capture("arp") as seen:
        for _ in range(3):
            claim(rival, vm.address)
            assert LAPTOP_MAC not in lab.phone.arp_probe(vm.address, timeout=0.2, first=False)
        assert not announcements(seen.lines, vm.address)
