# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks what a QEMU that a guest has taken over can reach: its VM, and nothing else of the user."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any, Iterator, Optional

import pytest

from conftest import need
from guests import paused, refused, tiny
from lab import Lab
from vm import Account, home_directories, vmrun_argv, write_definition

pytestmark = pytest.mark.usefixtures("vmrun")

SUPPORT = Path(__file__).resolve().parents[1] / "support"


@pytest.fixture
def me(lab: Lab) -> Account:
    """A user with a key, another VM, and an agent."""
    user = lab.add_user()
    home = home_directories(lab.directory, user)[0]
    for each in (".ssh/id_ed25519", "data/vmrun/other/disk0.qcow2"):
        file = home / each
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("secret\n")
    give(home, user)
    return user


def give(directory: Path, user: Account) -> None:
    """Make everything in @directory the user's."""
    for root, _, files in os.walk(directory):
        for each in [Path(root), *(Path(root) / name for name in files)]:
            shutil.chown(each, user.uid, user.gid)


@pytest.fixture
def sockets(lab: Lab, me: Account) -> Iterator[tuple[str, str, str, int]]:
    """An agent, a program's abstract socket, a log, and a server, which listen on the laptop."""
    home = home_directories(lab.directory, me)[0]
    agent, log, name = home / "agent", home / "log", f"vmrun-test-{os.getpid()}"
    with lab.laptop.netns.socket(socket.AF_UNIX) as first, \
            lab.laptop.netns.socket(socket.AF_UNIX) as second, \
            lab.laptop.netns.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as third, \
            lab.laptop.netns.socket() as server:
        first.bind(str(agent))
        second.bind("\0" + name)
        third.bind(str(log))
        server.bind(("127.0.0.1", 0))
        for each in (first, second, server):
            each.listen()
        give(home, me)
        yield str(agent), name, str(log), server.getsockname()[1]


def tried(lab: Lab, me: Account, ways: list[tuple], **keys: Any) -> list[Optional[str]]:
    """The results of @ways in the QEMU of a VM of the user's; see hostileqemu.py."""
    qemu = {"binary": str(SUPPORT / "hostileqemu.py"), **keys.pop("qemu", {})}
    definition = tiny("mine", **{"network": "none", "qemu": qemu, **keys})
    vm = lab.start_vm(definition, wait=False, user=me, env={"HOSTILE": json.dumps(ways)})
    return json.loads(vm.wait_console(r"results: (\[.*\])")[1])


def test_files(lab: Lab, me: Account) -> None:
    """QEMU opens its disk. It opens no file of the user's, of other VMs or of the machine."""
    home = home_directories(lab.directory, me)[0]
    ways = [("read", f"{home}/.ssh/id_ed25519"), ("read", f"{home}/data/vmrun/other/disk0.qcow2"),
            ("list", str(home)), ("make", f"{home}/.bash_profile"), ("read", str(lab.directory)),
            ("remove", f"{home}/.ssh/id_ed25519"), ("read", "/etc/hostname"), ("list", "/tmp"),
            ("make", f"{home}/data/vmrun/mine/new")]
    assert tried(lab, me, ways, disks=[{"size": "1M"}]) == ["EACCES"] * len(ways)
    assert tried(lab, me, [("write", f"{home}/data/vmrun/mine/disk0.qcow2"), ("write", "/dev/null")],
                 disks=[{"size": "1M"}]) == [None] * 2
    assert (home / ".ssh" / "id_ed25519").exists()
    assert tried(lab, me, [("chmod", f"{home}/.ssh/id_ed25519")]) == ["EPERM"]


def test_sockets(lab: Lab, me: Account, sockets: tuple[str, str, str, int]) -> None:
    """QEMU connects to no program. With a network of its own it connects by TCP alone."""
    agent, name, log, port = sockets
    ways = [("unix", agent), ("abstract", name), ("datagram", log), ("tcp", port), ("bind", 0)]
    assert tried(lab, me, ways) == ["EPERM"] * 5
    ways = [("unix", agent), ("abstract", name), ("tcp", port), ("bind", 0)]
    assert tried(lab, me, ways, network="user") == ["EPERM"] * 2 + [None] * 2
    assert tried(lab, me, ways, display="vnc") == ["EPERM"] * 4


def test_processes(lab: Lab, me: Account) -> None:
    """QEMU neither traces nor signals a process of the user's, and has no call for an exploit."""
    with lab.laptop.netns.popen(["setpriv", f"--reuid={me.uid}", f"--regid={me.gid}",
                                 "--clear-groups", "sleep", "60"]) as other:
        ways = [("kill", 0), ("kill", other.pid), ("ptrace",), ("unshare",), ("mount",),
                ("io_uring",), ("keyctl",), ("type",), ("memory",)]
        assert tried(lab, me, ways) == ["EPERM"] * (len(ways) - 1) + ["EACCES"]
        other.kill()


def test_arguments(lab: Lab, me: Account, sockets: tuple[str, str, str, int]) -> None:
    """The files of 'qemu.args' and 'qemu.files' are QEMU's, and so is what the arguments may need
    of other programs."""
    home = home_directories(lab.directory, me)[0]
    (lab.directory / "extra.raw").write_text("x")
    (lab.directory / "logs").mkdir()
    (lab.directory / "listed").mkdir()
    for each in ("extra.raw", "logs", "listed"):
        give(lab.directory / each, me)
        shutil.chown(lab.directory / each, me.uid, me.gid)
    args = ["-drive", "file=extra.raw,if=none", "-D", "./logs/new.log", "-name", ".ssh,listed",
            "-pidfile", f"{home}/pid"]
    ways = [("write", "extra.raw"), ("make", "logs/new.log"), ("unix", sockets[0]),
            ("tcp", sockets[3]), ("io_uring",), ("make", "listed/new"),
            ("read", f"{home}/.ssh/id_ed25519"), ("make", f"{home}/pid")]
    assert tried(lab, me, ways, qemu={"args": args}) == [None] * 5 + ["EACCES"] * 3
    ways = [("make", "listed/new"), ("read", "extra.raw")]
    assert tried(lab, me, ways, qemu={"files": ["listed"]}) == [None, "EACCES"]


def test_denied(lab: Lab) -> None:
    """A QEMU that was denied a file leads to the key that allows it, which then helps."""
    (lab.directory / "log").mkdir()
    (lab.directory / "a=b.raw").write_bytes(bytes(1 << 20))
    disk = {"args": ["-blockdev", json.dumps({"driver": "file", "node-name": "extra",
                                              "filename": "a=b.raw"})]}
    status, said = refused(lab, paused(network="none", qemu=disk))
    assert status == 1 and "Permission denied" in said
    assert "add it or its directory to 'qemu.files'" in said
    vm = lab.start_vm(paused(network="none", qemu={"args": ["-S", *disk["args"]],
                                                   "files": ["a=b.raw"]}),
                      ["--verbose"], wait=False)
    vm.wait_stderr("starting -> running")
    assert vm.quit() == 131


# Lets landlock_create_ruleset(2) fail with ENOSYS, and runs the program that its arguments name.
WITHOUT = """
import ctypes, os, struct, sys
code = b"".join(struct.pack("HBBI", *each) for each in (
	(0x20, 0, 0, 0), (0x15, 0, 1, 444), (0x06, 0, 0, 0x50026), (0x06, 0, 0, 0x7fff0000)))
text = ctypes.create_string_buffer(code)
program = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", 4, ctypes.addressof(text)))
assert ctypes.CDLL(None).prctl(22, 2, program) == 0
os.execvp(sys.argv[1], sys.argv[1:])
"""


def test_without_landlock(lab: Lab, me: Account, sockets: tuple[str, str, str, int]) -> None:
    """On a kernel without Landlock VMs run, and what that means is said. The calls are limited."""
    def run(*arguments: str, **additions: str) -> subprocess.CompletedProcess:
        argv, env = vmrun_argv(lab.directory, arguments, me)
        return lab.laptop.netns.run([sys.executable, "-c", WITHOUT, *argv], check=False, timeout=60,
                                    env=os.environ | lab.laptop.netns.env | env | additions)

    ways = [("read", str(home_directories(lab.directory, me)[0] / ".ssh" / "id_ed25519")),
            ("unix", sockets[0]), ("ptrace",)]
    file = write_definition(lab.directory, tiny("mine", network="none", qemu={
        "binary": str(SUPPORT / "hostileqemu.py")}))
    done = run("--verbose", str(file), HOSTILE=json.dumps(ways))
    assert 'results: [null, "EPERM", "EPERM"]' in done.stdout
    assert "QEMU can open all of your files: this kernel has no Landlock" in done.stderr
    checks = json.loads(run("doctor", "--json").stdout)["checks"]
    found = next(each for each in checks if each["name"] == "sandbox")
    assert found["grade"] == "warn" and "no Landlock" in found["finding"]
    assert "Linux 5.13" in found["remedy"]


TPM = """#!/usr/bin/python3
import os, socket, sys
for path in sys.stdin.read().split() or {paths!r}:
	try:
		open(path).close()
		print(path, "is open")
	except OSError as error:
		print(path, error.strerror)
try:
	socket.socket(socket.AF_UNIX)
	print("socket made")
except OSError as error:
	print("socket", error.strerror)
os.kill(os.getppid(), 0)
"""


def test_tpm(lab: Lab, me: Account) -> None:
    """swtpm reads its own state, and talks to nobody."""
    need("swtpm")
    home = home_directories(lab.directory, me)[0]
    tools = lab.directory / "tools"
    tools.mkdir()
    own = home / "data" / "vmrun" / "mine" / "tpm"
    own.mkdir(parents=True)
    (own / "state").write_text("x")
    give(home, me)
    (tools / "swtpm").write_text(TPM.format(paths=[f"{home}/.ssh/id_ed25519", f"{own}/state"]))
    (tools / "swtpm").chmod(0o755)
    _, said = refused(lab, paused("mine", network="none", machine={"tpm": True}, disks=[
        {"size": "1M"}]), user=me, env={"PATH": f"{tools}:{os.environ['PATH']}"})
    assert "id_ed25519 Permission denied" in said and "tpm/state is open" in said
    assert "socket Operation not permitted" in said
    assert "PermissionError" in said, "no signal to vmrun"
