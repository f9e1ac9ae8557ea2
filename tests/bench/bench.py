# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the usual measurements, or those that are named; see `run` beside it."""

import importlib
import os
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
NAMES = {"plumbing": "plumbing", "arp": "firstarp", "idle": "idle", "traffic": "traffic",
         "packets": "packets", "scale": "scale", "boot": "boot", "gigabyte": "gigabyte"}
BY_NAME = ["gigabyte"]  # takes ten minutes where there is no KVM


def main(build: Path, wanted: list[str]) -> int:
    """Run them; 2 when one does not exist."""
    unknown = [name for name in wanted if name not in NAMES]
    if unknown:
        print(f"no such measurement: {', '.join(unknown)}; there are {', '.join(NAMES)}",
              file=sys.stderr)
        return 2
    os.environ["VMRUN"] = str(build / "vmrun")
    sys.path.insert(0, str(HERE.parent / "lab" / "support"))
    began = time.monotonic()
    print(f"load of this machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} processors")
    for name in wanted or [each for each in NAMES if each not in BY_NAME]:
        importlib.import_module(NAMES[name]).main(build)
    print(f"\n{time.monotonic() - began:.0f} s; load now {os.getloadavg()[0]:.1f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), sys.argv[2:]))
