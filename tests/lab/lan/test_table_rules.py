# SPDX-License-Identifier: GPL-2.0-or-later
"""Each rule of an uplink's table is needed: what it does fails when it alone is left out."""

import socket
import time
from typing import Callable

import pytest

from lab import Lab
from station import Station
from table import Scene, marker
from wire import BROADCAST, ETH_ARP, ETH_IPV4, ETH_VLAN, UDP, arp, ether, ipv4, udp

NOBODY, ANY = "00:00:00:00:00:00", "0.0.0.0"
MARK_HOST = "0x766d7202"
FREE = "192.168.77.222"
OTHER_NETWORK = "10.9.0.2/24"
SYN = bytes([0, 9, 0, 9, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 2, 4, 0, 0, 0, 0, 0, 2, 4, 0x7D, 0])
TCP = 6


def note(one: Station, to: str, text: bytes, source: str = "") -> bytes:
    """A datagram."""
    return ipv4(source or one.address, to, UDP, udp(9, 9, text))


def dropped(scene: Scene, frame: Callable[[bytes], bytes]) -> bool:
    """True if nobody hears a frame of the guest, which is sent twice."""
    text = marker()
    scene.send(scene.guest, frame(text))
    time.sleep(0.15)
    return not any(scene.heard(text).values())


def drops(kind: int, payload: Callable[[Scene, bytes], bytes], to: str = "",
          source: str = "") -> Callable[[Scene], bool]:
    """A property: frames of this kind are dropped at the tap."""
    def holds(scene: Scene) -> bool:
        return dropped(scene, lambda text: ether(
            to or scene.lab.phone.mac, source or scene.guest.mac, kind, payload(scene, text)))
    return holds


def hears_once(sender: str, receiver: str) -> Callable[[Scene], bool]:
    """A property: a broadcast is heard once."""
    def holds(scene: Scene) -> bool:
        text, machine = marker(), scene.machines[sender]
        scene.send(machine, ether(BROADCAST, machine.mac, ETH_IPV4,
                                  note(machine, "255.255.255.255", text)))
        time.sleep(0.15)
        return scene.heard(text)[receiver] == 1
    return holds


def pings(sender: str, receiver: str) -> Callable[[Scene], bool]:
    """A property: an echo request is answered, by hosts that have to ask for the MAC first."""
    def holds(scene: Scene) -> bool:
        one, other = scene.machines[sender], scene.machines[receiver]
        for machine in (one, other):
            machine.netns.ip("neigh flush all")
        return one.ping_once(other.address, wait=0.5) or one.ping_once(other.address, wait=0.5)
    return holds


def hears_unicast(kind: int, payload: Callable[[Scene, bytes], bytes], to: str,
                  wanted: dict[str, int]) -> Callable[[Scene], bool]:
    """A property: what the phone sends to the station's MAC is heard by those that are @wanted; the
    guest takes it for its own, by @to: its MAC, or the broadcast address."""
    def holds(scene: Scene) -> bool:
        text = marker()
        scene.send(scene.lab.phone, ether(scene.lab.laptop.mac, scene.lab.phone.mac, kind,
                                          payload(scene, text)))
        time.sleep(0.15)
        heard = scene.heard(text)
        if any(heard[name] != count for name, count in wanted.items()):
            return False
        frame = scene.find("guest", text)
        return frame[:6].hex(":") == (to or scene.guest.mac)
    return holds


def tagged(sender: str) -> Callable[[Scene], bool]:
    """A property: no guest hears a broadcast of a VLAN."""
    def holds(scene: Scene) -> bool:
        text, machine = marker(), scene.machines[sender]
        scene.send(machine, ether(BROADCAST, machine.mac, ETH_VLAN, b"\0\5\x08\0" +
                                  note(machine, "255.255.255.255", text)))
        time.sleep(0.15)
        heard = scene.heard(text)
        return heard["guest"] == heard["other"] == 0
    return holds


def lowers_segments(sender: str, receiver: str) -> Callable[[Scene], bool]:
    """A property: TCP's option is lowered to the uplink's MTU."""
    def holds(scene: Scene) -> bool:
        text, one, other = marker(), scene.machines[sender], scene.machines[receiver]
        to = scene.lab.laptop.mac if sender == "phone" else other.mac
        scene.send(one, ether(to, one.mac, ETH_IPV4, ipv4(
            one.address, other.address, TCP, SYN + text)))
        return scene.find(receiver, text)[14 + 20 + 22:][:2] == (1460).to_bytes(2, "big")
    return holds


def mark_is_removed(scene: Scene) -> bool:
    """Property: the host's firewall sees no mark on what a guest sends to the host."""
    laptop = scene.lab.laptop.netns
    laptop.nft("table ip marks { counter seen { }\n chain c { type filter hook prerouting priority "
               f"-300; meta mark {MARK_HOST} counter name seen\n }}\n}}\n")
    scene.guest.ping_once(scene.lab.laptop.address, wait=0.3)
    count = laptop.nft_json("list", "counter", "ip", "marks", "seen")[0]["counter"]["packets"]
    laptop.nft("delete table ip marks")
    return count == 0


def lan_knows_one_mac(scene: Scene) -> bool:
    """Property: ARP tells the LAN the station's MAC."""
    text = marker()
    scene.send(scene.guest, ether(BROADCAST, scene.guest.mac, ETH_ARP, arp(
        1, (scene.guest.mac, scene.guest.address), (NOBODY, scene.guest.address)) + text))
    return scene.find("phone", text)[22:28].hex(":") == scene.lab.laptop.mac


def storm(guest: Station, text: bytes, count: int) -> None:
    """Broadcasts of a guest, as fast as it can."""
    frame = ether(BROADCAST, guest.mac, ETH_IPV4, note(guest, "255.255.255.255", text))
    with guest.netns.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as raw:
        raw.bind((guest.interface, 0))
        for _ in range(count):
            raw.send(frame)
            time.sleep(0.0002)


def few_of_a_guest(scene: Scene) -> bool:
    """Property: a guest's storm is kept from the host."""
    text = marker()
    time.sleep(1)  # a full bucket
    storm(scene.guest, text, 300)
    time.sleep(0.3)
    return 40 < scene.heard(text)["laptop"] < 150


def few_of_all(scene: Scene) -> bool:
    """Property: what each of eight guests may send is together too much for the air."""
    text = marker()
    time.sleep(1)  # a full bucket
    for _ in range(8):
        scene.guest.publish()  # with rules of its own, as if it were another guest
        storm(scene.guest, text, 45)
    time.sleep(0.3)
    return 150 < scene.heard(text)["phone"] < 330


def probe_is_answered(scene: Scene) -> bool:
    """Property: a guest's probe for a station's address."""
    return bool(scene.guest.arp_probe(scene.lab.phone.address, timeout=0.5))


def arp_request(target: Callable[[Scene], str]) -> Callable[[Scene, bytes], bytes]:
    """The phone's."""
    return lambda scene, text: arp(1, (scene.lab.phone.mac, scene.lab.phone.address),
                                   (NOBODY, target(scene))) + text


def guest_arp(scene: Scene, text: bytes) -> bytes:
    """A right request of the guest."""
    return arp(1, (scene.guest.mac, scene.guest.address),
               (NOBODY, scene.lab.phone.address)) + text


PROPERTIES: dict[str, Callable[[Scene], bool]] = {
    "tap: not the guest's MAC": drops(ETH_ARP, guest_arp, source="52:54:00:00:00:01"),
    "tap: VLAN tags and other protocols": drops(
        ETH_VLAN, lambda scene, text: b"\0\5\x08\0" + note(
            scene.guest, scene.lab.phone.address, text)),
    "tap: may it send this?": drops(ETH_IPV4, lambda scene, text: note(
        scene.guest, FREE, text, source=scene.lab.phone.address)),
    "tap: too many broadcasts of this guest": few_of_a_guest,
    "tap: bridged: below the host's stack": pings("guest", "phone"),

    "check: multicast": drops(ETH_IPV4, lambda scene, text: note(
        scene.guest, scene.lab.phone.address, text), to="01:00:5e:00:00:fb"),
    "check: ARP from its own address, or a probe from none": pings("guest", "phone"),
    "check: IPv4 from none, which pair4 has for probes": drops(
        ETH_IPV4, lambda scene, text: note(scene.guest, scene.lab.phone.address, text,
                                           source=ANY)),
    "check: IPv4 to the host's loopback": drops(ETH_IPV4, lambda scene, text: note(
        scene.guest, "127.0.0.1", text)),
    "check: IPv4 to a group": drops(ETH_IPV4, lambda scene, text: note(
        scene.guest, "224.0.0.251", text)),
    "check: broadcasts of the host's other networks": drops(
        ETH_IPV4, lambda scene, text: note(scene.guest, "10.9.0.255", text)),
    "check: DHCP: the guest is no server, and no client of the LAN's": drops(
        ETH_IPV4, lambda scene, text: ipv4(scene.guest.address, scene.lab.router.address, UDP,
                                           udp(68, 67, text))),
    "check: IPv4 from its own address, with a header that is one": pings("guest", "phone"),
    "check: anything else": drops(ETH_IPV4, lambda scene, text: note(
        scene.guest, FREE, text, source=scene.lab.phone.address)),

    "out: IPv4 to another guest: from tap to tap": pings("guest", "other"),
    "out: ARP to another guest: from tap to tap": pings("guest", "other"),
    "out: to the host: by the gate": pings("guest", "laptop"),
    "out: a broadcast: the host gets a copy, and by the gate the other guests": hears_once(
        "guest", "laptop"),
    "out: too many broadcasts toward the LAN": few_of_all,
    "out: the station's MAC; a mark for uplink_out": pings("guest", "phone"),
    "out: ARP: the station's MAC as sender's": lan_knows_one_mac,
    "out: TCP's largest segment": lowers_segments("guest", "phone"),
    "out: to the LAN": pings("guest", "phone"),

    "from_gate: the mark has served": mark_is_removed,
    "from_gate: a broadcast: the other guests get a copy": hears_once("guest", "other"),
    "flood: a copy, unless it is this guest's own": hears_once("phone", "guest"),

    "uplink_in: from a guest, by the gate": mark_is_removed,
    "uplink_in: VLANs and other protocols are the host's": tagged("phone"),
    "uplink_in: a broadcast of this station, which the access point repeats": hears_once(
        "guest", "other"),
    "uplink_in: TCP's largest segment, to a guest": lowers_segments("phone", "guest"),
    "uplink_in: IPv4 to a guest": pings("phone", "guest"),
    "uplink_in: ARP reply to a guest: its MAC as target's": pings("guest", "phone"),
    "uplink_in: ARP request to a guest": hears_unicast(
        ETH_ARP, arp_request(lambda scene: scene.guest.address), "",
        {"guest": 1, "other": 0}),
    "uplink_in: ARP reply to a probe: it has no target, so it is for all": probe_is_answered,
    "uplink_in: ARP request that was sent as unicast": hears_unicast(
        ETH_ARP, arp_request(lambda scene: FREE), BROADCAST, {"guest": 1, "laptop": 1}),
    "uplink_in: IPv4 broadcast that was sent as unicast": hears_unicast(
        ETH_IPV4, lambda scene, text: note(scene.lab.phone, "192.168.77.255", text), BROADCAST,
        {"guest": 1, "laptop": 1}),
    "uplink_in: a broadcast: every guest gets a copy, and the host": hears_once("phone", "guest"),

    "uplink_out: a guest's frame, which has passed": hears_once("guest", "other"),
    "uplink_out: VLANs and other protocols are the host's": tagged("laptop"),
    "uplink_out: IPv4 of the host to a guest: to its tap": pings("laptop", "guest"),
    "uplink_out: ARP of the host to a guest: to its tap": pings("guest", "laptop"),
    "uplink_out: a broadcast of the host: every guest gets a copy": hears_once("laptop", "guest"),
}

ROUTED: dict[str, Callable[[Scene], bool]] = {
    "check: the same of a routed guest, whatever its MAC": pings("guest", "phone"),
    "check: IPv4 of a routed guest, whatever its MAC": pings("guest", "phone"),
}


@pytest.mark.parametrize("path, properties", [("bridged", PROPERTIES), ("routed", ROUTED)])
def test_each_rule_is_needed(lab: Lab, path: str,
                             properties: dict[str, Callable[[Scene], bool]]) -> None:
    """With all rules every property holds; without one rule its own property fails."""
    scene = Scene(lab, path)
    try:
        lab.laptop.netns.ip(f"addr add {OTHER_NETWORK} brd + dev lo")
        scene.holder.say("refresh")
        assert set(scene.holder.rules()) == set(PROPERTIES) | set(ROUTED)
        assert [rule for rule, holds in properties.items() if not holds(scene)] == []
        useless = []
        for rule, holds in properties.items():
            scene.holder.without(rule)
            if holds(scene):
                useless.append(rule)
            scene.holder.reopen()
        assert not useless
    finally:
        lab.laptop.netns.ip(f"addr del {OTHER_NETWORK} dev lo", check=False)
        scene.close()
