# SPDX-License-Identifier: GPL-2.0-or-later
"""A bridged guest is on the LAN below the host's IP stack: whatever owns that stack does not matter."""

import contextlib
import signal
import time
from ipaddress import IPv4Address

import pytest

from guests import boot, paused, reach, tiny
from hoststate import settle
from lab import LAPTOP_MAC, Lab
from stream import Echoes, Pings
from test_defend import announcements
from test_reconcile import rename_uplink
from wire import Wire

pytestmark = pytest.mark.usefixtures("vmrun")

BRIDGED = {"network": {"path": "bridged"}}
OTHER_MAC = "02:00:00:77:00:99"
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
            # The router may ask for an address.
            router = IPv4Address(lab.lan.gateway).packed
            heard = [each for each in guest.tape.take() if each[12:14] == b"\x08\x06"
                     and each[28:32] != router
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


# Whatever dies or changes, the table goes on or comes again


@pytest.mark.parametrize("which", ["netsetup", "maker", "worker"])
def test_service_dies(lab: Lab, which: str) -> None:
    """The guest answers all the time, or again within a second."""
    vm, _ = boot(lab, tiny(**BRIDGED))
    for _ in range(3):
        with Pings(lab.phone, vm.address) as pings:
            before = vm.netsetup
            began = pings.answered(time.monotonic())
            getattr(vm, which).signal(signal.SIGKILL)
            assert before.wait_gone(5) and vm.netsetup != before
            lab.phone.forget(vm.address)
            assert pings.answered(time.monotonic())
            time.sleep(1)
            gap = pings.outage(began, time.monotonic())
        print(f"{which}: the longest time without an answer: {gap * 1000:.0f} ms")
        assert gap < 1
    assert "off the LAN" not in vm.stderr.text, "nobody was told"


def test_restart_of_the_service_under_several(lab: Lab) -> None:
    """No connection notices: the keeper has the table, the gate and the taps."""
    vms = [lab.start_vm(tiny(f"tiny{i}", **BRIDGED)) for i in range(3)]
    for vm in vms:
        reach(vm, lab.phone)
    tables = ["nft", "-j", "list", "tables"]  # with its handle
    table = lab.laptop.netns.run(tables).stdout
    with contextlib.ExitStack() as stack:
        streams = [stack.enter_context(Echoes(lab.phone, vm.address)) for vm in vms]
        began = time.monotonic()
        for _ in range(2):
            service = vms[0].netsetup
            service.signal(signal.SIGKILL)
            assert service.wait_gone(5) and vms[0].netsetup != service
            assert all(each.answered(time.monotonic()) for each in streams)
        time.sleep(1)
        gaps = [each.outage(began, time.monotonic()) for each in streams]
        print("longest pauses: " + ", ".join(f"{gap * 1000:.0f} ms" for gap in gaps))
        assert max(gaps) < 1 and not any(each.broken for each in streams)
    assert "vmrun-wlan0" in table and lab.laptop.netns.run(tables).stdout == table, "it is the same one"


def test_uplink_is_renamed(lab: Lab) -> None:
    """The table has the uplink's name, so it is made anew; the guest's connection goes on."""
    vm, _ = boot(lab, tiny(**BRIDGED))
    with Echoes(lab.phone, vm.address) as stream:
        assert stream.answered(time.monotonic())
        for old, new in (("wlan0", "wlp3s0"), ("wlp3s0", "wlan0")):
            rename_uplink(lab, old, new)
            assert stream.answered(time.monotonic()), vm.stderr.text
            wanted, deadline = [f"table {family} vmrun-{new}" for family in ("ip", "netdev")], time.monotonic() + 5
            while sorted(lab.laptop.netns.run(["nft", "list", "tables"]).stdout.splitlines()) != wanted:
                assert time.monotonic() < deadline, vm.stderr.text
                time.sleep(0.05)
        assert not stream.broken


def test_stations_mac_changes(lab: Lab) -> None:
    """NetworkManager's random address at each connection: the guest goes by the new one."""
    vm, guest = boot(lab, tiny(**BRIDGED))
    with Echoes(lab.phone, vm.address) as stream:
        assert stream.answered(time.monotonic())
        lab.laptop.change_mac(OTHER_MAC)
        changed = time.monotonic()
        answered = stream.answered(changed)
        assert answered and not stream.broken
        print(f"its connection went on {answered - changed:.2f} s after the change")
    assert lab.phone.neighbour(vm.address) == OTHER_MAC
    assert guest.pings(lab.lan.gateway)


def test_nothing_is_left(lab: Lab) -> None:
    """SIGKILL for all at once: no table, gate, rule, route or group is left by itself."""
    before = lab.snapshot()
    vm, _ = boot(lab, tiny(**BRIDGED))
    victims = [vm.supervisor, *vm.services(), *vm.family()]
    vm.signal(signal.SIGSTOP)
    for each in victims:
        each.signal(signal.SIGKILL)
    vm.signal(signal.SIGKILL)
    vm.wait()
    assert all(each.wait_gone(2) for each in victims)
    left = settle(before, lab.snapshot)
    assert [line for line in left if "/run/vmrun" not in line] == [], left
    lab.vmrun("clean", check=True)
    assert settle(before, lab.snapshot) == []
