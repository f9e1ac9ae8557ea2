# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs cases inside the laptop: main.py [--list] [--quick] CASE...

Each case prints a line `result {...}`, a JSON object: case, ok, seconds, figures, reason. The exit
status is 1 if a case failed.
"""

import argparse
import fnmatch
import json
import sys
import time
import traceback
from contextlib import suppress
from pathlib import Path
from typing import List, Sequence

from cases import CASES, Case, names
from command import Failure, run, say
from laptop import ALONE, Laptop


def chosen(patterns: Sequence[str], quick: bool) -> List[str]:
    """The names of the cases that match a pattern, with or without their path; all without patterns.

    Those without a guest are only found by their whole name.
    """
    every = [name for name in names() if CASES[name].quick or not quick]
    short = {name: name.removeprefix(f"{CASES[name].path}/") for name in every
             if CASES[name].path != ALONE}

    def matching(pattern: str) -> List[str]:
        found = [name for name in every if fnmatch.fnmatch(name, pattern)
                 or fnmatch.fnmatch(short.get(name, ""), pattern)]
        return found or sys.exit(f"wifi: there is no case '{pattern}'; see --list")
    found = {name for pattern in patterns for name in matching(pattern)} if patterns else short
    return [name for name in every if name in found]


def report(laptop: Laptop, name: str, seconds: float, reason: str) -> None:
    """Print the result of a case."""
    figures = " ".join(f"{key}={value}" for key, value in laptop.figures.items())
    say(f"{'FAILED' if reason else 'ok'} {name} {figures} {reason.strip().splitlines()[0] if reason else ''}")
    print("result " + json.dumps({
        "case": name, "ok": not reason, "seconds": round(seconds, 1),
        "figures": laptop.figures, "reason": reason}), flush=True)


def run_case(laptop: Laptop, entry: Case) -> bool:
    """Run one case and report it; returns true if it is as it must be."""
    say(f"--- {entry.name}: {(entry.run.__doc__ or '').splitlines()[0]}")
    run("logger", "-t", "wifi", f"--- {entry.name}", check=False)
    started, reason = time.monotonic(), ""
    laptop.figures = {}
    try:
        if entry.path:
            laptop.ready(entry.manager, entry.path)
        else:
            laptop.end_guest()
            laptop.home(entry.manager)
        started = time.monotonic()
        entry.run(laptop)
    except Exception as err:  # a fault of a case must not keep the others from running
        reason = str(err) if isinstance(err, Failure) else traceback.format_exc()
        Path(f"/laptop/logs/{entry.name.replace('/', '-')}").write_text(
            f"{reason}\n{laptop.describe()}", encoding="utf-8")
        with suppress(Failure):  # the next case must not fail for the same reason
            laptop.start_anew()
    report(laptop, entry.name, time.monotonic() - started, reason)
    return not reason


def end(laptop: Laptop) -> bool:
    """End the guest, and check that vmrun left nothing."""
    laptop.figures, reason, started = {}, "", time.monotonic()
    try:
        laptop.end_guest()
        run("ip", "link", "set", "wlan0", "up", check=False)
        reason = laptop.left()
    except Failure as err:
        reason = str(err)
    report(laptop, "nothing-left", time.monotonic() - started, reason)
    return not reason


def main() -> int:
    """Run the cases that the command line names."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("cases", nargs="*")
    options = parser.parse_args()
    found = chosen(options.cases, options.quick)
    if options.list:
        print("\n".join(found))
        return 0
    laptop = Laptop()
    laptop.build()
    results = [run_case(laptop, CASES[name]) for name in found]
    results.append(end(laptop))
    say(f"{sum(results)} passed, {len(results) - sum(results)} failed")
    return 0 if all(results) else 1


if __name__ == "__main__":
    sys.exit(main())
