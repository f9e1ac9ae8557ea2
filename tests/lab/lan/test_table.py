# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of an uplink: frames that pass between the LAN, the host and its guests, and others."""

import hashlib
import os
import re
import socket
import time
from typing import Iterator

import pytest

from lab import Lab
from netns import CommandError, Netns
from station import Station
from table import UPLINK, Holder, Refused, Scene, marker, reaches
from wire import (BROADCAST, ETH_ARP, ETH_IPV4, ETH_IPV6, ETH_VLAN, ICMP, UDP, arp, ether, icmp,
                  ipv4, udp)

NOBODY, ANY = "00:00:00:00:00:00", "0.0.0.0"
OTHER_NETWORK = "10.9.0.2/24"
PLACE = b"here it goes"  # the marker's place in a frame
PATHS = ["bridged", "routed"]


@pytest.fixture
def scene(lab: Lab) -> Iterator[Scene]:
    """Both guests bridged."""
    made = Scene(lab)
    yield made
    made.close()


@pytest.fixture(params=PATHS)
def path_scene(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """The first guest on each path."""
    made = Scene(lab, request.param)
    yield made
    made.close()


# Frames that pass

@pytest.mark.parametrize("paths", [("bridged", "bridged"), ("bridged", "routed"),
                                   ("routed", "routed")])
def test_everybody_reaches_everybody(lab: Lab, paths: tuple[str, str]) -> None:
    """Guests on either path, the host, a station and the router; the LAN has one MAC for all."""
    with Holder(lab) as holder:
        guests = [holder.guest(path) for path in paths]
        everybody = [*guests, lab.laptop, lab.phone, lab.router]
        bad = [f"{one} -> {other}" for one in everybody for other in everybody
               if one is not other and not one.ping(other.address, timeout=3)]
        assert not bad
        for guest in guests:
            assert lab.phone.neighbour(guest.address) == lab.laptop.mac
        assert set(lab.lan.seen()) == {lab.laptop.mac}
        assert lab.lan.dropped() == 0


def test_broadcasts_are_heard_once(scene: Scene) -> None:
    """Every machine's broadcast, by every other one; not by itself."""
    wrong = []
    for name, machine in scene.machines.items():
        for to in ("255.255.255.255", "192.168.77.255"):
            text = marker()
            scene.send(machine, ether(BROADCAST, machine.mac, ETH_IPV4,
                                      ipv4(machine.address, to, UDP, udp(6969, 6969, text))))
            time.sleep(0.2)
            expected = {each: int(each != name) for each in scene.machines}
            if (heard := scene.heard(text)) != expected:
                wrong.append((name, to, heard))
    assert not wrong


def test_routed_guest_hears_no_broadcast(lab: Lab) -> None:
    """Nor does the LAN hear its own."""
    scene = Scene(lab, "routed")
    try:
        text = marker()
        scene.send(lab.phone, ether(BROADCAST, lab.phone.mac, ETH_IPV4,
                                    ipv4(lab.phone.address, "255.255.255.255", UDP,
                                         udp(6969, 6969, text))))
        assert scene.hears("other", text)
        assert scene.heard(text)["guest"] == 0
    finally:
        scene.close()


def test_probes_are_answered(scene: Scene) -> None:
    """RFC 5227: who probes for an address hears from its owner, by the MAC that is its owner's there."""
    lab, guest, other = scene.lab, scene.guest, scene.other
    station = lab.laptop.mac
    for asks, address, answer in [
            (lab.phone, guest.address, station), (lab.router, other.address, station),
            (lab.laptop, guest.address, guest.mac), (guest, lab.phone.address, lab.phone.mac),
            (guest, lab.laptop.address, station), (guest, other.address, other.mac)]:
        assert set(asks.arp_probe(address)) == {answer}, f"{asks} for {address}"
    assert not guest.arp_probe("192.168.77.222")


@pytest.mark.parametrize("offloads", [True, False])
@pytest.mark.parametrize("path", PATHS)
def test_bulk_data_arrives_unchanged(lab: Lab, path: str, offloads: bool) -> None:
    """32 MB each way, to a station and to the host."""
    with Holder(lab) as holder:
        guest = holder.guest(path, offloads)
        for peer in (lab.phone, lab.laptop):
            for sender, receiver in ((guest, peer), (peer, guest)):
                assert _transfer(sender, receiver, 32 << 20), f"{sender} -> {receiver}"


def _transfer(sender: Station, receiver: Station, size: int) -> bool:
    """Send random octets by TCP; true if all arrive."""
    data = os.urandom(1 << 20)
    with receiver.netns.socket() as listener, sender.netns.socket() as out:
        listener.bind((receiver.address, 0))
        listener.listen(1)
        out.settimeout(20)
        out.connect(listener.getsockname())
        accepted = listener.accept()[0]
        accepted.settimeout(20)
        return _pump(out, accepted, data, size)


def _pump(out: socket.socket, accepted: socket.socket, data: bytes, size: int) -> bool:
    want, got = hashlib.sha256(), hashlib.sha256()
    with accepted:
        out.setblocking(False)
        sent = received = 0
        end = time.monotonic() + 60
        while received < size and time.monotonic() < end:
            try:
                part = data[sent % len(data):][:size - sent]
                count = out.send(part) if part else 0
                want.update(part[:count])
                sent += count
            except BlockingIOError:
                pass
            accepted.settimeout(0.2 if sent == size else 0.001)
            try:
                chunk = accepted.recv(1 << 20)
                got.update(chunk)
                received += len(chunk)
            except (socket.timeout, BlockingIOError):
                pass
    return received == size and want.digest() == got.digest()


# Frames that do not pass

def frames_of_other_macs(scene: Scene, text: bytes) -> dict[str, bytes]:
    """A bridged guest must not send them. The MAC of a routed one ends at the tap, and may be any."""
    guest, own, phone = scene.guest, scene.guest.address, scene.lab.phone
    echo = ipv4(own, phone.address, ICMP, icmp(8, 0, bytes(4), text))
    return {
        "another's MAC": ether(scene.next_hop, phone.mac, ETH_IPV4, echo),
        "the station's MAC": ether(scene.next_hop, scene.lab.laptop.mac, ETH_IPV4, echo),
        "ARP in a frame of another's MAC": ether(BROADCAST, phone.mac, ETH_ARP, arp(
            1, (guest.mac, own), (NOBODY, phone.address)) + text),
        "ARP by another's MAC": ether(BROADCAST, guest.mac, ETH_ARP, arp(
            1, (phone.mac, own), (NOBODY, phone.address)) + text),
        "a probe by another's MAC": ether(BROADCAST, guest.mac, ETH_ARP, arp(
            1, (phone.mac, ANY), (NOBODY, phone.address)) + text),
    }


def good_frames(scene: Scene, text: bytes) -> dict[str, bytes]:
    """Right frames of a guest."""
    guest, phone, to = scene.guest, scene.lab.phone, scene.next_hop
    own = guest.address
    return (frames_of_other_macs(scene, text) if scene.path == "routed" else {}) | {
        "an echo request": ether(to, guest.mac, ETH_IPV4, ipv4(
            own, phone.address, ICMP, icmp(8, 0, bytes(4), text))),
        "with options": ether(to, guest.mac, ETH_IPV4, ipv4(
            own, phone.address, UDP, udp(9, 9, text), options=b"\1\1\1\1")),
        "the last fragment": ether(to, guest.mac, ETH_IPV4, ipv4(
            own, phone.address, UDP, text, fragment=100)),
        "an ARP request": ether(BROADCAST, guest.mac, ETH_ARP, arp(
            1, (guest.mac, own), (NOBODY, phone.address)) + text),
        "an ARP probe": ether(BROADCAST, guest.mac, ETH_ARP, arp(
            1, (guest.mac, ANY), (NOBODY, own)) + text),
        "an announcement": ether(BROADCAST, guest.mac, ETH_ARP, arp(
            1, (guest.mac, own), (NOBODY, own)) + text),
    }


def bad_packets(scene: Scene, text: bytes) -> dict[str, tuple[int, bytes]]:
    """Packets that are dropped whomever the frame is for: EtherType and payload."""
    guest, lab = scene.guest, scene.lab
    own, phone = guest.address, lab.phone.address
    note = udp(9, 9, text)
    dhcp = bytes([1, 1, 6, 0]) + bytes(24) + bytes.fromhex(guest.mac.replace(":", "")) + text

    def packet(source: str, to: str, **how: object) -> tuple[int, bytes]:
        return ETH_IPV4, ipv4(source, to, UDP, note, **how)

    return {
        "a station's address": packet(phone, lab.router.address),
        "the host's address": packet(lab.laptop.address, phone),
        "the router's address": packet(lab.router.address, phone),
        "the other guest's address": packet(scene.other.address, phone),
        "no address": packet(ANY, phone),
        "a loopback address": packet("127.0.0.1", phone),
        "to the host's loopback": packet(own, "127.0.0.1"),
        "to a group": packet(own, "224.0.0.251"),
        "to another network's broadcast": packet(own, "10.9.0.255"),
        "a fragment of a station": packet(phone, lab.router.address, fragment=0x2000),
        "its rest": packet(phone, lab.router.address, fragment=100),
        "a header too short": packet(own, phone, version=4, length=19),
        "a length too large": packet(own, phone, length=1400),
        "another version": packet(own, phone, version=6),
        "DHCP from no address": (ETH_IPV4, ipv4(ANY, "255.255.255.255", UDP, udp(68, 67, dhcp))),
        "DHCP from its address": (ETH_IPV4, ipv4(own, "255.255.255.255", UDP, udp(68, 67, dhcp))),
        "DHCP RELEASE": (ETH_IPV4, ipv4(own, lab.router.address, UDP, udp(68, 67, dhcp))),
        "DHCP from another port": (ETH_IPV4, ipv4(own, lab.router.address, UDP,
                                                  udp(1068, 67, dhcp))),
        "DHCP in fragments": (ETH_IPV4, ipv4(own, lab.router.address, UDP, udp(68, 67, dhcp),
                                             fragment=0x2000)),
        "a DHCP answer": (ETH_IPV4, ipv4(own, "255.255.255.255", UDP, udp(67, 68, dhcp))),
        "a DHCP answer from another port": (ETH_IPV4, ipv4(own, phone, UDP, udp(1067, 68, dhcp))),
        "ARP for a station": (ETH_ARP, arp(2, (guest.mac, phone), (NOBODY, own)) + text),
        "ARP for the host": (ETH_ARP, arp(1, (guest.mac, lab.laptop.address),
                                          (NOBODY, own)) + text),
        "ARP of other lengths": (ETH_ARP, arp(1, (guest.mac, own), (NOBODY, phone),
                                              lengths=0x0804) + text),
        "ARP of another operation": (ETH_ARP, arp(8, (guest.mac, own), (NOBODY, phone)) + text),
        "a tag": (ETH_VLAN, b"\0\5\x08\0" + ipv4(own, phone, UDP, note)),
        "a tag without a VLAN": (ETH_VLAN, b"\0\0\x08\0" + ipv4(own, phone, UDP, note)),
        "a tag of 802.1ad": (0x88A8, b"\0\5\x08\0" + ipv4(own, phone, UDP, note)),
        "two tags": (ETH_VLAN, b"\0\5\x81\0\0\6\x08\0" + ipv4(own, phone, UDP, note)),
        "IPv6": (ETH_IPV6, b"\x60" + bytes(39) + text),
        "RARP": (0x8035, arp(3, (guest.mac, own), (NOBODY, own)) + text),
        "LLDP": (0x88CC, bytes(20) + text),
        "STP": (60, b"\x42\x42\3" + bytes(30) + text + bytes(15)),
    }


def bad_frames(scene: Scene, text: bytes) -> dict[str, bytes]:
    """Frames that are dropped."""
    guest = scene.guest
    echo = ipv4(guest.address, scene.lab.phone.address, ICMP, icmp(8, 0, bytes(4), text))
    made = {"to a group's MAC": ether("01:00:5e:00:00:fb", guest.mac, ETH_IPV4, echo)}
    if scene.path == "bridged":
        made |= frames_of_other_macs(scene, text)
    for name, (kind, payload) in bad_packets(scene, text).items():
        made[name] = ether(scene.next_hop, guest.mac, kind, payload)
        made[f"{name}, to all"] = ether(BROADCAST, guest.mac, kind, payload)
        made[f"{name}, to the host"] = ether(scene.lab.laptop.mac, guest.mac, kind, payload)
    return made


def test_hostile_frames_are_dropped(path_scene: Scene) -> None:
    """None of them reaches the host's stack, another guest or the LAN; what is right does."""
    scene = path_scene
    laptop = scene.lab.laptop.netns
    laptop.ip(f"addr add {OTHER_NETWORK} brd + dev lo")
    scene.holder.say("refresh")
    passed = []
    for frames, wanted in ((good_frames, True), (bad_frames, False)):
        sent = {}
        for name, frame in frames(scene, PLACE).items():
            sent[name] = marker()
            scene.send(scene.guest, frame.replace(PLACE, sent[name]))
        time.sleep(0.5)
        passed += [(name, heard) for name, text in sent.items()
                   if any((heard := scene.heard(text)).values()) != wanted]
    laptop.ip(f"addr del {OTHER_NETWORK} dev lo")
    assert not passed


def test_storm(scene: Scene) -> None:
    """A guest that floods the LAN takes nothing from another one's broadcasts."""
    guest, other = scene.guest, scene.other
    flood = ether(BROADCAST, guest.mac, ETH_IPV4,
                  ipv4(guest.address, "255.255.255.255", UDP, udp(9, 9, PLACE)))
    texts = [marker() for _ in range(20)]
    with guest.netns.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as raw:
        raw.bind((guest.interface, 0))
        for text in texts:
            for _ in range(100):
                raw.send(flood)
                time.sleep(0.0002)
            scene.send(other, ether(BROADCAST, other.mac, ETH_IPV4, ipv4(
                other.address, "255.255.255.255", UDP, udp(9, 9, text))))
    assert [scene.hears("phone", text) for text in texts] == [True] * len(texts)


@pytest.mark.parametrize("victim", ["laptop", "guest"])
def test_stolen_mac(scene: Scene, victim: str) -> None:
    """A guest with the router's MAC gets nothing that the host or another guest sends to the
    router, and still is a guest."""
    sender, thief, router = scene.machines[victim], scene.other, scene.lab.router
    thief.netns.ip(f"link set eth0 address {router.mac}")
    thief.publish(mac=router.mac)
    frames = {"IPv4 beyond the router": (ETH_IPV4, ipv4(sender.address, "198.51.100.1", UDP,
                                                        udp(9, 9, PLACE))),
              "IPv4 to the router": (ETH_IPV4, ipv4(sender.address, router.address, UDP,
                                                    udp(9, 9, PLACE))),
              "ARP": (ETH_ARP, arp(1, (sender.mac, sender.address),
                                   (router.mac, router.address)) + PLACE)}
    for name, (kind, payload) in frames.items():
        text = marker()
        scene.send(sender, ether(router.mac, sender.mac, kind, payload.replace(PLACE, text)))
        assert scene.hears("router", text), name
        assert scene.heard(text)["other"] == 0, name
    assert reaches(sender, router)
    assert reaches(sender, thief)


def test_dhcp_relay_still_hears(path_scene: Scene) -> None:
    """A packet socket for all types, as dhcp_socket.c has, gets a frame before the table."""
    scene = path_scene
    with scene.lab.laptop.netns.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                       socket.htons(3)) as ear:
        ear.bind((scene.guest.tap, 3))
        ear.settimeout(2)
        text = marker()
        scene.send(scene.guest, ether(BROADCAST, scene.guest.mac, ETH_IPV4, ipv4(
            ANY, "255.255.255.255", UDP, udp(68, 67, text))))
        while text not in ear.recv(2000):
            pass


# The table as others see it, and its end

# Patterns of nft 1.0.6, and the words that the reports have instead.
UNNAMED = [(r" comment \".*\"", ""), (r" ?counter packets \d+ bytes \d+", ""), ("@ll,0,48", "ether daddr"),
           ("@ll,48,48", "ether saddr"), ("@ll,96,16", "ether type"),
           (r"0x1000000 \[invalid type\]", "1"), (r"0x0 \[invalid type\]", NOBODY), ("meta protocol ip @nh,128,8 & 0xf0 == 0xe0",
                                                  "ip daddr 224.0.0.0/4"), ('"', "")]


def plain(line: str) -> str:
    """A listed rule as the reports have it."""
    for pattern, text in UNNAMED:
        line = re.sub(pattern, text, line)
    return re.sub(r"0x([0-9a-f]{12})\b", lambda mac: bytes.fromhex(mac[1]).hex(":"), line.strip())


def listed_rules(netns: Netns, table: str) -> list[str]:
    """Chain and rule of each rule that nft lists."""
    rules, chain = [], ""
    for line in netns.run(["nft", "list", "table", "netdev", table]).stdout.splitlines():
        if line.startswith("\tchain "):
            chain = line.split()[1]
        elif line == "\t}":
            chain = ""
        elif chain and "type filter hook" not in line:
            rules.append(f"{chain} {plain(line)}")
    # nft 1.1 has masks in hexadecimal, and a MAC in a concatenation with its padding.
    text = "\n".join(rules).replace(":".join(["00"] * 8), ":".join(["00"] * 6))
    return re.sub(r"\b0x([0-9a-f]{1,4})\b", lambda found: str(int(found[1], 16)), text).split("\n")


def test_reports_show_the_table(lab: Lab) -> None:
    """The rules that --verbose prints for reading are those that nft lists."""
    table = f"vmrun-{UPLINK}"
    with Holder(lab, verbose=True) as holder:
        holder.guest("routed")
        holder.guest("bridged")
        said = [line for line in holder.reports() if "# nft add " in line]
        rules = [line.split(f"# nft add rule netdev {table} ")[1]
                 for line in said if "add rule" in line]
        assert sorted(rules) == sorted(listed_rules(lab.laptop.netns, table))
        for name in ("pair4", "tap_by_pair", "tap_by_ip4", "mac_by_ip4"):
            count = len([line for line in said if f"add element netdev {table} {name} " in line])
            assert count == len(holder.elements(name))


def test_others_cannot_change_it(scene: Scene) -> None:
    """nft lists the table, cannot change it, and leaves it when it flushes everything."""
    laptop = scene.lab.laptop.netns
    table = f"vmrun-{UPLINK}"
    listed = laptop.run(["nft", "list", "ruleset"]).stdout
    assert f"table netdev {table}" in listed
    assert f'"{scene.guest.tap}"' in listed
    for command in (f"delete table netdev {table}", f"flush chain netdev {table} check",
                    f"add rule netdev {table} check accept",
                    f"add element netdev {table} host4 {{ 1.2.3.4 }}"):
        with pytest.raises(CommandError, match="Operation not permitted"):
            laptop.nft(command)
    laptop.nft("flush ruleset")
    assert laptop.run(["nft", "list", "table", "netdev", table]).stdout
    assert reaches(scene.guest, scene.lab.phone)


def test_ends_with_its_holder(lab: Lab) -> None:
    """SIGKILL: no table, no gate, no ALLMULTI."""
    laptop = lab.laptop.netns
    with Holder(lab) as holder:
        holder.guest()
        assert "vmr-gate_" in laptop.ip("-o link")
        assert laptop.ip_json(f"link show {UPLINK}")[0]["allmulti"] == 1
        holder.process.kill()
        holder.process.wait()
        holder.wait_gone()
        assert "vmrun" not in laptop.run(["nft", "list", "tables"]).stdout
        assert laptop.ip_json(f"link show {UPLINK}")[0]["allmulti"] == 0


def test_station_mac_changes(path_scene: Scene) -> None:
    """One element is replaced, and everything runs again."""
    scene = path_scene
    laptop = scene.lab.laptop
    laptop.change_mac("02:00:00:77:00:99")
    scene.holder.say("refresh")
    if scene.path == "routed":  # lost with the link
        laptop.netns.ip(f"neigh replace proxy {scene.guest.address} dev {UPLINK}")
    for machine in scene.machines.values():
        machine.netns.ip("neigh flush all")
    assert reaches(scene.lab.phone, scene.guest)
    assert reaches(scene.guest, scene.lab.phone)
    assert reaches(scene.guest, laptop)
    assert reaches(laptop, scene.other)


def test_vm_changes(lab: Lab) -> None:
    """Another path, another MAC, another address, a tap that is gone: each one request."""
    with Holder(lab) as holder:
        guest = holder.guest("bridged")
        assert reaches(lab.phone, guest)
        guest.publish("routed")
        assert not lab.phone.ping_once(guest.address)
        guest.route()
        guest.netns.ip("neigh flush all")  # the stations' MACs; those of the routed path are the tap's
        assert reaches(lab.phone, guest)
        lab.laptop.netns.ip(f"route del {guest.address}/32")
        guest.publish("bridged")
        guest.netns.ip("neigh flush all")
        assert reaches(lab.phone, guest)
        guest.publish(address="192.168.77.150")
        assert not lab.phone.ping_once(guest.address)
        guest.publish(mac="52:54:00:77:00:77")
        assert not lab.phone.ping_once(guest.address)
        guest.publish()
        assert reaches(lab.phone, guest)
        holder.say(f"delete {guest.tap}")
        assert not lab.phone.ping_once(guest.address)
        assert not holder.elements("pair4") and not holder.elements("tap_by_pair")
        guest.publish()
        assert reaches(lab.phone, guest)
        assert len(holder.elements("pair4")) == 2


def test_gone_tap_gives_its_address_up(lab: Lab) -> None:
    """Another VM may have the address of one whose tap is gone, not of one that has a tap."""
    with Holder(lab) as holder:
        guest, other = holder.guest("bridged"), holder.guest("bridged")
        with pytest.raises(Refused, match="another VM"):
            other.publish(address=guest.address)
        with pytest.raises(Refused, match="another VM"):
            other.publish(mac=guest.mac)
        with pytest.raises(Refused, match="the host has"):
            other.publish(address=lab.laptop.address)
        with pytest.raises(Refused, match="has the guest's MAC"):
            other.publish(mac=lab.laptop.mac)
        holder.say(f"unplug {guest.tap}")
        other.publish(address=guest.address)
        assert len(holder.elements("pair4")) == 2


@pytest.mark.lab(mtu=1300)
def test_small_mtu(lab: Lab) -> None:
    """A guest whose MTU is above the uplink's has its TCP segments lowered, both ways."""
    with Holder(lab) as holder:
        guest = holder.guest("bridged")
        guest.netns.ip("link set eth0 mtu 1500")
        lab.phone.netns.ip("link set lan mtu 1300")
        for sender, receiver in ((guest, lab.phone), (lab.phone, guest)):
            assert _transfer(sender, receiver, 1 << 20)
        assert "1260" in str(holder.elements("mss"))


def test_fifty_guests(lab: Lab) -> None:
    """The rules that an incoming unicast frame passes do not grow with the guests."""
    with Holder(lab) as holder:
        first = holder.guest("bridged", offloads=False)
        assert reaches(lab.phone, first)
        before = len([rule for rule, (chain, _) in holder.rules().items() if chain == "uplink_in"])
        for number in range(49):
            name = f"vmr-x{number}"
            holder.say(f"tap {name}")
            holder.say(f"vm {name} 52:54:00:99:00:{number:02x} 192.168.77.{number + 200} bridged")
        assert reaches(lab.phone, first)
        rules = holder.rules()
        assert len([rule for rule, (chain, _) in rules.items() if chain == "uplink_in"]) == before
        assert len(holder.elements("tap_by_ip4")) == 50
