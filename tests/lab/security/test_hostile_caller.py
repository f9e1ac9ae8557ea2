# SPDX-License-Identifier: GPL-2.0-or-later
"""Nobody gets in: the helper, set-uid or with file capabilities, started by who is not trusted.

After each row the laptop is as it was, the helper has ended, and one line has said why.
"""

import fcntl
import os
import resource
import shutil
import socket
import struct
import subprocess
import time
from pathlib import Path
from typing import Any, Iterator, NamedTuple, Optional

import pytest

import records
from caller import Caller, Installation, all_signals, matches
from conftest import need, need_vmrun
from hoststate import settle
from lab import Lab
from records import (ADOPT, FAILED, READY, clean, dhcp, dhcp_packet, place,
                     record, setup_body)
from vm import Account

GROUP = 4343
ME = Account("me", 4242, 4242)
OTHER = Account("other", 5555, 5555)
ROOT = Account("root", 0, 0)
STRANGER = Account("stranger", 6666, 6666)
POLICY = f"""# who may do what, in the lab
allow user {ME.uid} address 192.168.77.16-192.168.77.250 vms 3
allow user {OTHER.uid} uplink any
"""
EDGE = "192.168.77.251"
TUNSETIFF, TUNSETPERSIST = 0x400454CA, 0x400454CB
IFF_TUN, IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 1, 2, 0x1000, 0x4000
NET_ADMIN_AND_RAW = f"{1 << 12 | 1 << 13:016x}"


class Stage:
    """A lab, an installed helper, and another user's VM, which must never come to harm."""

    def __init__(self, lab: Lab, mode: str) -> None:
        self.lab = lab
        self.installation = Installation(lab, mode, GROUP)
        lab.set_policy(POLICY)
        lab.laptop.netns.ip_batch(["link add eth9 type veth peer name eth9-p", "link set eth9 up",
                                   "link set eth9-p up",
                                   "addr add 10.99.0.1/24 dev eth9"])
        self.victim = Caller(self.installation, OTHER, [GROUP])
        answer = self.victim.ask(place(name=b"victim"))
        assert answer and answer.kind == READY, answer
        self.victim_address, self.victim_tap, self.victim_fds = \
            answer.address, answer.tap, answer.fds
        time.sleep(2.2)  # its second announcement

    def caller(self, user: Account = ME, member: bool = True, **how: Any) -> Caller:
        """Start the helper."""
        return Caller(self.installation, user, [GROUP] if member else [], **how)

    def tap(self, name: str, ns: Optional[str] = None, flags: int = IFF_TAP) -> int:
        """A tap that root has made, of the laptop or of the station @ns."""
        station = self.lab.stations[ns or "laptop"]

        def make() -> int:
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
            fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), flags | IFF_NO_PI))
            return fd
        return station.netns.call(make)


@pytest.fixture(scope="module", params=["setuid", "capabilities"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    """One for the whole table."""
    need("root", "ip", "nft", "dnsmasq", "setpriv", "setcap")
    need_vmrun()
    with Lab() as lab:
        built = Stage(lab, request.param)
        yield built
        for fd in built.victim_fds:
            os.close(fd)
        with built.victim:
            pass


@pytest.fixture(autouse=True)
def unchanged(request: pytest.FixtureRequest) -> Iterator[None]:
    """The laptop is as it was, and so is the other user's VM."""
    if "stage" not in request.fixturenames:
        yield
        return
    stage = request.getfixturevalue("stage")
    before = stage.lab.snapshot()
    known = stage.lab.leftovers()
    yield
    changes = settle(before, stage.lab.snapshot, 2)
    assert not changes, "the laptop has changed:\n" + "\n".join(changes)
    assert stage.victim.process.poll() is None, "the other user's helper has ended"
    deadline = time.monotonic() + 2
    while (left := [each for each in stage.lab.leftovers() if each not in known]) \
            and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left, f"still there: {left}"


class Row(NamedTuple):
    """A request, and the reason of its refusal."""

    name: str
    octets: Optional[bytes]  # the first record; None: end-of-file
    why: str  # a regular expression of the whole message
    status: int = 1
    user: Account = ME


BY_HAND = r"vmrun-netsetup: this is started by vmrun, not by hand; see vmrun-netsetup\(8\)\n"
MALFORMED = "malformed record: "


def field(title: str, why: str, /, **fields: Any) -> Row:
    """A request with a field that nobody may send."""
    return Row(title, place(**fields), f"request refused: invalid field '{why}'")


ADD = "user '4242' is not permitted to use "

RECORDS = [
    Row("end-of-file", None, "cannot receive a record.*|the peer has closed.*"),
    Row("nothing", b"", "the peer has closed the socket: Connection reset by peer"),
    Row("one octet", b"v", MALFORMED + "shorter than its header"),
    Row("eleven octets", records.header(1, 11)[:11], MALFORMED + "shorter than its header"),
    Row("header alone", records.header(1, 12), MALFORMED + "wrong size"),
    Row("magic", record(1, setup_body(), magic=0x76725254), MALFORMED + "wrong magic"),
    Row("magic swapped", record(1, setup_body(), magic=0x53527276), MALFORMED + "wrong magic"),
    Row("version 0", record(1, setup_body(), version=0), MALFORMED + "wrong version"),
    Row("another version", record(1, setup_body(), version=records.VERSION + 1),
        MALFORMED + "wrong version"),
    Row("type 0", record(0, setup_body()), MALFORMED + "unknown type"),
    Row("type 9", record(99, setup_body()), MALFORMED + "unknown type"),
    Row("type 65535", record(65535, setup_body()), MALFORMED + "unknown type"),
    Row("size 0", record(1, setup_body(), size=0), MALFORMED + "wrong size"),
    Row("size of 4 GiB", record(1, setup_body(), size=2 ** 32 - 1), MALFORMED + "wrong size"),
    Row("one octet short", place()[:-1], MALFORMED + "wrong size"),
    Row("one octet long", place() + b"\0", MALFORMED + "wrong size"),
    Row("zeros", bytes(184), MALFORMED + "wrong magic"),
    Row("larger than any", place() + bytes(4096), MALFORMED + "larger than any record"),
    Row("64 KiB", bytes(65536), MALFORMED + "larger than any record"),
    Row("change", record(records.CHANGE, records.CHANGE_BODY.pack(text=b"ip link delete wlan0")),
        "the first record is not a request"),
    Row("ready", record(records.READY, bytes(records.READY_BODY.size)),
        "the first record is not a request"),
    Row("failed", record(FAILED, bytes(records.FAILED_BODY.size)),
        "the first record is not a request"),
    Row("moved", record(records.MOVED, bytes(records.READY_BODY.size)),
        "the first record is not a request"),
    Row("dhcp", dhcp(dhcp_packet()), "the first record is not a request"),
    Row("change unterminated", record(records.CHANGE, b"x" * records.CHANGE_BODY.size),
        MALFORMED + "unterminated text"),
    Row("clean by a stranger", clean(), "user '6666' is not permitted.*", 4, STRANGER),
    Row("clean with a flag", clean(dry_run=2), "request refused: invalid field 'flags'"),
    Row("clean with a reserve", clean(reserved=b"xyz"), "request refused: invalid field 'flags'"),

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
    Row("name of 64", place(name=b"a" * 64), MALFORMED + "unterminated text"),
    Row("uplink of 16", place(uplink=b"a" * 16), MALFORMED + "unterminated text"),
    field("uplink of dots", "uplink", uplink=b".."),
    field("uplink of a path", "uplink", uplink=b"../../../etc"),
    field("uplink all", "uplink", uplink=b"all"),
    field("uplink default", "uplink", uplink=b"default"),
    field("uplink with a colon", "uplink", uplink=b"wlan0:1"),
    field("uplink with a space", "uplink", uplink=b"wlan0 up"),
    field("uplink with 8 bits", "uplink", uplink=b"wl\xff"),
    field("uplink of a format", "uplink", uplink=b"%n"),
    Row("uplink of 15", place(uplink=b"a" * 15), "uplink 'a{15}' does not exist", 5),
    field("address multicast", "address", address="224.0.0.1"),
    field("address of loopback", "address", address="127.0.0.1"),
    field("address 0.1.2.3", "address", address="0.1.2.3"),
    field("address of everybody", "address", address="255.255.255.255"),
    field("half a range", "range", first="192.168.77.20"),
    field("range backwards", "range", first="192.168.77.30", last="192.168.77.20"),
    field("range of everything", "range", first="0.0.0.1", last="255.255.255.254"),
    field("remembered multicast", "remembered", remembered="224.0.0.1"),
    field("gateway without mode", "gateway", gateway="192.168.77.1"),
    field("mode without gateway", "gateway", gateway_mode=2),
    field("gateway mode 3", "gateway", gateway_mode=3),
    field("gateway mode 255", "gateway", gateway_mode=255),
    field("four DNS servers", "dns_count", dns_count=4),
    field("many DNS servers", "dns_count", dns_count=2 ** 32 - 1),
    field("a DNS server of zeros", "dns", dns_count=1),
    field("probe 3", "probe", probe=3),
    field("promiscuous 3", "promiscuous", promiscuous=3),
    field("no queue", "queues", queues=0),
    field("nine queues", "queues", queues=9),
    *[field(f"{each} 2", "flags", **{each: 2})
      for each in ("offload", "roam", "dhcp", "dry_run", "verbose")],
    field("reserve", "flags", reserved=b"xx"),

    Row("stranger", place(), "user '6666' is not permitted to put a VM on the LAN", 4, STRANGER),
    Row("stranger, dry", place(dry_run=1),
        "user '6666' is not permitted to put a VM on the LAN", 4, STRANGER),
    Row("uplink by its name", place(uplink=b"wlan0"), ADD + "uplink 'wlan0'", 4),
    Row("another uplink", place(uplink=b"eth9"), ADD + "uplink 'eth9'", 4),
    Row("loopback for an uplink", place(uplink=b"lo"), "cannot use uplink 'lo': loopback", 5),
    Row("a tap for an uplink", place(uplink=b"vmr-victim"),
        "cannot use uplink 'vmr-victim': the tap of a VM", 5),
    Row("no such uplink", place(uplink=b"nosuch0"), "uplink 'nosuch0' does not exist", 5),
    Row("address beyond the policy", place(address=EDGE), ADD + f"address {EDGE} on 'wlan0'", 4),
    Row("address just before", place(address="192.168.77.15"),
        ADD + "address 192.168.77.15 on 'wlan0'", 4),
    Row("address beyond the policy, dry", place(address=EDGE, dry_run=1),
        ADD + f"address {EDGE} on 'wlan0'", 4),
    Row("range beyond the policy", place(first=EDGE, last="192.168.77.254"),
        ADD + "any of the range's address in 192.168.77.0/24 on 'wlan0'", 4),
    Row("the router's address", place(address="192.168.77.1"),
        "address 192.168.77.1 is the router's", 5),
    Row("the host's address", place(address="192.168.77.2"),
        "address 192.168.77.2 is this host's", 5),
    Row("another address of the host", place(address="10.99.0.1"), "address 10.99.0.1 is .*", 5),
    Row("the subnet's address", place(address="192.168.77.0"),
        "address 192.168.77.0 is not a host's .*", 5),
    Row("the broadcast address", place(address="192.168.77.255"),
        "address 192.168.77.255 is not a host's .*", 5),
    Row("address of another subnet", place(address="192.168.78.30"),
        "address 192.168.78.30 is not a host's .*", 5),
    Row("the phone's address", place(address="192.168.77.20"),
        "address 192.168.77.20 is in use by .*", 5),
    Row("unprobed", place(probe=2), ADD + "an address unprobed", 4),
    Row("the phone's address unprobed", place(address="192.168.77.20", probe=2),
        ADD + "an address unprobed", 4),
    Row("gateway of another subnet", place(gateway_mode=2, gateway="10.0.0.1"),
        "gateway 10.0.0.1 is not in .*", 5),
    Row("the name of another's VM", place(name=b"victim"),
        r"VM 'victim' is already running: pid \d+, 192\.168\.77\.\d+, user \d+"),
    Row("adopt without descriptors", place(ADOPT), "unexpected or missing descriptors"),
]


@pytest.mark.parametrize("row", RECORDS, ids=lambda row: row.name)
def test_record(stage: Stage, row: Row) -> None:
    """The first record decides; what is wrong with it is told to the caller."""
    with stage.caller(row.user) as caller:
        if row.octets is None:
            caller.half_close()
        else:
            caller.send(row.octets)
        answer = caller.answer()
        assert answer and answer.kind == FAILED
        assert matches(row.why, answer.message), answer.message
        assert "\n" not in answer.message
        assert answer.status == row.status
        assert caller.answer() is None
        assert caller.wait() == row.status
        assert caller.said == ""


def test_remedy(stage: Stage) -> None:
    """The refusal has the line of the policy that would permit the request."""
    with stage.caller(STRANGER) as caller:
        answer = caller.ask(place())
        assert answer.remedy == ("to permit it, add this line to '/etc/vmrun/netsetup.conf', as "
                                 "root:\nallow user 6666")
    with stage.caller() as caller:
        answer = caller.ask(place(address=EDGE))
        assert answer.remedy.splitlines()[1] == f"allow user 4242 address {EDGE}"


# Descriptor 3 and the standard ones

DESCRIPTORS = {
    "none": "None",
    "file": "os.open('/etc/passwd', os.O_RDONLY)",
    "directory": "os.open('/', os.O_RDONLY)",
    "device": "os.open('/dev/null', os.O_RDWR)",
    "pipe": "os.pipe()[0]",
    "path": "os.open('/', os.O_PATH)",
    "eventfd": "os.eventfd(1)",
    "memfd": "os.memfd_create('x')",
    "datagram": "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].detach()",
    "stream": "socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)[0].detach()",
    "tcp": "socket.socket(socket.AF_INET, socket.SOCK_STREAM)",
    "udp": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0)",
    "unconnected": "socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)",
    "listening": "(lambda s: (s.bind(b'\\0hostile'), s.listen(), s)[2])"
                 "(socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET))",
}


@pytest.mark.parametrize("third", DESCRIPTORS.values(), ids=DESCRIPTORS)
def test_third_descriptor(stage: Stage, third: str) -> None:
    with stage.caller(third=third) as caller:
        assert caller.wait() == 2
        assert matches(BY_HAND, caller.said)


@pytest.mark.parametrize("argv", [
    ["vmrun-netsetup", "--help"], ["vmrun-netsetup", ""], ["x"] * 1000,
    ["vmrun-netsetup", "--version", "x"]], ids=["help", "empty", "many", "two"])
def test_arguments(stage: Stage, argv: list[str]) -> None:
    with stage.caller(argv=argv) as caller:
        assert caller.wait() == 2
        assert matches(BY_HAND, caller.said)


@pytest.mark.parametrize("closed", [[0], [1], [2], [0, 1], [0, 1, 2]], ids=str)
@pytest.mark.parametrize("user", [ME, ROOT], ids=["me", "root"])
def test_closed(stage: Stage, user: Account, closed: list[int]) -> None:
    """A file that the helper opens does not take a standard descriptor, to which messages go. glibc
    ensures it for a set-uid program; the helper does for root."""
    with stage.caller(user, closed=closed) as caller:
        answer = caller.ask(place())
        assert answer.kind == READY
        found = caller.helper.descriptors
        assert {found[each] for each in closed} <= {"/dev/null", "/dev/full"}
        close(answer)
        caller.half_close()
        assert caller.wait() == 0


def test_more_descriptors(stage: Stage) -> None:
    """The helper closes inherited descriptors beyond the third."""
    with stage.caller(extra=["/etc/passwd", "/", "/dev/null"]) as caller:
        answer = caller.ask(place())
        assert answer.kind == READY
        others = [what for number, what in caller.helper.descriptors.items() if number > 3]
        assert "/etc/passwd" not in others and "/" not in others
        close(answer)
        caller.half_close()
        assert caller.wait() == 0


def close(answer: records.Answer) -> None:
    """Close the tap's descriptors."""
    for fd in answer.fds:
        os.close(fd)


# Descriptors that are passed

def test_setup_with_descriptor(stage: Stage) -> None:
    with open("/etc/passwd", "rb") as file, stage.caller() as caller:
        answer = caller.ask(place(), [file.fileno()])
        assert answer.message == "unexpected or missing descriptors"
        assert caller.wait() == 1


@pytest.mark.parametrize("count", [9, 100, 253])
def test_many_descriptors(stage: Stage, count: int) -> None:
    with open("/dev/null", "rb") as file, stage.caller() as caller:
        answer = caller.ask(place(ADOPT), [file.fileno()] * count)
        assert answer.message == "malformed record: unexpected descriptors"
        assert caller.wait() == 1


def refused_adoption(stage: Stage, fds: list[int], **fields: Any) -> str:
    """The answers to a caller that tries to adopt."""
    fields = {"name": b"x", "remembered": "192.168.77.40"} | fields
    try:
        with stage.caller() as caller:
            answer = caller.ask(place(ADOPT, **fields), fds)
            assert answer.kind == FAILED
            assert caller.wait() == answer.status
    finally:
        for fd in fds:
            os.close(fd)
    return answer.message


NOT_OURS = "a descriptor is not one of tap 'vmr-{}'"


def test_adopt_files(stage: Stage) -> None:
    for path in ("/etc/passwd", "/dev/null", "/dev/zero", "/"):
        assert refused_adoption(stage, [os.open(path, os.O_RDONLY)]) == NOT_OURS.format("x")


def test_adopt_socket(stage: Stage) -> None:
    fd = socket.socket(socket.AF_INET, socket.SOCK_STREAM).detach()
    assert refused_adoption(stage, [fd]) == NOT_OURS.format("x")


def test_adopt_no_tap_yet(stage: Stage) -> None:
    assert refused_adoption(stage, [os.open("/dev/net/tun", os.O_RDWR)]) == NOT_OURS.format("x")


def test_adopt_tun(stage: Stage) -> None:
    assert refused_adoption(stage, [stage.tap("vmr-x", flags=IFF_TUN)]) == NOT_OURS.format("x")


def test_adopt_another_tap(stage: Stage) -> None:
    assert refused_adoption(stage, [stage.tap("tap7")]) == NOT_OURS.format("x")


def test_adopt_persistent_tap(stage: Stage) -> None:
    fd = stage.tap("vmr-x")
    keep = os.dup(fd)
    fcntl.ioctl(fd, TUNSETPERSIST, 1)
    try:
        assert refused_adoption(stage, [fd]) == NOT_OURS.format("x")
        assert stage.lab.laptop.netns.ip("link show vmr-x"), "somebody's own, it stays"
    finally:
        fcntl.ioctl(keep, TUNSETPERSIST, 0)
        os.close(keep)


def test_adopt_of_another_namespace(stage: Stage) -> None:
    """There anybody is root and can make a tap of any name."""
    fd = stage.tap("vmr-x", ns="phone")
    assert refused_adoption(stage, [fd]) == NOT_OURS.format("x")


def test_adopt_victims_by_another_namespace(stage: Stage) -> None:
    """The tap of another user's VM, which has that name here, must not be taken for it."""
    fd = stage.tap("vmr-victim", ns="phone")
    why = refused_adoption(stage, [fd], name=b"victim", remembered=stage.victim_address)
    assert why == NOT_OURS.format("victim")
    assert stage.lab.laptop.netns.ip("link show vmr-victim")


def test_adopt_wrong_queues(stage: Stage) -> None:
    fd = stage.tap("vmr-x")
    assert refused_adoption(stage, [fd, os.dup(fd)]) == "tap 'vmr-x' comes with 2 of 1 queues"


def test_adopt_without_lease(stage: Stage) -> None:
    why = refused_adoption(stage, [stage.tap("vmr-x")])
    assert why == "cannot adopt VM 'x': it has no lease"


def test_adopt_of_live_lease(stage: Stage) -> None:
    """One's own VM, with the right descriptors, while its helper lives: it goes on living."""
    with stage.caller() as first:
        answer = first.ask(place(name=b"mine"))
        assert answer.kind == READY
        why = refused_adoption(stage, list(answer.fds), name=b"mine", remembered=answer.address)
        assert why.startswith("VM 'mine' is already running")
        assert stage.lab.laptop.netns.ip("link show vmr-mine")
        assert first.process.poll() is None
        first.half_close()
        assert first.wait() == 0


def test_adopt_of_another_users_live_lease(stage: Stage) -> None:
    fds = [os.dup(each) for each in stage.victim_fds]
    why = refused_adoption(stage, fds, name=b"victim", remembered=stage.victim_address)
    assert why.startswith("VM 'victim' is already running")


# After the answer

@pytest.mark.parametrize("octets", [
    place(), place(ADOPT), clean(), dhcp(b"x"), dhcp(dhcp_packet(), size=2 ** 32 - 1),
    dhcp(dhcp_packet()[:-1]), b"garbage", b"x" * 65536,
    record(records.MOVED, bytes(records.READY_BODY.size))],
    ids=["setup", "adopt", "clean", "no packet", "size", "cut", "garbage", "64 KiB", "moved"])
@pytest.mark.parametrize("with_dhcp", [0, 1], ids=["", "dhcp"])
def test_second_record(stage: Stage, octets: bytes, with_dhcp: int) -> None:
    with stage.caller() as caller:
        answer = caller.ask(place(dhcp=with_dhcp))
        assert answer.kind == READY
        close(answer)
        answer = caller.ask(octets)
        assert answer.kind == FAILED
        assert matches("unexpected record|malformed record: .*", answer.message)
        assert caller.wait() == 1


def test_dhcp_without_being_asked(stage: Stage) -> None:
    with stage.caller() as caller:
        close(caller.ask(place()))
        assert caller.ask(dhcp(dhcp_packet())).message == "unexpected record"
        assert caller.wait() == 1


def test_flood(stage: Stage) -> None:
    """65,536 records that are in order, and then the end."""
    with stage.caller() as caller:
        close(caller.ask(place(dhcp=1)))
        octets = dhcp(dhcp_packet())
        for _ in range(65536):
            caller.socket.send(octets)
        caller.half_close()
        assert caller.wait(30) == 0


def test_never_reads(stage: Stage) -> None:
    """It does not wait for who does not read, neither at the start nor while it undoes."""
    with stage.caller() as caller:
        caller.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        caller.send(place(verbose=1))
        time.sleep(2)
        caller.half_close()
        assert caller.wait() in (0, 1)


@pytest.mark.parametrize("milliseconds", [0, 1, 2, 5, 10, 20, 50, 100, 300, 600, 900, 950, 1000,
                                          1100, 1500, 3100])
def test_gone_at(stage: Stage, milliseconds: int) -> None:
    """The caller goes away at any moment."""
    with stage.caller() as caller:
        caller.send(place())
        time.sleep(milliseconds / 1000)
        caller.socket.close()
        assert caller.wait() in (0, 1)


def test_gone_before_start(stage: Stage) -> None:
    caller = stage.caller()
    caller.socket.close()
    assert caller.wait() == 1


# Inherited properties of a process

@pytest.fixture(scope="module")
def library(stage: Stage) -> Path:
    """A library that leaves a mark when it is loaded into a process of root's."""
    need("cc")
    source, made = stage.lab.directory / "mark.c", stage.lab.directory / "mark.so"
    source.write_text("""#include <fcntl.h>
        #include <unistd.h>
        __attribute__((constructor)) static void mark(void)
        { if (geteuid() != getuid() || geteuid() == 0) open("/tmp/vmrun-hostile", O_CREAT, 0600);
          write(2, "loaded\\n", 7); }
        unsigned int la_version(unsigned int v) { return v; }""")
    subprocess.run(["cc", "-shared", "-fPIC", "-w", "-o", made, source], check=True)
    made.chmod(0o755)
    return made


ENVIRONMENTS = {
    "preload": {"LD_PRELOAD": "{library}"},
    "audit": {"LD_AUDIT": "{library}"},
    "library path": {"LD_LIBRARY_PATH": "{directory}"},
    "ld debug": {"LD_DEBUG": "all", "LD_DEBUG_OUTPUT": "/tmp/vmrun-hostile"},
    "ld profile": {"LD_PROFILE": "libc.so.6", "LD_PROFILE_OUTPUT": "/tmp"},
    "show auxv": {"LD_SHOW_AUXV": "1"},
    "trace": {"LD_TRACE_LOADED_OBJECTS": "1"},
    "malloc": {"MALLOC_TRACE": "/tmp/vmrun-hostile", "MALLOC_PERTURB_": "165",
               "MALLOC_CHECK_": "3"},
    "tunables": {"GLIBC_TUNABLES": "glibc.malloc.mxfast=glibc.malloc.mxfast=A"},
    "locale": {"LOCPATH": "{directory}", "LC_ALL": "xx_XX", "LANGUAGE": "xx",
               "NLSPATH": "{directory}/%N", "GCONV_PATH": "{directory}"},
    "libnl": {"NLCB": "debug", "NLDBG": "9", "NLSYSCONFDIR": "{directory}"},
    "time zone": {"TZ": "{directory}/x", "TZDIR": "{directory}"},
    "resolver": {"HOSTALIASES": "{directory}/x", "RES_OPTIONS": "debug",
                 "LOCALDOMAIN": "x", "RESOLV_HOST_CONF": "/etc/shadow"},
    "sudo's": {"SUDO_UID": "0", "SUDO_GID": "0", "USER": "root", "LOGNAME": "root",
               "HOME": "/root"},
    "path": {"PATH": "{directory}", "IFS": "/", "ENV": "{directory}/x", "TMPDIR": "{directory}"},
    "many": {f"V{n}": "x" * 1000 for n in range(90)},
    "odd": {"": "x", "A": "\udcff"},
}


# The output of the dynamic linker, to a place that only root can write to.
SAID = {"ld profile": "(/var/profile/libc.so.6.profile: cannot open file: .*\n)?"}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_environment(stage: Stage, library: Path, name: str) -> None:
    mark = Path("/tmp/vmrun-hostile")
    env = {key: value.format(library=library, directory=library.parent)
           for key, value in ENVIRONMENTS[name].items() if key}
    with stage.caller(env=env) as caller:
        answer = caller.ask(place())
        if name == "trace":
            assert answer is None and caller.wait() and not caller.said, "nothing was run"
        else:
            assert answer and answer.kind == READY, (answer, caller.said)
            close(answer)
            caller.half_close()
            assert caller.wait() == 0
            assert matches(SAID.get(name, ""), caller.said)
    left = [each for each in mark.parent.glob(f"{mark.name}*")]
    for each in left:
        each.unlink()
    assert not left


LIMITS = {
    "FSIZE": [0, 1, 100], "NOFILE": [4, 8, 12, 20], "NPROC": [0, 1], "CORE": [resource.RLIM_INFINITY],
    "AS": [8 << 20, 16 << 20, 32 << 20], "DATA": [0, 1 << 20], "STACK": [64 << 10, 1 << 20],
    "MEMLOCK": [0], "CPU": [1], "SIGPENDING": [0], "MSGQUEUE": [0],
}


@pytest.mark.parametrize("name,value", [(n, v) for n, values in LIMITS.items() for v in values])
def test_limit(stage: Stage, name: str, value: int) -> None:
    """It works, or says why not; it never leaves anything."""
    with stage.caller(limits={name: value}) as caller:
        answer = caller.ask(place())
        if answer is None:
            # Not even libraries could be loaded, or it was ended before it did anything.
            assert caller.wait() != 0
            return
        if answer.kind == READY:
            close(answer)
            caller.half_close()
        else:
            assert answer.message
        assert caller.wait() == answer.status


def test_umask(stage: Stage) -> None:
    with stage.caller(umask=0) as caller:
        answer = caller.ask(place())
        assert answer.kind == READY
        files = list((stage.lab.run_dir / "vmrun").rglob("*"))
        assert any(each.name == "lease-x" for each in files)
        for each in files:
            assert each.stat().st_mode & 0o077 == 0 and each.stat().st_uid == 0
        close(answer)
        caller.half_close()
        assert caller.wait() == 0


@pytest.mark.parametrize("how", [
    {"ignored": all_signals()}, {"blocked": all_signals()}, {"alarm": 1}, {"nonblocking": True},
    {"chdir": "/tmp/vmrun-hostile-cwd"}],
    ids=["ignored", "blocked", "alarm", "nonblocking", "directory gone"])
def test_inherited(stage: Stage, how: dict) -> None:
    """Signals, timers, a socket that does not wait, a working directory that is gone."""
    with stage.caller(**how) as caller:
        time.sleep(1.2)
        answer = caller.ask(place())
        assert answer.kind == READY
        assert os.readlink(f"/proc/{caller.process.pid}/cwd") == "/"
        close(answer)
        caller.half_close()
        assert caller.wait() == 0


# A running helper, seen by the user who started it

ATTEMPTS = {
    "signal": "try:\n os.kill(PID, 9)\nexcept PermissionError: print('refused')",
    "stop": "try:\n os.kill(PID, 19)\nexcept PermissionError: print('refused')",
    "memory": "try:\n open(f'/proc/{PID}/mem')\nexcept PermissionError: print('refused')",
    "descriptors": "try:\n os.listdir(f'/proc/{PID}/fd')\nexcept PermissionError: print('refused')",
    "environment": "try:\n open(f'/proc/{PID}/environ').read()\n"
                   "except PermissionError: print('refused')",
    "maps": "try:\n open(f'/proc/{PID}/maps').read()\nexcept PermissionError: print('refused')",
    "working directory": "try:\n os.readlink(f'/proc/{PID}/cwd')\n"
                         "except PermissionError: print('refused')",
    "ptrace": "libc = ctypes.CDLL(None, use_errno=True)\n"
              "if libc.ptrace(16, PID, 0, 0) != 0 and ctypes.get_errno() == 1: print('refused')",
    "limits": "import resource\ntry:\n resource.prlimit(PID, resource.RLIMIT_NOFILE, (0, 0))\n"
              "except PermissionError: print('refused')",
    "pidfd_getfd": "libc = ctypes.CDLL(None, use_errno=True)\np = os.pidfd_open(PID)\n"
                   "if libc.syscall(438, p, 3, 0) < 0 and ctypes.get_errno() == 1: "
                   "print('refused')",
    "core filter": "try:\n open(f'/proc/{PID}/coredump_filter', 'w')\n"
                   "except PermissionError: print('refused')",
}


@pytest.mark.parametrize("asked", [False, True], ids=["idle", "asked"])
def test_attempts(stage: Stage, asked: bool) -> None:
    with stage.caller() as caller:
        if asked:
            close(caller.ask(place()))
        else:
            wait_confined(caller)
        for name, code in ATTEMPTS.items():
            assert caller.could(code) == "refused", name
        caller.half_close()
        assert caller.wait() == (0 if asked else 1)


def wait_confined(caller: Caller) -> None:
    """Wait until an idle helper waits for a request."""
    deadline = time.monotonic() + 5
    while caller.helper.status.get("NoNewPrivs") != "1" or caller.helper.name != "vmrun-netsetup":
        assert time.monotonic() < deadline
        time.sleep(0.01)
    time.sleep(0.05)


def test_rights(stage: Stage) -> None:
    """As the kernel tells them."""
    with stage.caller() as caller:
        close(caller.ask(place()))
        status = caller.helper.status
        assert status["Uid"].split() == status["Gid"].split() == ["0"] * 4
        assert status["Groups"] == ""
        assert status["CapPrm"] == status["CapEff"] == NET_ADMIN_AND_RAW
        assert status["CapInh"] == status["CapAmb"] == status["CapBnd"] == f"{0:016x}"
        assert status["NoNewPrivs"] == "1"
        caller.half_close()
        assert caller.wait() == 0


def test_not_a_member(stage: Stage) -> None:
    """A user outside the group cannot run it."""
    with stage.caller(STRANGER, member=False) as caller:
        assert caller.wait() == 1
        assert "PermissionError" in caller.said


# Many

def test_fifty_at_once(stage: Stage) -> None:
    """All of one user's: as many as the policy permits, whichever they are."""
    callers = [stage.caller() for _ in range(50)]
    try:
        for number, caller in enumerate(callers):
            caller.send(place(name=b"vm%d" % number))
        answers = [caller.answer() for caller in callers]
        assert all(answers)
        for answer in answers:
            close(answer)
        ready = [answer for answer in answers if answer.kind == READY]
        assert len(ready) == 3
        assert len({answer.address for answer in ready}) == 3
        assert {answer.message for answer in answers if answer.kind == FAILED} == {
            "user '4242' is not permitted to run more than 3 VMs"}
    finally:
        for caller in callers:
            caller.socket.close()
    for caller in callers:
        assert caller.wait(30) in (0, 4)


def test_fifty_idle(stage: Stage) -> None:
    """They keep nobody from anything."""
    callers = [stage.caller() for _ in range(50)]
    with stage.caller() as caller:
        answer = caller.ask(place())
        assert answer.kind == READY
        close(answer)
        caller.half_close()
        assert caller.wait() == 0
    for caller in callers:
        caller.socket.close()
    for caller in callers:
        assert caller.wait(30) == 1


def test_fifty_of_one_name(stage: Stage) -> None:
    callers = [stage.caller() for _ in range(50)]
    for caller in callers:
        caller.send(place())
    answers = [caller.answer() for caller in callers]
    assert [answer.kind for answer in answers].count(READY) == 1
    for answer, caller in zip(answers, callers):
        close(answer)
        caller.socket.close()
    for caller in callers:
        assert caller.wait(30) in (0, 1)


def test_within_the_policy(stage: Stage) -> None:
    """The automatic choice keeps to the policy's addresses as well."""
    stage.lab.set_policy(f"allow user {ME.uid} address 192.168.77.200-192.168.77.201\n"
                         f"allow user {ME.uid} address 192.168.77.7\n")
    try:
        found = set()
        callers = [stage.caller() for _ in range(4)]
        for number, caller in enumerate(callers):
            answer = caller.ask(place(name=b"vm%d" % number, remembered="192.168.77.50"))
            close(answer)
            if answer.kind == READY:
                found.add(answer.address)
            else:
                assert "no free address" in answer.message
        assert found == {"192.168.77.200", "192.168.77.201", "192.168.77.7"}
        for caller in callers:
            caller.half_close()
            caller.wait()
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
        with stage.caller() as caller:
            answer = caller.ask(place())
            assert (answer.message, answer.status) == (why, 4)
            assert answer.remedy or name == "mistake"
            assert caller.wait() == 4
    finally:
        shutil.chown(path, 0)
        stage.lab.set_policy(POLICY)


def test_no_policy(stage: Stage) -> None:
    path = stage.lab.set_policy(POLICY)
    path.unlink()
    try:
        with stage.caller() as caller:
            answer = caller.ask(place())
            assert answer.status == 4
            assert answer.message == ("user '4242' is not permitted to put a VM on the LAN: there "
                                      "is no '/etc/vmrun/netsetup.conf'")
            assert answer.remedy.endswith("\nallow user 4242")
    finally:
        stage.lab.set_policy(POLICY)


def test_root_needs_no_policy(stage: Stage) -> None:
    path = stage.lab.set_policy(POLICY)
    path.unlink()
    try:
        with stage.caller(ROOT) as caller:
            answer = caller.ask(place())
            assert answer.kind == READY
            close(answer)
            caller.half_close()
            assert caller.wait() == 0
    finally:
        stage.lab.set_policy(POLICY)
