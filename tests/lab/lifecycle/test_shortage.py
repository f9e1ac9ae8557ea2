# SPDX-License-Identifier: GPL-2.0-or-later
"""A host that lacks something: told plainly, with the right exit status, and nothing left."""

import hashlib
import json
import os
import re
import signal
import subprocess

import pytest
import yaml

from guests import paused, tiny
from lab import Lab
from netns import run
from output import Output
from station import guest_sh
from vm import vmrun_argv

# The change to the machine, in vmrun's own mount namespace; the exit status; the message.
SHORTAGES = {
    "no /dev/net/tun": ("mount -t tmpfs none /dev/net", 1, "cannot open '/dev/net/tun'"),
    "full /run": ("mount -t tmpfs -o size=4k,nr_inodes=2 none /run && head -c 4096 /dev/zero >/run/x",
                  1, "/run"),
    "read-only /run": ("mount -t tmpfs -o ro none /run", 1, "/run"),
    "no /proc/sys to write": ("mount -o bind /proc/sys /proc/sys && "
                              "mount -o remount,bind,ro /proc/sys", 1, "/proc/sys/net"),
}


SIZE = 32 << 20  # bytes that the guest writes; its overlay has room for 8 MiB at first


def run_with(lab: Lab, script: str, definition: dict) -> subprocess.CompletedProcess:
    """vmrun on a laptop to which @script was done."""
    file = lab.directory / "short.yaml"
    file.write_text(yaml.safe_dump(definition))
    argv, env = vmrun_argv(lab.directory, [str(file)])
    return lab.laptop.netns.run(
        ["unshare", "--mount", "sh", "-c", f"{script} && exec \"$@\"", "-", *argv], check=False,
        timeout=60, env=os.environ | lab.laptop.netns.env | env)


@pytest.mark.parametrize("name", SHORTAGES)
def test_shortage(lab: Lab, name: str) -> None:
    script, status, message = SHORTAGES[name]
    done = run_with(lab, script, paused("short"))
    assert done.returncode == status, done.stderr
    assert done.stderr.startswith("vmrun: ") and message in done.stderr


@pytest.mark.parametrize("directory, message", [
    ("/run/user/0", "cannot make directory '/run/user/0/vmrun': Read-only file system"),
    ("{home}/data", "cannot make directory '{home}/data/vmrun': Read-only file system"),
    ("{home}/cache", "cannot make directory '{home}/cache/vmrun': Read-only file system"),
], ids=["runtime", "data", "cache"])
def test_read_only_directory(lab: Lab, directory: str, message: str) -> None:
    """As of a system whose root is read-only: the runtime files, a disk's overlay, an image's copy."""
    home = lab.directory / "home-0"
    image = lab.directory / "disk.raw"
    image.write_bytes(b"")
    os.truncate(image, 1 << 20)
    url = {"image": image.as_uri(), "sha256": hashlib.sha256(bytes(1 << 20)).hexdigest()}
    disk = url if directory.endswith("cache") else {"image": str(image)}
    path = directory.format(home=home)
    script = f"mkdir -p {path} && mount -t tmpfs -o ro,mode=700 none {path}"
    done = run_with(lab, script, paused("short", disks=[disk]))
    assert done.returncode == 1, done.stderr
    assert done.stderr.startswith("vmrun: ") and message.format(home=home) in done.stderr


def test_disk_that_fills(lab: Lab) -> None:
    """The overlay has no room left: the guest is paused, not told of an error, and that is said.
    When there is room again, it goes on where it stood, and nothing of what it wrote is lost."""
    image = lab.directory / "disk.raw"
    image.write_bytes(b"")
    os.truncate(image, 64 << 20)
    file = lab.directory / "full.yaml"
    file.write_text(yaml.safe_dump(tiny("full", disks=[{"image": str(image)}],
                                        **{"shutdown-timeout": "20s"})))
    argv, env = vmrun_argv(lab.directory, [str(file)])
    home = lab.directory / "home-0"
    script = f"mount -t tmpfs -o size=8m,mode=700 none {home} && exec \"$@\""
    vm = lab.laptop.netns.popen(["unshare", "--mount", "sh", "-c", script, "-", *argv],
                                env=os.environ | lab.laptop.netns.env | env,
                                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                stderr=subprocess.PIPE)
    said = Output.of(vm.stderr, "vmrun's stderr")
    address = said.wait_for(r"full: ([0-9.]+)/24 on wlan0", 30).group(1)
    lab.phone.ping(address, 60)
    guest_sh(lab.phone, address, f"(yes vmrun | head -c {SIZE} >/dev/vda; sync; echo >/done) &")
    said.wait_for(r"full: .*no space left.*vmrun resume full", 60)
    assert not lab.phone.ping_once(address, 1), "the guest stands still"
    assert re.search(r" paused +\d+ s  no space left on device$",
                     lab.vmrun("list").stdout.splitlines()[1])
    again = lab.vmrun("resume", "full")
    assert again.returncode == 1
    assert again.stderr == "vmrun: VM 'full' is paused again: no space left on device\n"

    run(["nsenter", "-t", str(vm.pid), "-m", "mount", "-o", "remount,size=64m", str(home)])
    assert lab.vmrun("resume", "full").returncode == 0
    said.wait_for("full: resumed", 10)
    assert json.loads(lab.vmrun("status", "--json", "full").stdout)["state"] == "running"
    assert lab.phone.ping(address, 10)
    wait = "while [ ! -e /done ]; do sleep 0.1; done; echo 3 >/proc/sys/vm/drop_caches; "
    digest = guest_sh(lab.phone, address, f"{wait} head -c {SIZE} /dev/vda | sha256sum", 60)
    assert digest.split()[0] == hashlib.sha256((b"vmrun\n" * (SIZE // 6 + 1))[:SIZE]).hexdigest()
    vm.send_signal(signal.SIGTERM)
    assert vm.wait(60) == 0
