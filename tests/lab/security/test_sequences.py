# SPDX-License-Identifier: GPL-2.0-or-later
"""A property: no sequence of records of a policy-bound user changes what is not this user's.

VMs of others are there, and routes, rules and proxy entries of other programs. The sequences are
random but for their seed, which a failure shows: $VMRUN_SEED and $VMRUN_SEQUENCES repeat it.
"""

import fcntl
import json
import os
import random
import socket
import struct
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

import pytest

import records
from caller import OTHER, POLICY, QUICK, ROOT, Caller, Stage, same_tap_name, tap_name
from conftest import need, need_vmrun
from hoststate import VOLATILE, settle, without
from netns import run

SEED = int(os.environ.get("VMRUN_SEED", random.randrange(2 ** 32)))
SEQUENCES = int(os.environ.get("VMRUN_SEQUENCES", "500"))
TUNSETPERSIST, TUNSETCARRIER = 0x400454CB, 0x400454E2
RESOLVER, NEIGHBOUR, ROUTED, RULED, PROXIED, LOST = (
    f"192.168.77.{n}" for n in (66, 71, 74, 75, 76, 79))
PERMITTED = {f"192.168.77.{n}" for n in range(16, 251)} - {
    RESOLVER, NEIGHBOUR, ROUTED, RULED, PROXIED, LOST}
# A VM of OTHER's, and the name of one of QUICK's that would have the same tap.
THEIRS, SAME = same_tap_name()
NAMES = ["x", "y", "victim", "of-root"]
TAPS = [tap_name(QUICK, name) for name in NAMES]
# A VM may watch the uplink promiscuously.
TABLES = "118"  # and six digits of the tap's index: TAP_TABLE() of netsetup
GATES = "vmr-gate_q"  # while the kernel is asked if it forwards
WATCHED = frozenset(["promiscuity"])
SHOWN = [("link", "link show", "ifname"), ("route", "route show table all", "dst"),
         ("rule", "rule show", "priority"), ("neigh", "neigh show proxy", "dst"),
         ("neigh", "neigh show nud permanent", "dst")]
KEYS = [f"net/ipv4/{each}" for each in (
    "ip_forward", "conf/{}/forwarding", "conf/{}/proxy_arp", "conf/{}/rp_filter",
    "conf/{}/arp_ignore", "neigh/{}/proxy_delay")]


class World:
    """A stage with more that is not the caller's; it looks at the laptop quickly and often."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.netns = stage, stage.lab.laptop.netns
        stage.lab.laptop.set_resolv(f"nameserver {RESOLVER}\n")
        self.netns.ip_batch([
            f"neigh add {NEIGHBOUR} lladdr 02:00:00:00:00:71 nud permanent dev wlan0",
            f"route add {ROUTED}/32 dev eth9", f"route add {RULED}/32 dev eth9 table 78",
            f"rule add to {RULED} lookup 78 priority 200", f"neigh add proxy {PROXIED} dev wlan0",
            "tuntap add dev vmr-foreign mode tap"])
        self.root = Caller(stage.service, ROOT)
        answer = self.root.ask(stage.attach(ROOT, name=b"of-root", address=LOST, probe=2, dhcp=1))
        assert answer.kind == records.READY
        self.other = Caller(stage.service, OTHER)
        others = self.other.ask(stage.attach(OTHER, name=THEIRS.encode()))
        assert others.kind == records.READY and others.tap == tap_name(QUICK, SAME)
        self.others_address = others.address
        self.tables = {f"{TABLES}{index:06}" for index in (
            stage.victim_ifindex, answer.tap_ifindex, others.tap_ifindex)}
        self.before = self.lines(WATCHED)
        self.indexes = [stage.ifindex(each) for each in ("wlan0", "eth9", "lo", "vmr-foreign")]
        self.indexes += [stage.victim_ifindex, answer.tap_ifindex, others.tap_ifindex,
                         others.tap_ifindex]

    def lines(self, hidden: frozenset = frozenset()) -> Counter:
        """The objects that `ip` shows, less the @hidden members, and the values of all interfaces that are not the caller's."""
        shown = run(["ip", "-n", self.netns.name, "-d", "-j", "-batch", "-"],
                    input="".join(f"{command}\n" for _, command, _ in SHOWN)).stdout
        decoder, found, at = json.JSONDecoder(), [], 0
        for subject, _, title in SHOWN:
            items, at = decoder.raw_decode(shown, at)
            at += len(shown[at:]) - len(shown[at:].lstrip())
            found += [f"{subject} {item.get(title, '')}: "
                      f"{json.dumps(without(item, hidden | VOLATILE[subject]), sort_keys=True)}"
                      for item in items if item]
        return Counter(found + self.netns.call(self._values))

    def _values(self) -> list[str]:
        names = ["all", "default", "wlan0", "eth9", "vmr-foreign", self.stage.victim_tap,
                 "vmr-of-root"]
        paths = [Path("/proc/sys", key.format(name)) for key in KEYS for name in names]
        return [f"{path} = {path.read_text().strip()}" for path in paths if path.exists()]


class Sequence:
    """One random sequence by up to four connections of QUICK's."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world, self.chance = world, chance
        self.callers: list[Caller] = []
        self.taps: set[str] = set()
        self.addresses: set[str] = set()
        self.said: list[str] = []
        self.kill = False  # the service, in the middle

    def fields(self) -> dict[str, Any]:
        """Of a request: in order, and then changed in up to three ways."""
        stage, chance = self.world.stage, self.chance
        addresses = [stage.victim_address, LOST, RESOLVER, NEIGHBOUR, ROUTED, RULED, PROXIED,
                     "192.168.77.1", "192.168.77.2", "192.168.77.20", "192.168.77.50",
                     "192.168.77.51", "192.168.77.52", "192.168.77.251", "10.99.0.7", "224.0.0.1"]
        bounds = sorted(chance.sample([16, 50, 51, 76, 79, 250], 2))
        indexes = self.world.indexes + self.own_indexes()
        changes = [
            {"address": chance.choice(addresses)}, {"address": chance.choice(addresses)},
            {"remembered": chance.choice(addresses)}, {"avoided": chance.choice(addresses)},
            {"first": f"192.168.77.{bounds[0]}", "last": f"192.168.77.{bounds[1]}"},
            {"ifindex": chance.choice(indexes), "host": chance.choice(["192.168.77.2",
                                                                      "10.99.0.1"])},
            {"tap_ifindex": chance.choice(indexes)}, {"tap_ifindex": chance.choice(indexes)},
            {"owner": chance.choice([ROOT.uid, OTHER.uid])}, {"uuid": b"v" * 16},
            {"probe": chance.choice([0, 1, 3])}, {"queues": chance.choice([2, 8, 9])},
            {"named": chance.choice([1, 2])}, {"promiscuous": chance.choice([1, 2, 3])},
            {"dry_run": 1}, {"name": b"a/b"}, {"question": 2}]
        fields: dict[str, Any] = {
            "name": chance.choice([*NAMES, SAME]).encode(), "probe": 2, "dhcp": chance.randrange(2),
            "announce": chance.randrange(2), "offload": chance.randrange(2),
            "verbose": chance.randrange(2)}
        for change in chance.sample(changes, chance.choice([0, 0, 1, 1, 2, 3])):
            fields |= change
        return fields

    def own_indexes(self) -> list[int]:
        """Indexes of the sequence's own taps."""
        found = []
        for name in self.taps:
            try:
                found.append(self.world.stage.ifindex(name))
            except OSError:
                pass
        return found

    def take(self, caller: Caller, wait: float) -> None:
        """Read what there is."""
        caller.socket.settimeout(wait or 0.001)
        try:
            while (answer := caller.answer()):
                if answer.kind == records.READY:
                    self.taps.add(answer.tap)
                    self.addresses.add(answer.address)
        except (BlockingIOError, socket.timeout):
            pass

    def act(self) -> None:
        """One step."""
        chance, stage = self.chance, self.world.stage
        kind = chance.choice(["attach"] * 5 + ["move"] * 5 + ["same move"] * 3 + [
            "withdraw", "withdraw", "clean", "garbage", "half close", "close", "close", "tap",
            "read"])
        if kind == "attach" and len(self.callers) < 4:
            self.callers.append(stage.caller(QUICK))
            self.send(self.callers[-1], kind, self.fields())
            return
        if not self.callers:
            return
        caller = chance.choice(self.callers)
        if kind in ("attach", "move"):
            self.send(caller, kind, self.fields())
        elif kind == "same move":
            self.send(caller, "move", caller.last | {
                key: value for key, value in self.fields().items()
                if key in ("address", "announce", "remembered")})
        elif kind == "withdraw":
            self.raw(caller, records.record(records.WITHDRAW, b""), kind)
        elif kind == "clean":
            self.raw(caller, records.clean(dry_run=chance.choice([0, 0, 1])), kind)
        elif kind == "garbage":
            self.raw(caller, chance.randbytes(chance.randrange(400)), kind)
        elif kind == "half close":
            self.said.append(kind)
            try:
                caller.half_close()
            except OSError:
                pass
        elif kind == "close":
            self.said.append(kind)
            self.callers.remove(caller)
            caller.__exit__()
        elif kind == "tap":
            self.change_tap(caller)
        else:
            self.take(caller, 0.05)

    def send(self, caller: Caller, kind: str, fields: dict) -> None:
        """Send a request."""
        number = records.MOVE if kind == "move" else records.ATTACH
        self.raw(caller, self.world.stage.attach(QUICK, number, **fields), f"{kind} {fields}")
        caller.last = fields

    def raw(self, caller: Caller, octets: bytes, what: str) -> None:
        """Send octets, and mostly read the answer."""
        self.said.append(what)
        try:
            caller.send(octets)
        except (BlockingIOError, socket.timeout):
            pass
        if self.chance.random() < 0.8:
            self.take(caller, self.chance.choice([0.01, 0.05]))

    def change_tap(self, caller: Caller) -> None:
        """Do what the holder of a tap can do to it."""
        for fd in caller.fds:
            self.said.append("tap")
            try:
                if self.chance.random() < 0.5:
                    fcntl.ioctl(fd, TUNSETPERSIST, 1)
                else:
                    fcntl.ioctl(fd, TUNSETCARRIER, struct.pack("i", self.chance.randrange(2)))
            except OSError:
                pass  # the DHCP socket

    def run(self, look: Callable[[], None]) -> None:
        """Some steps, with a @look now and then, and the end."""
        with ExitStack() as stack:
            stack.callback(lambda: [each.__exit__() for each in self.callers])
            steps = self.chance.randrange(4, 16)
            for step in range(steps):
                self.act()
                if self.kill and step == steps // 2:
                    self.said.append("kill")
                    self.world.stage.service.kill()
                if self.chance.random() < 0.2:
                    look()
            for each in self.callers:
                self.take(each, 0.02)
            look()


def is_own(line: str, theirs: set[str]) -> bool:
    """True if a line is of a VM of QUICK's: of its tap, of a gate, of a table that is not one of
    @theirs, or the proxy entry of an address that this user may have."""
    subject, title = line.split()[:2]
    if title.startswith(GATES):
        return True
    item = json.loads(line.partition(": ")[2]) if subject in ("rule", "route") else {}
    if item.get("table", "").startswith(TABLES) and item["table"] not in theirs:
        return True
    return any(f'"{tap}"' in line for tap in TAPS) or (subject == "neigh" and
                                                      title.rstrip(":") in PERMITTED)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    """One for all sequences."""
    need("root", "ip", "nft", "dnsmasq", "setpriv")
    need_vmrun()
    with Stage(POLICY) as stage:
        made = World(stage)
        with made.root, made.other:
            yield made


def differs(before: Counter, world: World, timeout: float = 8) -> Optional[list[str]]:
    """The changes that do not go away by themselves."""
    deadline = time.monotonic() + timeout
    while (now := world.lines()) != before:
        if time.monotonic() > deadline:
            return [f"- {line}" for line in (before - now)] + \
                [f"+ {line}" for line in (now - before)]
        time.sleep(0.05)
    return None


def still_there(world: World) -> None:
    """All that was there is there, and what is new is the caller's."""
    before, now = world.before, world.lines(WATCHED)
    changes = [f"- {line}" for line in before - now]
    changes += [f"+ {line}" for line in now - before if not is_own(line, world.tables)]
    assert not changes, "\n".join(changes)


def run_sequence(world: World, before: Counter, seed: int, kill: bool = False) -> int:
    """One sequence, by the end of which nothing has changed; the number of addresses it was given."""
    sequence = Sequence(world, random.Random(seed))
    sequence.kill = kill
    try:
        sequence.run(lambda: still_there(world))
        assert sequence.addresses <= PERMITTED - {world.stage.victim_address}
        changes = differs(before, world)
        assert not changes, "\n".join(changes)
    except AssertionError as error:
        raise AssertionError(f"VMRUN_SEED={SEED}: {sequence.said}:\n{error}") from None
    return len(sequence.addresses)


def others_go_on(world: World) -> None:
    """The clients of others' VMs are answered, and have what they had."""
    for caller, name, address, fields in (
            (world.stage.victim, b"victim", world.stage.victim_address, {}),
            (world.other, THEIRS.encode(), world.others_address, {}),
            (world.root, b"of-root", LOST, {"address": LOST, "probe": 2, "dhcp": 1})):
        answer = caller.ask(world.stage.attach(caller.user, records.MOVE, name=name, **fields))
        assert (answer.kind, answer.address) == (records.READY, address)


def test_sequences(world: World) -> None:
    """After each step what was there is there still, and after the end nothing else is."""
    whole, before, chance = world.stage.snapshot(), world.lines(), random.Random(SEED)
    given = sum(run_sequence(world, before, chance.randrange(2 ** 64)) for _ in range(SEQUENCES))
    assert given > SEQUENCES / 4, "many a sequence had a VM on the LAN"
    world.stage.victim_is_well()
    others_go_on(world)
    assert settle(whole, world.stage.snapshot, 2) == []


def test_sequences_and_a_killed_service(world: World) -> None:
    """The same while the service is killed in the middle of each sequence."""
    whole, before, chance = world.stage.snapshot(), world.lines(), random.Random(SEED)
    for _ in range(SEQUENCES // 40):
        began = time.monotonic()
        run_sequence(world, before, chance.randrange(2 ** 64), kill=True)
        for caller in (world.stage.victim, world.other, world.root):
            caller.renewed()
        # A service that dies too often is not started again.
        time.sleep(max(0.0, began + 2.2 - time.monotonic()))
    others_go_on(world)
    assert settle(whole, world.stage.snapshot, 2) == []
