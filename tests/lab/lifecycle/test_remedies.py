# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks that a start that fails because of the host names the cause and what helps."""

import os
import re
from pathlib import Path

import pytest

from guests import paused, refused, tiny
from lab import Lab

pytestmark = pytest.mark.usefixtures("vmrun")


def test_memory_beyond_the_host(lab: Lab) -> None:
    status, said = refused(lab, paused(memory="15T"))
    assert status == 1
    assert re.search(r"lower 'memory' \(15728640M\): of this host's \d+M are \d+M free", said)


@pytest.mark.parametrize("arguments", [["-netdev", "bridge,id=b0"], ["-daemonize"]])
def test_sandbox(lab: Lab, arguments: list[str]) -> None:
    status, said = refused(lab, paused(qemu={"args": arguments}))
    assert status == 1 and "signal 31" not in said
    assert "sandbox" in said and "remove from 'qemu.args' what starts one" in said


def test_paths_in_arguments_start_from_the_definition(lab: Lab) -> None:
    (lab.directory / "extra.raw").write_bytes(bytes(1 << 20))
    drive = ["-drive", "file=extra.raw,format=raw,if=none,id=extra"]
    vm = lab.start_vm(paused(qemu={"args": ["-S", *drive]}))
    assert os.readlink(f"/proc/{vm.qemu.pid}/cwd") == str(lab.directory.resolve())
    assert vm.quit() == 131


def test_port_in_use(lab: Lab) -> None:
    with lab.laptop.netns.socket() as taken:
        taken.bind(("127.0.0.1", 2222))
        taken.listen()
        network = {"type": "user", "ports": ["2222:22"]}
        status, said = refused(lab, paused(network=network))
    assert status == 1
    name = Path("/proc/self/comm").read_text().strip()
    assert f"'{name}' (pid {os.getpid()}) has this port: end it, or take another port" in said


def test_list_shows_the_state_of_the_lan(lab: Lab) -> None:
    vm = lab.start_vm(tiny())
    assert lab.vmrun("list").stdout.splitlines()[1].split()[3] == "up"
    lab.laptop.carrier_off()
    vm.wait_stderr("off the LAN")
    row = lab.vmrun("list").stdout.splitlines()[1]
    assert row.split()[3] == "away" and row.endswith("no usable uplink")
