# SPDX-License-Identifier: GPL-2.0-or-later
"""Firewalls of the laptop: the real programs of Debian releases, or their rules."""

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Optional

from guests import VMS
from lab import Lab

BUILD = VMS.parent / "tests" / "guest" / "firewalls-build"

# $0 is the root file system, which tests share, and $1 the test's own copy of its /etc.
ENTER = """for each in proc sys dev; do mount --rbind "/$each" "$0/$each"; done
mount -t cgroup2 none "$0/sys/fs/cgroup"
for each in run tmp var; do mount -t tmpfs tmpfs "$0/$each"; done
mount --bind "$1" "$0/etc"
mkdir -p "$0/var/log" "$0/var/lib" "$0/var/tmp" "$0/run/dbus" "$0/run/lock"
ln -s ../run "$0/var/run"
exec chroot "$0" sleep infinity"""
BUS = "unix:path=/run/dbus/system_bus_socket"
PATH = "/usr/sbin:/usr/bin:/sbin:/bin"


def script(lab: Lab, text: str) -> None:
    """Run a shell script on the laptop."""
    lab.run(["sh", "-ec", text])


def wait_for(what: str, done: "subprocess.Popen | None", true: object, timeout: float = 60) -> None:
    """Wait until @true() is; fail if the program @done has ended."""
    deadline = time.monotonic() + timeout
    while not true():
        assert done is None or done.poll() is None, f"{what} has ended"
        assert time.monotonic() < deadline, f"no {what} yet"
        time.sleep(0.2)


class Release:
    """The programs of a Debian release on the laptop, in a root file system of their own; a context
    manager that ends them."""

    def __init__(self, lab: Lab, suite: str) -> None:
        self.lab, self.suite = lab, suite
        self._started: list[subprocess.Popen] = []
        self._inside: Optional[subprocess.Popen] = None

    def __enter__(self) -> "Release":
        built = subprocess.run([BUILD, self.suite], check=True, stdout=subprocess.PIPE, text=True)
        root = Path(built.stdout.strip())
        etc = self.lab.directory / f"etc-{self.suite}"
        shutil.copytree(root / "etc", etc, symlinks=True)
        self._inside = self.lab.exec(["unshare", "-m", "sh", "-ec", ENTER, root, etc])
        entered = Path("/proc", str(self._inside.pid), "root")
        wait_for(self.suite, self._inside, lambda: os.readlink(entered) == str(root))
        return self

    def __exit__(self, *_: object) -> None:
        for each in [*reversed(self._started), self._inside]:
            self.end(each)
        script(self.lab, "nft flush ruleset; sysctl -qw net.ipv4.ip_forward=0; "
                         "! ip link show docker0 >/dev/null 2>&1 || ip link del docker0")

    def argv(self, *argv: str) -> list[str]:
        """The command that runs @argv in the root file system."""
        assert self._inside
        return ["nsenter", f"--target={self._inside.pid}", "--mount", "--root", "--wd=/",
                "env", f"PATH={PATH}", f"DBUS_SYSTEM_BUS_ADDRESS={BUS}", *argv]

    def run(self, *argv: str, check: bool = True) -> subprocess.CompletedProcess:
        """Run a program to its end."""
        return self.lab.run(self.argv(*argv), check=check)

    def start(self, *argv: str) -> subprocess.Popen:
        """Start a program that stays."""
        log = (self.lab.directory / f"{argv[0]}.log").open("a")
        started = self.lab.exec(self.argv(*argv), stdout=log, stderr=log)
        self._started.append(started)
        return started

    @staticmethod
    def end(started: Optional[subprocess.Popen]) -> None:
        """End a program, which may have ended."""
        if started and started.poll() is None:
            started.terminate()
            started.wait(30)


class Ufw:
    """ufw(8) with its own defaults."""

    owner = "ufw"

    def __init__(self, release: Release) -> None:
        self.release = release
        self("--force", "enable")

    def __call__(self, *arguments: str) -> str:
        """Run `ufw @arguments`."""
        return self.release.run("ufw", *arguments).stdout

    def reload(self) -> None:
        """Make its rules anew."""
        self("reload")


class Docker:
    """dockerd(8), which finds ip_forward off."""

    owner = "Docker"

    def __init__(self, release: Release) -> None:
        self.release = release
        self._start()

    def _start(self) -> None:
        self._daemon = self.release.start("dockerd", "--storage-driver=vfs")
        wait_for("rules of Docker", self._daemon, lambda: (
            "-A FORWARD -j DOCKER-USER" in (now := self.release.run("iptables", "-S").stdout)
            and "-P FORWARD DROP" in now))

    def reload(self) -> None:
        """Start dockerd anew."""
        Release.end(self._daemon)
        self._start()


class Firewalld:
    """firewalld(1) with its own defaults, on a bus of its own."""

    owner = "firewalld"

    def __init__(self, release: Release) -> None:
        self.release = release
        bus = release.start("dbus-daemon", "--config-file=/etc/dbus-1/tests.conf", "--nofork")
        socket = release.argv("test", "-S", "/run/dbus/system_bus_socket")
        wait_for("bus", bus, lambda: release.lab.run(socket, check=False).returncode == 0)
        self._start()

    def _start(self) -> None:
        self._daemon = self.release.start("firewalld", "--nofork", "--nopid")
        wait_for("firewalld", self._daemon,
                 lambda: self.release.run("firewall-cmd", "--state", check=False).returncode == 0)

    def __call__(self, *arguments: str) -> str:
        """Run `firewall-cmd @arguments`."""
        return self.release.run("firewall-cmd", *arguments).stdout.strip()

    def commands(self) -> dict[str, str]:
        """An environment in which firewall-cmd(1) is this firewalld's."""
        directory = self.release.lab.directory / "bin"
        directory.mkdir(exist_ok=True)
        program = directory / "firewall-cmd"
        program.write_text(f"#!/bin/sh\nexec {' '.join(self.release.argv('firewall-cmd'))} \"$@\"\n")
        program.chmod(0o755)
        return {"PATH": f"{directory}:{os.environ['PATH']}"}

    def reload(self) -> None:
        """Make its rules anew: all that was not permanent is gone."""
        self("--reload")


class Firewall:
    """The rules of a @text in sh(1); a context manager that removes all rules at its end."""

    def __init__(self, lab: Lab, text: str) -> None:
        self._lab, self._text = lab, text

    def __enter__(self) -> "Firewall":
        script(self._lab, self._text)
        return self

    def __exit__(self, *_: object) -> None:
        clear(self._lab)


def clear(lab: Lab) -> None:
    """Remove all rules, of both kinds of iptables."""
    script(lab, "nft flush ruleset; iptables-legacy -P FORWARD ACCEPT; iptables-legacy -F; "
                "iptables-legacy -X")


# The chain FORWARD as dockerd 28 makes it when it turns ip_forward on itself.
DOCKER = """
iptables-nft -P FORWARD DROP
for chain in DOCKER-USER DOCKER-FORWARD DOCKER-CT DOCKER-BRIDGE DOCKER; do
	iptables-nft -N $chain
done
iptables-nft -A FORWARD -j DOCKER-USER
iptables-nft -A FORWARD -j DOCKER-FORWARD
iptables-nft -A DOCKER-FORWARD -j DOCKER-CT
iptables-nft -A DOCKER-FORWARD -j DOCKER-BRIDGE
iptables-nft -A DOCKER-FORWARD -i docker0 -j ACCEPT
iptables-nft -A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables-nft -A DOCKER-BRIDGE -o docker0 -j DOCKER
iptables-nft -A DOCKER ! -i docker0 -o docker0 -j DROP
"""

LEGACY = "iptables-legacy -P FORWARD DROP"


def nft(text: str) -> str:
    """A shell script that loads a table."""
    text = text.replace("}", "}\n")
    return f"nft -f - <<'end'\n{text}\nend\n"
