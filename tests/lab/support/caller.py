# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts the helper as any local user may: with every descriptor, limit and signal of his choice.

`Installation` is a helper that one group may run, set-uid or with file capabilities; `Caller` is one
start of it, by a user who is not trusted.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass, field
from typing import Any, Optional, Sequence

import process
import records
import vm as vm_module
from lab import Lab
from netns import run
from vm import Account

CAPABILITIES = ("cap_net_admin,cap_net_raw,cap_setuid,cap_setgid,cap_setpcap,"
                "cap_sys_resource=p")
HELPER_FD = 3

# The last program before the helper, as the user: makes things so, and becomes the helper.
BECOME = r"""
import ctypes, json, os, resource, signal, socket, sys
how = json.loads(sys.argv[1])
given = int(sys.argv[2])
libc = ctypes.CDLL(None)
if how["chdir"]:
    os.mkdir(how["chdir"]); os.chdir(how["chdir"]); os.rmdir(how["chdir"])
made = eval(how["third"], {"os": os, "socket": socket}) if how["third"] else None
number = made if isinstance(made, int) else made.fileno() if made else given
if number != 3 and how["third"] != "None":
    os.dup2(number, 3)
if how["third"] == "None":
    os.closerange(3, 64)
else:
    os.set_inheritable(3, True)
    if how["nonblocking"]:
        os.set_blocking(3, False)
for each in how["extra"]:
    os.dup2(os.open(each, os.O_RDONLY), 10 + len(each) % 7)
for each in how["ignored"]:
    signal.signal(each, signal.SIG_IGN)
signal.pthread_sigmask(signal.SIG_BLOCK, how["blocked"])
if how["alarm"]:
    signal.alarm(how["alarm"])
if how["umask"] is not None:
    os.umask(how["umask"])
for name, value in how["limits"].items():
    resource.setrlimit(getattr(resource, "RLIMIT_" + name), (value, value))
for each in how["closed"]:
    os.close(each)
os.execve(how["path"], how["argv"], how["env"])
"""


class Installation:
    """A helper of its own, for the group @gid."""

    def __init__(self, lab: Lab, mode: str, gid: int) -> None:
        """@mode: setuid or capabilities."""
        self.lab, self.mode = lab, mode
        directory = lab.directory / f"installed-{mode}"
        directory.mkdir(mode=0o755)
        for name in ("vmrun", "vmrun-netsetup"):
            shutil.copy(vm_module.binary().parent / name, directory / name)
        self.vmrun, self.helper = directory / "vmrun", directory / "vmrun-netsetup"
        shutil.chown(self.helper, 0, gid)
        self.helper.chmod(0o4750 if mode == "setuid" else 0o750)
        if mode == "capabilities":
            run(["setcap", CAPABILITIES, self.helper])


@dataclass
class How:
    """The settings with which a caller starts the helper."""

    third: str = ""  # Python that makes descriptor 3 instead of the socket; "None": nothing
    argv: Sequence[str] = ("vmrun-netsetup",)
    env: dict[str, str] = field(default_factory=dict)
    closed: Sequence[int] = ()
    ignored: Sequence[int] = ()
    blocked: Sequence[int] = ()
    limits: dict[str, int] = field(default_factory=dict)
    umask: Optional[int] = None
    alarm: int = 0
    nonblocking: bool = False
    chdir: str = ""
    extra: Sequence[str] = ()


class Caller:
    """One start of the helper; a context manager that ends it."""

    def __init__(self, installation: Installation, user: Account, groups: Sequence[int] = (),
                 **how: Any) -> None:
        self.user = user
        netns = installation.lab.laptop.netns
        spec = vars(How(**how)) | {"path": str(installation.helper)}
        self.socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.settimeout(20)
        self._stderr = tempfile.TemporaryFile()
        listed = f"--groups={','.join(map(str, groups))}" if groups else "--clear-groups"
        argv = ["setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", listed, "--",
                "/usr/bin/python3", "-I", "-c", BECOME, json.dumps(spec), str(theirs.fileno())]
        # A set-uid program, also one of the chain's, gets no environment that could matter to it.
        self.process = netns.popen(argv, pass_fds=[theirs.fileno()], stdout=subprocess.DEVNULL,
                                   stderr=self._stderr, start_new_session=True,
                                   env={"PATH": os.environ["PATH"]} | netns.env)
        theirs.close()

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise

    def send(self, octets: bytes, fds: Sequence[int] = ()) -> None:
        """Send a record, and descriptors with it; that nobody is there any more is no error."""
        try:
            socket.send_fds(self.socket, [octets], list(fds))
        except (BrokenPipeError, ConnectionResetError):
            pass

    def answer(self) -> Optional[records.Answer]:
        """The helper's next record; its descriptors are the caller's to close."""
        return records.read_answer(self.socket)

    def ask(self, octets: bytes, fds: Sequence[int] = ()) -> Optional[records.Answer]:
        """A request, and the answer."""
        self.send(octets, fds)
        return self.answer()

    def half_close(self) -> None:
        """End-of-file for the helper; what it says can still be read."""
        self.socket.shutdown(socket.SHUT_WR)

    def wait(self, timeout: float = 10) -> int:
        """The helper's exit status, 128+n for a signal."""
        status = self.process.wait(timeout)
        return status if status >= 0 else 128 - status

    @property
    def said(self) -> str:
        """The text on its standard error."""
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace")

    @property
    def helper(self) -> process.Process:
        """The process, when it has become the helper."""
        return process.get(self.process.pid)

    def could(self, code: str) -> str:
        """Run Python @code, which knows PID, as the same user; what it printed."""
        argv = ["setpriv", f"--reuid={self.user.uid}", f"--regid={self.user.gid}",
                "--clear-groups", "--", "/usr/bin/python3", "-I", "-c",
                f"import os, ctypes\nPID = {self.process.pid}\n{code}"]
        return run(argv, check=False).stdout.strip()


def matches(pattern: str, text: str) -> bool:
    """True if @pattern, a regular expression, matches the whole of @text."""
    return re.fullmatch(pattern, text, re.DOTALL) is not None


def all_signals() -> list[int]:
    """Those that can be blocked and ignored."""
    return [each for each in signal.valid_signals()
            if each not in (signal.SIGKILL, signal.SIGSTOP)]
