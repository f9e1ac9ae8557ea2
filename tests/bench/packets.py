# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures the processor time of a packet to and from a guest, alone and among many, without QEMU.

One thread sends a packet and takes it at the other end; the kernel does all work in between in that
thread's time, since a veth and a tap have no processor of their own. The thread stays on one
processor, so that its time is the packet's, with two system calls and this program's part.
"""

import fcntl
import os
import select
import socket
import statistics
import struct
import subprocess
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Callable, Optional

import byhand
import measure
from lab import Lab
from laptop import IFF_NO_PI, TUNSETIFF
from stacks import IFF_TAP, IFF_VNET_HDR, borrow
from wire import ETH_IPV4, TUNGETVNETHDRSZ, UDP, ether, ipv4, udp

ROUNDS = 20
BATCHES = 50
BATCH = 64  # packets; any queue on the way has room for them
MANY = 50
PORT = 6969
PAYLOAD = b"a packet of vmrun"
MAC = "52:54:00:00:00:00"  # of plumb's first VM
HAND = "tap by hand"


class Place:
    """A guest's place on the LAN in a lab of its own; this program is the guest."""

    def __init__(self, stack: ExitStack, plumb: Path, path: Optional[str], count: int) -> None:
        """@path: None for a tap by hand. @count: VMs, of which all but the first are idle."""
        self._lab = lab = stack.enter_context(Lab())
        if path:
            self._hold(stack, plumb, path, count)
        else:
            self._by_hand(stack)
        stack.callback(os.close, self._fd)
        os.set_blocking(self._fd, False)
        size = struct.unpack("i", fcntl.ioctl(self._fd, TUNGETVNETHDRSZ, bytes(4)))[0]
        hop = lab.phone.mac if path == "bridged" else self._link()["address"]
        self._frame_up = bytes(size) + ether(hop, MAC, ETH_IPV4,
                                             self._packet(self._address, lab.phone.address))
        self._frame_down = ether(lab.laptop.mac, lab.phone.mac, ETH_IPV4,
                                 self._packet(lab.phone.address, self._address))
        phone = lab.phone.netns
        self._raw = stack.enter_context(phone.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
        self._raw.bind((lab.phone.interface, 0))
        self._sink = stack.enter_context(phone.socket(kind=socket.SOCK_DGRAM))
        self._sink.bind(("", PORT))
        self._own = stack.enter_context(lab.laptop.netns.socket(kind=socket.SOCK_DGRAM))
        self._own.connect((lab.phone.address, PORT))
        lab.laptop.netns.ip_batch([
            f"neigh replace {self._address} lladdr {MAC} dev {self._tap} nud permanent",
            f"neigh replace {lab.phone.address} lladdr {lab.phone.mac} dev wlan0 nud permanent"])

    def _hold(self, stack: ExitStack, plumb: Path, path: str, count: int) -> None:
        holder = stack.enter_context(self._lab.laptop.netns.popen(
            [str(plumb), "hold", str(count), "none", path], text=True, stdin=subprocess.PIPE,
            stdout=subprocess.PIPE))
        stack.callback(holder.stdin.close)
        places = [holder.stdout.readline().split() for _ in range(count)]
        self._address, self._tap, number = places[0]
        self._fd = borrow(holder.pid, int(number))

    def _by_hand(self, stack: ExitStack) -> None:
        self._address, self._tap = byhand.ADDRESS, "tap1"
        self._lab.run([str(byhand.RECIPE), "up"])
        stack.callback(byhand.recipe_down, self._lab)
        request = struct.pack("16sH22x", self._tap.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)

        def attach() -> int:  # to the tap of the namespace that the open happens in
            made = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
            fcntl.ioctl(made, TUNSETIFF, request)
            return made

        self._fd = self._lab.laptop.netns.call(attach)
        # The kernel sends nothing before, and takes up to a second.
        while self._link()["operstate"] != "UP":
            time.sleep(0.05)

    def _link(self) -> dict:
        return self._lab.laptop.netns.ip_json(f"link show dev {self._tap}")[0]

    @staticmethod
    def _packet(source: str, to: str) -> bytes:
        return ipv4(source, to, UDP, udp(PORT, PORT, PAYLOAD))

    def _take(self) -> None:
        """Take a packet from the tap; others than ours are the host's own."""
        while True:
            try:
                if os.read(self._fd, 2048).endswith(PAYLOAD):
                    return
            except BlockingIOError:
                if not select.select([self._fd], [], [], 1)[0]:
                    raise TimeoutError(f"no packet came to {self._address}") from None

    def _catch(self) -> None:
        """Take a packet on the phone."""
        self._sink.recv(2048)

    def down(self) -> float:
        """The phone sends to the guest; microseconds."""
        return self._time(lambda: self._raw.send(self._frame_down), self._take)

    def up(self) -> float:
        """The guest sends to the phone; microseconds."""
        return self._time(lambda: os.write(self._fd, self._frame_up), self._catch)

    def own(self) -> float:
        """The laptop sends to the phone; microseconds."""
        return self._time(lambda: self._own.send(PAYLOAD), self._catch)

    def _time(self, send: Callable[[], object], take: Callable[[], None]) -> float:
        """Microseconds for a packet: the median of some batches."""
        self._sink.settimeout(1)
        times = []
        for _ in range(BATCHES):
            began = time.perf_counter()
            for _ in range(BATCH):
                send()
            for _ in range(BATCH):
                take()
            times.append((time.perf_counter() - began) / BATCH * 1e6)
        return statistics.median(times)


def main(build: Path) -> None:
    """Print the tables."""
    kinds: dict[str, tuple[Optional[str], int]] = {HAND: (None, 1)}
    for path in ("routed", "bridged"):
        kinds |= {f"{path}, 1 VM": (path, 1), f"{path}, {MANY} VMs": (path, MANY)}
    processors = os.sched_getaffinity(0)
    with ExitStack() as stack:
        places = {name: Place(stack, build / "plumb", *kind) for name, kind in kinds.items()}
        stack.callback(os.sched_setaffinity, 0, processors)
        os.sched_setaffinity(0, {min(processors)})
        for text, name in (("from the phone to the guest", "down"),
                           ("from the guest to the phone", "up"),
                           ("from the laptop itself to the phone", "own")):
            measure.title(f"packets: processor time of each, {text}, without QEMU")
            measure.table("us", measure.in_turn(ROUNDS, {each: getattr(place, name)
                                                         for each, place in places.items()}),
                          HAND, 2, {each: f"as {each.split(',')[0]}, 1 VM" for each in places
                                    if str(MANY) in each})
