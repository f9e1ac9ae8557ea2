# SPDX-License-Identifier: GPL-2.0-or-later
"""A bridged guest is on the LAN below the host's IP stack: whatever owns that stack does not matter."""

import time
from ipaddress import IPv4Address

import pytest

from guests import boot, paused, tiny
from lab import LAPTOP_MAC, Lab
from test_defend import announcements
from wire import Wire

pytestmark = pytest.mark.usefixtures("vmrun")

BRIDGED = {"network": {"path": "bridged"}}
# Two that eat a routed guest's packets: a forward chain that drops, as Docker's, and a VPN's rule.
HOSTILE = """table ip filter {
    chain forward { type filter hook forward priority 0; policy drop; }
    chain input { type filter hook input priority 0; policy drop; iifname "lo" accept; }
}
"""


def test_host_is_as_it_was(lab: Lab) -> None:
    """No route, proxy entry, rule or forwarding: the tap and the table are all there is."""
    laptop = lab.laptop.netns
    before = [laptop.ip(what) for what in ("route show table all", "rule", "neigh show proxy")]
    vm, guest = boot(lab, tiny(**BRIDGED))
    after = [laptop.ip(what) for what in ("route show table all", "rule", "neigh show proxy")]
    assert after == before
    for name in ("wlan0", vm.tap):
        assert laptop.sysctl(f"net/ipv4/conf/{name}/forwarding") == "0"
    assert "bridged" in vm.stderr.text
    assert guest.pings(lab.lan.gateway)


def test_guest_hears_no_arp_in_its_own_name(lab: Lab) -> None:
    """A guest with conflict detection (RFC 5227) would take it for a conflict. The host's other
    broadcasts come to it."""
    with lab.phone.capture("arp") as seen:
        guest = Wire(lab, **BRIDGED)
        try:
            deadline = time.monotonic() + 10
            while len(announcements(seen.lines, guest.address)) < 2 and time.monotonic() < deadline:
                time.sleep(0.05)
            other = lab.start_vm(paused("other"))
            seen.wait_for(rf"tell {other.address}")
            lab.laptop.arp_probe("192.168.77.222", timeout=0.2)
            guest.tape.wait(lambda each: each[38:42] == IPv4Address("192.168.77.222").packed)
            heard = [each for each in guest.tape.take() if each[12:14] == b"\x08\x06"
                     and IPv4Address(each[38:42]) in map(IPv4Address, (guest.address, other.address))]
        finally:
            guest.close()
    assert len(announcements(seen.lines, guest.address)) == 2
    assert not heard


def test_below_a_firewall(lab: Lab) -> None:
    """The laptop drops all that it forwards and all that it is sent; the guest is on the LAN."""
    lab.laptop.netns.nft(HOSTILE)
    vm, guest = boot(lab, tiny(**BRIDGED))
    assert lab.phone.ping(vm.address)
    assert guest.reads(f"http://{lab.phone.address}/") == f"server phone\nclient {vm.address}\n"
    assert list(lab.lan.seen()) == [LAPTOP_MAC]
    lab.laptop.netns.nft("flush ruleset")
    assert lab.phone.ping(vm.address), "the table has an owner"


def test_below_a_tunnel(lab: Lab) -> None:
    """A rule sends all that the laptop routes into a tunnel; the guest does not go there."""
    laptop = lab.laptop.netns
    laptop.ip_batch(["tuntap add dev vpn mode tun", "link set vpn up",
                     "route add default dev vpn table 51820", "rule add pref 99 lookup 51820"])
    _, guest = boot(lab, tiny(**BRIDGED))
    assert guest.reads("http://www.lab.test/").startswith("server beyond")
    laptop.ip_batch(["rule del pref 99", "link del vpn"])
