# SPDX-License-Identifier: GPL-2.0-or-later
"""vm.py, tried on a stand-in for vmrun that says the same lines and has the same children."""

import pwd
import shutil
import signal
from pathlib import Path

import pytest
import yaml

from lab import Lab

STAND_IN = r"""#!/bin/sh
# Says what vmrun says; its children bear the names of QEMU and the helper.
set -eu
here=$(dirname "$0")
for last; do :; done
case $1 in
--fail) echo "vmrun: cannot do it: Operation not permitted" >&2; exit 4 ;;
doctor) echo "uid $(id -u) sudo ${SUDO_USER:-none} home $HOME $*"; exit 0 ;;
--deaf) trap '' TERM QUIT ;;
*) trap 'kill $qemu $netsetup; wait || :; echo bye; exit 0' TERM QUIT ;;
esac
"$here/qemu-system-x86_64" 1000 & qemu=$!
"$here/vmrun-netsetup" 1000 & netsetup=$!
echo "vmrun: starting" >&2
echo "vmrun: tiny: 192.168.77.10/24 on wlan0 (SSID my home), gateway 192.168.77.1, dns \
192.168.77.1 192.0.2.53, tap vmr-tiny" >&2
echo "login on $([ -t 0 ] && echo a terminal || echo a pipe)"
while read -r line; do echo "you said $line"; done
wait
"""


@pytest.fixture
def stand_in(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The stand-in in the lab's directory, as the program under test."""
    path = lab.directory / "bin" / "vmrun"
    path.parent.mkdir()
    path.write_text(STAND_IN)
    path.chmod(0o755)
    for name in ("qemu-system-x86_64", "vmrun-netsetup"):
        shutil.copy("/bin/sleep", path.parent / name)
    monkeypatch.setenv("VMRUN", str(path))
    return path


@pytest.mark.parametrize("console", ["pipe", "pty"])
def test_running_vm(lab: Lab, stand_in: Path, console: str) -> None:
    machine = lab.start_vm({"name": "tiny", "memory": "256M"}, console=console)
    assert yaml.safe_load(machine.file.read_text()) == {"name": "tiny", "memory": "256M"}
    assert (machine.name, machine.address, machine.prefix) == ("tiny", "192.168.77.10", "24")
    assert (machine.uplink, machine.ssid) == ("wlan0", "my home")
    assert (machine.gateway, machine.tap) == ("192.168.77.1", "vmr-tiny")
    assert machine.dns == ["192.168.77.1", "192.0.2.53"]
    assert machine.qemu.name == "qemu-system-x86"
    assert machine.child("vmrun-netsetup").cmdline[1:] == ["1000"]
    assert machine.wait_console("login on a (.*)", 5)[1].startswith(
        {"pipe": "pipe", "pty": "terminal"}[console])
    machine.send("hello\n")
    machine.wait_console("you said hello", 5)
    assert {machine.pid, machine.qemu.pid} <= {each.pid for each in lab.leftovers()}


def test_graceful_stop(lab: Lab, stand_in: Path) -> None:
    with lab.start_vm({"name": "tiny"}) as machine:
        assert machine.alive
        assert machine.stop(5) == 0
    assert "bye" in machine.console.lines
    assert not machine.alive and lab.leftovers() == []


def test_vm_that_does_not_listen_is_ended(lab: Lab, stand_in: Path) -> None:
    machine = lab.start_vm({"name": "tiny"}, ["--deaf"])
    qemu = machine.qemu
    machine.child("vmrun-netsetup").signal(signal.SIGKILL)  # close() leaves it its undoing
    machine.close(patience=0.2)
    assert machine.wait() == 128 + signal.SIGKILL
    assert not qemu.alive


def test_children_outlive_a_killed_vmrun_in_our_books(lab: Lab, stand_in: Path) -> None:
    machine = lab.start_vm({"name": "tiny"})
    qemu = machine.qemu
    machine.signal(signal.SIGKILL)
    assert machine.wait() == 137
    assert qemu.alive and machine.qemu == qemu
    machine.child("vmrun-netsetup").signal(signal.SIGKILL)
    machine.close()
    assert not qemu.alive


def test_failing_start(lab: Lab, stand_in: Path) -> None:
    with pytest.raises(RuntimeError, match=r"exited with 4(.|\n)*Operation not permitted"):
        lab.start_vm({"name": "tiny"}, ["--fail"])
    with pytest.raises(TimeoutError, match="never"):
        lab.start_vm({"name": "tiny"}).wait_stderr("never", 0.1)


@pytest.mark.parametrize("user, sudo, expected", [
    (None, False, "uid 0 sudo none"), ("nobody", True, "uid 0 sudo nobody"),
    ("nobody", False, f"uid {pwd.getpwnam('nobody').pw_uid} sudo none")])
def test_users(lab: Lab, stand_in: Path, user: str, sudo: bool, expected: str) -> None:
    done = lab.vmrun("doctor", "--json", user=user, sudo=sudo)
    assert done.returncode == 0 and done.stdout.startswith(expected)
    assert done.stdout.endswith(" doctor --json\n") and str(lab.directory) in done.stdout
