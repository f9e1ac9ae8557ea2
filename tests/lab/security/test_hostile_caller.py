# SPDX-License-Identifier: GPL-2.0-or-later
"""Nobody gets in: a user who is not trusted connects to the service and sends it anything.

After each row the laptop is as it was, another user's VM is well, and the answer has said why.
"""

import os
import shutil
import socket
import time
from typing import Any, Iterator, NamedTuple, Optional

import pytest

import records
import vm as vm_module
from caller import (IFF_TAP, ME, OTHER, POLICY, QUICK, ROOT, STRANGER, Caller, Stage, could,
                    matches)
from conftest import need, need_vmrun
from hoststate import settle
from records import FAILED, READY, attach, clean, dhcp, dhcp_packet, record
from vm import Account

EDGE = "192.168.77.251"
IFF_TUN = 1
NET_ADMIN_AND_RAW = f"{1 << 12 | 1 << 13:016x}"
NONE = f"{0:016x}"


@pytest.fixture(scope="module")
def stage() -> Iterator[Stage]:
    """One for the whole table."""
    need("root", "ip", "nft", "dnsmasq", "setpriv")
    need_vmrun()
    with Stage() as built:
        yield built


@pytest.fixture(autouse=True)
def unchanged(stage: Stage) -> Iterator[None]:
    """The laptop is as it was, so is the other user's VM, and the service has not died."""
    before, processes = stage.snapshot(), stage.service.processes
    yield
    changes = settle(before, stage.snapshot, 3)
    assert not changes, "the laptop has changed:\n" + "\n".join(changes)
    assert stage.service.processes == processes, "a process of the service has ended"
    stage.victim_is_well()


class Row(NamedTuple):
    """A request, and the reason of its refusal."""

    name: str
    why: str  # a regular expression of the whole message
    status: int = 1
    user: Account = ME
    octets: Optional[bytes] = None  # the record; None: a request with @fields
    fields: dict[str, Any] = {}


MALFORMED = "malformed record: "
NO_REQUEST = "the first record is not a request"


def raw(name: str, octets: bytes, why: str, status: int = 1, user: Account = ME) -> Row:
    """Any octets."""
    return Row(name, why, status, user, octets)


def field(name: str, why: str, /, **fields: Any) -> Row:
    """A request with a field that nobody may send."""
    return Row(name, f"request refused: invalid field '{why}'", fields=fields)


def refusal(name: str, why: str, status: int = 5, user: Account = ME, /, **fields: Any) -> Row:
    """A request that is in order, but not for this user, or not now."""
    return Row(name, why, status, user, fields=fields)


PLAIN = attach(ifindex=2, host="192.168.77.2", owner=ME.uid)
BODY = PLAIN[records.HEADER.size:]
QUESTION = {"question": 1, "probe": 2, "path": 1, "uuid": b"\0" * 16}
USE = "user '4242' is not permitted to use "

RECORDS = [
    raw("one octet", b"v", MALFORMED + "shorter than its header"),
    raw("eleven octets", PLAIN[:11], MALFORMED + "shorter than its header"),
    raw("header alone", records.header(1, 12), MALFORMED + "wrong size"),
    raw("magic", record(1, BODY, magic=0x76725254), MALFORMED + "wrong magic"),
    raw("magic swapped", record(1, BODY, magic=0x53527276), MALFORMED + "wrong magic"),
    raw("version 0", record(1, BODY, version=0), MALFORMED + "wrong version"),
    raw("another version", record(1, BODY, version=records.VERSION + 1),
        MALFORMED + "wrong version"),
    raw("type 0", record(0, BODY), MALFORMED + "unknown type"),
    raw("type 99", record(99, BODY), MALFORMED + "unknown type"),
    raw("type 65535", record(65535, BODY), MALFORMED + "unknown type"),
    raw("size 0", record(1, BODY, size=0), MALFORMED + "wrong size"),
    raw("size of 4 GiB", record(1, BODY, size=2 ** 32 - 1), MALFORMED + "wrong size"),
    raw("one octet short", PLAIN[:-1], MALFORMED + "wrong size"),
    raw("one octet long", PLAIN + b"\0", MALFORMED + "wrong size"),
    raw("zeros", bytes(184), MALFORMED + "wrong magic"),
    raw("larger than any", PLAIN + bytes(4096), MALFORMED + "larger than any record"),
    raw("64 KiB", bytes(65536), MALFORMED + "larger than any record"),
    raw("move", record(records.MOVE, BODY), NO_REQUEST),
    raw("withdraw", record(records.WITHDRAW, b""), NO_REQUEST),
    raw("change", record(records.CHANGE, records.CHANGE_BODY.pack(text=b"ip link delete wlan0")),
        NO_REQUEST),
    raw("ready", record(READY, bytes(records.READY_BODY.size)), NO_REQUEST),
    raw("failed", record(FAILED, bytes(records.FAILED_BODY.size)), NO_REQUEST),
    raw("conflict", record(records.CONFLICT, bytes(records.CONFLICT_BODY.size)), NO_REQUEST),
    raw("renewed", record(records.RENEWED, b""), NO_REQUEST),
    raw("done", record(records.DONE, b""), NO_REQUEST),
    raw("dhcp", dhcp(dhcp_packet()), NO_REQUEST),
    raw("connect", record(records.CONNECT, b""),
        "request refused: connect to this vmrun-netsetup yourself", 4),
    raw("connect with a body", record(records.CONNECT, b"x"), MALFORMED + "wrong size"),
    raw("connected", record(records.CONNECTED, b""), NO_REQUEST),
    raw("stranger", record(records.STRANGER, bytes(records.CONFLICT_BODY.size)), NO_REQUEST),
    raw("verdict", record(records.VERDICT, bytes(records.VERDICT_BODY.size)), NO_REQUEST),
    raw("access", record(records.ACCESS, bytes(records.ACCESS_BODY.size)), NO_REQUEST),
    raw("counts", record(records.COUNTS, bytes(records.COUNTS_BODY.size)), NO_REQUEST),
    raw("count with a body", record(records.COUNT, b"x"), MALFORMED + "wrong size"),
    raw("change unterminated", record(records.CHANGE, b"x" * records.CHANGE_BODY.size),
        MALFORMED + "unterminated text"),
    raw("clean by a stranger", clean(), "user '6666' is not permitted.*", 4, STRANGER),
    raw("clean with a flag", clean(dry_run=2), "request refused: invalid field 'flags'"),
    raw("clean with a reserve", clean(reserved=b"xyz"), "request refused: invalid field 'flags'"),

    field("no name", "name", name=b""),
    field("name of dots", "name", name=b".."),
    field("name of a path", "name", name=b"../../etc/cron.d/x"),
    field("name with a slash", "name", name=b"a/b"),
    field("name in capitals", "name", name=b"Debian"),
    field("name with a space", "name", name=b"a b"),
    field("name with a line's end", "name", name=b"a\nb"),
    field("name with an escape", "name", name=b"a\x1b[2J"),
    field("name that begins with -", "name", name=b"-x"),
    field("name that begins with NUL", "name", name=b"\0abc"),
    field("name of a format", "name", name=b"%n%s"),
    Row("name of 64", MALFORMED + "unterminated text", fields={"name": b"a" * 64}),
    field("uplink 0", "ifindex", ifindex=0),
    field("uplink 2^31", "ifindex", ifindex=2 ** 31),
    field("uplink 2^32 - 1", "ifindex", ifindex=2 ** 32 - 1),
    field("host of zeros", "host", host="0.0.0.0"),
    field("host multicast", "host", host="224.0.0.1"),
    field("host of loopback", "host", host="127.0.0.1"),
    field("address multicast", "address", address="224.0.0.1"),
    field("address of loopback", "address", address="127.0.0.1"),
    field("address 0.1.2.3", "address", address="0.1.2.3"),
    field("address of everybody", "address", address="255.255.255.255"),
    field("half a range", "range", first="192.168.77.20"),
    field("range backwards", "range", first="192.168.77.30", last="192.168.77.20"),
    field("range of everything", "range", first="0.0.0.1", last="255.255.255.254"),
    field("remembered multicast", "remembered", remembered="224.0.0.1"),
    field("avoided multicast", "avoided", avoided="224.0.0.1"),
    field("tap 2^31", "tap_ifindex", tap_ifindex=2 ** 31),
    field("probe 3", "probe", probe=3),
    field("promiscuous 3", "promiscuous", promiscuous=3),
    field("path 3", "path", path=3),
    field("firewall 3", "firewall", firewall=3),
    Row("firewall unpermitted", "user '4242' is not permitted to change the firewall", 4,
        fields={"firewall": 1}),
    field("no queue", "queues", queues=0),
    field("nine queues", "queues", queues=9),
    field("ninth card", "card", card=8),
    field("card 255", "card", card=255),
    *[field(f"{each} 2", "flags", **{each: 2})
      for each in ("offload", "dhcp", "named", "announce", "dry_run", "verbose", "host_routes",
                    "question")],
    *[field(f"question with {each}", "question", **(QUESTION | {each: value}))
      for each, value in {"uuid": b"u" * 16, "address": "192.168.77.30", "queues": 2, "probe": 0,
                          "remembered": "192.168.77.30", "dry_run": 1, "path": 2}.items()],
    refusal("question of a stranger", "user '6666' is not permitted to put a VM on the LAN", 4,
            STRANGER, **QUESTION),
    field("multicast gateway", "gateway", gateway="224.0.0.1"),
    *[Row(f"owner {each}", "request refused: invalid field 'owner'", 4, fields={"owner": each})
      for each in (ROOT.uid, OTHER.uid, 2 ** 32 - 1)],

    refusal("stranger", "user '6666' is not permitted to put a VM on the LAN", 4, STRANGER),
    refusal("stranger, dry", "user '6666' is not permitted to put a VM on the LAN", 4, STRANGER,
            dry_run=1),
    refusal("uplink by its name", USE + "uplink 'wlan0'", 4, named=1),
    refusal("another uplink", USE + "uplink 'eth9'", 4, interface="eth9", host="10.99.0.1"),
    refusal("another uplink as if it had the default route", USE + "uplink 'eth9'", 4,
            interface="eth9", host="10.99.0.1", named=0),
    refusal("no such uplink", "the uplink does not exist", ifindex=2 ** 31 - 1),
    refusal("address of another uplink",
            "cannot use uplink 'wlan0': it does not have the given address", host="10.99.0.1"),
    refusal("a host's address that it lacks",
            "cannot use uplink 'wlan0': it does not have the given address", host="192.168.77.3"),
    refusal("address beyond the policy", USE + f"address {EDGE} on 'wlan0'", 4, address=EDGE),
    refusal("address just before", USE + "address 192.168.77.15 on 'wlan0'", 4,
            address="192.168.77.15"),
    refusal("address beyond the policy, dry", USE + f"address {EDGE} on 'wlan0'", 4,
            address=EDGE, dry_run=1),
    refusal("range beyond the policy",
            USE + "any address of the range in 192.168.77.0/24 on 'wlan0'", 4,
            first=EDGE, last="192.168.77.254"),
    refusal("the subnet's address", "address 192.168.77.0 is not a host's .*",
            address="192.168.77.0"),
    refusal("the broadcast address", "address 192.168.77.255 is not a host's .*",
            address="192.168.77.255"),
    refusal("address of another subnet", "address 192.168.78.30 is not a host's .*",
            address="192.168.78.30"),
    refusal("the phone's address", "address 192.168.77.20 is in use by .*",
            address="192.168.77.20"),
    refusal("unprobed", USE + "an address unprobed", 4, probe=2),
    refusal("the phone's address unprobed", USE + "an address unprobed", 4,
            address="192.168.77.20", probe=2),
]


@pytest.mark.parametrize("row", RECORDS, ids=lambda row: row.name)
def test_record(stage: Stage, row: Row) -> None:
    """The first record decides; what is wrong with it is told to the caller."""
    octets = stage.attach(row.user, **row.fields) if row.octets is None else row.octets
    with stage.caller(row.user) as caller:
        answer = caller.ask(octets)
        assert answer and answer.kind == FAILED, answer
        assert matches(row.why, answer.message), answer.message
        assert "\n" not in answer.message
        assert answer.status == row.status
        assert caller.ended()


@pytest.mark.parametrize("how", ["end-of-file", "nothing"])
def test_no_record(stage: Stage, how: str) -> None:
    with stage.caller() as caller:
        if how == "nothing":
            caller.send(b"")
        else:
            caller.half_close()
        assert caller.ended()


def test_remedy(stage: Stage) -> None:
    """The refusal has the line of the policy that would permit the request."""
    with stage.caller(STRANGER) as caller:
        answer = caller.ask(stage.attach(STRANGER))
        assert answer.remedy == ("to permit it, add this line to '/etc/vmrun/netsetup.conf', as "
                                 "root:\nallow user 6666")
    with stage.caller() as caller:
        answer = caller.ask(stage.attach(address=EDGE))
        assert answer.remedy.splitlines()[1] == f"allow user 4242 address {EDGE}"


def test_question(stage: Stage) -> None:
    """Its answer is a verdict without a descriptor; one that comes too early is refused, unless the
    first took longer than that, and one that is cut leaves nothing either."""
    with stage.caller() as first, stage.caller() as second, stage.caller() as third:
        for caller, name in ((first, b"a"), (second, b"b")):
            caller.send(stage.attach(name=name, **QUESTION))
        answers = [records.read_answer(each.socket, ()) for each in (first, second)]
        kinds = {each.kind for each in answers}
        assert records.VERDICT in kinds and kinds <= {records.VERDICT, FAILED}, answers
        assert not any(each.fds for each in answers)
        refusals = [each.message for each in answers if each.kind == FAILED]
        assert set(refusals) <= {"another question to the kernel has just been asked"}
        assert first.ended() and second.ended()
        time.sleep(0.2)
        third.send(stage.attach(name=b"c", **QUESTION))


def test_counts_of_others(stage: Stage) -> None:
    """A user gets the counts of own VMs only; root gets all."""
    for user, count in ((ME, 0), (STRANGER, 0), (OTHER, 1), (ROOT, 1)):
        with stage.caller(user) as caller:
            answers = [caller.ask(record(records.COUNT, b"")), caller.answer()]
            assert [each.kind for each in answers if each] == \
                [records.COUNTS] * count + [records.DONE], (user, answers)


@pytest.mark.parametrize("interface", ["lo", "tap", "tunnel", "port", "down"])
def test_uplink(stage: Stage, interface: str) -> None:
    """Root, who may use any uplink, does not get these either."""
    netns = stage.lab.laptop.netns
    made = {"tap": stage.victim_tap, "lo": "lo"}.get(interface, "hostile0")
    commands = {"tunnel": ["tuntap add dev hostile0 mode tun"],
                "port": ["link add hostile0 type veth peer name hostile1",
                         "link add hostile2 type bridge",
                         "link set hostile0 master hostile2", "link set hostile0 up",
                         "link set hostile1 up"],
                "down": ["link add hostile0 type veth peer name hostile1"]}.get(interface, [])
    netns.ip_batch(commands)
    if commands:
        netns.ip("addr add 10.98.0.1/24 dev hostile0")
        if interface != "down":
            netns.ip("link set hostile0 up")
    try:
        why = {"lo": "loopback", "tap": "the tap of a VM", "tunnel": ".*",
               "port": "a port of another interface", "down": ".*down.*"}[interface]
        with stage.caller(ROOT) as caller:
            answer = caller.ask(stage.attach(ROOT, interface=made, named=1, host="10.98.0.1"))
            assert answer.kind == FAILED and answer.status == 5
            assert matches(f"cannot use uplink '{made}': {why}", answer.message), answer.message
    finally:
        if commands:
            netns.ip("link del hostile0")
        if interface == "port":
            netns.ip("link del hostile2")


# Descriptors that are passed

@pytest.mark.parametrize("count", [1, 9, 100, 253])
def test_descriptors(stage: Stage, count: int) -> None:
    """They are refused by the kernel (Linux 6.16), or by the service; none stays with it."""
    service = stage.service.processes["service"]
    before = len(service.descriptors)
    with open("/etc/passwd", "rb") as file, stage.caller() as caller:
        try:
            answer = caller.ask(stage.attach(), [file.fileno()] * count)
        except PermissionError:
            return
        assert answer.message == "malformed record: unexpected descriptors"
        assert "/etc/passwd" not in service.descriptors.values()
    time.sleep(0.1)
    assert len(service.descriptors) == before


# A tap that is named in a request

def refused_tap(stage: Stage, tap_ifindex: int, user: Account = ME, **fields: Any) -> str:
    """The answer to a caller that says that it has this tap already."""
    with stage.caller(user) as caller:
        answer = caller.ask(stage.attach(user, tap_ifindex=tap_ifindex, **fields))
        assert answer.kind == FAILED, answer
        assert caller.ended()
    return answer.message


NOT_OURS = r"tap 'vmr-[a-z0-9]+-[0-9a-f]{6}' is not this VM's"


@pytest.mark.parametrize("interface", ["wlan0", "eth9", "lo"])
def test_resume_by_no_tap(stage: Stage, interface: str) -> None:
    assert matches(NOT_OURS, refused_tap(stage, stage.ifindex(interface)))


def test_resume_by_nothing(stage: Stage) -> None:
    assert matches(NOT_OURS, refused_tap(stage, 2 ** 31 - 1))


@pytest.mark.parametrize("name,flags,own", [("tap7", IFF_TAP, False), ("", IFF_TAP, True),
                                            ("", IFF_TUN, True)],
                         ids=["any name", "the VM's name", "a tun"])
def test_resume_by_a_tap_of_root(stage: Stage, name: str, flags: int, own: bool) -> None:
    """Only taps that the service has made are a VM's, whatever they are called."""
    with stage.caller(QUICK) as caller:
        mine = caller.ask(stage.attach(QUICK, probe=2)).tap
        caller.finish()
    fd = stage.tap(mine if own else name, flags=flags)
    try:
        ifindex = stage.ifindex(mine if own else name)
        assert matches(NOT_OURS, refused_tap(stage, ifindex, QUICK, probe=2))
    finally:
        os.close(fd)


# After the answer

@pytest.mark.parametrize("kind", ["attach", "clean", "dhcp", "garbage", "64 KiB", "ready", "cut",
                                  "name", "uuid", "owner", "queues", "dhcp flag", "dry",
                                  "malformed move"])
@pytest.mark.parametrize("with_dhcp", [0, 1], ids=["", "dhcp"])
def test_second_record(stage: Stage, kind: str, with_dhcp: int) -> None:
    """A record that does not fit ends the VM."""
    fields = {"probe": 2, "dhcp": with_dhcp}
    move = {"name": {"name": b"victim"}, "owner": {"owner": OTHER.uid}, "queues": {"queues": 2},
            "uuid": {"uuid": b"v" * 16}, "dhcp flag": {"dhcp": 1 - with_dhcp},
            "dry": {"dry_run": 1}, "malformed move": {"announce": 2}}.get(kind)
    other = {"attach": stage.attach(QUICK, **fields), "clean": clean(), "dhcp": dhcp(b"x"),
             "garbage": b"garbage", "64 KiB": b"x" * 65536,
             "ready": record(READY, bytes(records.READY_BODY.size)),
             "cut": stage.attach(QUICK, records.MOVE, **fields)[:-1]}.get(kind)
    with stage.caller(QUICK) as caller:
        assert caller.ask(stage.attach(QUICK, **fields)).kind == READY
        answer = caller.ask(other or stage.attach(QUICK, records.MOVE, **(fields | move)))
        assert answer.kind == FAILED
        assert matches("unexpected record|malformed record: .*|request refused: .*",
                       answer.message)
        assert caller.ended()


def test_before_the_answer(stage: Stage) -> None:
    """A second request while the first one waits for probes."""
    with stage.caller() as caller:
        caller.send(stage.attach())
        time.sleep(0.1)
        assert caller.ask(stage.attach(kind=records.MOVE)).message == "unexpected record"


def test_flood_of_packets(stage: Stage) -> None:
    """65,536 packets for the guest that are in order, and then the end."""
    with stage.caller(QUICK) as caller:
        answer = caller.ask(stage.attach(QUICK, probe=2, dhcp=1))
        assert len(answer.fds) == 2
        with socket.socket(fileno=os.dup(answer.fds[1])) as sock:
            octets = dhcp(dhcp_packet())
            for _ in range(65536):
                sock.send(octets)
            assert stage.service.answer_time() < 2
        caller.finish()


@pytest.mark.parametrize("octets", [
    b"x", dhcp(b"x"), dhcp(dhcp_packet(), size=2 ** 32 - 1), dhcp(dhcp_packet()[:-1]),
    dhcp(dhcp_packet(), reserved=1), PLAIN, b"x" * 65536],
    ids=["octet", "no packet", "size", "cut", "reserve", "attach", "64 KiB"])
def test_packet(stage: Stage, octets: bytes) -> None:
    """Octets that are no packet for the guest end the worker's end of the socket, and no more."""
    with stage.caller(QUICK) as caller:
        answer = caller.ask(stage.attach(QUICK, probe=2, dhcp=1))
        with socket.socket(fileno=os.dup(answer.fds[1])) as sock:
            sock.send(octets)
            sock.settimeout(5)
            if octets != dhcp(dhcp_packet(), reserved=1):
                try:
                    assert sock.recv(2048) == b""
                except ConnectionResetError:
                    pass
        assert caller.ask(stage.attach(QUICK, records.MOVE, probe=2, dhcp=1)).kind == READY
        caller.finish()


def test_never_reads(stage: Stage) -> None:
    """It does not wait for who does not read, neither at the start nor while it undoes."""
    with stage.caller(QUICK) as caller:
        caller.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        caller.send(stage.attach(QUICK, probe=2, verbose=1))
        for _ in range(2000):
            try:
                caller.socket.send(stage.attach(QUICK, records.MOVE, probe=2, verbose=1),
                                   socket.MSG_DONTWAIT)
            except OSError:
                break
        assert stage.service.answer_time() < 2
        caller.half_close()


@pytest.mark.parametrize("milliseconds", [0, 1, 2, 5, 10, 20, 50, 100, 300, 600, 900, 950, 1000,
                                          1100, 1500, 3100])
def test_gone_at(stage: Stage, milliseconds: int) -> None:
    """The caller goes away at any moment."""
    with stage.caller() as caller:
        caller.send(stage.attach())
        time.sleep(milliseconds / 1000)


def test_gone_at_once(stage: Stage) -> None:
    with stage.caller() as caller:
        caller.socket.close()


# The running service, seen by a user who may use it

PROCESSES = ["supervisor", "service", "maker", "worker"]
REFUSED = "\nexcept PermissionError: print('refused')"
ATTEMPTS = {
    "signal": "try:\n os.kill(PID, 9)" + REFUSED,
    "stop": "try:\n os.kill(PID, 19)" + REFUSED,
    "memory": "try:\n open(f'/proc/{PID}/mem')" + REFUSED,
    "descriptors": "try:\n os.listdir(f'/proc/{PID}/fd')" + REFUSED,
    "environment": "try:\n open(f'/proc/{PID}/environ').read()" + REFUSED,
    "maps": "try:\n open(f'/proc/{PID}/maps').read()" + REFUSED,
    "working directory": "try:\n os.readlink(f'/proc/{PID}/cwd')" + REFUSED,
    "ptrace": "libc = ctypes.CDLL(None, use_errno=True)\n"
              "if libc.ptrace(16, PID, 0, 0) != 0 and ctypes.get_errno() == 1: print('refused')",
    "limits": "import resource\ntry:\n resource.prlimit(PID, resource.RLIMIT_NOFILE, (0, 0))"
              + REFUSED,
    "nice": "try:\n os.setpriority(os.PRIO_PROCESS, PID, 19)" + REFUSED,
    "scheduler": "try:\n os.sched_setscheduler(PID, os.SCHED_IDLE, os.sched_param(0))" + REFUSED,
    "processors": "try:\n os.sched_setaffinity(PID, [0])" + REFUSED,
    "oom_score_adj": "try:\n open(f'/proc/{PID}/oom_score_adj', 'w')" + REFUSED,
    "pidfd_getfd": "libc = ctypes.CDLL(None, use_errno=True)\np = os.pidfd_open(PID)\n"
                   "if libc.syscall(438, p, 3, 0) < 0 and ctypes.get_errno() == 1: "
                   "print('refused')",
    "core filter": "try:\n open(f'/proc/{PID}/coredump_filter', 'w')" + REFUSED,
}


@pytest.mark.parametrize("which", PROCESSES)
def test_attempts(stage: Stage, which: str) -> None:
    pid = stage.service.processes[which].pid
    for name, code in ATTEMPTS.items():
        assert could(ME, pid, code) == "refused", name


def sanitized() -> bool:
    """True if the service is built with the sanitizers, and so without its filters."""
    return b"__asan_init" in (vm_module.binary().parent / "vmrun-netsetup").read_bytes()


@pytest.mark.parametrize("which", PROCESSES)
def test_rights(stage: Stage, which: str) -> None:
    """As the kernel tells them."""
    status = stage.service.processes[which].status
    rights = NET_ADMIN_AND_RAW if which in ("supervisor", "maker") else NONE
    assert status["Uid"].split() == status["Gid"].split() == ["0"] * 4
    assert status["Groups"] == ""
    assert status["CapPrm"] == status["CapEff"] == rights
    assert status["CapInh"] == status["CapAmb"] == NONE
    assert status["CapBnd"] in (NONE, NET_ADMIN_AND_RAW)
    assert status["NoNewPrivs"] == "1"
    if which != "supervisor" and not sanitized():
        assert status["Seccomp"] == "2"


def test_not_a_member(stage: Stage) -> None:
    """A user outside the group cannot connect."""
    with pytest.raises(PermissionError):
        stage.caller(groups=[])


def test_other_namespace(stage: Stage) -> None:
    """A socket of another network namespace, in which anybody may be root, is refused."""
    for user in (ME, ROOT):
        with Caller(stage.service, user, netns=stage.lab.phone.netns) as caller:
            answer = caller.answer()
            assert answer.message == "this vmrun-netsetup serves another network namespace"
            assert caller.ended()


# Many

def test_fifty_at_once(stage: Stage) -> None:
    """All of one user's: as many as the policy permits, whichever they are."""
    callers = [stage.caller() for _ in range(50)]
    for number, caller in enumerate(callers):
        caller.send(stage.attach(name=b"vm%d" % number))
    answers = [caller.answer() for caller in callers]
    ready = [answer for answer in answers if answer and answer.kind == READY]
    assert 1 <= len(ready) <= 3
    assert len({answer.address for answer in ready}) == len(ready)
    assert {answer.message for answer in answers if answer and answer.kind == FAILED} <= {
        "user '4242' is not permitted to run more than 3 VMs",
        "too many connections of one user"}
    for caller in callers:
        with caller:
            pass


def test_three_and_no_more(stage: Stage) -> None:
    """The policy's `vms` counts those that wait for an address, too."""
    callers = [stage.caller() for _ in range(4)]
    for number, caller in enumerate(callers):
        caller.send(stage.attach(name=b"vm%d" % number))
    answers = [caller.answer() for caller in callers]
    assert [answer.kind for answer in answers].count(READY) == 3
    for caller in callers:
        with caller:
            pass


def test_three_cards_and_no_more(stage: Stage) -> None:
    """The policy's `vms` counts each card of a VM."""
    callers = [stage.caller() for _ in range(5)]
    for number, caller in enumerate(callers):
        caller.send(stage.attach(card=number))
    answers = [caller.answer() for caller in callers]
    ready = [answer for answer in answers if answer.kind == READY]
    assert len(ready) == 3 and len({(each.tap, each.address) for each in ready}) == 3
    assert {each.message.partition(";")[0] for each in answers if each.kind == FAILED} == {
        "user '4242' is not permitted to run more than 3 VMs"}
    for caller in callers:
        with caller:
            pass


def test_further_connection(stage: Stage) -> None:
    """Root gets another connection, which is root's; a user's request for one gets none, and no
    descriptor; see the table of records."""
    with stage.caller(ROOT) as caller:
        for _ in range(3):
            answer = caller.ask(record(records.CONNECT, b""))
            assert answer.kind == records.CONNECTED and len(answer.fds) == 1
            with socket.socket(fileno=os.dup(answer.fds[0])) as sock:
                sock.settimeout(30)
                sock.send(clean(dry_run=1))
                assert records.read_answer(sock).kind == records.DONE
    with stage.caller() as caller:
        answer = caller.ask(record(records.CONNECT, b""))
        assert answer.kind == FAILED and not answer.fds and caller.ended()


def test_fifty_of_one_name(stage: Stage) -> None:
    callers = [stage.caller() for _ in range(8)]
    for caller in callers:
        caller.send(stage.attach())
    answers = [caller.answer() for caller in callers]
    assert [answer.kind for answer in answers].count(READY) == 1
    for caller in callers:
        with caller:
            pass


def test_name_of_anothers_vm(stage: Stage) -> None:
    """Names are each user's own."""
    with stage.caller(QUICK) as caller:
        answer = caller.ask(stage.attach(QUICK, name=b"victim", probe=2))
        assert answer.kind == READY and answer.tap != stage.victim_tap
        caller.finish()


# The policy

def test_within_the_policy(stage: Stage) -> None:
    """The automatic choice keeps to the policy's addresses as well."""
    stage.lab.set_policy(f"allow user {ME.uid} address 192.168.77.200-192.168.77.201\n"
                         f"allow user {ME.uid} address 192.168.77.7\n")
    try:
        found = set()
        callers = [stage.caller() for _ in range(4)]
        for number, caller in enumerate(callers):
            answer = caller.ask(stage.attach(name=b"vm%d" % number, remembered="192.168.77.50"))
            if answer.kind == READY:
                found.add(answer.address)
            else:
                assert "no free address" in answer.message
        assert found == {"192.168.77.200", "192.168.77.201", "192.168.77.7"}
        for caller in callers:
            with caller:
                pass
    finally:
        stage.lab.set_policy(POLICY)


POLICIES = {
    "nobody": ("# nobody\n", 0o644, 0,
               "user '4242' is not permitted to put a VM on the LAN"),
    "mistake": ("allow user 4242\nallow user\n", 0o644, 0,
                "/etc/vmrun/netsetup.conf:2: 'user' needs a name or a number"),
    "writable": ("allow user 4242\n", 0o666, 0,
                 "others than root can change '/etc/vmrun/netsetup.conf'"),
    "mine": ("allow user 4242\n", 0o644, 4242,
             "others than root can change '/etc/vmrun/netsetup.conf'"),
}


@pytest.mark.parametrize("name", POLICIES)
def test_policy(stage: Stage, name: str) -> None:
    text, mode, owner, why = POLICIES[name]
    path = stage.lab.set_policy(text)
    path.chmod(mode)
    shutil.chown(path, owner)
    try:
        for octets in (stage.attach(), clean()):
            with stage.caller() as caller:
                answer = caller.ask(octets)
                assert (answer.message, answer.status) == (why, 4)
                assert answer.remedy or name == "mistake"
                assert caller.ended()
    finally:
        shutil.chown(path, 0)
        stage.lab.set_policy(POLICY)
