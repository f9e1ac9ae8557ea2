# SPDX-License-Identifier: GPL-2.0-or-later
"""An uplink's table with guests, without the service: tests/tools/table_holder holds it.

A guest is a namespace whose eth0 is a tap; the holder passes its frames to the tap on the laptop,
as QEMU does.
"""

import os
import select
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack
from typing import Optional

import netns
import vm
from lab import Lab
from netns import Netns
from station import Station
from wire import ETH_ARP, ETH_IPV4, ETH_IPV6, SO_RCVBUFFORCE

UPLINK = "wlan0"
ROUTED = {"ipv4/conf/{tap}/rp_filter": "1", "ipv4/conf/{tap}/proxy_arp": "1",
          "ipv4/neigh/{tap}/proxy_delay": "0", "ipv4/conf/{tap}/forwarding": "1"}
TYPES = [ETH_IPV4, ETH_ARP, ETH_IPV6, 0x88CC, 0x8035, 0x0004]
SHARED = {f"ipv4/conf/{UPLINK}/forwarding": "1", f"ipv4/neigh/{UPLINK}/proxy_delay": "0"}


class Refused(Exception):
    """The holder's answer to a command that failed."""


class Guest(Station):
    """A VM: its stack is that of a namespace. @path: routed or bridged; None: not in the table."""

    def __init__(self, holder: "Holder", number: int, path: Optional[str], offloads: bool) -> None:
        lab = holder.lab
        self.tap, self.path, self._holder = f"vmr-g{number}", path, holder
        self._mac = f"52:54:00:77:00:{number:02x}"
        super().__init__(Netns(f"{lab.prefix}-g{number}"), "eth0",
                         lab.lan.cidr(lab.lan.network.network_address + 100 + number))
        netns.create([self.netns])
        holder.say(f"guest {self.tap} {self.netns.name} {int(offloads)}")
        holder.wait_for(self.netns, "eth0")
        self.netns.sysctls({"net/ipv6/conf/all/disable_ipv6": "1"})
        self.netns.ip_batch(["link set lo up", f"link set eth0 address {self._mac} mtu {lab.lan.mtu} up",
                             f"addr add {self.cidr} brd + dev eth0",
                             f"route add default via {lab.lan.gateway}"])
        lab.laptop.netns.sysctls({f"net/ipv6/conf/{self.tap}/disable_ipv6": "1"})
        self.publish()
        holder.say(f"up {self.tap} 02:00:00:77:01:{number:02x} {lab.lan.mtu}")
        if path == "routed":
            self.route()

    def publish(self, path: Optional[str] = None, mac: str = "", address: str = "") -> None:
        """Put the guest into the table."""
        self.path = path or self.path
        if self.path:
            self._holder.say(f"vm {self.tap} {mac or self._mac} {address or self.address} {self.path}")

    def route(self) -> None:
        """Make the route and the values of a routed VM, as the service does."""
        laptop = self._holder.lab.laptop.netns
        laptop.sysctls({"net/" + key.format(tap=self.tap): value for key, value in ROUTED.items()})
        laptop.sysctls({"net/" + key: value for key, value in SHARED.items()})
        laptop.ip_batch([f"route add {self.address}/32 dev {self.tap} scope link",
                         f"neigh add proxy {self.address} dev {UPLINK}"])
        self._holder.routed.append(self.address)


class Holder:
    """The process that holds the table; a context manager."""

    def __init__(self, lab: Lab, verbose: bool = False) -> None:
        self.lab, self.guests, self.routed = lab, [], []
        self._reports = tempfile.TemporaryFile("w+")
        program = vm.binary().parent / "tests" / "table_holder"
        lab.lan.ap.run(["bridge", "link", "set", "dev", "laptop", "hairpin", "on"])
        # Not with the laptop's own /run: the holder enters the guests' namespaces.
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", lab.laptop.netns.name, program, UPLINK, *verbose * ["v"]],
            text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._reports,
            env=os.environ | lab.laptop.netns.env)
        self._before = {key: lab.laptop.netns.sysctl("net/" + key) for key in SHARED}

    def __enter__(self) -> "Holder":
        self.say("open")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self.wait_gone()
        for guest in self.guests:
            guest.close()
        netns.delete([guest.netns.name for guest in self.guests])
        laptop = self.lab.laptop.netns
        laptop.ip_batch([f"neigh del proxy {address} dev {UPLINK}" for address in self.routed])
        laptop.sysctls({"net/" + key: value for key, value in self._before.items()})

    def say(self, command: str) -> None:
        """Give a command; raise Refused if it fails."""
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline().strip()
        if not answer.startswith("ok"):
            raise Refused(f"{command}: {answer or 'the holder has ended'}")

    def guest(self, path: Optional[str] = "bridged", offloads: bool = True) -> Guest:
        """One more guest."""
        made = Guest(self, len(self.guests) + 2, path, offloads)
        self.guests.append(made)
        return made

    def reports(self) -> list[str]:
        """Its reports of changes, if it is verbose."""
        self._reports.seek(0)
        return self._reports.read().splitlines()

    def wait_gone(self) -> None:
        """Wait until the kernel has removed the taps and the gate; it does so after the close."""
        for _ in range(500):
            if "vmr-" not in self.lab.laptop.netns.ip("-o link"):
                return
            time.sleep(0.01)
        raise TimeoutError("the holder has ended, and its interfaces are left")

    def reopen(self) -> None:
        """Make the table anew, with the same guests."""
        self.say("close")
        self.say("open")
        for guest in self.guests:
            guest.publish()

    @staticmethod
    def wait_for(where: Netns, interface: str) -> None:
        """Wait until an interface is there."""
        for _ in range(500):
            if interface in where.call(lambda: [name for _, name in socket.if_nameindex()]):
                return
            time.sleep(0.01)
        raise TimeoutError(f"no {interface} in {where}")

    def rules(self) -> dict[str, tuple[str, int]]:
        """Chain and handle of each rule, by its chain's name and its comment; a name that several
        have stands for the first."""
        found = {}
        for item in self.lab.laptop.netns.nft_json("-a", "list", "table", "netdev",
                                                   f"vmrun-{UPLINK}"):
            if rule := item.get("rule"):
                chain = "tap" if rule["chain"].startswith("tap_") else rule["chain"]
                found.setdefault(f"{chain}: {rule['comment']}", (rule["chain"], rule["handle"]))
        return found

    def elements(self, name: str) -> list:
        """The elements of a set or map."""
        kind = "set" if name in ("pair4", "host4") else "map"
        item = self.lab.laptop.netns.nft_json("list", kind, "netdev", f"vmrun-{UPLINK}", name)[0]
        return item[kind].get("elem", [])

    def without(self, rule: str) -> None:
        """Delete a rule, named as in rules()."""
        chain, handle = self.rules()[rule]
        self.say(f"unrule {chain} {handle}")


class Ear:
    """Frames of one EtherType that pass the table into a machine's stack, on any interface.

    A packet socket that is bound to one type sees a frame after the hooks of netfilter, one for all
    types before (net/core/dev.c).
    """

    def __init__(self, where: Netns, kind: int) -> None:
        self._socket = where.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(kind))
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self._heard: list[bytes] = []

    def count(self, marker: bytes) -> int:
        """The number of frames with the marker that came in."""
        while select.select([self._socket], [], [], 0)[0]:
            frame, address = self._socket.recvfrom(70000)
            if address[2] != socket.PACKET_OUTGOING:
                self._heard.append(frame)
        return sum(marker in frame for frame in self._heard)

    def find(self, marker: bytes) -> Optional[bytes]:
        """The first frame with the marker."""
        self.count(marker)
        return next((frame for frame in self._heard if marker in frame), None)

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


class Scene:
    """A LAN, and a laptop with two guests; the first is @path's. Frames are told by a marker."""

    def __init__(self, lab: Lab, path: str = "bridged") -> None:
        self.lab, self._closing = lab, ExitStack()
        self.holder = self._closing.enter_context(Holder(lab))
        self.guest, self.other = self.holder.guest(path), self.holder.guest("bridged")
        self.path = path
        self.machines = {"phone": lab.phone, "router": lab.router, "laptop": lab.laptop,
                         "guest": self.guest, "other": self.other}
        self._ears = {name: [Ear(machine.netns, kind) for kind in TYPES]
                      for name, machine in self.machines.items()}
        for ears in self._ears.values():
            for ear in ears:
                self._closing.callback(ear.close)

    def close(self) -> None:
        """Remove the guests and the table."""
        self._closing.close()

    @staticmethod
    def send(machine: Station, frame: bytes) -> None:
        """A frame from a machine's interface."""
        with machine.netns.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as raw:
            raw.bind((machine.interface, 0))
            raw.send(frame)

    def heard(self, marker: bytes) -> dict[str, int]:
        """For each machine, the number of frames with the marker that it has heard."""
        return {name: sum(ear.count(marker) for ear in ears) for name, ears in self._ears.items()}

    def hears(self, name: str, marker: bytes, timeout: float = 1) -> bool:
        """Wait until a machine has heard the marker."""
        end = time.monotonic() + timeout
        while not (heard := self.heard(marker)[name]) and time.monotonic() < end:
            time.sleep(0.01)
        return heard > 0

    def find(self, name: str, marker: bytes) -> bytes:
        """The frame that a machine has heard."""
        assert self.hears(name, marker), f"{name} has not heard it"
        return next(frame for ear in self._ears[name] if (frame := ear.find(marker)))

    @property
    def next_hop(self) -> str:
        """The MAC to which the guest sends what is for the LAN."""
        if self.path == "bridged":
            return self.lab.phone.mac
        return self.lab.laptop.netns.ip_json(f"link show {self.guest.tap}")[0]["address"]


def marker() -> bytes:
    """Octets that no other frame has."""
    return b"\xaa" + os.urandom(11)


def reaches(one: Station, other: Station) -> bool:
    """One echo request is answered, after the sender has asked for the address anew."""
    one.netns.ip("neigh flush all", check=False)
    return one.ping(other.address, timeout=2)
