# SPDX-License-Identifier: GPL-2.0-or-later
"""Guests that are told their address by DHCP: a small one and a whole distribution."""

import os
import re
import time
from pathlib import Path

import pytest

import test_debian as debian
from guests import boot, tiny
from lab import LAPTOP_MAC, Lab
from stream import Echoes, Pings

pytestmark = pytest.mark.usefixtures("vmrun")

LONG = bool(os.environ.get("VMRUN_TESTS_LONG"))
DHCP = {"configure": ["dhcp"]}
BOOTP = "udp and (port 67 or port 68)"
image = debian.image  # a fixture


@pytest.mark.both_paths
@pytest.mark.lab(mtu=1400)
def test_small_guest(lab: Lab) -> None:
    """busybox' client: address, mask, router, DNS, MTU and its name; nothing else tells it."""
    lab.lan.forget_seen()
    with lab.phone.capture(BOOTP) as on_the_lan:
        vm, guest = boot(lab, tiny("kiwi", network=DHCP))
        assert "ip=" not in vm.qemu.cmdline[vm.qemu.cmdline.index("-append") + 1]
        assert not [each for each in vm.qemu.cmdline if "seed" in each or "cidata" in each]
        nic = guest.sh("cat /run/nic")
        assert f"inet {vm.address}/24 brd 192.168.77.255 " in guest.sh(f"ip -4 addr show {nic}")
        assert guest.sh("ip route show default").split()[2] == lab.lan.gateway
        assert guest.sh("cat /etc/resolv.conf").splitlines() == [
            f"nameserver {lab.lan.gateway}", "search lab.test"]
        assert guest.sh(f"cat /sys/class/net/{nic}/mtu") == "1400"
        assert guest.sh("hostname") == "kiwi"
        assert guest.reads("http://www.lab.test/") == f"server beyond\nclient {vm.address}\n"
        assert not on_the_lan.lines, "the guest's DHCP is between it and the laptop"
    assert list(lab.lan.seen()) == [LAPTOP_MAC]
    assert vm.address not in lab.lan.dnsmasq.leases.read_text()


def test_search_domains(lab: Lab) -> None:
    """The definition's domains replace those of the host. Its first is the guest's own, which is
    all that busybox asks for."""
    _, guest = boot(lab, tiny(network={**DHCP, "search": ["first.test", "lab.test"]}))
    assert "search first.test" in guest.sh("cat /etc/resolv.conf").splitlines()


@pytest.mark.both_paths
def test_renewal_does_not_disturb(lab: Lab) -> None:
    """Renewed (asked for here; by itself after half the lease), rebound, and begun anew, with a
    connection open."""
    vm, guest = boot(lab, tiny(network=DHCP))
    tap = lab.laptop.capture(f"-vv {BOOTP}", interface=vm.tap)
    with Echoes(lab.phone, vm.address) as stream, tap as seen:
        began = time.monotonic()
        guest.sh("kill -USR1 $(pidof udhcpc)")
        seen.wait_for(r"DHCP-Message.*: ACK", 15)
        assert stream.answered(time.monotonic())
        guest.sh("kill -TERM $(pidof udhcpc)")  # init starts another
        deadline = time.monotonic() + 20
        while seen_acks(seen.lines) < 2 and time.monotonic() < deadline:
            time.sleep(0.1)
        assert seen_acks(seen.lines) >= 2
        if LONG:  # by itself
            before = seen_acks(seen.lines)
            deadline = time.monotonic() + 180
            while seen_acks(seen.lines) == before and time.monotonic() < deadline:
                time.sleep(1)
            assert seen_acks(seen.lines) > before
        assert stream.answered(time.monotonic()) and not stream.broken
        print(f"longest pause {stream.outage(began, time.monotonic()) * 1000:.0f} ms")


def test_cloned_mac(lab: Lab) -> None:
    """NetworkManager's cloned MAC, or a bridge in the guest: it gives its lease back, and asks with
    another MAC address. The tap's other end is told in the log."""
    vm, guest = boot(lab, tiny(network=DHCP))
    cloned = "02:00:00:00:77:01"
    guest.sh("cat > /run/clone <<'EOF'\nsleep 1\nkill -USR2 $(pidof udhcpc)\nsleep 1\n"
             f"ip link set $(cat /run/nic) down address {cloned}\nip link set $(cat /run/nic) up\n"
             "kill -TERM $(pidof udhcpc)\nEOF\nsh /run/clone >/dev/null 2>&1 </dev/null &")
    vm.wait_stderr(f"tiny: DHCP: the guest's MAC address is {cloned} now", 30)
    assert lab.phone.ping(vm.address, 70)  # the host believes the former MAC for up to 53 s
    assert guest.mac == cloned
    assert guest.pings(lab.phone.address)


def seen_acks(lines: list[str]) -> int:
    """The number of acknowledgements in a verbose capture."""
    return sum(bool(re.search(r"DHCP-Message.*: ACK", line)) for line in lines)


@pytest.mark.both_paths
def test_told_while_the_lan_is_away(lab: Lab) -> None:
    """A guest that boots while the laptop has no network still is told its address, and is there
    when the network is."""
    vm = lab.start_vm(tiny(network=DHCP))
    lab.laptop.disconnect()
    vm.wait_stderr("off the LAN")
    vm.wait_console(rf"tiny: address {vm.address} on", 60)
    lab.laptop.connect()
    with Pings(lab.phone, vm.address) as pings:
        assert pings.answered(time.monotonic(), 10)


@pytest.mark.both_paths
def test_moved_before_it_asks(lab: Lab) -> None:
    """The laptop is carried away while the guest boots: it gets an address of where it is then."""
    vm = lab.start_vm(tiny(network=DHCP))
    other = lab.second_lan()
    lab.laptop.roam(other)
    moved = vm.wait_stderr(r"moved: \S+ on wlan0 -> (192\.168\.88\.\d+) on wlan0")
    assert moved[1] in other.phone.http_get(moved[1], timeout=60)


@pytest.mark.slow
@pytest.mark.lab(mtu=1400)
def test_debian(lab: Lab, image: Path) -> None:
    """systemd-networkd, which watches its link: address, DNS and MTU, a renewal, and another
    network without a restart."""
    me, ssh = lab.add_user(), debian.Ssh(lab.directory)
    vm = lab.start_vm({"name": "debian", "cpus": 2, "memory": "1G",
                       "disks": [{"image": str(image), "mode": "snapshot"}],
                       "cloud-init": {"user": "me", "ssh-keys": [str(ssh.public)]},
                       "network": DHCP}, user=me, sudo=True)
    assert lab.phone.ping(vm.address, 240), vm.console.text
    script = ("hostname; ip -4 -o address; ip route show default; resolvectl dns; ip link; "
              "cat /proc/sys/kernel/random/boot_id")
    said = ssh.run(lab.phone, vm.address, script, timeout=240)
    assert said.startswith("debian\n")
    assert re.search(rf"inet {vm.address}/24 .*dynamic", said), said
    assert f"default via {lab.lan.gateway} " in said and "proto dhcp" in said
    assert re.search(rf"Link \d+ .*: {lab.lan.gateway}\n", said), said
    assert "mtu 1400" in said
    booted = said.splitlines()[-1]
    with lab.laptop.capture(f"-vv {BOOTP}", interface=vm.tap) as seen:
        ssh.run(lab.phone, vm.address, "sudo networkctl renew $(ls /sys/class/net | grep -v lo)")
        seen.wait_for(r"DHCP-Message.*: ACK", 30)

    other = lab.second_lan()
    lab.laptop.roam(other)
    arrived = time.monotonic()
    moved = vm.wait_stderr(r"moved: \S+ on wlan0 -> (192\.168\.88\.\d+) on wlan0")
    with Pings(other.phone, moved[1]) as pings:
        reached = pings.answered(arrived, 60)
    print(f"Debian roamed: reachable {reached - arrived:.2f} s after the host's address")
    said = ssh.run(other.phone, moved[1], script, timeout=120)
    assert said.splitlines()[-1] == booted, "no restart"
    assert re.search(rf"Link \d+ .*: {other.gateway}\n", said), said
