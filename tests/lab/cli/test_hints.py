# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks what vmrun prints at a terminal, and only there: how to use a VM, and a question."""

import os
import pty
from pathlib import Path

import pytest

from guests import paused
from lab import Lab
from output import Output
from vm import vmrun_argv, write_definition

pytestmark = pytest.mark.usefixtures("vmrun")


def at_terminal(lab: Lab, *arguments: str, typed: str = "") -> tuple[int, str]:
    """Run vmrun with a terminal as standard input, output and error: exit status and output."""
    ours, theirs = pty.openpty()
    argv, env = vmrun_argv(lab.directory, arguments)
    started = lab.exec(argv, stdin=theirs, stdout=theirs, stderr=theirs,
                       env=os.environ | lab.laptop.netns.env | env)
    os.close(theirs)
    shown = Output(os.dup(ours), "the terminal")
    if typed:
        shown.wait_for(r"\[y/N\] ", 10)
        os.write(ours, typed.encode())
    status = started.wait(60)
    os.close(ours)
    shown.wait_end()
    return status, shown.text.replace("\r\n", "\n")


def test_after_the_start(lab: Lab) -> None:
    """Which key was made, how to log in, how to leave the console, and why it is slow."""
    path = str(write_definition(lab.directory, paused(**{"cloud-init": {}})))
    status, shown = at_terminal(lab, "--detach", path)
    assert status == 0
    key = lab.directory / "home-0" / "data" / "vmrun" / "tiny" / "id_ed25519"
    assert f"vmrun: tiny: made an SSH key for it: {key}\n" in shown
    assert "vmrun: tiny: log in: vmrun ssh tiny\n" in shown
    assert "vmrun: tiny: console: vmrun console tiny (Ctrl-] leaves it)\n" in shown
    kvm = os.access("/dev/kvm", os.R_OK | os.W_OK)
    assert kvm or "vmrun: tiny: the guest is emulated without KVM" in shown

    stopped = lab.vmrun("stop", "--now", "tiny")
    assert stopped.returncode == 0
    assert stopped.stderr == "vmrun: tiny: waiting for QEMU to quit\n"
    # In a script: nothing of it.
    quiet = lab.vmrun("--detach", path)
    assert quiet.returncode == 0 and len(quiet.stderr.splitlines()) == 1, quiet.stderr
    assert lab.vmrun("stop", "--now", "tiny").returncode == 0


@pytest.fixture
def overlay(lab: Lab) -> Path:
    """The overlay of a VM 'web'."""
    path = lab.directory / "home-0" / "data" / "vmrun" / "web" / "disk0.qcow2"
    path.parent.mkdir(parents=True)
    (path.parent / "lock").touch()
    path.touch()
    return path


@pytest.mark.parametrize("typed", ["\n", "n\n", "\x04"])
def test_reset_is_refused(lab: Lab, overlay: Path, typed: str) -> None:
    status, shown = at_terminal(lab, "reset", "web", typed=typed)
    assert status == 1 and f"rm {overlay}\nremove all that 'web' has written? [y/N] " in shown
    assert shown.endswith("vmrun: web: nothing was removed\n") and overlay.exists()


def test_reset_is_confirmed(lab: Lab, overlay: Path) -> None:
    status, shown = at_terminal(lab, "reset", "web", typed="y\n")
    assert status == 0 and shown.count("rm ") == 1 and not overlay.exists()
    status, shown = at_terminal(lab, "reset", "web")
    assert (status, shown) == (0, "vmrun: web: nothing to remove\n")


def test_reset_does_not_ask(lab: Lab, overlay: Path) -> None:
    status, shown = at_terminal(lab, "reset", "-y", "web")
    assert status == 0 and "[y/N]" not in shown and not overlay.exists()
    overlay.touch()
    assert lab.vmrun("reset", "web").returncode == 0, "no terminal, no question"
    assert not overlay.exists()
