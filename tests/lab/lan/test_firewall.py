# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel is asked if it forwards a guest's packets, before QEMU starts, and what drops them."""

import json
import time
from typing import Callable, NamedTuple, Optional

import pytest

from guests import paused, tiny
from lab import Lab
from vm import Vm

pytestmark = pytest.mark.usefixtures("vmrun")

PACKETS = ["tcp-out", "udp-out", "ping-out", "tcp-in", "udp-in", "ping-in"]


def status(lab: Lab, vm: Vm) -> dict:
    """What `vmrun status --json` says."""
    return json.loads(lab.vmrun("status", vm.name, "--json").stdout)


def fates(found: dict) -> dict[str, str]:
    """What became of each sample packet."""
    return dict(each.split() for each in found["forwarding-packets"])


def all_are(fate: str, *packets: str) -> dict[str, str]:
    """@packets have @fate, the others pass; all have it if none is named."""
    return {each: fate if each in (packets or PACKETS) else "passes" for each in PACKETS}


def test_open(lab: Lab) -> None:
    """Without a firewall everything passes, no packet of the question leaves, and it takes no time."""
    with lab.phone.capture("ether host 02:00:00:77:00:02") as capture:
        vm = lab.start_vm(paused())
        vm.wait_ready()
        found = status(lab, vm)
    assert fates(found) == all_are("passes"), found
    assert found["forwarding"] == "open" and found["forwarding-reason"] is None
    assert not found["forwarding-chains"] and not found["forwarding-remedy"]
    sent = [line for line in capture.lines if " ARP, " not in line and "IP6" not in line]
    assert not sent, sent
