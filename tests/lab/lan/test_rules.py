# SPDX-License-Identifier: GPL-2.0-or-later
"""Policy rules: a VPN's do not take the guest's packets, and the laptop is no router for the LAN."""

import json
import os
import signal
import time
from contextlib import contextmanager
from typing import Callable, Iterator, Sequence

import pytest

import netns
from guests import Guest, boot, paused, reach, refused, tiny
from lab import BEYOND, Lab
from netns import Netns
from stream import Echoes
from vm import Vm, write_definition

pytestmark = pytest.mark.usefixtures("vmrun")

TABLE, GUESTS = 118000000, 117000000
CONTAINER = "172.17.0.2"

# The rules of programs in their order of adding, and the routes to tun0 that they lead to. Those of
# wg-quick have no preference: the kernel puts them before all others but the local table's.
TAILSCALE = (["pref 5210 fwmark 0x80000/0xff0000 lookup main",
              "pref 5250 fwmark 0x80000/0xff0000 unreachable", "pref 5270 lookup 52"],
             ["192.168.77.0/24 table 52", "default table 52"])
WIREGUARD = (["not fwmark 0xca6c lookup 51820", "lookup main suppress_prefixlength 0"],
             ["default table 51820"])
CLASH = (["pref 9000 to 198.18.0.0/30 lookup 2022", "pref 9001 not iif lo lookup 2022",
          "pref 9002 iif lo lookup 2022"], ["default table 2022"])
VPNS = pytest.mark.parametrize("vpn", [TAILSCALE, WIREGUARD, CLASH],
                               ids=["tailscale", "wireguard", "clash"])


@contextmanager
def rules(lab: Lab, added: Sequence[str], routes: Sequence[str] = ()) -> Iterator[None]:
    """Another program's rules, and its routes through tun0."""
    lab.laptop.netns.ip_batch([f"route add {each} dev tun0" for each in routes])
    lab.laptop.netns.ip_batch([f"rule add {each}" for each in added])
    try:
        yield
    finally:
        lab.laptop.netns.ip_batch([f"rule del {each}" for each in added])
        lab.laptop.netns.ip_batch([f"route del {each} dev tun0" for each in routes])


@contextmanager
def container(lab: Lab) -> Iterator[None]:
    """A network of the laptop's own, 172.17.0.0/16, as Docker has it, and one host there."""
    inside, laptop = Netns(f"{lab.prefix}-container"), lab.laptop.netns
    netns.create([inside])
    laptop.ip_batch([f"link add docker0 type veth peer name eth0 netns {inside.name}",
                     "link set docker0 up", "addr add 172.17.0.1/16 dev docker0"])
    laptop.sysctls({"net/ipv4/conf/docker0/forwarding": "1"})
    inside.ip_batch(["link set eth0 up", f"addr add {CONTAINER}/16 dev eth0",
                     "route add default via 172.17.0.1"])
    try:
        yield
    finally:
        laptop.ip("link del docker0")
        netns.delete([inside.name])


@contextmanager
def strict(lab: Lab, *interfaces: str) -> Iterator[None]:
    """Strict reverse-path filtering, as some distributions have it."""
    keys = [f"net/ipv4/conf/{each}/rp_filter" for each in interfaces]
    before = {key: lab.laptop.netns.sysctl(key) for key in keys}
    lab.laptop.netns.sysctls({key: "1" for key in keys})
    try:
        yield
    finally:
        lab.laptop.netns.sysctls(before)


def own(lab: Lab) -> list[str]:
    """Our rules, each as `ip rule` shows it, without its preference and protocol."""
    return [line.split(":", 1)[1].replace("from all", "").replace("proto 118", "").strip()
            for line in lab.laptop.netns.ip("rule").splitlines() if "proto 118" in line]


def order(lab: Lab) -> list[str]:
    """The first words of all rules after that of the local table: our own ones are `own`."""
    lines = lab.laptop.netns.ip("rule").splitlines()[1:]
    return ["own" if "proto 118" in line else line.split(":", 1)[1].strip() for line in lines]


def until(wanted: Callable[[], bool], timeout: float = 5) -> bool:
    """True once @wanted() is."""
    deadline = time.monotonic() + timeout
    while not wanted():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def routes_of(lab: Lab, vm: Vm) -> list[str]:
    """The routes of the tap's own table, and those to it in the table of all guests."""
    index = lab.laptop.netns.ip_json(f"link show dev {vm.tap}")[0]["ifindex"]
    shown = [lab.laptop.netns.ip(f"route show table {table}", check=False)
             for table in (TABLE + index, f"{GUESTS} dev {vm.tap}")]
    return [line.strip() for text in shown for line in text.splitlines()]


def check_whole(lab: Lab, guest: Guest) -> None:
    """The guest and everybody else reach each other, without address translation."""
    assert lab.phone.ping(guest.address)
    assert guest.reads(f"http://{lab.phone.address}/") == f"server phone\nclient {guest.address}\n"
    assert guest.reads(f"http://{BEYOND}/") == f"server beyond\nclient {guest.address}\n"
    assert lab.laptop.ping(guest.address)
    assert guest.reads(f"http://{lab.laptop.address}:8080/").endswith(f"client {guest.address}\n")


@VPNS
def test_vpn(lab: Lab, vpn: tuple) -> None:
    """It is there before the VM, goes, and comes again; the filter of reverse paths is strict."""
    lab.laptop.serve_http(8080, label="laptop")
    lab.laptop.add_tun("tun0", default=False)
    with strict(lab, "wlan0"):
        with rules(lab, *vpn):
            vm, guest = boot(lab)
            other, second = boot(lab, tiny("other"))
            check_whole(lab, guest)
            assert guest.pings(second.address), "another guest"
            other.quit()
        check_whole(lab, guest)
        with rules(lab, *vpn):
            # Its own order stays.
            kept = [each for each in order(lab) if each != "own"]
            assert until(lambda: order(lab)[:4] == ["own"] * 4), order(lab)
            assert [each for each in order(lab) if each != "own"] == kept
            check_whole(lab, guest)
        assert until(lambda: lab.laptop.netns.ip("rule").splitlines()[1].startswith("115:"))
        assert until(lambda: len(own(lab)) == 4), "none at another preference is left"
        vm.quit()
        assert not own(lab)


@VPNS
@pytest.mark.both_paths
def test_vpn_under_a_connection(lab: Lab, vpn: tuple, data_path: str) -> None:
    """A VPN comes and goes, and again: a station's connection to the guest is not interrupted."""
    lab.laptop.add_tun("tun0", default=False)
    vm, _ = boot(lab)
    with Echoes(lab.phone, vm.address) as stream:
        assert stream.answered(time.monotonic())
        began = time.monotonic()
        for _ in range(2):
            with rules(lab, *vpn):
                time.sleep(1)
            time.sleep(1)
        assert stream.answered(time.monotonic()) and not stream.broken
        gap = stream.outage(began, time.monotonic())
        print(f"longest pause {gap * 1000:.0f} ms")
        assert gap < 1


def test_same_subnet_twice(lab: Lab) -> None:
    """A dock's Ethernet and Wi-Fi in one LAN, with strict reverse-path filtering on both."""
    lab.laptop.add_wired()
    lab.laptop.netns.sysctls({"net/ipv4/conf/eth0/rp_filter": "1"})
    with strict(lab, "wlan0"):
        _, guest = boot(lab, options=["--uplink=wlan0"])
        assert lab.phone.ping(guest.address)
        assert guest.pings(lab.phone.address) and guest.pings(BEYOND)
        assert lab.laptop.ping(guest.address)


def forward_all(lab: Lab, value: int) -> None:
    """Docker's sysctl."""
    lab.laptop.netns.sysctls({"net/ipv4/ip_forward": str(value)})


def test_other_networks(lab: Lab) -> None:
    """The guest does not reach the laptop's containers, and the LAN's stations reach them through
    the laptop only once Docker has set ip_forward itself."""
    inside = CONTAINER
    with container(lab):
        lab.phone.netns.ip(f"route add 172.17.0.0/16 via {lab.laptop.address}")
        try:
            _, guest = boot(lab)
            assert lab.laptop.ping(inside)
            assert not guest.pings(inside, 2)
            assert not lab.phone.ping(inside, 1)
            assert lab.phone.ping(lab.laptop.address)
            forward_all(lab, 1)
            assert until(lambda: not [each for each in own(lab) if "iif wlan0" in each])
            assert lab.phone.ping(inside)
            assert not guest.pings(inside, 2)
            forward_all(lab, 0)
            assert until(lambda: len([each for each in own(lab) if "iif wlan0" in each]) == 1)
            assert lab.phone.ping(guest.address, 10)
            assert not lab.phone.ping(inside, 1)
        finally:
            forward_all(lab, 0)
            lab.phone.netns.ip("route del 172.17.0.0/16")


def test_gateway_host(lab: Lab) -> None:
    """With `gateway: host` the guest takes the laptop's routes, as a container does."""
    with container(lab):
        _, guest = boot(lab, tiny(network={"gateway": "host"}))
        assert [each for each in own(lab) if "iif vmr-" in each] == []
        assert guest.pings(CONTAINER)
        assert guest.pings(BEYOND)


def test_gateway_address(lab: Lab) -> None:
    """Packets beyond the LAN go through the gateway that the definition names."""
    second = lab.squat("192.168.77.7")
    vm = lab.start_vm(paused(network={"gateway": "192.168.77.7"}))
    assert any(each.startswith("default via 192.168.77.7 ") for each in routes_of(lab, vm))
    assert second.address == vm.gateway


def test_router_changes(lab: Lab) -> None:
    """The table follows the router, and the uplink's addresses."""
    vm = lab.start_vm(paused())
    assert f"default via {lab.lan.gateway} dev wlan0 proto 118 onlink" in routes_of(lab, vm)
    lab.laptop.set_address(lab.laptop.cidr, "192.168.77.3")
    assert until(lambda: "default via 192.168.77.3 dev wlan0 proto 118 onlink" in
                 routes_of(lab, vm)), routes_of(lab, vm)
    lab.laptop.netns.ip("addr add 10.5.0.2/24 dev wlan0")
    assert until(lambda: any("10.5.0.0/24" in each for each in routes_of(lab, vm)))
    lab.laptop.netns.ip("addr del 10.5.0.2/24 dev wlan0")
    assert until(lambda: len(routes_of(lab, vm)) == 4), routes_of(lab, vm)


def test_off_the_lan(lab: Lab) -> None:
    """While its uplink is away, nothing of the guest goes another way, and nothing of the laptop to
    the guest: its address may be another host's there."""
    other = lab.second_lan()
    lab.laptop.add_wired(other, metric=700)
    vm, guest = boot(lab, options=["--uplink=wlan0"], asker=lab.laptop)
    guest.sh(f"for i in {BEYOND} {other.gateway}; do ping -i 0.1 $i >/dev/null 2>&1 & done")
    lab.laptop.down()
    vm.wait_stderr("off the LAN")
    assert until(lambda: not routes_of(lab, vm))
    assert lab.laptop.netns.ip_json(f"route get {vm.address}")[0]["dev"] == "eth0"
    with lab.laptop.capture(f"src host {vm.address}", "eth0") as elsewhere, \
         lab.laptop.capture(f"src host {vm.address} and icmp", vm.tap) as sent:
        time.sleep(2)
    assert sent.lines and not elsewhere.lines
    lab.laptop.up()
    vm.wait_stderr("on the LAN again")
    assert guest.pings(BEYOND)


def test_rules_deleted(lab: Lab) -> None:
    """systemd-networkd deletes the rules of others when it starts: they are there again at once."""
    vm = lab.start_vm(paused())
    laptop = lab.laptop.netns
    wanted, routes = own(lab), routes_of(lab, vm)
    assert len(wanted) == 4 and len(routes) == 4
    for each in wanted:
        laptop.ip(f"rule del {each} protocol 118")
    assert until(lambda: sorted(own(lab)) == sorted(wanted)), own(lab)
    for each in wanted:
        laptop.ip(f"rule del {each} protocol 118")
        assert until(lambda: sorted(own(lab)) == sorted(wanted)), each
    for table in (routes_table(lab, vm), GUESTS):
        laptop.ip(f"route flush table {table}")
    assert until(lambda: sorted(routes_of(lab, vm)) == sorted(routes))


def test_local_table_moved(lab: Lab) -> None:
    """Another program has rules before that of the local table: ours lead there by themselves."""
    laptop = lab.laptop.netns
    lab.laptop.serve_http(8080, label="laptop")
    _, guest = boot(lab)
    before = own(lab)
    assert not [each for each in before if "lookup local" in each]
    laptop.ip_batch(["rule add pref 200 lookup local", "rule del pref 0"])
    try:
        assert until(lambda: len([each for each in own(lab) if "lookup local" in each]) == 2)
        check_whole(lab, guest)
    finally:
        laptop.ip_batch(["rule add pref 0 lookup local protocol kernel", "rule del pref 200"])
    assert until(lambda: sorted(own(lab)) == sorted(before)), own(lab)
    check_whole(lab, guest)


def routes_table(lab: Lab, vm: Vm) -> int:
    """The number of the tap's table."""
    return TABLE + lab.laptop.netns.ip_json(f"link show dev {vm.tap}")[0]["ifindex"]


def test_rule_before_all(lab: Lab) -> None:
    """Nothing comes before a rule of preference 0: the VM stays on the LAN, and the log and the
    status name the rule. The look-up of the guest's route has another answer then."""
    lab.laptop.add_tun("tun0", default=False)
    vm = lab.start_vm(paused())

    def reason() -> str:
        return json.loads(lab.vmrun("status", "--json", "tiny").stdout).get("lan-reason") or ""

    with rules(lab, ["pref 0 lookup 52"], ["default table 52"]):
        vm.wait_stderr(r"policy rule 0 \(lookup 52\) takes what the LAN sends to the guest")
        assert reason() == "policy rule 0 (lookup 52) takes what the LAN sends to the guest"
        assert "File exists" not in vm.stderr.text and "off the LAN" not in vm.stderr.text
    assert until(lambda: not reason())


def test_rule_of_the_host(lab: Lab) -> None:
    """With `gateway: host`, a VPN that takes the LAN as well takes what the guest sends there."""
    lab.laptop.add_tun("tun0", default=False)
    with rules(lab, *TAILSCALE):
        vm = lab.start_vm(paused(network={"gateway": "host"}))
        vm.wait_stderr(r"policy rule 5270 \(lookup 52\) takes what the guest sends to the LAN")


def test_shown(lab: Lab) -> None:
    """A dry run shows the commands that a person could type, and changes nothing."""
    file = write_definition(lab.directory, paused())
    before = lab.laptop.netns.ip("rule")
    shown = lab.vmrun("--dry-run", str(file)).stdout.splitlines()
    wanted = ["ip route replace default via 192.168.77.1 dev wlan0 onlink table 118000000 proto 118",
              f"ip rule add pref 115 lookup {GUESTS} protocol 118",
              "ip rule add pref 117 iif vmr-tiny lookup 118000000 protocol 118",
              "ip rule add pref 118 iif vmr-tiny unreachable protocol 118",
              "ip rule add pref 118 iif wlan0 blackhole protocol 118"]
    assert [each for each in wanted if each not in shown] == []
    assert lab.laptop.netns.ip("rule") == before


def test_swept(lab: Lab) -> None:
    """The next VM or `vmrun clean` removes all that SIGKILL of everything leaves."""
    laptop = lab.laptop.netns
    for again in (False, True):
        vm = lab.start_vm(paused())
        doomed = [*vm.services(), vm.qemu]
        # None must see another's end: it would undo or restart what it can.
        for number in (signal.SIGSTOP, signal.SIGKILL):
            os.kill(vm.pid, number)
            for each in doomed:
                each.signal(number)
        vm.wait()
        assert until(lambda: not laptop.ip(f"link show dev {vm.tap}", check=False))
        assert "[detached]" in laptop.ip("rule") and laptop.ip("route show table all proto 118")
        if again:
            lab.start_vm(paused("other")).quit()
        else:
            lab.vmrun("clean")
        assert not own(lab)
        assert not laptop.ip("route show table all proto 118")


def test_killed_service(lab: Lab) -> None:
    """A service that starts again finds the rules, and keeps them."""
    vm, guest = boot(lab)
    before = own(lab)
    vm.netsetup.signal(signal.SIGKILL)
    reach(vm, lab.phone)
    assert guest.pings(BEYOND)
    assert until(lambda: sorted(own(lab)) == sorted(before)), own(lab)
    assert len(routes_of(lab, vm)) == 4


def test_dns_of_the_uplink_first(lab: Lab) -> None:
    """A VPN's name server is of no use to the guest, which is not in the VPN."""
    lab.laptop.add_tun("tun0", default=False)
    lab.laptop.netns.ip("route add 10.8.0.0/24 dev tun0")
    lab.laptop.set_resolv(f"nameserver 10.8.0.1\nnameserver {BEYOND}\n")
    vm = lab.start_vm(paused())
    assert vm.dns == [BEYOND, "10.8.0.1"]
    vm.quit()
    lab.laptop.set_resolv("nameserver 10.8.0.1\n")
    vm = lab.start_vm(paused())
    assert vm.dns == [lab.lan.gateway, "10.8.0.1"]
    vm.quit()
    vm = lab.start_vm(paused(network={"gateway": "host"}))
    assert vm.dns == ["10.8.0.1"]


def test_arp_ignore(lab: Lab) -> None:
    """conf.default.arp_ignore=1, as some hardening guides have it: the tap has no address."""
    key = "net/ipv4/conf/default/arp_ignore"
    lab.laptop.netns.sysctls({key: "1"})
    try:
        vm, guest = boot(lab, tiny(network={"gateway": "host"}))
        assert lab.laptop.netns.sysctl(f"net/ipv4/conf/{vm.tap}/arp_ignore") == "0"
        guest.sh(f"ip neigh flush to {lab.laptop.address} || true")
        assert guest.pings(lab.laptop.address) and guest.pings(BEYOND)
    finally:
        lab.laptop.netns.sysctls({key: "0"})


def test_second_equal_route(lab: Lab) -> None:
    """A start is ambiguous then; a running VM stays where it is."""
    vm = lab.start_vm(paused())
    lab.laptop.add_wired(lab.second_lan(), metric=700)
    lab.laptop.netns.ip("route append default via 192.168.88.1 dev eth0 metric 600")
    time.sleep(0.5)
    lab.laptop.netns.ip("route add 10.9.0.0/16 dev wlan0")
    time.sleep(1)
    assert lab.phone.arp_request(vm.address)
    assert "off the LAN" not in vm.stderr.text and "moved" not in vm.stderr.text
    status, said = refused(lab, paused("other"))
    assert status == 5 and "several uplinks are equally good" in said
    lab.laptop.netns.ip("route del 10.9.0.0/16 dev wlan0")


def test_part_of_the_subnet_is_elsewhere(lab: Lab) -> None:
    """A VPN leads to half of the addresses: none of them is taken."""
    lab.laptop.add_tun("tun0", default=False)
    lab.laptop.netns.ip("route add 192.168.77.128/25 dev tun0")
    # Without the route its address would be there.
    vm = lab.start_vm(paused())
    assert int(vm.address.split(".")[3]) < 128
    vm.quit()
    status, said = refused(lab, paused(network={"address": "192.168.77.200"}))
    assert status == 5
    assert "address 192.168.77.200 is reached by another interface than 'wlan0'" in said


def test_second_subnet(lab: Lab) -> None:
    """A fixed address of the uplink's other subnet, in which the router has no address."""
    lab.laptop.netns.ip("addr add 10.5.0.2/24 dev wlan0")
    lab.phone.netns.ip("addr add 10.5.0.20/24 dev lan")
    lab.lan.router.netns.ip("route add 10.5.0.0/24 dev lan")
    try:
        vm, guest = boot(lab, tiny(network={"address": "10.5.0.9"}))
        assert (vm.address, vm.gateway) == ("10.5.0.9", "10.5.0.2")
        assert guest.pings("10.5.0.20") and guest.pings(lab.phone.address)
        vm.quit()
    finally:
        lab.laptop.netns.ip("addr del 10.5.0.2/24 dev wlan0")
        lab.phone.netns.ip("addr del 10.5.0.20/24 dev lan")
        lab.lan.router.netns.ip("route del 10.5.0.0/24 dev lan")


def test_link_local(lab: Lab) -> None:
    """Two machines and a cable: addresses of RFC 3927, whose scope is the link."""
    lab.laptop.lose_address()
    lab.laptop.netns.ip("addr add 169.254.7.2/16 scope link dev wlan0")
    lab.phone.netns.ip("addr add 169.254.7.20/16 scope link dev lan")
    try:
        vm, guest = boot(lab, options=["--uplink=wlan0"])
        assert vm.address.startswith("169.254.") and vm.gateway == "none"
        assert 0 < int(vm.address.split(".")[2]) < 255
        assert guest.pings("169.254.7.20") and lab.laptop.ping(vm.address)
        vm.quit()
    finally:
        lab.laptop.netns.ip("addr del 169.254.7.2/16 dev wlan0")
        lab.phone.netns.ip("addr del 169.254.7.20/16 dev lan")


def test_source_address(lab: Lab) -> None:
    """The laptop speaks to the guest from its address on that LAN, whatever others it has."""
    netns_of = lab.laptop.netns
    netns_of.ip_batch(["addr add 10.99.0.1/32 dev lo"])
    try:
        vm, guest = boot(lab)
        assert f"client {lab.laptop.address}" in asked_by(lab, vm)
        assert f" src {lab.laptop.address} " in netns_of.ip(f"route get {vm.address}")
        lab.laptop.set_address(lab.lan.cidr(lab.lan.host(40)))
        assert until(lambda: f" src {lab.laptop.address} " in
                     netns_of.ip(f"route get {vm.address}"))
        assert guest.pings(lab.laptop.address)
    finally:
        netns_of.ip("addr del 10.99.0.1/32 dev lo")


def asked_by(lab: Lab, vm: Vm) -> str:
    """Returns the guest's word for the client that asks for its page, which is the laptop."""
    page = lab.laptop.http_get(vm.address)
    return page.replace("<dt>", "").replace("<dd>", "client ").replace("</dd>", "")
