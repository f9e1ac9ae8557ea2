# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures the wait of a station for the answer to its first ARP request for a guest."""

import subprocess
from pathlib import Path

import byhand
import measure
from lab import Lab

ROUNDS = 12


class FirstArp:
    """Makes a place on the LAN, asks for its address as a station does, and gives it back."""

    def __init__(self, lab: Lab, build: Path) -> None:
        self._lab = lab
        self._plumb = build / "plumb"

    def _ask(self, address: str) -> float:
        answers = self._lab.phone.arp_request(address, timeout=2)
        return min(answers.values()) * 1e3 if answers else float("inf")

    def vmrun(self) -> float:
        """By vmrun-netsetup."""
        with self._lab.laptop.netns.popen([str(self._plumb), "hold", "1", "none", "routed"],
                                          text=True, stdin=subprocess.PIPE,
                                          stdout=subprocess.PIPE) as holder:
            address = holder.stdout.readline().split()[0]
            took = self._ask(address)
            holder.stdin.close()
        return took

    def by_hand(self) -> float:
        """By the recipe."""
        self._lab.run([str(byhand.RECIPE), "up"])
        took = self._ask(byhand.ADDRESS)
        byhand.recipe_down(self._lab)
        return took


def main(build: Path) -> None:
    """Print the table."""
    measure.title("first ARP answer: how long a station of the LAN waits for it")
    with Lab() as lab:
        first = FirstArp(lab, build)
        measure.table("ms", measure.in_turn(ROUNDS, {"by hand": first.by_hand,
                                                     "vmrun": first.vmrun}), "by hand", 3)
