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
from vm import vmrun_argv

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


def attach(lab: Lab, *command: str) -> tuple[subprocess.Popen, Output]:
    argv, env = vmrun_argv(lab.directory, command or ("console", "tiny"))
    process = lab.laptop.netns.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.DEVNULL,
                                     env=os.environ | lab.laptop.netns.env | env)
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


def test_named_by_file_or_not_at_all(lab: Lab, started: Path) -> None:
    """A VM is what its definition is, too; without a name, the running VMs are offered."""
    assert json.loads(lab.vmrun("status", "--json", str(started)).stdout)["name"] == "tiny"
    assert lab.vmrun("log", str(started)).returncode == 0
    for command in ("stop", "status", "console", "ssh", "log", "pause"):
        done = lab.vmrun(command)
        assert done.returncode == 2 and f"\nvmrun {command} tiny\n" in done.stderr
    assert lab.vmrun("stop", "--now", str(started)).returncode == 0
    assert lab.vmrun("ps").stdout == ""


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


def test_ways_out_of_the_console(lab: Lab, started: Path) -> None:
    """Keys near to them are the guest's: `~` in a line, `~~`, and Ctrl-] with another key."""
    for options, typed in (([], b"\r\x1b[12;9R~."), ([], b"\x1d"), (["--escape=^T"], b"\x14"),
                           (["-e", "none"], b"\r~.")):
        ours, theirs = os.openpty()
        argv, env = vmrun_argv(lab.directory, ["console", *options, str(started)])
        process = lab.laptop.netns.popen(argv, stdin=theirs, stdout=theirs, stderr=theirs,
                                         env=os.environ | lab.laptop.netns.env | env)
        os.close(theirs)
        terminal = Output(os.dup(ours), "the terminal")
        terminal.wait_for("tiny:.*# ", 60)
        nonce = str(process.pid)  # the console's last lines are shown first
        for line, answer in ((f"echo a''{nonce} ~. x~.\r", f"^a{nonce} ~. x~.\r?$"),
                             (f"~~q{nonce}\r", f"[^~]~q{nonce}: not found"),
                             (f"~x; echo b''{nonce}\r", f"^b{nonce}\r?$")):
            os.write(ours, line.encode())
            terminal.wait_for(answer, 10)
        if options:
            os.write(ours, f"\x1d\recho c''{nonce}\r".encode())
            terminal.wait_for(f"^c{nonce}\r?$", 10)
        os.write(ours, typed)
        assert process.wait(10) == 0
        terminal.wait_for("vmrun: detached; the VM keeps running", 10)
        os.close(ours)


def test_log_is_followed(lab: Lab, started: Path) -> None:
    """To the end of the VM, and beyond a change of the log's file."""
    process, lines = attach(lab, "logs", "-f", "tiny")
    lines.wait_for("Type 'poweroff' to end it", 60)
    log = lab.directory / "home-0" / "state" / "vmrun" / "tiny" / "log"
    log.rename(log.with_name("log.1"))
    log.write_text("of the next file\n")
    lines.wait_for("^of the next file$", 10)
    assert lab.vmrun("stop", "--now", "tiny").returncode == 0
    assert process.wait(10) == 0


def test_ssh_says_why_it_waits(lab: Lab, started: Path) -> None:
    """No server, no answer, a paused VM, the end of the VM: each in its own words."""
    address = status(lab)["address"]
    lab.phone.ping(address, 60)
    done = lab.vmrun("ssh", "--timeout=2", str(started), "uptime")
    assert done.returncode == 1 and done.stderr.splitlines()[1] == (
        f"vmrun: the SSH server at {address} does not answer yet: "
        "connection refused: no SSH server yet")
    assert "\x1b" not in done.stderr, "it is no terminal"
    assert lab.vmrun("pause", "tiny").returncode == 0
    done = lab.vmrun("ssh", "tiny")
    assert done.returncode == 1 and done.stderr.endswith(
        "vmrun: VM 'tiny' is paused: by 'vmrun pause'\nvmrun resume tiny\n")
    assert lab.vmrun("resume", "tiny").returncode == 0
    waiting, _ = attach(lab, "ssh", "tiny")
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.wait(2)
    assert lab.vmrun("stop", "--now", "tiny").returncode == 0
    assert waiting.wait(10) == 1


def test_detached_wait_for_ssh_ends(lab: Lab) -> None:
    """When the VM is paused, after --timeout, and at the end of the VM; only that ends the VM. The
    process that waits has given up root."""
    me = lab.add_user()
    path = write(lab, tiny("tiny"))
    stop = ["stop", "--now", "tiny"]
    for how, command, message in (
            (["--timeout=2"], [], "the VM keeps running; look at its console or its log\n"),
            ([], ["pause", "tiny"],
             "vmrun: VM 'tiny' is paused: by 'vmrun pause'\nvmrun resume tiny\n"),
            ([], stop, "vmrun: the VM has ended\n")):
        vm = lab.start_vm(path, ["--wait=ssh", *how], wait=False, user=me, sudo=True)
        vm.wait_stderr("waiting for the SSH server", 30)
        if command:
            assert vm.alive and lab.vmrun(*command, user=me).returncode == 0
        assert vm.wait(10) == 1 and vm.stderr.text.endswith(message)
        if command != stop:
            assert lab.vmrun(*stop, user=me).returncode == 0, "it ran"
    for options in (["--timeout=2"], ["-d", "--timeout=2"], ["--wait=lan", "--timeout=2"]):
        done = lab.vmrun("run", *options, str(path))
        assert done.returncode == 2 and "'--timeout' of 'vmrun run' needs '--wait=ssh'" in done.stderr


def test_name_where_a_file_is_needed(lab: Lab, started: Path) -> None:
    """The commands for the running VM are offered, or its file; a file of this
    name is read."""
    done = lab.vmrun("run", "--as-root", "tiny", cwd=lab.directory)
    assert done.returncode == 3 and done.stderr == (
        "vmrun: cannot read 'tiny': no such file; a VM of this name is running\n"
        "vmrun ssh tiny\nvmrun console tiny\nvmrun status tiny\n")
    for command in ("check", "print", "lock", "fetch"):
        done = lab.vmrun(command, "tiny", cwd=lab.directory)
        assert done.returncode == 3 and done.stderr.endswith(f"it was started from '{started}'\n")
    started.rename(lab.directory / "tiny")
    assert lab.vmrun("check", "tiny", cwd=lab.directory).returncode == 0


def test_vm_of_the_system_needs_root(lab: Lab) -> None:
    """Each command is named as it works; not for a VM that nobody runs."""
    (lab.run_dir / "vmrun-vms" / "web" / "vmrun" / "web").mkdir(parents=True)
    for command in ("log", "console", "ssh", "status", "stop", "pause", "resume"):
        done = lab.vmrun(command, "web", user="nobody")
        assert done.returncode == 1 and done.stderr.endswith(
            f"\nthe system has a VM of this name: sudo vmrun {command} web\n")
        assert "sudo" not in lab.vmrun(command, "other", user="nobody").stderr


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
