# SPDX-License-Identifier: GPL-2.0-or-later
"""A network stack for each VM whose QEMU is the stand-in, which has a tap and no guest.

The stacks are the kernel's: interfaces in a namespace of their own, each with a VM's address. A
thread passes frames between such an interface and the tap that the VM's QEMU has inherited.
"""

import ctypes
import fcntl
import os
import re
import selectors
import socket
import struct
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Callable, Optional, Sequence

import netns
from lab import Lab
from laptop import IFF_NO_PI, TUNSETIFF
from netns import Netns
from vm import Vm

IFF_TAP, IFF_VNET_HDR = 0x0002, 0x4000
QEMU_FD_TAP = 6  # of launcher/qemu/qemu_fd.h
SYS_PIDFD_GETFD = 438
FRAME_MAX = 1 << 16
PORT = 7
INTERVAL = 0.02  # seconds between two echo requests to one address
TALK_INTERVAL = 0.1  # seconds between two messages on one connection

_libc = ctypes.CDLL(None, use_errno=True)


def borrow(pid: int, number: int) -> int:
    """A copy of descriptor @number of a process."""
    pidfd = os.pidfd_open(pid)
    fd = _libc.syscall(SYS_PIDFD_GETFD, pidfd, number, 0)
    os.close(pidfd)
    if fd < 0:
        raise OSError(ctypes.get_errno(), f"cannot get descriptor {number} of {pid}")
    return fd


class Loop:
    """A thread that calls a function for each readable descriptor, until it is closed."""

    def __init__(self, tick: Optional[Callable[[], None]] = None) -> None:
        self.selector, self._tick, self._over = selectors.DefaultSelector(), tick, False
        self._thread = threading.Thread(target=self._run, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def _run(self) -> None:
        while not self._over:
            for key, _ in self.selector.select(INTERVAL):
                key.data()
            if self._tick:
                self._tick()

    def close(self) -> None:
        """End."""
        self._over = True
        self._thread.join()


class Stacks:
    """The stacks of @vms; a context manager. Each echoes what comes on TCP port 7."""

    def __init__(self, lab: Lab, vms: Sequence[Vm]) -> None:
        self._lab, self._vms = lab, vms
        self.netns = Netns(f"{lab.prefix}-stacks")
        self._closing = ExitStack()
        self._loop = Loop()

    def __enter__(self) -> "Stacks":
        netns.create([self.netns])
        self._closing.callback(netns.delete, [self.netns.name])
        commands = []
        for number, vm in enumerate(self._vms):
            self._connect(f"vm{number}", vm)
            # The table of the uplink lets through what has the MAC of the VM's card.
            mac = re.search(r"\bmac=([0-9a-f:]{17})", " ".join(vm.child("standin").cmdline))[1]
            commands += [f"link set vm{number} address {mac} up", f"addr add {vm.address}/32 dev vm{number}",
                         f"rule add from {vm.address} lookup {number + 1}",
                         f"route add {self._lab.lan.network} dev vm{number} table {number + 1}"]
        self.netns.ip_batch(commands)
        server = self.netns.socket()
        server.bind(("", PORT))
        server.listen(64)
        self._closing.callback(server.close)
        self._loop.selector.register(server, selectors.EVENT_READ, lambda: self._accept(server))
        self._loop.start()
        self._closing.callback(self._loop.close)
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def _connect(self, name: str, vm: Vm) -> None:
        tap = borrow(vm.child("standin").pid, QEMU_FD_TAP)
        self._closing.callback(os.close, tap)
        request = struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR)

        def make() -> int:  # the device belongs to the namespace that the open happened in
            made = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
            fcntl.ioctl(made, TUNSETIFF, request)
            return made

        own = self.netns.call(make)
        self._closing.callback(os.close, own)
        for fd, other in ((tap, own), (own, tap)):
            os.set_blocking(fd, False)
            self._loop.selector.register(fd, selectors.EVENT_READ,
                                         lambda fd=fd, other=other: self._pass(fd, other))

    @staticmethod
    def _pass(fd: int, other: int) -> None:
        try:
            os.write(other, os.read(fd, FRAME_MAX))
        except OSError:
            pass  # an interface that is down, or gone

    def _accept(self, server: socket.socket) -> None:
        peer = server.accept()[0]
        self._closing.callback(peer.close)
        self._loop.selector.register(peer, selectors.EVENT_READ, lambda: self._echo(peer))

    def _echo(self, peer: socket.socket) -> None:
        try:
            data = peer.recv(4096)
            peer.sendall(data)
        except OSError:
            data = b""
        if not data:
            self._loop.selector.unregister(peer)


def lost_segments(where: Netns) -> int:
    """TCP segments that the namespace has sent again since it was made, without those whose first
    copy had arrived: the other end reports these (DSACK, RFC 2883), as a busy machine is late."""
    counters = {}
    for name in ("snmp", "netstat"):
        text = where.call(lambda name=name: Path("/proc/thread-self/net", name).read_text())
        lines = [line.split() for line in text.splitlines()]
        for names, values in zip(lines[::2], lines[1::2]):
            counters |= {names[0] + key: value for key, value in zip(names[1:], values[1:])}
    return int(counters["Tcp:RetransSegs"]) - int(counters["TcpExt:TCPDSACKRecv"])


class Talk:
    """Messages on open connections, which the stacks echo; a context manager. After its end
    `wrong` has the numbers of the connections that have lost or changed an octet."""

    def __init__(self, connections: Sequence[socket.socket]) -> None:
        self.wrong: list[int] = []
        self._connections = connections
        self._sent, self._got = ([bytearray() for _ in connections] for _ in range(2))
        self._next, self._number, self._over = 0.0, 0, False
        self._loop = Loop(self._send)
        for each, got in zip(connections, self._got):
            self._loop.selector.register(each, selectors.EVENT_READ,
                                         lambda each=each, got=got: got.extend(each.recv(4096)))

    def __enter__(self) -> "Talk":
        self._loop.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over = True
        deadline = time.monotonic() + 5
        while self._sent != self._got and time.monotonic() < deadline:
            time.sleep(INTERVAL)
        self._loop.close()
        self.wrong = [number for number, each in enumerate(self._sent) if each != self._got[number]]

    def _send(self) -> None:
        if self._over or time.monotonic() < self._next:
            return
        self._next = max(self._next, time.monotonic() - TALK_INTERVAL) + TALK_INTERVAL
        self._number += 1
        for each, sent in zip(self._connections, self._sent):
            message = struct.pack("!Q", self._number)
            each.sendall(message)
            sent += message


class Pings:
    """Echo requests from the phone to many addresses; a context manager.

    A machine that is busy answers late, an interrupted network never: so what counts is how long
    requests were sent that nobody answered.
    """

    def __init__(self, lab: Lab, addresses: Sequence[str]) -> None:
        self._socket = lab.phone.netns.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._sent: dict[str, list[float]] = {address: [] for address in addresses}
        self._answered: dict[str, set[int]] = {address: set() for address in addresses}
        self._next = 0.0
        self._loop = Loop(self._send)
        self._loop.selector.register(self._socket, selectors.EVENT_READ, self._receive)

    def __enter__(self) -> "Pings":
        self._loop.start()
        time.sleep(0.3)
        return self

    def __exit__(self, *_: object) -> None:
        time.sleep(1)
        self._next = float("inf")
        time.sleep(0.5)
        self._loop.close()
        self._socket.close()

    def _send(self) -> None:
        if time.monotonic() < self._next:
            return
        self._next = max(self._next, time.monotonic()) + INTERVAL
        for address, sent in self._sent.items():
            body = struct.pack("!HH", 0x7672, len(sent))
            total = 0x0800 + 0x7672 + len(sent)
            checksum = ~(total + (total >> 16)) & 0xFFFF
            sent.append(time.monotonic())
            self._socket.sendto(struct.pack("!BBH", 8, 0, checksum) + body, (address, 0))

    def _receive(self) -> None:
        packet, (address, _) = self._socket.recvfrom(2048)
        kind, _, _, mark, number = struct.unpack("!BBHHH", packet[20:28])
        if kind == 0 and mark == 0x7672 and address in self._answered:
            self._answered[address].add(number)

    def gaps(self) -> dict[str, float]:
        """For each address the seconds from the first request of the longest series without an
        answer to the next one that had one."""
        return {address: self._gap(sent, self._answered[address])
                for address, sent in self._sent.items()}

    @staticmethod
    def _gap(sent: list[float], answered: set[int]) -> float:
        longest, since = 0.0, None
        for number, when in enumerate(sent):
            if number not in answered:
                since = when if since is None else since
            elif since is not None:
                longest, since = max(longest, when - since), None
        return longest if since is None else max(longest, sent[-1] - since)
