# SPDX-License-Identifier: GPL-2.0-or-later
"""What the machine itself tells its guest: an Ignition configuration."""

import hashlib
import json

import pytest

from guests import boot, tiny
from lab import Lab

pytestmark = pytest.mark.usefixtures("vmrun")


def test_ignition(lab: Lab) -> None:
    """The guest finds it where Ignition looks, byte for byte, whatever the file is called."""
    text = json.dumps({"ignition": {"version": "3.4.0"}, "x": "é\n" * 3000}, indent=1)
    path = lab.directory / "a, b=c.ign"
    path.write_text(text)
    _, guest = boot(lab, tiny(ignition=str(path)))
    said = guest.sh("modprobe qemu_fw_cfg && "
                    "sha256sum </sys/firmware/qemu_fw_cfg/by_name/opt/com.coreos/config/raw")
    assert said.split()[0] == hashlib.sha256(path.read_bytes()).hexdigest()
