# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks the hardware that a guest sees: CPUs, clock, disks, cards, SMBIOS, boot order."""

import os
import re
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


def test_smbios(lab: Lab) -> None:
    """The guest reads the strings of the definition, commas too."""
    strings = {"manufacturer": "A, Ltd.", "product": "P=1", "version": "2", "serial": "ds=x;y",
               "sku": "s", "family": "f"}
    _, guest = boot(lab, tiny(smbios=strings))
    said = guest.sh("cd /sys/class/dmi/id; cat sys_vendor product_name product_version "
                    "product_serial product_sku product_family")
    assert said.splitlines() == list(strings.values())


def test_video_and_audio(lab: Lab) -> None:
    """The guest sees the card of the definition, and a sound card."""
    _, guest = boot(lab, tiny(display="spice", audio="spice",
                              video={"model": "std", "resolution": "1280x720"}))
    said = guest.sh("cd /sys/bus/pci/devices; for i in *; do echo $(cat $i/class $i/vendor); done")
    assert "0x030000 0x1234" in said.splitlines()
    assert "0x040300 0x8086" in said.splitlines()


def sector(text: str, reset: bool) -> bytes:
    """A boot sector that prints a line on the serial port, and resets the machine or halts."""
    code = bytes.fromhex("31c0 8ed8 be207c ac 84c0 7406 baf803 ee ebf5")
    code += bytes.fromhex("baf90c b006 ee" if reset else "") + bytes.fromhex("fa f4 ebfd")
    return (code.ljust(32, b"\x90") + f"{text}\n\0".encode()).ljust(510, b"\0") + b"\x55\xaa"


def cdrom(boots: bytes) -> bytes:
    """An ISO 9660 image with only a boot record (El Torito, without emulation)."""
    entry = b"\x01".ljust(28, b"\0") + b"\xaa\x55" + b"\x55\xaa"
    entry += bytes.fromhex("88000000 0000 0400") + (20).to_bytes(4, "little")
    record = b"\0CD001\1" + b"EL TORITO SPECIFICATION".ljust(64, b"\0")
    sectors = [b""] * 16 + [b"\1CD001\1", record + (19).to_bytes(4, "little"), b"\xffCD001\1", entry,
                            boots]
    return b"".join(each.ljust(2048, b"\0") for each in sectors)


def boots(lab: Lab, last: str, **keys: object) -> list[str]:
    """The names of what a machine boots from, up to @last."""
    (lab.directory / "disk.raw").write_bytes(sector("boots: disk", False).ljust(1 << 20, b"\0"))
    (lab.directory / "a.iso").write_bytes(cdrom(sector("boots: cdrom", "once" in keys)))
    vm = lab.start_vm({"name": "boots", "network": "none", "boot": keys, "disks": [
        {"image": "disk.raw", "format": "raw", "mode": "snapshot"}, {"image": "a.iso"}]}, wait=False)
    vm.wait_console(f"boots: {last}\\s")
    vm.quit()
    return re.findall(r"boots: (\w+)", vm.console.text)


def test_boot_order(lab: Lab) -> None:
    """The machine boots in the order of the definition; once, it boots from another disk."""
    assert boots(lab, "disk") == ["disk"]
    assert boots(lab, "cdrom", order=["cdrom", "disk"]) == ["cdrom"]
    assert boots(lab, "disk", once="cdrom") == ["cdrom", "disk"]
    assert boots(lab, "disk", order=["disk"], once="cdrom") == ["cdrom", "disk"]
