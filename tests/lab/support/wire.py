# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest made of frames: the test writes what it likes into the tap and sees what comes out."""

import ctypes
import fcntl
import os
import re
import select
import socket
import struct
import threading
import time
from ipaddress import IPv4Address
from pathlib import Path
from typing import Callable, Optional

from guests import paused
from lab import Lab
from netns import Netns
from vm import Vm

TUNGETVNETHDRSZ = 0x800454D7
SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17
SO_RCVBUFFORCE = 33
ETH_ALL, ETH_IPV4, ETH_ARP, ETH_IPV6, ETH_VLAN = 3, 0x0800, 0x0806, 0x86DD, 0x8100
BROADCAST = "ff:ff:ff:ff:ff:ff"
ICMP, UDP = 1, 17


def mac_bytes(mac: str) -> bytes:
    """The six octets of a hardware address."""
    return bytes.fromhex(mac.replace(":", ""))


def ether(to: str, source: str, kind: int, payload: bytes) -> bytes:
    """A frame, not padded."""
    return mac_bytes(to) + mac_bytes(source) + struct.pack("!H", kind) + payload


def checksum(data: bytes) -> int:
    """The Internet checksum (RFC 1071)."""
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def ipv4(source: str, to: str, proto: int, payload: bytes, ttl: int = 64, fragment: int = 0,
         options: bytes = b"", version: int = 4, length: Optional[int] = None,
         ident: int = 7) -> bytes:
    """An IPv4 packet; @fragment is flags and offset as in the header, @length may lie."""
    words = 5 + len(options) // 4
    total = length if length is not None else words * 4 + len(payload)
    head = struct.pack("!BBHHHBBH4s4s", version << 4 | words, 0, total, ident, fragment, ttl, proto,
                       0, IPv4Address(source).packed, IPv4Address(to).packed) + options
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def udp(source: int, to: int, data: bytes) -> bytes:
    """A UDP datagram without a checksum."""
    return struct.pack("!HHHH", source, to, 8 + len(data), 0) + data


def icmp(kind: int, code: int, rest: bytes, data: bytes) -> bytes:
    """An ICMP message; @rest are the four octets after the checksum."""
    text = struct.pack("!BBH", kind, code, 0) + rest + data
    return text[:2] + struct.pack("!H", checksum(text)) + text[4:]


def arp(op: int, sender: tuple[str, str], target: tuple[str, str], lengths: int = 0x0604) -> bytes:
    """An ARP packet; sender and target are (MAC, address)."""
    return struct.pack("!HHHH6s4s6s4s", 1, ETH_IPV4, lengths, op, mac_bytes(sender[0]),
                       IPv4Address(sender[1]).packed, mac_bytes(target[0]),
                       IPv4Address(target[1]).packed)


def checksum_in_software(netns: Netns, interface: str) -> None:
    """Take the checksum offload from an interface, as most Wi-Fi cards have none."""
    value = ctypes.create_string_buffer(struct.pack("II", ETHTOOL_STXCSUM, 0))
    with netns.socket() as sock:
        fcntl.ioctl(sock, SIOCETHTOOL, struct.pack("16sP16x", interface.encode(),
                                                   ctypes.addressof(value)))


class Tape:
    """Frames as they come, kept by a thread; @read gives one, or None at the end."""

    def __init__(self, fd: int, read: Callable[[], Optional[bytes]]) -> None:
        self._fd = fd
        self._read = read
        self._frames: list[bytes] = []
        self._came = threading.Condition()
        self._stop = False
        self._thread = threading.Thread(target=self._run, name="tape", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop:
            if not select.select([self._fd], [], [], 0.1)[0]:
                continue
            frame = self._read()
            if frame is None:
                continue
            with self._came:
                self._frames.append(frame)
                self._came.notify_all()

    def take(self) -> list[bytes]:
        """The frames since the last take()."""
        with self._came:
            frames, self._frames = self._frames, []
        return frames

    def wait(self, wanted: Callable[[bytes], bool], timeout: float = 5) -> bytes:
        """The first frame that is @wanted, waited for; nothing is taken."""
        deadline = time.monotonic() + timeout
        with self._came:
            while True:
                for frame in self._frames:
                    if wanted(frame):
                        return frame
                if not self._came.wait(deadline - time.monotonic()):
                    raise TimeoutError(f"none of {len(self._frames)} frames is the one")

    def close(self) -> None:
        """Stop listening."""
        self._stop = True
        self._thread.join()


class Port:
    """All frames that arrive at an interface of a machine of the lab."""

    def __init__(self, netns: Netns, interface: str) -> None:
        self.socket = netns.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 8 << 20)
        self.socket.bind((interface, ETH_ALL))
        self.tape = Tape(self.socket.fileno(), self._read)

    def _read(self) -> Optional[bytes]:
        frame, address = self.socket.recvfrom(70000)
        return None if address[2] == socket.PACKET_OUTGOING else frame

    def close(self) -> None:
        """Stop listening."""
        self.tape.close()
        self.socket.close()


class Wire:
    """A VM of @lab whose guest is the test. It answers ARP for its own address, and does nothing
    else by itself."""

    def __init__(self, lab: Lab, name: str = "wire", options: tuple[str, ...] = (),
                 **keys: object) -> None:
        path = lab.directory / f"{name}.wire"
        binary = Path(__file__).resolve().parent / "fakeqemu.py"
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            listener.settimeout(20)
            self.vm: Vm = lab.start_vm(paused(name, **keys, qemu={
                "binary": str(binary), "args": ["-wire", str(path)]}), options, wait=False)
            peer = listener.accept()[0]
        with peer:
            self.fd = socket.recv_fds(peer, 16, 1)[1][0]
        self.vm.wait_ready()
        os.set_blocking(self.fd, False)
        self.address = self.vm.address
        line = " ".join(self.vm.child("fakeqemu").cmdline)
        self.mac = re.search(r"\bmac=([0-9a-f:]{17})", line)[1]  # that of the virtual card
        self.host_mac = lab.laptop.netns.ip_json(f"link show dev {self.vm.tap}")[0]["address"]
        size = fcntl.ioctl(self.fd, TUNGETVNETHDRSZ, b"\0" * 4)
        self.header_size = struct.unpack("i", size)[0]
        self.tape = Tape(self.fd, self._read)

    def _read(self) -> Optional[bytes]:
        try:
            frame = os.read(self.fd, 70000)[self.header_size:]
        except (BlockingIOError, OSError):
            return None
        asked = ether(self.mac, self.host_mac, ETH_ARP, b"")[12:] + struct.pack(
            "!HHHH", 1, ETH_IPV4, 0x0604, 1)
        if frame[12:22] == asked and frame[38:42] == IPv4Address(self.address).packed:
            self.send(ether(self.host_mac, self.mac, ETH_ARP, arp(
                2, (self.mac, self.address), (self.host_mac, str(IPv4Address(frame[28:32]))))))
        return frame

    def send(self, frame: bytes, header: bytes = b"") -> bool:
        """Send a frame as the guest would, after @header, a struct virtio_net_hdr; false when the
        kernel refuses it as it is."""
        try:
            os.write(self.fd, header.ljust(self.header_size, b"\0") + frame)
        except OSError:
            return False
        return True

    def ip(self, packet: bytes, to: str = "", source: str = "") -> bytes:
        """A frame with an IPv4 packet, by default from the guest's card to the host."""
        return ether(to or self.host_mac, source or self.mac, ETH_IPV4, packet)

    def close(self) -> None:
        """Give the tap back; the VM is ended by the lab."""
        self.tape.close()
        os.close(self.fd)
