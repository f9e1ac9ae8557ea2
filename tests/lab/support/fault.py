# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs tests/fault/killat on labs of its own, in as many processes as there are processors."""

import os
import subprocess
from contextlib import ExitStack
from typing import Any, Iterator

import pytest

import guests
import vm
from firewalls import Firewall, clear
from hoststate import settle
from lab import Lab

PARTS = max(2, len(os.sched_getaffinity(0)))


def tool(name: str) -> str:
    """The path of one of tests/fault's programs, beside the program under test."""
    path = vm.binary().parent / "tests" / name
    if not os.access(path, os.X_OK):
        pytest.skip(f"needs {path}")
    return str(path)


def sanitized() -> bool:
    """True if the program under test was built with the sanitizers."""
    return b"__asan_init" in vm.binary().read_bytes()


def standing_in(name: str = "tiny", life: int = 60, **keys: Any) -> dict:
    """A VM whose QEMU is the stand-in, which powers off after @life milliseconds."""
    path = {"path": guests.data_path} if guests.data_path else {}
    return {"name": name, "machine": {"accel": "tcg"}, "console": "socket",
            "boot": {"kernel": str(guests.TINY / "init"), "cmdline": "none"},
            "network": {"probe": "none", "promiscuous": "on"} | path,
            "qemu": {"binary": tool("standin"), "args": ["-life", str(life)]}} | keys


def run(mode: str, definition: dict, *, user: str = "", errors: str = "0", sample: int = 1,
        firewall: str = "", timeout: float = 900) -> Iterator[list[str]]:
    """The fields of each line that killat says, of all parts. @errors: "all", or with which of its
    errors the first step of each call fails; the next one fails with the next. @sample: so many
    times fewer steps are tried. @firewall: a shell script that makes rules."""
    with ExitStack() as stack:
        running, labs = [], []
        for part in range(PARTS):
            lab = stack.enter_context(Lab())
            before = lab.snapshot()
            stack.enter_context(Firewall(lab, firewall or "true"))
            me = lab.add_user() if user else None
            argv, env = vm.vmrun_argv(lab.directory, [], me, bool(user))
            file = vm.write_definition(lab.directory, definition)
            other = vm.write_definition(lab.directory, standing_in("other", 1))
            last = [str(other)] if mode != "fail" else [str(lab.directory / "said"), errors]
            out = open(lab.directory / "table", "w+", encoding="utf-8")
            stack.callback(out.close)
            env = os.environ | lab.laptop.netns.env | env
            process = lab.laptop.netns.popen(
                [tool("killat"), mode, str(part), str(PARTS * sample), argv[0], str(file), *last],
                env=env, stdout=out, stderr=subprocess.STDOUT)
            stack.callback(process.kill)
            running.append((process, out))
            labs.append((lab, before))
        for process, out in running:
            status = process.wait(timeout)
            out.seek(0)
            said = out.read()
            assert status == 0, f"killat exited with {status}: {said[-2000:]}"
            yield from (line.split("\t") for line in said.splitlines())
        for lab, before in labs:
            if mode == "fail":
                # Directories that are empty; the next VM's start and end remove them.
                lab.start_vm(standing_in(life=1)).wait()
                lab.vmrun("clean", check=True)
            clear(lab)
            changes = settle(before, lab.snapshot)
            if changes:
                yield ["left", "\n".join(changes)]
            assert lab.leftovers() == []
