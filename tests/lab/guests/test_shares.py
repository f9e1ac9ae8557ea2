# SPDX-License-Identifier: GPL-2.0-or-later
"""Directories of the laptop that the guest mounts: what it may do there is what its user may."""

import os
import subprocess
from pathlib import Path

import pytest

import process
from guests import boot, tiny
from lab import Lab
from vm import vmrun_argv, write_definition

pytestmark = pytest.mark.usefixtures("vmrun")

MOUNT = "modprobe -a 9p 9pnet_virtio; mkdir -p /mnt/{tag}; " \
        "mount -t 9p -o trans=virtio,version=9p2000.L {tag} /mnt/{tag}"


def test_9p(lab: Lab) -> None:
    """Read and written, as the user and by nobody else; read-only is; no way out by a link."""
    me = lab.add_user()
    home = lab.directory / f"home-{me.uid}"
    work, docs = home / "work, mine", home / "docs"
    secret = lab.directory / "secret"
    secret.write_text("of the laptop's\n")
    for each in (work, docs):
        each.mkdir(parents=True)
        (each / "hello").write_text(f"from {each.name}\n")
    (work / "roots").write_text("root's\n")
    (work / "roots").chmod(0o600)
    lab.laptop.netns.run(["chown", "-R", f"{me.uid}:{me.gid}", home])
    lab.laptop.netns.run(["chown", "root:root", work / "roots"])

    _, guest = boot(lab, tiny(full=True, memory="256M", shares=[
        {"path": str(work), "tag": "work"}, {"path": str(docs), "tag": "docs", "readonly": True}]),
        user=me, sudo=True)
    guest.sh(MOUNT.format(tag="work"), timeout=60)
    guest.sh(MOUNT.format(tag="docs"))
    assert guest.sh("cat /mnt/work/hello /mnt/docs/hello") == "from work, mine\nfrom docs"

    guest.sh("echo by the guest >/mnt/work/new; mkdir /mnt/work/dir; chmod 4755 /mnt/work/new")
    assert (work / "new").read_text() == "by the guest\n"
    assert {each.stat().st_uid for each in (work / "new", work / "dir")} == {me.uid}
    assert "Read-only" in guest.sh("echo x >/mnt/docs/new", check=False)
    assert not (docs / "new").exists()

    assert "denied" in guest.sh("cat /mnt/work/roots", check=False), "not even as the guest's root"
    assert "not permitted" in guest.sh("chown 0:0 /mnt/work/hello; mknod /mnt/work/null c 1 3",
                                       check=False)
    guest.sh(f"ln -s {secret} /mnt/work/link; ln -s ../../../secret /mnt/work/up")
    said = guest.sh("cat /mnt/work/link /mnt/work/up /mnt/work/../../secret", check=False)
    assert "laptop" not in said
    assert (work / "link").is_symlink(), "which the laptop's own programs follow"


# Debian 12 has no other than QEMU's old one, whose options are others, and which cannot go without
# dropping groups.
STAND_IN = """#!/bin/sh
for word; do
	case $word in
	--shared-dir=*) source=${word#*=} ;;
	esac
done
cat /proc/self/uid_map >&2
kill -0 $PPID 2>/dev/null && echo "signals vmrun" >&2
exec /usr/lib/qemu/virtiofsd --fd=3 -o source="$source",log_level=warn --rlimit-nofile=0
"""


def test_virtiofs(lab: Lab) -> None:
    """The same by virtiofsd, which is the user, too: as root of a namespace of the user's own."""
    old = Path("/usr/lib/qemu/virtiofsd").exists()
    if not old and not Path("/usr/libexec/virtiofsd").exists():
        pytest.skip("needs virtiofsd")
    me = lab.add_user()
    tools, work = lab.directory / "tools", lab.directory / f"home-{me.uid}" / "work"
    tools.mkdir()
    if old:
        (tools / "virtiofsd").write_text(STAND_IN)
        (tools / "virtiofsd").chmod(0o755)
    secret = lab.directory / "secret"
    secret.write_text("of the laptop's\n")
    definition = tiny(shares=[{"path": str(work), "tag": "work", "driver": "virtiofs"}],
                      network={"type": "user", "ports": ["8080:80"]})
    work.mkdir(parents=True)
    (work / "hello").write_text("hello\n")
    (work / "roots").write_text("root's\n")
    (work / "roots").chmod(0o600)
    lab.laptop.netns.run(["chown", "-R", f"{me.uid}:{me.gid}", work.parent])
    lab.laptop.netns.run(["chown", "root:root", work / "roots"])
    argv, env = vmrun_argv(lab.directory, [str(write_definition(lab.directory, definition))], me)
    argv[argv.index("--init-groups")] = "--clear-groups"
    run = lab.laptop.netns.popen(
        argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
        env=os.environ | lab.laptop.netns.env | env | {"PATH": f"{tools}:{os.environ['PATH']}"})
    try:
        lab.laptop.http_get("127.0.0.1", 8080, timeout=60)

        def sh(script: str) -> str:
            return lab.laptop.http("POST", "127.0.0.1", "/cgi-bin/sh", 8080, script, timeout=30)

        said = sh("modprobe virtiofs; mkdir -p /mnt/work; mount -t virtiofs work /mnt/work; "
                  "cat /mnt/work/hello; echo by the guest >/mnt/work/new")
        assert said == "hello\nexit=0\n"
        assert (work / "new").read_text() == "by the guest\n"
        assert (work / "new").stat().st_uid == me.uid
        assert "denied" in sh("cat /mnt/work/roots")
        assert "not permitted" in sh("mknod /mnt/work/null c 1 3")
        assert "laptop" not in sh(f"ln -s {secret} /mnt/work/link; cat /mnt/work/link")
        servers = [each for each in process.descendants(run.pid) if each.name == "virtiofsd"]
        assert servers and all(each.status["Uid"].split() == [str(me.uid)] * 4 for each in servers)
    finally:
        run.terminate()
        _, told = run.communicate(timeout=90)
    assert run.returncode == 0, told
    assert not old or f"virtiofsd of work: 0 {me.uid} 1" in " ".join(told.split())
    assert "signals vmrun" not in told
    assert not any(each.alive for each in servers)
