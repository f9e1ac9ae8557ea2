# SPDX-License-Identifier: GPL-2.0-or-later
"""The policy while a VM runs: it follows the laptop only where its user may be."""

from pathlib import Path

import pytest

from caller import Installation
from conftest import need
from guests import paused, refused
from lab import Lab

pytestmark = pytest.mark.usefixtures("vmrun")


@pytest.fixture
def installed(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set-uid helper for the group 4343."""
    need("setcap")
    installation = Installation(lab, "setuid", 4343)
    monkeypatch.setenv("VMRUN", str(installation.vmrun))
    return installation.helper


def test_another_uplink(lab: Lab, installed: Path) -> None:
    me = lab.add_user()
    lab.set_policy("allow user me uplink wlan0\n")
    vm = lab.start_vm(paused(), user=me)
    lab.laptop.add_wired()
    lab.laptop.disconnect()
    vm.wait_stderr("off the LAN: user 'me' is not permitted to use uplink 'eth0'")
    assert lab.laptop.netns.ip_json("neigh show proxy") == []
    lab.laptop.netns.ip("link set eth0 down")
    lab.laptop.connect()
    vm.wait_stderr("on the LAN again")
    assert [each["dst"] for each in lab.laptop.netns.ip_json("neigh show proxy")] == [vm.address]
    assert vm.quit() == 131


def test_another_uplink_that_is_permitted(lab: Lab, installed: Path) -> None:
    me = lab.add_user()
    lab.set_policy("allow user me uplink any\n")
    vm = lab.start_vm(paused(), user=me)
    lab.laptop.add_wired()
    lab.laptop.disconnect()
    vm.wait_stderr(f"moved: {vm.address} on wlan0 -> {vm.address} on eth0")
    assert vm.quit() == 131


def test_another_network(lab: Lab, installed: Path) -> None:
    """The guest can be told another address, but none there is permitted."""
    me = lab.add_user()
    lab.set_policy("allow user me address 192.168.77.0/24\n")
    second = lab.second_lan()
    vm = lab.start_vm(paused(network={"configure": ["dhcp"]}), user=me)
    lab.laptop.roam(second)
    vm.wait_stderr("off the LAN: ", 20)
    assert lab.laptop.netns.ip_json("neigh show proxy") == []
    assert vm.quit() == 131


def test_name_of_another_user(lab: Lab, installed: Path) -> None:
    me = lab.add_user()
    lab.set_policy("allow user me\n")
    mine = lab.start_vm(paused(), user=me)
    status, said = refused(lab, paused())
    assert status == 1
    assert f"already running: pid {mine.pid}, {mine.address}, user {me.uid}" in said
    assert f"getent passwd {me.uid}" in said and "kill" not in said


def test_refusals(lab: Lab, installed: Path) -> None:
    me = lab.add_user()
    lab.set_policy("allow user me address 192.168.77.100-192.168.77.101 vms 1\n")
    vm = lab.start_vm(paused(), user=me)
    assert vm.address in ("192.168.77.100", "192.168.77.101")
    status, said = refused(lab, paused("second"), user=me)
    assert status == 4
    assert said == ("vmrun: user 'me' is not permitted to run more than 1 VM\n"
                    "to permit it, add this line to '/etc/vmrun/netsetup.conf', as root:\n"
                    "allow user me vms 2\n")
    status, said = refused(lab, paused("second"), ["--address=192.168.77.99"], user=me)
    assert status == 4 and "\nallow user me address 192.168.77.99\n" in said
    status, said = refused(lab, paused("second"), ["--uplink=wlan0"], user=me)
    assert status == 4 and "\nallow user me uplink wlan0\n" in said
    assert lab.vmrun("clean", user=me).returncode == 0
    assert vm.quit() == 131
    status, said = refused(lab, paused("third", network={"probe": "none"}), user=me)
    assert status == 4 and "\nallow user me unprobed\n" in said
