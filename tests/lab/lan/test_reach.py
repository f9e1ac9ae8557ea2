# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks that the guest is a host of the LAN and that the access point sees one station."""

import itertools
import json
import subprocess
import time

import pytest

from guests import TINY, boot, cards, reach, tiny
from lab import BEYOND, LAPTOP_MAC, Lab
from output import Output
from stream import Echoes, echo_unchanged
from vm import Vm

pytestmark = pytest.mark.usefixtures("vmrun")

BRIDGED = "192.168.77.50"
BRIDGED_MAC = "02:00:00:77:00:50"


@pytest.mark.both_paths
def test_guest_is_a_member_of_the_lan(lab: Lab, data_path: str) -> None:
    lab.lan.forget_seen()
    lab.laptop.serve_http(8080, label="laptop")
    vm = lab.start_vm(tiny())
    guest = reach(vm, lab.phone)
    for _ in range(4):  # the kernel's own wait for proxies, of up to 0.8 s, is random
        answers = lab.phone.arp_request(vm.address)
        print(f"ARP answers after {answers.get(LAPTOP_MAC, 9) * 1000:.3f} ms")
        assert list(answers) == [LAPTOP_MAC]
        assert answers[LAPTOP_MAC] < 0.1 or data_path == "bridged", "that guest itself answers"

    # From the LAN.
    assert lab.phone.ping(vm.address)
    assert lab.phone.tcp_echo(vm.address, b"hello, guest\n") == b"hello, guest\n"
    assert f"<dd>{lab.phone.address}</dd>" in lab.phone.http_get(vm.address), "who asked"
    assert lab.phone.neighbour(vm.address) == LAPTOP_MAC
    assert lab.router.ping(vm.address)

    # To the LAN and beyond it; no translation: those who are asked see the guest's own address.
    assert guest.pings(lab.phone.address)
    assert guest.reads(f"http://{lab.phone.address}/") == f"server phone\nclient {vm.address}\n"
    assert guest.pings(lab.lan.gateway)
    assert guest.reads("http://www.lab.test/") == f"server beyond\nclient {vm.address}\n"
    assert guest.pings(BEYOND)
    assert guest.sh("ip route show default").split()[2] == lab.lan.gateway
    assert guest.sh("cat /etc/resolv.conf") == f"nameserver {lab.lan.gateway}"

    # The laptop itself, both ways.
    assert lab.laptop.ping(vm.address)
    assert vm.address in lab.laptop.http_get(vm.address)
    assert guest.pings(lab.laptop.address)
    assert guest.reads(f"http://{lab.laptop.address}:8080/").endswith(f"client {vm.address}\n")

    assert guest.mac == vm.mac != LAPTOP_MAC
    assert list(lab.lan.seen()) == [LAPTOP_MAC]
    assert lab.lan.dropped() == 0
    assert lab.laptop.netns.sysctl("net/ipv4/ip_forward") == "0"


@pytest.mark.both_paths
def test_bulk_data_comes_back_unchanged(lab: Lab) -> None:
    """12 MB to a guest with each kind of card and back, from a station and the laptop; the bench
    `gigabyte` has more of it."""
    vms = {kind: lab.start_vm(definition, wait=False) for kind, definition in cards().items()}
    for vm in vms.values():
        vm.wait_ready()
    guests = {kind: reach(vm, lab.phone) for kind, vm in vms.items()}
    offers = "cut -c 1 /sys/class/net/$(cat /run/nic)/device/features"  # VIRTIO_NET_F_CSUM
    assert [guests[kind].sh(offers) for kind in vms if kind != "e1000"] == ["1", "0"]
    changed = [(kind, station) for station in (lab.phone, lab.laptop) for kind, vm in vms.items()
               if not echo_unchanged(station, vm.address, 6 << 20)]
    assert not changed


@pytest.mark.both_paths
def test_guest_sends_from_another_address(lab: Lab) -> None:
    """As a container in it does that nobody translates: the log and the status name the address,
    once."""
    vm, guest = boot(lab)
    time.sleep(10)  # STRANGER_SETTLE_MS of netsetup/worker/stranger.h

    def reason() -> str:
        return json.loads(lab.vmrun("status", "--json", "tiny").stdout)["lan-reason"] or ""

    assert guest.pings(lab.phone.address) and not reason()
    guest.sh("ip addr add 10.88.0.5/32 dev $(cat /run/nic); "
             f"ping -c 3 -W 1 -I 10.88.0.5 {lab.phone.address} >/dev/null 2>&1; "
             "ip addr add 10.88.0.6/32 dev $(cat /run/nic); "
             f"ping -c 3 -W 1 -I 10.88.0.6 {lab.phone.address} >/dev/null 2>&1; true")
    vm.wait_stderr(rf"^vmrun: tiny: the guest sends from 10\.88\.0\.5 \(MAC address {vm.mac}\), "
                   "which is not its address: none of it passes$")
    assert vm.stderr.text.count("the guest sends from") == 1
    assert reason() == "the guest sends from 10.88.0.5, which is not its address"
    assert guest.pings(lab.phone.address)


def test_laptop_speaks_from_its_address_on_the_lan(lab: Lab) -> None:
    """Whatever addresses it has besides, as Docker's: the guest knows no way back to those. The
    address is followed, and no connection of another machine notices."""
    laptop = lab.laptop

    def speaks_from(vm: Vm) -> str:
        deadline = time.monotonic() + 5
        while (route := laptop.netns.ip_json(f"route get {vm.address}")[0])["dev"] != vm.tap:
            assert time.monotonic() < deadline, route
            time.sleep(0.02)
        assert f"<dd>{route['prefsrc']}</dd>" in laptop.http_get(vm.address)
        return route["prefsrc"]

    laptop.netns.ip("addr add 10.55.0.1/32 dev lo")  # the first interface: the kernel's choice
    try:
        vm, _ = boot(lab, tiny(network={"configure": ["dhcp"]}))
        assert speaks_from(vm) == laptop.address
        with Echoes(lab.phone, vm.address) as stream:
            laptop.set_address(lab.lan.cidr(lab.lan.host(40)))
            assert stream.answered(time.monotonic())
            assert speaks_from(vm) == laptop.address == str(lab.lan.host(40))
            laptop.set_address(lab.lan.cidr(lab.lan.host(1)))
            assert stream.answered(time.monotonic()) and not stream.broken
        laptop.add_wired()
        vm.wait_stderr("moved: .* on eth0$")
        wired = laptop.netns.ip_json("addr show dev eth0")[0]["addr_info"][0]["local"]
        assert speaks_from(vm) == wired
    finally:
        laptop.netns.ip("addr del 10.55.0.1/32 dev lo")


@pytest.mark.both_paths
def test_guest_cannot_send_with_another_address(lab: Lab) -> None:
    """The table passes only what the guest sends from its own address."""
    vm, guest = boot(lab)
    with lab.phone.capture("icmp") as seen:
        guest.sh("ip addr add 192.168.77.66/32 dev $(cat /run/nic);"
                 f"ping -c 2 -W 1 -I 192.168.77.66 {lab.phone.address}", check=False)
        assert guest.pings(lab.phone.address)
        seen.wait_for(f"{vm.address} > {lab.phone.address}")
    assert not [line for line in seen.lines if "192.168.77.66" in line]


@pytest.mark.parametrize("paths", itertools.combinations_with_replacement(("routed", "bridged"), 2),
                         ids="-".join)
def test_two_guests_and_each_other(lab: Lab, paths: tuple[str, str]) -> None:
    vms = [lab.start_vm(tiny(name, network={"path": path}))
           for name, path in zip(("one", "two"), paths)]
    one, two = (reach(vm, lab.phone) for vm in vms)
    assert one.address != two.address
    for here, there in ((one, two), (two, one)):
        assert here.pings(there.address)
        assert there.address in here.reads(f"http://{there.address}/")
    assert list(lab.lan.seen()) == [LAPTOP_MAC]


def test_bridged_guest_is_not_reachable(lab: Lab) -> None:
    """The counter-proof: the same guest on a bridge, as it is done on a wire, gets nothing."""
    lab.lan.forget_seen()
    laptop = lab.laptop.netns
    laptop.ip_batch(["link add br0 type bridge", "link set br0 up", "link set wlan0 master br0",
                     "tuntap add dev tap0 mode tap", "link set tap0 master br0 up"])
    argv = ["qemu-system-x86_64", "-nodefaults", "-display", "none", "-m", "192M",
            "-kernel", TINY / "vmlinuz", "-initrd", TINY / "initrd.img", "-append",
            f"console=ttyS0 quiet ip={BRIDGED}::{lab.lan.gateway}:255.255.255.0:bridged::off",
            "-serial", "stdio", "-netdev", "tap,id=n,ifname=tap0,script=no,downscript=no",
            "-device", f"virtio-net-pci,netdev=n,mac={BRIDGED_MAC},romfile="]
    qemu = laptop.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        console = Output.of(qemu.stdout, "the console")
        console.wait_for(r"^bridged:", 60)
        assert lab.phone.never_pings(BRIDGED, 0.5)
        qemu.stdin.write(f"ping -c 1 -W 1 {lab.phone.address}; echo st''atus $?\n".encode())
        qemu.stdin.flush()
        console.wait_for("status 1", 10)
        assert lab.lan.seen()[BRIDGED_MAC] > 0 and lab.lan.dropped() > 0
        lab.lan.associate(BRIDGED_MAC)  # to show that it is for its MAC alone
        assert lab.phone.ping(BRIDGED)
    finally:
        qemu.kill()
        qemu.wait()
        qemu.stdin.close()
        lab.lan.associate(LAPTOP_MAC)
        laptop.ip_batch(["link del br0", "link del tap0"])


@pytest.mark.both_paths
@pytest.mark.lab(mtu=1400)
def test_small_mtu(lab: Lab) -> None:
    """1400 bytes from end to end: a whole packet passes, and nothing larger is ever sent."""
    vm, guest = boot(lab)
    tap = lab.laptop.netns.ip_json(f"link show dev {vm.tap}")[0]
    assert tap["mtu"] == 1400
    assert guest.sh("cat /sys/class/net/$(cat /run/nic)/mtu") == "1400"
    # Others on the LAN may be able to send more; what the guest gets is what the uplink carries.
    headers = 20 + 8
    assert lab.phone.ping_once(vm.address, size=1400 - headers, fragment=False)
    assert not lab.phone.ping_once(vm.address, size=1401 - headers, fragment=False)
    assert lab.laptop.ping_once(vm.address, size=1400 - headers, fragment=False)
    assert not lab.laptop.ping_once(vm.address, size=1401 - headers, fragment=False)
    assert guest.pings(f"-s {1400 - headers} {lab.phone.address}")
    data = bytes(range(256)) * 4096
    assert lab.phone.tcp_echo(vm.address, data, timeout=20) == data
