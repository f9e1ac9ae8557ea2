# SPDX-License-Identifier: GPL-2.0-or-later
"""The commands that help to begin: init, and completion in the shells that it is for.

No lab: these commands run nothing and look at nothing of the network.
"""

import os
import pty
import re
import shutil
import subprocess
import termios
from pathlib import Path

import pytest
import vm
import yaml
from conftest import need, need_vmrun
from guests import VMS
from output import Output

TEMPLATES = [path.stem for path in sorted(VMS.glob("*.yaml"))]
STUB = """#!/bin/sh
case $1 in
list) printf 'NAME     ADDRESS\\nweb      192.0.2.1\\nmail     192.0.2.2\\n' ;;
*) exec {vmrun} "$@" ;;
esac
"""


def needs(template: str) -> bool:
    """True if a template needs more than an installation."""
    return "\n# Needs " in (VMS / f"{template}.yaml").read_text()


def vmrun(*arguments: str, cwd: Path = Path("/"), status: int = 0) -> subprocess.CompletedProcess:
    """Run a command that runs nothing."""
    need_vmrun()
    done = subprocess.run([vm.binary(), *arguments], cwd=cwd, text=True, capture_output=True,
                          stdin=subprocess.DEVNULL)
    assert done.returncode == status, done.stderr
    return done


def test_templates_are_listed() -> None:
    """Those that an installation can run first; the others with what they need."""
    lines = vmrun("init").stdout.splitlines()
    assert [line.split()[0] for line in lines] == sorted(TEMPLATES, key=needs)
    for line in lines:
        first = (VMS / f"{line.split()[0]}.yaml").read_text().split("\n")[0]
        assert line[13:].startswith(first.removeprefix("# ")) and line.endswith(".")
        assert (" Needs " in line) == needs(line.split()[0])


def test_list_fits_the_terminal() -> None:
    """Whole sentences, below one another."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 60))
    shown = Output(ours, "the terminal")
    done = subprocess.run([vm.binary(), "init"], stdout=theirs, stdin=subprocess.DEVNULL,
                          check=True)
    os.close(theirs)
    shown.wait_end()
    lines = shown.text.replace("\r\n", "\n").splitlines()
    assert done.returncode == 0 and max(map(len, lines)) <= 60
    whole = vmrun("init").stdout
    assert " ".join(shown.text.split()) == " ".join(whole.split())
    assert any(line.startswith(" " * 13) for line in lines)


@pytest.mark.parametrize("template", TEMPLATES)
def test_init_writes_the_template(tmp_path: Path, template: str) -> None:
    """Its words and comments, under the name asked for."""
    done = vmrun("init", template, "web-1", cwd=tmp_path)
    first, *rest = done.stderr.splitlines()
    assert first == "vmrun: wrote 'web-1.yaml': edit it, then run 'vmrun check web-1.yaml'"
    assert bool(rest) == needs(template) and all(each.startswith("vmrun: Needs ") for each in rest)
    text = (tmp_path / "web-1.yaml").read_text()
    modeline, rest = text.split("\n", 1)
    original = (VMS / f"{template}.yaml").read_text()
    assert rest == original.replace(f"\nname: {template}\n", "\nname: web-1\n")
    assert yaml.safe_load(text) == yaml.safe_load(original) | {"name": "web-1"}
    schema = Path(modeline.removeprefix("# yaml-language-server: $schema="))
    assert schema.read_text() == (VMS / "vmrun.schema.json").read_text()


def test_name_of_its_own(tmp_path: Path) -> None:
    assert vmrun("init", "-q", "tiny", cwd=tmp_path).stderr == ""
    assert yaml.safe_load((tmp_path / "tiny.yaml").read_text())["name"] == "tiny"


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Neither a file, nor what a link points to."""
    (tmp_path / "tiny.yaml").write_text("mine")
    (tmp_path / "link.yaml").symlink_to("nowhere")
    for name in ("tiny", "link"):
        done = vmrun("init", "tiny", name, cwd=tmp_path, status=1)
        assert f"cannot create '{name}.yaml': File exists" in done.stderr
    assert (tmp_path / "tiny.yaml").read_text() == "mine"
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize("arguments, message", [
    (["nope"], "there is no template 'nope'"),
    (["../templates/tiny"], "there is no template '../templates/tiny'"),
    (["tiny", "../web"], "'../web' cannot be a VM's name"),
    (["tiny", "a", "b"], "'vmrun init' does not take 'b'"),
])
def test_wrong_init(tmp_path: Path, arguments: list[str], message: str) -> None:
    assert message in vmrun("init", *arguments, cwd=tmp_path, status=2).stderr
    assert list(tmp_path.iterdir()) == []


def test_full_disk(tmp_path: Path) -> None:
    """A file that could not be written whole is not there."""
    done = subprocess.run(["bash", "-c", 'ulimit -f 0; trap "" XFSZ; exec "$0" init tiny',
                           str(vm.binary())], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and "tiny.yaml': File too large" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_version_tells_what_it_is_made_with() -> None:
    project = (VMS.parent / "CMakeLists.txt").read_text()
    version = project.split("project(vmrun VERSION ")[1].split()[0]
    first, *rest = vmrun("--version").stdout.splitlines()
    assert first == f"vmrun {version}" == vmrun("version").stdout.splitlines()[0]
    told = dict(re.fullmatch(r"(\S+?):? (.*)", line).groups() for line in rest)
    for library in ("libyaml", "json-c", "libnl-3.0", "libarchive", "libseccomp"):
        assert re.match(r"\d+\.\d+", told[library]), library
    assert "qemu-system-x86_64" in told


# Completion

@pytest.fixture
def shell(tmp_path: Path) -> Path:
    """A directory with definitions, and a `vmrun` that has VMs, first in the path."""
    program = tmp_path / "bin" / "vmrun"
    program.parent.mkdir()
    program.write_text(STUB.format(vmrun=need_vmrun()))
    program.chmod(0o755)
    here = tmp_path / "here"
    (here / "dir").mkdir(parents=True)
    for name in ("web.yaml", "notes.txt"):
        (here / name).touch()
    for each in ("bash", "zsh", "fish"):
        (tmp_path / each).write_text(vmrun("completion", each).stdout)
    return tmp_path


def ask(shell: Path, *command: str) -> list[str]:
    """The output of a shell's command, as sorted words."""
    env = os.environ | {"PATH": f"{shell / 'bin'}:{os.environ['PATH']}", "HOME": str(shell),
                        "TERM": "dumb"}
    done = subprocess.run(command, cwd=shell / "here", env=env, text=True, capture_output=True,
                          stdin=subprocess.DEVNULL, timeout=60)
    assert done.stderr == "", done.stderr
    return sorted(line.split("\t")[0] for line in done.stdout.splitlines() if line)


KEYS = ["network.address=", "network.uplink="]
# The words so far, the last of them to be completed; what must be among the answers, what must not.
CASES = [
    (["pri"], ["print"], ["check"]),
    (["we"], ["web.yaml"], ["notes.txt"]),
    (["run", ""], ["web.yaml"], ["notes.txt", "print"]),
    (["print", "--f"], ["--format="], ["--quiet"]),
    (["check", "--"], ["--quiet", "--set="], ["--uplink="]),
    (["--de"], ["--detach"], []),
    (["run", "--set", "network."], KEYS, ["cpus="]),
    (["stop", ""], ["web", "mail"], ["NAME", "web.yaml"]),
    (["init", ""], TEMPLATES, ["web.yaml"]),
    (["completion", ""], ["bash", "fish", "zsh"], ["web.yaml"]),
    (["run", "--uplink", "l"], ["lo"], []),
]


def check(answers: list[str], there: list[str], absent: list[str]) -> None:
    """Check that an answer has the words it must have; some shells leave '=' out."""
    plain = [answer.rstrip("=/ ") for answer in answers]
    assert set(each.rstrip("=") for each in there) <= set(plain), answers
    assert not set(each.rstrip("=") for each in absent) & set(plain), answers


BASH = """
source "$1"; shift
COMP_WORDS=(vmrun "$@") COMP_CWORD=$#
_vmrun
printf '%s\\n' "${COMPREPLY[@]}"
"""


@pytest.mark.parametrize("words, there, absent", CASES + [
    (["print", "--format", "=", "y"], ["yaml"], ["json"]),  # as Readline takes it apart
    (["print", "--format", "="], ["yaml", "json", "argv"], []),
    (["--wait", ""], ["lan", "ssh"], []),
], ids=lambda value: " ".join(value))
def test_bash(shell: Path, words: list[str], there: list[str], absent: list[str]) -> None:
    check(ask(shell, "bash", "--norc", "-c", BASH, "bash", str(shell / "bash"), *words), there,
          absent)


@pytest.mark.parametrize("words, there, absent", CASES, ids=lambda value: " ".join(value))
def test_fish(shell: Path, words: list[str], there: list[str], absent: list[str]) -> None:
    need("fish")
    check(ask(shell, "fish", "--no-config", "-c", "source $argv[1]; complete -C $argv[2]",
              str(shell / "fish"), " ".join(["vmrun", *words])), there, absent)


# The words for the completion system: zsh's own functions draw on a terminal.
ZSH = """
_arguments() { print -l -- ${(M)@:#*--*} }
_describe() { print -l -- ${${(P)2}%%:*} }
_files() { print -l -- *.yaml(N) }
compadd() { while [[ $1 == -* ]]; do [[ $1 == -S ]] && shift; shift; done; print -l -- $@ }
words=(vmrun "${@[2,-1]}") CURRENT=$#
source $1
[[ $# -eq 2 ]] && _vmrun_first
for word in ${=operand}; do $word; done
_vmrun_table ${words[2]}
$=operand
"""


@pytest.mark.parametrize("command, there", [
    (["print"], ["web.yaml"]), (["stop"], ["web", "mail"]), (["init"], TEMPLATES),
    (["completion"], ["bash", "zsh", "fish"]),
], ids=lambda value: " ".join(value))
def test_zsh(shell: Path, command: list[str], there: list[str]) -> None:
    need("zsh")
    answers = ask(shell, "zsh", "-f", "-c", ZSH, "zsh", str(shell / "zsh"), *command)
    check(answers, there, ["notes.txt"])
    subprocess.run(["zsh", "-n", shell / "zsh"], check=True)


def test_scripts_are_clean(shell: Path) -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("needs shellcheck")
    subprocess.run(["shellcheck", "--shell=bash", shell / "bash"], check=True)


def test_other_shell() -> None:
    assert "'csh' is not one of bash, zsh and fish" in vmrun("completion", "csh", status=2).stderr
    assert "needs bash|zsh|fish" in vmrun("completion", status=2).stderr
