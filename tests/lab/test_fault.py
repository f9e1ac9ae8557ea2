# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing is left behind, whatever is killed at whatever step, and whichever call fails."""

import re
from collections import Counter

import pytest

import fault
from fault import standing_in

pytestmark = [pytest.mark.usefixtures("vmrun"), pytest.mark.slow]

SETS = ["vmrun", "netsetup", "qemu", "vmrun+netsetup", "vmrun+qemu", "netsetup+qemu", "all"]


@pytest.mark.parametrize("user", ["", "me"], ids=["root", "sudo"])
def test_kill_at_every_step(user: str) -> None:
    """SIGKILL before and after each call that changes something, to each set of processes.

    Once the last of them is gone the host is as before within a second: by those that survived, or,
    where the helper or vmrun was killed, all that the kernel does not remove by itself by the next
    start of a VM or `vmrun clean`, by turns.
    """
    table: dict[str, Counter] = {name: Counter() for name in SETS}
    steps, bad, lines = set(), [], []
    for fields in fault.run("kill", standing_in(), user=user):
        lines.append("\t".join(fields))
        if fields[0] == "left":
            bad.append(fields[1])
        if fields[0] != "kill":
            continue
        _, victims, step, outcome = fields
        steps.add(step)
        table[victims][outcome] += 1
        if outcome not in ("kept", "swept", "absent", "missed"):
            bad.append(f"{victims} killed at {step}: {outcome}")
    print(f"\n{len(steps)} steps")
    print(f"{'killed':16}{'tried':>7}{'as before':>11}{'swept':>7}{'leaks':>7}")
    for name, counts in table.items():
        leaks = sum(number for outcome, number in counts.items() if outcome.isupper())
        tried = counts["kept"] + counts["swept"] + leaks
        print(f"{name:16}{tried:7}{counts['kept']:11}{counts['swept']:7}{leaks:7}")
    assert not bad, "\n".join(bad + lines)
    missed = sum(counts["missed"] + counts["absent"] for counts in table.values())
    tried = sum(sum(counts.values()) for counts in table.values())
    assert missed <= tried / 20, "steps are not the same in every run"
    assert all(table[name]["kept"] + table[name]["swept"] > 10 for name in SETS)
    assert table["netsetup"]["swept"] == 0 or user, "another helper undoes it at once"


ASIDE = re.compile(r"another has taken over|power|on wlan0|vmrun-netsetup ended")


def test_fail_every_call() -> None:
    """Each call fails once: either it did not matter, or there is a message that names an object,
    and an exit status that is documented; and nothing is left."""
    statuses: Counter = Counter()
    steps, bad = set(), []
    for fields in fault.run("fail", standing_in(), errors=1):
        if fields[0] == "left":
            bad.append(fields[1])
        if fields[0] != "fail":
            continue
        _, error, step, left, status, said = fields
        if left == "missed":
            continue
        steps.add(step)
        statuses[int(status)] += 1
        messages = [line for line in said.split("|") if line and not ASIDE.search(line)]
        what = f"{step} {error}: status {status}, {left}, {said}"
        if left not in ("kept", "swept"):
            bad.append(what)
        elif not 0 <= int(status) <= 5:
            bad.append(f"undocumented {what}")
        elif int(status) and not any(line.startswith("vmrun: ") or status == "3" and
                                     ".yaml:" in line for line in messages):
            bad.append(f"silent {what}")
        elif re.search("Assertion|runtime error|Sanitizer", said):
            bad.append(f"broken {what}")
    print(f"\n{sum(statuses.values())} calls failed, by exit status: {dict(statuses)}")
    assert not bad, "\n".join(bad)
    assert len(steps) > 100
