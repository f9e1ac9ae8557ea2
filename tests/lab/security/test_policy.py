# SPDX-License-Identifier: GPL-2.0-or-later
"""The policy while a VM runs: it follows the laptop only where its user may be."""

import json
from typing import Iterator

import pytest

from caller import Service
from guests import paused, refused
from lab import Lab

pytestmark = pytest.mark.usefixtures("vmrun")


@pytest.fixture
def installed(lab: Lab) -> Iterator[Service]:
    """A service for the group 4343."""
    lab.add_user()
    lab.set_policy("# nobody\n")
    with Service(lab) as service:
        service.install()
        yield service


def test_another_uplink(lab: Lab, installed: Service) -> None:
    me = lab.add_user()
    lab.set_policy("allow user me uplink wlan0\n")
    vm = lab.start_vm(paused(), user=me)
    lab.laptop.add_wired()
    lab.laptop.disconnect()
    vm.wait_stderr("off the LAN: user 'me' is not permitted to use uplink 'eth0'")
    assert lab.laptop.netns.ip_json("neigh show proxy") == []
    lab.laptop.netns.ip("link set eth0 down")
    lab.laptop.connect()
    vm.wait_stderr(f"on the LAN again: {vm.address} on wlan0$")
    assert "moved" not in vm.stderr.text, "it was never on eth0"
    assert [each["dst"] for each in lab.laptop.netns.ip_json("neigh show proxy")] == [vm.address]
    assert vm.quit() == 131


def test_another_uplink_that_is_permitted(lab: Lab, installed: Service) -> None:
    me = lab.add_user()
    lab.set_policy("allow user me uplink any\n")
    vm = lab.start_vm(paused(), user=me)
    lab.laptop.add_wired()
    lab.laptop.disconnect()
    vm.wait_stderr(f"moved: {vm.address} on wlan0 -> {vm.address} on eth0")
    assert vm.quit() == 131


def test_another_network(lab: Lab, installed: Service) -> None:
    """The guest can be told another address, but none there is permitted."""
    me = lab.add_user()
    lab.set_policy("allow user me address 192.168.77.0/24\n")
    second = lab.second_lan()
    vm = lab.start_vm(paused(network={"configure": ["dhcp"]}), user=me)
    lab.laptop.roam(second)
    vm.wait_stderr("off the LAN: ", 20)
    assert lab.laptop.netns.ip_json("neigh show proxy") == []
    assert vm.quit() == 131


def test_name_of_another_user(lab: Lab, installed: Service) -> None:
    """Each user has names of one's own."""
    me = lab.add_user()
    lab.set_policy("allow user me\n")
    mine, roots = lab.start_vm(paused(), user=me), lab.start_vm(paused())
    assert mine.address != roots.address and mine.tap != roots.tap
    assert roots.quit() == 131
    assert lab.laptop.netns.ip(f"link show {mine.tap}")
    assert mine.quit() == 131


def test_refusals(lab: Lab, installed: Service) -> None:
    me = lab.add_user()
    lab.set_policy("allow user me address 192.168.77.100-192.168.77.101 vms 1\n")
    vm = lab.start_vm(paused(), user=me)
    assert vm.address in ("192.168.77.100", "192.168.77.101")
    status, said = refused(lab, paused("second"), user=me)
    assert status == 4
    assert said == ("vmrun: user 'me' is not permitted to run more than 1 VM\n"
                    "to permit it, add this line to '/etc/vmrun/netsetup.conf', as root:\n"
                    "allow user me vms 2\n")
    lab.set_policy("allow user me address 192.168.77.100-192.168.77.101 vms 2\n")
    status, said = refused(lab, paused("second"), ["--address=192.168.77.99"], user=me)
    assert status == 4 and "\nallow user me address 192.168.77.99\n" in said
    status, said = refused(lab, paused("second"), ["--uplink=wlan0"], user=me)
    assert status == 4 and "\nallow user me uplink wlan0\n" in said
    assert lab.vmrun("clean", user=me).returncode == 0
    assert vm.quit() == 131
    status, said = refused(lab, paused("third", network={"probe": "none"}), user=me)
    assert status == 4 and "\nallow user me unprobed\n" in said


def test_cards(lab: Lab, installed: Service) -> None:
    """A VM's cards on the LAN count as VMs, each by a connection of its own."""
    me = lab.add_user()
    lab.set_policy("allow user me vms 2\n")
    vm = lab.start_vm(paused(network=["lan", "lan"]), user=me)
    found = json.loads(lab.vmrun("status", "--json", "tiny", user=me).stdout)["networks"]
    assert len({each["address"] for each in found}) == len({each["tap"] for each in found}) == 2
    status, said = refused(lab, paused("second"), user=me)
    assert status == 4
    assert said.startswith("vmrun: user 'me' is not permitted to run more than 2 VMs\n")
    assert vm.quit() == 131
    status, said = refused(lab, paused(network=["lan", "lan", "lan"]), user=me)
    assert status == 4
    assert "each card on the LAN counts as a VM\n" in said and "allow user me vms 3\n" in said
