# SPDX-License-Identifier: GPL-2.0-or-later
"""A guest with a real QEMU guest agent: what status shows of it, and that stop uses it."""

import json
import re
import shutil
import subprocess
import time
from pathlib import Path

import pytest

from conftest import need
from guests import boot, tiny
from lab import Lab

pytestmark = pytest.mark.usefixtures("vmrun")

START = r"""
for port in /sys/class/virtio-ports/*; do
	[ "$(cat "$port/name")" = org.qemu.guest_agent.0 ] && device=/dev/${port##*/}
done
/usr/sbin/qemu-ga --daemonize --path="$device" --pidfile=/run/ga.pid --statedir=/run \
	</dev/null >/run/ga.log 2>&1 || cat /run/ga.log
"""


def with_agent(lab: Lab, initrd: str) -> Path:
    """The small guest's initial RAM disk and a second archive behind it, with the agent."""
    root = lab.directory / "agent"
    program = shutil.which("qemu-ga", path="/usr/sbin:/usr/bin")
    libraries = re.findall(r"(/\S+) \(0x", subprocess.run(
        ["ldd", program], check=True, capture_output=True, text=True).stdout)
    for file in (program, *libraries):
        target = root / file.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, target)
    (root / "etc").mkdir()
    (root / "etc" / "os-release").write_text('ID=tiny\nPRETTY_NAME="Tiny \x1b[31mLinux"\n')
    (root / "sbin").mkdir()
    (root / "sbin" / "shutdown").write_text("#!/bin/sh\nexec /bin/poweroff\n")
    (root / "sbin" / "shutdown").chmod(0o755)
    names = "\n".join(sorted(str(each.relative_to(root)) for each in root.rglob("*")))
    archive = subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=root, input=names.encode(),
                             check=True, capture_output=True).stdout
    path = lab.directory / "initrd-agent.img"
    path.write_bytes(Path(initrd).read_bytes() + archive)
    return path


def status(lab: Lab) -> dict:
    return json.loads(lab.vmrun("status", "--json", "tiny").stdout)


def test_agent(lab: Lab) -> None:
    need("qemu-ga", "cpio")
    definition = tiny(words="tiny.nobutton", **{"shutdown-timeout": "50s"})
    definition["boot"]["initrd"] = str(with_agent(lab, definition["boot"]["initrd"]))
    vm, guest = boot(lab, definition)
    facts = status(lab)
    assert facts["agent-connected"] is False and facts["agent"] is None
    assert guest.sh(START) == ""
    deadline = time.monotonic() + 20
    while not (facts := status(lab))["agent-connected"]:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    agent = status(lab)["agent"]
    assert re.match(r"\d+\.\d+", agent["version"])
    assert agent["hostname"] == "tiny"
    assert agent["os"] == "Tiny ?[31mLinux", "nothing of the guest's acts on a terminal"
    assert agent["kernel"] == guest.sh("uname -r")
    card, = agent["interfaces"]
    assert card["mac"] == guest.mac and f"{vm.address}/24" in card["addresses"]
    shown = lab.vmrun("status", "tiny").stdout
    assert re.search(rf"^agent-card +eth0 {guest.mac} .*{vm.address}/24", shown, re.MULTILINE)

    # A guest that does not hear its power button.
    began = time.monotonic()
    assert lab.vmrun("stop", "tiny").returncode == 0
    assert vm.wait() == 0 and time.monotonic() - began < 30


def test_silent_agent(lab: Lab) -> None:
    """A program of the guest that has the channel open and says nothing costs the command its time,
    and the VM nothing."""
    vm, guest = boot(lab)
    guest.sh("(sleep 1000 <>$(ls /dev/vport*p1)) >/dev/null 2>&1 & sleep 1")
    began = time.monotonic()
    done = lab.vmrun("status", "--json", "tiny")
    assert 2.5 < time.monotonic() - began < 15
    facts = json.loads(done.stdout)
    assert facts["agent-connected"] is True and facts["agent"] is None
    assert "tiny: the guest agent does not answer" in done.stderr
    assert lab.vmrun("list").returncode == 0
    assert vm.stop() == 0
