# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts a small tree with tests/tools/privileged_weight."""

import subprocess
import sys
from pathlib import Path

import pytest
from test_house import TREE, make

WEIGHT = Path(__file__).with_name("privileged_weight")
# A source that no one needs, and comments in one that is linked.
OTHERS = {"netsetup/base/other.c": "int other_any(void)\n{\n\treturn 0;\n}\n",
          "netsetup/base/mac.h": "/* Text. */\n\n// More.\n" + TREE["netsetup/base/mac.h"]}


@pytest.mark.parametrize("limit, status", [(11, 0), (10, 1)])
def test_weight(tmp_path: Path, limit: int, status: int) -> None:
    """Code of what the program links and includes is counted: 5, 5 and 1 lines."""
    root = make(tmp_path, OTHERS | {"tests/house/privileged": f"# Lines.\n{limit}\n"})
    done = subprocess.run([sys.executable, WEIGHT, "--root", root], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (
        status, f"code with capabilities: 11 lines in 3 files, at most {limit}\n"), done.stderr
