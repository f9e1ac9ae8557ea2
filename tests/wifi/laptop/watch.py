# SPDX-License-Identifier: GPL-2.0-or-later
"""Watches hosts: sends each an echo request every few milliseconds, and measures their silence."""

import os
import selectors
import socket
import struct
import threading
import time
from dataclasses import dataclass
from typing import Dict, List

from command import inside

ECHO, ECHO_REPLY = 8, 0


def checksum(data: bytes) -> int:
    """The Internet checksum of an even number of octets (RFC 1071)."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    total = (total >> 16) + (total & 0xFFFF)
    return ~(total + (total >> 16)) & 0xFFFF


@dataclass
class Target:
    """A host that is watched from a namespace."""

    socket: socket.socket
    address: str
    replies: List[float]  # the times at which answered requests left


class Watch:
    """A thread that watches hosts; @interval in seconds."""

    def __init__(self, interval: float) -> None:
        self.interval = interval
        self._selector = selectors.DefaultSelector()
        self._targets: Dict[str, Target] = {}
        self._lock = threading.Lock()
        self._mark = time.monotonic()
        self._identifier = os.getpid() & 0xFFFF
        self._times: Dict[int, float] = {}
        self._sequence = 0
        threading.Thread(target=self._run, daemon=True).start()

    def add(self, name: str, netns: str, address: str) -> None:
        """Begin to watch @address from a namespace; a name that is watched gets another address."""
        replies = self._targets[name].replies if name in self._targets else []
        self.drop(name)
        with inside(netns):
            sock = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_NONBLOCK,
                                 socket.IPPROTO_ICMP)
        with self._lock:
            self._targets[name] = Target(sock, address, replies)
            self._selector.register(sock, selectors.EVENT_READ, name)

    def drop(self, name: str) -> None:
        """End a watch, if there is one."""
        with self._lock:
            target = self._targets.pop(name, None)
            if target:
                self._selector.unregister(target.socket)
                target.socket.close()

    def _run(self) -> None:
        following = time.monotonic()
        while True:
            now = time.monotonic()
            if now >= following:
                following = max(following + self.interval, now)
                self._send(now)
            for key, _ in self._selector.select(max(0.0, following - time.monotonic())):
                with self._lock:
                    self._receive(key)

    def _send(self, now: float) -> None:
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._times[self._sequence] = now
        head = struct.pack("!BBHHH", ECHO, 0, 0, self._identifier, self._sequence)
        packet = head[:2] + struct.pack("!H", checksum(head)) + head[4:]
        with self._lock:
            for target in self._targets.values():
                try:
                    target.socket.sendto(packet, (target.address, 0))
                except OSError:
                    pass  # no route now, or a full queue: a request without an answer

    def _receive(self, key: selectors.SelectorKey) -> None:
        target = self._targets.get(key.data)
        while target is not None and target.socket is key.fileobj:
            try:
                packet, sender = target.socket.recvfrom(2048)
            except OSError:
                return
            kind, _, _, identifier, sequence = struct.unpack_from("!BBHHH", packet, 20)
            if (kind, identifier, sender[0]) == (ECHO_REPLY, self._identifier, target.address):
                target.replies.append(self._times.get(sequence, 0.0))

    def mark(self) -> None:
        """Begin a new measurement."""
        with self._lock:
            self._mark = time.monotonic()
            for target in self._targets.values():
                target.replies = target.replies[-1:]

    def answers(self, name: str, seconds: float = 0.5) -> bool:
        """True if requests of the last @seconds were answered: the last one, and most of them."""
        since = time.monotonic() - max(seconds, 5 * self.interval)
        with self._lock:
            target = self._targets.get(name)
            recent = [at for at in target.replies if at > since] if target else []
        return len(recent) >= max(seconds, 5 * self.interval) / self.interval / 2

    def silence(self, name: str) -> int:
        """The longest time without an answered request since the mark, in milliseconds."""
        with self._lock:
            times = sorted(self._targets[name].replies)
        gaps = [after - before for before, after in zip(times, times[1:])]
        return max(0, round((max(gaps, default=0) - self.interval) * 1000))

    def missed(self, name: str, other: str) -> int:
        """The time since the mark for which @name did not answer and @other did, in milliseconds."""
        with self._lock:
            answered = set(self._targets[name].replies)
            latest = max(answered, default=0.0)
            others = [at for at in self._targets[other].replies if self._mark < at < latest]
        return round(len(set(others) - answered) * self.interval * 1000)

    def back(self, name: str) -> float:
        """Seconds from the mark to the first answered request after the longest silence."""
        with self._lock:
            times = sorted(self._targets[name].replies)
        gaps = [(after - before, after) for before, after in zip(times, times[1:])]
        return max(0.0, round(max(gaps, default=(0, self._mark))[1] - self._mark, 3))
