# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks the login of a guest whose definition names none: the user, with the keys there are."""

import json
import os
import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from conftest import need
from guests import paused
from lab import Lab
from vm import Account, Vm, vmrun_argv, write_definition

pytestmark = pytest.mark.usefixtures("vmrun")


def seed(vm: Vm) -> bytes:
    """The NoCloud image that QEMU was given."""
    fds = [each for each in Path(f"/proc/{vm.qemu.pid}/fd").iterdir()
           if "memfd:vmrun-seed" in os.readlink(each)]
    return fds[0].read_bytes()


def vendor_data(vm: Vm) -> dict:
    """Its vendor-data; each file of such an image is in one piece."""
    found = [text for text in re.findall(rb"#cloud-config\n({\n.*?\n})\n", seed(vm), re.DOTALL)]
    assert len(found) == 1
    return json.loads(found[0])


def status(lab: Lab, name: str, **how: object) -> dict:
    return json.loads(lab.vmrun("status", "--json", name, check=True, **how).stdout)


def home(lab: Lab, user: Account) -> Path:
    return lab.directory / f"home-{user.uid}"


def own_key(lab: Lab, user: Account, name: str = "id_ed25519") -> str:
    """Makes one where ssh-keygen(1) does; its public half."""
    directory = home(lab, user) / ".ssh"
    directory.mkdir(mode=0o700, exist_ok=True)
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", directory / name],
                   check=True)
    for path in (directory, *directory.iterdir()):
        shutil.chown(path, user.uid, user.gid)
    return (directory / f"{name}.pub").read_text().strip()


def test_user_without_keys(lab: Lab) -> None:
    """A pair is made for the VM, kept, used by `vmrun ssh`, and thrown away with the VM's disks."""
    need("ssh-keygen")
    me = lab.add_user()
    file = write_definition(lab.directory, paused("web", **{"cloud-init": {}}))
    data = home(lab, me) / ".local" / "share" / "vmrun" / "web"

    shown = lab.vmrun("run", "--dry-run", str(file), user=me, sudo=True, check=True).stdout
    assert f"ssh-keygen -q -t ed25519 -N '' -C 'vmrun web' -f {data}/id_ed25519\n" in shown
    assert not data.exists()

    vm = lab.start_vm(file, user=me, sudo=True)
    private = data / "id_ed25519"
    about = private.stat()
    assert (about.st_uid, stat.S_IMODE(about.st_mode)) == (me.uid, 0o600)
    assert stat.S_IMODE(data.stat().st_mode) == 0o700
    public = (data / "id_ed25519.pub").read_text().strip()
    assert public.endswith(" vmrun web")
    users = vendor_data(vm)["users"]
    assert [(each["name"], each["ssh_authorized_keys"]) for each in users] == [("me", [public])]
    assert b"PRIVATE KEY" not in seed(vm)
    facts = status(lab, "web", user=me)
    assert (facts["user"], facts["ssh-key"]) == ("me", str(private))
    vm.quit()

    own = own_key(lab, me)
    vm = lab.start_vm(file, user=me, sudo=True)
    assert vendor_data(vm)["users"][0]["ssh_authorized_keys"] == [own, public], "it stays"
    assert status(lab, "web", user=me)["ssh-key"] == str(private)
    vm.quit()

    known = home(lab, me) / ".local" / "state" / "vmrun" / "web" / "known_hosts"
    known.write_text("web ssh-ed25519 AAAA\n")
    gone = lab.vmrun("reset", "web", user=me, sudo=True, check=True).stdout
    assert sorted(gone.splitlines()) == [f"rm {data}/id_ed25519", f"rm {data}/id_ed25519.pub",
                                         f"rm {known}"]
    assert not private.exists() and not known.exists()
    vm = lab.start_vm(file, user=me, sudo=True)
    assert vendor_data(vm)["users"][0]["ssh_authorized_keys"] == [own]
    assert status(lab, "web", user=me)["ssh-key"] is None, "ssh's own choice"


def test_keys_that_are_there(lab: Lab) -> None:
    """All that ssh tries, but nothing that is no public key; no pair is made."""
    need("ssh-keygen")
    me = lab.add_user("Ann.Lee")
    keys = [own_key(lab, me, name) for name in ("id_ecdsa", "id_ed25519", "other")]
    directory = home(lab, me) / ".ssh"
    (directory / "id_rsa.pub").write_text("no key\n")
    os.mkfifo(directory / "id_ed25519_sk.pub")
    vm = lab.start_vm(paused("web", **{"cloud-init": {}}), user=me, sudo=True)
    user = vendor_data(vm)["users"][0]
    assert (user["name"], user["ssh_authorized_keys"]) == ("ann_lee", keys[:2])
    assert not list((home(lab, me) / ".local").rglob("id_*"))
    vm.quit()

    named = {"user": "default", "ssh-keys": ["~/.ssh/other.pub"]}
    vm = lab.start_vm(paused("web", **{"cloud-init": named}), user=me, sudo=True)
    data = vendor_data(vm)
    assert "users" not in data and data["ssh_authorized_keys"] == keys[2:]
    facts = status(lab, "web", user=me)
    assert (facts["user"], facts["ssh-key"]) == (None, str(directory / "other"))
    vm.quit()

    vm = lab.start_vm(paused("web", **{"cloud-init": {"ssh-keys": []}}), user=me, sudo=True)
    assert "ssh_authorized_keys" not in vendor_data(vm)["users"][0]
    assert not list((home(lab, me) / ".local").rglob("id_*"))


def test_ssh_keygen_fails(lab: Lab) -> None:
    """Without it there is nobody who could log in: said before anything is booted."""
    me = lab.add_user()
    file = write_definition(lab.directory, paused("web", **{"cloud-init": {}}))
    programs = lab.directory / "programs"
    programs.mkdir()
    for program in ("qemu-system-x86_64", "qemu-img"):
        (programs / program).symlink_to(shutil.which(program))
    argv, env = vmrun_argv(lab.directory, [str(file)], me, True)

    def run() -> subprocess.CompletedProcess:
        return lab.laptop.netns.run(["env", f"PATH={programs}", *argv], check=False, timeout=60,
                                    env=os.environ | lab.laptop.netns.env | env)

    done = run()
    assert done.returncode == 1 and "cannot run 'ssh-keygen'" in done.stderr
    assert "openssh-client" in done.stderr
    (programs / "ssh-keygen").write_text("#!/bin/sh\nexit 3\n")
    (programs / "ssh-keygen").chmod(0o755)
    done = run()
    assert done.returncode == 1 and "cannot make an SSH key: 'ssh-keygen' failed" in done.stderr


def test_printed_alike_for_all(lab: Lab) -> None:
    """The user's keys are neither in the definition nor in the command."""
    me, other = lab.add_user(), "nobody"
    file = write_definition(lab.directory, paused("web", **{"cloud-init": {}}))
    for form in ("yaml", "json", "argv"):
        said = [lab.vmrun("print", f"--format={form}", str(file), user=user, check=True).stdout
                for user in (me, other, None)]
        assert said[0] == said[1] == said[2]
    assert "cloud-init:\n  user: auto\n  ssh-keys: auto\n" in lab.vmrun(
        "print", str(file), user=me).stdout
