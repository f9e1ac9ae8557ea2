# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that run nothing: check, print, and what a wrong command line is told."""

import json
import os
import re
import shutil
import signal
from pathlib import Path
from typing import Iterator

import pytest
import vm
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
            path.write_text(KEY * 8)  # as large as a sector, which a disk must be
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
    (["one", "two"], "no command 'one'"),
    (["one.yaml", "two"], "'vmrun run' does not take 'two'"),
    (["help", "lisst"], "no command 'lisst'\ndid you mean 'vmrun help list'?"),
    (["--detatch", "x"], "unknown option '--detatch'; did you mean '--detach'?"),
    (["stop"], "'vmrun stop' needs a VM's name\nno VM is running"),
    (["status", "../etc"], "no VM or file '../etc'\na VM's name has a-z"),
    (["start", "web"], "no command 'start'\nstart a VM by its definition: vmrun FILE"),
    (["up"], "no command 'up'\nstart a VM"),
    (["rm", "web"], "no command 'rm'\nend a VM: vmrun stop NAME; remove what"),
    (["ip", "web"], "no command 'ip'\nshow a VM with its address: vmrun status NAME"),
    (["edit", "web"], "no command 'edit'\nedit the definition"),
    (["cp", "a", "web:b"], "no command 'cp'\ncopy a file into the guest: vmrun ssh"),
    (["restart", "web"], "no command 'restart'\nrestart a VM: vmrun stop NAME, then vmrun FILE"),
    (["print", "--format=xml", "x"], "'--format=xml' is not one of yaml, json and argv"),
])
def test_wrong_usage(lab: Lab, arguments: list[str], message: str) -> None:
    done = lab.vmrun(*arguments)
    assert done.returncode == 2 and f"vmrun: {message}" in done.stderr


def test_missing_file_is_offered(lab: Lab) -> None:
    """The file that was meant, or the template, in what reads a FILE and in what takes a NAME."""
    written = write_definition(lab.directory, tiny("web")).rename(lab.directory / "web.yaml")
    (lab.directory / "evil\x1b[c.yaml").touch()
    for word, offer in (("web", "web.yaml"), ("web.yml", "web.yaml"), ("wbe.yaml", "web.yaml")):
        for command in ("run", "check", "print"):
            done = lab.vmrun(command, str(lab.directory / word))
            assert done.returncode == 3
            assert done.stderr.endswith(f"did you mean '{lab.directory / offer}'?\n")
    done = lab.vmrun("stop", str(lab.directory / "web.yml"))
    assert done.returncode == 2 and f"did you mean '{written}'?" in done.stderr
    for command in ("run", "check"):
        done = lab.vmrun(command, "debian", cwd=lab.directory)
        assert done.returncode == 3 and done.stderr.endswith(": vmrun init debian\n")
    assert "did you mean" not in lab.vmrun(str(lab.directory / "evil")).stderr


def test_help_of_a_command(lab: Lab) -> None:
    """By the command help, by the option, and by another name of the command."""
    expected = lab.vmrun("help", "list", check=True).stdout
    assert expected.startswith("usage: vmrun list [OPTION...]") and "Other names: ls ps." in expected
    for words in (["list", "--help"], ["ls", "-h"], ["help", "ps"]):
        assert lab.vmrun(*words, check=True).stdout == expected
    assert "--timeout" in lab.vmrun("ssh", "--help", check=True).stdout


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


PRINTS = [["print", "LONG"], ["print", "--format=json", "LONG"], ["print", "--format=argv", "LONG"],
          ["print", "SHORT"], ["run", "--as-root", "--dry-run", "SHORT"], ["help"],
          ["help", "--words"], ["help", "--words", "keys"], ["version"], ["completion", "bash"], ["completion", "zsh"],
          ["completion", "fish"], ["init"], ["list", "--json"], ["doctor"], ["doctor", "--json"],
          ["clean", "--dry-run"], ["log", "web"], ["reset", "web"]]


def outputs(lab: Lab) -> tuple[dict[str, str], Path]:
    """A long and a short definition, and a home where the VM 'web' has a log and an overlay."""
    files = {name: str(write_definition(lab.directory, tiny(name, qemu={"args": args})))
             for name, args in (("long", ["-name=" + "x" * 100] * 100), ("short", []))}
    home = lab.directory / "home"
    for name in ("state/vmrun/web/log", "data/vmrun/web/disk0.qcow2"):
        (home / name).parent.mkdir(parents=True)
        (home / name).write_text("a line of the guest\n" * 1000)
    return {name.upper(): path for name, path in files.items()}, home


@pytest.mark.parametrize("arguments", PRINTS, ids=" ".join)
def test_lost_output_is_an_error(lab: Lab, arguments: list[str]) -> None:
    """However much a command prints: stdio has forgotten an error by the next flush."""
    files, home = outputs(lab)
    argv = ["sh", "-c", 'exec "$@" >/dev/full', "sh", vm.binary(),
            *(files.get(word, word) for word in arguments)]
    env = os.environ | lab.laptop.netns.env | {"XDG_STATE_HOME": str(home / "state"),
                                               "XDG_DATA_HOME": str(home / "data")}
    done = lab.laptop.netns.run(argv, check=False, env=env)
    assert done.returncode == 1, done.stderr
    assert ("vmrun: cannot write to standard output: No space left on device"
            in done.stderr.splitlines())


def test_reader_that_ends_early_is_no_message(lab: Lab) -> None:
    """As `vmrun print FILE | head` does; the exit status is that of the signal."""
    files, _ = outputs(lab)
    read, write = os.pipe()
    os.close(read)
    argv = ["bash", "-c", f'exec "$@" >&{write}', "sh", vm.binary(), "print", files["LONG"]]
    done = lab.laptop.netns.run(argv, check=False, pass_fds=[write])
    os.close(write)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, "")


def test_log_is_safe_behind_a_pipe(lab: Lab) -> None:
    """`vmrun log NAME | tail` passes no query on to the terminal; --raw is for who wants it."""
    queries = "\x1b[c\x1b]11;?\x07\x05\x1bP+q544e\x1b\\\x9bc"
    directory = lab.directory / "state" / "vmrun" / "web"
    directory.mkdir(parents=True)
    (directory / "log.1").write_bytes(b"the first line\n")
    (directory / "log").write_bytes(f"{queries}red: \x1b[31mred\n".encode())
    env = {"XDG_STATE_HOME": str(directory.parent.parent)}
    done = lab.vmrun("log", "web", env=env, check=True)
    assert done.stdout == "the first line\nred: \x1b[31mred\n"
    done = lab.vmrun("log", "--raw", "web", env=env, check=True)
    assert done.stdout == f"the first line\n{queries}red: \x1b[31mred\n"
