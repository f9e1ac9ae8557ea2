# SPDX-License-Identifier: GPL-2.0-or-later
"""Connects to the service as any local user may, and sends it anything.

`Service` is one that members of a group may use; `Caller` is a connection of a user who is not
trusted; `Stage` has both, and a VM of another user, which must never come to harm.
"""

import ctypes
import fcntl
import os
import platform
import re
import signal
import socket
import struct
import tempfile
import time
import uuid
from contextlib import ExitStack
from typing import Any, Optional, Sequence

import process
import records
import vm as vm_module
from hoststate import HostState
from lab import Lab
from netns import Netns, run
from vm import Account

GROUP = 4343
ME = Account("me", 4242, 4242)
OTHER = Account("other", 5555, 5555)
QUICK = Account("quick", 7777, 7777)
ROOT = Account("root", 0, 0)
STRANGER = Account("stranger", 6666, 6666)
POLICY = f"""# who may do what, in the lab
allow user {ME.uid} address 192.168.77.16-192.168.77.250 vms 3
allow user {OTHER.uid} uplink any
allow user {QUICK.uid} address 192.168.77.16-192.168.77.250 vms 3 unprobed
"""

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI = 2, 0x1000
SO_NETNS_COOKIE = 71
# Numbers of the system calls, which change the ids of one thread, as glibc's functions do not.
SETGROUPS, SETRESGID, SETRESUID = {"aarch64": (159, 149, 147)}.get(platform.machine(),
                                                                  (116, 119, 117))
_libc = ctypes.CDLL(None, use_errno=True)


def become(user: Account, groups: Sequence[int]) -> None:
    """Give the calling thread, which must end soon, the ids of @user."""
    listed = (ctypes.c_uint32 * len(groups))(*groups)
    for call in ((SETGROUPS, len(groups), listed), (SETRESGID, *[user.gid] * 3),
                 (SETRESUID, *[user.uid] * 3)):
        if _libc.syscall(*call) != 0:
            raise OSError(ctypes.get_errno(), f"cannot become {user.name}")


class Service:
    """`vmrun-netsetup --listen` on the laptop, for the group GROUP; a context manager."""

    def __init__(self, lab: Lab) -> None:
        self.netns = lab.laptop.netns
        self._stderr = tempfile.TemporaryFile()
        program = vm_module.binary().parent / "vmrun-netsetup"
        self.process = self.netns.popen([program, "--listen"], stderr=self._stderr,
                                        start_new_session=True)
        cookie = self.netns.call(self._cookie)
        self.path = lab.run_dir / "vmrun" / f"net-{cookie}" / "netsetup.sock"
        deadline = time.monotonic() + 20
        while not self.path.exists():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.process.kill()
                raise RuntimeError(f"the service did not start: {self.said}")
            time.sleep(0.02)
        os.chown(self.path, 0, GROUP)
        self._wait_listening(deadline)

    def install(self) -> None:
        """Let vmrun find the socket where systemd's would be."""
        (self.path.parent.parent / "netsetup.sock").symlink_to(self.path.relative_to(
            self.path.parent.parent))

    def _wait_listening(self, deadline: float) -> None:
        while True:
            try:
                return self.connect(Account("root", 0, 0)).close()
            except ConnectionRefusedError:
                assert time.monotonic() < deadline, "the service does not listen"
                time.sleep(0.02)

    @staticmethod
    def _cookie() -> int:
        with socket.socket(socket.AF_UNIX) as sock:
            return struct.unpack("Q", sock.getsockopt(socket.SOL_SOCKET, SO_NETNS_COOKIE, 8))[0]

    def __enter__(self) -> "Service":
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        finally:
            self.process.kill()
            self.process.wait()
            (self.path.parent.parent / "netsetup.sock").unlink(missing_ok=True)

    @property
    def said(self) -> str:
        """The text on its standard error."""
        self._stderr.seek(0)
        return self._stderr.read().decode(errors="replace")

    @property
    def processes(self) -> dict[str, process.Process]:
        """The supervisor, the service, and its children: the maker and the worker."""
        found = {"supervisor": process.get(self.process.pid)}
        for each in process.descendants(self.process.pid):
            # One that ends meanwhile has no command line.
            role = "".join(each.cmdline[1:2])
            if role in ("--service", "--maker", "--worker"):
                found[role[2:]] = each
        return found

    def kill(self) -> None:
        """Kill the service, and wait for the next one."""
        old = self.processes
        dead = old["service"]
        dead.signal(signal.SIGKILL)
        assert dead.wait_gone(5)
        self.wait_restarted(old)

    def wait_restarted(self, old: dict[str, process.Process]) -> None:
        """Wait until another service runs than the one of @old processes."""
        deadline = time.monotonic() + 10
        while len(new := self.processes) < len(old) or new["service"] == old["service"]:
            assert time.monotonic() < deadline, "no other service was started"
            time.sleep(0.02)

    def connect(self, user: Account, groups: Sequence[int] = (GROUP,),
                netns: Optional[Netns] = None) -> socket.socket:
        """A connection of @user, in the namespace @netns, by default the laptop's."""
        def make() -> socket.socket:
            become(user, groups)
            sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            try:
                sock.connect(str(self.path))
            except OSError:
                sock.close()
                raise
            return sock
        return (netns or self.netns).call(make)

    def answer_time(self) -> float:
        """Seconds until a client that has just come is answered."""
        began = time.monotonic()
        with Caller(self, STRANGER) as caller:
            assert caller.ask(records.clean(dry_run=1)).status == 4
        return time.monotonic() - began


class Caller:
    """A connection; a context manager that ends it, and closes the descriptors that were sent."""

    def __init__(self, service: Service, user: Account = ME, groups: Sequence[int] = (GROUP,),
                 netns: Optional[Netns] = None) -> None:
        self.user = user
        self.fds: list[int] = []
        self.socket = service.connect(user, groups, netns)
        self.socket.settimeout(30)

    def __enter__(self) -> "Caller":
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()
        for fd in self.fds:
            os.close(fd)
        self.fds.clear()

    def send(self, octets: bytes, fds: Sequence[int] = ()) -> None:
        """Send a record, and descriptors with it; that nobody is there any more is no error."""
        try:
            socket.send_fds(self.socket, [octets], list(fds))
        except (BrokenPipeError, ConnectionResetError):
            pass

    def answer(self) -> Optional[records.Answer]:
        """The service's next record."""
        answer = records.read_answer(self.socket)
        self.fds += answer.fds if answer else ()
        return answer

    def ask(self, octets: bytes, fds: Sequence[int] = ()) -> Optional[records.Answer]:
        """A request, and the answer."""
        self.send(octets, fds)
        return self.answer()

    def renewed(self) -> None:
        """After a restart of the service: take its word that the VM goes on."""
        for kind in (records.RENEWED, records.READY):
            answer = self.answer()
            assert answer and answer.kind == kind, answer

    def ended(self) -> bool:
        """True if the service says no more than that it is done, and ends the connection."""
        answer = self.answer()
        if answer and answer.kind == records.DONE:
            answer = self.answer()
        return answer is None

    def half_close(self) -> None:
        """End-of-file for the service; what it says can still be read."""
        self.socket.shutdown(socket.SHUT_WR)

    def finish(self) -> None:
        """End the connection in order: the service undoes what this caller has."""
        self.half_close()
        while (answer := self.answer()) and answer.kind != records.DONE:
            pass
        assert answer, "the end was not reported"


class Stage:
    """A lab, a service, and another user's VM; a context manager."""

    def __init__(self, policy: str = POLICY) -> None:
        self._closing = ExitStack()
        self._policy = policy

    def __enter__(self) -> "Stage":
        with ExitStack() as stack:
            self.lab = stack.enter_context(Lab())
            self.lab.set_policy(self._policy)
            self.lab.laptop.netns.ip_batch([
                "link add eth9 type veth peer name eth9-p", "link set eth9 up",
                "link set eth9-p up", "addr add 10.99.0.1/24 dev eth9"])
            self.service = stack.enter_context(Service(self.lab))
            self.victim = stack.enter_context(self.caller(OTHER))
            answer = self.victim.ask(self.attach(OTHER, name=b"victim"))
            assert answer and answer.kind == records.READY, answer
            self.victim_address, self.victim_tap = answer.address, answer.tap
            self.victim_ifindex = answer.tap_ifindex
            time.sleep(2.2)  # its second announcement
            self._closing = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.close()

    def caller(self, user: Account = ME, groups: Sequence[int] = (GROUP,)) -> Caller:
        """A connection of @user."""
        return Caller(self.service, user, groups)

    def ifindex(self, interface: str = "wlan0") -> int:
        """The index of an interface of the laptop."""
        return self.lab.laptop.netns.call(lambda: socket.if_nametoindex(interface))

    def attach(self, user: Account = ME, kind: int = records.ATTACH, interface: str = "wlan0",
               **fields: Any) -> bytes:
        """A request of @user that is in order, but for the @fields."""
        fields = {"ifindex": self.ifindex(interface), "host": self.lab.laptop.address,
                  "owner": user.uid} | fields
        return records.attach(kind, **fields)

    def tap(self, name: str, ns: str = "laptop", flags: int = IFF_TAP) -> int:
        """A tap that root has made, on the machine @ns."""
        def make() -> int:
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
            fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags | IFF_NO_PI))
            return fd
        return self.lab.stations[ns].netns.call(make)

    def snapshot(self) -> HostState:
        """The laptop, without the content of the service's own file."""
        state = self.lab.snapshot()
        state.lines = [line for line in state.lines
                       if not re.match(r"file /run/vmrun/net-\d+/state: ", line)]
        return state

    def victim_is_well(self) -> None:
        """The other user's VM is where it was, and its client has heard nothing."""
        self.victim.socket.setblocking(False)
        try:
            heard = records.read_answer(self.victim.socket)
        except BlockingIOError:
            pass
        else:
            raise AssertionError(f"the other user's client was sent {heard}")
        finally:
            self.victim.socket.settimeout(30)
        proxies = [each["dst"] for each in self.lab.laptop.netns.ip_json("neigh show proxy")]
        assert self.victim_address in proxies
        assert self.lab.laptop.netns.ip(f"link show {self.victim_tap}")


def tap_name(user: Account, name: str) -> str:
    """The name that ifname_of_tap() makes of a user's VM."""
    digest = uuid.uuid5(uuid.NAMESPACE_DNS, f"{user.uid}/{name}").hex
    return f"vmr-{name[:4]}-{digest[:6]}"


def same_tap_name() -> tuple[str, str]:
    """Names of a VM of OTHER's and of one of QUICK's that have the same tap name."""
    theirs = {tap_name(OTHER, f"same-{n}"): f"same-{n}" for n in range(40000)}
    for n in range(40000):
        name = f"same-{n}"
        if (found := tap_name(QUICK, name)) in theirs:
            return theirs[found], name
    raise LookupError("no two names")


def matches(pattern: str, text: str) -> bool:
    """True if @pattern, a regular expression, matches the whole of @text."""
    return re.fullmatch(pattern, text, re.DOTALL) is not None


def could(user: Account, pid: int, code: str) -> str:
    """Run Python @code, which knows PID, as @user; what it printed."""
    argv = ["setpriv", f"--reuid={user.uid}", f"--regid={user.gid}", "--clear-groups", "--",
            "/usr/bin/python3", "-I", "-c", f"import os, ctypes\nPID = {pid}\n{code}"]
    return run(argv, check=False).stdout.strip()
