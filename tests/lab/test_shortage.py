# SPDX-License-Identifier: GPL-2.0-or-later
"""A host that lacks something: told plainly, with the right exit status, and nothing left."""

import os
import subprocess

import pytest
import yaml

from guests import paused
from lab import Lab
from vm import vmrun_argv

# What is done to the machine, in a mount namespace of vmrun's own; the exit status; the message.
SHORTAGES = {
    "no /dev/net/tun": ("mount -t tmpfs none /dev/net", 1, "cannot open '/dev/net/tun'"),
    "full /run": ("mount -t tmpfs -o size=4k,nr_inodes=2 none /run && head -c 4096 /dev/zero >/run/x",
                  1, "/run"),
    "read-only /run": ("mount -t tmpfs -o ro none /run", 1, "/run"),
    "no /proc/sys to write": ("mount -o bind /proc/sys /proc/sys && "
                              "mount -o remount,bind,ro /proc/sys", 1, "/proc/sys/net"),
}


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
