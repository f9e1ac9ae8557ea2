# SPDX-License-Identifier: GPL-2.0-or-later
"""Private networks between the VMs of a user: who hears whom, without privilege."""

import json
import re
import signal
from typing import Any

import pytest

from guests import boot, paused, tiny
from lab import Lab
from vm import Account, Vm, home_directories

pytestmark = pytest.mark.usefixtures("vmrun")

PROMPT = r"~# "


def member(name: str, number: int, network: str = "lab", **keys: Any) -> dict:
    """A guest with the address 10.9.0.NUMBER as its only one."""
    return tiny(name, words=f"ip=10.9.0.{number}:::255.255.255.0:::off",
                network={"type": "private", "name": network}, **keys)


def ask(vm: Vm, command: str, timeout: float = 60) -> str:
    """The output of a command that is typed at the guest's console."""
    ask.count += 1
    # The terminal shows what is typed as well, but without these words in one piece.
    vm.send(f"echo be''gin-{ask.count}; {command}; echo en''d-{ask.count}\n")
    said = vm.wait_console(rf"(?s)begin-{ask.count}\r?\n(.*?)end-{ask.count}\r?\n", timeout)[1]
    return said.replace("\r", "").rstrip("\n")


ask.count = 0


def pings(vm: Vm, number: int) -> bool:
    """True if the guest gets an answer from 10.9.0.NUMBER."""
    return ask(vm, f"ping -c 5 -A -W 1 -w 5 10.9.0.{number} >/dev/null && echo yes") == "yes"


def received(vm: Vm) -> int:
    return int(ask(vm, "cat /sys/class/net/eth0/statistics/rx_packets"))


def test_members_hear_one_another(lab: Lab) -> None:
    """Two VMs and one that joins later; not a third of another network, nor one that was killed."""
    me: Account = lab.add_user()
    members = home_directories(lab.directory, me)[1] / "vmrun" / ".private" / "lab"

    def start(*what: Any) -> Vm:
        vm = lab.start_vm(member(*what), user=me, wait=False)
        vm.wait_console(PROMPT)
        return vm

    first, second, other = start("first", 1), start("second", 2), start("other", 3, "other")
    assert pings(first, 2) and pings(second, 1)
    assert not pings(first, 3)
    assert received(other) == 0 and received(second) > 0

    for vm in (first, second, other):
        assert vm.services() == []
        assert re.search(r"-sandbox on,\S*spawn=deny", " ".join(vm.qemu.cmdline))
    status = json.loads(lab.vmrun("list", "--json", user=me).stdout)
    assert [(vm["name"], vm["private-networks"], "ports" in vm, "lan" in vm) for vm in status] == [
        ("first", ["lab"], False, False), ("other", ["other"], False, False),
        ("second", ["lab"], False, False)]
    assert re.search(r"^private-networks +lab$", lab.vmrun("status", "first", user=me).stdout,
                     re.MULTILINE)

    ssh = lab.vmrun("ssh", "first", user=me)
    assert ssh.returncode == 1 and "forward a port of this host to its port 22" in ssh.stderr
    assert members.stat().st_mode & 0o777 == 0o700
    second.signal(signal.SIGKILL)
    second.wait()
    assert all(each.wait_gone(5) for each in second.family())
    assert (members / "second").is_socket(), "it was killed"
    assert not pings(first, 2)
    assert "/.private/lab/second\n" in lab.vmrun("clean", "--dry-run", user=me).stdout
    late = start("late", 4)
    assert pings(first, 4) and pings(late, 1)
    assert sorted(each.name for each in members.iterdir()) == ["first", "late"]

    for vm in (first, late, other):
        assert vm.stop() == 0
    assert not members.parent.exists()


def test_beside_the_lan(lab: Lab) -> None:
    """Frames of either network stay there; the guest's private card is its own business."""
    private = {"type": "private", "name": "lab"}
    vm, guest = boot(lab, tiny("both", network=[private, "lan"]))
    peer = lab.start_vm(member("peer", 2), wait=False)
    peer.wait_console(PROMPT)
    assert guest.sh("cat /run/nic") == "eth1"
    assert guest.sh("cat /sys/class/net/eth0/operstate") == "down", "left alone"
    guest.sh("ip address add 10.9.0.1/24 dev eth0 && ip link set eth0 up")
    assert guest.pings("10.9.0.2") and pings(peer, 1)
    assert vm.supervisor in vm.family() and vm.supervisor not in peer.family()

    with lab.phone.capture("arp") as wire:
        assert not pings(peer, 77)
        ask(peer, "arping -c 2 -w 2 -I eth0 192.168.77.1")
    assert not [line for line in wire.lines if "10.9.0." in line]
    # Frames of the largest size that an MTU can ask for.
    for each in (guest.sh, lambda command: ask(peer, command)):
        each("ip link set eth0 mtu 9000")
    assert "0% packet loss" in ask(peer, "ping -c 3 -s 8900 10.9.0.1")
    assert vm.stop() == 0


def test_dry_run(lab: Lab) -> None:
    """The command is shown, and no network is made."""
    vm = lab.start_vm(paused(network={"type": "private", "name": "lab"}), ["--dry-run"], wait=False)
    assert vm.wait() == 0
    assert "-netdev socket,id=lan0,fd=" in vm.console.text + vm.stderr.text
    directory = home_directories(lab.directory, Account("root", 0, 0))[1]
    assert not (directory / "vmrun" / ".private").exists()
