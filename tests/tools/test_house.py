# SPDX-License-Identifier: GPL-2.0-or-later
"""Breaks each rule of tests/tools/house once, in a small tree that keeps all of them."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Optional

import pytest

HOUSE = Path(__file__).with_name("house")
SAMPLES = "tests/unit/launcher/definition/samples"
LONG = "\t/* " + "x" * 90 + " */\n"

TREE = {
    "CMakeLists.txt": "# Builds.\nneed(UUID uuid uuid-dev)\n",
    "launcher/main.c": '#include "launcher/common/text.h"\n\nint main(void)\n{\n'
                       "\treturn text_length();\n}\n",
    "launcher/common/text.c": '#include "launcher/common/text.h"\n\n'
                              "int text_length(void)\n{\n\treturn 0;\n}\n",
    "launcher/common/text.h": "/* text_length() - count characters. */\nint text_length(void);\n",
    "launcher/definition/keys.c": 'static const struct key keys[] = {\n'
                                  '\t{ "name", &type_name, 0 },\n};\n',
    "launcher/man/vmrun.yaml.5": ".It Cm name : Em name\n.It Cm disks : Em list\n"
                                 ".It Cm size : Em size\n",
    "netsetup/main.c": '#include "netsetup/base/mac.h"\n\nint main(void)\n{\n'
                       "\treturn mac_any();\n}\n",
    "netsetup/base/mac.c": '#include "netsetup/base/mac.h"\n\n'
                           "int mac_any(void)\n{\n\treturn 0;\n}\n",
    "netsetup/base/mac.h": "int mac_any(void);\n",
    "tests/house/libraries": "# Argued for.\nlibc.so.6\n",
    "tests/layers": "stack one\n\tlauncher/main.c\n\tlauncher/definition\n\tlauncher/common\n"
                    "\tnetsetup/base\nstack two\n\tnetsetup/main.c\n\tnetsetup/base\n\n"
                    "exceptions:\n",
    f"{SAMPLES}/good/all.yaml": "name: x\ndisks: [{size: 1G}]\n",
    f"{SAMPLES}/bad/name.yaml": "name: X\ndisks: 1\n",
    f"{SAMPLES}/bad/size.set": "disks.size=0\n",
}
TABLE = '{"name": {}, "disks": {"item": {"keys": {"size": {}}}}}'

# The files of a break, by the rule and the place that must be named.
BREAKS: list[tuple[str, str, dict[str, str]]] = [
    ("R1", "launcher/common/text.h:1", {
        "launcher/definition/keys.h": "",
        "launcher/common/text.h": '#include "launcher/definition/keys.h"\n'
                                  "int text_length(void);\n"}),
    ("R1", "netsetup/base/mac.c:2", {
        "netsetup/base/mac.c": TREE["netsetup/base/mac.c"].replace(
            "\n", '\n#include "launcher/common/text.h"\n', 1)}),
    ("R1", "launcher/new/file.h:1", {
        "launcher/new/file.h": '#include "launcher/common/text.h"\n',
        "tests/layers": TREE["tests/layers"] + "launcher/new/file.h -> launcher/common/text.h\n"}),
    ("R1", "tests/layers:11", {
        "tests/layers": TREE["tests/layers"] + "launcher/main.c -> launcher/run/run.h\n"}),
    ("R2", "tests/house/libraries:2", {"tests/house/libraries": "libc.so.6\nlibzstd.so.1\n"}),
    ("R2", "netsetup/CMakeLists.txt:1", {"tests/house/libraries": "# None.\n"}),
    ("R3", "launcher/common/line.c:1", {
        "launcher/common/line.h": "int line_count(void);\n",
        "launcher/common/line.c": "int text_length(void);\n\n"
                                  "int line_count(void)\n{\n\treturn text_length();\n}\n",
        "launcher/common/text.c": TREE["launcher/common/text.c"].replace(
            "return 0", "extern int line_count(void);\n\treturn line_count()")}),
    ("R3", "tests/house/circles:1", {"tests/house/circles": "launcher/a.c launcher/b.c\n"}),
    ("R4", "netsetup/base/mac.c:3", {
        "netsetup/base/mac.c": "int any;\n\nint machine_any(void)\n{\n\treturn 0;\n}\n",
        "netsetup/base/mac.h": "extern int any;\nint machine_any(void);\n",
        "netsetup/main.c": "int main(void)\n{\n\treturn 0;\n}\n",
        "tests/house/names": "# No name may be added.\nnetsetup/base/mac.c 1\n"}),
    ("R4", "launcher/common/text.c:3", {
        "launcher/common/text.h": "/* text_length() */\n",
        "launcher/main.c": "int main(void)\n{\n\treturn 0;\n}\n"}),
    ("R4", "tests/house/names:1", {"tests/house/names": "netsetup/base/mac.c 1\n"}),
    ("R5", "netsetup/base:1", {f"netsetup/base/a{n}.c": "\n" for n in range(25)}),
    ("R5", "netsetup/base/mac.c:601", {
        "netsetup/base/mac.c": TREE["netsetup/base/mac.c"] + "\n" * 600}),
    ("R5", "launcher/common/text.h:3", {
        "launcher/common/text.h": TREE["launcher/common/text.h"] + LONG}),
    ("R5", "tests/unit/test_x.c:1", {"tests/unit/test_x.c": LONG * 2,
                                     "tests/house/lines": "tests/unit/test_x.c 1\n"}),
    ("R5", "tests/house/lines:1", {"tests/house/lines": "launcher/common/text.h 1\n"}),
    ("R6", "launcher/common/text.h:2", {
        "launcher/common/text.h": "// SPDX-License-Identifier: X\n// What a text is.\n"
                                  "int text_length(void);\n"}),
    ("R6", "launcher/common/text.h:1", {
        "launcher/common/text.h": "/* text_length() - whether it is long. */\n"
                                  "int text_length(void);\n"}),
    ("R6", "launcher/common/text.h:3", {
        "launcher/common/text.h": "/**\n * text_length() - count.\n * @text: whose length.\n */\n"
                                  "int text_length(void);\n"}),
    ("R6", "launcher/common/text.h:1", {
        "launcher/common/text.h": "int text_length(void); /* NULL is legal for it. */\n"}),
    ("R6", "tests/x.py:3", {"tests/x.py": 'def f():\n    pass\n    # Who calls it.\n'}),
    ("R6", "tests/x.py:2", {"tests/x.py": 'def f():\n    """Where it stands."""\n'}),
    ("R6", "tests/run:3", {"tests/run": "#!/bin/bash\n# SPDX-License-Identifier: X\n# How.\n"}),
    ("R6", "CMakeLists.txt:1", {
        "CMakeLists.txt": TREE["CMakeLists.txt"].replace("Builds", "Why it builds")}),
    ("R6", "tests/house/openings:1", {"tests/house/openings": "CMakeLists.txt 1\n"}),
    ("R7", "CMakeLists.txt:3", {
        "CMakeLists.txt": TREE["CMakeLists.txt"] + "need(YAML yaml-0.1 libyaml-dev)\n"}),
    ("R7", "tests/house/unused:1", {"tests/house/unused": "uuid\n"}),
    ("R8", "launcher/man/vmrun.yaml.5:1", {
        "launcher/man/vmrun.yaml.5": ".It Cm name : Em name\n.It Cm disks : Em list\n"}),
    ("R8", f"{SAMPLES}:1", {f"{SAMPLES}/bad/name.yaml": "disks: 1\n"}),
    ("R8", f"{SAMPLES}:1", {f"{SAMPLES}/good/all.yaml": "disks: [size: 1]\n"}),
    ("R8", "launcher/definition/keys.c:3", {
        "launcher/definition/keys.c": '\t{ "name", &type_name, 0,\n\t  PIN_NONE },\n'
                                      '\t{ "size", &type_size, 0 },\n'}),
    ("R9", "ARCHITECTURE.md:1", {"ARCHITECTURE.md": "`text_gone()` counts.\n"}),
    ("R9", "ARCHITECTURE.md:2", {"ARCHITECTURE.md": "`text_length()` is in\n`launcher/gone.c`.\n"}),
]


def build(root: Path) -> None:
    """Compile a tree's sources and link its programs, into the places CMake has them."""
    objects: dict[str, list[Path]] = {"launcher": [], "netsetup": []}
    for source in sorted([*root.glob("launcher/[!d]*/*.c"), *root.glob("*/main.c"),
                          *root.glob("netsetup/*/*.c")]):
        top, _, rest = str(source.relative_to(root)).partition("/")
        target = root / "build" / top / "CMakeFiles" / "all.dir" / f"{rest}.o"
        target.parent.mkdir(parents=True, exist_ok=True)
        subprocess.run(["cc", "-I", root, "-c", source, "-o", target], check=True)
        objects[top].append(target)
    for program in "vmrun", "vmrun-image", "vmrun-netsetup":
        needed = ["-Wl,--no-as-needed", "-luuid"] if program == "vmrun" else []
        own = objects["netsetup" if program == "vmrun-netsetup" else "launcher"]
        subprocess.run(["cc", "-o", root / "build" / program, *own, *needed], check=True)
    (root / "build" / "tests").mkdir()
    (root / "build" / "tests" / "schema_keys").write_text(f"#!/bin/sh\necho '{TABLE}'\n")
    (root / "build" / "tests" / "schema_keys").chmod(0o755)


def make(root: Path, changes: Optional[dict[str, str]] = None) -> Path:
    """A tree that keeps all rules but for @changes, and its build."""
    for path, text in (TREE | (changes or {})).items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    subprocess.run(["git", "init", "-q", root], check=True)
    (root / ".gitignore").write_text("/build\n")
    build(root)
    return root


def house(root: Path, *arguments: str) -> tuple[int, str]:
    """The exit status and the output of house for a tree."""
    done = subprocess.run([sys.executable, HOUSE, "--root", root, *arguments],
                          capture_output=True, text=True)
    assert done.stderr == ""
    return done.returncode, done.stdout


def test_tree_keeps_all_rules(tmp_path: Path) -> None:
    assert house(make(tmp_path)) == (0, "")


@pytest.mark.parametrize("rule, place, changes", BREAKS,
                         ids=[f"{rule}-{place.split('/')[-1]}" for rule, place, _ in BREAKS])
def test_break_is_named(tmp_path: Path, rule: str, place: str, changes: dict[str, str]) -> None:
    """The break is all that house names, with its place and rule."""
    status, text = house(make(tmp_path, changes))
    assert status == 1
    assert re.search(rf"^{re.escape(place)}: {rule}: .*\w", text, re.MULTILINE), text
    assert all(f": {rule}: " in line for line in text.splitlines()), text


def test_write_only_shrinks(tmp_path: Path) -> None:
    """Numbers fall and entries go; a new breach is not written down."""
    lines = "# Kept.\nlauncher/common/text.h 3\nlauncher/main.c 1\n"
    root = make(tmp_path, {"tests/house/lines": lines,
                           "launcher/common/text.h": TREE["launcher/common/text.h"] + LONG * 2,
                           "netsetup/base/mac.h": TREE["netsetup/base/mac.h"] + LONG})
    status, text = house(root, "--write", "R5")
    assert (root / "tests/house/lines").read_text() == "# Kept.\nlauncher/common/text.h 2\n"
    assert status == 1 and text.startswith("netsetup/base/mac.h:2: R5: ") and text.count("\n") == 1


def test_write_keeps_what_is_left_of_a_circle(tmp_path: Path) -> None:
    circle, sources = "launcher/common/line.c launcher/common/text.c", dict(BREAKS[6][2])
    root = make(tmp_path, sources | {"tests/house/circles": circle + " launcher/common/word.c\n"})
    assert house(root, "R3")[0] == 1
    assert house(root, "--write", "R3") == (0, "")
    assert (root / "tests/house/circles").read_text() == circle + "\n"


def test_missing_build_is_an_error(tmp_path: Path) -> None:
    argv = [sys.executable, HOUSE, "--root", make(tmp_path), "--build", tmp_path / "none"]
    done = subprocess.run(argv, capture_output=True, text=True)
    assert done.returncode == 1 and "no programs" in done.stderr
