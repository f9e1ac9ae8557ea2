# SPDX-License-Identifier: GPL-2.0-or-later
"""UEFI, secure boot and the TPM: what they give the guest, what is kept, and how they end."""

import os
import signal
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from conftest import need
from guests import VMS, merged, paused, reach
from lab import Lab
from vm import Vm, vmrun_argv

pytestmark = pytest.mark.usefixtures("vmrun")

BUILD = VMS.parent / "tests" / "guest" / "uefi-build"
VARIABLE = "VmrunTest-0d1e2f30-4152-5374-8596-a7b8c9dadbec"
VARIABLES = "/sys/firmware/efi/efivars"


@pytest.fixture(scope="module")
def media() -> Path:
    """The directory with what can be booted by UEFI."""
    need("swtpm")
    built = subprocess.run([BUILD], stdout=subprocess.PIPE, text=True, timeout=300)
    if built.returncode != 0:
        pytest.skip(f"needs what {BUILD.name} needs")
    return Path(built.stdout.strip())


def kept(lab: Lab, name: str) -> list[str]:
    """The state directory of root's VM of that name."""
    directory = lab.directory / "home-0" / "data" / "vmrun" / name
    return sorted(str(each.relative_to(directory)) for each in directory.rglob("*")
                  if each.is_file() and each.name not in ("lock", ".lock"))


def with_tpm(**keys: Any) -> dict:
    """A VM that does nothing, with a TPM."""
    return paused("safe", **merged({"machine": {"tpm": True}}, keys))


def signed(media: Path, disk: str = "disk.raw", **keys: Any) -> dict:
    """A VM that boots what is signed, with a TPM."""
    return merged({
        # With less, the kernel and the firmware get into each other's way.
        "name": "signed", "cpus": 1, "memory": "512M",
        "machine": {"firmware": "uefi", "secure-boot": True, "tpm": True},
        "disks": [{"image": str(media / disk), "format": "raw"}],
    }, keys)


def start(lab: Lab, definition: dict, **how: Any) -> Vm:
    """Start a VM, and wait until QEMU has all that it needs."""
    vm = lab.start_vm(definition, ["--verbose"], **how)
    vm.wait_stderr("starting -> running")
    return vm


@pytest.mark.slow
def test_signed_system(lab: Lab, media: Path) -> None:
    """A disk whose every step is signed boots with secure boot on, and measures into the TPM; what
    it writes into its variables is there at the next boot, until it is reset."""
    definition = signed(media)
    with start(lab, definition) as vm:
        guest = reach(vm, lab.phone, 120)
        assert guest.sh(f"od -An -tu1 {VARIABLES}/SecureBoot-*").split()[-1] == "1"
        assert guest.sh("cat /sys/class/tpm/tpm0/tpm_version_major") == "2"
        # PCR 7: which keys there are, and which of them the boot was verified by.
        assert set(guest.sh("cat /sys/class/tpm/tpm0/pcr-sha256/7")) != {"0"}
        assert guest.sh(f"printf '\\007\\000\\000\\000kept' >{VARIABLES}/{VARIABLE}") == ""
        assert vm.stop() == 0
    assert kept(lab, "signed") == ["disk0.base", "disk0.qcow2", "tpm/tpm2-00.permall",
                                   "uefi-secure.fd"]
    with start(lab, definition) as vm:
        assert reach(vm, lab.phone, 120).sh(f"tail -c 4 {VARIABLES}/{VARIABLE}") == "kept"
        assert vm.stop() == 0
    done = lab.vmrun("reset", "signed", check=True)
    assert "uefi-secure.fd" in done.stdout and "tpm2-00.permall" in done.stdout
    assert kept(lab, "signed") == []


def test_broken_signature(lab: Lab, media: Path) -> None:
    """The firmware says so, and starts nothing. All is thrown away, as the disk is."""
    definition = signed(media, "unsigned.raw", network="none")
    definition["disks"][0]["mode"] = "snapshot"
    with start(lab, definition, wait=False) as vm:
        vm.wait_console("BdsDxe: failed to load Boot.*: Access Denied", 60)
        assert kept(lab, "signed") == ["tpm.tmp/tpm2-00.permall"], "the rest has no name any more"
    assert kept(lab, "signed") == []


def test_firmware_is_found(lab: Lab, tmp_path: Path) -> None:
    """By its descriptors; without those, where the distributions have it; or it is told where it
    was looked for, and what to install."""
    file = tmp_path / "uefi.yaml"
    file.write_text(yaml.safe_dump(paused("uefi", network="none", machine={"firmware": "uefi"})))

    def asked(*hidden: str, secure: str = "false") -> subprocess.CompletedProcess:
        script = "".join(f"mount -t tmpfs none {each} && " for each in hidden)
        argv, env = vmrun_argv(lab.directory, ["--dry-run", "--set", f"machine.secure-boot={secure}",
                                               str(file)])
        return subprocess.run(["unshare", "--mount", "sh", "-c", f"{script} exec \"$@\"", "-", *argv],
                              env=os.environ | env, text=True, capture_output=True, timeout=60)

    descriptors = "/usr/share/qemu/firmware"
    for hidden in ([], [descriptors]):
        assert '"/usr/share/OVMF/OVMF_CODE_4M.fd"' in asked(*hidden).stdout
        assert '"/usr/share/OVMF/OVMF_CODE_4M.ms.fd"' in asked(*hidden, secure="true").stdout
    none = asked(descriptors, "/usr/share/OVMF", secure="true")
    assert none.returncode == 1
    assert "cannot find a UEFI firmware with secure boot and its keys for" in none.stderr
    assert "sudo apt-get install ovmf" in none.stderr and descriptors in none.stderr
    assert "/usr/share/edk2/ovmf/OVMF_CODE.secboot.fd" in none.stderr


def test_tpm(lab: Lab) -> None:
    """It has what it needs and nothing else; the VM goes on without it, and that is told."""
    vm = start(lab, with_tpm())
    swtpm = vm.child("swtpm")
    assert set(swtpm.descriptors) >= {0, 1, 2, 3}
    ours = [each for each in swtpm.descriptors.values() if "vmrun" in each and "/tpm.tmp/" not in each]
    assert ours == [], "only its own state"
    environment = Path(f"/proc/{swtpm.pid}/environ").read_bytes().split(b"\0")
    assert sorted(each for each in environment if each) == [
        b"LC_ALL=C", b"PATH=/usr/sbin:/usr/bin:/sbin:/bin"]
    state = lab.directory / "home-0" / "data" / "vmrun" / "safe" / "tpm.tmp"
    assert state.stat().st_mode & 0o777 == 0o700
    assert all(each.stat().st_mode & 0o77 == 0 for each in state.glob("tpm2*"))

    swtpm.signal(signal.SIGTERM)
    swtpm.signal(signal.SIGKILL)
    vm.wait_stderr(r"safe: swtpm was killed by signal 9 \(Killed\): the guest runs without it")
    assert vm.qemu.alive
    assert vm.quit() == 128 + signal.SIGQUIT
    assert not state.exists()


def test_tpm_ends_with_the_vm(lab: Lab) -> None:
    vm = start(lab, with_tpm())
    swtpm = vm.child("swtpm")
    assert vm.quit() == 128 + signal.SIGQUIT
    assert swtpm.wait_gone(0.1) and "swtpm" not in vm.stderr.text


def test_tpm_ends_with_qemu(lab: Lab) -> None:
    vm = start(lab, with_tpm())
    swtpm = vm.child("swtpm")
    vm.qemu.signal(signal.SIGKILL)
    assert vm.wait(5) == 1
    assert swtpm.wait_gone(0.1) and "runs without it" not in vm.stderr.text


def test_tpm_ends_with_vmrun(lab: Lab) -> None:
    """Its state, which nobody could throw away, is swept."""
    vm = start(lab, with_tpm())
    swtpm = vm.child("swtpm")
    vm.signal(signal.SIGKILL)
    assert swtpm.wait_gone(1)
    for each in vm.family():
        assert each.wait_gone(1)
    assert kept(lab, "safe") == ["tpm.tmp/tpm2-00.permall"]
    assert "tpm.tmp/tpm2-00.permall" in lab.vmrun("clean", check=True).stdout
    assert kept(lab, "safe") == []


def test_tpm_missing(lab: Lab, tmp_path: Path) -> None:
    (tmp_path / "qemu-system-x86_64").symlink_to("/usr/bin/qemu-system-x86_64")
    file = tmp_path / "safe.yaml"
    file.write_text(yaml.safe_dump(with_tpm()))
    argv, env = vmrun_argv(lab.directory, [str(file)])
    done = lab.laptop.netns.run(["env", f"PATH={tmp_path}", *argv], check=False, timeout=20,
                                env=os.environ | lab.laptop.netns.env | env)
    assert done.returncode == 1
    assert "cannot find the program 'swtpm': No such file or directory" in done.stderr
    assert "sudo apt-get install swtpm" in done.stderr


@pytest.mark.slow
def test_installer(lab: Lab, media: Path) -> None:
    """From the CD-ROM, for nothing is on the new disk yet; the second time from the disk."""
    definition = {
        "name": "new", "cpus": 1, "memory": "512M", "machine": {"firmware": "uefi"},
        "disks": [{"size": "100M", "device": "sata"}, {"image": str(media / "installer.iso")}],
        "network": {"model": "e1000e", "configure": ["dhcp"]}}
    with start(lab, definition) as vm:
        guest = reach(vm, lab.phone, 120)
        assert guest.sh("uname -r").endswith("amd64")
        guest.sh("modprobe -a sd_mod sr_mod isofs; while [ ! -e /dev/sda ]; do sleep 0.1; done",
                 timeout=90)
        assert guest.sh("cat /sys/block/sda/size") == str((100 << 20) // 512)
        assert guest.sh("mkdir /cd && mount -t iso9660 -o ro /dev/sr0 /cd && ls /cd/disk.raw")
        guest.sh("cat /cd/disk.raw >/dev/sda && sync && umount /cd", timeout=120)
        assert vm.stop() == 0
    assert kept(lab, "new") == ["disk0.qcow2", "uefi.fd"]
    # The disk has the guest with the other kernel, which has no driver for AHCI or e1000e.
    with start(lab, merged(definition, {"network": {"model": "virtio"}})) as vm:
        guest = reach(vm, lab.phone, 120)
        assert guest.sh("uname -r").endswith("cloud-amd64")
        assert vm.stop() == 0
    assert lab.vmrun("reset", "new", check=True).stdout.count("rm ") == 2
    assert kept(lab, "new") == []
