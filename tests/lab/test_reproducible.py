# SPDX-License-Identifier: GPL-2.0-or-later
"""The same definition is the same machine: from run to run, and for users who share little."""

import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from conftest import need, need_vmrun
from guests import VMS

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9\n"
QCOW2 = b"QFI\xfb\0\0\0\3" + bytes(8) + b"\0\0\0\0\0\0\0\x10" + (1 << 20).to_bytes(8, "big")
SHA512 = hashlib.sha512(b"an image").hexdigest()

# $1 is a directory with a machine-id and a passwd, which are to be the machine's; the rest is run.
ELSEWHERE = """
mount --bind "$1/machine-id" /etc/machine-id && mount --bind "$1/passwd" /etc/passwd || exit 99
umask "$2"; cd "$3" || exit 98
shift 3
exec setpriv "$@"
"""


@dataclass
class Somebody:
    """A user of a machine, with a home, habits and an environment of their own."""

    directory: Path
    uid: int
    groups: str = ""
    umask: str = "022"
    machine: str = "0123456789abcdef0123456789abcdef"
    cwd: Path = Path("/")
    environment: dict = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home = self.directory / f"home-{self.uid}"
        (self.home / ".ssh").mkdir(parents=True)
        (self.home / ".ssh" / "id_ed25519.pub").write_text(KEY)
        self.use_machine(self.machine)
        (self.home / "passwd").write_text(
            f"root:x:0:0::/root:/bin/sh\nu{self.uid}:x:{self.uid}:{self.uid}::{self.home}:/bin/sh\n")
        self.own(self.home)

    def own(self, top: Path) -> None:
        """All below a directory becomes the user's."""
        for path in [top, *top.rglob("*")]:
            os.chown(path, self.uid, self.uid)

    def use_machine(self, number: str) -> None:
        """Sit before another machine."""
        self.machine = number
        (self.home / "machine-id").write_text(f"{number}\n")

    def vmrun(self, *arguments: object, **popen: object) -> subprocess.CompletedProcess:
        """Run vmrun as this user."""
        environment = {"PATH": os.environ["PATH"], "HOME": self.home} | self.environment
        return subprocess.run(
            ["unshare", "--mount", "sh", "-c", ELSEWHERE, "sh", self.home, self.umask, self.cwd,
             f"--reuid={self.uid}", f"--regid={self.uid}",
             f"--groups={self.groups}" if self.groups else "--clear-groups",
             "env", "-i", *(f"{name}={value}" for name, value in environment.items()),
             need_vmrun(), *map(str, arguments)],
            text=True, capture_output=True, timeout=60, **popen)

    def says(self, *arguments: object) -> str:
        """What vmrun writes to standard output."""
        done = self.vmrun(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A directory that every user can read, with the examples and the files that they name."""
    need("root", "unshare", "setpriv")
    for path in (tmp_path, *tmp_path.parents[:2]):
        path.chmod(0o755)
    vms = tmp_path / "vms"
    vms.mkdir()
    for example in VMS.glob("*.yaml"):
        shutil.copy(example, vms)
        for name in files_of(yaml.safe_load(example.read_text())):
            path = vms / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"what {name} has\n".encode() * 64)
    return tmp_path


def files_of(definition: dict) -> list[str]:
    """The files beside a definition that it names."""
    boot = definition.get("boot", {})
    named = [boot.get("kernel"), boot.get("initrd"), definition.get("ignition"),
             *(each["image"] for each in definition.get("disks", []))]
    return [each for each in named if isinstance(each, str) and "://" not in each and each[0] != "/"]


@pytest.fixture
def ann(place: Path) -> Somebody:
    """A user as the distribution made them."""
    return Somebody(place, 4501, cwd=place)


@pytest.fixture
def bob(place: Path) -> Somebody:
    """A user who has changed all that can be."""
    odd = place / "bob's own"
    user = Somebody(place, 4502, groups="4502,0,5,106", umask="077", cwd=odd / "far" / "away")
    user.cwd.mkdir(parents=True)
    for name in ("data", "state", "cache", "run", "tmp"):
        (odd / name).mkdir()
    user.own(odd)
    user.environment = {
        "XDG_DATA_HOME": f"{odd}/data", "XDG_STATE_HOME": f"{odd}/state", "TZ": "Asia/Kathmandu",
        "XDG_CACHE_HOME": f"{odd}/cache", "XDG_RUNTIME_DIR": f"{odd}/run", "LC_ALL": "tr_TR.UTF-8",
        "TMPDIR": f"{odd}/tmp", "PATH": "/nowhere", "POSIXLY_CORRECT": "1", "COLUMNS": "20",
        "HOME": "/nonexistent", "USER": "somebody", "SUDO_USER": "root", "QEMU_AUDIO_DRV": "none",
    }
    return user


def rich(place: Path) -> Path:
    """A definition with as many keys as go together."""
    files = place / "files"
    files.mkdir()
    for name in ("vmlinuz", "initrd", "firmware", "raw", "direct", "user-data"):
        (files / name).write_bytes(name.encode() * 512)
    (files / "direct").chmod(0o666)
    (files / "disk.qcow2").write_bytes(QCOW2 + bytes(512))
    url = {"image": "https://images.invalid/disk.img", "sha512": SHA512}
    path = place / "rich.yaml"
    path.write_text(yaml.safe_dump({
        "name": "rich", "cpus": 3, "memory": "1G", "display": "spice", "console": "socket",
        "machine": {"firmware": "files/firmware"},
        "boot": {"kernel": "files/vmlinuz", "initrd": "files/initrd", "cmdline": "a b='c d'"},
        "disks": [url, url | {"mode": "readonly"}, {"image": "files/raw", "mode": "snapshot"},
                  {"image": "files/disk.qcow2", "mode": "readonly"}, {"image": "files/raw"},
                  {"image": "files/direct", "mode": "direct", "format": "raw"}],
        "network": {"uplink": "auto", "dns": ["9.9.9.9"]},
        "cloud-init": {"ssh-keys": ["~/.ssh/id_ed25519.pub"], "user-data": "files/user-data"},
        "qemu": {"args": ["-smbios", "type=11,value=a"]},
    }))
    return path


def test_command_is_everybodys(place: Path, ann: Somebody, bob: Somebody) -> None:
    """Bob is in the group of /dev/kvm, has images in his cache, and comes by another way."""
    cached = Path(bob.environment["XDG_CACHE_HOME"]) / "vmrun" / "images"
    cached.mkdir(parents=True)
    (cached / f"sha512-{SHA512}").write_bytes(QCOW2 + bytes(512))
    bob.own(cached.parents[1])
    (place / "link").symlink_to(place / "vms")

    examples = sorted((place / "vms").glob("*.yaml"))
    assert len(examples) >= 10
    for path in (*examples, rich(place)):
        command = ann.says("print", "--format=argv", path)
        assert command == ann.says("print", "--format=argv", path.relative_to(place))
        way = Path("../..") / ".." / path.relative_to(place)
        assert command == bob.says("print", "--format=argv", way), path.name
        other = place / "link" / path.name if path.parent.name == "vms" else path
        assert command == bob.says("print", "--format=argv", other), path.name
        assert str(ann.home) not in command and "bob" not in command
    assert '"driver":"FORMAT"' in command and "accel=ACCEL" in command
