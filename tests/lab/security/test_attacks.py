# SPDX-License-Identifier: GPL-2.0-or-later
"""Attacks of a permitted user on the VMs of others, and on the machine, by way of the service."""

import errno
import fcntl
import os
import select
import signal
import socket
import struct
import subprocess
import threading
import time
from contextlib import ExitStack, contextmanager
from ipaddress import IPv4Address
from pathlib import Path
from typing import Callable, Iterator, Optional

import pytest

import netns
import records
from caller import (GROUP, IFF_NO_PI, IFF_TAP, ME, OTHER, POLICY, QUICK, TUNSETIFF, Caller, Service,
                    Stage, become, matches, same_tap_name, tap_name)
from conftest import need, need_vmrun
from hoststate import settle
from records import FAILED, MOVE, READY, clean, dhcp, dhcp_packet
from vm import Account

TUNSETPERSIST, TUNSETCARRIER, TUNSETOFFLOAD = 0x400454CB, 0x400454E2, 0x400454D0
EACCES = 13
IFF_MULTI_QUEUE = 0x0100
PIDFD_GETFD = 438
PROMPT = 2.0  # seconds in which a client is answered, whatever another one does


@pytest.fixture(scope="module")
def shared() -> Iterator[Stage]:
    """One for all tests that leave it as it was."""
    need("root", "ip", "nft", "dnsmasq", "setpriv")
    need_vmrun()
    with Stage() as built:
        yield built


@pytest.fixture
def stage(shared: Stage) -> Iterator[Stage]:
    """The laptop is as it was, and so is the other user's VM."""
    before, processes = shared.snapshot(), shared.service.processes
    yield shared
    changes = settle(before, shared.snapshot, 3)
    assert not changes, "the laptop has changed:\n" + "\n".join(changes)
    assert shared.service.processes == processes, "a process of the service has ended"
    shared.victim_is_well()


@pytest.fixture
def own() -> Iterator[Stage]:
    """A stage whose service may die."""
    need("root", "ip", "nft", "dnsmasq", "setpriv")
    need_vmrun()
    with Stage() as built:
        yield built


def attached(stage: Stage, caller: Caller, **fields: object) -> records.Answer:
    """Attach a VM at once, without probes; @caller is QUICK's."""
    answer = caller.ask(stage.attach(QUICK, **({"probe": 2} | fields)))
    assert answer and answer.kind == READY, answer
    return answer


# Others' taps and addresses

@pytest.fixture(scope="module")
def same() -> tuple[str, str]:
    """Two such names."""
    return same_tap_name()


@pytest.mark.parametrize("resumed", [False, True], ids=["attach", "resume"])
def test_same_tap_name(stage: Stage, same: tuple[str, str], resumed: bool) -> None:
    """A name has 24 bits of a digest: a user finds one whose tap is called like another's."""
    theirs, mine = same
    with stage.caller(OTHER) as other, stage.caller(QUICK) as caller:
        answer = other.ask(stage.attach(OTHER, name=theirs.encode()))
        assert answer.kind == READY and answer.tap == tap_name(QUICK, mine)
        before = stage.snapshot()
        refused = caller.ask(stage.attach(
            QUICK, name=mine.encode(), probe=2, tap_ifindex=answer.tap_ifindex if resumed else 0))
        assert refused.kind == FAILED, refused
        assert caller.ended()
        assert settle(before, stage.snapshot, 2) == []
        assert other.ask(stage.attach(OTHER, MOVE, name=theirs.encode())).tap_ifindex == \
            answer.tap_ifindex
        other.finish()


@pytest.mark.parametrize("fields", [
    {}, {"name": b"victim"}, {"name": b"victim", "owner": OTHER.uid}, {"owner": OTHER.uid},
    {"uuid": b"v" * 16}, {"name": b"victim", "address": "VICTIM"}, {"address": "VICTIM"}],
    ids=lambda fields: " ".join(fields) or "plain")
def test_resume_of_anothers_tap(stage: Stage, fields: dict) -> None:
    """Whatever the request says, the tap is not this user's."""
    fields = {key: stage.victim_address if value == "VICTIM" else value
              for key, value in fields.items()}
    with stage.caller(QUICK) as caller:
        answer = caller.ask(stage.attach(QUICK, probe=2, tap_ifindex=stage.victim_ifindex,
                                         **fields))
        assert answer.kind == FAILED and not answer.fds
        assert matches("tap '.*' is not this VM's|request refused: invalid field 'owner'",
                       answer.message)
        assert caller.ended()


@pytest.mark.parametrize("by", ["address", "remembered", "range"])
@pytest.mark.parametrize("moved", [False, True], ids=["attach", "move"])
def test_anothers_address(stage: Stage, by: str, moved: bool) -> None:
    """The address of another VM is nobody else's, not even one that may leave out the probe."""
    address = stage.victim_address
    fields = {"address": {"address": address}, "remembered": {"remembered": address},
              "range": {"first": address, "last": address}}[by]
    with stage.caller(QUICK) as caller:
        if moved:
            attached(stage, caller)
        answer = caller.ask(stage.attach(QUICK, MOVE if moved else records.ATTACH, probe=2,
                                         **fields))
        if by == "remembered" or (moved and by == "range"):
            assert answer.kind == READY and answer.address != address
        else:
            assert answer.kind == FAILED
            assert matches("address .* is in use by another VM of this host|no free address .*",
                           answer.message)


def test_nobody_adds_a_queue(stage: Stage) -> None:
    """A tap with several queues could have one of another user's, who may open /dev/net/tun."""
    def add_queue() -> int:
        with open("/dev/net/tun", "r+b", buffering=0) as tun:
            become(QUICK, [GROUP])
            request = struct.pack("16sH22x", answer.tap.encode(),
                                  IFF_TAP | IFF_NO_PI | IFF_MULTI_QUEUE)
            try:
                fcntl.ioctl(tun, TUNSETIFF, request)
            except OSError as error:
                return error.errno
            return 0
    with stage.caller(OTHER) as other:
        answer = other.ask(stage.attach(OTHER, queues=2))
        assert answer.kind == READY and len(answer.fds) == 2
        assert stage.lab.laptop.netns.call(add_queue) == errno.EPERM
        other.finish()


def test_a_stations_mac(stage: Stage) -> None:
    """A bridged VM with the hardware address of a station: the station's answers are not its own, and
    the address is in use."""
    phone = stage.lab.phone
    stage.lab.laptop.netns.ip("neigh flush dev wlan0")
    with stage.caller(ME) as caller:
        answer = caller.ask(stage.attach(ME, address=phone.address, path=2,
                                         mac=bytes.fromhex(phone.mac.replace(":", ""))))
        assert answer.kind == FAILED and phone.mac in answer.message, answer


def test_firewall_by_a_failed_move(stage: Stage) -> None:
    """A request that fails before the policy is read leaves its wishes with the VM: no rule is added
    to a firewall for a user who may not change it."""
    laptop = stage.lab.laptop.netns
    with stage.caller(ME) as caller:
        assert caller.ask(stage.attach(path=1)).kind == READY
        answer = caller.ask(stage.attach(kind=MOVE, ifindex=4000, firewall=1))
        assert answer.kind == FAILED and answer.code != EACCES, answer
        laptop.run(["nft", "add table ip filter; add chain ip filter FORWARD "
                    "{ type filter hook forward priority 0; policy drop; }"])
        try:
            heard = records.read_answer(caller.socket, ())
            time.sleep(1)
            rules = laptop.run(["nft", "list", "ruleset"]).stdout
        finally:
            laptop.run(["nft", "delete table ip filter"])
        assert heard.kind == records.VERDICT and "vmrun:" not in rules, rules
        caller.finish()


# A worker that a station of the LAN has taken over

WORKER_MESSAGE = struct.Struct("=III6s48s6xBBB5x4s4siIII1536s")
WORKER_PROBED, WORKER_ASKED, WORKER_ACCESSED = 10, 14, 15
REPORTS = (records.CONFLICT, records.STRANGER, records.VERDICT, records.ACCESS)


def worker_message(kind: int, number: int, job: int = 0, count: int = 1,
                   address: str = "192.168.77.1", fate: int = 0, result: int = 0) -> bytes:
    """A struct worker_message, whose first address is free, or whose first packet has this fate."""
    octets = IPv4Address(address).packed
    body = bytes([fate]) if kind == WORKER_ASKED else octets + bytes(8)
    return WORKER_MESSAGE.pack(kind, number, job, b"\2\0\0\0\0\7", b"", 0, result, 0, octets, octets,
                               0, count, 7, 7, body)


@contextmanager
def as_worker(stage: Stage) -> Iterator[socket.socket]:
    """The worker's socket to the service."""
    pidfd = os.pidfd_open(stage.service.processes["worker"].pid)
    try:
        fd = netns._libc.syscall(PIDFD_GETFD, pidfd, 3, 0)
    finally:
        os.close(pidfd)
    with socket.socket(fileno=fd) as sock:
        yield sock


def test_hostile_worker(own: Stage) -> None:
    """It can say anything of probes and conflicts; an address is the service's choice, and what is
    malformed makes the service start again, with all VMs in their places."""
    processes = own.service.processes
    with own.caller(OTHER) as other:
        other.send(own.attach(OTHER))
        time.sleep(0.1)
        with as_worker(own) as sock:
            for kind in range(WORKER_PROBED, WORKER_ACCESSED + 1):
                for number in range(6):
                    for job in range(4):
                        for address in ("192.168.77.1", RESOLVER, own.victim_address):
                            sock.send(worker_message(kind, number, job, address=address))
        answer = other.answer()
        while answer.kind in REPORTS:
            answer = other.answer()
        assert answer.kind == READY
        assert answer.address not in ("192.168.77.1", RESOLVER, own.victim_address)
        assert own.service.processes == processes, "all of it was in order"
    while select.select([own.victim.socket], [], [], 0.2)[0]:
        assert records.read_answer(own.victim.socket, ()).kind in REPORTS
    own.victim_is_well()

    for octets in (worker_message(WORKER_PROBED, 1, count=129), b"x",
                   worker_message(WORKER_ASKED, 1, fate=7),
                   worker_message(WORKER_ACCESSED, 1, result=5),
                   worker_message(WORKER_ACCESSED + 1, 1)):
        processes = own.service.processes
        with as_worker(own) as sock:
            sock.send(octets)
        own.service.wait_restarted(processes)
        own.victim.renewed()
        own.victim_is_well()


# A tap's holder

def persist(fd: int) -> None:
    """Do what any holder of a tap's descriptor can."""
    fcntl.ioctl(fd, TUNSETPERSIST, 1)


def taps(stage: Stage) -> set[str]:
    """The names of the laptop's taps that are ours by name."""
    return {each["ifname"] for each in stage.lab.laptop.netns.ip_json("link show")
            if each["ifname"].startswith("vmr-") and not each["ifname"].startswith("vmr-gate_")}


def wait_until(condition: Callable[[], bool], timeout: float = 5) -> bool:
    """True if @condition becomes true in time."""
    deadline = time.monotonic() + timeout
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_persistent_tap(stage: Stage) -> None:
    """It is gone with its VM."""
    with stage.caller(QUICK) as caller:
        answer = attached(stage, caller)
        persist(answer.fds[0])
        caller.finish()
        assert answer.tap not in taps(stage), "while its holder still has it"


@pytest.mark.parametrize("gone", ["after", "before"])
def test_persistent_tap_and_a_killed_service(own: Stage, gone: str) -> None:
    """Of a client that goes away before or after the service was killed and started again."""
    with own.caller(QUICK) as caller:
        answer = attached(own, caller)
        persist(answer.fds[0])
        if gone == "before":
            own.service.processes["service"].signal(signal.SIGSTOP)
            caller.socket.close()
        own.service.kill()
        if gone == "after":
            caller.renewed()
            assert caller.ask(own.attach(QUICK, MOVE, probe=2)).kind == READY
            caller.socket.close()
        assert wait_until(lambda: answer.tap not in taps(own))
    own.victim.renewed()
    own.victim_is_well()


def test_persistent_tap_of_no_service(own: Stage) -> None:
    """After the end of all of the service's processes `vmrun clean` sees it, and removes it."""
    with own.caller(QUICK) as caller:
        answer = attached(own, caller)
        persist(answer.fds[0])
        processes = own.service.processes.values()
        for each in processes:
            each.signal(signal.SIGKILL)
        own.service.process.wait()
        assert all(each.wait_gone(5) for each in processes), "one still listens"
    own.victim.socket.close()
    assert answer.tap in taps(own)
    (own.service.path.parent / "state").unlink()
    shown = own.lab.vmrun("clean", "--dry-run", check=True)
    assert f"ip link delete dev {answer.tap}\n" in shown.stdout + shown.stderr
    own.lab.vmrun("clean", check=True)
    assert wait_until(lambda: answer.tap not in taps(own))


def switches(service: Service) -> int:
    """The number of times that the service's processes have run."""
    count = 0
    for each in service.processes.values():
        status = each.status
        count += int(status["voluntary_ctxt_switches"])
    return count


@pytest.mark.parametrize("request_number,values", [(TUNSETCARRIER, (0, 1)),
                                                   (TUNSETOFFLOAD, (0, 1))],
                         ids=["carrier", "offload"])
def test_tap_that_changes_without_end(stage: Stage, request_number: int,
                                      values: tuple[int, int]) -> None:
    """The service listens to no events: 400 changes in two seconds do not wake its processes."""
    with stage.caller(QUICK) as caller:
        fd = attached(stage, caller, dhcp=1).fds[0]
        time.sleep(2.5)  # its announcements
        before = switches(stage.service)
        for n in range(400):
            value = values[n % 2]
            if request_number == TUNSETCARRIER:
                fcntl.ioctl(fd, request_number, struct.pack("i", value))
            else:
                fcntl.ioctl(fd, request_number, value)
            time.sleep(0.005)
        assert switches(stage.service) < before + 20
        caller.finish()


# Descriptors whose close waits

@contextmanager
def lingering(stage: Stage) -> Iterator[int]:
    """A TCP socket whose last close() waits a minute for a peer that does not read."""
    with stage.lab.phone.netns.socket() as listener, stage.lab.laptop.netns.socket() as sock:
        listener.bind((stage.lab.phone.address, 4711))
        listener.listen()
        sock.connect((stage.lab.phone.address, 4711))
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 60))
        sock.setblocking(False)
        try:
            while True:
                sock.send(bytes(65536))
        except BlockingIOError:
            pass
        sock.setblocking(True)
        yield sock.detach()


def reset(fd: int) -> None:
    """Let the close() of a lingering socket not wait."""
    with socket.socket(fileno=os.dup(fd)) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Fuse:
    """A file whose server answers to its opening, and to nothing else."""

    INIT, OPEN, FLUSH = 26, 14, 25

    def __init__(self, path: Path) -> None:
        path.touch()
        self.path, self.asked = path, []
        self._device = os.open("/dev/fuse", os.O_RDWR)
        options = f"fd={self._device},rootmode=100444,user_id=0,group_id=0,allow_other"
        libc = netns._libc
        if libc.mount(b"vmrun-test", str(path).encode(), b"fuse", 0, options.encode()) != 0:
            os.close(self._device)
            pytest.skip("needs fuse")
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                octets = os.read(self._device, 1 << 18)
            except OSError:
                return
            kind, unique = struct.unpack_from("=4xIQ", octets)
            self.asked.append(kind)
            # This process closes the file, too. The number of the main thread is the process's.
            own = struct.unpack_from("=I", octets, 32)[0] == os.getpid()
            body = {self.FLUSH: b"" if own else None,
                    self.INIT: struct.pack("=IIIIHHIIHHI28x", 7, 31, 4096, 0, 8, 8, 4096, 1,
                                           0, 0, 0),
                    self.OPEN: struct.pack("=QII", 1, 0, 0)}.get(kind)
            if body is not None:
                os.write(self._device, struct.pack("=IiQ", 16 + len(body), 0, unique) + body)

    def close(self) -> None:
        """End the file system; whoever waits for it waits no more."""
        netns._libc.umount2(str(self.path).encode(), 2)
        os.close(self._device)


@contextmanager
def fuse_file(stage: Stage) -> Iterator[int]:
    """A descriptor of a file of a FUSE server that does not answer to close()."""
    need("root")
    fuse = Fuse(stage.lab.directory / f"fuse-{time.monotonic_ns()}")
    try:
        yield os.open(fuse.path, os.O_RDONLY)
    finally:
        fuse.close()


@pytest.mark.parametrize("kind", [lingering, fuse_file], ids=["tcp", "fuse"])
@pytest.mark.parametrize("how", ["first", "idle", "second", "unread", "unread second"])
def test_stall(stage: Stage, kind: Callable, how: str) -> None:
    """A descriptor that is passed delays nobody. Where the kernel refuses descriptors on an
    accepted connection (Linux 6.16), they are sent before it is accepted."""
    service = stage.service.processes["service"]
    with kind(stage) as fd:
        given: list[int] = [fd]
        service.signal(signal.SIGSTOP)
        try:
            with stage.caller(QUICK) as caller:
                first = {"first": stage.attach(QUICK, probe=2), "idle": b"x", "unread": b"x",
                         "second": stage.attach(QUICK, probe=2),
                         "unread second": stage.attach(QUICK, probe=2)}[how]
                if how in ("first", "idle"):
                    caller.send(first, given)
                else:
                    # The first record ends the connection with the others unread, or is in order.
                    caller.send(first)
                    caller.send(stage.attach(QUICK, MOVE, probe=2), given)
                    if how.startswith("unread"):
                        caller.send(b"garbage")
                        caller.half_close()
                os.close(given.pop())
                began = time.monotonic()
                service.signal(signal.SIGCONT)
                assert stage.service.answer_time() < PROMPT
                while caller.answer():
                    pass
                assert stage.service.answer_time() < PROMPT
                assert time.monotonic() - began < 2 * PROMPT
        finally:
            service.signal(signal.SIGCONT)
            for each in given:
                os.close(each)


@pytest.mark.parametrize("kind", [lingering, fuse_file], ids=["tcp", "fuse"])
@pytest.mark.parametrize("read", [True, False], ids=["read", "unread"])
def test_stall_of_the_worker(stage: Stage, kind: Callable, read: bool) -> None:
    """Nor does one that is passed to the worker on the DHCP socket."""
    worker = stage.service.processes["worker"]
    with kind(stage) as fd, stage.caller(QUICK) as caller:
        answer = attached(stage, caller, dhcp=1)
        with socket.socket(fileno=os.dup(answer.fds[-1])) as sock:
            worker.signal(signal.SIGSTOP)
            try:
                sock.send(dhcp(dhcp_packet()) if read else b"garbage")
                socket.send_fds(sock, [dhcp(dhcp_packet())], [fd])
            except PermissionError:  # Linux 6.16
                if kind is lingering:
                    reset(fd)
            finally:
                os.close(fd)
                worker.signal(signal.SIGCONT)
        # Only a worker that runs can probe.
        with stage.caller(OTHER) as other:
            began = time.monotonic()
            assert other.ask(stage.attach(OTHER)).kind == READY
            assert time.monotonic() - began < 1 + PROMPT
            other.finish()
        caller.finish()


# Processes of a user that stop or end at any moment

# Connects as the user that it is, sends records, and waits.
HOLDER = r"""
import socket, sys, time
sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
sock.connect(sys.argv[1])
kept = []
for each in sys.argv[2:]:
    if each == "ready":
        kept.append(socket.recv_fds(sock, 4096, 9))
    elif each == "endless":
        print("here", flush=True)
        while True:
            sock.send(bytes.fromhex(sys.argv[-1]))
    elif each == "end":
        sock.shutdown(socket.SHUT_WR)
    else:
        sock.send(bytes.fromhex(each))
print("here", flush=True)
time.sleep(600)
"""


class Holder:
    """A process of QUICK's with a connection, in a control group of its own if there may be one."""

    def __init__(self, stage: Stage, *steps: str, code: str = HOLDER) -> None:
        self.process = stage.lab.laptop.netns.popen(
            ["setpriv", f"--reuid={QUICK.uid}", f"--regid={QUICK.gid}", f"--groups={GROUP}", "--",
             "/usr/bin/python3", "-I", "-c", code, stage.service.path, *steps],
            stdout=subprocess.PIPE)
        assert select.select([self.process.stdout], [], [], 20)[0]
        assert self.process.stdout.readline() == b"here\n"
        self._group: Optional[Path] = None
        mounts = [line.split() for line in Path("/proc/self/mounts").read_text().splitlines()]
        for _, path, kind, *_ in mounts:
            if kind == "cgroup2" and os.access(path, os.W_OK):
                self._group = Path(path, f"vmrun-test-{os.getpid()}-{self.process.pid}")
                self._group.mkdir()
                (self._group / "cgroup.procs").write_text(str(self.process.pid))
                break

    def freeze(self) -> None:
        """Stop it in both ways that a user has."""
        self.process.send_signal(signal.SIGSTOP)
        if self._group:
            (self._group / "cgroup.freeze").write_text("1")

    def kill(self) -> None:
        """End it at once."""
        if self._group:
            (self._group / "cgroup.kill").write_text("1")
        else:
            self.process.kill()

    def close(self) -> None:
        """Remove all of it."""
        self.process.kill()
        if self._group:
            (self._group / "cgroup.freeze").write_text("0")
        self.process.wait()
        self.process.stdout.close()
        if self._group:
            assert wait_until(lambda: "populated 0" in
                              (self._group / "cgroup.events").read_text())
            self._group.rmdir()


HOLDER_STEPS = {"connected": [], "attaching": ["attach, probed"], "attached": ["attach", "ready"],
                "unread": ["attach", *["move"] * 100], "moving": ["attach", "endless", "move"],
                "withdrawn": ["attach", "ready", "withdraw", "move"],
                "ending": ["attach", "ready", "end"]}


@pytest.mark.parametrize("how", ["freeze", "kill"])
@pytest.mark.parametrize("step", HOLDER_STEPS)
def test_frozen_user(stage: Stage, step: str, how: str) -> None:
    """All that a user has stands still or ends at each step of another user's VM, which goes on."""
    octets = {"attach": stage.attach(QUICK, name=b"held", probe=2, dhcp=1, verbose=1),
              "attach, probed": stage.attach(QUICK, name=b"held"),
              "move": stage.attach(QUICK, MOVE, name=b"held", probe=2, dhcp=1, verbose=1),
              "withdraw": records.record(records.WITHDRAW, b"")}
    steps = [octets[each].hex() if each in octets else each for each in HOLDER_STEPS[step]]
    for moment in range(4):
        with ExitStack() as stack:
            holder = Holder(stage, *steps)
            stack.callback(holder.close)
            act = holder.freeze if how == "freeze" else holder.kill
            other = stack.enter_context(stage.caller(OTHER))
            if moment == 0:
                act()
            other.send(stage.attach(OTHER, name=b"goes-on", dhcp=1))
            if moment == 1:
                time.sleep(0.3)
                act()
            began = time.monotonic()
            answer = other.answer()
            assert answer.kind == READY and time.monotonic() - began < 1 + PROMPT
            if moment == 2:
                act()
            state = own_lines(stage, answer)
            for _ in range(3):
                moved = other.ask(stage.attach(OTHER, MOVE, name=b"goes-on", dhcp=1))
                assert (moved.kind, moved.address, moved.tap_ifindex) == (
                    READY, answer.address, answer.tap_ifindex)
            if moment == 3:
                act()
            assert stage.service.answer_time() < PROMPT
            assert own_lines(stage, answer) == state
            began = time.monotonic()
            other.finish()
            assert time.monotonic() - began < PROMPT
            assert own_lines(stage, answer) == []


def own_lines(stage: Stage, answer: records.Answer) -> list[str]:
    """All of the laptop's state that has a VM's tap or address. The table of a question is gone when
    the last process has closed it, which may be the maker, after the answer."""
    return [line for line in stage.snapshot().lines if '"table":"vmrun-ask-' not in line
            and (answer.tap in line or f'"{answer.address}"' in line)]


# Addresses

RESOLVER, OTHER_TABLE, NEXTHOP, OWN, PERMANENT, NEIGHBOUR, ELSEWHERE, ROUTED, RULED, PROXIED, \
    BACKUP, MULTIPATH = (f"192.168.77.{n}" for n in
                         (66, 67, 68, 69, 70, 71, 72, 74, 75, 76, 77, 78))
NEVER = {
    "192.168.77.1": "the router's", "192.168.77.2": "this host's", RESOLVER: "a DNS server's",
    BACKUP: "a DNS server's", OTHER_TABLE: "the router's", NEXTHOP: "the router's",
    MULTIPATH: "the router's", OWN: "this host's", PERMANENT: "a permanent neighbour's",
    NEIGHBOUR: "a neighbour's: this host has its hardware address",
    ELSEWHERE: "reached by another interface than 'wlan0'",
    ROUTED: None, RULED: "reached by another interface than 'wlan0'", PROXIED: None,
}


@pytest.fixture
def crowded(stage: Stage) -> Iterator[Stage]:
    """A LAN on which each of these addresses has an owner that is silent."""
    laptop = stage.lab.laptop.netns
    resolv = (laptop.etc / "resolv.conf").read_text()
    stage.lab.laptop.set_resolv(f"# nameserver 192.168.77.99\nnameserver {RESOLVER}\n")
    resolved = stage.lab.run_dir / "systemd" / "resolve" / "resolv.conf"
    resolved.parent.mkdir(parents=True, exist_ok=True)
    resolved.write_text(f"nameserver {BACKUP}\n")
    laptop.ip_batch([
        f"route add 10.5.0.0/16 via {OTHER_TABLE} dev wlan0 table 77",
        f"route add 10.6.0.0/16 table 79 nexthop via 192.168.77.1 dev wlan0 "
        f"nexthop via {MULTIPATH} dev wlan0",
        f"nexthop add id 9 via {NEXTHOP} dev wlan0",
        f"addr add {OWN}/32 dev eth9",
        f"neigh add {PERMANENT} lladdr 02:00:00:00:00:70 nud permanent dev wlan0",
        f"neigh add {NEIGHBOUR} lladdr 02:00:00:00:00:71 nud stale dev wlan0",
        f"route add {ELSEWHERE}/31 dev eth9",
        f"route add {ROUTED}/32 dev eth9",
        f"route add {RULED}/32 dev eth9 table 78",
        f"rule add to {RULED} lookup 78 priority 99",
        f"neigh add proxy {PROXIED} dev wlan0"])
    try:
        yield stage
    finally:
        laptop.ip_batch([
            "route del 10.5.0.0/16 table 77", "route del 10.6.0.0/16 table 79",
            "nexthop del id 9", f"addr del {OWN}/32 dev eth9",
            f"neigh del {PERMANENT} dev wlan0", f"neigh del {NEIGHBOUR} dev wlan0",
            f"route del {ELSEWHERE}/31 dev eth9", f"route del {ROUTED}/32 dev eth9",
            f"route del {RULED}/32 dev eth9 table 78", "rule del priority 99",
            f"neigh del proxy {PROXIED} dev wlan0"])
        stage.lab.laptop.set_resolv(resolv)
        resolved.unlink()
        # The service looks at the host when it is asked: its rules are below others' again.
        with stage.caller() as caller:
            assert caller.ask(stage.attach()).kind == READY


@pytest.fixture
def wide(stage: Stage) -> Iterator[None]:
    """A policy that permits all addresses."""
    stage.lab.set_policy(f"allow user {ME.uid}\nallow user {OTHER.uid} uplink any\n"
                         f"allow user {QUICK.uid} unprobed\n")
    yield
    stage.lab.set_policy(POLICY)


def test_addresses_never_given(crowded: Stage, wide: None) -> None:
    """By name, in an attachment and in a move; and the known neighbour only where the policy has
    `unprobed`."""
    for user in (ME, QUICK):
        probe = 2 if user == QUICK else 0
        for address, owner in NEVER.items():
            with crowded.caller(user) as caller:
                answer = caller.ask(crowded.attach(user, address=address, probe=probe))
                if user == QUICK and address == NEIGHBOUR:
                    assert (answer.kind, answer.address) == (READY, address)
                    continue
                assert answer.kind == FAILED, f"{user.name} has got {address}"
                assert answer.message.startswith(f"address {address} "), answer.message
                assert owner is None or answer.message.endswith(f" is {owner}"), answer.message
    with crowded.caller(QUICK) as caller:
        for address in [each for each in NEVER if each != NEIGHBOUR]:
            if caller.fds:
                answer = caller.ask(crowded.attach(QUICK, MOVE, address=address, probe=2))
                assert answer.kind == FAILED and answer.message.startswith(f"address {address} ")
            else:
                attached(crowded, caller)
        caller.finish()


def test_addresses_never_chosen(crowded: Stage, wide: None) -> None:
    """The choice passes them over, and so do addresses that the VM says it had."""
    for address in NEVER:
        with crowded.caller() as caller:
            answer = caller.ask(crowded.attach(first=address, last=address))
            assert answer.kind == FAILED, f"{answer.address} was chosen"
        with crowded.caller() as caller:
            answer = caller.ask(crowded.attach(first=address, last=address, remembered=address))
            assert answer.kind == FAILED, f"{answer.address} was remembered"
    for address in NEVER:
        with crowded.caller(QUICK) as caller:
            answer = caller.ask(crowded.attach(QUICK, remembered=address, probe=2))
            assert answer.kind == READY and answer.address not in NEVER


def test_silent_resolver(crowded: Stage, wide: None) -> None:
    """The client's own list of servers proves nothing."""
    with crowded.caller() as caller:
        answer = caller.ask(crowded.attach(address=RESOLVER, avoided="192.168.77.99"))
        assert answer.message == f"address {RESOLVER} is a DNS server's"


# The policy

def test_emptied_policy(stage: Stage) -> None:
    """A permission that is gone is not renewed."""
    idle = stage.caller(QUICK)
    with idle, stage.caller(QUICK) as caller, stage.caller(ME) as probing:
        address = attached(stage, caller).address
        probing.send(stage.attach())
        time.sleep(0.2)
        stage.lab.set_policy(f"# nobody\nallow user {OTHER.uid} uplink any\n")
        try:
            answer = idle.ask(stage.attach(QUICK, name=b"y", probe=2))
            assert (answer.kind, answer.code, answer.status) == (FAILED, EACCES, 4)
            answer = probing.answer()
            assert (answer.kind, answer.code) == (FAILED, EACCES), "permitted when it was asked"
            answer = caller.ask(stage.attach(QUICK, MOVE, probe=2))
            assert (answer.kind, answer.code, answer.status) == (FAILED, EACCES, 4)
            proxies = stage.lab.laptop.netns.ip_json("neigh show proxy")
            assert address not in [each["dst"] for each in proxies], "it is off the LAN"
            assert caller.ask(stage.attach(QUICK, MOVE, probe=2)).code == EACCES
        finally:
            stage.lab.set_policy(POLICY)
        assert caller.ask(stage.attach(QUICK, MOVE, probe=2)).address == address
        caller.finish()


def test_narrowed_policy(stage: Stage) -> None:
    """An address that is no longer permitted is taken away, too."""
    with stage.caller(QUICK) as caller:
        address = attached(stage, caller, address="192.168.77.40").address
        stage.lab.set_policy(f"allow user {OTHER.uid} uplink any\n"
                             f"allow user {QUICK.uid} address 192.168.77.41 unprobed\n")
        try:
            answer = caller.ask(stage.attach(QUICK, MOVE, address=address, probe=2))
            assert (answer.kind, answer.code) == (FAILED, EACCES)
            proxies = stage.lab.laptop.netns.ip_json("neigh show proxy")
            assert address not in [each["dst"] for each in proxies]
        finally:
            stage.lab.set_policy(POLICY)
        caller.finish()


# As much as one wants

def idle_connections(stage: Stage, user: Account, count: int) -> list[Caller]:
    """Connections that say nothing; those that the service has refused are closed."""
    found = [stage.caller(user) for _ in range(count)]
    time.sleep(0.5)
    kept = []
    for each in found:
        if select.select([each.socket], [], [], 0)[0]:
            assert each.answer().message == "too many connections of one user"
            each.socket.close()
        else:
            kept.append(each)
    return kept


def test_idle_connections(stage: Stage) -> None:
    """One user has few of them, others are served, and they are closed after 10 s."""
    began = time.monotonic()
    idle = idle_connections(stage, ME, 50)
    assert len(idle) == 8
    assert stage.service.answer_time() < PROMPT
    with stage.caller(QUICK) as caller:
        attached(stage, caller)
        caller.finish()
    for each in idle:
        assert each.answer() is None
    assert 9 < time.monotonic() - began < 15
    with stage.caller() as caller:
        assert caller.ask(clean(dry_run=1)).kind == records.DONE
    for each in idle:
        each.socket.close()


# Connects without end, and says nothing.
CONNECTOR = """
import socket, sys
print("here", flush=True)
while True:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    sock.connect(sys.argv[1])
"""


def test_connections_without_end(stage: Stage) -> None:
    """Four processes that connect as fast as they can keep nobody out."""
    holders = [Holder(stage, code=CONNECTOR) for _ in range(4)]
    try:
        time.sleep(0.5)
        assert max(stage.service.answer_time() for _ in range(20)) < PROMPT
        with stage.caller(OTHER) as other:
            assert other.ask(stage.attach(OTHER)).kind == READY
            other.finish()
    finally:
        for each in holders:
            each.close()


def test_dry_runs(stage: Stage) -> None:
    """They count as connections: one user cannot have all VMs that there may be."""
    with ExitStack() as stack:
        kinds = []
        for number in range(300):
            caller = stack.enter_context(stage.caller(QUICK))
            answer = caller.ask(stage.attach(QUICK, name=b"vm%d" % number, probe=2, dry_run=1))
            kinds.append(answer.kind if answer else None)
            if kinds.count(READY) > 50:
                break
        assert kinds.count(READY) <= 8
        with stage.caller(OTHER) as other:
            assert other.ask(stage.attach(OTHER)).kind == READY
            other.finish()


def test_dry_run(stage: Stage) -> None:
    """It opens nothing, so that it leaves nothing, and cannot be moved."""
    worker = stage.service.processes["worker"]
    before = len(worker.descriptors)
    for kind in (MOVE, records.WITHDRAW):
        with stage.caller(QUICK) as caller:
            fields = {"probe": 2, "dry_run": 1, "promiscuous": 1, "dhcp": 1,
                      "tap_ifindex": stage.victim_ifindex}
            attached(stage, caller, **fields)
            caller.send(stage.attach(QUICK, MOVE, **fields) if kind == MOVE
                        else records.record(kind, b""))
            answer = caller.answer()
            assert answer.kind == FAILED and answer.message == "unexpected record"
            assert caller.ended()
        assert len(worker.descriptors) == before


def test_dry_run_keeps_no_values(own: Stage) -> None:
    """The uplink's values are restored after the last VM, while somebody's dry run goes on."""
    key = "net/ipv4/conf/wlan0/forwarding"
    assert own.lab.laptop.netns.sysctl(key) == "1"
    with own.caller(QUICK) as caller:
        attached(own, caller, dry_run=1)
        own.victim.finish()
        assert own.lab.laptop.netns.sysctl(key) == "0"


def test_760_attachments(stage: Stage) -> None:
    """As many as the policy permits."""
    with ExitStack() as stack:
        kept = [stack.enter_context(stage.caller(QUICK)) for _ in range(3)]
        for number, caller in enumerate(kept):
            attached(stage, caller, name=b"vm%d" % number)
        for number in range(3, 760):
            with stage.caller(QUICK) as caller:
                answer = caller.ask(stage.attach(QUICK, name=b"vm%d" % number, probe=2))
                assert answer.message == "user '7777' is not permitted to run more than 3 VMs"
        assert len(taps(stage)) == 4
        for caller in kept:
            caller.finish()


@pytest.mark.parametrize("fields", [{}, {"announce": 1}, {"verbose": 1}],
                         ids=["plain", "announced", "verbose"])
def test_moves_without_end(stage: Stage, fields: dict) -> None:
    """A client that asks without end, and reads no answer, has its turn only."""
    move = stage.attach(QUICK, MOVE, name=b"held", probe=2, **fields)
    attach = stage.attach(QUICK, name=b"held", probe=2, **fields)
    holders = [Holder(stage, attach.hex(), "endless", move.hex())]
    try:
        for _ in range(5):
            assert stage.service.answer_time() < PROMPT
        with stage.caller(OTHER) as other:
            began = time.monotonic()
            assert other.ask(stage.attach(OTHER)).kind == READY
            assert time.monotonic() - began < 1 + PROMPT
            other.finish()
    finally:
        for each in holders:
            each.close()


@pytest.mark.parametrize("fields", [{}, {"announce": 1}], ids=["plain", "announced"])
def test_moves_that_are_read(stage: Stage, fields: dict) -> None:
    """The same of a client that reads each answer and asks again at once."""
    stop = threading.Event()
    counts = []

    def flood(caller: Caller, name: bytes) -> None:
        count = 0
        while not stop.is_set():
            answer = caller.ask(stage_move[name])
            if not answer or answer.kind != READY:
                break
            count += 1
        counts.append(count)

    with ExitStack() as stack:
        callers = [stack.enter_context(stage.caller(QUICK)) for _ in range(3)]
        names = [b"vm%d" % number for number in range(3)]
        stage_move = {name: stage.attach(QUICK, MOVE, name=name, probe=2, **fields)
                      for name in names}
        for caller, name in zip(callers, names):
            attached(stage, caller, name=name)
        threads = [threading.Thread(target=flood, args=pair) for pair in zip(callers, names)]
        for each in threads:
            each.start()
        try:
            times = [stage.service.answer_time() for _ in range(5)]
            with stage.caller(OTHER) as other:
                began = time.monotonic()
                assert other.ask(stage.attach(OTHER)).kind == READY
                assert time.monotonic() - began < 1 + PROMPT
                other.finish()
        finally:
            stop.set()
            for each in threads:
                each.join()
        assert max(times) < PROMPT
        assert min(counts) > 10, "they were served as well"
