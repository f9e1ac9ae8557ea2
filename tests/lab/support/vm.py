# SPDX-License-Identifier: GPL-2.0-or-later
"""A running `vmrun` on the laptop: started, waited for, talked to, and ended for certain."""

import fcntl
import itertools
import os
import pwd
import pty
import re
import signal
import subprocess
import termios
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Optional, Sequence, Union

import yaml

import process
from netns import Netns
from output import Output

@dataclass(frozen=True)
class Account:
    """A user of the laptop; see Laptop.add_user()."""

    name: str
    uid: int
    gid: int


Definition = Union[dict, str, Path]
User = Optional[Union[str, int, Account]]

READY = re.compile(
    r"^vmrun: (?P<name>[a-z0-9-]+): (?P<address>[0-9.]+)/(?P<prefix>\d+) on (?P<uplink>\S+)"
    r"(?: \(SSID (?P<ssid>.*)\))?, gateway (?P<gateway>\S+), dns (?P<dns>.+?), tap (?P<tap>\S+)$",
    re.MULTILINE)
_serial = itertools.count()


def binary() -> Path:
    """The program under test: $VMRUN, else the one in this tree's build directory."""
    default = Path(__file__).resolve().parents[3] / "build" / "vmrun"
    return Path(os.environ.get("VMRUN", default)).resolve()


def account(user: User) -> Account:
    """The account by its name or number; root's when @user is None."""
    if isinstance(user, Account):
        return user
    entry = pwd.getpwuid(user) if isinstance(user, int) else pwd.getpwnam(user or "root")
    return Account(entry.pw_name, entry.pw_uid, entry.pw_gid)


def home_directories(directory: Path, user: Account) -> tuple[Path, Path]:
    """The home and the runtime directory that the lab in @directory gives a user."""
    found = directory / f"home-{user.uid}", directory / "run" / "user" / str(user.uid)
    for each in found:
        each.mkdir(parents=True, exist_ok=True)
        each.chmod(0o700)
        os.chown(each, user.uid, user.gid)
    return found


def _runs(arguments: Sequence[str]) -> bool:
    """True if the command is `run`, named or not; other commands have names of letters alone."""
    return next((each for each in arguments if each.isalpha()), "run") == "run" and bool(arguments)


def vmrun_argv(directory: Path, arguments: Sequence[str], user: User = None,
               sudo: Union[bool, str] = False) -> tuple[list[str], dict[str, str]]:
    """The command line and the environment's additions to run vmrun as root or as @user.

    With @user alone the process is that user's and without privilege, as after a login. With @sudo
    it is root's, as `sudo vmrun` by @user would make it: root, with SUDO_UID and its kin. Home and
    XDG directories are the lab's own either way. Nothing between forks, so the pid is vmrun's; but
    with @sudo the word "program" or "doas" it is the one of sudo(8) or doas(1) itself, which @user
    runs. Root itself runs VMs with --as-root, unless @sudo is the word "plain".
    """
    who = account(user)
    uid, gid = who.uid, who.gid
    home, runtime = home_directories(directory, who)
    env = {"HOME": str(home), "USER": who.name, "LOGNAME": who.name,
           "XDG_RUNTIME_DIR": f"/run/user/{uid}", "XDG_DATA_HOME": str(home / "data"),
           "XDG_CACHE_HOME": str(home / "cache"), "XDG_STATE_HOME": str(home / "state"),
           "XDG_CONFIG_HOME": str(home / "config")}
    argv = [str(binary()), *map(str, arguments)]
    if uid == 0 and sudo != "plain" and _runs(argv[1:]):
        argv.append("--as-root")
    if sudo == "program":
        argv = ["sudo", "--non-interactive", *argv]
    if sudo == "doas":
        argv = ["doas", "-n", *argv]
    if sudo is True:
        env |= {"SUDO_UID": str(uid), "SUDO_GID": str(gid), "SUDO_USER": who.name,
                "SUDO_COMMAND": " ".join(argv)}
    elif uid != 0:
        argv = ["setpriv", f"--reuid={uid}", f"--regid={gid}", "--init-groups", "--", *argv]
    return argv, env


class Vm:
    """`vmrun FILE` as a process; a context manager that leaves nothing of it running.

    After wait_ready(): name, address, prefix, uplink, ssid, gateway, dns, tap as in vmrun's own
    line. QEMU is a child; so is vmrun-netsetup, unless another VM of the laptop has started it.
    """

    def __init__(self, netns: Netns, directory: Path, definition: Definition,
                 options: Sequence[str] = (), user: User = None, sudo: Union[bool, str] = False,
                 console: str = "pipe", env: Optional[dict[str, str]] = None) -> None:
        """@console: vmrun's standard input and output, `pipe` or `pty` (a terminal in its ordinary
        mode). See vmrun_argv() for
        @user and @sudo. @env: additions to the environment."""
        self.file = write_definition(directory, definition)
        self.name = ""
        self.address = self.prefix = self.uplink = self.ssid = self.gateway = self.tap = ""
        self.dns: list[str] = []
        self._family: list[process.Process] = []
        self._netns = netns

        argv, additions = vmrun_argv(directory, [*options, str(self.file)], user, sudo)
        additions = netns.env | additions | (env or {})
        pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        if console == "pty":
            ours, theirs = pty.openpty()
            self.terminal_before = termios.tcgetattr(theirs)
            # As after a login: the terminal is the session's own, so that job control is real.
            pipes = {"stdin": theirs, "stdout": theirs,
                     "preexec_fn": lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0)}
        self.process = netns.popen(argv, stderr=subprocess.PIPE, env=os.environ | additions,
                                   start_new_session=True, **pipes)
        self.stderr = Output.of(self.process.stderr, "vmrun's stderr")
        if console == "pty":
            os.close(theirs)
            self._input = os.dup(ours)
            self.console = Output(ours, "the console")
        else:
            self._input = os.dup(self.process.stdin.fileno())
            self.process.stdin.close()
            self.console = Output.of(self.process.stdout, "the console")

    def __enter__(self) -> "Vm":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # Waiting

    def wait_ready(self, timeout: float = 30) -> None:
        """Wait for the line that says the VM is on the LAN, and take its facts."""
        try:
            match = self.stderr.wait_for(READY.pattern, timeout)
        except EOFError as error:
            raise RuntimeError(f"vmrun exited with {self.process.wait(5)}: {error}") from None
        facts = match.groupdict()
        self.dns = re.split(r"[ ,]+", facts.pop("dns"))
        for key, value in facts.items():
            setattr(self, key, value or "")
        self.family()

    def wait_stderr(self, regex: str, timeout: float = 10) -> re.Match:
        """Wait for a message of vmrun's."""
        return self.stderr.wait_for(regex, timeout)

    def wait_console(self, regex: str, timeout: float = 60) -> re.Match:
        """Wait for output of the guest."""
        return self.console.wait_for(regex, timeout)

    def wait(self, timeout: float = 60) -> int:
        """Wait for the end; the exit status, 128+n for a signal as a shell has it."""
        status = self.process.wait(timeout)
        for output in (self.console, self.stderr):  # a child that survived may hold it open
            output.wait_end(0.5)
        return status if status >= 0 else 128 - status

    # Processes

    @property
    def pid(self) -> int:
        """vmrun's."""
        return self.process.pid

    @property
    def alive(self) -> bool:
        """True if vmrun runs."""
        return self.process.poll() is None

    def family(self) -> list[process.Process]:
        """vmrun's children and theirs, those seen before and those there now."""
        for each in process.descendants(self.pid):
            if each not in self._family:
                self._family.append(each)
        return list(self._family)

    def child(self, name: str, timeout: float = 2) -> process.Process:
        """The living child whose name begins with @name; waits for one that is yet to exec."""
        deadline = time.monotonic() + timeout
        while True:
            for each in self.family():
                if each.alive and each.name.startswith(name):
                    return each
            if time.monotonic() > deadline:
                known = [each.name for each in self._family]
                raise LookupError(f"vmrun has no child '{name}', only {known}")
            time.sleep(0.02)

    @property
    def qemu(self) -> process.Process:
        """QEMU."""
        return self.child("qemu-system")

    def services(self) -> list[process.Process]:
        """The living processes of vmrun-netsetup that serve this network namespace."""
        return [each for each in process.in_netns([self._netns.inode])
                if each.name.startswith("vmrun-netsetup")]

    def _service(self, argument: str, timeout: float = 5) -> process.Process:
        deadline = time.monotonic() + timeout
        while True:
            for each in self.services():
                if (each.cmdline + ["", ""])[1] == argument and each.alive:
                    return each
            if time.monotonic() > deadline:
                known = [each.cmdline for each in self.services()]
                raise LookupError(f"there is no vmrun-netsetup {argument}, only {known}")
            time.sleep(0.02)

    @property
    def netsetup(self) -> process.Process:
        """The service, which its clients talk to."""
        return self._service("--service")

    @property
    def maker(self) -> process.Process:
        """The process that changes the host for the service."""
        return self._service("--maker")

    @property
    def worker(self) -> process.Process:
        """The service's worker, which has none."""
        return self._service("--worker")

    @property
    def supervisor(self) -> process.Process:
        """The process that keeps the service's descriptors."""
        return self._service("")

    @property
    def mac(self) -> str:
        """The MAC of the guest's card, as QEMU was told."""
        return re.search(r"\bmac=([0-9a-f:]{17})", " ".join(self.qemu.cmdline))[1]

    # Acting

    def send(self, text: str) -> None:
        """Type into the console."""
        os.write(self._input, text.encode())

    def close_input(self) -> None:
        """The end of what is typed."""
        os.close(self._input)
        self._input = -1

    @property
    def terminal(self) -> list:
        """The present mode of the terminal, of console="pty", as termios.tcgetattr() has it."""
        return termios.tcgetattr(self._input)

    def signal(self, number: int) -> None:
        """Send a signal to vmrun."""
        self.process.send_signal(number)

    def stop(self, timeout: float = 60) -> int:
        """SIGTERM, the graceful stop; the exit status."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def quit(self, timeout: float = 10) -> int:
        """SIGQUIT, the end without asking the guest; the exit status."""
        self.signal(signal.SIGQUIT)
        return self.wait(timeout)

    def close(self, patience: float = 10) -> None:
        """End it for certain: SIGQUIT, then SIGKILL, to vmrun and to what it had started."""
        family = self.family() if self.alive else list(self._family)
        if self.alive:
            self.signal(signal.SIGQUIT)
            try:
                self.process.wait(patience)
            except subprocess.TimeoutExpired:
                family = self.family()
                self.process.kill()
                self.process.wait()
        deadline = time.monotonic() + 2
        for each in family:
            # The service has other VMs, or its undoing still to do; the lab looks for what is left.
            if each.name.startswith("vmrun-netsetup"):
                continue
            if not each.wait_gone(max(0, deadline - time.monotonic())):
                each.signal(signal.SIGKILL)
                each.wait_gone(2)
        if self._input >= 0:
            self.close_input()
        self.console.wait_end()
        self.stderr.wait_end()


def write_definition(directory: Path, definition: Definition) -> Path:
    """The path of @definition; a mapping is written as a file that any user can read."""
    if not isinstance(definition, dict):
        return Path(definition).resolve()
    path = directory / f"{definition.get('name', 'vm')}-{next(_serial)}.yaml"
    path.write_text(yaml.safe_dump(definition, sort_keys=False))
    path.chmod(0o644)
    return path
