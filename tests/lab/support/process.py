# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes as /proc shows them, named by pid and start time so that a reused pid is not mistaken.

A process is only ever ended through signal() of an object made here or by the lab itself: never by
name.
"""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Iterable, Optional


@dataclass(frozen=True)
class Process:
    """One process; two objects are equal only for the same life of the same pid."""

    pid: int
    started: int

    @property
    def name(self) -> str:
        """Its present name, which exec changes; 'gone' after its end."""
        try:
            return Path(f"/proc/{self.pid}/comm").read_text(errors="replace").strip()
        except OSError:
            return "gone"

    @property
    def alive(self) -> bool:
        """True if it still runs; a zombie that waits for its parent does not."""
        fields = _stat(self.pid)
        return bool(fields) and int(fields[19]) == self.started and fields[0] not in "ZX"

    @property
    def cmdline(self) -> list[str]:
        """Its argument vector, empty when it is gone."""
        try:
            return Path(f"/proc/{self.pid}/cmdline").read_text(errors="replace").split("\0")[:-1]
        except OSError:
            return []

    @property
    def status(self) -> dict[str, str]:
        """The fields of its /proc/PID/status."""
        lines = Path(f"/proc/{self.pid}/status").read_text(errors="replace").splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    @property
    def descriptors(self) -> dict[int, str]:
        """Its open descriptors, each with 'socket:[1234]' or a path."""
        found = {}
        for each in Path(f"/proc/{self.pid}/fd").iterdir():
            try:
                found[int(each.name)] = os.readlink(each)
            except OSError:
                continue  # closed meanwhile
        return found

    def signal(self, number: int) -> None:
        """Send a signal, unless the pid has passed to another process."""
        try:
            pidfd = os.pidfd_open(self.pid)
        except OSError:
            return
        try:
            if self.alive:  # asked after the open: the descriptor now pins what was checked
                signal.pidfd_send_signal(pidfd, number)
        except ProcessLookupError:
            pass
        finally:
            os.close(pidfd)

    def wait_gone(self, timeout: float) -> bool:
        """True if it ends within @timeout seconds."""
        deadline = time.monotonic() + timeout
        while self.alive:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.01)
        return True


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat from the state on, so [1] is the parent and [19] the start."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return []


def get(pid: int) -> Optional[Process]:
    """The process that has @pid now."""
    fields = _stat(pid)
    return Process(pid, int(fields[19])) if fields else None


def _pids() -> list[int]:
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def descendants(pid: int) -> list[Process]:
    """The children of @pid and theirs, parents first."""
    children: dict[int, list[int]] = {}
    for each in _pids():
        fields = _stat(each)
        if fields:
            children.setdefault(int(fields[1]), []).append(each)
    found, queue = [], [pid]
    while queue:
        for child in children.get(queue.pop(0), []):
            found.append(get(child))
            queue.append(child)
    return [each for each in found if each]


def in_netns(inodes: Iterable[int], environment: str = "") -> list[Process]:
    """Processes, but not this one, in one of the network namespaces @inodes.

    Those which have NAME=VALUE @environment at their start count too, since a sandbox may have
    taken them into a namespace of their own.
    """
    wanted, marker, found = set(inodes), environment.encode(), []
    for pid in _pids():
        try:
            inside = os.stat(f"/proc/{pid}/ns/net").st_ino in wanted
            if not inside and marker:
                inside = marker in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        each = get(pid) if inside and pid != os.getpid() else None
        if each and each.alive:
            found.append(each)
    return found
