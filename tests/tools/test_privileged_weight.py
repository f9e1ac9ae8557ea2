# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts a small tree with tests/tools/privileged_weight."""

import subprocess
import sys
from pathlib import Path

import pytest
from test_house import TREE, make

WEIGHT = Path(__file__).with_name("privileged_weight")
# Four sources of 4 lines that count; one that needs another; one that no one needs; comments.
OTHERS = {f"netsetup/{name}.c": f"int {Path(name).name}_any(void)\n{{\n\treturn 0;\n}}\n"
          for name in ["keeper/supervisor", "confine/capabilities", "confine/landlock",
                       "confine/seccomp", "base/other"]} | {
    "netsetup/maker/maker.c": '#include "netsetup/base/mac.h"\n'
                              "int maker_any(void)\n{\n\treturn mac_any();\n}\n",
    "netsetup/base/mac.h": "/* Text. */\n\n// More.\n" + TREE["netsetup/base/mac.h"]}


@pytest.mark.parametrize("limit, status", [(32, 0), (31, 1)])
def test_weight(tmp_path: Path, limit: int, status: int) -> None:
    """Code of what the processes link and include is counted: 4 x 4, 5, 5, main.c's 5, and 1."""
    root = make(tmp_path, OTHERS | {"tests/house/privileged": f"# Lines.\n{limit}\n"})
    done = subprocess.run([sys.executable, WEIGHT, "--root", root], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (
        status, f"code with capabilities: 32 lines in 8 files, at most {limit}\n"), done.stderr
