# SPDX-License-Identifier: GPL-2.0-or-later
"""Writes the state of a host as lines of text, to compare before and after a test.

Only that which changes by itself is left out: counters, timers, cached neighbours, and the
numbers that the kernel hands out anew each time (rule handles, the other end of a link).
"""

import json
import re
import stat
import time
from collections import Counter
from pathlib import Path
from typing import Any, Callable, Iterator

from netns import Netns, run

VOLATILE = {
    "link": {"stats", "stats64", "link", "link_index", "link_netnsid"},
    "addr": {"valid_life_time", "preferred_life_time", "tentative"},
    "route": {"expires", "cache", "age", "used"},
    "neigh": {"state", "probes", "updated", "used", "confirmed", "refcnt"},
    "rule": set(),
}
SYSCTLS = ["net/ipv4", "net/ipv6", "net/bridge"]


class HostState:
    """A snapshot; `before.diff(after)` gives the readable difference."""

    def __init__(self, lines: Iterator[str]) -> None:
        self.lines = sorted(lines)

    @classmethod
    def of(cls, netns: Netns) -> "HostState":
        """Take a snapshot of a namespace and of what its programs see as /run/vmrun."""
        return cls(_everything(netns))

    def diff(self, after: "HostState") -> list[str]:
        """Lines `- was` and `+ is now`; none when nothing changed."""
        old, new = Counter(self.lines), Counter(after.lines)
        changes = [(line, "- ") for line in (old - new).elements()]
        changes += [(line, "+ ") for line in (new - old).elements()]
        return [sign + line for line, sign in sorted(changes)]


def settle(before: HostState, take: Callable[[], HostState], timeout: float = 1.0) -> list[str]:
    """Compare again until nothing differs, for at most @timeout seconds: an interface or a file
    whose process just ended may take a moment to go. Return what still differs."""
    deadline = time.monotonic() + timeout
    while True:
        changes = before.diff(take())
        if not changes or time.monotonic() >= deadline:
            return changes
        time.sleep(0.02)


def _everything(netns: Netns) -> Iterator[str]:
    yield from _objects(netns, "link", "link show", "ifname")
    yield from _addresses(netns)
    for family in ("-4", "-6"):
        yield from _objects(netns, "route", f"{family} route show table all", "dst")
        yield from _objects(netns, "rule", f"{family} rule show", "priority")
        yield from _objects(netns, "neigh", f"{family} neigh show nud permanent", "dst")
        yield from _objects(netns, "neigh", f"{family} neigh show proxy", "dst")
    yield from _ruleset(netns)
    yield from _traffic_control(netns)
    yield from netns.call(lambda: list(_sysctls()))
    if netns.run_dir is not None:
        yield from _files(netns.run_dir / "vmrun")


def _objects(netns: Netns, subject: str, command: str, title: str) -> Iterator[str]:
    """One line for each object that `ip -json @command` prints, its @title first."""
    for item in netns.ip_json(command):
        plain = without(item, VOLATILE[subject])
        yield f"{subject} {item.get(title, '')}: {_text(plain)}"


def _traffic_control(netns: Netns) -> Iterator[str]:
    """One line for each queueing discipline that somebody put there, and its filters."""
    for line in run(["tc", "-n", netns.name, "qdisc", "show"]).stdout.splitlines():
        words = line.split()  # qdisc KIND HANDLE: dev IF ...
        if "dev" not in words or words[1] == "noqueue" or words[2] == "0:":
            continue
        device = words[words.index("dev") + 1]
        yield f"tc {device}: {line.strip()}"
        if words[1] in ("clsact", "ingress"):
            shown = run(["tc", "-n", netns.name, "filter", "show", "dev", device, "ingress"])
            yield from (f"tc {device} filter: {each.strip()}" for each in shown.stdout.splitlines())


def _addresses(netns: Netns) -> Iterator[str]:
    """One line for each address of each interface."""
    for link in netns.ip_json("addr show"):
        for address in link.get("addr_info", []):
            yield f"addr {link['ifname']}: {_text(without(address, VOLATILE['addr']))}"


def without(value: Any, keys: set[str]) -> Any:
    """@value less the members named in @keys, at any depth."""
    if isinstance(value, dict):
        return {key: without(each, keys) for key, each in value.items() if key not in keys}
    if isinstance(value, list):
        return [without(each, keys) for each in value]
    return value


def _text(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


def _ruleset(netns: Netns) -> Iterator[str]:
    """One line for each table, each line of it, and each element of a set, whose order is the
    kernel's. As JSON, nft 1.0.6 prints a table's flags from memory that it has freed."""
    listed = run(["ip", "netns", "exec", netns.name, "nft", "-s", "list", "ruleset"]).stdout
    table = block = ""
    for line in re.sub(r",\n\s+", ", ", listed).splitlines():
        said = line.strip()
        if line.startswith("table "):
            table, block = said.removesuffix(" {"), ""
            yield f"nft table: {table}"
        elif said.startswith("elements = {"):
            for each in said.removeprefix("elements = {").removesuffix("}").split(","):
                yield f"nft element of {table} {block}: {each.strip()}"
        elif re.match(r"\t\S+ \S+ {$", line):
            block = said.removesuffix(" {")
            yield f"nft block: {table}, {block}"
        elif said and said != "}":
            yield f"nft rule: {table}, {block}: {said}"


def _sysctls() -> Iterator[str]:
    """Every value below SYSCTLS as the calling thread's namespace has it."""
    root = Path("/proc/sys")
    for top in SYSCTLS:
        for path in sorted((root / top).rglob("*")):
            try:
                if stat.S_ISREG(path.stat().st_mode):
                    yield f"sysctl {path.relative_to(root)} = {path.read_text().strip()}"
            except OSError:
                continue  # write-only, not set yet, or its interface has just gone


def _files(directory: Path) -> Iterator[str]:
    """Everything in a directory, by name, mode, owner and content; nothing if it is not there."""
    for path in sorted(directory.rglob("*")):
        try:
            status = path.lstat()
            what = f"{stat.filemode(status.st_mode)} {status.st_uid}:{status.st_gid}"
            text = repr(path.read_text(errors="replace")) if path.is_file() else ""
        except OSError:
            continue
        yield f"file /run/vmrun/{path.relative_to(directory)}: {what} {text}".rstrip()
