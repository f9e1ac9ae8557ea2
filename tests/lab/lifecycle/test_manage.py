# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands for VMs that run: run --detach, list, status, stop, console, log, ssh."""

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path
from typing import Any, Iterator

import pytest
import yaml

from guests import paused, tiny
from lab import Lab
from output import Output

SUM = "echo $((6*7*1000+1))\n"
ANSWER = r"^42001\r?$"


@pytest.fixture
def started(lab: Lab) -> Iterator[Path]:
    """A small guest that runs in the background, and is stopped in the end."""
    path = write(lab, tiny("tiny"))
    done = lab.vmrun("run", "--detach", str(path))
    assert done.returncode == 0, done.stderr
    yield path
    lab.vmrun("stop", "--now", "tiny")


def write(lab: Lab, definition: dict) -> Path:
    path = lab.directory / f"{definition['name']}.yaml"
    path.write_text(yaml.safe_dump(definition))
    return path


def status(lab: Lab, name: str = "tiny") -> dict[str, Any]:
    done = lab.vmrun("status", "--json", name)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def attach(lab: Lab) -> tuple[subprocess.Popen, Output]:
    process = lab.laptop.netns.popen(
        [os.environ.get("VMRUN", "build/vmrun"), "console", "tiny"], stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=os.environ | lab.laptop.netns.env | {"XDG_RUNTIME_DIR": "/run/user/0"})
    return process, Output.of(process.stdout, "an attached console")


def test_paused(lab: Lab, started: Path) -> None:
    """The guest stands still until it is told to go on, also to power off."""
    facts = status(lab)
    lab.phone.ping(facts["address"], 60)
    for _ in range(2):
        assert lab.vmrun("pause", "tiny").returncode == 0
        facts = status(lab)
        assert facts["state"] == "paused" and facts["state-reason"] == "by 'vmrun pause'"
        assert not lab.phone.ping_once(facts["address"], 0.5)
    assert lab.vmrun("list").stdout.splitlines()[1].endswith(" s  by 'vmrun pause'")
    assert lab.vmrun("resume", "tiny").returncode == 0
    assert status(lab)["state"] == "running" and status(lab)["state-reason"] is None
    assert lab.phone.ping(facts["address"], 10)
    assert lab.vmrun("resume", "tiny").returncode == 0, "which it is already"

    assert lab.vmrun("pause", "tiny").returncode == 0
    began = time.monotonic()
    assert lab.vmrun("stop", "tiny").returncode == 0
    assert time.monotonic() - began < 30, "it was powered off, not ended"
    for command in ("pause", "resume"):
        done = lab.vmrun(command, "tiny")
        assert done.returncode == 1 and done.stderr.startswith("vmrun: VM 'tiny' is not running")


def test_detached(lab: Lab, started: Path) -> None:
    facts = status(lab)
    assert facts["name"] == "tiny" and facts["state"] == "running" and facts["lan"] == "up"
    assert facts["uplink"] == "wlan0" and facts["dns"] == ["192.168.77.1"]
    assert facts["definition"] == str(started)
    lab.phone.ping(facts["address"], 60)

    listed = json.loads(lab.vmrun("list", "--json").stdout)
    assert [each["address"] for each in listed] == [facts["address"]]
    table = lab.vmrun("list").stdout.splitlines()
    assert table[0].split()[:2] == ["NAME", "ADDRESS"]
    assert table[1].split()[:2] == ["tiny", facts["address"]]

    again = lab.vmrun("run", "--detach", str(started))
    assert again.returncode == 1
    assert f"pid {facts['pid']}, {facts['address']}" in again.stderr

    assert lab.vmrun("stop", "tiny").returncode == 0
    assert not list((lab.run_dir / "user" / "0" / "vmrun").iterdir())
    assert lab.vmrun("list").stdout == ""
    assert "power button, going down" in lab.vmrun("log", "tiny").stdout


def test_place_is_told_however_late(lab: Lab) -> None:
    """A user who detaches gets the VM's address even if the VM runs before that on a busy machine;
    later messages go to the log."""
    vm = lab.start_vm(write(lab, paused()), ["--detach"], wait=False)
    vm.signal(signal.SIGSTOP)
    deadline = time.monotonic() + 20
    while lab.vmrun("status", "tiny").returncode and time.monotonic() < deadline:
        time.sleep(0.05)
    time.sleep(0.3)
    vm.signal(signal.SIGCONT)
    assert vm.wait(10) == 0
    assert vm.stderr.text.startswith("vmrun: tiny: 192.168.77.")
    assert lab.vmrun("stop", "--now", "tiny").returncode == 0
    assert "192.168.77." not in lab.vmrun("log", "tiny").stdout


def test_console_has_several_readers(lab: Lab, started: Path) -> None:
    first, one = attach(lab)
    one.wait_for("Type 'poweroff' to end it", 60)
    second, two = attach(lab)
    two.wait_for("Type 'poweroff' to end it", 10)  # the text from before it was attached
    first.stdin.write(SUM.encode())
    first.stdin.flush()
    one.wait_for(ANSWER, 10)
    two.wait_for(ANSWER, 10)
    second.stdin.write(b"\x1d")  # Ctrl-]
    second.stdin.flush()
    assert second.wait(10) == 0
    first.stdin.write(SUM.encode())
    first.stdin.flush()
    assert lab.vmrun("stop", "tiny").returncode == 0
    assert first.wait(10) == 0, "the console ends with the VM"
    assert len(re.findall(ANSWER, one.text, re.MULTILINE)) == 2


def test_stop_now_and_in_time(lab: Lab) -> None:
    path = write(lab, tiny("tiny", words="tiny.nobutton"))
    for options in (["--now"], ["--timeout=1"]):
        assert lab.vmrun("run", "--detach", str(path)).returncode == 0
        assert lab.vmrun("stop", *options, "tiny", timeout=30).returncode == 0
        assert lab.vmrun("status", "tiny").returncode == 1


def test_stop_is_not_waited_for(lab: Lab) -> None:
    """Ctrl-C ends the wait, not the VM, which goes on to stop."""
    path = write(lab, tiny("tiny", words="tiny.nobutton"))
    assert lab.vmrun("run", "--detach", str(path)).returncode == 0
    stop = lab.laptop.netns.popen(
        [os.environ.get("VMRUN", "build/vmrun"), "stop", "tiny"], stderr=subprocess.PIPE,
        text=True, env=os.environ | lab.laptop.netns.env | {"XDG_RUNTIME_DIR": "/run/user/0"})
    try:
        with pytest.raises(subprocess.TimeoutExpired):
            stop.wait(1)
        stop.send_signal(signal.SIGINT)
        assert stop.communicate(timeout=10)[1] == (
            "vmrun: tiny: waiting for the guest to power off\n"
            "vmrun: tiny: still stopping\n")
        assert stop.returncode == 128 + signal.SIGINT
        assert status(lab)["name"] == "tiny"
    finally:
        assert lab.vmrun("stop", "--now", "tiny", timeout=30).returncode == 0


def test_who_waits_sees_the_failure(lab: Lab) -> None:
    path = write(lab, paused("tiny", machine={"type": "nonsense"}))
    done = lab.vmrun("run", "--detach", str(path))
    assert done.returncode == 1
    assert "unsupported machine type" in done.stderr, "QEMU's own message"
    lab.laptop.remove_default_route()
    assert lab.vmrun("run", "--detach", str(path)).returncode == 5
    assert lab.vmrun("list").stdout == ""


def test_not_running(lab: Lab) -> None:
    for command in ("status", "stop", "console", "ssh"):
        done = lab.vmrun(command, "nobody-here")
        assert done.returncode == 1, command
        assert "VM 'nobody-here' is not running" in done.stderr
    assert lab.vmrun("status", "../etc").returncode == 2
    assert lab.vmrun("stop").returncode == 2
    assert lab.vmrun("list", "tiny").returncode == 2


def test_stdio_console_cannot_be_attached(lab: Lab) -> None:
    vm = lab.start_vm(paused())
    done = lab.vmrun("console", "tiny")
    assert done.returncode == 1 and "stdio" in done.stderr and "--detach" in done.stderr
    assert status(lab)["pid"] == vm.pid
    vm.signal(signal.SIGQUIT)
    vm.wait()


def test_another_user_has_its_own(lab: Lab, started: Path) -> None:
    """Nobody sees, or stops, what another user runs."""
    assert lab.vmrun("list", user="nobody").stdout == ""
    assert lab.vmrun("stop", "tiny", user="nobody").returncode == 1
    assert status(lab)["state"] == "running"
