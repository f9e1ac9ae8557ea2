# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends a gigabyte to a guest with each kind of card and back, and compares digests."""

import os
import time
from pathlib import Path

import guests
import measure
from lab import Lab
from stream import echo_unchanged

SIZE = int(os.environ.get("VMRUN_BENCH_BYTES", 10 ** 9))
PATHS = ["routed", "bridged"]


def main(build: Path) -> None:
    """Print the table; raise RuntimeError if a digest differs."""
    measure.title(f"gigabyte: {SIZE / 1e6:.0f} MB to the guest and back at once, SHA-256 equal")
    speeds: dict[str, list[float]] = {}
    with Lab() as lab:
        for path in PATHS:
            guests.data_path = path
            for kind, definition in guests.cards().items():
                vm, _ = guests.boot(lab, definition)
                began = time.monotonic()
                if not echo_unchanged(lab.phone, vm.address, SIZE):
                    raise RuntimeError(f"{kind}, {path}: SHA-256 differs")
                speeds[f"{path}, {kind}"] = [SIZE / (time.monotonic() - began) / 1e6]
                vm.quit()
        guests.data_path = None
    measure.table("MB/s", speeds, "routed, virtio")
