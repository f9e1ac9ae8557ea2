# SPDX-License-Identifier: GPL-2.0-or-later
"""The same definition is the same machine: from run to run, and for users who share little."""

import hashlib
import json
import os
import re
import shutil
import stat
import struct
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Iterator

import netns
import pytest
import yaml
from conftest import need, need_vmrun
from guests import VMS, paused
from lab import Lab
from vm import write_definition

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9\n"
# Version 2, clusters of 512 bytes, a disk of 1 MiB, and no data.
QCOW2 = struct.pack(">4sIQIIQIIQQIIQ", b"QFI\xfb", 2, 0, 0, 9, 1 << 20, 0, 32, 512, 1024, 1, 0,
                    0).ljust(1536, b"\0")
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
        """The standard output of vmrun."""
        done = self.vmrun(*arguments)
        assert (done.returncode, done.stderr) == (0, "")
        return done.stdout


@pytest.fixture
def place() -> Iterator[Path]:
    """A directory that every user can read, with the examples and the files that they name. Not
    pytest's own, which other users cannot reach into."""
    need("root", "unshare", "setpriv")
    top = Path(tempfile.mkdtemp(prefix=f"{netns.PREFIX}{os.getpid()}-"))
    top.chmod(0o755)
    vms = top / "vms"
    vms.mkdir()
    for example in VMS.glob("*.yaml"):
        shutil.copy(example, vms)
        for name in files_of(yaml.safe_load(example.read_text())):
            path = vms / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(f"what {name} has\n".encode() * 64)
    yield top
    shutil.rmtree(top)


def files_of(definition: dict) -> list[str]:
    """The files beside a definition that it names."""
    boot = definition.get("boot", {})
    named = [boot.get("kernel"), boot.get("initrd"), definition.get("ignition"),
             *(each.get("image") for each in definition.get("disks", []))]
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
    for name in ("vmlinuz", "initrd", "firmware", "raw", "direct", "secret"):
        (files / name).write_bytes(name.encode() * 512)
    (files / "user-data").write_text("#cloud-config\nlocale: C.UTF-8\n#" + " user-data" * 512)
    (place / "shared").mkdir()
    (place / "shared").chmod(0o777)
    (files / "config.ign").write_text('{"ignition": {"version": "3.4.0"}} ')
    (files / "direct").chmod(0o666)
    (files / "disk.qcow2").write_bytes(QCOW2)
    url = {"image": "https://images.invalid/disk.img", "sha512": SHA512}
    path = place / "rich.yaml"
    path.write_text(yaml.safe_dump({
        "name": "rich", "cpus": 3, "memory": "1G", "display": "spice", "console": "socket",
        "machine": {"firmware": "files/firmware", "tpm": True},
        "boot": {"kernel": "files/vmlinuz", "initrd": "files/initrd", "cmdline": "a b='c d'"},
        "disks": [url, url | {"mode": "readonly"}, {"image": "files/raw", "mode": "snapshot"},
                  {"image": "files/disk.qcow2", "mode": "readonly"}, {"image": "files/raw"},
                  {"image": "files/direct", "mode": "direct", "format": "raw"}],
        "network": [{"type": "user"}, {"uplink": "auto", "dns": ["9.9.9.9"]}],
        "cloud-init": {"ssh-keys": ["~/.ssh/id_ed25519.pub"], "user-data": "files/user-data"},
        "credentials": [{"name": "a", "file": "files/secret"}, {"name": "b", "value": "open"}],
        "ignition": "files/config.ign", "usb": ["1d6b:0002"], "vsock": 77,
        "shares": [{"path": "files", "tag": "a", "readonly": True},
                   {"path": "shared", "tag": "b", "driver": "virtiofs"}],
        "qemu": {"args": ["-smbios", "type=11,value=a"]},
    }))
    return path


def test_command_is_everybodys(place: Path, ann: Somebody, bob: Somebody) -> None:
    """Bob is in the group of /dev/kvm, has images in his cache, and comes by another way."""
    cached = Path(bob.environment["XDG_CACHE_HOME"]) / "vmrun" / "images"
    cached.mkdir(parents=True)
    (cached / f"sha512-{SHA512}").write_bytes(QCOW2)
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


# Locked

FAKE = """#!/usr/bin/python3
import json, socket
qmp = socket.socket(fileno=3)
qmp.setblocking(True)
answers = {{"query-version": {{"qemu": {{"major": {major}, "minor": 1, "micro": 2}}, "package": ""}},
           "query-machines": [{{"name": "pc-q35-{major}.1", "alias": "q35"}}]}}
qmp.sendall(b'{{"QMP": {{"version": {{}}, "capabilities": []}}}}\\n')
for line in qmp.makefile():
    asked = json.loads(line)
    qmp.sendall(json.dumps({{"return": answers.get(asked["execute"], {{}}),
                            "id": asked["id"]}}).encode() + b"\\n")
"""


def use_qemu(place: Path, major: int) -> None:
    """Put a QEMU of a version into the place of the definition's."""
    qemu = place / "qemu"
    qemu.write_text(FAKE.format(major=major))
    qemu.chmod(0o755)


@pytest.fixture
def locked(place: Path, ann: Somebody) -> Path:
    """A definition of Ann's, with a QEMU of its own, that she has locked."""
    path = rich(place)
    use_qemu(place, 8)
    value = yaml.safe_load(path.read_text())
    value["qemu"]["binary"] = str(place / "qemu")
    value["vsock"] = "auto"
    path.write_text(yaml.safe_dump(value))
    ann.own(place)
    (place / "files" / "direct").chmod(0o666)
    (place / "shared").chmod(0o777)
    done = ann.vmrun("lock", path)
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == (f"vmrun: wrote '{place}/rich.lock.yaml': pc-q35-8.1 of QEMU 8.1.2\n")
    return path


def sha(path: Path) -> str:
    """A file's digest, as a lock file has it."""
    return "sha256-" + hashlib.sha256(path.read_bytes()).hexdigest()


def test_lock_says_what_it_stands_for(locked: Path, ann: Somebody) -> None:
    printed = json.loads(ann.says("print", "--format=json", locked))
    cards = re.findall("mac=([0-9a-f:]+)", ann.says("print", "--format=argv", locked))
    assert cards[1] == printed["network"][1]["mac"] != cards[0]
    files = locked.parent / "files"
    lock = locked.with_name("rich.lock.yaml")
    assert yaml.safe_load(lock.read_text()) == {
        "version": 1, "definition": sha(locked), "qemu": "8.1.2", "machine": "pc-q35-8.1",
        "uuid": printed["uuid"], "networks": [{"mac": each} for each in cards],
        "firmware": sha(files / "firmware"), "kernel": sha(files / "vmlinuz"),
        "initrd": sha(files / "initrd"), "user-data": sha(files / "user-data"),
        "ignition": sha(files / "config.ign"),
        "credentials": [{"file": sha(files / "secret")}, {"file": "value"}],
        "disks": [{"image": each} for each in (
            f"sha512-{SHA512}", f"sha512-{SHA512}", sha(files / "raw"), sha(files / "disk.qcow2"),
            sha(files / "raw"), "direct")]}
    assert lock.read_text().startswith("# Values of 'rich.yaml' when 'vmrun lock rich.yaml'")
    before = lock.stat()
    assert "is up to date" in ann.vmrun("lock", locked).stderr
    assert lock.stat() == before
    lock.chmod(0o640)
    use_qemu(locked.parent, 9)
    assert ann.vmrun("lock", "--quiet", locked).stderr == ""
    assert stat.S_IMODE(lock.stat().st_mode) == 0o640 and "qemu: 9.1.2" in lock.read_text()
    assert {each.name for each in lock.parent.glob("rich*")} == {"rich.yaml", "rich.lock.yaml"}


def test_locked_is_the_same_on_another_machine(locked: Path, ann: Somebody, bob: Somebody) -> None:
    command = ann.says("print", "--locked", "--format=argv", locked)
    assert "-machine pc-q35-8.1," in command
    bob.use_machine("f" * 32)
    bob.environment["PATH"] = os.environ["PATH"]
    assert bob.says("print", "--format=argv", locked) != command
    assert bob.says("print", "--locked", "--format=argv", locked) == command
    done = bob.vmrun("check", "--locked", locked)
    assert done.returncode == 0 and "well defined and matches its lock file" in done.stderr


def refusal(user: Somebody, path: Path, *options: str) -> list[str]:
    """The lines that say what is not as it was locked; a run of it is refused."""
    done = user.vmrun("--locked", *options, path)
    assert (done.returncode, done.stdout) == (3, "")
    *lines, said, remedy = done.stderr.splitlines()
    assert remedy == f"to lock it as it is now: vmrun lock {path}"
    found = [line for line in lines if line.startswith(str(path.parent))]
    count = f"{len(found)} difference{'s' if len(found) > 1 else ''}"
    assert said == (f"vmrun: '{path}' is not as it was locked: {count} from "
                    f"'{path.with_name('rich.lock.yaml')}'")
    return found


@pytest.mark.parametrize("name,key", [("vmlinuz", "kernel"), ("initrd", "initrd"),
                                      ("firmware", "firmware"), ("user-data", "user-data"),
                                      ("config.ign", "ignition"), ("secret", "credentials.0.file"),
                                      ("disk.qcow2", "disks.3.image")])
def test_one_byte(locked: Path, ann: Somebody, name: str, key: str) -> None:
    path = locked.parent / "files" / name
    assert ann.vmrun("check", "--locked", locked).returncode == 0
    before, times = sha(path), path.stat()
    with path.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\n")
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))
    line, = refusal(ann, locked)
    assert line.endswith(f": '{key}' is locked as {before}, but '{path}' is {sha(path)}")


def test_keys_of_secure_boot(locked: Path, ann: Somebody) -> None:
    """They come with the host's firmware, beside its program."""
    templates = list(Path("/usr/share/OVMF").glob("OVMF_VARS*.fd"))
    if not templates:
        pytest.skip("needs OVMF")
    value = yaml.safe_load(locked.read_text())
    value["machine"] = {"firmware": "uefi", "secure-boot": True}
    locked.write_text(yaml.safe_dump(value))
    assert ann.vmrun("lock", locked).returncode == 0
    lock = locked.with_name("rich.lock.yaml")
    variables = yaml.safe_load(lock.read_text())["variables"]
    assert variables in map(sha, templates)
    other = f"sha256-{'0' * 64}"
    lock.write_text(lock.read_text().replace(variables, other))
    line, = refusal(ann, locked)
    assert line.endswith(f": 'variables' is locked as {other}, but 'uefi' is {variables}")


def test_all_that_differs_is_told(locked: Path, ann: Somebody) -> None:
    before = sha(locked)
    locked.write_text(locked.read_text() + "# another\n")
    use_qemu(locked.parent, 9)
    own = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
    lines = refusal(ann, locked, f"--set=uuid={own}",
                    "--set=network.1.mac=02:00:00:00:00:07")
    lock = yaml.safe_load(locked.with_name("rich.lock.yaml").read_text())
    qemu = locked.parent / "qemu"
    assert [line.split(": ", 1)[1] for line in lines] == [
        f"'definition' is locked as {before}, but '{locked}' is {sha(locked)}",
        f"'qemu' is locked as 8.1.2, but '{qemu}' is 9.1.2",
        "'machine' is locked as pc-q35-8.1, but 'q35' is pc-q35-9.1",
        f"'uuid' is locked as {lock['uuid']}, but '{locked}' is {own}",
        f"'networks.1.mac' is locked as {lock['networks'][1]['mac']}, but '{locked}' is 02:00:00:00:00:07"]
    assert ann.vmrun("lock", locked).returncode == 0
    assert ann.vmrun("check", "--locked", locked).returncode == 0


def test_without_a_lock(locked: Path, ann: Somebody) -> None:
    lock = locked.with_name("rich.lock.yaml")
    lock.write_text("version: 1\nqemu: eight\n")
    done = ann.vmrun("check", "--locked", locked)
    assert done.returncode == 3
    assert f"{lock}:2:7: 'qemu' must be a version of QEMU such as 7.2.0, not 'eight'" in done.stderr
    assert ann.vmrun("check", locked).returncode == 0, "without --locked it does not matter"
    lock.unlink()
    done = ann.vmrun("check", "--locked", locked)
    assert done.returncode == 3 and done.stderr.splitlines() == [
        f"{lock}: No such file or directory", f"vmrun: '{locked}' is not locked",
        f"to lock it as it is now: vmrun lock {locked}"]


def test_locked_run(lab: Lab, vmrun: Path) -> None:
    """The very machine is started, and not once more when its kernel is another."""
    kernel = lab.directory / "vmlinuz"
    shutil.copy(paused()["boot"]["kernel"], kernel)
    path = write_definition(lab.directory, paused(boot={"kernel": str(kernel)}))
    lab.vmrun("lock", str(path), check=True)
    lock = path.with_suffix(".lock.yaml")
    lock.write_text(lock.read_text().replace(yaml.safe_load(lock.read_text())["uuid"],
                                             "1b4e28ba-2fa1-41d2-883f-0016d3cca427"))
    vm = lab.start_vm(path, ["--locked"])
    command = " ".join(vm.qemu.cmdline)
    assert "-machine pc-q35-" in command and "-uuid 1b4e28ba" in command
    assert vm.mac == yaml.safe_load(lock.read_text())["networks"][0]["mac"]
    vm.quit()
    with kernel.open("ab") as file:
        file.write(b"!")
    vm = lab.start_vm(path, ["--locked"], wait=False)
    assert vm.wait(20) == 3 and "'kernel' is locked as" in vm.stderr.text
