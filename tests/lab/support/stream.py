# SPDX-License-Identifier: GPL-2.0-or-later
"""A steady stream of packets to the guest, and when it was interrupted, for how long."""

import hashlib
import os
import select
import socket
import struct
import threading
import time
from typing import Optional

import arp
from station import Station

INTERVAL = 0.01
BULK = 1 << 20  # octets
_HEADER = struct.Struct("!BBHHH")
ECHO_REQUEST, ECHO_REPLY = 8, 0


class Stream:
    """Sends every INTERVAL and notes when answers came; a context manager.

    Times are of time.monotonic(). Subclasses send and receive one packet.
    """

    def __init__(self, name: str) -> None:
        self.answers: list[float] = []
        self._stop = False
        self._threads = [threading.Thread(target=each, name=name, daemon=True)
                         for each in (self._send_all, self._receive_all)]

    def __enter__(self) -> "Stream":
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop = True
        for each in self._threads:
            each.join()
        self._close()

    def _send(self) -> None:
        raise NotImplementedError

    def _receive(self) -> bool:
        """Take what has come; whether it was an answer."""
        raise NotImplementedError

    def _close(self) -> None:
        pass

    def _send_all(self) -> None:
        due = time.monotonic()
        while not self._stop:
            self._send()
            due = max(due + INTERVAL, time.monotonic() - INTERVAL)
            time.sleep(max(0, due - time.monotonic()))

    def _receive_all(self) -> None:
        while not self._stop:
            if self._receive():
                self.answers.append(time.monotonic())

    def answered(self, since: float, timeout: float = 10) -> Optional[float]:
        """The time of the first answer after @since; waits up to @timeout from now for it."""
        deadline = time.monotonic() + timeout
        while True:
            later = next((each for each in list(self.answers) if each > since), None)
            if later or time.monotonic() > deadline:
                return later
            time.sleep(INTERVAL / 2)

    def outage(self, since: float, until: float) -> float:
        """The longest time without an answer between the two."""
        seen = [since, *(each for each in list(self.answers) if since < each < until), until]
        return max(after - before for before, after in zip(seen, seen[1:]))


class Pings(Stream):
    """Echo requests from a station."""

    def __init__(self, station: Station, address: str) -> None:
        super().__init__(f"pings {address}")
        self.address = address
        self._id = os.getpid() & 0xffff
        self._sequence = 0
        self._sock = station.netns.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)

    def _send(self) -> None:
        self._sequence = (self._sequence + 1) & 0xffff
        header = _HEADER.pack(ECHO_REQUEST, 0, 0, self._id, self._sequence)
        words = struct.unpack("!4H", header)
        total = sum(words)
        total = (total & 0xffff) + (total >> 16)
        checksum = ~((total & 0xffff) + (total >> 16)) & 0xffff
        try:
            self._sock.sendto(_HEADER.pack(ECHO_REQUEST, 0, checksum, self._id, self._sequence),
                              socket.MSG_DONTWAIT, (self.address, 0))
        except OSError:
            pass  # unreachable just now: no answer will come

    def _receive(self) -> bool:
        if not select.select([self._sock], [], [], 0.1)[0]:
            return False
        try:
            packet, (source, _) = self._sock.recvfrom(2048)
        except OSError:
            return False
        kind, _, _, identifier, _ = _HEADER.unpack(packet[20:28])
        return kind == ECHO_REPLY and identifier == self._id and source == self.address

    def _close(self) -> None:
        self._sock.close()


class Echoes(Stream):
    """One TCP connection to the guest's echo service, written to and read all the time."""

    def __init__(self, station: Station, address: str, port: int = 7) -> None:
        super().__init__(f"echoes of {address}")
        self.broken: Optional[OSError] = None
        self.sent = self.received = 0
        self._sock = station.tcp_open(address, port)
        self._sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock.settimeout(0.1)

    def _send(self) -> None:
        if self.broken or self.sent - self.received > 4096:
            return  # stalled: what is in flight will tell when it goes on
        try:
            self.sent += self._sock.send(b"echo")
        except TimeoutError:
            pass
        except OSError as error:
            self.broken = error

    def _receive(self) -> bool:
        if self.broken:
            time.sleep(0.1)
            return False
        try:
            data = self._sock.recv(65536)
        except TimeoutError:
            return False
        except OSError as error:
            self.broken = error
            return False
        if not data:
            self.broken = ConnectionResetError("the guest closed the connection")
        self.received += len(data)
        return bool(data)

    def _close(self) -> None:
        self._sock.close()


def echo_unchanged(station: Station, address: str, size: int, port: int = 7,
                   timeout: float = 60) -> bool:
    """Send @size random octets to the guest's echo service and read them again; true if both have
    one SHA-256 digest. @timeout: seconds for a part of it."""
    want, got = hashlib.sha256(), hashlib.sha256()
    with station.tcp_open(address, port, timeout) as sock:
        def send() -> None:
            for begin in range(0, size, BULK):
                part = os.urandom(min(BULK, size - begin))
                want.update(part)
                sock.sendall(part)

        sender = threading.Thread(target=send, name=f"bulk to {address}")
        sender.start()
        left = size
        while left and (part := sock.recv(min(BULK, left))):
            got.update(part)
            left -= len(part)
        sender.join()
    return left == 0 and want.digest() == got.digest()


def arp_answered(station: Station, address: str, mac: str, timeout: float = 10) -> Optional[float]:
    """The time when an ordinary ARP request for @address was first answered, by @mac."""
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        found = arp.ask(station.netns, station.interface, address, station.address, timeout=0.02)
        if mac in found:
            return time.monotonic()
    return None


def milliseconds(seconds: Optional[float]) -> str:
    """For a table."""
    return "never" if seconds is None else f"{seconds * 1000:.0f} ms"


def table(title: str, head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """Text with aligned columns."""
    lines = [head, *rows]
    widths = [max(len(str(line[i])) for line in lines) for i in range(len(head))]
    text = ["  ".join(str(cell).ljust(width) for cell, width in zip(line, widths)).rstrip()
            for line in lines]
    return "\n".join(["", title, *text])
