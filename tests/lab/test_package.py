# SPDX-License-Identifier: GPL-2.0-or-later
"""The package for Debian: built, and installed, removed and purged on a copy of this machine.

The copy is an overlay over the machine's files in a mount namespace of its own, without a network.
"""

import os
import platform
import shutil
import subprocess
from pathlib import Path

import pytest
from conftest import need
from guests import VMS

pytestmark = pytest.mark.slow
SOURCE = VMS.parent
HELPER = "/usr/libexec/vmrun/vmrun-netsetup"

# $0 is a directory, $1 the package, $2 what to do on the copy.
COPY = """
set -e
mount -t tmpfs tmpfs "$0" && mkdir "$0/upper" "$0/work" "$0/root"
mount -t overlay -o lowerdir=/,upperdir="$0/upper",workdir="$0/work" overlay "$0/root"
mount -t proc proc "$0/root/proc" && mount -t tmpfs tmpfs "$0/root/run"
mount -t tmpfs tmpfs "$0/root/tmp" && mount --bind /dev "$0/root/dev"
cp "$1" "$0/root/tmp/vmrun.deb"
exec chroot "$0/root" sh -euxc "$2"
"""

LIFE = f"""
files() {{
	find /etc/vmrun /usr/bin /usr/lib /usr/libexec /usr/share -xdev -path '*vmrun*' 2>/dev/null | sort
}}
export DEBIAN_FRONTEND=noninteractive
dpkg --install --force-depends /tmp/vmrun.deb >&2
stat -c 'helper %A %U:%G' {HELPER}
stat -c 'policy %A %U:%G' /etc/vmrun/netsetup.conf
getent group vmrun >&2; id -nG vmrun | tr ' ' '\\n' | sort | sed 's/^/group /'
grep -v '^#' /etc/vmrun/netsetup.conf | sed 's/^/permitted /'
vmrun --version | head -n 1
cd /tmp && vmrun init -q tiny web && head -n 1 web.yaml
man -w vmrun vmrun.yaml vmrun-netsetup >/dev/null && echo manuals
bash -c 'source /usr/share/bash-completion/completions/vmrun && complete -p vmrun' >&2
# What an administrator has chosen stays, over an upgrade and a removal.
echo 'allow user root' >>/etc/vmrun/netsetup.conf
dpkg-statoverride --update --add root root 0700 {HELPER}
dpkg --install --force-depends /tmp/vmrun.deb >&2
stat -c 'again %A %U:%G' {HELPER}
tail -n 1 /etc/vmrun/netsetup.conf
dpkg-statoverride --remove {HELPER} >&2
dpkg --remove vmrun >&2
files | sed 's/^/left /'
dpkg --purge vmrun >&2
files | sed 's/^/purged /'
"""


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built once."""
    need("root", "dpkg-shlibdeps", "cpack", "ninja", "unshare", "lintian")
    directory = tmp_path_factory.mktemp("package")
    done = subprocess.run([SOURCE / "packaging" / "build", "deb", directory], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert done.returncode == 0, done.stdout[-4000:]
    found = list(directory.glob("*.deb"))
    assert len(found) == 1
    return found[0]


def test_life(package: Path, tmp_path: Path) -> None:
    """Installed, upgraded, removed, purged: as the policy for packages has it, and the machine
    itself is not touched."""
    program = shutil.which("unshare")
    done = subprocess.run([program, "--mount", "--net", "--pid", "--fork", "sh", "-c", COPY,
                           str(tmp_path), str(package), LIFE], text=True, capture_output=True,
                          stdin=subprocess.DEVNULL,
                          env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})
    if done.returncode != 0 and "mount: " in done.stderr[:200]:
        pytest.skip(f"needs an overlay over /: {done.stderr[:200]}")
    assert done.returncode == 0, done.stderr[-4000:]
    assert done.stdout.splitlines() == [
        "helper -rwsr-x--- root:vmrun", "policy -rw-r--r-- root:root", "group kvm", "group vmrun",
        *[line for line in done.stdout.splitlines() if line.startswith("vmrun 0.")],
        "# yaml-language-server: $schema=/usr/share/vmrun/vmrun.schema.json", "manuals",
        "again -rwx------ root:root", "allow user root",
        "left /etc/vmrun", "left /etc/vmrun/netsetup.conf"], done.stderr[-3000:]
    assert not Path("/etc/vmrun").exists() and not Path(HELPER).exists()


def test_lintian(package: Path) -> None:
    """It finds nothing but that nobody asked for the package."""
    done = subprocess.run(["lintian", "--allow-root", "--fail-on", "error,warning",
                           "--suppress-tags", "initial-upload-closes-no-bugs", str(package)],
                          capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_control(package: Path) -> None:
    """The version is that of the build, and a library that is linked is depended on."""
    version, architecture, depends = subprocess.run(
        ["dpkg-deb", "--show", "--showformat", "${Version}\n${Architecture}\n${Depends}", package],
        check=True, capture_output=True, text=True).stdout.split("\n")
    project = (SOURCE / "CMakeLists.txt").read_text().split("project(vmrun VERSION ")[1].split()[0]
    assert version == f"{project}-1"
    assert architecture == {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine())
    for each in ("libnl-3-200", "libyaml-0-2", "libjson-c5", "qemu-system-x86"):
        assert each in depends
