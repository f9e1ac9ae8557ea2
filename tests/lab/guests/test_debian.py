# SPDX-License-Identifier: GPL-2.0-or-later
"""A real Debian with cloud-init and sshd: set up by its seed, on one network and on the next."""

import shutil
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from conftest import need
from guests import VMS
from lab import LAPTOP_MAC, Lab
from lan import Lan
from station import Station
from vm import Vm

pytestmark = [pytest.mark.usefixtures("vmrun"), pytest.mark.slow]

BUILD = VMS.parent / "tests" / "guest" / "debian-build"
WEB = r"exec 3<>/dev/tcp/www.lab.test/80; printf 'GET / HTTP/1.0\r\n\r\n' >&3; cat <&3"


@pytest.fixture(scope="module")
def image() -> Path:
    """The distribution's image, built when it is not in the cache."""
    need("root", "ssh", "ssh-keygen")
    built = subprocess.run([BUILD], stdout=subprocess.PIPE, text=True, timeout=900)
    if built.returncode != 0:
        pytest.skip(f"needs what {BUILD.name} needs")
    return Path(built.stdout.strip())


class Ssh:
    """Logs in to the guest as a person with a key does, and remembers the guest's."""

    def __init__(self, directory: Path) -> None:
        self.key = directory / "id_ed25519"
        self.public = self.key.with_suffix(".pub")
        self._known = directory / "known_hosts"
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", self.key], check=True)

    def run(self, station: Station, address: str, command: str, timeout: float = 300) -> str:
        """The output of @command in the guest, asked for by @station; tries again until @timeout
        while sshd does not answer. The host's key must be the one of the first time."""
        argv = ["ssh", "-F", "/dev/null", "-i", self.key, "-o", "BatchMode=yes",
                "-o", "StrictHostKeyChecking=accept-new", "-o", f"UserKnownHostsFile={self._known}",
                "-o", "HostKeyAlias=guest", "-o", "ConnectTimeout=3", f"me@{address}", command]
        deadline = time.monotonic() + timeout
        while True:
            done = station.netns.run(argv, check=False, timeout=timeout)
            if done.returncode == 0:
                return done.stdout
            if done.returncode != 255 or "verification failed" in done.stderr \
                    or time.monotonic() > deadline:
                raise RuntimeError(f"ssh exited with {done.returncode}: {done.stderr}")
            time.sleep(0.3)


def sees_its_network(lan: Lan, vm: Vm, ssh: Ssh, note: str) -> None:
    """The guest has what vmrun said that it has, and its way into the world works. All in one
    login, because under emulation each takes seconds."""
    commands = ["cat note", "hostname", "ip -4 -o address", "ip route show default",
                "resolvectl dns", "cat /etc/resolv.conf", "echo $SSH_CLIENT", "bash ./web"]
    script = f"cat >web <<'EOF'\n{WEB}\nEOF\n" + "\necho ---\n".join(commands)
    said = ssh.run(lan.phone, vm.address, script).split("---\n")
    assert said[:2] == [f"{note}\n", "debian\n"]
    assert f"inet {vm.address}/24 " in said[2]
    assert said[3].split()[2] == lan.gateway == vm.gateway
    assert lan.gateway in said[4].split()
    assert "127.0.0.53" in said[5], "its own resolver, which asks the LAN's"
    assert said[6].split()[0] == lan.phone.address
    assert f"client {vm.address}\n" in said[7]


def logs_in(lab: Lab, command: str, **how: object) -> str:
    """The output of @command in the guest, by `vmrun ssh`."""
    done = lab.vmrun("ssh", "debian", "-oBatchMode=yes", "-n", command, timeout=300, **how)
    assert done.returncode == 0, done.stderr
    return done.stdout


# A repository of packages that are nothing but their names, made in the guest before it wants them.
REPOSITORY = r"""
mkdir -p /srv/repo && cd /srv/repo && : >Packages
for name in lab-one lab-two; do
	mkdir -p /tmp/$name/DEBIAN
	printf 'Package: %s\nVersion: 1\nArchitecture: all\nMaintainer: lab <lab@lab.test>\nDescription: x\n' \
		$name >/tmp/$name/DEBIAN/control
	dpkg-deb -b /tmp/$name $name.deb
	cat /tmp/$name/DEBIAN/control >>Packages
	printf 'Filename: ./%s.deb\nSize: %s\nSHA256: %s\n\n' $name $(stat -c %s $name.deb) \
		$(sha256sum <$name.deb | cut -d ' ' -f 1) >>Packages
done
echo 'deb [trusted=yes] file:/srv/repo ./' >/etc/apt/sources.list
"""
USER_DATA = {"bootcmd": [REPOSITORY], "packages": ["lab-one"], "users": ["default", {"name": "also"}],
             "runcmd": ["echo user-data >>/root/ran"]}


def logs_in_at_the_console(vm: Vm, user: str, password: str) -> None:
    """As a person does, who has the password alone."""
    vm.wait_console(r"debian login: ", 300)
    vm.send(f"{user}\n")
    vm.wait_console(r"Password: ", 300)
    vm.send(f"{password}\n")
    vm.wait_console(rf"{user}@debian:~\$ ", 300)
    vm.send("echo this is $(whoami)\n")
    vm.wait_console(rf"this is {user}\b", 300)


def on_any_command_line(word: str) -> bool:
    """True if @word is in the arguments of a process, which all users can read."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes())
        except OSError:  # it has ended
            pass
    return any(word.encode() in line for line in lines)


def test_user_without_a_key(lab: Lab, image: Path) -> None:
    """`cloud-init: {}` and `vmrun ssh`: nothing else is needed, not even a key. Beside a user-data
    that names users, packages and commands, too, there are all of both. And systemd finds its
    credentials: it gives the key to root, to whom cloud-init gives none. The password serves at
    the console, and is on no command line. A share that cannot be mounted does not fail the boot."""
    me, began = lab.add_user(), time.monotonic()
    user_data = lab.directory / "user.yaml"
    user_data.write_text("#cloud-config\n" + yaml.safe_dump(USER_DATA))
    run = ["echo \"vmrun: $(whoami) # '\" >>/root/ran", ["touch", "/root/a 'b' $c"]]
    vm = lab.start_vm({"name": "debian", "cpus": 2, "memory": "1G",
                  "disks": [{"image": str(image), "mode": "snapshot"}],
                  "network": {"configure": ["cloud-init", "credentials"]},
                  "credentials": [{"name": "lab.secret", "value": "a\nb"}],
                  "shares": [{"path": "/usr", "tag": "bad", "readonly": True, "mount": "/proc/none"}],
                  "cloud-init": {"user-data": str(user_data), "packages": ["lab-two"], "run": run,
                                 "password": "the secret word"}},
                 user=me, sudo=True)
    assert not on_any_command_line("the secret word") and on_any_command_line("qemu-system")
    assert logs_in(lab, "whoami; hostname", user=me) == "me\ndebian\n"
    print(f"vmrun ssh after {time.monotonic() - began:.1f} s")
    assert "status: done" in logs_in(lab, "cloud-init status --wait", user=me)
    logs_in_at_the_console(vm, "me", "the secret word")
    said = logs_in(lab, "sudo -n cat /root/ran; sudo ls /root;"
                        " dpkg-query -W -f '${Package} ${Status}\n' lab-one lab-two; id -u debian also",
                   user=me)
    assert said.splitlines() == [
        "user-data", "vmrun: root # '", "a 'b' $c", "ran", "lab-one install ok installed",
        "lab-two install ok installed", *said.splitlines()[-2:]], said
    key = next((lab.directory / f"home-{me.uid}").rglob("id_ed25519"))
    as_root = lab.phone.netns.run(
        ["ssh", "-F/dev/null", "-oBatchMode=yes", "-oStrictHostKeyChecking=no",
         "-oUserKnownHostsFile=/dev/null", "-i", key, f"root@{vm.address}",
         "whoami; cd /run/credentials/@system && ls && cat lab.secret"], timeout=60)
    assert as_root.stdout.splitlines() == [
        "root", "lab.secret", "network.network.10-vmrun", "ssh.authorized_keys.root",
        "system.hostname", "a", "b"]


def test_debian(lab: Lab, image: Path) -> None:
    """Boots, is logged in to from the LAN, powers off; carried elsewhere, it is there."""
    me, began = lab.add_user(), time.monotonic()
    home = lab.directory / f"home-{me.uid}" / ".ssh"
    home.mkdir(mode=0o700)
    ssh = Ssh(home)
    for path in (home, ssh.key, ssh.public):
        shutil.chown(path, me.uid, me.gid)
    definition = {"name": "debian", "cpus": 2, "memory": "1G",
                  "disks": [{"image": str(image), "mode": "overlay"}], "cloud-init": {}}

    vm = lab.start_vm(definition, user=me, sudo=True)
    assert lab.phone.ping(vm.address, 300), vm.console.text
    print(f"ping after {time.monotonic() - began:.1f} s")
    assert ssh.run(lab.phone, vm.address, "whoami; echo kept > note") == "me\n"
    print(f"ssh after {time.monotonic() - began:.1f} s")
    sees_its_network(lab.lan, vm, ssh, "kept")
    assert logs_in(lab, "whoami", user=me) == "me\n"
    assert list(lab.lan.seen()) == [LAPTOP_MAC]
    began = time.monotonic()
    assert vm.stop(120) == 0
    print(f"powered off after {time.monotonic() - began:.1f} s")
    overlay = lab.directory / f"home-{me.uid}" / ".local/share/vmrun/debian/disk0.qcow2"
    assert overlay.stat().st_uid == me.uid

    elsewhere = lab.second_lan()
    lab.laptop.roam(elsewhere)
    began = time.monotonic()
    vm = lab.start_vm(vm.file, user=me, sudo=True)
    assert vm.address.startswith("192.168.88.")
    assert elsewhere.phone.ping(vm.address, 300), vm.console.text
    print(f"ping after {time.monotonic() - began:.1f} s")
    sees_its_network(elsewhere, vm, ssh, "kept")
    print(f"ssh after {time.monotonic() - began:.1f} s")
    assert list(elsewhere.seen()) == [LAPTOP_MAC]
    assert vm.stop(120) == 0
