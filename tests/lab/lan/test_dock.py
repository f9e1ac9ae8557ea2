# SPDX-License-Identifier: GPL-2.0-or-later
"""Docked and undocked: the VM goes from Wi-Fi to the wire and back with the default route."""

import re
import time

import pytest

from guests import boot, paused, reach, tiny
from lab import Lab
from stream import Echoes, arp_answered, milliseconds, table

pytestmark = pytest.mark.usefixtures("vmrun")

DHCP = {"configure": ["dhcp"]}


def promiscuity(lab: Lab, interface: str = "wlan0") -> int:
    """The interface's count of promiscuous users, as `ip -d link` prints it."""
    return lab.laptop.netns.ip_json(f"link show dev {interface}")[0]["promiscuity"]


def becomes_ordinary(lab: Lab, interface: str = "wlan0") -> bool:
    """True once that count is 0; the kernel takes some milliseconds to close a socket."""
    deadline = time.monotonic() + 5
    while promiscuity(lab, interface) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not promiscuity(lab, interface)


def test_same_lan(lab: Lab) -> None:
    """Moved by an announcement, with the address and every connection."""
    laptop, rows = lab.laptop, []
    before = laptop.netns.sysctl("net/ipv4/neigh/wlan0/proxy_delay")
    vm, guest = boot(lab, tiny(network=DHCP))
    with Echoes(lab.phone, vm.address) as stream, Echoes(lab.router, vm.address) as other:
        steps = [
            ("docked, Wi-Fi still on", "eth0", laptop.add_wired),
            ("Wi-Fi off", "eth0", laptop.disconnect),
            ("Wi-Fi on", "eth0", laptop.connect),
            ("undocked", "wlan0", laptop.remove_wired),
            ("docked again", "eth0", laptop.add_wired),
        ]
        for name, uplink, step in steps:
            assert stream.answered(time.monotonic()) and other.answered(time.monotonic()), name
            began = time.monotonic()
            step()
            ended = time.monotonic()
            mac = laptop.netns.ip_json(f"link show dev {uplink}")[0]["address"]
            arp = arp_answered(lab.phone, vm.address, mac)
            answer = stream.answered(time.monotonic() + 1)
            assert arp and answer, f"{name}: {vm.stderr.text}"
            outage = stream.outage(began, answer)
            rows.append((name, uplink, milliseconds(arp - ended), milliseconds(outage)))
        assert not stream.broken and not other.broken
        assert other.answered(time.monotonic())
    print(table("Docking on the same LAN, with TCP connections from two machines", (
        "step", "uplink", "ARP answered after", "connection paused for"), rows))
    assert re.findall(r"moved: (\S+) on (\S+) -> (\S+) on (\S+)\n", vm.stderr.text) == [
        (vm.address, "wlan0", vm.address, "eth0"), (vm.address, "eth0", vm.address, "wlan0"),
        (vm.address, "wlan0", vm.address, "eth0")]
    assert "off the LAN" not in vm.stderr.text
    # Changes to the uplink that was left are undone.
    values = {key: laptop.netns.sysctl(f"net/ipv4/{key}") for key in
              ("conf/wlan0/forwarding", "neigh/wlan0/proxy_delay", "conf/eth0/forwarding",
               "neigh/eth0/proxy_delay")}
    assert values == {"conf/wlan0/forwarding": "0", "neigh/wlan0/proxy_delay": before,
                      "conf/eth0/forwarding": "1", "neigh/eth0/proxy_delay": "0"}
    proxies = laptop.netns.ip_json("neigh show proxy")
    assert [(each["dst"], each["dev"]) for each in proxies] == [(vm.address, "eth0")]
    assert guest.pings(lab.phone.address)


def test_other_lan(lab: Lab) -> None:
    """A dock in another subnet is as roaming, and so is leaving it."""
    vm, _ = boot(lab, tiny(network=DHCP))
    old, other = vm.address, lab.second_lan()
    lab.laptop.add_wired(other)
    moved = vm.wait_stderr(rf"moved: {re.escape(old)} on wlan0 -> (192\.168\.88\.\d+) on eth0$")
    assert moved[1] in other.phone.http_get(moved[1], timeout=20)
    lab.laptop.remove_wired()
    vm.wait_stderr(rf"moved: {re.escape(moved[1])} on eth0 -> {re.escape(old)} on wlan0$")
    assert old in lab.phone.http_get(old, timeout=20)


def test_fixed_uplink_waits(lab: Lab) -> None:
    """Named, so nothing else is taken in its place, however good its route is."""
    lab.laptop.add_wired()
    vm = lab.start_vm(tiny(network=DHCP), ["--uplink=eth0"])
    reach(vm, lab.phone)
    lab.laptop.remove_wired()
    vm.wait_stderr(r"^vmrun: tiny: off the LAN: uplink 'eth0' does not exist$")
    assert not lab.phone.arp_request(vm.address, timeout=0.3)
    lab.laptop.add_wired()
    vm.wait_stderr(rf"^vmrun: tiny: on the LAN again: {vm.address} on eth0$")
    assert lab.phone.http_get(vm.address, timeout=10)
    lab.laptop.netns.ip("link set eth0 down")
    vm.wait_stderr(r"off the LAN: cannot use uplink 'eth0': down$")


def test_uplink_with_a_route_to_come(lab: Lab) -> None:
    """An interface gets its address before its routes: that is no other network, and the guest's
    gateway stays what it was."""
    vm, _ = boot(lab, tiny(network=DHCP), ["--uplink=wlan0"])
    assert lab.laptop.ping_once(lab.lan.gateway)
    with lab.phone.capture("arp") as seen:
        lab.laptop.remove_default_route()
        time.sleep(0.5)
        lab.laptop.set_address(lab.laptop.cidr)
        time.sleep(0.5)
        assert not [line for line in seen.lines if re.search(
            rf"who-has {vm.address} .*tell 0\.0\.0\.0", line)], "it was proven already"
    assert "gateway" not in vm.stderr.text.partition("tap vmr-tiny")[2]
    assert "moved" not in vm.stderr.text


# Stubborn Wi-Fi


@pytest.mark.parametrize("mode, wanted", [("auto", 0), ("on", 1), ("off", 0)])
def test_promiscuous(lab: Lab, mode: str, wanted: int) -> None:
    """A membership that the kernel counts: gone with netsetup, however that ends."""
    vm = lab.start_vm(paused(network={"promiscuous": mode}))
    assert promiscuity(lab) == wanted
    if mode == "on":
        lab.laptop.add_wired()
        vm.wait_stderr("moved: .* on eth0")
        assert promiscuity(lab, "eth0") == 1 and becomes_ordinary(lab), "it goes along"
        lab.laptop.remove_wired()
        vm.wait_stderr("moved: .* on wlan0$")
        assert promiscuity(lab) == 1
        helper = vm.netsetup
        vm.signal(9)
        assert helper.wait_gone(5)
    else:
        vm.quit()
    assert becomes_ordinary(lab)


def test_promiscuous_after_sigkill(lab: Lab) -> None:
    """The service is killed: its successor sets it anew, and it is counted once."""
    vm = lab.start_vm(paused(network={"promiscuous": "on"}))
    before = vm.netsetup
    before.signal(9)
    deadline = time.monotonic() + 5
    while vm.netsetup == before or promiscuity(lab) != 1:
        assert time.monotonic() < deadline, promiscuity(lab)
        time.sleep(0.02)
    time.sleep(0.5)
    assert promiscuity(lab) == 1


def test_isolating_access_point(lab: Lab) -> None:
    """Client isolation, as in hotels: stations do not reach each other, and no more the guest. It
    reaches the Internet all the same."""
    def isolate(on: bool) -> None:
        for port in ("laptop", "phone"):
            lab.lan.ap.ip(f"link set {port} type bridge_slave isolated {'on' if on else 'off'}")

    vm, _ = boot(lab)
    isolate(True)
    lab.phone.forget(vm.address)
    assert lab.phone.never_pings(vm.address, 1)
    assert lab.phone.never_pings(lab.laptop.address, 1), "nor the laptop itself"
    assert lab.router.ping(vm.address) and lab.beyond.ping(vm.address)
    isolate(False)
    assert lab.phone.ping(vm.address)
