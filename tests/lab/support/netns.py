# SPDX-License-Identifier: GPL-2.0-or-later
"""One network namespace: making it, running things in it, looking into it.

Everything here is created by name inside /run/netns and never touches an interface, a sysctl or a
rule of the namespace that the tests themselves run in.
"""

import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
from pathlib import Path
from typing import Any, Callable, Iterable, Optional, Sequence

import process

NAMED = Path("/run/netns")
ETC = Path("/etc/netns")
PREFIX = "vmrun-"
CLONE_NEWNET = 0x40000000

# Puts the directory $0 over /etc, and again the files of $1, which ip-netns(8) has put in place below.
OVERLAY = """set -e; mount -t overlay overlay -o lowerdir="$0":/etc /etc
for file in "$1"/*; do mount --bind "$file" "/etc/${file##*/}"; done
shift; exec "$@\""""

_libc = ctypes.CDLL(None, use_errno=True)


class CommandError(RuntimeError):
    """A command of the lab failed; the text holds the command and what it said."""


def run(argv: Sequence[str], check: bool = True, timeout: float = 30,
        **popen: Any) -> subprocess.CompletedProcess:
    """Run a command to its end with its output as text; a failure carries its stderr."""
    if not {"stdin", "input"} & popen.keys():
        popen["stdin"] = subprocess.DEVNULL
    done = subprocess.run([str(arg) for arg in argv], capture_output=True, text=True,
                          errors="replace", timeout=timeout, **popen)
    if check and done.returncode != 0:
        raise CommandError(f"'{' '.join(map(str, argv))}' exited with {done.returncode}: "
                           f"{done.stderr.strip() or done.stdout.strip()}")
    return done


class Netns:
    """A named network namespace, with its own /etc/netns directory and optionally its own /run."""

    def __init__(self, name: str, run_dir: Optional[Path] = None) -> None:
        """@run_dir is what programs started here see as /run; None leaves the machine's. A directory
        `above_etc` holds further files, also such as the machine does not have, that they see in
        /etc."""
        self.name = name
        self.run_dir = run_dir
        self.etc = ETC / name
        self.above_etc: Optional[Path] = None
        self.env: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"Netns({self.name!r})"

    def prepare(self) -> None:
        """Give the fresh namespace fixed sysctls, before any interface is made in it.

        A new namespace inherits IPv4 values from the machine's, so a test's outcome would depend on
        where it runs. Duplicate address detection is off because its delay of a second would make
        the IPv6 state of a snapshot depend on when it was taken.
        """
        self.sysctls({
            "net/ipv4/ip_forward": "0",
            "net/ipv4/conf/all/rp_filter": "0",
            "net/ipv4/conf/default/rp_filter": "2",
            "net/ipv4/conf/all/proxy_arp": "0",
            "net/ipv4/conf/default/proxy_arp": "0",
            "net/ipv6/conf/default/accept_dad": "0",
            "net/ipv6/conf/default/dad_transmits": "0",
            "net/ipv6/conf/default/router_solicitations": "0",
        })

    @property
    def inode(self) -> int:
        """The number by which the kernel names the namespace, as in /proc/PID/ns/net."""
        return (NAMED / self.name).stat().st_ino

    def write_etc(self, name: str, text: str) -> None:
        """Write a file that programs started here see as /etc/@name; in place, so that those
        which run already see the change too."""
        self.etc.mkdir(parents=True, exist_ok=True)
        (self.etc / name).write_text(text)

    # Running commands

    def argv(self, argv: Sequence[str]) -> list[str]:
        """The command line that runs @argv here; it only ever execs, so the pid stays the same."""
        inner = [str(arg) for arg in argv]
        if self.above_etc is not None:
            inner = ["sh", "-c", OVERLAY, str(self.above_etc), str(self.etc)] + inner
        if self.run_dir is not None:
            inner = ["sh", "-c", 'mount --bind "$0" /run && exec "$@"', str(self.run_dir)] + inner
        return ["ip", "netns", "exec", self.name] + inner

    def popen(self, argv: Sequence[str], **popen: Any) -> subprocess.Popen:
        """Start @argv here; @popen goes to subprocess.Popen, whose pid is that of the command."""
        popen.setdefault("env", os.environ | self.env)
        popen.setdefault("stdin", subprocess.DEVNULL)
        return subprocess.Popen(self.argv(argv), **popen)

    def run(self, argv: Sequence[str], check: bool = True, timeout: float = 30,
            **popen: Any) -> subprocess.CompletedProcess:
        """Run @argv here to its end; see run()."""
        popen.setdefault("env", os.environ | self.env)
        return run(self.argv(argv), check=check, timeout=timeout, **popen)

    def ip(self, command: str, check: bool = True) -> str:
        """`ip -n NAME @command`, its output."""
        return run(["ip", "-n", self.name] + command.split(), check=check).stdout

    def ip_json(self, command: str) -> list[dict]:
        """`ip -json @command`, parsed; nothing at all counts as an empty list."""
        out = run(["ip", "-n", self.name, "-d", "-j"] + command.split()).stdout
        return [item for item in json.loads(out or "[]") if item]

    def ip_batch(self, commands: Iterable[str]) -> None:
        """Several ip commands in one process, which is what makes the lab quick to build."""
        run(["ip", "-n", self.name, "-batch", "-"], input="\n".join(commands) + "\n")

    def nft(self, script: str) -> None:
        """Load an nft script."""
        run(["ip", "netns", "exec", self.name, "nft", "-f", "-"], input=script)

    def nft_json(self, *command: str) -> list[dict]:
        """`nft -j @command`, its objects without the header."""
        out = run(["ip", "netns", "exec", self.name, "nft", "-j", *command]).stdout
        return [item for item in json.loads(out)["nftables"] if "metainfo" not in item]

    # Looking in without a process

    def call(self, function: Callable[[], Any]) -> Any:
        """Call @function in a thread of this process that has joined the namespace.

        A socket made there stays in the namespace afterwards, and /proc/sys/net shows its values.
        """
        outcome: dict[str, Any] = {}

        def body() -> None:
            try:
                with open(NAMED / self.name, "rb") as ns:
                    if _libc.setns(ns.fileno(), CLONE_NEWNET) != 0:
                        raise OSError(ctypes.get_errno(), f"cannot enter '{self.name}'")
                outcome["value"] = function()
            except BaseException as error:  # handed to the caller's thread
                outcome["error"] = error

        thread = threading.Thread(target=body, name=f"in {self.name}")
        thread.start()
        thread.join()
        if "error" in outcome:
            raise outcome["error"]
        return outcome["value"]

    def socket(self, family: int = socket.AF_INET, kind: int = socket.SOCK_STREAM,
               proto: int = 0) -> socket.socket:
        """A socket of this namespace, for use by the test process itself."""
        return self.call(lambda: socket.socket(family, kind, proto))

    def sysctl(self, key: str) -> str:
        """The value of a sysctl given by its path, as 'net/ipv4/ip_forward'."""
        return self.call(lambda: Path("/proc/sys", key).read_text()).strip()

    def sysctls(self, values: dict[str, str]) -> None:
        """Set sysctls of this namespace; names that this kernel lacks are passed over."""
        def write() -> None:
            for key, value in values.items():
                path = Path("/proc/sys", key)
                if not key.startswith("net/"):
                    raise ValueError(f"'{key}' does not belong to a network namespace")
                if path.exists():
                    path.write_text(value)
        self.call(write)

    def processes(self) -> list[process.Process]:
        """The processes that live in this namespace now."""
        return process.in_netns({self.inode})


def create(namespaces: Sequence[Netns]) -> None:
    """Make all of @namespaces at once."""
    run(["ip", "-batch", "-"], input="".join(f"netns add {ns.name}\n" for ns in namespaces))
    for ns in namespaces:
        ns.prepare()


def delete(names: Iterable[str]) -> None:
    """Remove namespaces, the processes in them and their /etc/netns; none need exist."""
    names = list(names)
    present = [name for name in names if (NAMED / name).exists()]
    inodes = {(NAMED / name).stat().st_ino for name in present}
    for left in process.in_netns(inodes):
        left.signal(signal.SIGKILL)
    for name in present:
        run(["ip", "netns", "del", name], check=False)
    for name in names:
        shutil.rmtree(ETC / name, ignore_errors=True)
    try:
        ETC.rmdir()
    except OSError:
        pass  # another lab's, or the machine's own, are still in it


def owner(name: str) -> Optional[int]:
    """The pid in a name of the lab's, else None: 'vmrun-1234-0-laptop' belongs to 1234."""
    match = re.fullmatch(re.escape(PREFIX) + r"(\d+)-\d+-?.*", name)
    return int(match[1]) if match else None


def left_by_the_dead(directory: Path) -> list[str]:
    """Names in @directory that an earlier run made and did not live to remove."""
    names = os.listdir(directory) if directory.is_dir() else []
    owners = {name: owner(name) for name in names}
    return [name for name, pid in owners.items() if pid and not Path("/proc", str(pid)).exists()]
