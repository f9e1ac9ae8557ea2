# SPDX-License-Identifier: GPL-2.0-or-later
"""Samples of things that are measured in turn, and their table: medians and ratios in one run."""

import statistics
from typing import Callable, Mapping, Sequence

Samples = dict[str, list[float]]


def in_turn(rounds: int, ways: Mapping[str, Callable[[], float]]) -> Samples:
    """Call each of @ways once in each round, A B C A B C ..., so that whatever else the machine
    does in the meantime falls on all of them; return what each returned."""
    samples: Samples = {name: [] for name in ways}
    for _ in range(rounds):
        for name, way in ways.items():
            samples[name].append(way())
    return samples


def title(text: str) -> None:
    """Begin a table."""
    print(f"\n== {text}", flush=True)


def note(text: str) -> None:
    """A line below a table."""
    print(f"   {text}", flush=True)


def table(unit: str, samples: Mapping[str, Sequence[float]], base: str, digits: int = 1,
          aims: Mapping[str, str] = {}) -> None:
    """Print the median, least and most of each row, and the ratio of its median, and of its least
    value, to that of the row @base. A busy machine makes the least value the one to trust: nothing
    makes a program faster than it is. @aims: what is wanted, by row."""
    median = {name: statistics.median(values) for name, values in samples.items()}
    least = {name: min(values) for name, values in samples.items()}
    width = max(map(len, samples))
    print(f"   {'in ' + unit:{width}}  {'median':>9}  {'least':>9}  {'most':>9}  {'ratio':>7}"
          f"  {'of least':>8}   n")
    for name, values in samples.items():
        aim = f"   aim: {aims[name]}" if name in aims else ""
        print(f"   {name:{width}}  {median[name]:9.{digits}f}  {least[name]:9.{digits}f}"
              f"  {max(values):9.{digits}f}  {_ratio(median, name, base)}"
              f"  {_ratio(least, name, base):>8}  {len(values):2}{aim}", flush=True)


def _ratio(of: Mapping[str, float], name: str, base: str) -> str:
    return f"{of[name] / of[base]:7.3g}" if of[base] else f"{'-':>7}"
