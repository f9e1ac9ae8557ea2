# SPDX-License-Identifier: GPL-2.0-or-later
"""The packages for Debian and Fedora: built, and installed, removed and purged on a copy of this machine.

The copy is an overlay over the machine's files in a mount namespace of its own, without a network.
"""

import hashlib
import io
import os
import platform
import re
import shutil
import subprocess
import tarfile
from datetime import datetime
from pathlib import Path

import pytest
from conftest import need
from guests import VMS

pytestmark = pytest.mark.slow
SOURCE = VMS.parent
HELPER = "/usr/libexec/vmrun/vmrun-netsetup"
PROFILE = "/etc/apparmor.d/usr.libexec.vmrun.vmrun-netsetup"
PROGRAMS = ["/usr/bin/vmrun", HELPER, "/usr/libexec/vmrun/vmrun-image"]

# $0 is a directory, $1 the package, $2 what to do on the copy.
COPY = """
set -e
mount -t tmpfs tmpfs "$0" && mkdir "$0/upper" "$0/work" "$0/root"
mount -t overlay -o lowerdir=/,upperdir="$0/upper",workdir="$0/work" overlay "$0/root"
mount -t proc proc "$0/root/proc" && mount -t tmpfs tmpfs "$0/root/run"
mount -t tmpfs tmpfs "$0/root/tmp" && mount --bind /dev "$0/root/dev"
cp "$1" "$0/root/tmp/"
exec chroot "$0/root" sh -euxc "$2"
"""

FILES = """
files() {
	find /etc/apparmor.d /etc/vmrun /etc/systemd /usr/bin /usr/lib /usr/libexec /usr/share -xdev \\
		-path '*vmrun*' 2>/dev/null | sort
}
"""
INSTALLED = f"""
stat -c 'helper %A %U:%G' {HELPER}
systemctl is-enabled vmrun-netsetup.socket
stat -c 'policy %A %U:%G' /etc/vmrun/netsetup.conf
getent group vmrun >&2; id -nG vmrun | tr ' ' '\\n' | sort | sed 's/^/group /'
grep -v '^#' /etc/vmrun/netsetup.conf | sed 's/^/permitted /'
vmrun --version | head -n 1
cd /tmp && vmrun init -q tiny web && head -n 1 web.yaml
man -w vmrun vmrun.yaml vmrun-netsetup >/dev/null && echo manuals
bash -c 'source /usr/share/bash-completion/completions/vmrun && complete -p vmrun' >&2
echo 'allow user root' >>/etc/vmrun/netsetup.conf
"""

LIFE = FILES + f"""
export DEBIAN_FRONTEND=noninteractive
dpkg --install --force-depends /tmp/*.deb >&2
{INSTALLED}
# What an administrator has chosen stays, over an upgrade and a removal.
dpkg-statoverride --update --add root root 0700 {HELPER}
dpkg --install --force-depends /tmp/*.deb >&2
stat -c 'again %A %U:%G' {HELPER}
tail -n 1 /etc/vmrun/netsetup.conf
dpkg-statoverride --remove {HELPER} >&2
systemctl disable vmrun-netsetup.socket >&2
dpkg-reconfigure vmrun >&2
systemctl is-enabled vmrun-netsetup.socket || true
systemctl enable vmrun-netsetup.socket >&2
# With AppArmor, the profile is loaded.
printf '#!/bin/sh\\necho "$@" >>/tmp/loaded\\n' >/usr/local/sbin/apparmor_parser
chmod +x /usr/local/sbin/apparmor_parser
ln -sf /bin/true /usr/local/sbin/aa-enabled
dpkg-reconfigure vmrun >&2
sed 's/^/loaded /' /tmp/loaded
dpkg --remove vmrun >&2
files | sed 's/^/left /'
dpkg --purge vmrun >&2
files | sed 's/^/purged /'
"""


RPM_LIFE = FILES + f"""
# Debian's rpm installs nothing without it until 12, and no longer knows it in 13.
force=--force-debian
/usr/bin/rpm $force --version >&2 || force=
rpm() {{
	/usr/bin/rpm $force --nodeps "$@"
}}
userdel vmrun >&2 2>/dev/null || true
groupdel vmrun >&2 2>/dev/null || true
rpm --install /tmp/*.rpm >&2
{INSTALLED}
rpm --upgrade --replacepkgs /tmp/*.rpm >&2
stat -c 'again %A %U:%G' {HELPER}
tail -n 1 /etc/vmrun/netsetup.conf
/usr/bin/rpm --verify --nodeps vmrun | sed 's/^/changed /'
rpm --erase vmrun >&2
files | sed 's/^/left /'
"""


def build(kind: str, directory: Path, source: Path = SOURCE, *prefix: Path,
          **environment: str) -> Path:
    """A package of a tree, built by a command that begins with @prefix."""
    done = subprocess.run([*prefix, source / "launcher" / "packaging" / "build", kind, directory],
                          text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=os.environ | environment)
    assert done.returncode == 0, done.stdout[-4000:]
    found, = directory.glob(f"*.{kind}")
    return found


def live(package: Path, script: str, directory: Path) -> tuple[list[str], str]:
    """Run a script on the copy; what it says, and what went on."""
    program = shutil.which("unshare")
    done = subprocess.run([program, "--mount", "--net", "--pid", "--fork", "sh", "-c", COPY,
                           str(directory), str(package), script], text=True, capture_output=True,
                          stdin=subprocess.DEVNULL,
                          env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"})
    if done.returncode != 0 and "mount: " in done.stderr[:200]:
        pytest.skip(f"needs an overlay over /: {done.stderr[:200]}")
    assert done.returncode == 0, done.stderr[-4000:]
    assert not Path("/etc/vmrun").exists() and not Path(HELPER).exists()
    return done.stdout.splitlines(), done.stderr[-3000:]


def installed(said: list[str]) -> list[str]:
    """The output of INSTALLED for each kind of package."""
    return [
        "helper -rwxr-xr-x root:root", "enabled",
        "policy -rw-r--r-- root:root", "group kvm", "group vmrun",
        *[line for line in said if line.startswith("vmrun 0.")],
        "# yaml-language-server: $schema=/usr/share/vmrun/vmrun.schema.json", "manuals"]


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built once."""
    need("root", "dpkg-shlibdeps", "cpack", "ninja", "unshare", "lintian")
    return build("deb", tmp_path_factory.mktemp("package"))


def test_life(package: Path, tmp_path: Path) -> None:
    """Installed, upgraded, removed, purged: as the policy for packages has it, and the machine
    itself is not touched."""
    said, happened = live(package, LIFE, tmp_path)
    assert said == [
        *installed(said), "again -rwx------ root:root", "allow user root", "disabled",
        f"loaded -r -T -W {PROFILE}",
        f"left {PROFILE}",
        "left /etc/systemd/system/sockets.target.wants/vmrun-netsetup.socket", "left /etc/vmrun", "left /etc/vmrun/netsetup.conf"], happened


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


def test_apparmor(package: Path, tmp_path: Path) -> None:
    """The profile is one for the helper's path, and AppArmor compiles it."""
    need("apparmor_parser")
    subprocess.run(["dpkg-deb", "--extract", package, tmp_path], check=True)
    profile = tmp_path / PROFILE[1:]
    compiled = subprocess.run(["apparmor_parser", "--skip-kernel-load", "--skip-cache", profile],
                              capture_output=True, text=True)
    assert compiled.returncode == 0, compiled.stderr
    assert f"\nprofile vmrun-netsetup {HELPER} {{\n" in profile.read_text()


# Hardening


def disassembled(program: Path) -> list[str]:
    """The instructions of a program, one a line."""
    return subprocess.run(["objdump", "-d", "-M", "intel", "--no-show-raw-insn", program],
                          check=True, capture_output=True, text=True).stdout.splitlines()


def cet_known() -> bool:
    """True if the C library's own objects say that they work with CET. If one lacks the mark, the
    linker takes it from the program; Debian 12 lacks it."""
    start = subprocess.run(["cc", "-print-file-name=Scrt1.o"], check=True, capture_output=True,
                           text=True).stdout.strip()
    return "IBT, SHSTK" in subprocess.run(["readelf", "--notes", start], check=True, text=True,
                                          capture_output=True).stdout


@pytest.mark.parametrize("program", PROGRAMS)
def test_hardening(package: Path, tmp_path: Path, program: str) -> None:
    need("hardening-check", "objdump")
    subprocess.run(["dpkg-deb", "--extract", package, tmp_path], check=True)
    path = tmp_path / program[1:]
    said = subprocess.run(["hardening-check", path], capture_output=True, text=True).stdout
    for each in ("Position Independent Executable: yes", "Stack protected: yes",
                 "Fortify Source functions: yes", "Read-only relocations: yes",
                 "Immediate binding: yes"):
        assert f" {each}" in said, said
    if platform.machine() != "x86_64":
        return
    assert "Control flow integrity: yes" in said or not cet_known(), said
    code = disassembled(path)
    assert sum("endbr64" in line for line in code) > 20
    # hardening-check knows the probes of another version of gcc.
    for line, following in zip(code, code[1:]):
        if frame := re.search(r"\tsub +rsp,0x([0-9a-f]{1,8})$", line):
            size = int(frame[1], 16)
            assert size <= 0x1000, line
            assert size < 0x1000 or re.search(r"\tor +QWORD PTR \[rsp\],0x0$", following), line


# The bill of materials and reproducible builds


def members(package: Path) -> dict[str, tuple[object, ...]]:
    """Metadata and digest of each member, by its archive and name."""
    found: dict[str, tuple[object, ...]] = {}
    for part in "ctrl", "fsys":
        done = subprocess.run(["dpkg-deb", f"--{part}-tarfile", package], check=True,
                              capture_output=True)
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
            for each in tar:
                data = tar.extractfile(each) if each.isfile() else None
                found[f"{part} {each.name}"] = (
                    oct(each.mode), each.uid, each.gid, each.uname, each.gname, each.mtime,
                    hashlib.sha256(data.read()).hexdigest() if data else "")
    return found


# The fields that each part of a document must have (SPDX 2.3, tag-value), and their values.
TEXT, ID, NAME = r"\S.*", r"SPDXRef-[A-Za-z0-9.-]+", r"[a-z0-9][a-z0-9+.-]+"
REQUIRED = {
    "SPDXVersion": {"SPDXVersion": r"SPDX-2\.3", "DataLicense": r"CC0-1\.0", "SPDXID": "SPDXRef-DOCUMENT",
                    "DocumentName": TEXT, "DocumentNamespace": r"https://[^\s#]+",
                    "Creator": r"(Tool|Person|Organization): \S.*",
                    "Created": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"},
    "PackageName": {"PackageName": NAME, "SPDXID": ID, "PackageVersion": r"[\w.:~+-]+",
                    "PackageDownloadLocation": TEXT, "FilesAnalyzed": "true|false"},
    "FileName": {"FileName": r"\./\S.*", "SPDXID": ID, "FileChecksum": r"SHA(1: \w{40}|256: \w{64})"},
}


def materials(package: Path) -> list[dict[str, list[str]]]:
    """The parts of a bill of materials: the document, packages and files. Each part has the fields
    that it must have, and an ID of its own."""
    parts: list[dict[str, list[str]]] = []
    for line in package.with_name(package.name + ".spdx").read_text().splitlines():
        tag, _, value = line.partition(": ")
        if tag in REQUIRED:
            parts.append({})
        if line:
            parts[-1].setdefault(tag, []).append(value)
    for part in parts:
        for tag, pattern in REQUIRED[next(iter(part))].items():
            assert part.get(tag) and all(re.fullmatch(pattern, each) for each in part[tag]), (tag, part)
    names = [part["SPDXID"][0] for part in parts]
    assert len({*names}) == len(names)
    for part in parts:
        for relationship in part.get("Relationship", []):
            one, _, other = relationship.split()
            assert {one, other} <= {*names}, relationship
    return parts


def test_materials(package: Path) -> None:
    """All files with their digests, and the version of each library that is linked."""
    document, main, *others = materials(package)
    files = [part for part in others if "FileName" in part]
    libraries = [part for part in others if "PackageName" in part]
    assert document["Relationship"] == ["SPDXRef-DOCUMENT DESCRIBES SPDXRef-vmrun"]
    assert main["PackageFileName"] == [package.name]
    assert main["PackageLicenseDeclared"] == main["PackageLicenseConcluded"] == ["GPL-2.0-or-later"]
    digest = hashlib.sha256(package.read_bytes()).hexdigest()
    assert main["PackageChecksum"] == [f"SHA256: {digest}"]
    assert {f"fsys {part['FileName'][0]}": part["FileChecksum"][1][8:] for part in files} == {
        name: each[-1] for name, each in members(package).items() if name[:4] == "fsys" and each[-1]}
    sums = "".join(sorted(part["FileChecksum"][0][6:] for part in files))
    assert main["PackageVerificationCode"] == [hashlib.sha1(sums.encode()).hexdigest()]
    names = {part["PackageName"][0] for part in libraries}
    assert {"libc6", "libnl-3-200", "libseccomp2", "libyaml-0-2"} <= names
    for part in libraries:
        name, version = part["PackageName"][0], part["PackageVersion"][0]
        assert version in subprocess.run(["dpkg-query", "-W", "-f", "${Version}\n", name], check=True,
                                         capture_output=True, text=True).stdout.split()
        assert part["Relationship"] == [f"SPDXRef-vmrun DYNAMIC_LINK {part['SPDXID'][0]}"]


def clone(directory: Path) -> Path:
    """A copy of this tree as a user with umask 077 has it, of another time."""
    listed = subprocess.run(["git", "-C", SOURCE, "ls-files", "-z", "-c", "-o", "--exclude-standard"],
                            check=True, capture_output=True, text=True).stdout.split("\0")
    for name in filter(None, listed):
        if (SOURCE / name).is_file():
            (directory / name).parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            shutil.copyfile(SOURCE / name, directory / name)
            (directory / name).chmod((SOURCE / name).stat().st_mode & 0o700)
    return directory


def rebuilt(package: Path, directory: Path) -> Path:
    """The package once more, from another directory, at another time, by a user with another
    language, time zone, home, host name and umask."""
    need("unshare", "localedef")
    bill = package.with_name(package.name + ".spdx").read_text()
    created = re.search(r"^Created: (.*)Z$", bill, re.MULTILINE)[1]
    epoch = int(datetime.fromisoformat(f"{created}+00:00").timestamp())
    return build(package.suffix[1:], directory / "built", clone(directory / "a clone"),
                 SOURCE / "tests" / "tools" / "elsewhere", SOURCE_DATE_EPOCH=str(epoch))


def same(one: Path, two: Path) -> None:
    """The packages and their bills of materials have the same names and bytes."""
    for suffix in "", ".spdx":
        first, second = (each.with_name(each.name + suffix) for each in (one, two))
        assert first.name == second.name
        assert first.read_bytes() == second.read_bytes(), f"{first.name} differs"


def test_reproducible(package: Path, tmp_path: Path) -> None:
    again = rebuilt(package, tmp_path)
    assert members(again) == members(package)
    same(again, package)


# Fedora's


@pytest.fixture(scope="module")
def rpm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package, built once."""
    need("root", "rpmbuild", "cpack", "ninja", "unshare", "rpmlint")
    return build("rpm", tmp_path_factory.mktemp("rpm"))


def query(rpm: Path, *what: str) -> list[str]:
    """The output of rpm for the package."""
    return subprocess.run(["rpm", "--query", "--package", *what, rpm], check=True, text=True,
                          capture_output=True).stdout.splitlines()


def test_rpm(rpm: Path) -> None:
    """Its files are where Fedora looks, the policy is the administrator's, the group is made first,
    and no file gives rights to who runs it."""
    files = dict(line.split(" ", 1)[::-1] for line in query(
        rpm, "--queryformat", "[%{FILEMODES:perms} %{FILENAMES}\n]"))
    for path in ("/usr/bin/vmrun", HELPER, "/usr/libexec/vmrun/vmrun-image",
                 "/usr/lib/systemd/system/vmrun-netsetup.socket",
                 "/usr/lib/systemd/system/vmrun-netsetup.service",
                 "/usr/lib/systemd/system/vmrun@.service", "/usr/lib/systemd/user/vmrun@.service",
                 "/usr/lib/systemd/system/vmrun-user@.service",
                 "/usr/lib/NetworkManager/conf.d/10-vmrun.conf", "/usr/lib/sysusers.d/vmrun.conf",
                 "/usr/lib/udev/rules.d/70-vmrun.rules", "/usr/share/man/man1/vmrun.1.gz",
                 "/usr/share/man/man5/vmrun.yaml.5.gz", "/usr/share/man/man8/vmrun-netsetup.8.gz",
                 "/usr/share/bash-completion/completions/vmrun",
                 "/usr/share/zsh/site-functions/_vmrun", "/usr/share/licenses/vmrun/LICENSE",
                 "/usr/share/fish/vendor_completions.d/vmrun.fish"):
        assert path in files
    assert not [path for path in files if "changelog.Debian" in path or "build-id" in path]
    assert query(rpm, "--configfiles") == ["/etc/vmrun/netsetup.conf"]
    assert query(rpm, "--queryformat", "[%{FILEFLAGS:fflags} %{FILENAMES}\n]").count(
        "cn /etc/vmrun/netsetup.conf") == 1
    assert files[HELPER] == "-rwxr-xr-x" and not [each for each in files.values() if "s" in each]
    assert not "".join(query(rpm, "--queryformat", "[%{FILECAPS}]"))
    scripts = "\n".join(query(rpm, "--scripts"))
    before, after = scripts.split("postinstall scriptlet")
    assert "systemd-sysusers --replace=" in before and 'u vmrun - "' in before
    assert "setcap" not in after and "chown" not in after
    needed = query(rpm, "--requires")
    assert {"qemu-system-x86-core", "qemu-img", "systemd", "libyaml-0.so.2()(64bit)"} <= {*needed}


def test_rpmlint(rpm: Path) -> None:
    """It finds nothing but what launcher/packaging/rpm/rpmlintrc gives reasons for."""
    done = subprocess.run(["rpmlint", "-r", SOURCE / "launcher" / "packaging" / "rpm" / "rpmlintrc",
                           "--ignore-unused-rpmlintrc", rpm],
                          capture_output=True, text=True)
    assert done.returncode == 0 and " 0 errors, 0 warnings," in done.stdout, done.stdout


def test_rpm_materials(rpm: Path) -> None:
    """The bill lists the files of the package."""
    files = {part["FileName"][0][1:] for part in materials(rpm) if "FileName" in part}
    listed = query(rpm, "--queryformat", "[%{FILEMODES:perms} %{FILENAMES}\n]")
    assert files == {line.split(" ", 1)[1] for line in listed if line[0] == "-"}


def test_rpm_reproducible(rpm: Path, tmp_path: Path) -> None:
    same(rebuilt(rpm, tmp_path), rpm)


def test_rpm_life(rpm: Path, tmp_path: Path) -> None:
    """Installed, upgraded, removed on a machine that did not have the group."""
    said, happened = live(rpm, RPM_LIFE, tmp_path)
    assert said == [
        *installed(said), "again -rwxr-xr-x root:root", "allow user root",
        "changed S.5....T.  c /etc/vmrun/netsetup.conf",
        "left /etc/vmrun", "left /etc/vmrun/netsetup.conf.rpmsave"], happened
