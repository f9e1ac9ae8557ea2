# SPDX-License-Identifier: GPL-2.0-or-later
"""Through which interface the VM is on the LAN, what its gateway is, and which DNS it asks."""

import pytest

from guests import Guest, boot, paused, reach, refused, tiny
from lab import BEYOND, Lab

pytestmark = pytest.mark.usefixtures("vmrun")


def asks(lab: Lab, **network: object) -> list[str]:
    """The DNS servers that the guest is told."""
    vm = lab.start_vm(paused(network=network))
    cmdline = vm.qemu.cmdline
    parameter = cmdline[cmdline.index("-append") + 1].rpartition("ip=")[2]
    vm.quit()
    assert parameter.split(":")[7:] == vm.dns[:2], "what is said is what is done"
    return vm.dns


# Several uplinks


def test_best_default_route(lab: Lab) -> None:
    other = lab.second_lan()
    lab.laptop.add_wired(other)
    vm = lab.start_vm(paused())
    assert vm.uplink == "eth0" and vm.address.startswith("192.168.88.")
    assert vm.gateway == other.gateway
    vm.quit()
    vm = lab.start_vm(tiny(), ["--uplink=wlan0"])
    assert vm.uplink == "wlan0" and vm.address.startswith("192.168.77.")
    guest = reach(vm, lab.phone)
    assert guest.pings(lab.lan.gateway)
    # Through the LAN of the other uplink, as its routes are the laptop's: but there, and back.
    assert other.phone.ping(vm.address)


def test_worse_default_route(lab: Lab) -> None:
    lab.laptop.add_wired(lab.second_lan(), metric=700)
    vm = lab.start_vm(paused())
    assert vm.uplink == "wlan0"


def test_vpn_has_the_default_route(lab: Lab) -> None:
    """An interface without ARP can never be the uplink, however good its route is."""
    lab.laptop.add_tun("tun0")
    assert lab.start_vm(paused()).uplink == "wlan0"
    status, said = refused(lab, paused("other"), ["--uplink=tun0"])
    assert status == 5
    assert "vmrun: cannot use uplink 'tun0': point-to-point, does not do ARP" in said


def test_uplink_that_does_not_exist(lab: Lab) -> None:
    status, said = refused(lab, paused(), ["--uplink=wlp3s0"])
    assert status == 5
    assert "vmrun: uplink 'wlp3s0' does not exist" in said
    assert "  wlan0: usable" in said.splitlines(), "what there is instead"


# No usable uplink: exit status 5, and why each interface is none

CONNECT = ("connect 'wlan0' to a network, or use a network of QEMU's own: "
           "--set network=user")


@pytest.mark.parametrize("length", [
    pytest.param(31, marks=pytest.mark.lab(subnet="192.168.77.0/31")),
    pytest.param(32, marks=pytest.mark.lab(subnet="192.168.77.2/32"))])
def test_no_room_for_a_vm(lab: Lab, length: int) -> None:
    status, said = refused(lab, paused())
    assert lab.laptop.cidr.endswith(f"/{length}")
    assert status == 5 and said.splitlines()[:2] == [
        "vmrun: no usable uplink",
        f"  wlan0: its address {lab.laptop.cidr} has a prefix that leaves no address for a VM"
        " (has the default route)"]


def test_only_a_vpn(lab: Lab) -> None:
    lab.laptop.add_tun("tun0")
    lab.laptop.disconnect()
    status, said = refused(lab, paused())
    assert status == 5 and said.splitlines()[:3] == [
        "vmrun: no usable uplink",
        "  tun0: point-to-point, does not do ARP (has the default route)",
        "  wlan0: down"]
    assert said.splitlines()[3:] == [CONNECT]


def test_no_carrier(lab: Lab) -> None:
    lab.laptop.carrier_off()
    status, said = refused(lab, paused())
    assert status == 5 and "  wlan0: no carrier (has the default route)" in said.splitlines()
    assert said.splitlines()[-1] == CONNECT
    status, said = refused(lab, paused(), ["--uplink=wlan0"])
    assert status == 5
    assert said.splitlines() == ["vmrun: cannot use uplink 'wlan0': no carrier", CONNECT]


def test_no_address(lab: Lab) -> None:
    lab.laptop.disconnect()
    lab.laptop.netns.ip("link set wlan0 up")
    status, said = refused(lab, paused())
    assert status == 5 and said.splitlines()[1:] == ["  wlan0: no IPv4 address", CONNECT]


def test_no_default_route(lab: Lab) -> None:
    """Not chosen by itself; but who names it gets a VM on a LAN that leads nowhere."""
    lab.laptop.remove_default_route()
    status, said = refused(lab, paused())
    assert status == 5 and said.splitlines() == [
        "vmrun: no usable uplink", "  wlan0: no default route",
        "give one with --uplink=wlan0"]
    vm, guest = boot(lab, options=["--uplink=wlan0"])
    assert vm.gateway == "none"
    assert guest.pings(lab.phone.address)
    assert "default" not in guest.sh("ip route")


# The gateway


def test_host_as_gateway(lab: Lab) -> None:
    vm, guest = boot(lab, tiny(network={"gateway": "host"}))
    assert vm.gateway == lab.laptop.address
    assert guest.sh("ip route show default").split()[2] == lab.laptop.address
    assert guest.reads("http://www.lab.test/") == f"server beyond\nclient {vm.address}\n"
    assert guest.pings(lab.phone.address) and lab.phone.ping(vm.address)


def test_gateway_by_address(lab: Lab) -> None:
    """Another way out than the laptop's own: the phone, which routes."""
    lab.phone.netns.sysctls({"net/ipv4/ip_forward": "1"})
    vm, guest = boot(lab, tiny(network={"gateway": lab.phone.address}))
    assert vm.gateway == lab.phone.address
    assert guest.sh("ip route show default").split()[2] == lab.phone.address
    assert guest.pings(BEYOND)
    status, said = refused(lab, paused("other", network={"gateway": "10.1.1.1"}))
    assert status == 5 and "gateway 10.1.1.1 is not in 192.168.77.2/24" in said


# DNS


def test_dns_behind_a_stub(lab: Lab) -> None:
    lab.laptop.use_stub_resolver("192.168.77.1", "203.0.113.80")
    assert asks(lab) == ["192.168.77.1", "203.0.113.80"]


def test_dns_only_a_stub(lab: Lab) -> None:
    lab.laptop.set_resolv("nameserver 127.0.0.53\n")
    assert asks(lab) == [lab.lan.gateway]


def test_dns_as_given(lab: Lab) -> None:
    lab.laptop.use_stub_resolver()
    assert asks(lab, dns=["9.9.9.9", "192.168.77.1"]) == ["9.9.9.9", "192.168.77.1"]


def test_dns_of_a_real_guest(lab: Lab) -> None:
    lab.laptop.use_stub_resolver("192.168.77.1")
    _, guest = boot(lab, tiny(network={"gateway": "host"}))
    assert guest.sh("cat /etc/resolv.conf") == "nameserver 192.168.77.1"
    assert BEYOND in guest.sh("nslookup www.lab.test 2>&1")


# Cards


@pytest.mark.parametrize("model, driver", [("e1000", "e1000"), ("e1000e", "e1000e"),
                                           ("rtl8139", "8139cp")])
def test_card(lab: Lab, model: str, driver: str) -> None:
    vm, guest = boot(lab, tiny(full=True, network={"model": model}))
    assert guest.sh("basename $(readlink /sys/class/net/$(cat /run/nic)/device/driver)") == driver
    assert guest.mac == vm.mac
    assert lab.phone.ping(vm.address, size=1400)
    data = bytes(range(256)) * 512
    assert lab.phone.tcp_echo(vm.address, data, timeout=10) == data
    _reads_the_web(guest)


def _reads_the_web(guest: Guest) -> None:
    assert guest.reads("http://www.lab.test/") == f"server beyond\nclient {guest.address}\n"
