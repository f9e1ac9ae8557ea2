# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs vmrun as an ordinary user of the laptop, with the small guest, and speaks to that guest."""

import json
import socket
from pathlib import Path
from typing import Optional

from command import Failure, inside, run, wait_for

PERSON = "person"
DEFINITION = "/laptop/guest.yaml"
ECHO_PORT = 7
RULE = f"allow user {PERSON} uplink any\n"


def person(*words: str, check: bool = True, timeout: float = 300) -> str:
    """Run a command as the person, and return its output."""
    uid = run("id", "-u", PERSON).strip()
    return run("runuser", "-u", PERSON, "--", "env", f"XDG_RUNTIME_DIR=/run/user/{uid}",
               f"HOME=/home/{PERSON}", *words, check=check, timeout=timeout)


class Guest:
    """A VM on the data path @path; @limit is the seconds that its boot may take."""

    def __init__(self, path: str, limit: float) -> None:
        self.path = path
        self._limit = limit
        Path(DEFINITION).write_text(
            "name: guest\ncpus: 1\nmemory: 128M\nconsole: socket\n"
            "boot:\n  kernel: vmlinuz\n  initrd: initrd.img\n"
            "  cmdline: console=ttyS0 quiet tiny.shell\n"
            f"network:\n  configure: [dhcp]\n  path: {path}\n", encoding="utf-8")

    @staticmethod
    def install() -> None:
        """Install the package, and permit VMs to the person."""
        run("dpkg", "-i", "vmrun.deb")
        Path("/etc/vmrun/netsetup.conf").write_text(RULE, encoding="utf-8")
        run("usermod", "-a", "-G", "vmrun", PERSON)
        uid = run("id", "-u", PERSON).strip()
        run("systemctl", "start", f"user@{uid}.service", check=False)
        wait_for("the person's runtime directory", Path(f"/run/user/{uid}").is_dir, 60)

    def start(self) -> str:
        """Start it and return its address, when it is on the LAN."""
        person("vmrun", "run", "--detach", "--verbose", DEFINITION, timeout=self._limit)
        address = self.address()
        if self.status().get("path") != self.path:
            raise Failure(f"the guest is not {self.path}: {self.status()}")
        return address

    @staticmethod
    def running() -> bool:
        """True if the VM runs."""
        return '"name"' in person("vmrun", "list", "--json", check=False)

    def stop(self) -> None:
        """End it at once."""
        if self.running():
            person("vmrun", "stop", "--now", "guest", timeout=60)

    @staticmethod
    def status() -> dict:
        """Return the VM's entry of `vmrun list`, or nothing."""
        text = person("vmrun", "list", "--json", check=False)
        try:
            return json.loads(text)[0]
        except (ValueError, IndexError):
            return {}

    def address(self, net: str = "") -> str:
        """Its address when it is on the LAN, in the subnet @net; waits."""
        def on_lan() -> Optional[str]:
            status = self.status()
            there = status.get("lan") == "up" and (status.get("address") or "").startswith(net)
            return status["address"] if there else None
        return wait_for(f"the guest is on the LAN {net}", on_lan, self._limit, 0.3)


class Connection:
    """A TCP connection from a namespace to the guest's echo port."""

    def __init__(self, netns: str, address: str) -> None:
        with inside(netns):
            self._socket = socket.socket()
        self._socket.settimeout(10)
        self._socket.connect((address, ECHO_PORT))

    def works(self, limit: float) -> bool:
        """True if the guest returns a line within @limit seconds."""
        self._socket.settimeout(limit)
        try:
            self._socket.sendall(b"line\n")
            return self._socket.recv(16).startswith(b"line")
        except OSError:
            return False

    def close(self) -> None:
        """End it."""
        self._socket.close()


def in_guest(netns: str, address: str, script: str, limit: float) -> str:
    """Have the guest run a shell script, by HTTP from a namespace, and return its output."""
    try:
        return run("python3", "-c", _POST, f"http://{address}/cgi-bin/sh", script, str(limit),
                   netns=netns, timeout=limit + 10)
    except Failure as err:
        raise Failure(f"the guest's web server: {err}") from err


_POST = """
import sys, urllib.request
url, script, limit = sys.argv[1:]
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
print(opener.open(url, script.encode(), float(limit)).read().decode(errors='replace'))
"""
