# SPDX-License-Identifier: GPL-2.0-or-later
"""ARP spoken by hand: probes, announcements, and a responder that squats on many addresses."""

import select
import socket
import struct
import threading
import time
from ipaddress import IPv4Address
from typing import Callable, Optional

from netns import Netns

ETH_P_ARP = 0x0806
REQUEST, REPLY = 1, 2
BROADCAST = b"\xff" * 6
UNSPECIFIED = "0.0.0.0"
_FORMAT = "!6s6sHHHBBH6s4s6s4s"


def _frame(op: int, ether: bytes, sender: tuple[bytes, str], target: tuple[bytes, str]) -> bytes:
    """An Ethernet ARP frame to @ether; sender and target are (MAC, address) pairs."""
    return struct.pack(_FORMAT, ether, sender[0], ETH_P_ARP, 1, 0x0800, 6, 4, op,
                       sender[0], IPv4Address(sender[1]).packed,
                       target[0], IPv4Address(target[1]).packed)


def _open(netns: Netns, interface: str) -> socket.socket:
    sock = netns.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    sock.bind((interface, ETH_P_ARP))
    return sock


def _text(mac: bytes) -> str:
    return mac.hex(":")


def ask(netns: Netns, interface: str, target: str, sender: str = UNSPECIFIED,
        timeout: float = 1.0, first: bool = True) -> dict[str, float]:
    """Ask who has @target: with the default sender it is an RFC 5227 probe.

    Return: the MACs that claimed it, each with the seconds it took. The wait is cut short by an
    answer if @first, else it lasts @timeout, to see whether there is more than one claimant.
    """
    answers: dict[str, float] = {}
    with _open(netns, interface) as sock:
        own = sock.getsockname()[4]
        sock.send(_frame(REQUEST, BROADCAST, (own, sender), (b"\0" * 6, target)))
        began = time.monotonic()
        while not (answers and first):
            left = began + timeout - time.monotonic()
            if left <= 0 or not select.select([sock], [], [], left)[0]:
                break
            frame = sock.recv(2048)
            _, source, _, _, _, _, _, op, _, address, _, _ = struct.unpack(_FORMAT, frame[:42])
            if op == REPLY and IPv4Address(address) == IPv4Address(target) and source != own:
                answers.setdefault(_text(source), time.monotonic() - began)
    return answers


def announce(netns: Netns, interface: str, address: str) -> None:
    """Claim @address before everyone: a gratuitous request, as RFC 5227 has it."""
    with _open(netns, interface) as sock:
        own = sock.getsockname()[4]
        sock.send(_frame(REQUEST, BROADCAST, (own, address), (b"\0" * 6, address)))


class Responder:
    """Answers ARP requests and probes for every address that a predicate accepts."""

    def __init__(self, netns: Netns, interface: str, owns: Callable[[IPv4Address], bool]) -> None:
        self.asked: list[str] = []
        self._owns = owns
        self._sock: Optional[socket.socket] = _open(netns, interface)
        self._thread = threading.Thread(target=self._serve, name="arp responder", daemon=True)
        self._stop = False
        self._thread.start()

    def _serve(self) -> None:
        own = self._sock.getsockname()[4]
        while not self._stop:
            if not select.select([self._sock], [], [], 0.05)[0]:
                continue
            frame = self._sock.recv(2048)
            _, source, _, _, _, _, _, op, mac, sender, _, target = struct.unpack(_FORMAT,
                                                                               frame[:42])
            wanted = IPv4Address(target)
            # An announcement names itself as the target: that is a claim, not a question.
            if op != REQUEST or source == own or sender == target or not self._owns(wanted):
                continue
            self.asked.append(str(wanted))
            self._sock.send(_frame(REPLY, source, (own, str(wanted)),
                                   (mac, str(IPv4Address(sender)))))

    def close(self) -> None:
        """Stop answering."""
        self._stop = True
        self._thread.join()
        if self._sock:
            self._sock.close()
            self._sock = None
