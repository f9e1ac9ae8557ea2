# SPDX-License-Identifier: GPL-2.0-or-later
"""The scripts that run the tests: what they do to the machine and to the tree of a user of sudo."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TESTS = Path(__file__).resolve().parents[1]
USER = 12345

APT = """#!/bin/sh
echo "$@" >>"$CALLS"
[ "$1" = install ] || [ "$(grep -c update "$CALLS")" -gt "$LOCKED" ] || {
	echo "E: $SAYS" >&2
	exit 100
}
"""


def packages(directory: Path, locked: int, says: str) -> tuple[int, list[str]]:
    """Run tests/packages where the first `locked` updates fail; its status, and apt's calls."""
    calls = directory / "calls"
    for name, text in (("apt-get", APT), ("sleep", "#!/bin/sh\n"), ("dpkg-query", "#!/bin/sh\n")):
        (directory / name).write_text(text)
        (directory / name).chmod(0o755)
    done = subprocess.run(
        [TESTS / "packages", "guest"], stdout=subprocess.DEVNULL, check=False,
        env={**os.environ, "PATH": f"{directory}:{os.environ['PATH']}", "CALLS": str(calls),
             "LOCKED": str(locked), "SAYS": says})
    return done.returncode, calls.read_text().splitlines()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs packages")
def test_packages_wait(tmp_path: Path) -> None:
    """Another apt, such as the daily one, holds its locks for a while."""
    status, calls = packages(tmp_path, 2, "Could not get lock /var/lib/apt/lists/lock.")
    assert status == 0 and calls[:3] == ["update"] * 3
    assert "DPkg::Lock::Timeout=" in calls[3] and "qemu-system-x86" in calls[3]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root installs packages")
def test_packages_fail(tmp_path: Path) -> None:
    """No other error is tried again."""
    assert packages(tmp_path, 2, "The list of sources could not be read.") == (1, ["update"])


def tree(directory: Path, owner: int) -> tuple[Path, Path]:
    """A tree of this user with a file and a link that root made; returns the file's directory."""
    made = directory / "tree" / "build"
    (directory / "tree" / "tests" / "tools").mkdir(parents=True)
    script = shutil.copy(TESTS / "tools" / "give_back", directory / "tree" / "tests" / "tools")
    made.mkdir()
    (made / "vmrun").touch()
    (directory / "outside").touch()
    (made / "link").symlink_to(directory / "outside")
    os.chown(directory / "tree", owner, owner)
    environment = {**os.environ, "SUDO_UID": str(USER), "SUDO_GID": str(USER)}
    subprocess.run([script], check=True, env=environment)
    return made, directory / "outside"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
def test_give_back(tmp_path: Path) -> None:
    """A user can remove what `sudo tests/demo` made in the user's tree."""
    made, outside = tree(tmp_path, USER)
    for path in (made, made / "vmrun", made / "link"):
        assert (path.lstat().st_uid, path.lstat().st_gid) == (USER, USER), path
    assert outside.stat().st_uid == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root makes files for others")
@pytest.mark.parametrize("owner", [0, USER + 1])
def test_give_back_not(tmp_path: Path, owner: int) -> None:
    """A tree of root or of another user keeps its owners."""
    made, _ = tree(tmp_path, owner)
    assert made.stat().st_uid == 0


def listed(name: str) -> set[str]:
    """The packages of a list in tests/packages."""
    lists = (TESTS / "packages").read_text()
    return set(re.search(rf'^{name}="([^"]*)"', lists, re.MULTILINE)[1].split())


def test_readme() -> None:
    """README.md names each package that the build needs, before the first command that builds."""
    readme = (TESTS.parent / "README.md").read_text()
    debian = set(readme[:readme.index("launcher/packaging/build")].split())
    assert not (listed("debian_build") | {"dpkg-dev", "file", "make", "git"}) - debian
    fedora = set(re.search(r"On Fedora,.*?\n\n", readme, re.DOTALL)[0].replace("`", " ").split())
    assert not listed("fedora_build") - fedora


def test_readme_pasted() -> None:
    """Each block of README.md can be pasted: apt asks nothing, and make starts few processes."""
    readme = (TESTS.parent / "README.md").read_text()
    for block in re.findall(r"^```sh\n(.*?)^```", readme, re.DOTALL | re.MULTILINE):
        assert subprocess.run(["bash", "-n", "-c", block], check=False).returncode == 0, block
        assert "apt-get install" not in block.replace("apt-get install -y", ""), block
        assert not re.search(r"-j( |$)", block, re.MULTILINE), block
