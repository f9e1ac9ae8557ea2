# SPDX-License-Identifier: GPL-2.0-or-later
"""Nothing is left behind, whatever is killed at whatever step, and whichever call fails."""

import os
import re
from collections import Counter

import pytest

import fault
from fault import standing_in
from firewalls import nft

pytestmark = pytest.mark.usefixtures("vmrun")

DROP = nft("table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; } }")

SETS = ["vmrun", "supervisor", "service", "maker", "worker", "qemu", "vmrun+service",
        "vmrun+qemu", "service+qemu", "service+supervisor", "all but qemu", "all"]


@pytest.mark.slow
@pytest.mark.both_paths
@pytest.mark.parametrize("user", ["", "me"], ids=["root", "sudo"])
def test_kill_at_every_step(user: str, data_path: str) -> None:
    """SIGKILL before and after each call that changes something, to each set of processes.

    Once the last of them is gone the host is as before within a second. The supervisor starts the
    service again, and a vmrun of root starts both. Where nobody is left who may do it, the next
    start of a VM or `vmrun clean`, by turns, removes what the kernel does not remove by itself.
    """
    table: dict[str, Counter] = {name: Counter() for name in SETS}
    steps, bad, lines = set(), [], []
    # A build with sanitizers takes four times as long, and the others try each step. On the second
    # path most steps are those of the first.
    sample = 4 if fault.sanitized() or data_path == "bridged" else 1
    for fields in fault.run("kill", standing_in(), user=user, sample=sample):
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
    print(f"{'killed':20}{'tried':>7}{'as before':>11}{'swept':>7}{'leaks':>7}")
    for name, counts in table.items():
        leaks = sum(number for outcome, number in counts.items() if outcome.isupper())
        tried = counts["kept"] + counts["swept"] + leaks
        print(f"{name:20}{tried:7}{counts['kept']:11}{counts['swept']:7}{leaks:7}")
    assert not bad, "\n".join(bad + lines)
    missed = sum(counts["missed"] + counts["absent"] for counts in table.values())
    tried = sum(sum(counts.values()) for counts in table.values())
    assert missed <= tried / 20, "steps are not the same in every run"
    least = 20 // sample  # QEMU's own life has some 40 steps
    assert all(table[name]["kept"] + table[name]["swept"] >= least for name in SETS)
    assert not any(table[name]["swept"] for name in ("supervisor", "service", "maker", "worker"))
    assert table["service+supervisor"]["swept"] == 0 or user, "root's vmrun starts others"


ASIDE = re.compile(r"it serves again|power|on wlan0|^vmrun-netsetup: ")
# Objects that a message names: a path, an interface, a program, an address; or a part of the host.
OBJECT = re.compile(r"'[^']+'|\d+\.\d+\.\d+\.\d+|\S+\.yaml|QEMU|SUDO_[UG]ID|netlink socket|event loop"
                    r"|(this|the) host|the network|the IPv4|the next hop|neighbours|proxy entries"
                    r"|signals|directory of vmrun|for QMP|for the console|the launcher|process|privileges"
                    r"|capabilities|the groups|become user|descriptor \d+|a timer|the (maker|worker|client|supervisor|service)"
                    r"|a (DHCP )?socket|interface \d+|system calls|Landlock ruleset|network namespace"
                    r"|routes of VMs|policy rules|gate|nf_tables|nfnetlink")
SIX = ["EPERM", "ENOMEM", "ENOSPC", "EBUSY", "EINTR", "ENOBUFS"]


def judge(status: int, left: str, said: str) -> str:
    """The error of a run with a fault; nothing when all is well."""
    messages = [line for line in said.split("|") if line and not ASIDE.search(line)]
    if left not in ("kept", "swept"):
        return left
    if status not in (0, 1, 3, 4, 5):
        return "undocumented"
    if re.search("Assertion|runtime error|Sanitizer", said):
        return "broken"
    told = any(line.startswith("vmrun: ") or status == 3 and ".yaml:" in line for line in messages)
    if status and not told:
        return "silent"
    if status and not OBJECT.search(" ".join(messages)):
        return "of nothing"
    return ""


def share(turn: str) -> str:
    """The part of the matrix to try: all of it when VMRUN_FAULTS is "all"."""
    return "all" if os.environ.get("VMRUN_FAULTS") == "all" else turn


def survivable(step: str) -> bool:
    """True if the program can print an error: without memory, a program with sanitizers ends at
    once."""
    return " mmap#" not in step or not fault.sanitized()


@pytest.mark.slow
@pytest.mark.parametrize("user, turn", [("", "0"), ("me", "3")], ids=["root", "sudo"])
def test_fail_every_call(user: str, turn: str) -> None:
    """Each call fails once, in itself or, of a request, in the kernel's answer: either that did not
    matter, or there is a message that names an object, and an exit status that is documented;
    nothing is left and nothing hangs.

    Each step fails with one error, by turns, so that each kind of call has had all; VMRUN_FAULTS=all
    has every step fail with every error.
    """
    table: dict[str, Counter] = {}
    steps, bad = set(), []
    for fields in fault.run("fail", standing_in(), user=user, errors=share(turn)):
        if fields[0] == "left":
            bad.append(fields[1])
        if fields[0] != "fail":
            continue
        _, error, step, left, status, said = fields
        if left == "missed" or not survivable(step):
            continue
        steps.add(step)
        counts = table.setdefault(error, Counter())
        counts.update(["tried", status] + (["answer"] if "refused" in step else []))
        wrong = judge(int(status), left, said)
        if wrong:
            counts["bad"] += 1
            bad.append(f"{wrong}: {step} {error}: status {status}, {left}, {said}")
    columns = ["tried", "answer", "0", "1", "3", "4", "5", "bad"]
    print(f"\n{len(steps)} steps; by exit status:\n{'':12}" + "".join(f"{c:>8}" for c in columns))
    for error in sorted(table, key=lambda each: (each not in SIX, each)):
        print(f"{error:12}" + "".join(f"{table[error][column]:8}" for column in columns))
    assert not bad, "\n".join(bad)
    assert len(steps) > 100
    assert all(table[error]["answer"] for error in SIX)


def try_sample(mode: str, sample: int, definition: dict, firewall: str = "") -> None:
    """A few steps of the two above, and the same checks."""
    tried, bad = 0, []
    for fields in fault.run(mode, definition, user="me", sample=sample, firewall=firewall):
        if fields[0] == "left":
            bad.append(fields[1])
        elif fields[0] == "kill":
            tried += 1
            if fields[3] not in ("kept", "swept", "absent", "missed"):
                bad.append(" ".join(fields[1:]))
        elif fields[0] == "fail" and fields[3] != "missed" and survivable(fields[2]):
            tried += 1
            _, error, step, left, status, said = fields
            wrong = judge(int(status), left, said)
            if wrong:
                bad.append(f"{wrong}: {step} {error}: status {status}, {left}, {said}")
    print(f"\n{tried} tried")
    assert not bad, "\n".join(bad)
    assert tried > 40


@pytest.mark.both_paths
@pytest.mark.parametrize("mode, sample", [("kill", 24), ("fail", 16)])
def test_sample(mode: str, sample: int) -> None:
    """A few steps of the two above, for those who run the quick tests alone."""
    try_sample(mode, sample, standing_in())


@pytest.mark.parametrize("mode, sample", [("kill", 24), ("fail", 16)])
def test_firewall(mode: str, sample: int) -> None:
    """The same for a VM that has its rules added to a firewall. The rules are part of the host."""
    network = {"probe": "none", "path": "routed", "firewall": "allow"}
    try_sample(mode, sample, standing_in(network=network), DROP)
