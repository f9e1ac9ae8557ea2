# SPDX-License-Identifier: GPL-2.0-or-later
"""`cmake --install` with NETSETUP_MODE: a group's member boots without sudo, nobody else does."""

import os
import re
import shutil
import stat
import tempfile
from pathlib import Path
from typing import Iterator

import pytest

import netns
from conftest import need
from guests import boot, paused, refused, tiny
from lab import Lab
from netns import run

pytestmark = pytest.mark.usefixtures("vmrun")

SOURCE = Path(__file__).resolve().parents[3]
CAPABILITIES = {"cap_net_admin", "cap_net_raw", "cap_setuid", "cap_setgid", "cap_setpcap",
                "cap_sys_resource=p"}


@pytest.fixture(scope="module")
def build() -> Iterator[Path]:
    """A build whose policy is looked for in a directory of this test's. Not pytest's own, which
    other users cannot reach into."""
    need("cmake", "cc", "setcap", "getcap")
    directory = Path(tempfile.gettempdir(), f"{netns.PREFIX}{os.getpid()}-0-install")
    directory.mkdir(mode=0o755)
    try:
        configure(directory, "plain")
        run(["cmake", "--build", directory / "build", "-j", str(os.cpu_count())], timeout=300)
        yield directory
    finally:
        shutil.rmtree(directory)


def configure(directory: Path, mode: str, group: str = "4343", check: bool = True) -> str:
    """The error that cmake printed."""
    return run(["cmake", "-S", SOURCE, "-B", directory / "build", "-DBUILD_TESTING=OFF",
                f"-DCMAKE_INSTALL_PREFIX={directory / 'prefix'}",
                f"-DCMAKE_INSTALL_SYSCONFDIR={directory / 'etc'}",
                f"-DNETSETUP_MODE={mode}", f"-DNETSETUP_GROUP={group}"],
               check=check, timeout=60).stderr


def install(directory: Path, mode: str) -> Path:
    """Install in that mode; the helper."""
    shutil.rmtree(directory / "prefix", ignore_errors=True)
    configure(directory, mode)
    run(["cmake", "--install", directory / "build"])
    return directory / "prefix" / "libexec" / "vmrun" / "vmrun-netsetup"


def capabilities(helper: Path) -> set[str]:
    """Those of the file."""
    said = run(["getcap", helper]).stdout.split()
    return set(said[1].split(",")) if said else set()


@pytest.mark.parametrize("mode", ["setuid", "capabilities"])
def test_without_sudo(lab: Lab, build: Path, mode: str, monkeypatch: pytest.MonkeyPatch) -> None:
    helper = install(build, mode)
    status = helper.stat()
    assert (status.st_uid, status.st_gid) == (0, 4343)
    assert stat.S_IMODE(status.st_mode) == (0o4750 if mode == "setuid" else 0o750)
    assert capabilities(helper) == (CAPABILITIES if mode == "capabilities" else set())

    monkeypatch.setenv("VMRUN", str(build / "prefix" / "bin" / "vmrun"))
    me = lab.add_user()
    policy = build / "etc" / "vmrun" / "netsetup.conf"
    policy.parent.mkdir(parents=True, exist_ok=True)
    policy.write_text("allow group also\n")
    vm, guest = boot(lab, tiny(), user=me)
    assert guest.pings(str(lab.lan.gateway))
    assert vm.netsetup.status["Uid"].split() == ["0"] * 4
    assert vm.stop() == 0

    status, said = refused(lab, paused(), user="games")
    assert status == 4 and "cannot run '" in said
    policy.unlink()
    status, said = refused(lab, paused(), user=me)
    assert status == 4 and f"there is no '{policy}'" in said and "\nallow user me\n" in said


def test_plain(build: Path) -> None:
    helper = install(build, "plain")
    assert stat.S_IMODE(helper.stat().st_mode) == 0o755 and capabilities(helper) == set()


def test_unknown_group(build: Path) -> None:
    """It says so, and leaves no helper that everybody could run."""
    configure(build, "setuid", "no-such-group")
    done = run(["cmake", "--install", build / "build"], check=False)
    assert done.returncode != 0
    assert "cannot install the helper: chown root:no-such-group" in " ".join(done.stderr.split())
    assert not (build / "prefix" / "libexec" / "vmrun" / "vmrun-netsetup").exists()


def test_unknown_mode(build: Path) -> None:
    said = " ".join(configure(build, "suid", check=False).split())
    assert "NETSETUP_MODE is 'suid', not plain, setuid or capabilities" in said


def test_uninstall(build: Path) -> None:
    """README's documents are installed, and the target removes each file and directory of vmrun."""
    install(build, "plain")
    documents = build / "prefix" / "share" / "doc" / "vmrun"
    linked = re.findall(r"\]\(([^):]+)\)", (documents / "README.md").read_text())
    assert "ARCHITECTURE.md" in linked
    for each in linked:
        assert (documents / each.replace("vms/", "examples/")).exists(), each
    foreign = documents / "examples" / "mine.yaml"
    foreign.write_text("memory: 1G\n")
    run(["cmake", "--build", build / "build", "--target", "uninstall"])
    assert [each for each in (build / "prefix").rglob("*") if each.is_file()] == [foreign]
    done = run(["cmake", "--build", build / "build", "--target", "uninstall"], check=False)
    assert done.returncode != 0 and "cannot uninstall: there is no" in done.stdout + done.stderr

    install(build, "plain")
    foreign.unlink(missing_ok=True)
    run(["cmake", "--build", build / "build", "--target", "uninstall"])
    assert not [*(build / "prefix").rglob("vmrun*")]


def test_package_needs_shlibdeps(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package without its dependencies is refused before anything is built."""
    need("ninja")
    path = build / "path"
    path.mkdir()
    for program in Path("/usr/bin").iterdir():
        if program.name != "dpkg-shlibdeps":
            (path / program.name).symlink_to(program)
    monkeypatch.setenv("PATH", str(path))
    done = run([SOURCE / "launcher" / "packaging" / "build", "deb", build / "deb"], check=False,
               timeout=60)
    assert done.returncode != 0
    assert "sudo apt-get install dpkg-dev" in " ".join(done.stderr.split())
    assert not [*(build / "deb").rglob("*.deb")]
