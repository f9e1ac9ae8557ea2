# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures the setup and the removal of the network, without QEMU and without probing."""

from pathlib import Path

import byhand
import measure
from lab import Lab

ROUNDS = 40
PARTS = {"recipe": ["set up", "undo"],
         "netsetup": ["start the helper", "set up", "undo", "the helper's own end"],
         "asked": ["start the helper", "set up", "undo", "the helper's own end"]}
# As on a real system, /run is in memory; the lab's is a directory of the disk.
ON_TMPFS = ["sh", "-c", 'mount -t tmpfs -o mode=755 tmpfs /run && exec "$0" "$@"']


def main(build: Path) -> None:
    """Print the tables."""
    with Lab() as lab:
        said = lab.run([*ON_TMPFS, build / "plumb", "rounds", str(ROUNDS), "none", byhand.RECIPE],
                       timeout=60).stdout
    times: dict[str, list[list[float]]] = {name: [] for name in PARTS}
    for line in said.splitlines():
        name, *values = line.split()
        times[name].append([int(value) / 1e3 for value in values])

    measure.title("plumbing: set up and undo, without probing and QEMU")
    # For the helper's own end nobody waits. The recipe asks no firewall either.
    measure.table("ms", {"the recipe's commands": [sum(each) for each in times["recipe"]],
                         "vmrun-netsetup": [sum(each[:3]) for each in times["netsetup"]],
                         "with the firewall asked": [sum(each[:3]) for each in times["asked"]]},
                  "the recipe's commands", 2, {"vmrun-netsetup": "a third"})
    parts = {f"{name}: {part}": [each[i] for each in times[name]]
             for name in PARTS for i, part in enumerate(PARTS[name])}
    measure.table("ms", parts, "recipe: set up", 2)
