# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest that sends whatever it likes: what it must not reach, and what it must not change.

Each row of ATTACKS is frames with a mark in them. They are injected into the tap, then an honest
packet; once the LAN has seen that one, and the host's other network one of the host's, the mark must
not have been seen on the LAN, on the other network, by another VM, nor by the host's own sockets,
and the host must be as before. ALLOWED is the counter-proof, and says what a member of the LAN is
free to do.

All of it is done twice: with net.ipv4.conf.all.rp_filter at 2, which makes the tap's reverse-path
filter a loose one, and without any such filter, so that the chain `check` of the uplink's table
(netsetup/table/layout.c) stands alone. (From an interface without an address, as the tap is one,
the kernel takes even in the loose mode only what it would send back there: __fib_validate_source()
in net/ipv4/fib_frontend.c.)
"""

import signal
import socket
import struct
import threading
import time
from contextlib import ExitStack
from ipaddress import IPv4Address
from typing import Callable, Iterator

import pytest

from conftest import need, need_vmrun
from hoststate import settle
from lab import BEYOND, LAPTOP_MAC, Lab
from wire import (BROADCAST, ETH_ARP, ETH_IPV4, ETH_IPV6, ETH_VLAN, ICMP, UDP, Port, Wire, arp,
                  checksum, checksum_in_software, ether, icmp, ipv4, mac_bytes, udp)

MARK = b"-hostile-guest-"
PORT = 7777
GSO_NONE, GSO_TCPV4, GSO_UDP, GSO_UDP_L4 = 0, 1, 3, 5
NEEDS_CSUM = 1


class Scene:
    """The lab with two such guests, and tapes wherever a mark could turn up."""

    def __init__(self, stack: ExitStack, mode: str) -> None:
        self.lab = lab = stack.enter_context(Lab())
        self.second = lab.second_lan()
        if mode == "loose":
            lab.laptop.netns.sysctls({"net/ipv4/conf/all/rp_filter": "2"})
        self.host_other = lab.laptop.add_wired(self.second, metric=900).split("/")[0]
        # So that no ARP stands in the way, and the service need not note the router's MAC later.
        for station in (lab.phone.address, lab.lan.gateway, self.second.gateway):
            assert lab.laptop.ping(station)
        self.before = lab.snapshot()
        self.guest = Wire(lab, "hostile")
        self.other = Wire(lab, "victim")
        stack.callback(self._end, mode)
        self.air = Port(lab.lan.ap, "laptop")
        stack.callback(self.air.close)
        self.wired = Port(self.second.ap, "wired")
        stack.callback(self.wired.close)
        self.service = lab.laptop.netns.socket(socket.AF_INET, socket.SOCK_DGRAM)
        stack.callback(self.service.close)
        self.service.bind(("0.0.0.0", PORT))
        self.service.setblocking(False)
        if mode == "alone":
            checksum_in_software(lab.laptop.netns, "wlan0")
            self.signal_helpers(signal.SIGSTOP)  # or they would set it again
            lab.laptop.netns.sysctls({f"net/ipv4/conf/{each.vm.tap}/rp_filter": "0"
                                      for each in (self.guest, self.other)})
        self.serial = 0

    def signal_helpers(self, number: int) -> None:
        """To each VM's netsetup."""
        for each in (self.guest, self.other):
            each.vm.netsetup.signal(number)

    def _end(self, mode: str) -> None:
        """End the VMs; the laptop then is as it was, as after any test."""
        if mode == "alone":
            self.signal_helpers(signal.SIGCONT)
        for each in (self.guest, self.other):
            each.close()
            each.vm.close()
        changes = settle(self.before, self.lab.snapshot, 3)
        assert not changes, "the guests changed the laptop:\n" + "\n".join(changes)

    def lan_state(self) -> list[str]:
        """The parts of the host that no guest may change: state, neighbours, exceptions."""
        state = list(self.lab.snapshot().lines)
        for each in self.lab.laptop.netns.ip_json("neigh show"):
            if each["dst"] in (self.lab.phone.address, self.lab.lan.gateway):
                state.append(f"{each['dev']} {each['dst']} {each.get('lladdr')}")
            elif each["dev"] in (self.guest.vm.tap, self.other.vm.tap):
                assert each["dst"] in (self.guest.address, self.other.address), each
        run = self.lab.laptop.netns.run
        state += [line.split(" expires ")[0] for line in run(
            ["ip", "-6", "route", "show", "table", "all"]).stdout.splitlines()]
        return state + run(["ip", "-6", "neigh", "show", "dev", self.guest.vm.tap]).stdout.split()

    def inject(self, frames: list, mark: bytes = MARK) -> dict[str, list[bytes]]:
        """Send @frames, and say where marked ones were seen: air, wired, victim, host."""
        self.serial += 1
        fence = b"fence %d." % self.serial
        for tape in (self.air.tape, self.wired.tape, self.other.tape, self.guest.tape):
            tape.take()
        for each in frames:
            self.guest.send(*each) if isinstance(each, tuple) else self.guest.send(each)
        for to in (self.lab.phone.address, self.other.address):
            self.guest.send(self.guest.ip(ipv4(self.guest.address, to, UDP, udp(9, 9, fence))))
        self.service.sendto(fence, (self.second.gateway, 9))
        for each in (self.air, self.wired, self.other):
            each.tape.wait(lambda frame: fence in frame)
        air = self.air.tape.take()
        self.check_sources(air)
        return {"air": [each for each in air if mark in each],
                "wired": [each for each in self.wired.tape.take() if mark in each],
                "victim": [each for each in self.other.tape.take() if mark in each],
                "host": self.heard(mark)}

    def heard(self, mark: bytes) -> list[bytes]:
        """Marked datagrams that the host's own socket has got."""
        found = []
        try:
            while True:
                data = self.service.recv(70000)
                found += [data] if mark in data else []
        except BlockingIOError:
            return found

    def check_sources(self, frames: list[bytes]) -> None:
        """Each frame to the LAN has an address of the laptop or its VMs, or a checksum that every
        host refuses: see checksum_into_source()."""
        ours = {IPv4Address(each).packed for each in (
            self.lab.laptop.address, self.guest.address, self.other.address)}
        for frame in frames:
            kind = struct.unpack("!H", frame[12:14])[0]
            assert frame[6:12].hex(":") == LAPTOP_MAC, frame
            assert kind in (ETH_IPV4, ETH_ARP, ETH_IPV6), frame
            assert kind != ETH_IPV4 or frame[26:30] in ours or checksum(frame[14:34]), frame
            assert kind != ETH_ARP or frame[28:32] in ours, frame


@pytest.fixture(scope="module", params=["loose", "alone"])
def scene(request: pytest.FixtureRequest) -> Iterator[Scene]:
    """One lab for all rows; at its end the laptop is as it was, as after any test."""
    need("root", "ip", "nft", "tcpdump", "dnsmasq", "ping", "setpriv")
    need_vmrun()
    with ExitStack() as stack:
        yield Scene(stack, request.param)


def spoofed(source: Callable[[Scene], str]) -> Callable[[Scene], list]:
    """A datagram with that source to everybody who could be fooled by it, and an echo request."""
    def frames(s: Scene) -> list:
        lab, found = s.lab, []
        for to in (lab.phone.address, lab.lan.gateway, lab.laptop.address, s.host_other,
                   s.second.gateway, s.other.address, BEYOND, "127.0.0.1", "255.255.255.255",
                   str(lab.lan.network.broadcast_address), "224.0.0.1"):
            found += [s.guest.ip(ipv4(source(s), to, UDP, udp(PORT, PORT, MARK))),
                      s.guest.ip(ipv4(source(s), to, ICMP, icmp(8, 0, bytes(4), MARK))),
                      s.guest.ip(ipv4(source(s), to, UDP, udp(67, 67, MARK)), to=BROADCAST)]
        return found
    return frames


def own(s: Scene, to: str, data: bytes = MARK, ports: tuple[int, int] = (PORT, PORT),
        **how: object) -> bytes:
    """An honest datagram in its frame."""
    return s.guest.ip(ipv4(s.guest.address, to, UDP, udp(*ports, data), **how))


def claims(s: Scene, address: str) -> list[bytes]:
    """ARP that says that @address is at the guest's card, in every way."""
    me, zero = (s.guest.mac, address), "00:00:00:00:00:00"
    packets = [arp(1, me, (zero, address)), arp(2, me, (BROADCAST, address)),
               arp(1, me, (zero, s.lab.laptop.address)), arp(1, me, (zero, s.lab.phone.address)),
               arp(2, me, (s.guest.host_mac, s.lab.laptop.address)),
               arp(2, me, (LAPTOP_MAC, s.lab.laptop.address))]
    return [ether(to, s.guest.mac, ETH_ARP, packet) for packet in packets
            for to in (BROADCAST, s.guest.host_mac, LAPTOP_MAC)]


def ip6(s: Scene, to: str, proto: int, payload: bytes, mac: str) -> bytes:
    """An IPv6 packet of ICMP or UDP in its frame, from a link-local address."""
    addresses = b"".join(socket.inet_pton(socket.AF_INET6, each)
                         for each in ("fe80::5054:ff:fe77:7777", to))
    at = 2 if proto == 58 else 6
    total = checksum(addresses + struct.pack("!II", len(payload), proto) + payload)
    payload = payload[:at] + struct.pack("!H", total) + payload[at + 2:]
    head = struct.pack("!IHBB", 6 << 28, len(payload), proto, 255)
    return ether(mac, s.guest.mac, ETH_IPV6, head + addresses + payload)


def router_advertisements(s: Scene) -> list[bytes]:
    prefix = struct.pack("!BBBBIII", 3, 4, 64, 0xC0, 86400, 86400, 0) + socket.inet_pton(
        socket.AF_INET6, "2001:db8:bad::")
    body = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 9000, 0, 0) + prefix
    return [ip6(s, "ff02::1", 58, body, mac) for mac in ("33:33:00:00:00:01", s.guest.host_mac)]


def neighbour_discovery(s: Scene) -> list[bytes]:
    target = socket.inet_pton(socket.AF_INET6, "fe80::1")
    return [ip6(s, "ff02::1", 58, struct.pack("!BBHI", kind, 0, 0, 0x60000000) + target, mac)
            for kind in (133, 135, 136, 137) for mac in ("33:33:00:00:00:01", s.guest.host_mac)]


def vlan(s: Scene, tags: list[tuple[int, int]], packet: bytes) -> bytes:
    """A frame with tags of (ethertype, VLAN id) around a packet of IPv4."""
    inner = struct.pack("!H", ETH_IPV4) + packet
    for kind, vid in reversed(tags):
        inner = struct.pack("!HH", kind, vid) + inner
    return ether(s.guest.host_mac, s.guest.mac, 0, b"")[:12] + inner


def phone_as(s: Scene, to: str, **how: object) -> bytes:
    """A packet that claims to be the phone's."""
    return ipv4(s.lab.phone.address, to, UDP, udp(PORT, PORT, MARK), **how)


def vlans(s: Scene) -> list[bytes]:
    honest = ipv4(s.guest.address, s.lab.phone.address, UDP, udp(PORT, PORT, MARK))
    found = [vlan(s, tags, phone_as(s, to)) for to in (s.lab.lan.gateway, s.lab.laptop.address)
             for tags in ([(ETH_VLAN, 0)], [(ETH_VLAN, 5)], [(0x88A8, 0)], [(0x88A8, 5)],
                          [(ETH_VLAN, 0), (ETH_VLAN, 0)], [(0x88A8, 0), (ETH_VLAN, 5)],
                          [(ETH_VLAN, 0)] * 3)]
    return found + [vlan(s, tags, honest) for tags in (
        [(ETH_VLAN, 0)], [(ETH_VLAN, 5)], [(0x88A8, 3), (ETH_VLAN, 5)])]


def link_layer(s: Scene) -> list[bytes]:
    """Bridges' and switches' own protocols."""
    llc = b"\xaa\xaa\x03\0\0\0\x08\0" + phone_as(s, s.lab.lan.gateway)
    return [ether("01:80:c2:00:00:00", s.guest.mac, 60, b"\x42\x42\x03" + MARK + bytes(40)),  # STP
            ether("01:80:c2:00:00:0e", s.guest.mac, 0x88CC, b"\x02\x07" + MARK + bytes(40)),  # LLDP
            ether("01:80:c2:00:00:03", s.guest.mac, 0x888E, b"\x02\x03" + MARK),  # EAPOL
            ether("01:80:c2:00:00:01", s.guest.mac, 0x8808, b"\0\1\xff\xff" + MARK),  # PAUSE
            ether("01:00:0c:cc:cc:cc", s.guest.mac, 60, b"\xaa\xaa\x03\0\0\x0c" + MARK),  # CDP
            ether(s.guest.host_mac, s.guest.mac, len(llc), llc),  # IPv4 in SNAP
            ether(s.guest.host_mac, s.guest.mac, 0x8863, MARK),  # PPPoE
            ether(s.guest.host_mac, s.guest.mac, 0x8847, MARK),  # MPLS
            ether(s.guest.host_mac, s.guest.mac, 0x8035, MARK + bytes(40)),  # RARP
            ether(s.guest.host_mac, s.guest.mac, 0x9000, MARK)]


def to_other_macs(s: Scene) -> list[bytes]:
    """As if the tap were a bridge's port."""
    packet = ipv4(s.guest.address, s.lab.phone.address, UDP, udp(PORT, PORT, MARK))
    return [s.guest.ip(packet, to=mac) for mac in (
        s.lab.phone.mac, s.lab.router.mac, LAPTOP_MAC, BROADCAST, "01:00:5e:00:00:fb")]


def multicast(s: Scene) -> list[bytes]:
    """mDNS, SSDP, LLMNR, IGMP, and the broadcasts: of the guest's own, and not for the LAN."""
    groups = {"224.0.0.251": 5353, "239.255.255.250": 1900, "224.0.0.252": 5355,
              "255.255.255.255": 68, str(s.lab.lan.network.broadcast_address): 137}
    found = [s.guest.ip(ipv4(s.guest.address, to, UDP, udp(port, port, MARK), ttl=255), to=mac)
             for to, port in groups.items() for mac in (BROADCAST, "01:00:5e:00:00:fb")]
    return found + [s.guest.ip(ipv4(s.guest.address, "224.0.0.22", 2, b"\x22\0\0\0" + MARK))]


def dhcp_offer(s: Scene, to: str = "255.255.255.255", source: str = "") -> bytes:
    """A rogue server's."""
    gateway = IPv4Address(s.guest.address).packed
    body = bytes([2, 1, 6, 0]) + bytes(12) + gateway * 2 + bytes(4) + bytes(
        16) + bytes(192) + b"\x63\x82\x53\x63\x35\x01\x05\x03\x04" + gateway + b"\xff" + MARK
    return s.guest.ip(ipv4(source or s.guest.address, to, UDP, udp(67, 68, body)), to=BROADCAST)


def source_routes(s: Scene) -> list[bytes]:
    """Loose and strict source routing through the host, and through others."""
    hops = [s.lab.phone.address, s.lab.lan.gateway, s.second.gateway]
    found = []
    for kind in (0x83, 0x89):
        for hop in hops:
            options = bytes([kind, 7, 4]) + IPv4Address(hop).packed + b"\0"
            for source in (s.guest.address, s.lab.phone.address):
                found.append(s.guest.ip(ipv4(source, s.lab.laptop.address, UDP,
                                             udp(PORT, PORT, MARK), options=options)))
    return found


def redirects(s: Scene) -> list[bytes]:
    """That the guest is the better way to the beyond and to the phone, in everybody's name."""
    found = []
    for source in (s.guest.address, s.lab.lan.gateway, s.second.gateway):
        for to in (BEYOND, s.lab.phone.address, s.second.gateway):
            for inner in (udp(53, 53, b"inner data"), icmp(8, 0, bytes(4), b"inner data")):
                kind = UDP if inner[:2] == b"\0\x35" else ICMP
                packet = ipv4(s.lab.laptop.address, to, kind, inner)
                for code in range(4):
                    found.append(s.guest.ip(ipv4(source, s.lab.laptop.address, ICMP, icmp(
                        5, code, IPv4Address(s.guest.address).packed, packet))))
    return found


def fragments(s: Scene) -> list[bytes]:
    """Overlapping ones whose later parts bear another's address, and ones that hide the ports."""
    whole = udp(PORT, PORT, MARK * 8)
    more, phone, guest = 0x2000, s.lab.phone.address, s.guest.address
    found = []
    for to in (s.lab.lan.gateway, s.lab.laptop.address):
        for first, second in ((guest, phone), (phone, guest), (phone, phone)):
            found += [s.guest.ip(ipv4(first, to, UDP, whole[:24], fragment=more, ident=99)),
                      s.guest.ip(ipv4(second, to, UDP, whole[16:], fragment=2, ident=99))]
        found.append(s.guest.ip(ipv4(phone, to, UDP, whole, fragment=0x1FFF)))
    # A frame from the guest's own address that is a fragment of no datagram never becomes one.
    return [each for each in found if each[26:30] != IPv4Address(guest).packed or MARK not in each]


def malformed(s: Scene) -> list[bytes]:
    """Headers that lie, cut everywhere, in the name of the phone and of nobody."""
    found = []
    for source in (s.lab.phone.address, "0.0.0.0"):
        for to in (s.lab.lan.gateway, s.lab.laptop.address, "255.255.255.255"):
            frame = bytearray(s.guest.ip(ipv4(source, to, UDP, udp(67, 67, MARK * 4))))
            for first in [0x40 | words for words in range(16)] + [0x00, 0x60, 0x65, 0xF5]:
                frame[14] = first
                for length in (20, 28, 60, len(frame) - 14, 0, 65535):
                    frame[16:18] = struct.pack("!H", length)
                    found.append(bytes(frame))
            found += [bytes(frame[:size]) for size in range(14, len(frame))]
            # A header of 60 octets that ends where the frame does: no port could be read.
            found.append(s.guest.ip(ipv4(source, to, UDP, b"", options=bytes(25) + MARK)[:60]))
    return found


def oversized(s: Scene) -> list:
    """Beyond the MTU, as one frame and as what only an offload may carry, with headers that lie."""
    data = (MARK + bytes(17)) * 2040
    own_big = ipv4(s.guest.address, s.lab.phone.address, UDP, udp(PORT, PORT, data[:3000]),
                   fragment=0x4000)
    found: list = [s.guest.ip(own_big)]
    for source in (s.lab.phone.address, s.lab.lan.gateway, "0.0.0.0"):
        for proto in (6, UDP, ICMP):
            frame = s.guest.ip(ipv4(source, s.lab.lan.gateway, proto, data))
            for kind in (GSO_NONE, GSO_TCPV4, GSO_UDP, GSO_UDP_L4, 4, 0x81, 0xFF):
                for flags, start, offset in ((0, 0, 0), (NEEDS_CSUM, 34, 6), (NEEDS_CSUM, 34, 16),
                                             (NEEDS_CSUM, 65000, 65000), (NEEDS_CSUM, 0, 26)):
                    for header, size in ((54, 1448), (0, 1), (65535, 65535), (14, 8)):
                        found.append((frame, struct.pack("<BBHHHH", flags, kind, header, size,
                                                         start, offset)))
    return found


def checksum_into_source(s: Scene) -> list:
    """An offload that has the host write a checksum over the source address, after the check.

    It does, where the uplink has no such offload: two octets of the packet's become what the guest
    likes (skb_checksum_help() in net/core/dev.c). No place for them leaves the header's own
    checksum right, so nobody accepts such a packet.
    """
    found = []
    for kind in (GSO_NONE, GSO_UDP, GSO_UDP_L4):
        for start in range(14, 35):
            for at in range(22, 34):
                frame = s.guest.ip(ipv4(s.guest.address, s.lab.lan.gateway, UDP,
                                        udp(PORT, PORT, bytes(64))))
                found.append((frame, struct.pack("<BBHHHH", NEEDS_CSUM, kind, 42 if kind else 0,
                                                 32 if kind else 0, start, max(0, at - start))))
    return found


def storm(s: Scene) -> list[bytes]:
    """20,000 frames to everybody: claims, questions, datagrams."""
    kinds = [ether(BROADCAST, s.guest.mac, ETH_ARP, arp(
        1, (s.guest.mac, s.lab.lan.gateway), ("00:00:00:00:00:00", s.lab.phone.address))),
             dhcp_offer(s), dhcp_offer(s, source=s.lab.lan.gateway),
             s.guest.ip(phone_as(s, "255.255.255.255"), to=BROADCAST)]
    return kinds * 5000


ATTACKS: dict[str, Callable[[Scene], list]] = {
    "IPv4 of the phone": spoofed(lambda s: s.lab.phone.address),
    "IPv4 of the router": spoofed(lambda s: s.lab.lan.gateway),
    "IPv4 of the host": spoofed(lambda s: s.lab.laptop.address),
    "IPv4 of the host on another network": spoofed(lambda s: s.host_other),
    "IPv4 of another VM": spoofed(lambda s: s.other.address),
    "IPv4 of nobody on the LAN": spoofed(lambda s: "192.168.77.251"),
    "IPv4 of the Internet": spoofed(lambda s: BEYOND),
    "IPv4 of the other network": spoofed(lambda s: s.second.gateway),
    "IPv4 of loopback": spoofed(lambda s: "127.0.0.1"),
    "IPv4 of a group": spoofed(lambda s: "224.0.0.251"),
    "IPv4 of everybody": spoofed(lambda s: "255.255.255.255"),
    "IPv4 of the LAN's broadcast": spoofed(lambda s: str(s.lab.lan.network.broadcast_address)),
    "IPv4 of the unspecified": spoofed(lambda s: "0.0.0.0"),
    "to the host's loopback": lambda s: [own(s, "127.0.0.1"), own(s, "127.0.0.53")],
    "ARP for the phone": lambda s: claims(s, s.lab.phone.address),
    "ARP for the router": lambda s: claims(s, s.lab.lan.gateway),
    "ARP for the host": lambda s: claims(s, s.lab.laptop.address),
    "ARP for another VM": lambda s: claims(s, s.other.address),
    "ARP of odd lengths": lambda s: [
        ether(BROADCAST, s.guest.mac, ETH_ARP, arp(op, (s.guest.mac, s.lab.lan.gateway), (
            LAPTOP_MAC, s.lab.laptop.address), lengths) + pad) for op in (1, 2, 3, 8, 9)
        for lengths in (0x0600, 0x0604, 0x0010, 0x0804, 0xFFFF) for pad in (b"", bytes(18))],
    "IPv6 router advertisements": router_advertisements,
    "IPv6 neighbour discovery": neighbour_discovery,
    "IPv6 datagrams": lambda s: [
        ip6(s, to, UDP, udp(port, port, MARK), mac) for to in ("ff02::fb", "ff02::1:2", "ff02::1")
        for port in (5353, 547) for mac in ("33:33:00:00:00:fb", s.guest.host_mac)],
    "multicast and broadcast": multicast,
    "DHCP as a server": lambda s: [
        dhcp_offer(s), dhcp_offer(s, source=s.lab.lan.gateway),
        dhcp_offer(s, s.lab.laptop.address, s.lab.lan.gateway),
        dhcp_offer(s, s.lab.phone.address, s.lab.lan.gateway)],
    "to the MACs of others": to_other_macs,
    "VLAN tags": vlans,
    "protocols of switches": link_layer,
    "source routing": source_routes,
    "ICMP redirects": redirects,
    "fragments": fragments,
    "a TTL that ends here": lambda s: [own(s, s.lab.phone.address, ttl=ttl) for ttl in (0, 1)],
    "malformed and cut": malformed,
    "oversized, and lies about offloads": oversized,
    "a checksum into the source address": checksum_into_source,
    "a storm": storm,
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attack(scene: Scene, name: str) -> None:
    before = scene.lan_state()
    seen = scene.inject(ATTACKS[name](scene))
    if name in ("multicast and broadcast", "DHCP as a server"):
        seen["host"] = []  # it is its own to tell the host
    assert not any(seen.values()), seen
    after = scene.lan_state()
    assert sorted(after) == sorted(before), set(after) ^ set(before)
    assert scene.guest.vm.alive and scene.guest.vm.netsetup.alive


def test_dhcp_answers_stay_away(scene: Scene) -> None:
    """A DHCP client of the host (connman on each new interface) takes no lease from a guest: neither
    its UDP socket nor its packet socket on the tap gets an answer of the guest's."""
    netns = scene.lab.laptop.netns
    with netns.socket(socket.AF_INET, socket.SOCK_DGRAM) as client, netns.socket(
            socket.AF_INET, socket.SOCK_DGRAM) as fence, netns.socket(
            socket.AF_PACKET, socket.SOCK_DGRAM) as packet:
        client.bind(("0.0.0.0", 68))
        fence.bind(("0.0.0.0", 9))
        packet.bind((scene.guest.vm.tap, ETH_IPV4))
        for to in ("255.255.255.255", scene.lab.laptop.address, scene.host_other):
            scene.guest.send(dhcp_offer(scene, to))
        scene.guest.send(scene.guest.ip(ipv4(scene.guest.address, scene.lab.laptop.address, UDP,
                                             udp(9, 9, b"fence"))))
        fence.settimeout(5)
        assert fence.recv(70000) == b"fence"
        assert b"fence" in packet.recv(70000), "the first that came"
        for each in (client, packet):
            each.setblocking(False)
            with pytest.raises(BlockingIOError):
                each.recv(70000)


ALLOWED: dict[str, tuple[Callable[[Scene], list], str, int]] = {
    "a datagram to the phone": (lambda s: [own(s, s.lab.phone.address)], "air", 1),
    "a datagram to the beyond": (lambda s: [own(s, BEYOND)], "air", 1),
    "a datagram to another VM": (lambda s: [own(s, s.other.address)], "victim", 1),
    "a datagram to the host": (lambda s: [own(s, s.lab.laptop.address)], "host", 1),
    "the host's other address": (lambda s: [own(s, s.host_other)], "host", 1),
    "from another MAC": (lambda s: [s.guest.ip(ipv4(
        s.guest.address, s.lab.phone.address, UDP, udp(PORT, PORT, MARK)),
        source=s.lab.router.mac)], "air", 1),
    "the host's other network, by the LAN's router": (
        lambda s: [own(s, s.second.gateway)], "air", 1),
    "with options": (lambda s: [own(s, s.lab.phone.address, options=b"\x07\x07\x04" + bytes(5))],
                     "air", 1),
    "a fragment of one octet": (lambda s: [s.guest.ip(ipv4(
        s.guest.address, s.lab.phone.address, UDP, b"\xa7", fragment=185, ident=0xA5A6))],
                                "air", 1),
}


@pytest.mark.parametrize("name", ALLOWED)
def test_allowed(scene: Scene, name: str) -> None:
    frames, where, count = ALLOWED[name]
    mark = b"\xa5\xa6" if "fragment" in name else MARK
    seen = scene.inject(frames(scene), mark)
    assert {place: len(found) for place, found in seen.items()} == {
        place: count if place == where else 0 for place in seen}


def dhcp(s: Wire, kind: int, source: str = "0.0.0.0", to: str = "255.255.255.255",
         options: bytes = b"", mac: str = "") -> bytes:
    """A DHCP client's frame; with a @source it is a renewal (RFC 2131, section 4.3.2). @mac: of the
    client, by default that of the virtual card."""
    mac = mac or s.mac
    body = bytes([1, 1, 6, 0]) + b"\xa5\x5a\xa5\x5a" + bytes(4) + IPv4Address(source).packed
    body += bytes(12) + mac_bytes(mac) + bytes(202)
    body += b"\x63\x82\x53\x63\x35\x01" + bytes([kind]) + options + b"\xff"
    return s.ip(ipv4(source, to, UDP, udp(68, 67, body)),
                to=BROADCAST if to == "255.255.255.255" else "", source=mac)


def dhcp_answer(s: Wire, timeout: float = 5) -> tuple[int, str]:
    """The kind of the next answer, and the address that it gives."""
    frame = s.tape.wait(lambda each: b"\x02\x01\x06\x00\xa5\x5a\xa5\x5a" in each, timeout)
    s.tape.take()
    kind = frame[frame.index(b"\x63\x82\x53\x63\x35\x01") + 6]
    return kind, str(IPv4Address(frame[58:62]))


def test_dhcp_has_one_client(lab: Lab) -> None:
    """The first client is the guest, whatever its MAC; the card's own takes its place; no other."""
    guest = Wire(lab, "asker", network={"configure": ["dhcp"]})
    try:
        guest.send(dhcp(guest, 1, mac="02:00:00:00:77:01"))
        assert dhcp_answer(guest) == (2, guest.address)
        guest.vm.wait_stderr("DHCP: the guest's MAC address is 02:00:00:00:77:01 now")
        guest.send(dhcp(guest, 1, mac="02:00:00:00:77:02"))
        guest.vm.wait_stderr("a DHCP client 02:00:00:00:77:02 behind the guest is not served")
        guest.send(dhcp(guest, 1))
        assert dhcp_answer(guest) == (2, guest.address)
        guest.vm.wait_stderr(f"DHCP: the guest's MAC address is {guest.mac} now")
        guest.send(dhcp(guest, 1, mac="02:00:00:00:77:01"))
        with pytest.raises(TimeoutError):
            dhcp_answer(guest, 1)
    finally:
        guest.close()


def test_dhcp_passes_to_its_server_alone(lab: Lab) -> None:
    """Asking, and renewing by unicast; also with the address of the network before. No server of
    the host's hears any of it but the renewal that is sent to the host itself."""
    guest = Wire(lab, "asker", network={"configure": ["dhcp"]})
    server = lab.laptop.netns.socket(socket.AF_INET, socket.SOCK_DGRAM)
    try:
        server.bind(("0.0.0.0", 67))
        server.setblocking(False)
        offer, ack, nak = 2, 5, 6
        guest.send(dhcp(guest, 1))
        assert dhcp_answer(guest) == (offer, guest.address)
        guest.send(dhcp(guest, 3, options=b"\x32\x04" + IPv4Address(guest.address).packed))
        assert dhcp_answer(guest) == (ack, guest.address)
        with pytest.raises(BlockingIOError):
            server.recv(2000)
        guest.send(dhcp(guest, 3, guest.address, lab.laptop.address))
        assert dhcp_answer(guest) == (ack, guest.address)

        former = lab.laptop.address
        lab.laptop.roam(lab.second_lan())
        guest.vm.wait_stderr(r"moved: .* -> 192\.168\.88\.\d+ ")
        guest.tape.take()
        guest.send(dhcp(guest, 3, guest.address, former))
        assert dhcp_answer(guest)[0] == nak
    finally:
        server.close()
        guest.close()


def test_flood_of_dhcp_holds_nothing_up(lab: Lab) -> None:
    """While the guest declines its address without end, that is defended, the VM ends when it is
    told to, and nobody's log is filled."""
    guest = Wire(lab, "flood", network={"configure": ["dhcp"]})
    asking = True

    def flood() -> None:
        frame = dhcp(guest, 4)
        while asking:
            guest.send(frame)

    thread = threading.Thread(target=flood, daemon=True)
    thread.start()
    try:
        assert list(lab.phone.arp_probe(guest.address, timeout=3)) == [LAPTOP_MAC]
        began = time.monotonic()
        assert guest.vm.stop(20) == 0
        assert time.monotonic() - began < 5
    finally:
        asking = False
        thread.join()
        guest.close()
    assert len(guest.vm.stderr.lines) < 10, guest.vm.stderr.lines[:20]


@pytest.mark.lab(subnet="10.9.0.0/16")
def test_neighbours_of_a_scan(lab: Lab) -> None:
    """A scan of the LAN costs the host an entry of its neighbour table for each address, as it
    costs any router; they are gone again, and the host still reaches whom it has to."""
    guest = Wire(lab, "scan")
    count = 200

    def known() -> int:
        return len(lab.laptop.netns.ip_json("neigh show nud all dev wlan0"))

    try:
        before = known()
        for number in range(count):
            guest.send(guest.ip(ipv4(guest.address, f"10.9.77.{number}", UDP, udp(9, 9, MARK))))
        print(f"{known() - before} entries for {count} addresses")
        assert known() - before <= count
        # The guest's ARP for the whole LAN, which the host answers, costs nothing.
        before = known()
        for number in range(count):
            guest.send(ether(BROADCAST, guest.mac, ETH_ARP, arp(
                1, (guest.mac, guest.address), ("00:00:00:00:00:00", f"10.9.78.{number}"))))
        guest.tape.wait(lambda each: each[28:32] == IPv4Address("10.9.78.199").packed)
        assert known() <= before
        assert lab.laptop.ping(lab.phone.address) and lab.laptop.ping(lab.lan.gateway)
    finally:
        guest.close()
