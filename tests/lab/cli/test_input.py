# SPDX-License-Identifier: GPL-2.0-or-later
"""A definition from standard input: `vmrun check -` and `vmrun print -`."""

import os
import signal
import subprocess
from typing import Union

import pytest
import yaml

from lab import Lab
from vm import vmrun_argv

pytestmark = pytest.mark.usefixtures("vmrun")

GOOD = "name: web\ndisks: [{image: disk.img}]\n"


def test_check(lab: Lab) -> None:
    """Locations have the name '-', and relative paths start from the current directory."""
    (lab.directory / "disk.img").write_bytes(bytes(512))
    done = lab.vmrun("check", "-", input=GOOD, cwd=lab.directory)
    assert (done.returncode, done.stderr) == (0, "vmrun: -: VM 'web' is well defined\n")
    done = lab.vmrun("check", "-", input=GOOD + "memori: 2G\n", cwd=lab.directory)
    assert done.returncode == 3 and "-:3:1: unknown key 'memori'" in done.stderr
    (lab.directory / "elsewhere").mkdir()
    done = lab.vmrun("check", "-", input=GOOD, cwd=lab.directory / "elsewhere")
    assert done.returncode == 3 and f"{lab.directory}/elsewhere/disk.img" in done.stderr


def test_print(lab: Lab) -> None:
    """The output of print can be read again."""
    (lab.directory / "disk.img").write_bytes(bytes(512))
    done = lab.vmrun("print", "--set=cpus=3", "-", input=GOOD, cwd=lab.directory, check=True)
    assert yaml.safe_load(done.stdout)["cpus"] == 3
    again = lab.vmrun("print", "-", input=done.stdout, cwd="/", check=True)
    assert again.stdout == done.stdout


@pytest.mark.parametrize("text, says", [
    ("", "-: there is nothing in it"),
    ((1 << 20) + 1, "-: larger than 1 MiB"),
])
def test_refused(lab: Lab, text: Union[str, int], says: str) -> None:
    """Input has the limits of a file; a number stands for as many comment signs."""
    done = lab.vmrun("check", "-", input=text if isinstance(text, str) else text * "#")
    assert done.returncode == 3 and says in done.stderr


def test_locked(lab: Lab) -> None:
    """A lock file belongs to a definition file."""
    done = lab.vmrun("check", "--locked", "-", input=GOOD)
    assert done.returncode == 2 and "'--locked' needs a definition file" in done.stderr


def test_file(lab: Lab) -> None:
    """Only check and print read standard input; a file of this name has a path."""
    (lab.directory / "disk.img").write_bytes(bytes(512))
    (lab.directory / "-").write_text(GOOD.replace("web", "dash"))
    assert "VM 'dash'" in lab.vmrun("check", "./-", cwd=lab.directory, check=True).stderr
    done = lab.vmrun("fetch", "-", input="name: [", cwd=lab.directory, check=True)
    assert "not YAML" not in done.stderr


@pytest.mark.parametrize("signo", [signal.SIGINT, signal.SIGTERM])
def test_signal(lab: Lab, signo: signal.Signals) -> None:
    """Ctrl-C ends the wait for input."""
    argv, env = vmrun_argv(lab.directory, ["check", "-"], None, False)
    with lab.laptop.netns.popen(argv, stdin=subprocess.PIPE, env=os.environ | env) as vmrun:
        # More than a pipe holds: vmrun is reading when all is written.
        vmrun.stdin.write(b"#" * (1 << 18))
        vmrun.send_signal(signo)
        assert vmrun.wait(30) == 128 + signo


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_check_ends_at_a_signal(lab: Lab, number: signal.Signals) -> None:
    """Between two of many files, without a message."""
    (lab.directory / "disk.img").write_bytes(bytes(512))
    (lab.directory / "web.yaml").write_text(GOOD)
    argv, env = vmrun_argv(lab.directory, ["check"] + [str(lab.directory / "web.yaml")] * 20000)
    vmrun = lab.laptop.netns.popen(argv, env=os.environ | lab.laptop.netns.env | env,
                                   stderr=subprocess.PIPE, text=True)
    assert "well defined" in vmrun.stderr.readline()
    vmrun.send_signal(number)
    rest = vmrun.stderr.read()
    assert vmrun.wait(timeout=20) == 128 + number
    assert len(rest.splitlines()) < 19000 and "error" not in rest
