# SPDX-License-Identifier: GPL-2.0-or-later
"""Throughput and latency between a guest and the phone, on each way that a guest has to the LAN."""

import socket
import statistics
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import yaml

import byhand
import measure
from lab import Lab
from station import Station, guest_sh

ROUNDS = 5
MEGABYTES = 16
ECHOES = 100
SINK = 9000
PLAIN = "192.168.77.11"  # of the second guest by hand
HTTP, ECHO = 80, 7
TINY = Path(__file__).resolve().parents[2] / "vms" / "tiny.yaml"


class Way:
    """A running guest and how the phone reaches it."""

    def __init__(self, phone: Station, address: str, ports: int, sink: socket.socket) -> None:
        """@ports: the offset to the guest's own port numbers. @sink listens on the phone."""
        self._phone = phone
        self._address = address
        self._ports = ports
        self._sink = sink

    def prepare(self) -> None:
        """Wait for the guest, and make a file to be fetched from it."""
        self._phone.http_get(self._address, HTTP + self._ports, timeout=60)
        self._sh(f"dd if=/dev/zero of=/www/file bs=1M count={MEGABYTES}")

    def _sh(self, script: str) -> str:
        ported = _Ported(self._phone, self._ports)
        return guest_sh(ported, self._address, script)

    def down(self) -> float:
        """The phone fetches a file from the guest; MB/s."""
        with self._phone.tcp_open(self._address, HTTP + self._ports, 60) as sock:
            began = time.monotonic()
            sock.sendall(b"GET /file HTTP/1.0\r\n\r\n")
            count = _drain(sock)
        return count / (time.monotonic() - began) / 1e6

    def up(self) -> float:
        """The guest sends as much to the phone; MB/s."""
        result: list[float] = []

        def receive() -> None:
            sock, _ = self._sink.accept()
            with sock:
                began = time.monotonic()
                result.append(_drain(sock) / (time.monotonic() - began) / 1e6)

        receiver = threading.Thread(target=receive)
        receiver.start()
        self._sh(f"nc {self._phone.address} {SINK} </www/file")
        receiver.join()
        return result[0]

    def echo(self) -> float:
        """One byte to the guest and back, over TCP; milliseconds, the median of many."""
        times = []
        with self._phone.tcp_open(self._address, ECHO + self._ports) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for _ in range(ECHOES):
                began = time.monotonic()
                sock.sendall(b"x")
                sock.recv(1)
                times.append((time.monotonic() - began) * 1e3)
        return statistics.median(times)


class _Ported:
    """A station whose HTTP requests go to another port than 80."""

    def __init__(self, station: Station, ports: int) -> None:
        self._station = station
        self._ports = ports

    def http(self, *request: str, port: int = HTTP, **how: object) -> str:
        """Station.http()."""
        return self._station.http(*request, port=port + self._ports, **how)


def _drain(sock: socket.socket) -> int:
    count = 0
    while part := sock.recv(1 << 18):
        count += len(part)
    return count


def _definition(lab: Lab, path: str) -> Path:
    """The small guest with its test shell, on this path."""
    definition = yaml.safe_load(TINY.read_text())
    for key in ("kernel", "initrd"):
        definition["boot"][key] = str(TINY.parent / definition["boot"][key])
    definition["boot"]["cmdline"] += " tiny.shell"
    definition |= {"name": path, "network": {"path": path}}
    file = lab.directory / f"{path}.yaml"
    file.write_text(yaml.safe_dump(definition))
    return file


def main(build: Path) -> None:
    """Print the tables."""
    with Lab() as lab, ExitStack() as stack:
        routed, bridged = _definition(lab, "routed"), _definition(lab, "bridged")
        phone, laptop = lab.phone, lab.laptop.address
        sink = stack.enter_context(phone.netns.socket())
        sink.bind(("", SINK))
        sink.listen()

        hand = byhand.recipe_guest(lab, routed)
        stack.callback(hand.close)
        plain = byhand.recipe_guest(lab, routed, PLAIN, "tap2", vnet_hdr=False)
        stack.callback(plain.close)
        user = byhand.user_guest(lab, routed, [HTTP, ECHO])
        stack.callback(user.close)
        ways = {"tap by hand": Way(phone, byhand.ADDRESS, 0, sink),
                "vmrun, routed": Way(phone, lab.start_vm(routed).address, 0, sink),
                "vmrun, bridged": Way(phone, lab.start_vm(bridged).address, 0, sink),
                "tap by hand, no vnet_hdr": Way(phone, PLAIN, 0, sink),
                "QEMU's user network": Way(phone, laptop, byhand.FORWARDED, sink)}
        for way in ways.values():
            way.prepare()

        for text, unit, name in (("from the guest to the phone", "MB/s", "down"),
                                 ("from the guest to the phone, sent by nc", "MB/s", "up"),
                                 ("a byte to the guest and back over TCP", "ms", "echo")):
            measure.title(f"traffic: {text}")
            measure.table(unit, measure.in_turn(ROUNDS, {each: getattr(way, name)
                                                         for each, way in ways.items()}),
                          "tap by hand", 2)
