# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that run nothing: check, print, and what a wrong command line is told."""

import json
import re
import shutil
from pathlib import Path
from typing import Iterator

import pytest
import yaml

from guests import VMS, tiny
from lab import Lab
from vm import Account, write_definition

pytestmark = pytest.mark.usefixtures("vmrun")

BAD = """\
name: Tiny!
memori: 2G
cpus: many
network:
  uplnk: wlan0
"""
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIDaYUQOWbeQ6a+5lCc0EGuxJbKFOW1dc0rhXLPW8mD0u me\n"


def test_check_reports_every_error_of_every_file(lab: Lab) -> None:
    bad, worse = lab.directory / "bad.yaml", lab.directory / "worse.yaml"
    bad.write_text(BAD)
    worse.write_text("name: [")
    good = write_definition(lab.directory, tiny())
    done = lab.vmrun("check", str(bad), str(good), str(worse))
    assert done.returncode == 3
    for expected in (f"{bad}:1:7: 'name' must be", f"{bad}:2:1: unknown key 'memori'; did you mean"
                     " 'memory'?", f"{bad}:3:7: 'cpus' must be a whole number",
                     f"{bad}:5:3: unknown key 'uplnk' in 'network'; did you mean 'uplink'?",
                     f"{worse}:", f"vmrun: {good}: VM 'tiny' is well defined"):
        assert expected in done.stderr
    assert "    2 | memori: 2G\n      | ^~~~~~\n" in done.stderr
    assert lab.vmrun("check", "--quiet", str(good)).stderr == ""


def test_check_passes_lock_files_over(lab: Lab, tmp_path: Path) -> None:
    """As a shell gives them for *.yaml."""
    file, lock = tmp_path / "web.yaml", tmp_path / "web.lock.yaml"
    file.write_text("name: web\nnetwork: none\ndisks: [{size: 1G}]\n")
    lock.write_text("version: 1\n")
    done = lab.vmrun("check", str(lock), str(file))
    assert done.returncode == 0
    assert done.stderr.splitlines() == [f"vmrun: {lock}: passed over: it is a lock file",
                                        f"vmrun: {file}: VM 'web' is well defined"]


def test_run_reports_them_too_and_does_nothing(lab: Lab) -> None:
    bad = lab.directory / "bad.yaml"
    bad.write_text(BAD)
    before = lab.snapshot()
    done = lab.vmrun(str(bad), "--verbose")
    assert done.returncode == 3 and "did you mean 'memory'?" in done.stderr
    assert "did you mean 'uplink'?" in done.stderr and "+ ip" not in done.stderr
    assert before.diff(lab.snapshot()) == []


def files_of(definition: dict) -> Iterator[str]:
    """The files of this machine that a definition names."""
    boot, cloud = definition.get("boot", {}), definition.get("cloud-init", {})
    yield from (boot[key] for key in ("kernel", "initrd") if key in boot)
    yield from (disk["image"] for disk in definition.get("disks", [])
               if "image" in disk and "://" not in disk["image"])
    yield from cloud.get("ssh-keys", [])
    yield from (cloud[key] for key in ("user-data", "vendor-data") if key in cloud)


def provide(definition: dict, directory: Path, owner: Account, home: Path) -> None:
    """Make those of its files that a user brings along: kernels, images, keys."""
    for name in files_of(definition):
        path = home / name[2:] if name.startswith("~/") else directory / name
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(KEY)
            shutil.chown(path, owner.uid)
            shutil.chown(path.parent, owner.uid)


@pytest.mark.parametrize("example", sorted(VMS.glob("*.yaml")), ids=lambda path: path.stem)
def test_examples_are_well_defined(lab: Lab, example: Path) -> None:
    me = lab.add_user()
    home, copy = lab.directory / f"home-{me.uid}", lab.directory / "vms"
    shutil.copytree(VMS, copy, ignore=shutil.ignore_patterns("*.img", "vmlinuz*", "*.qcow2"))
    provide(yaml.safe_load(example.read_text()), copy, me, home)
    done = lab.vmrun("check", str(copy / example.name), user=me)
    assert (done.returncode, done.stderr) == (
        0, f"vmrun: {copy / example.name}: VM '{example.stem}' is well defined\n")


def test_print_is_a_definition_again(lab: Lab) -> None:
    """Printing what was printed gives the same bytes, by way of either format."""
    first = write_definition(lab.directory, tiny(network={"address": "192.168.77.9"}))
    printed = lab.vmrun("print", str(first), check=True).stdout
    assert yaml.safe_load(printed)["network"]["address"] == "192.168.77.9"
    again = lab.directory / "again.yaml"
    again.write_text(printed)
    assert lab.vmrun("print", str(again), check=True).stdout == printed
    as_json = lab.vmrun("print", "--format=json", str(first), check=True).stdout
    assert json.loads(as_json) == yaml.safe_load(printed)
    again.write_text(as_json)
    assert lab.vmrun("print", str(again), check=True).stdout == printed
    argv = lab.vmrun("print", "--format=argv", str(first), check=True).stdout
    assert lab.vmrun("print", "--format=argv", str(again), check=True).stdout == argv


def test_override(lab: Lab) -> None:
    file = write_definition(lab.directory, tiny())
    printed = yaml.safe_load(lab.vmrun(
        "print", "--set=cpus=3", "--set", "network.dns=[9.9.9.9]", "--address=192.168.77.5",
        str(file), check=True).stdout)
    assert printed["cpus"] == 3 and printed["network"]["dns"] == ["9.9.9.9"]
    assert printed["network"]["address"] == "192.168.77.5"
    done = lab.vmrun("check", "--set=cpsu=3", str(file))
    assert done.returncode == 3 and "did you mean 'cpus'?" in done.stderr


@pytest.mark.parametrize("arguments, message", [
    ([], "'vmrun run' needs a definition file"),
    (["--frobnicate", "x"], "unknown option '--frobnicate'"),
    (["check"], "'vmrun check' needs a definition file"),
    (["check", "--dry-run", "x"], "'--dry-run' is not an option of 'vmrun check'"),
    (["one", "two"], "'vmrun run' does not take 'two'"),
    (["print", "--format=xml", "x"], "'--format=xml' is not one of yaml, json and argv"),
])
def test_wrong_usage(lab: Lab, arguments: list[str], message: str) -> None:
    done = lab.vmrun(*arguments)
    assert done.returncode == 2 and f"vmrun: {message}" in done.stderr


def test_missing_file(lab: Lab) -> None:
    done = lab.vmrun("nowhere.yaml")
    assert done.returncode == 3 and "nowhere.yaml: No such file or directory" in done.stderr


def test_version(lab: Lab) -> None:
    """It prints its libraries, and the programs found or missing; QEMU runs as the user."""
    me = lab.add_user()
    empty = lab.directory / "empty"
    empty.mkdir()
    qemu = empty / "qemu-system-x86_64"
    qemu.write_text(f"#!/bin/sh\nid -u >{lab.directory}/home-{me.uid}/asked\nexec false\n")
    qemu.chmod(0o755)
    said = lab.vmrun("--version", check=True).stdout.splitlines()
    assert re.fullmatch(r"vmrun \d+\.\d+\.\d+", said[0])
    for name in ("libyaml", "libnl-3.0", "libcrypto", "libseccomp"):
        assert [line for line in said if re.fullmatch(rf"{re.escape(name)} \d[\w.]*", line)], name
    assert [line for line in said if re.fullmatch(r"qemu-system-x86_64 \d+\.\d+\.\d+: /.*", line)]
    lab.vmrun("list", user=me)
    done = lab.vmrun("version", user=me, sudo=True, env={"PATH": f"{empty}:/usr/bin:/bin"})
    assert (done.returncode, done.stderr) == (0, "")
    assert f"qemu-system-x86_64: {qemu}: " in done.stdout
    assert (lab.directory / f"home-{me.uid}" / "asked").read_text() == f"{me.uid}\n"
