# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks the hardware that a guest sees: CPUs, the clock, serial numbers and caches of disks."""

import os
import time
from pathlib import Path

import pytest

from guests import boot, tiny
from lab import Lab
from vm import Vm

pytestmark = pytest.mark.usefixtures("vmrun")


def opened(vm: Vm, name: str) -> int:
    """The flags by which QEMU has opened the file whose path ends in @name."""
    for fd in Path(f"/proc/{vm.qemu.pid}/fd").iterdir():
        if os.readlink(fd).endswith(name):
            info = Path(f"/proc/{vm.qemu.pid}/fdinfo/{fd.name}").read_text()
            return int(info.split("flags:")[1].split()[0], 8)
    raise AssertionError(f"QEMU has no {name}")


def test_cpus_and_disks(lab: Lab) -> None:
    """The guest sees the topology, the serial numbers and the caches of the definition."""
    disks = [{"size": "8M", "serial": "DATA-1", "cache": "none"},
             {"size": "8M", "cache": "writethrough"}]
    vm, guest = boot(lab, tiny(cpus={"sockets": 2}, disks=disks))
    assert guest.sh("cat /sys/devices/system/cpu/cpu*/topology/physical_package_id") == "0\n1"
    assert guest.sh("cat /sys/block/vda/serial") == "DATA-1"
    assert guest.sh("cat /sys/block/vd?/queue/write_cache") == "write back\nwrite through"
    assert opened(vm, "/disk0.qcow2") & os.O_DIRECT
    assert not opened(vm, "/disk1.qcow2") & os.O_DIRECT


def test_clock(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """The machine's clock has the time of the host's zone."""
    monkeypatch.setenv("TZ", "<+05>-5")
    _, guest = boot(lab, tiny(rtc="localtime"))
    ahead = int(guest.sh("cat /sys/class/rtc/rtc0/since_epoch")) - time.time()
    assert 4 * 3600 < ahead < 6 * 3600
