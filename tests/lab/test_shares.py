# SPDX-License-Identifier: GPL-2.0-or-later
"""Directories of the laptop that the guest mounts: what it may do there is what its user may."""

import pytest

from guests import boot, tiny
from lab import Lab

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
