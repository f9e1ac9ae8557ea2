# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the commands that vmrun shows by hand, and compares the effect."""

import re
import json

import pytest

from guests import paused
from hoststate import HostState, without
from lab import Lab
from vm import READY, Vm

pytestmark = pytest.mark.usefixtures("vmrun")


def changes(text: str) -> list[str]:
    """The commands that --verbose shows."""
    return [line[2:] for line in text.splitlines() if line.startswith("+ ")]


def setting_up(vm: Vm) -> list[str]:
    """Those before the line that says that the VM is on the LAN."""
    return changes(vm.stderr.text[:READY.search(vm.stderr.text).start()])


def announces(command: str) -> bool:
    """True if it leaves no trace on the laptop when it is typed: an announcement, and the table."""
    return command.startswith(("# gratuitous ARP", "# nft"))


# Of a tap that is made by hand and of one that QEMU holds, these differ: the MAC is random, and
# only the latter has a carrier and goes by itself. Its number depends on how many were there.
TAPS_OWN = {"ifindex", "address", "flags", "operstate", "linkmode", "persist"}


def comparable(state: HostState) -> list[str]:
    """The state without that, without vmrun's own memory, and without the uplink's table and its gate:
    what is shown of these is for reading."""
    lines = []
    for line in state.lines:
        subject, _, body = line.partition(": ")
        if subject == "link vmr-tiny" or subject.startswith("route"):
            line = f"{subject}: {without(json.loads(body), TAPS_OWN)}"
        if subject == "link wlan0":
            line = f"{subject}: {without(json.loads(body), {'allmulti'})}"
        if not subject.startswith(("file /run/vmrun", "nft ")) and "vmr-gate" not in subject:
            lines.append(line)
    return lines


def by_hand(lab: Lab, commands: list[str], check: bool = True) -> None:
    """Type each of them into a shell on the laptop."""
    for command in commands:
        if announces(command):
            continue
        lab.run(["sh", "-c", command], check=check, timeout=20)


@pytest.mark.lab(mtu=1400)
def test_commands_by_hand_do_the_same(lab: Lab) -> None:
    vm = lab.start_vm(paused(), ["--verbose"])
    done = comparable(lab.snapshot())
    up = setting_up(vm)
    vm.quit()
    down = [each for each in changes(vm.stderr.text)[len(up):] if not announces(each)]
    assert len(up) > 10 and len(down) >= 4

    with Lab(mtu=1400) as other:
        before = other.snapshot()
        by_hand(other, up)
        assert comparable(other.snapshot()) == done
        by_hand(other, down)
        assert before.diff(other.snapshot()) == []


def test_commands_by_hand_are_needed(lab: Lab) -> None:
    """The comparison above sees the lack of each command."""
    vm = lab.start_vm(paused(), ["--verbose"])
    done = comparable(lab.snapshot())
    up = [each for each in setting_up(vm) if not announces(each)]
    vm.quit()
    with Lab() as other:
        before = other.snapshot()
        for left_out in up[1:]:
            by_hand(other, [each for each in up if each != left_out], check=False)
            assert comparable(other.snapshot()) != done, f"nothing shows that '{left_out}' ran"
            by_hand(other, undone_by(up, vm), check=False)
            assert before.diff(other.snapshot()) == []


def undone_by(up: list[str], vm: Vm) -> list[str]:
    """The commands that undo all of @up."""
    shown = changes(vm.stderr.text)
    return [each for each in shown if each not in up and not announces(each)]


def test_dry_run_shows_the_same_and_changes_nothing(lab: Lab) -> None:
    before = lab.snapshot()
    said = {}
    me = lab.add_user()
    for who, how in {"root": {}, "sudo": {"user": me, "sudo": True}, "user": {"user": me}}.items():
        with lab.laptop.capture("arp") as seen:
            dry = lab.start_vm(paused(), ["--dry-run"], wait=False, **how)
            assert dry.wait(10) == 0
        said[who] = dry.console.lines
        assert dry.stderr.text == ""
        announced = [line for line in seen.lines if "tell 0.0.0.0" not in line]
        assert announced == [], "a dry run may ask, but must not claim"
        assert before.diff(lab.snapshot()) == []
    assert said["sudo"] == said["user"]
    own = re.compile(r"vmr-tiny-[0-9a-f]{6}")  # the tap's name has its user
    assert said["root"] == [own.sub("vmr-tiny", line) for line in said["user"]]

    *commands, qemu = said["root"]
    vm = lab.start_vm(paused(), ["--verbose"])
    # A tap's chain and routing table have the number of its interface, which a dry run does not make.
    number = re.compile(r"\b(tap_|11800000)(\d+|N)\b")
    assert [number.sub(r"\1N", each) for each in commands] == \
        [number.sub(r"\1N", each) for each in setting_up(vm)]
    # A dry run has no directory of its own.
    assert qemu.split() == " ".join(vm.qemu.cmdline).replace(
        "console=ttyS0", "'console=ttyS0").replace("::off:192.168.77.1", "::off:192.168.77.1'"
                                                   ).replace("/run/user/0/vmrun/tiny/", "RUNTIME/"
                                                             ).split()


def test_quiet(lab: Lab) -> None:
    vm = lab.start_vm(paused(), ["--quiet", "--verbose"], wait=False)
    vm.child("qemu-system", 10)
    assert vm.quit() == 131
    assert vm.stderr.text == ""


def test_quiet_still_tells_errors(lab: Lab) -> None:
    vm = lab.start_vm(paused(), ["--quiet", "--uplink=none0"], wait=False)
    assert vm.wait(10) == 5
    assert vm.stderr.lines[0] == "vmrun: uplink 'none0' does not exist"
