# SPDX-License-Identifier: GPL-2.0-or-later
"""A VM with several networks: its place on the LAN is the same, whichever card it is."""

import pytest

from guests import boot, tiny
from lab import Lab

pytestmark = pytest.mark.usefixtures("vmrun")


def test_lan_beside_qemus_own(lab: Lab) -> None:
    """The LAN's card is the second; the guest is told so, and QEMU serves the first."""
    vm, guest = boot(lab, tiny(network=["user", {"model": "virtio"}]),
                     ["--address=192.168.77.40"])
    assert vm.address == "192.168.77.40"
    cards = guest.sh("for i in 0 1; do cat /sys/class/net/eth$i/address; done").split()
    macs = [word[4:] for each in vm.qemu.cmdline for word in each.split(",")
            if word.startswith("mac=")]
    assert cards == macs and len(set(macs)) == 2
    assert guest.sh("cat /run/nic") == "eth1"
    assert guest.sh("ip route show default").split()[:3] == ["default", "via", "192.168.77.1"]
    # Only a lease: its script would set a route.
    said = guest.sh("ip link set eth0 up; udhcpc -i eth0 -n -q -f -s /bin/true 2>&1")
    assert "lease of 10.0.2.15 obtained" in said
