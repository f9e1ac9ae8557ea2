# SPDX-License-Identifier: GPL-2.0-or-later
"""The records of netsetup/protocol/protocol.h as bytes, so that a test can send any of them."""

import json
import socket
import struct
import subprocess
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv4Address
from typing import Any, Optional, Union

import pytest

import vm


class Layout:
    """Packs and unpacks the members of a C struct from byte @start on."""

    def __init__(self, size: int, members: list[dict], start: int = 0) -> None:
        self.names: list[str] = []
        form, end = "=", start
        for member in members:
            if member["offset"] >= start:
                count = member["size"] if member["format"] == "s" else ""
                form += f"{member['offset'] - end}x{count}{member['format']}"
                end = member["offset"] + member["size"]
                self.names.append(member["name"])
        self._struct = struct.Struct(f"{form}{size - end}x")
        self.size = self._struct.size

    def pack(self, **values: Any) -> bytes:
        """The struct with a value for each member."""
        assert set(values) == set(self.names)
        return self._struct.pack(*(values[name] for name in self.names))

    def unpack(self, octets: bytes) -> dict[str, Any]:
        """The values of the members."""
        return dict(zip(self.names, self._struct.unpack(octets)))


def _protocol() -> dict[str, Any]:
    """The layout that the build of the program under test has."""
    program = vm.binary().parent / "tests" / "record_layout"
    if not program.exists():
        pytest.skip(f"needs {program}", allow_module_level=True)
    return json.loads(subprocess.run([program], check=True, stdout=subprocess.PIPE).stdout)


_PROTOCOL = _protocol()
_RECORDS = _PROTOCOL["records"]
MAGIC, VERSION, LARGEST = _PROTOCOL["magic"], _PROTOCOL["version"], _PROTOCOL["largest"]
(ATTACH, MOVE, WITHDRAW, CLEAN, CHANGE, READY, FAILED, CONFLICT, RENEWED, DONE, DHCP,
 CONNECT, CONNECTED, STRANGER, VERDICT, ACCESS, COUNT, COUNTS) = (
    _PROTOCOL["types"][f"RECORD_{name}"] for name in
    "ATTACH MOVE WITHDRAW CLEAN CHANGE READY FAILED CONFLICT RENEWED DONE DHCP CONNECT "
    "CONNECTED STRANGER VERDICT ACCESS COUNT COUNTS".split())

HEADER = Layout(**_RECORDS["record_header"])
(ATTACH_BODY, CLEAN_BODY, CHANGE_BODY, READY_BODY, FAILED_BODY, CONFLICT_BODY, DHCP_BODY,
 VERDICT_BODY, ACCESS_BODY, COUNTS_BODY) = (
    Layout(**_RECORDS[f"{name}_record"], start=HEADER.size) for name in
    "attach clean change ready failed conflict dhcp verdict access counts".split())


def header(kind: int, size: int, magic: int = MAGIC, version: int = VERSION) -> bytes:
    """A record's header; @size is of the whole record."""
    return HEADER.pack(magic=magic, version=version, type=kind, size=size)


def record(kind: int, body: bytes, **fields: int) -> bytes:
    """A record; @fields: magic, version, or a size that is not its own."""
    size = fields.pop("size", HEADER.size + len(body))
    return header(kind, size, **fields) + body


def _octets(value: Union[str, bytes, None]) -> bytes:
    if value is None or isinstance(value, bytes):
        return value or b""
    return IPv4Address(value).packed


def mac_of(name: bytes, owner: int, card: int) -> bytes:
    """A hardware address that no other VM has."""
    return b"RT\0" + sha256(b"%d/%s/%d" % (owner, name, card)).digest()[:3]


def attach_body(ifindex: int, host: Optional[str], name: bytes = b"x", owner: int = 0,
                address: Optional[str] = None, first: Optional[str] = None,
                last: Optional[str] = None, remembered: Optional[str] = None,
                avoided: Optional[str] = None, gateway: Optional[str] = None,
                tap_ifindex: int = 0, probe: int = 0,
                promiscuous: int = 0, queues: int = 1, offload: int = 0, dhcp: int = 0,
                remembered_routers: bytes = b"",
                named: int = 0, announce: int = 0, dry_run: int = 0, verbose: int = 0,
                card: int = 0, host_routes: int = 0, question: int = 0,
                uuid: bytes = b"u" * 16, mac: Optional[bytes] = None, path: int = 0,
                firewall: int = 0) -> bytes:
    """The body of a request to attach or move a VM on the uplink @ifindex with address @host."""
    return ATTACH_BODY.pack(
        name=name, uuid=uuid, owner=owner, ifindex=ifindex, host=_octets(host),
        address=_octets(address), range_first=_octets(first), range_last=_octets(last),
        remembered=_octets(remembered), remembered_routers=remembered_routers,
        avoided=_octets(avoided), gateway=_octets(gateway), tap_ifindex=tap_ifindex,
        mac=mac or mac_of(name, owner, card), probe=probe, promiscuous=promiscuous, path=path,
        firewall=firewall, queues=queues, offload=offload, dhcp=dhcp, named=named,
        announce=announce, dry_run=dry_run, verbose=verbose, card=card, host_routes=host_routes,
        question=question)


def attach(kind: int = ATTACH, **fields: Any) -> bytes:
    """A request to attach a VM; @fields as of attach_body()."""
    return record(kind, attach_body(**fields))


def dhcp(packet: bytes = b"", size: Optional[int] = None, reserved: int = 0) -> bytes:
    """A packet for the guest."""
    return record(DHCP, DHCP_BODY.pack(
        mac=b"\xff" * 6, checksum_unfinished=0, reserved=reserved,
        size=len(packet) if size is None else size, packet=packet))


def dhcp_packet(payload: bytes = b"x" * 240) -> bytes:
    """IPv4 and UDP from a server's port to a client's, as the worker lets through."""
    udp = struct.pack("!HHHH", 67, 68, 8 + len(payload), 0) + payload
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                       b"\xc0\xa8\x4d\x01", b"\xff" * 4) + udp


def clean(dry_run: int = 0, reserved: bytes = b"") -> bytes:
    """A request to remove what dead services left."""
    return record(CLEAN, CLEAN_BODY.pack(dry_run=dry_run, reserved=reserved))


@dataclass
class Answer:
    """An answer of the service."""

    kind: int
    status: int = 0
    message: str = ""
    remedy: str = ""
    code: int = 0
    tap: str = ""
    tap_ifindex: int = 0
    address: str = ""
    fds: tuple[int, ...] = ()


def _text(octets: bytes) -> str:
    return octets.partition(b"\0")[0].decode()


def read_answer(sock: socket.socket,
                skipped: tuple[int, ...] = (CHANGE, VERDICT, ACCESS)) -> Optional[Answer]:
    """The service's next record of another kind than those @skipped; None at end-of-file."""
    while True:
        try:
            octets, fds, _, _ = socket.recv_fds(sock, LARGEST, 9)
        except ConnectionResetError:
            return None
        if not octets:
            return None
        kind, body = HEADER.unpack(octets[:HEADER.size])["type"], octets[HEADER.size:]
        if kind == FAILED:
            failed = FAILED_BODY.unpack(body)
            return Answer(kind, failed["status"], _text(failed["message"]),
                          _text(failed["remedy"]), failed["code"])
        if kind == READY:
            ready = READY_BODY.unpack(body)
            return Answer(kind, tap=_text(ready["tap"]), tap_ifindex=ready["tap_ifindex"],
                          address=str(IPv4Address(ready["address"])), fds=tuple(fds))
        if kind not in skipped:
            return Answer(kind, fds=tuple(fds))
