# SPDX-License-Identifier: GPL-2.0-or-later
"""A day in the life of a laptop, with one VM from the morning to the evening."""

import os
import re
import time
from typing import Callable, Optional

import pytest

from guests import boot, reach, tiny
from lab import LAPTOP_MAC, Lab
from stream import Echoes, Pings, arp_answered, milliseconds, table

pytestmark = pytest.mark.usefixtures("vmrun")

LONG = bool(os.environ.get("VMRUN_TESTS_LONG"))
ASLEEP = 30 if LONG else 8  # seconds
Step = Callable[[], object]


def test_a_day(lab: Lab) -> None:
    """Boot at home, sleep, another address for the host, dock, undock, go elsewhere, come back,
    power off: one VM that is never restarted, and a TCP connection that lasts while its address
    does."""
    laptop, home, work = lab.laptop, lab.lan, lab.second_lan()
    before, rows, morning = lab.snapshot(), [], time.monotonic()
    vm, guest = boot(lab, tiny(network={"configure": ["dhcp"]}))
    address, booted = vm.address, guest.sh("cat /proc/sys/kernel/random/boot_id")
    rows.append(("boot at home", f"{address} on wlan0", f"up after "
                 f"{time.monotonic() - morning:.1f} s", ""))

    def sleep() -> None:
        laptop.disconnect()
        time.sleep(ASLEEP)

    steps: list[tuple[str, str, Optional[Step], Step]] = [
        ("nothing for a while", "wlan0", None, lambda: time.sleep(2)),
        (f"suspend for {ASLEEP} s, resume", "wlan0", sleep, laptop.connect),
        ("DHCP gives the host another address", "wlan0", None,
         lambda: laptop.set_address(home.cidr(home.host(40)))),
        ("dock: the wire, same LAN", "eth0", None, laptop.add_wired),
        ("Wi-Fi off", "eth0", None, laptop.disconnect),
        ("Wi-Fi on", "eth0", None, laptop.connect),
        ("undock", "wlan0", None, laptop.remove_wired),
    ]
    with Echoes(lab.phone, address) as stream, Pings(lab.phone, address) as pings:
        for name, uplink, prepare, step in steps:
            assert stream.answered(time.monotonic()), f"before: {name}"
            if prepare:
                prepare()
            began = time.monotonic()
            step()
            ended = time.monotonic()
            mac = laptop.netns.ip_json(f"link show dev {uplink}")[0]["address"]
            assert arp_answered(lab.phone, address, mac), f"{name}: {vm.stderr.text}"
            settled = max(ended, time.monotonic() + 1)
            pinged, echoed = pings.answered(settled, 20), stream.answered(settled, 60)
            assert pinged and echoed and not stream.broken, f"{name}: {vm.stderr.text}"
            rows.append((name, f"{address} on {uplink}", milliseconds(
                pings.outage(began, pinged)), milliseconds(stream.outage(began, echoed))))
        assert guest.sh("cat /proc/sys/kernel/random/boot_id") == booted

        laptop.roam(work)
        arrived = time.monotonic()
        moved = vm.wait_stderr(rf"moved: {re.escape(address)} on wlan0 -> (192\.168\.88\.\d+) on "
                               "wlan0$")[1]
        with Pings(work.phone, moved) as there:
            pinged = there.answered(arrived, 30)
        assert pinged, vm.stderr.text
        rows.append(("to another network", f"{moved} on wlan0", milliseconds(pinged - arrived),
                     "its address changed"))
    vm.address = moved
    assert reach(vm, work.phone).sh("cat /proc/sys/kernel/random/boot_id") == booted

    laptop.roam(home, home.cidr(home.host(1)))
    arrived = time.monotonic()
    vm.wait_stderr(rf"moved: {re.escape(moved)} on wlan0 -> {re.escape(address)} on wlan0$")
    with Pings(lab.phone, address) as pings:
        pinged = pings.answered(arrived, 30)
        assert pinged, vm.stderr.text
    rows.append(("home again", f"{address} on wlan0", milliseconds(pinged - arrived),
                 "a new connection"))
    vm.address = address
    assert reach(vm, lab.phone).sh("cat /proc/sys/kernel/random/boot_id") == booted
    assert list(home.seen()) == [LAPTOP_MAC] == list(work.seen())

    evening = time.monotonic()
    assert vm.stop() == 0
    rows.append(("power off", "", f"after {time.monotonic() - evening:.1f} s", ""))
    print(table("A day: for how long the LAN did not reach the VM", (
        "what happens", "the VM is at", "ping", "the established connection"), rows))
    print("".join(f"  {line}\n" for line in vm.stderr.lines))
    lab.reset()
    assert not before.diff(lab.snapshot()), "something is left"
