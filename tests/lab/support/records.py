# SPDX-License-Identifier: GPL-2.0-or-later
"""The records of netsetup/protocol/protocol.h as octets, so that a test can say anything to the helper."""

import socket
import struct
from dataclasses import dataclass
from ipaddress import IPv4Address
from typing import Any, Optional, Union

MAGIC, VERSION = 0x76725253, 1
SETUP, CHANGE, READY, FAILED, ADOPT, MOVED, DHCP, CLEAN, SPARE = range(1, 10)

HEADER = struct.Struct("=IHHI")
# name, uuid, uplink, address, range, remembered, gateway, dns, dns_count; modes, queues, flags
SETUP_BODY = struct.Struct("=64s16s16s4s4s4s32s4s12sI4B5B2sx")
DHCP_BODY = struct.Struct("=6sBBI1500s")
CLEAN_BODY = struct.Struct("=B3s")
SPARE_BODY = struct.Struct("=i")
CHANGE_BODY_SIZE = 640
FAILED_BODY = struct.Struct("=ii512s1024s")
READY_BODY = struct.Struct("=16s129s16s3x4sI4s4s4sIIII160s")
LARGEST = HEADER.size + FAILED_BODY.size


def header(kind: int, size: int, magic: int = MAGIC, version: int = VERSION) -> bytes:
    """A record's first octets; @size is of the whole record."""
    return HEADER.pack(magic, version, kind, size)


def record(kind: int, body: bytes, **fields: int) -> bytes:
    """A record; @fields: magic, version, or a size that is not its own."""
    size = fields.pop("size", HEADER.size + len(body))
    return header(kind, size, **fields) + body


def _octets(value: Union[str, bytes, None]) -> bytes:
    if value is None or isinstance(value, bytes):
        return value or b""
    return IPv4Address(value).packed


def setup_body(name: bytes = b"x", uplink: bytes = b"", address: Optional[str] = None,
               first: Optional[str] = None, last: Optional[str] = None,
               remembered: Optional[str] = None, gateway: Optional[str] = None,
               dns: bytes = b"", dns_count: int = 0, gateway_mode: int = 0, probe: int = 0,
               promiscuous: int = 0, queues: int = 1, offload: int = 0, follow: int = 0,
               dhcp: int = 0, dry_run: int = 0, verbose: int = 0, reserved: bytes = b"") -> bytes:
    """What follows the header of a request for a place; by default a good one."""
    return SETUP_BODY.pack(name, b"u" * 16, uplink, _octets(address), _octets(first),
                           _octets(last), _octets(remembered), _octets(gateway), dns, dns_count,
                           gateway_mode, probe, promiscuous, queues,
                           offload, follow, dhcp, dry_run, verbose, reserved)


def place(kind: int = SETUP, **fields: Any) -> bytes:
    """A request for a place; @fields as of setup_body()."""
    return record(kind, setup_body(**fields))


def dhcp(packet: bytes = b"", size: Optional[int] = None, reserved: int = 0) -> bytes:
    """A packet for the guest."""
    return record(DHCP, DHCP_BODY.pack(b"\xff" * 6, 0, reserved,
                                       len(packet) if size is None else size, packet))


def dhcp_packet(payload: bytes = b"x" * 240) -> bytes:
    """IPv4 and UDP from a server's port to a client's, as the helper lets through."""
    udp = struct.pack("!HHHH", 67, 68, 8 + len(payload), 0) + payload
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                       b"\xc0\xa8\x4d\x01", b"\xff" * 4) + udp


def clean(dry_run: int = 0, reserved: bytes = b"") -> bytes:
    """A request to sweep."""
    return record(CLEAN, CLEAN_BODY.pack(dry_run, reserved))


def spare() -> bytes:
    """A wish for a spare helper; its socket comes with it."""
    return record(SPARE, SPARE_BODY.pack(0))


@dataclass
class Answer:
    """What the helper said."""

    kind: int
    status: int = 0
    message: str = ""
    remedy: str = ""
    tap: str = ""
    address: str = ""
    fds: tuple[int, ...] = ()


def _text(octets: bytes) -> str:
    return octets.partition(b"\0")[0].decode()


def read_answer(sock: socket.socket) -> Optional[Answer]:
    """The helper's next record but those that tell a change; None at its end."""
    while True:
        try:
            octets, fds, _, _ = socket.recv_fds(sock, LARGEST, 8)
        except ConnectionResetError:
            return None
        if not octets:
            return None
        kind, body = HEADER.unpack_from(octets)[2], octets[HEADER.size:]
        if kind == FAILED:
            _, status, message, remedy = FAILED_BODY.unpack(body)
            return Answer(kind, status, _text(message), _text(remedy))
        if kind == READY:
            facts = READY_BODY.unpack(body)
            return Answer(kind, tap=_text(facts[2]), address=str(IPv4Address(facts[3])),
                          fds=tuple(fds))
        if kind != CHANGE:
            return Answer(kind)
