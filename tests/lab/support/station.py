# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine of the lab: one namespace, one interface of interest, and what a person does on it."""

import http.client
import re
import socket
import threading
import time
from contextlib import ExitStack
from typing import Optional

import arp
from capture import Capture
from netns import Netns
from services import WebServer


class Station:
    """A machine with @interface on a LAN; its programs run in @netns."""

    def __init__(self, netns: Netns, interface: str, address: str) -> None:
        """@address is with its prefix length, as 192.168.77.20/24."""
        self.netns = netns
        self.interface = interface
        self.cidr = address
        self.closing = ExitStack()

    def __repr__(self) -> str:
        return f"Station({self.netns.name!r}, {self.cidr!r})"

    @property
    def address(self) -> str:
        """The address without its prefix length."""
        return self.cidr.partition("/")[0]

    @property
    def mac(self) -> str:
        """The present link-level address of the interface."""
        return self.netns.ip_json(f"link show dev {self.interface}")[0]["address"]

    # Asking others

    def ping_once(self, address: str, wait: float = 1, size: int = 56,
                  fragment: bool = True) -> bool:
        """One echo request of @size payload bytes; whether the answer came within @wait s."""
        argv = ["ping", "-n", "-q", "-c", "1", "-W", str(wait), "-s", str(size)]
        argv += [] if fragment else ["-M", "do"]
        return self.netns.run(argv + [address], check=False).returncode == 0

    def ping(self, address: str, timeout: float = 5, **how: object) -> bool:
        """Ask again and again for @timeout seconds; true at the first answer."""
        deadline = time.monotonic() + timeout
        while True:
            began = time.monotonic()
            if self.ping_once(address, wait=max(0.1, min(1, deadline - began)), **how):
                return True
            if time.monotonic() >= deadline:
                return False
            time.sleep(max(0, 0.1 - (time.monotonic() - began)))

    def never_pings(self, address: str, during: float = 1) -> bool:
        """True if no echo request gets an answer for @during seconds."""
        return not self.ping(address, timeout=during)

    def tcp_open(self, address: str, port: int, timeout: float = 5,
                 local_port: int = 0) -> socket.socket:
        """A connected TCP socket of this machine, to be closed by the caller."""
        sock = self.netns.socket()
        try:
            sock.settimeout(timeout)
            if local_port:
                sock.bind(("", local_port))
            sock.connect((address, port))
        except BaseException:
            sock.close()
            raise
        return sock

    def tcp_connect(self, address: str, port: int, timeout: float = 5) -> bool:
        """True if a TCP connection is made within @timeout seconds."""
        try:
            self.tcp_open(address, port, timeout).close()
        except OSError:
            return False
        return True

    def tcp_echo(self, address: str, data: bytes, port: int = 7, timeout: float = 5) -> bytes:
        """Send @data to an echo service, return what comes back."""
        back = b""
        with self.tcp_open(address, port, timeout) as sock:
            # At the same time, or much data would fill the buffers of both sides.
            sender = threading.Thread(target=_send_all, args=(sock, data), daemon=True)
            sender.start()
            while len(back) < len(data):
                part = sock.recv(65536)
                if not part:
                    break
                back += part
            sender.join(timeout)
        return back

    def http(self, method: str, address: str, path: str = "/", port: int = 80,
             body: Optional[str] = None, timeout: float = 5) -> str:
        """A web page's text; raises RuntimeError for any status but 200, OSError without one."""
        connection = http.client.HTTPConnection(address, port, timeout=timeout)
        connection.sock = self.tcp_open(address, port, timeout)
        try:
            connection.request(method, path, body=body)
            answer = connection.getresponse()
            text = answer.read().decode(errors="replace")
        finally:
            connection.close()
        if answer.status != 200:
            raise RuntimeError(f"http://{address}:{port}{path}: {answer.status} {text.strip()}")
        return text

    def http_get(self, address: str, port: int = 80, path: str = "/", timeout: float = 5) -> str:
        """GET a page, asking again until @timeout while nobody serves there."""
        deadline = time.monotonic() + timeout
        while True:
            try:
                left = max(0.2, deadline - time.monotonic())
                return self.http("GET", address, path, port, timeout=min(left, 2))
            except (OSError, http.client.HTTPException):
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.05)

    def resolve(self, name: str, server: str, timeout: float = 3) -> list[str]:
        """The IPv4 addresses that the DNS server at @server gives for @name."""
        question = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
        query = b"\x56\x4d\x01\x00\x00\x01" + b"\0" * 6 + question + b"\0\0\x01\0\x01"
        with self.netns.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(timeout)
            sock.connect((server, 53))
            sock.send(query)
            answer = sock.recv(4096)
        # A record with a compressed name, type A, class IN, any lifetime, four bytes.
        records = re.findall(rb"\xc0.\0\x01\0\x01.{4}\0\x04(.{4})", answer[len(query):], re.DOTALL)
        return [socket.inet_ntoa(each) for each in records]

    # Neighbours

    def arp_probe(self, address: str, timeout: float = 1, first: bool = True) -> dict[str, float]:
        """RFC 5227: who says that @address is theirs; MAC to seconds."""
        return arp.ask(self.netns, self.interface, address, timeout=timeout, first=first)

    def arp_request(self, address: str, timeout: float = 1, first: bool = True) -> dict[str, float]:
        """An ordinary ARP request from this machine's address; MAC to seconds."""
        return arp.ask(self.netns, self.interface, address, self.address, timeout, first)

    def announce(self, address: str) -> None:
        """Claim @address by a gratuitous ARP."""
        arp.announce(self.netns, self.interface, address)

    def neighbour(self, address: str) -> str:
        """The MAC that this machine has in its cache for @address, or ''."""
        found = self.netns.ip_json(f"neigh show {address} dev {self.interface}")
        return found[0].get("lladdr", "") if found else ""

    def forget(self, address: str) -> None:
        """Drop @address from the neighbour cache, so that it is asked for again."""
        self.netns.ip(f"neigh flush to {address} dev {self.interface}", check=False)

    # Offering and watching

    def serve_http(self, port: int = 80, label: str = "") -> None:
        """Serve a page that names this machine and the asker, until the lab is torn down."""
        label = label or self.netns.name.rsplit("-", 1)[-1]
        self.closing.callback(WebServer(self.netns, label, port).close)

    def capture(self, expression: str = "", interface: str = "", **how: object) -> Capture:
        """Watch frames on this machine; see Capture."""
        return Capture(self.netns, interface or self.interface, expression, **how)

    def add_addresses(self, addresses: list[str]) -> None:
        """Own more addresses, each with its prefix length."""
        self.netns.ip_batch(f"addr add {each} dev {self.interface}" for each in addresses)

    def close(self) -> None:
        """Stop what this machine serves."""
        self.closing.close()


def _send_all(sock: socket.socket, data: bytes) -> None:
    """Send and close this direction; who waits for the answer sees when it fails."""
    try:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
    except OSError:
        pass


def guest_sh(station: Station, address: str, script: str, timeout: float = 30,
             check: bool = True) -> str:
    """Run a shell script in the tiny guest at @address, asked for by @station; its output.

    The guest must have been booted with `tiny.shell` on its kernel command line. It ends its answer
    with a line `exit=STATUS`, which is taken off; with @check another status than 0 is an error.
    """
    deadline = time.monotonic() + timeout
    while True:
        try:
            said = station.http("POST", address, "/cgi-bin/sh", body=script, timeout=timeout)
            break
        except ConnectionRefusedError:  # a guest answers pings before its server listens
            if time.monotonic() >= deadline:
                raise
            time.sleep(0.1)
    output, mark, status = said.rpartition("exit=")
    if not mark:
        raise RuntimeError(f"the guest's shell did not end well: {said}")
    if check and status.strip() != "0":
        raise RuntimeError(f"the guest's shell exited with {status.strip()}: {output}")
    return output
