# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the services of the lab: web pages, and the router's DHCP and DNS."""

import signal
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import IPv4Network
from pathlib import Path

from netns import Netns

NAMES = {"www.lab.test": "203.0.113.80", "router.lab.test": ""}


class _Page(BaseHTTPRequestHandler):
    """Says who is asking, so that a test sees an address translation on the way."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # the name is http.server's
        body = f"server {self.server.label}\nclient {self.client_address[0]}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class WebServer:
    """A web server inside a namespace, run by threads of the test process."""

    def __init__(self, netns: Netns, label: str, port: int = 80) -> None:
        sock = netns.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("0.0.0.0", port))
        self._server = ThreadingHTTPServer(("", 0), _Page, bind_and_activate=False)
        self._server.socket.close()  # made in the wrong namespace
        self._server.socket = sock
        self._server.label = label
        self._server.daemon_threads = True
        self._server.server_activate()
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,),
                                        daemon=True, name=f"web of {label}")
        self._thread.start()

    def close(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class Dnsmasq:
    """The router's DHCP and DNS server; knows NAMES and no server beyond."""

    def __init__(self, netns: Netns, lan: IPv4Network, address: str, mtu: int,
                 directory: Path) -> None:
        self.leases = directory / f"{netns.name}.leases"
        self.log = directory / f"{netns.name}.dnsmasq.log"
        argv = ["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--user=root",
                "--pid-file=", "--interface=lan", "--bind-interfaces", "--no-resolv", "--no-hosts",
                "--local=/lab.test/", "--no-ping", "--dhcp-authoritative", "--log-dhcp",
                f"--dhcp-leasefile={self.leases}", f"--log-facility={self.log}",
                f"--dhcp-option=option:mtu,{mtu}"]
        argv += [f"--host-record={name},{to or address}" for name, to in NAMES.items()]
        self._reserved = directory / f"{netns.name}.hosts"
        self._reserved.write_text("")
        argv.append(f"--dhcp-hostsfile={self._reserved}")
        if lan.prefixlen <= 24:
            first = lan.network_address + 100
            argv.append(f"--dhcp-range={first},{first + 50},{lan.netmask},1h")
        self._process = netns.popen(argv, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)

    def wait_ready(self, timeout: float = 5) -> None:
        """Wait until it listens for DNS; it opens DHCP's socket before that."""
        deadline = time.monotonic() + timeout
        sockets = Path(f"/proc/{self._process.pid}/net/udp")
        while ":0035 " not in sockets.read_text():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"dnsmasq: {self._process.stderr.read().decode()}")
            time.sleep(0.005)

    def reserve(self, mac: str, address: str) -> None:
        """From now on offer @address to the station with @mac."""
        self._reserved.write_text(f"{mac},{address}\n")
        self._process.send_signal(signal.SIGHUP)  # dnsmasq reads the file again

    def close(self) -> None:
        """Stop serving."""
        self._process.kill()
        self._process.wait()
        self._process.stderr.close()
