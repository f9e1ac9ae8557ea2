# SPDX-License-Identifier: GPL-2.0-or-later
"""`cmake --install`: a member of the group boots without sudo by the service, nobody else does."""

import os
import re
import shutil
import stat
import tempfile
import time
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

# Prints SO_NETNS_COOKIE, which names the directory of a network namespace.
COOKIE = """
import socket, sys
print(int.from_bytes(socket.socket(socket.AF_UNIX).getsockopt(socket.SOL_SOCKET, 71, 8),
                     sys.byteorder))
"""


@pytest.fixture(scope="module")
def build() -> Iterator[Path]:
    """A build whose policy is looked for in a directory of this test's. Not pytest's own, which
    other users cannot reach into."""
    need("cmake", "cc", "getcap")
    directory = Path(tempfile.gettempdir(), f"{netns.PREFIX}{os.getpid()}-0-install")
    directory.mkdir(mode=0o755)
    try:
        run(["cmake", "-S", SOURCE, "-B", directory / "build", "-DBUILD_TESTING=OFF",
             f"-DCMAKE_INSTALL_PREFIX={directory / 'prefix'}",
             f"-DCMAKE_INSTALL_SYSCONFDIR={directory / 'etc'}"], timeout=60)
        run(["cmake", "--build", directory / "build", "-j", str(os.cpu_count())], timeout=300)
        yield directory
    finally:
        shutil.rmtree(directory)


def install(directory: Path) -> Path:
    """Install; the helper."""
    shutil.rmtree(directory / "prefix", ignore_errors=True)
    run(["cmake", "--install", directory / "build"])
    return directory / "prefix" / "libexec" / "vmrun" / "vmrun-netsetup"


@pytest.fixture
def listening(lab: Lab, build: Path) -> Iterator[Path]:
    """The installed service, as an init script starts it on the laptop; its socket."""
    lab.add_user(group_name="vmrun")
    (build / "etc" / "vmrun").mkdir(parents=True, exist_ok=True)
    cookie = lab.run(["/usr/bin/python3", "-c", COOKIE]).stdout.strip()
    socket = lab.laptop.netns.run_dir / "vmrun" / f"net-{cookie}" / "netsetup.sock"
    service = lab.exec([install(build), "--listen"])
    deadline = time.monotonic() + 10
    while not socket.exists():
        assert time.monotonic() < deadline and service.poll() is None
        time.sleep(0.05)
    yield socket
    service.terminate()
    assert service.wait(timeout=10) == 0
    assert not socket.exists()


def test_without_sudo(lab: Lab, build: Path, listening: Path,
                      monkeypatch: pytest.MonkeyPatch) -> None:
    """A member of the group connects to the service, and the policy decides at each request."""
    status = listening.stat()
    assert (status.st_uid, status.st_gid) == (0, 4343)
    assert stat.S_IMODE(status.st_mode) == 0o660

    monkeypatch.setenv("VMRUN", str(build / "prefix" / "bin" / "vmrun"))
    me = lab.add_user(group_name="vmrun")
    policy = build / "etc" / "vmrun" / "netsetup.conf"
    policy.write_text("allow group vmrun\n")
    vm, guest = boot(lab, tiny(), user=me)
    assert guest.pings(str(lab.lan.gateway))
    assert vm.stop() == 0

    status, said = refused(lab, paused(), user="games")
    assert status == 4 and "netsetup.sock" in said
    policy.unlink()
    status, said = refused(lab, paused(), user=me)
    assert status == 4 and f"there is no '{policy}'" in said and "\nallow user me\n" in said


def test_no_rights(build: Path) -> None:
    """No file gives rights to who runs it, and the units name the installed program."""
    helper = install(build)
    assert stat.S_IMODE(helper.stat().st_mode) == 0o755
    assert run(["getcap", "-r", build / "prefix"]).stdout == ""
    units = build / "prefix" / "lib" / "systemd" / "system"
    assert f"\nExecStart={helper} --service\n" in (units / "vmrun-netsetup.service").read_text()
    assert f"\nExecStopPost=-{helper} --clean\n" in (units / "vmrun-netsetup.socket").read_text()


def test_uninstall(build: Path) -> None:
    """README's documents are installed, and the target removes each file and directory of vmrun."""
    install(build)
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

    install(build)
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
