# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures the search for addresses when many VMs start at once, or one by one."""

from pathlib import Path

import measure
from lab import Lab

COUNT = 20
ROUNDS = 3


def main(build: Path) -> None:
    """Print the table."""
    measure.title(f"scale: {COUNT} VMs, probing included, without QEMU")
    with Lab() as lab:
        def places(how: str, count: int, probe: str) -> float:
            said = lab.run([build / "plumb", how, str(count), probe], timeout=90).stdout
            times, *addresses = said.splitlines()
            if len(set(addresses)) != count:
                raise RuntimeError(f"{count} VMs have {len(set(addresses))} different addresses")
            return float(times.split()[0])

        samples = measure.in_turn(ROUNDS, {
            "one": lambda: places("many", 1, "normal"),
            f"{COUNT} at once": lambda: places("many", COUNT, "normal"),
            f"{COUNT} at once, probe: none": lambda: places("many", COUNT, "none")})
        samples |= measure.in_turn(1, {
            f"{COUNT} one after another": lambda: places("each", COUNT, "normal")})
        measure.table("s", samples, "one", 3)
    measure.note("all addresses were different from one another")
