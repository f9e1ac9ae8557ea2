# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab itself: that it is like a Wi-Fi LAN where it must be, and restores what it changes."""

import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

import lab as lab_module
import netns
from lab import BEYOND, LAPTOP_MAC, Lab
from netns import Netns
from station import Station

GUEST = "192.168.77.50"
GUEST_MAC = "02:00:00:77:00:50"


@contextmanager
def guest_on_laptop(lab: Lab) -> Iterator[Station]:
    """A namespace in the place of a VM, and a veth in the place of its tap: `tap0`, down."""
    guest = Station(Netns(f"{lab.prefix}-guest"), "eth0", f"{GUEST}/24")
    netns.create([guest.netns])
    try:
        lab.laptop.netns.ip(
            f"link add tap0 type veth peer name eth0 address {GUEST_MAC} netns {guest.netns.name}")
        guest.netns.ip_batch(["link set lo up", "link set eth0 up",
                              f"addr add {guest.cidr} dev eth0",
                              f"route add default via {lab.lan.gateway}"])
        yield guest
    finally:
        netns.delete([guest.netns.name])


def eventually(ask: Callable[[], Any], timeout: float = 5) -> Any:
    """The first answer that is true; the last one after @timeout seconds."""
    deadline = time.monotonic() + timeout
    while not (answer := ask()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return answer


# The LAN


def test_everyone_reaches_everyone(lab: Lab) -> None:
    assert lab.phone.ping(lab.laptop.address)
    assert lab.laptop.ping(lab.lan.gateway)
    assert lab.laptop.ping(lab.phone.address)
    assert lab.laptop.ping(BEYOND)
    assert lab.phone.never_pings("192.168.77.99", 0.3)


def test_host_beyond_sees_the_sender_itself(lab: Lab) -> None:
    """Without a translation of addresses on the way, or a test could not see the laptop's."""
    assert lab.laptop.http_get(BEYOND) == f"server beyond\nclient {lab.laptop.address}\n"
    assert lab.laptop.http_get(lab.phone.address).startswith("server phone\n")


def test_router_serves_names(lab: Lab) -> None:
    assert lab.laptop.resolve("www.lab.test", lab.lan.gateway) == [BEYOND]
    assert lab.laptop.resolve("none.lab.test", lab.lan.gateway) == []
    assert lab.run(["getent", "ahostsv4", "www.lab.test"]).stdout.startswith(BEYOND)


@pytest.mark.lab(dhcp=True)
def test_router_gives_addresses(lab: Lab) -> None:
    assert lab.laptop.address.startswith("192.168.77.1") and lab.laptop.cidr != "192.168.77.2/24"
    assert lab.phone.ping(lab.laptop.address)
    assert lab.laptop.ping(BEYOND)


def test_nothing_leads_out_of_the_machine(lab: Lab) -> None:
    names = {link["ifname"] for station in lab.stations.values()
             for link in station.netns.ip_json("link show")}
    assert names == {"lo", "wlan0", "lan", "wan", "lan0"}


# Properties of Wi-Fi


def test_access_point_sees_only_the_station(lab: Lab) -> None:
    assert lab.laptop.ping(BEYOND)
    assert list(lab.lan.seen()) == [LAPTOP_MAC] and lab.lan.seen()[LAPTOP_MAC] > 0
    lab.lan.forget_seen()
    assert lab.lan.seen() == {}


def test_bridging_fails(lab: Lab) -> None:
    """The reason for the whole program: behind a bridge, a guest's own MAC is not let through."""
    lab.lan.forget_seen()
    with guest_on_laptop(lab) as guest:
        lab.laptop.netns.ip_batch(["link add br0 type bridge", "link set br0 up",
                                   "link set wlan0 master br0", "link set tap0 master br0 up"])
        with lab.phone.capture(f"ether src {GUEST_MAC}") as passed:
            assert guest.never_pings(lab.phone.address, 0.5)
        assert passed.lines == [], "not even a broadcast may pass"
        assert lab.lan.seen()[GUEST_MAC] > 0
        assert lab.lan.dropped() > 0
        lab.lan.associate(GUEST_MAC)  # to show that it is the MAC, not the bridge, that fails
        assert guest.ping(lab.phone.address)
        lab.lan.associate(LAPTOP_MAC)
        lab.laptop.netns.ip("link del br0")


def test_access_point_sends_only_to_the_station(lab: Lab) -> None:
    """A frame for a MAC that nobody associated does not go on the air, though a switch floods."""
    with lab.laptop.capture("icmp") as air:
        for address, mac in (("192.168.77.60", GUEST_MAC), ("192.168.77.61", LAPTOP_MAC)):
            lab.phone.netns.ip(f"neigh replace {address} lladdr {mac} dev lan")
            lab.phone.ping_once(address, 0.2)
        air.wait_for("> 192.168.77.61")
    assert len(air.lines) == 1


def test_proxy_arp_works(lab: Lab) -> None:
    """The recipe: a route, a proxy entry and forwarding of two interfaces, not the global one."""
    laptop = lab.laptop.netns
    with guest_on_laptop(lab) as guest:
        laptop.ip_batch(["link set tap0 up", f"route add {GUEST} dev tap0"])
        laptop.sysctls({"net/ipv4/conf/tap0/forwarding": "1", "net/ipv4/conf/tap0/proxy_arp": "1",
                        "net/ipv4/neigh/tap0/proxy_delay": "0",
                        "net/ipv4/conf/wlan0/forwarding": "1",
                        "net/ipv4/neigh/wlan0/proxy_delay": "0"})
        assert lab.phone.never_pings(GUEST, 0.3)
        laptop.ip(f"neigh add proxy {GUEST} dev wlan0")
        assert lab.phone.ping(GUEST)
        assert lab.phone.neighbour(GUEST) == LAPTOP_MAC
        assert list(lab.phone.arp_request(GUEST)) == [LAPTOP_MAC]
        assert lab.phone.arp_probe(GUEST, 0.3) == {}, "the kernel does not defend what it proxies"
        assert f"client {GUEST}" in guest.http_get(BEYOND)
        assert laptop.sysctl("net/ipv4/ip_forward") == "0"
        assert list(lab.lan.seen()) == [LAPTOP_MAC]
        laptop.ip(f"neigh del proxy {GUEST} dev wlan0")
        laptop.sysctls({"net/ipv4/conf/wlan0/forwarding": "0",
                        "net/ipv4/neigh/wlan0/proxy_delay": "80"})


# Events


def test_carrier(lab: Lab) -> None:
    lab.laptop.carrier_off()
    assert "NO-CARRIER" in lab.laptop.netns.ip("link show wlan0")
    assert lab.phone.never_pings(lab.laptop.address, 0.3)
    lab.laptop.carrier_on()
    assert lab.phone.ping(lab.laptop.address)
    lab.laptop.carrier_off()  # left off, for the fixture to restore


def test_down_and_up(lab: Lab) -> None:
    lab.laptop.down()
    assert lab.phone.never_pings(lab.laptop.address, 0.3)
    lab.laptop.up()
    assert lab.phone.ping(lab.laptop.address)
    assert lab.laptop.ping(BEYOND)
    lab.laptop.down()


def test_disconnect_and_connect_elsewhere(lab: Lab) -> None:
    lab.laptop.disconnect()
    assert "192.168" not in lab.laptop.netns.ip("addr show wlan0")
    lab.laptop.connect("192.168.77.3/24")
    assert lab.laptop.ping(BEYOND)
    lab.laptop.disconnect()


def test_another_address(lab: Lab) -> None:
    lab.laptop.set_address("192.168.77.33/24")
    assert lab.phone.ping("192.168.77.33")
    assert lab.phone.never_pings("192.168.77.2", 0.3)
    assert lab.laptop.ping(BEYOND)


def test_roaming(lab: Lab) -> None:
    index = lab.laptop.netns.ip_json("link show wlan0")[0]["ifindex"]
    other = lab.second_lan()
    lab.laptop.roam(other)
    assert lab.laptop.cidr == "192.168.88.2/24"
    assert other.phone.ping(lab.laptop.address)
    assert lab.laptop.ping(BEYOND)
    assert lab.laptop.ping(lab.phone.address), "the networks are joined beyond"
    assert list(other.seen()) == [LAPTOP_MAC]
    assert lab.laptop.netns.ip_json("link show wlan0")[0]["ifindex"] == index
    assert lab.run(["getent", "ahostsv4", "www.lab.test"]).stdout.startswith(BEYOND)


def test_changed_mac(lab: Lab) -> None:
    lab.laptop.change_mac("02:00:00:77:00:99", associate=False)
    assert lab.laptop.mac == "02:00:00:77:00:99"
    assert lab.laptop.ping(BEYOND, 0.3) is False
    lab.lan.associate(lab.laptop.mac)
    assert lab.laptop.ping(BEYOND)


def test_wired_uplink(lab: Lab) -> None:
    assert lab.laptop.add_wired() == "192.168.77.3/24"
    assert lab.laptop.netns.ip_json("route get 192.0.2.1")[0]["dev"] == "eth0"
    assert lab.phone.ping("192.168.77.3")


def test_wired_uplink_to_another_lan(lab: Lab) -> None:
    other = lab.second_lan("10.20.0.0/16")
    assert lab.laptop.add_wired(other, metric=700) == "10.20.0.3/16"
    assert lab.laptop.netns.ip_json("route get 192.0.2.1")[0]["dev"] == "wlan0"
    assert other.phone.ping("10.20.0.3")


def test_point_to_point_uplink(lab: Lab) -> None:
    lab.laptop.add_tun()
    link = lab.laptop.netns.ip_json("link show tun0")[0]
    assert {"POINTOPOINT", "NOARP", "LOWER_UP"} <= set(link["flags"])
    assert lab.laptop.netns.ip_json("route get 192.0.2.1")[0]["dev"] == "tun0"


def test_no_default_route(lab: Lab) -> None:
    lab.laptop.remove_default_route()
    assert lab.laptop.ping(BEYOND, 0.2) is False
    assert lab.laptop.ping(lab.phone.address)


def test_mtu(lab: Lab) -> None:
    assert lab.phone.ping_once(lab.laptop.address, size=1472, fragment=False)
    lab.laptop.set_mtu(1400)
    assert lab.laptop.netns.ip_json("link show wlan0")[0]["mtu"] == 1400
    assert lab.phone.ping_once(lab.laptop.address, size=1372, fragment=False)
    assert not lab.phone.ping_once(lab.laptop.address, 0.2, size=1373, fragment=False)


@pytest.mark.parametrize("docker", [False, True])
def test_forward_policy(lab: Lab, docker: bool) -> None:
    """As above, proxy ARP carries a ping, until forwarding is dropped."""
    laptop = lab.laptop.netns
    with guest_on_laptop(lab):
        laptop.ip_batch(["link set tap0 up", f"route add {GUEST} dev tap0",
                         f"neigh add proxy {GUEST} dev wlan0"])
        forwarding = [f"net/ipv4/conf/{each}/forwarding" for each in ("tap0", "wlan0")]
        laptop.sysctls(dict.fromkeys(forwarding + ["net/ipv4/conf/tap0/proxy_arp"], "1"))
        assert lab.phone.ping(GUEST)
        lab.laptop.forward_policy_drop(docker)
        assert lab.phone.never_pings(GUEST, 0.3)
        laptop.ip(f"neigh del proxy {GUEST} dev wlan0")
        laptop.sysctls({"net/ipv4/conf/wlan0/forwarding": "0"})


def test_resolver_stub(lab: Lab) -> None:
    lab.laptop.use_stub_resolver("192.168.77.1", "203.0.113.53")
    assert "nameserver 127.0.0.53" in lab.run(["cat", "/etc/resolv.conf"]).stdout
    assert lab.run(["cat", "/run/systemd/resolve/resolv.conf"]).stdout == (
        "nameserver 192.168.77.1\nnameserver 203.0.113.53\n")


def test_the_laptop_has_a_run_directory_of_its_own(lab: Lab) -> None:
    lab.run(["mkdir", "/run/only-in-the-lab"])
    assert (lab.run_dir / "only-in-the-lab").is_dir()
    assert not Path("/run/only-in-the-lab").exists()


# Other machines


def test_squatter(lab: Lab) -> None:
    assert lab.laptop.arp_probe(GUEST, 0.2) == {}
    squatter = lab.squat(GUEST, "192.168.77.51")
    assert list(lab.laptop.arp_probe(GUEST)) == [squatter.mac]
    assert list(lab.laptop.arp_probe("192.168.77.51")) == [squatter.mac]
    assert lab.laptop.ping(GUEST)
    lab.squat(GUEST)
    assert len(lab.laptop.arp_probe(GUEST, 0.3, first=False)) == 2
    squatter.close()


def test_announcement(lab: Lab) -> None:
    squatter = lab.squat(GUEST)
    with lab.laptop.capture("arp") as seen:
        squatter.announce(GUEST)
        line = seen.wait_for(f"who-has {GUEST}")
    assert f"tell {GUEST}" in line and squatter.mac in line


def test_every_address_taken(lab: Lab) -> None:
    responder = lab.squat_on_all(free=["192.168.77.200"])
    for address in ("192.168.77.3", "192.168.77.100", "192.168.77.254"):
        assert len(lab.laptop.arp_probe(address)) == 1
    assert lab.laptop.arp_probe("192.168.77.200", 0.2) == {}
    assert responder.asked == ["192.168.77.3", "192.168.77.100", "192.168.77.254"]
    assert lab.laptop.ping(BEYOND), "the squatter leaves the lab's own addresses alone"
    assert lab.laptop.ping(lab.phone.address)


def test_tcp(lab: Lab) -> None:
    assert lab.laptop.tcp_connect(lab.phone.address, 80)
    assert not lab.laptop.tcp_connect(lab.phone.address, 81, 0.5)
    with pytest.raises(OSError):
        lab.laptop.http_get(lab.phone.address, port=81, timeout=0.3)
    lab.exec(["socat", "TCP-LISTEN:7,fork,reuseaddr", "EXEC:cat"], ns="phone")
    assert eventually(lambda: lab.laptop.tcp_connect(lab.phone.address, 7))
    assert lab.laptop.tcp_echo(lab.phone.address, b"x" * 100000) == b"x" * 100000


def test_capture(lab: Lab, tmp_path: Path) -> None:
    with lab.laptop.capture("icmp and icmp[0] = 8") as seen:
        lab.phone.ping(lab.laptop.address)
        lab.phone.ping("192.168.77.99", 0.1)
    assert len(seen.lines) == 1 and "ICMP echo request" in seen.lines[0]
    with lab.phone.capture("icmp", pcap=tmp_path / "seen.pcap") as seen:
        lab.phone.ping(lab.laptop.address)
    assert len(seen.lines) == 2
    with pytest.raises(EOFError, match="syntax error"):
        with lab.phone.capture("no expression"):
            pass


# Other subnets


@pytest.mark.parametrize("subnet, laptop, gateway", [
    pytest.param(*each, marks=pytest.mark.lab(subnet=each[0])) for each in [
        ("10.9.0.0/16", "10.9.0.2/16", "10.9.0.1"),
        ("192.168.77.0/30", "192.168.77.2/30", "192.168.77.1"),
        ("192.168.77.0/31", "192.168.77.1/31", "192.168.77.0"),
        ("192.168.77.2/32", "192.168.77.2/32", "192.168.77.1")]])
def test_subnet(lab: Lab, subnet: str, laptop: str, gateway: str) -> None:
    assert (lab.laptop.cidr, lab.lan.gateway) == (laptop, gateway)
    assert lab.laptop.ping(BEYOND)
    assert lab.router.ping(lab.laptop.address)
    lab.laptop.disconnect()  # and restored with this prefix


@pytest.mark.lab(mtu=1400)
def test_lan_built_with_another_mtu(lab: Lab) -> None:
    assert not lab.laptop.ping_once(BEYOND, 0.2, size=1373, fragment=False)
    assert lab.laptop.ping_once(BEYOND, size=1372, fragment=False)


# The end


def lab_names() -> set[str]:
    """The objects that this process's labs have on the machine."""
    names = set(os.listdir(netns.NAMED)) | set(os.listdir("/tmp"))
    names |= set(os.listdir(netns.ETC)) if netns.ETC.is_dir() else set()
    return {name for name in names if netns.owner(name) == os.getpid()}


def test_nothing_is_left() -> None:
    before = lab_names()
    with Lab() as built:
        built.squat(GUEST)
        built.second_lan()
        sleeper = built.exec(["sleep", "1000"])
        assert len(lab_names() - before) > 5
    assert lab_names() == before
    assert sleeper.wait(1) == -signal.SIGKILL


def test_nothing_is_left_after_an_exception(monkeypatch: pytest.MonkeyPatch) -> None:
    before = lab_names()
    with pytest.raises(ZeroDivisionError):
        with Lab() as built:
            built.laptop.add_tun()
            built.laptop.disconnect()
            raise ZeroDivisionError
    monkeypatch.setattr(lab_module.Laptop, "build", lambda self: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        with Lab():
            pass
    assert lab_names() == before


def test_what_a_dead_run_left_is_removed() -> None:
    """A process that builds a lab and is killed; the next lab sweeps, and sweeps nobody else's."""
    code = ("import sys, time; from lab import Lab; built = Lab(); built.__enter__();"
            "built.exec(['sleep', '1000']); print(built.prefix, flush=True); time.sleep(1000)")
    other = subprocess.Popen([sys.executable, "-c", code], cwd=Path(__file__).parent,
                             stdout=subprocess.PIPE, text=True)
    try:
        prefix = other.stdout.readline().strip()
        laptop = Netns(f"{prefix}-laptop")
        lab_module.sweep()
        assert laptop.ip("addr show wlan0"), "the lab of a living process must be left alone"
    finally:
        other.kill()
        other.wait()
        other.stdout.close()
    sleeper = eventually(laptop.processes)[0]
    assert laptop.name in lab_module.sweep()
    assert not [name for name in os.listdir(netns.NAMED) if name.startswith(prefix)]
    assert not Path("/tmp", prefix).exists() and not (netns.ETC / laptop.name).exists()
    assert not sleeper.alive


def test_socket_of_a_namespace(lab: Lab) -> None:
    """The test's own thread stays where it is while its sockets are elsewhere."""
    here = os.stat("/proc/self/ns/net").st_ino
    with lab.phone.netns.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect((lab.laptop.address, 9))
        assert sock.getsockname()[0] == lab.phone.address
    assert os.stat("/proc/thread-self/ns/net").st_ino == here
    with pytest.raises(ValueError):
        lab.laptop.netns.sysctls({"kernel/hostname": "x"})
