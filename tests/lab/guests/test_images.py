# SPDX-License-Identifier: GPL-2.0-or-later
"""Images from URLs: fetched once, verified, resumed, unpacked, or refused; overlays and reset."""

import bz2
import gzip
import fcntl
import hashlib
import itertools
import lzma
import os
import pty
import random
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Iterator, Optional, Sequence, Union
from urllib.parse import quote

import pytest
import yaml

import netns
import process
from conftest import need, need_vmrun
from guests import VMS, tiny
from lab import Lab
from mirror import Mirror
from netns import Netns
from output import Output
from vm import User, binary as vm_binary, vmrun_argv

_serial = itertools.count(900)


def sha(data: bytes, kind: str = "sha256") -> dict[str, str]:
    """The key of a definition that pins @data."""
    return {kind: hashlib.new(kind, data).hexdigest()}


class Host:
    """A host whose only network is its loopback, with a mirror on it and a user's home."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.netns = Netns(f"{netns.PREFIX}{os.getpid()}-{next(_serial)}-images")
        netns.create([self.netns])
        self.netns.ip("link set lo up")
        generator = random.Random(1)
        self.image = generator.randbytes(700_000) + bytes(1_000_000) + generator.randbytes(123_456)
        self.mirror = Mirror(self.netns, {"disk.raw": self.image})
        self._processes: list[subprocess.Popen] = []

    def close(self) -> None:
        """Remove it all."""
        self.mirror.close()
        for each in self._processes:
            if each.poll() is None:
                each.kill()
            each.wait()
        netns.delete([self.netns.name])

    @property
    def cache(self) -> Path:
        """The directory of root's images."""
        return self.directory / "home-0" / "cache" / "vmrun" / "images"

    def cached(self) -> list[str]:
        """The names in it."""
        return sorted(each.name for each in self.cache.glob("*"))

    def define(self, image: Union[str, list[str]], name: str = "web", **keys: Any) -> Path:
        """A definition with one disk, pinned to the mirror's image unless @keys do that."""
        if not {"sha256", "sha512", "unpinned"} & keys.keys():
            keys |= sha(self.image)
        keys.pop("unpinned", None)
        path = self.directory / f"{name}.yaml"
        path.write_text(yaml.safe_dump({"name": name, "memory": "64M", "network": "none",
                                        "console": "none",
                                        "disks": [{"image": image, **keys}]}))
        path.chmod(0o644)
        return path

    def argv(self, arguments: Sequence[object], user: User = None) -> tuple[list[str], dict]:
        """The command line of vmrun, and its environment."""
        argv, env = vmrun_argv(self.directory, list(map(str, arguments)), user)
        for name in ("http_proxy", "https_proxy", "all_proxy"):
            env |= {name: "", name.upper(): ""}
        return argv, os.environ | env

    def vmrun(self, *arguments: object, before: str = "", user: User = None,
              timeout: float = 30) -> subprocess.CompletedProcess:
        """Run vmrun to its end; @before: a shell's command, with the cache as $0."""
        argv, env = self.argv(arguments, user)
        if before:
            self.cache.mkdir(parents=True, exist_ok=True)
            argv = ["sh", "-c", f'{before} && exec "$@"', str(self.cache), *argv]
        return self.netns.run(argv, check=False, timeout=timeout, env=env)

    def start(self, *arguments: object, stderr: Optional[int] = None) -> subprocess.Popen:
        """Start vmrun, in a session of its own."""
        argv, env = self.argv(arguments)
        started = self.netns.popen(argv, env=env, stderr=stderr, stdout=subprocess.PIPE,
                                   start_new_session=True)
        self._processes.append(started)
        return started

    @staticmethod
    def runs_qemu(started: subprocess.Popen) -> bool:
        """True if a guest runs under vmrun."""
        return any(each.name.startswith("qemu-system")
                   for each in process.descendants(started.pid))

    def fetch(self, manner: str, name: str = "disk.raw",
              **keys: Any) -> subprocess.CompletedProcess:
        """`vmrun fetch` of the mirror's image, served in that @manner."""
        return self.vmrun("fetch", self.define(self.mirror.url(manner, name), **keys))

    def assert_have(self, data: Optional[bytes] = None, published: Optional[bytes] = None) -> None:
        """@data alone is in the cache, whole, as it was @published."""
        data = self.image if data is None else data
        name = "sha256-" + sha(published or data)["sha256"]
        assert self.cached() == [name]
        assert (self.cache / name).read_bytes() == data
        assert (self.cache / name).stat().st_mode & 0o777 == 0o444


@pytest.fixture
def host() -> Iterator[Host]:
    """A fresh one."""
    need("root", "ip")
    need_vmrun()
    with tempfile.TemporaryDirectory(prefix=netns.PREFIX) as directory:
        Path(directory).chmod(0o755)
        made = Host(Path(directory))
        yield made
        made.close()


# Good images

@pytest.mark.parametrize("manner", ["good", "whole", "unsized", "slow"])
def test_fetched(host: Host, manner: str) -> None:
    done = host.fetch(manner)
    assert done.returncode == 0, done.stderr
    host.assert_have()
    assert "disk.raw" in done.stderr and "\r" not in done.stderr and "\033" not in done.stderr


def test_fetched_once(host: Host) -> None:
    path = host.define(host.mirror.url("good", "disk.raw"))
    for _ in range(3):
        assert host.vmrun("fetch", path).returncode == 0
    assert len(host.mirror.requests) == 1
    host.assert_have()


def test_sha512(host: Host) -> None:
    done = host.fetch("good", **sha(host.image, "sha512"))
    assert done.returncode == 0, done.stderr
    assert host.cached() == ["sha512-" + sha(host.image, "sha512")["sha512"]]


def test_file_url(host: Host) -> None:
    """A file may lie in a home directory; its name may need escapes."""
    source = host.directory / "home-0" / "my images"
    source.mkdir(parents=True)
    (source / "disk.raw").write_bytes(host.image)
    done = host.vmrun("fetch", host.define(f"file://{source}/disk.raw".replace(" ", "%20")))
    assert done.returncode == 0, done.stderr
    host.assert_have()
    assert (source / "disk.raw").read_bytes() == host.image


@pytest.mark.parametrize("kind", ["xz", "gz", "zst", "bz2"])
@pytest.mark.parametrize("manner", ["good", "breaks", "unsized"])
def test_unpacked(host: Host, kind: str, manner: str) -> None:
    """The digest is that of the compressed file; zeros become holes."""
    if kind == "zst":
        need("zstd")
        packed = subprocess.run(["zstd", "-c"], input=host.image, capture_output=True).stdout
    else:
        packed = {"xz": lzma, "gz": gzip, "bz2": bz2}[kind].compress(host.image)
    host.mirror.files["disk"] = packed
    done = host.fetch(manner, "disk", **sha(packed))
    assert done.returncode == 0, done.stderr
    host.assert_have(host.image, packed)
    status = (host.cache / host.cached()[0]).stat()
    assert status.st_blocks * 512 < len(host.image) - 900_000


def tar(host: Host, names: Sequence[str], *options: str) -> bytes:
    """A tar archive with the image under each of the @names, and with a text beside it."""
    folder = host.directory / "packed"
    folder.mkdir(exist_ok=True)
    (folder / "README").write_text("beside it")
    for name in names:
        (folder / name).write_bytes(host.image)
        with open(folder / name, "r+b") as file:  # a hole, also at its end
            file.truncate(len(host.image) + 100_000)
        subprocess.run(["fallocate", "-d", name], cwd=folder, check=True)
    return subprocess.run(["tar", "-C", folder, "-c", *options, "README", *names],
                          capture_output=True, check=True).stdout


@pytest.mark.parametrize("form", ["gnu", "oldgnu", "pax", "ustar"])
@pytest.mark.parametrize("kind", ["xz", "gz", ""])
def test_tar_with_one_image(host: Host, form: str, kind: str) -> None:
    """The archives of Debian's and Google's clouds; zeros become holes."""
    sparse = [] if form == "ustar" else ["--sparse"]
    name = "Größe.raw" if form == "pax" else "disk.raw"
    packed = tar(host, [name], f"--format={form}", *sparse)
    if kind:
        packed = {"xz": lzma, "gz": gzip}[kind].compress(packed)
    host.mirror.files["disk"] = packed
    done = host.fetch("good", "disk", **sha(packed))
    assert done.returncode == 0, done.stderr
    host.assert_have(host.image + bytes(100_000), packed)
    status = (host.cache / host.cached()[0]).stat()
    assert status.st_blocks * 512 < len(host.image) - 900_000


@pytest.mark.parametrize("names, says", [
    ([], "it is a tar archive without a file that is named .raw, .img or .qcow2"),
    (["a.raw", "b.qcow2"], "it is a tar archive with several disk images"),
])
def test_tar_refused(host: Host, names: list[str], says: str) -> None:
    packed = gzip.compress(tar(host, names))
    host.mirror.files["disk"] = packed
    done = host.fetch("good", "disk", **sha(packed))
    assert done.returncode == 1 and f"cannot unpack the image: {says}\n" in done.stderr
    assert host.cached() == []


def test_tar_cut_off(host: Host) -> None:
    packed = gzip.compress(tar(host, ["disk.raw"])[:500_000])
    host.mirror.files["disk"] = packed
    done = host.fetch("good", "disk", **sha(packed))
    assert done.returncode == 1 and "its compressed data is damaged" in done.stderr
    assert host.cached() == []


def test_bomb(host: Host) -> None:
    """Nothing is unpacked before the digest is right; without one, only some times the download."""
    bomb = b"x" * 60_000_000
    packed = lzma.compress(bomb)
    assert len(packed) < 12_000
    host.mirror.files["disk"] = packed
    url = host.mirror.url("good", "disk")
    # A write beyond this limit, in units of 512 bytes, would kill the unpacker.
    done = host.vmrun("fetch", host.define(url, **sha(b"another")), before="ulimit -f 200")
    assert done.returncode == 1 and "it has another digest than the definition says" in done.stderr
    done = host.vmrun("fetch", "--accept-digest", host.define(url, unpinned=True),
                      before="ulimit -f 2000")
    assert done.returncode == 1 and "it is more than 64 times as large" in done.stderr
    assert sum(each.stat().st_size for each in host.cache.iterdir()) <= len(packed)

    done = host.vmrun("fetch", host.define(url, **sha(packed)))
    assert done.returncode == 0, done.stderr
    assert (host.cache / f"sha256-{sha(packed)['sha256']}").read_bytes() == bomb


def test_quiet(host: Host) -> None:
    done = host.vmrun("fetch", "--quiet", host.define(host.mirror.url("good", "disk.raw")))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_bar_on_a_terminal(host: Host) -> None:
    ours, theirs = pty.openpty()
    path = host.define(host.mirror.url("slow", "disk.raw"))
    started = host.start("fetch", path, stderr=theirs)
    os.close(theirs)
    shown = Output(ours, "the terminal")
    assert started.wait(20) == 0
    shown.wait_end()
    assert re.search(r"disk\.raw.* \[=+ +\] +\d+%  .* of 1\.7 MiB  .*/s  0:0\d left", shown.text)
    assert re.search(r"vmrun: fetched disk.raw: 1\.7 MiB in 0:0\d", shown.text)
    host.assert_have()


def test_as_a_user(host: Host) -> None:
    """Nobody's own rights are enough, and what comes is nobody's alone."""
    done = host.vmrun("fetch", host.define(host.mirror.url("good", "disk.raw")), user="nobody")
    assert done.returncode == 0, done.stderr
    home, = [each for each in host.directory.glob("home-*") if each.name != "home-0"]
    image, = (home / "cache/vmrun/images").iterdir()
    assert image.read_bytes() == host.image and image.stat().st_uid != 0
    assert (home / "cache/vmrun").stat().st_mode & 0o077 == 0


# Breaks

def test_resumed_in_one_run(host: Host) -> None:
    done = host.fetch("breaks")
    assert done.returncode == 0, done.stderr
    host.assert_have()
    starts = [start for _, start in host.mirror.requests]
    assert len(starts) == 5 and starts == sorted(set(starts)), "each goes on where the last ended"


def test_resumed_by_another_run(host: Host) -> None:
    done = host.fetch("cut")
    assert done.returncode == 1 and "continue the download" in done.stderr
    name = "sha256-" + sha(host.image)["sha256"]
    assert host.cached() == [f"{name}.part"]
    host.mirror.requests.clear()
    assert host.fetch("good").returncode == 0
    assert host.mirror.requests == [("good", len(host.image) // 2)]
    host.assert_have()


def test_resumed_from_another_mirror(host: Host) -> None:
    urls = [host.mirror.url("cut", "disk.raw"), host.mirror.url("good", "disk.raw")]
    done = host.vmrun("fetch", host.define(urls))
    assert done.returncode == 0, done.stderr
    assert host.mirror.requests[-1] == ("good", len(host.image) // 2)
    host.assert_have()


def test_server_without_ranges_begins_anew(host: Host) -> None:
    assert host.fetch("cut").returncode == 1
    assert host.fetch("whole").returncode == 0
    assert host.mirror.requests[-1] == ("whole", len(host.image) // 2)
    host.assert_have()


@pytest.mark.parametrize("left", ["wrong", "too much", "all"])
def test_what_an_earlier_run_left(host: Host, left: str) -> None:
    """Is used when it is good, and thrown away when it is not."""
    host.cache.mkdir(parents=True)
    part = host.cache / ("sha256-" + sha(host.image)["sha256"] + ".part")
    part.write_bytes({"wrong": b"x" * 1000, "too much": host.image + b"x",
                      "all": host.image}[left])
    done = host.fetch("good")
    assert done.returncode == 0, done.stderr
    host.assert_have()
    assert [start for _, start in host.mirror.requests] == {
        "wrong": [1000, 0], "too much": [len(host.image) + 1, 0], "all": []}[left]


def test_busy_server(host: Host) -> None:
    assert host.fetch("busy").returncode == 0
    host.assert_have()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted(host: Host, number: int) -> None:
    """Ends at once, tells nothing, and goes on from there the next time."""
    started = host.start("fetch", host.define(host.mirror.url("stall", "disk.raw")))
    assert host.mirror.stalled.wait(10)
    family = process.descendants(started.pid)
    assert [each.name for each in family] == ["vmrun-image"]
    time.sleep(0.2)
    began = time.monotonic()
    started.send_signal(number)
    assert started.wait(5) == 128 + number
    assert time.monotonic() - began < 0.5
    assert not family[0].alive
    host.mirror.requests.clear()
    assert host.fetch("good").returncode == 0
    assert host.mirror.requests == [("good", len(host.image) // 2)]
    host.assert_have()


def test_ctrl_c_on_a_terminal(host: Host) -> None:
    """The bar is taken away."""
    ours, theirs = pty.openpty()
    started = host.start("fetch", host.define(host.mirror.url("stall", "disk.raw")), stderr=theirs)
    os.close(theirs)
    shown = Output(ours, "the terminal")
    shown.wait_for(r"50%")
    started.send_signal(signal.SIGINT)
    assert started.wait(5) == 130
    shown.wait_end()
    assert shown.text.endswith("\r\033[K")


def start_unpacking(host: Host) -> tuple[subprocess.Popen, bytes]:
    """A fetch that unpacks for some seconds, and the packed image."""
    packed = gzip.compress(b"x" * 10_000_000) * 80
    host.mirror.files["disk"] = packed
    started = host.start("fetch", host.define(host.mirror.url("good", "disk"), **sha(packed)))

    def confined() -> bool:
        family = process.descendants(started.pid)
        return len(family) == 2 and set(family[1].descriptors) == {0, 1, 2, 3, 4, 5}
    host.mirror.wait_for(confined)
    return started, packed


def test_killed(host: Host) -> None:
    """Nothing of it stays at work; half of what was unpacked is swept."""
    started, packed = start_unpacking(host)
    family = process.descendants(started.pid)
    assert any(each.endswith(".unpacked") for each in host.cached())
    assert host.vmrun("clean", "--dry-run").stdout.count("unpacked") == 0, "it is in use"
    for each in family:
        each.signal(signal.SIGKILL)
    started.kill()
    started.wait()
    assert all(each.wait_gone(2) for each in family)
    assert ".unpacked\n" in host.vmrun("clean", "--dry-run").stdout
    host.vmrun("clean")
    name = "sha256-" + sha(packed)["sha256"]
    assert host.cached() == [f"{name}.part"]


def test_helper_ends_with_vmrun(host: Host) -> None:
    started = host.start("fetch", host.define(host.mirror.url("stall", "disk.raw")))
    assert host.mirror.stalled.wait(10)
    family = process.descendants(started.pid)
    started.kill()
    started.wait()
    assert all(each.wait_gone(2) for each in family)


def test_parallel_starts_fetch_once(host: Host) -> None:
    path = host.define(host.mirror.url("slow", "disk.raw"))
    started = [host.start("fetch", path, stderr=subprocess.PIPE) for _ in range(4)]
    said = [each.communicate(timeout=20)[1].decode() for each in started]
    assert [each.returncode for each in started] == [0] * 4
    assert len(host.mirror.requests) == 1
    assert sum("another vmrun is fetching" in each for each in said) == 3
    host.assert_have()


# Refused images

@pytest.mark.parametrize("manner, says", [
    ("none", r"answers with status 404 \(not found\)"),
    ("wrong", "has another digest than the definition says"),
    ("truncated", "has another digest than the definition says"),
    ("login", "is a web page, not an image"),
    ("page", "is a web page, not an image"),
    ("cut", "cannot fetch '.*': .*(closed|partial|bytes missing)"),
    ("loop", "(?i)redirect"),
    ("elsewhere", "another part of it"),
])
def test_refused(host: Host, manner: str, says: str) -> None:
    done = host.fetch(manner)
    assert done.returncode == 1
    first = [line for line in done.stderr.splitlines() if line.startswith("vmrun: cannot")]
    assert len(first) == 1 and re.search(says, first[0]), done.stderr
    if "another digest" in says:
        assert re.search(r"^what came has sha256: [0-9a-f]{64}$", done.stderr, re.MULTILINE)
    name = "sha256-" + sha(host.image)["sha256"]
    assert name not in host.cached()
    left = host.cache / f"{name}.part"
    assert not left.exists() or host.image.startswith(left.read_bytes())
    # And it does no harm afterwards.
    assert host.fetch("good").returncode == 0
    host.assert_have()


@pytest.mark.parametrize("target", ["ftp://127.0.0.1/disk.raw", "file:///etc/passwd",
                                    "gopher://127.0.0.1/x"])
def test_redirect_to_another_scheme(host: Host, target: str) -> None:
    done = host.vmrun("fetch", host.define(host.mirror.url("to", target.replace(":", "%3a"))))
    assert done.returncode == 1
    assert f"it redirects to '{target}', which is not followed" in done.stderr
    assert not any(each == "sha256-" + sha(host.image)["sha256"] for each in host.cached())


def test_redirect_within_http(host: Host) -> None:
    target = host.mirror.url("good", "disk.raw")
    assert host.vmrun("fetch", host.define(host.mirror.url("to", target.replace(":", "%3a")))
                      ).returncode == 0
    host.assert_have()


def test_redirect_to_another_port(host: Host) -> None:
    """It may be a service of this host or this network, which a server must not choose."""
    other = Mirror(host.netns, {"disk.raw": host.image})
    done = host.fetch("to", quote(other.url("good", "disk.raw"), safe=""))
    other.close()
    assert done.returncode == 1 and other.requests == []
    assert f"it redirects to '{other.url('good', 'disk.raw')}', which is not followed" in done.stderr
    assert "redirects may lead to port 443 and to the ports of the definition's URLs" in done.stderr


def test_redirect_that_would_act_on_a_terminal(host: Host) -> None:
    done = host.vmrun("fetch", host.define(host.mirror.url("to", "x%3a//a/%1b[2J")))
    assert done.returncode == 1 and "\033" not in done.stderr


def test_nobody_listens(host: Host) -> None:
    began = time.monotonic()
    done = host.vmrun("fetch", host.define("http://127.0.0.1:1/disk.raw"))
    assert done.returncode == 1 and "Failed to connect" in done.stderr
    assert time.monotonic() - began < 2


def test_no_such_host(host: Host) -> None:
    done = host.vmrun("fetch", host.define("http://images.invalid/disk.raw"))
    assert done.returncode == 1 and "Could not resolve host" in done.stderr


def test_no_such_file(host: Host) -> None:
    done = host.vmrun("fetch", host.define("file:///nonexistent/disk.raw"))
    assert done.returncode == 1 and "disk.raw" in done.stderr


def test_mirrors_in_turn(host: Host) -> None:
    urls = [host.mirror.url(manner, "disk.raw") for manner in ("none", "wrong", "login", "good")]
    done = host.vmrun("fetch", host.define(urls))
    assert done.returncode == 0, done.stderr
    host.assert_have()


def test_no_mirror_has_it(host: Host) -> None:
    """Each says why not."""
    urls = [host.mirror.url(manner, "disk.raw") for manner in ("none", "wrong", "login")]
    done = host.vmrun("fetch", host.define(urls))
    assert done.returncode == 1
    told = done.stderr[done.stderr.index("vmrun: cannot fetch the image from any of its 3"):]
    assert ["404" in told, "another digest" in told, "web page" in told] == [True] * 3


def test_full_disk(host: Host) -> None:
    """The part that was received is kept, and the next run continues after it."""
    path = host.define(host.mirror.url("good", "disk.raw"))
    small = 'mount -t tmpfs -o size=1m none "$0"'
    done = host.vmrun("fetch", path, before=small)
    assert done.returncode == 1
    assert "in the cache: No space left on device\nmake room" in done.stderr


@pytest.mark.parametrize("size", ["1m", "4m"])
def test_full_disk_of_a_compressed_image(host: Host, size: str) -> None:
    data = random.Random(2).randbytes(6_000_000).replace(b"\1", b"\0")
    packed = gzip.compress(data)
    host.mirror.files["disk"] = packed
    done = host.vmrun("fetch", host.define(host.mirror.url("good", "disk"), **sha(packed)),
                      before=f'mount -t tmpfs -o size={size} none "$0"')
    assert done.returncode == 1
    assert "in the cache: No space left on device\nmake room" in done.stderr


@pytest.mark.parametrize("kind", ["xz", "gz"])
def test_damaged_as_published(host: Host, kind: str) -> None:
    packed = {"xz": lzma, "gz": gzip}[kind].compress(host.image)[:-5000]
    host.mirror.files["disk"] = packed
    done = host.fetch("good", "disk", **sha(packed))
    assert done.returncode == 1 and "its compressed data is damaged" in done.stderr
    assert host.cached() == []


# Digests

def test_unpinned_is_refused(host: Host) -> None:
    url = host.mirror.url("good", "disk.raw")
    for command in ("fetch", "check", "run"):
        done = host.vmrun(command, host.define(url, unpinned=True))
        assert done.returncode == 3 and "needs 'sha256' or 'sha512' beside it" in done.stderr
        assert hashlib.sha256(host.image).hexdigest() not in done.stderr + done.stdout
    assert host.mirror.requests == []


def test_accept_digest(host: Host) -> None:
    path = host.define(host.mirror.url("good", "disk.raw"), unpinned=True)
    done = host.vmrun("fetch", "--accept-digest", path)
    assert done.returncode == 0, done.stderr
    line = yaml.safe_load(done.stdout)
    assert line == sha(host.image)
    host.assert_have()
    host.mirror.requests.clear()
    assert host.fetch("good", **line).returncode == 0
    assert host.mirror.requests == []


@pytest.mark.parametrize("manner", ["page", "login", "none"])
def test_accept_digest_of_no_image(host: Host, manner: str) -> None:
    path = host.define(host.mirror.url(manner, "disk.raw"), unpinned=True)
    done = host.vmrun("fetch", "--accept-digest", path)
    assert done.returncode == 1 and done.stdout == ""
    assert not [each for each in host.cached() if each.startswith("sha256-")]


def test_check_and_print_fetch_nothing(host: Host) -> None:
    path = host.define(host.mirror.url("good", "disk.raw"))
    for arguments in (["check"], ["print"], ["print", "--format=argv"], ["--dry-run"]):
        done = host.vmrun(*arguments, path)
        assert done.returncode == 0, done.stderr
    assert host.mirror.requests == [] and host.cached() == []


def test_examples(lab: Lab) -> None:
    """Those with images from URLs are well defined; nothing is fetched for that."""
    need_vmrun()
    me = lab.add_user()
    key = lab.directory / f"home-{me.uid}" / ".ssh" / "id_ed25519.pub"
    key.parent.mkdir()
    key.write_text("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9\n")
    files = [each for each in sorted(VMS.glob("*.yaml")) if "image: http" in each.read_text()]
    assert len(files) >= 8
    done = lab.vmrun("check", *map(str, files), user=me)
    assert done.returncode == 0, done.stderr


# Confinement

def test_confined(host: Host) -> None:
    """The unpacker has no descriptor beside its files, the answer and the standard ones."""
    started, _ = start_unpacking(host)
    for each in process.descendants(started.pid):
        status = each.status
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == "2" or b"__asan_init" in vm_binary().read_bytes()
    started.send_signal(signal.SIGTERM)
    started.wait(5)


# Attacks

def test_taken_over(host: Host, tmp_path: Path) -> None:
    """A download that takes the downloader over reaches nothing of the user's session; outside of
    the sandbox, each of the attacks succeeds."""
    if b"__asan_init" in vm_binary().read_bytes():
        return  # the sanitizers' runtime must be loaded first
    library = vm_binary().parent / "tests" / "libtaken_over.so"
    agent = socket.socket(socket.AF_UNIX)
    datagrams = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    agent.bind(str(tmp_path / "agent"))
    datagrams.bind(str(tmp_path / "datagrams"))
    bus = host.netns.call(lambda: socket.socket(socket.AF_UNIX))
    bus.bind("\0vmrun-test-bus")
    other = host.netns.socket()
    other.bind(("127.0.0.1", 0))
    for each in (agent, bus, other):
        each.listen(8)
    victim = host.netns.popen(["sleep", "60"])
    env = {"AGENT": tmp_path / "agent", "BUS": "@vmrun-test-bus",
           "DATAGRAMS": tmp_path / "datagrams", "VICTIM": victim.pid,
           "OTHER_PORT": other.getsockname()[1], "OWN_PORT": host.mirror.port}
    env = {name: str(value) for name, value in env.items()}

    free = host.netns.run([sys.executable, "-c", "import ctypes, sys; "
                           "ctypes.CDLL(sys.argv[1]).curl_easy_perform(None)", library],
                          env=os.environ | env)
    export = " ".join(f"{name}={value}" for name, value in (env | {"LD_PRELOAD": library}).items())
    done = host.vmrun("fetch", host.define(host.mirror.url("good", "disk.raw")),
                      before=f"export {export}")
    for each in (agent, datagrams, bus, other):
        each.close()
    victim.kill()
    victim.wait()
    attacks = dict(re.findall(r"^attack (\w+): (-?\d+)$", free.stderr, re.MULTILINE))
    assert len(attacks) == 13 and {*attacks.values()} == {"0"}, free.stderr
    attacks = dict(re.findall(r"^attack (\w+): (-?\d+)$", done.stderr, re.MULTILINE))
    assert len(attacks) == 13, done.stderr
    assert [name for name, code in attacks.items() if code == "0"] == ["own_port"]


def test_names_without_local_sockets(host: Host) -> None:
    """Name services that need a local socket are absent to the downloader; DNS is next."""
    need("dnsmasq")
    host.netns.write_etc("nsswitch.conf", "hosts: files resolve [!UNAVAIL=return] dns\n")
    host.netns.write_etc("resolv.conf", "nameserver 127.0.0.1\n")
    server = host.netns.popen(["dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null",
                               "--user=root", "--pid-file=", "--no-resolv", "--no-hosts",
                               "--address=/mirror.test/127.0.0.1"], stderr=subprocess.DEVNULL)
    try:
        url = f"http://mirror.test:{host.mirror.port}/good/disk.raw"
        done = host.vmrun("fetch", host.define(url),
                          before="until grep -q :0035 /proc/net/udp; do sleep 0.05; done")
    finally:
        server.kill()
        server.wait()
    assert done.returncode == 0, done.stderr
    host.assert_have()


# Memory

def test_memory_while_a_guest_runs(lab: Lab) -> None:
    """vmrun and its helper need 3 MiB at most; what fetches and unpacks is not there any more."""
    need("qemu-system-x86_64")
    vm = lab.start_vm(tiny(**{"cloud-init": {}}))
    maps = Path(f"/proc/{vm.pid}/maps").read_text()
    assert not re.search("libcurl|libarchive|libcrypto|libssl", maps)
    time.sleep(1)
    pss = {}
    for each in (process.get(vm.pid), vm.netsetup):
        text = Path(f"/proc/{each.pid}/smaps_rollup").read_text()
        pss[each.name] = int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[1])
    print(pss)
    if b"__asan_init" in vm_binary().read_bytes():
        return  # the sanitizers' own memory is larger
    assert sum(pss.values()) <= 3 * 1024, pss


# Overlays

@pytest.fixture
def disk(host: Host) -> Host:
    """A host that can run what it fetches."""
    need("qemu-system-x86_64", "qemu-img")
    return host


def run(host: Host, path: Path) -> tuple[int, str]:
    """Start a VM, wait until QEMU runs, and end it; the exit status and what was said."""
    started = host.start("run", path, stderr=subprocess.PIPE)
    said = Output.of(started.stderr, "vmrun's stderr")
    deadline = time.monotonic() + 20
    while started.poll() is None and not host.runs_qemu(started) and time.monotonic() < deadline:
        time.sleep(0.02)
    started.send_signal(signal.SIGQUIT)
    status = started.wait(20)
    said.wait_end()
    return status, said.text


def test_run_fetches(disk: Host) -> None:
    """And the overlay belongs to the digest, not to the file's time."""
    data = disk.directory / "home-0" / "data" / "vmrun" / "web"
    path = disk.define(disk.mirror.url("good", "disk.raw"), size="10M")
    status, said = run(disk, path)
    assert status == 131, said
    disk.assert_have()
    assert sorted(each.name for each in data.iterdir()) == ["disk0.base", "disk0.qcow2", "lock"]
    overlay = (data / "disk0.qcow2").stat().st_ino
    (disk.cache / disk.cached()[0]).unlink()
    status, said = run(disk, path)
    assert status == 131, said
    assert (data / "disk0.qcow2").stat().st_ino == overlay

    other = disk.image[:-1] + b"x"
    disk.mirror.files["disk.raw"] = other
    path = disk.define(disk.mirror.url("good", "disk.raw"), size="10M", **sha(other))
    status, said = run(disk, path)
    assert status == 1 and "had another digest" in said and "vmrun reset web" in said

    for argument in ("web", path):
        done = disk.vmrun("reset", argument)
        assert done.returncode == 0, done.stderr
    assert [each.name for each in data.iterdir()] == ["lock"]
    assert run(disk, path)[0] == 131


def test_snapshot_of_an_image_from_a_url(disk: Host) -> None:
    path = disk.define(disk.mirror.url("good", "disk.raw"), mode="snapshot")
    status, said = run(disk, path)
    assert status == 131, said
    data = disk.directory / "home-0" / "data" / "vmrun" / "web"
    assert [each.name for each in data.iterdir()] == ["lock"]
    disk.assert_have()


def test_old_parts_are_removed(host: Host) -> None:
    """An interrupted download is kept for a week; whoever fetches it just now keeps it, too."""
    assert host.fetch("truncated").returncode == 1
    for name, days in (("sha256-old", 8), ("sha256-young", 6), ("sha256-busy", 8)):
        part = host.cache / f"{name}.part"
        part.write_bytes(b"x")
        os.utime(part, (time.time() - days * 86400,) * 2)
    with open(host.cache / "sha256-busy.part", "rb") as busy:
        fcntl.flock(busy, fcntl.LOCK_EX)
        listed = f"rm {host.cache}/sha256-old.part"
        shown = host.vmrun("clean", "--dry-run").stdout
        assert [each for each in shown.splitlines() if "sha256-" in each] == [listed]
        assert listed in host.vmrun("clean").stdout
    assert not (host.cache / "sha256-old.part").exists()
    assert {"sha256-young.part", "sha256-busy.part"} <= set(host.cached())


def test_interrupted_start(disk: Host) -> None:
    """Ctrl-C while a VM's image comes ends the VM's start."""
    started = disk.start("run", disk.define(disk.mirror.url("stall", "disk.raw")))
    assert disk.mirror.stalled.wait(10)
    time.sleep(0.1)
    started.send_signal(signal.SIGINT)
    assert started.wait(5) == 130


def test_interrupted_start_in_the_background(disk: Host) -> None:
    path = disk.define(disk.mirror.url("stall", "disk.raw"))
    started = disk.start("run", "--detach", path, stderr=subprocess.PIPE)
    assert disk.mirror.stalled.wait(10)
    time.sleep(0.1)
    family = process.descendants(started.pid)
    started.send_signal(signal.SIGINT)
    assert started.wait(5) == 130
    assert all(each.wait_gone(2) for each in family)


def test_reset_of_a_running_vm(disk: Host) -> None:
    path = disk.define(disk.mirror.url("good", "disk.raw"))
    started = disk.start("run", path)
    data = disk.directory / "home-0" / "data" / "vmrun" / "web"
    disk.mirror.wait_for(lambda: disk.runs_qemu(started))
    done = disk.vmrun("reset", "web")
    assert done.returncode == 1 and "cannot reset 'web': it is running" in done.stderr
    assert (data / "disk0.qcow2").exists()
    started.send_signal(signal.SIGQUIT)
    assert started.wait(20) == 131
    assert disk.vmrun("reset", "--dry-run", "web").stdout.count("rm ") == 2
    assert (data / "disk0.qcow2").exists()


# Images of the user's own

MAKE = "qemu-img create -q -f"

UNUSABLE = {
    "vmdk": (f"{MAKE} vmdk x 1M", {}, "in the format vmdk"),
    "vdi": (f"{MAKE} vdi x 1M", {}, "in the format vdi"),
    "vhdx": (f"{MAKE} vhdx x 16M", {}, "in the format vhdx"),
    "vpc": (f"{MAKE} vpc x 1M", {}, "in the format vpc (vhd)"),
    "fixed vpc": (f"{MAKE} vpc -o subformat=fixed x 1M", {}, "in the format vpc (vhd)"),
    "parallels": (f"{MAKE} parallels x 1M", {}, "in the format parallels"),
    "qed": (f"{MAKE} qed x 1M", {}, "in the format qed"),
    "qcow1": (f"{MAKE} qcow x 1M", {}, "in the format qcow (version 1)"),
    "tar": ("head -c 1M /dev/zero >a; tar -cf x a", {}, "an archive in the format tar"),
    "tar.xz": ("head -c 1M /dev/zero >a; tar -cJf x a", {}, "compressed with xz"),
    "zip": ("printf 'PK\\003\\004' >x", {}, "an archive in the format zip"),
    "page": ("echo '<html>' >x", {}, "a web page"),
    "pointer": ("echo 'version https://git-lfs.github.com/spec/v1' >x", {}, "Git LFS"),
    "small": ("echo hello >x", {}, "only 6 bytes"),
    "empty": (": >x", {}, "is empty"),
    "backing": (f"truncate -s 1M b; {MAKE} qcow2 -F raw -b b x", {}, "based on another file"),
    "data": (f"{MAKE} qcow2 -o data_file=b x 1M", {}, "its data is in another file"),
    "truncated": (f"{MAKE} qcow2 x 1M; truncate -s 196000 x", {}, "it ends too early"),
    "impossible": (f"{MAKE} qcow2 x 1M; printf '\\377' | dd of=x bs=1 seek=20 conv=notrunc", {},
                   "an impossible size"),
    "encrypted": (f"{MAKE} qcow2 x 1M; printf '\\002' | dd of=x bs=1 seek=35 conv=notrunc", {},
                  "it is encrypted"),
    "corrupt": (f"{MAKE} qcow2 x 1M; printf '\\002' | dd of=x bs=1 seek=79 conv=notrunc", {},
                "marked it as corrupt"),
    "version": (f"{MAKE} qcow2 x 1M; printf '\\004' | dd of=x bs=1 seek=7 conv=notrunc", {},
                "qcow2 of version 4"),
    "format": ("head -c 1M /dev/zero >x", {"format": "qcow2"}, "its magic number is wrong"),
    "direct": (f"{MAKE} qcow2 x 1M", {"mode": "direct"}, "cannot detect the format"),
    "digest": ("head -c 1M /dev/zero >x", {"sha256": "0" * 64}, "its digest is sha256-30e14955"),
}


@pytest.mark.parametrize("kind", UNUSABLE)
def test_check_refuses_what_run_refuses(disk: Host, kind: str) -> None:
    """So do print and a dry run; with the place in the definition, for all but a digest."""
    command, keys, says = UNUSABLE[kind]
    subprocess.run(command, shell=True, cwd=disk.directory, check=True, stderr=subprocess.DEVNULL)
    path = disk.define(str(disk.directory / "x"), unpinned=True, **keys)
    ways = [["run"], ["check"], ["run", "--dry-run"]]
    if kind != "digest":
        ways.append(["print", "--format=argv"])
    for way in ways:
        done = disk.vmrun(*way, path)
        assert done.returncode == (1 if kind == "digest" else 3), (way, done.stderr)
        assert says in done.stderr, (way, done.stderr)
        if kind != "digest":
            assert re.search(r"web\.yaml:\d+:\d+: ", done.stderr), (way, done.stderr)


def test_archive_by_its_url(disk: Host) -> None:
    """A local archive is refused with the URL by which it is unpacked, and stays as it is."""
    (disk.directory / "disk.raw").write_bytes(disk.image)
    archive = disk.directory / "it's, a.tar.xz"
    subprocess.run(["tar", "-cJf", archive, "disk.raw"], cwd=disk.directory, check=True)
    before = archive.read_bytes()
    said = disk.vmrun("check", disk.define(str(archive), unpinned=True)).stderr
    match = re.search(r"prints: image: (file://\S+);", said)
    assert match, said
    done = disk.vmrun("fetch", "--accept-digest", disk.define(match[1], unpinned=True))
    keys = yaml.safe_load(done.stdout)
    path = disk.define(match[1], **keys)
    assert run(disk, path)[0] == 131
    assert (disk.cache / f"sha256-{keys['sha256']}").read_bytes() == disk.image
    assert archive.read_bytes() == before


def test_all_refusals_at_once(disk: Host) -> None:
    """Of images, of user-data and of credentials."""
    for name, size in (("small", 5), ("data", 1_048_577), ("secret", 32_769)):
        (disk.directory / name).write_bytes(bytes(size))
    path = disk.directory / "web.yaml"
    path.write_text(yaml.safe_dump({
        "name": "web", "network": "none", "disks": [{"image": "small"}, {"image": "data"}] * 2,
        "cloud-init": {"user-data": "data"}, "credentials": [{"name": "a", "file": "secret"}],
        "machine": {"type": "microvm"}, "display": "vnc"}))
    for way in (["check"], ["run"]):
        done = disk.vmrun(*way, path)
        assert done.returncode == 3
        for says in ("has more than 1048576 bytes", "has more than 32768 bytes", "has no VGA"):
            assert done.stderr.count(says) == 1, done.stderr
        assert done.stderr.count("only 5 bytes") == 2


@pytest.mark.parametrize("kind", ["sha256", "sha512"])
def test_digest_beside_a_path(disk: Host, kind: str) -> None:
    image = disk.directory / "own.raw"
    image.write_bytes(disk.image)
    path = disk.define(str(image), **sha(disk.image, kind))
    assert disk.vmrun("check", path).returncode == 0
    assert run(disk, path)[0] == 131
    image.write_bytes(disk.image[:-1] + b"x")
    status, said = run(disk, path)
    assert status == 1 and f"own.raw': its digest is {kind}-" in said


def test_image_in_use(disk: Host) -> None:
    """Is refused by a message that names the VM."""
    image = disk.directory / "own.raw"
    image.write_bytes(bytes(1 << 20))
    started = disk.start("run", disk.define(str(image), "first", unpinned=True, mode="direct"))
    disk.mirror.wait_for(lambda: disk.runs_qemu(started))
    for mode, verb in (("overlay", "writes to"), ("snapshot", "writes to"), ("direct", "uses")):
        path = disk.define(str(image), "second", unpinned=True, mode=mode)
        deadline = time.monotonic() + 10
        while True:  # until the first VM's QEMU has its locks
            status, said = run(disk, path)
            if status == 1 or time.monotonic() > deadline:
                break
        assert status == 1 and f"own.raw': VM 'first' {verb} it" in said, said
        assert "vmrun stop first" in said
    started.send_signal(signal.SIGQUIT)
    assert started.wait(20) == 131


def test_image_that_leads_away(disk: Host) -> None:
    """A fetched image names another file: it is whole, and refused all the same."""
    evil = disk.directory / "evil.qcow2"
    netns.run(["qemu-img", "create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b", "/etc/shadow",
               evil, "1M"])
    disk.mirror.files["evil"] = evil.read_bytes()
    path = disk.define(disk.mirror.url("good", "evil"), **sha(evil.read_bytes()))
    status, said = run(disk, path)
    assert status == 3 and "based on another file, '/etc/shadow'" in said
    assert f"vmrun: '{disk.mirror.url('good', 'evil')}': cannot use image" in said
    done = disk.vmrun("check", path)
    assert done.returncode == 3 and "based on another file, '/etc/shadow'" in done.stderr
