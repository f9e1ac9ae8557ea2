# SPDX-License-Identifier: GPL-2.0-or-later
"""A VM with several cards on the LAN: each has its own place, and follows its own uplink."""

import json
import signal
import time
from typing import Any

import pytest

from guests import Guest, boot, paused, tiny
from lab import Lab
from station import Station
from stream import Echoes, arp_answered

pytestmark = pytest.mark.usefixtures("vmrun")

# The words ip= of the other cards, each with its address, its mask and its name in the guest. Without
# the rule, the guest would send the answers of one address by another card.
CONFIGURE = """
table=100
for word in $(cat /proc/cmdline); do
    case $word in ip=*:off) ;; *) continue ;; esac
    IFS=: read -r address _ _ mask _ card _ <<-EOF
		${word#ip=}
	EOF
    table=$((table + 1))
    ip link set "$card" up
    ip addr add "$address/$mask" dev "$card"
    ip rule add from "$address" table $table
    ip route add default via GATEWAY dev "$card" table $table
    echo "$card $address"
done
"""


def cards(lab: Lab, **how: Any) -> list[dict]:
    """The VM's cards as `vmrun status --json` lists them."""
    return json.loads(lab.vmrun("status", "--json", "tiny", **how).stdout)["networks"]


def configure(guest: Guest, gateway: str) -> dict[str, str]:
    """Have the guest configure its further cards by its command line; addresses by card."""
    said = guest.sh(CONFIGURE.replace("GATEWAY", gateway))
    return dict(line.split() for line in said.splitlines())


def taps(lab: Lab) -> list[str]:
    """The taps of the laptop's guests; a gate's name ends with a number after '_'."""
    return [link["ifname"] for link in lab.laptop.netns.ip_json("link show")
            if link["ifname"].startswith("vmr-") and "vmr-gate_" not in link["ifname"]]


def answers_itself(lab: Lab, guest: Guest, each: dict, name: str, phone: Station) -> None:
    """The LAN asks for a card's address, and that card of the guest answers."""
    assert guest.sh(f"cat /sys/class/net/{name}/address") == each["mac"]
    sent = f"cat /sys/class/net/{name}/statistics/tx_packets"
    before = int(guest.sh(sent))
    for _ in range(20):
        assert phone.ping(each["address"])
    assert int(guest.sh(sent)) - before >= 20, name
    uplink = lab.laptop.netns.ip_json(f"link show dev {each['uplink']}")[0]["address"]
    assert arp_answered(phone, each["address"], uplink)
    route = lab.laptop.netns.ip_json(f"route get {each['address']}")[0]
    assert route["dev"] == each["tap"]


def test_one_uplink(lab: Lab) -> None:
    """Two cards on one uplink: two addresses, which the LAN reaches, each by its own card."""
    vm, guest = boot(lab, tiny(network=["lan", "lan"]))
    first, second = cards(lab)
    assert (first["address"], first["tap"]) == (vm.address, "vmr-tiny")
    assert first["address"] != second["address"] and first["tap"] != second["tap"]
    assert f"network.1: {second['address']}/24 on wlan0" in vm.stderr.text
    assert configure(guest, vm.gateway) == {"eth1": second["address"]}
    answers_itself(lab, guest, first, "eth0", lab.phone)
    answers_itself(lab, guest, second, "eth1", lab.phone)
    assert sorted(taps(lab)) == sorted([first["tap"], second["tap"]])
    macs = {lab.laptop.netns.ip_json(f"link show dev {tap}")[0]["address"] for tap in taps(lab)}
    assert len(macs) == 2
    # The other commands know the first card; `status` shows all.
    said = lab.vmrun("status", "tiny").stdout
    assert f"address          {vm.address}\n" in said
    assert f"lan, mac {second['mac']}, {second['address']} on wlan0, up\n" in said
    assert vm.address in lab.vmrun("list").stdout
    assert second["address"] not in lab.vmrun("list").stdout
    assert vm.stop() == 0
    assert not taps(lab)


def test_same_addresses_again(lab: Lab) -> None:
    """Each card has its own address again."""
    def places() -> list[str]:
        vm = lab.start_vm(paused(network=["lan", "lan", "lan"]))
        found = [each["address"] for each in cards(lab)]
        assert vm.quit() == 131
        return found
    assert places() == places()


def test_two_uplinks(lab: Lab) -> None:
    """One card on the air, one on the wire. The wire is cut and comes back: the connection by the
    air goes on, and the card is on its LAN again."""
    other = lab.second_lan()
    lab.laptop.add_wired(other)
    vm, guest = boot(lab, tiny(network=[{"uplink": "wlan0"}, {"uplink": "eth0"}]))
    first, second = cards(lab)
    assert (first["uplink"], second["uplink"]) == ("wlan0", "eth0")
    assert second["address"].startswith("192.168.88.") and second["gateway"] == other.gateway
    assert configure(guest, other.gateway) == {"eth1": second["address"]}
    answers_itself(lab, guest, first, "eth0", lab.phone)
    answers_itself(lab, guest, second, "eth1", other.phone)
    with Echoes(lab.phone, first["address"]) as air:
        assert air.answered(time.monotonic())
        cut = time.monotonic()
        lab.laptop.remove_wired()
        vm.wait_stderr(r"^vmrun: tiny: network\.1: off the LAN: ")
        assert [each["lan"] for each in cards(lab)] == ["up", "away"]
        lab.laptop.add_wired(other)
        vm.wait_stderr(rf"^vmrun: tiny: network\.1: on the LAN again: {second['address']} on eth0$")
        assert [each["lan"] for each in cards(lab)] == ["up", "up"]
        assert other.phone.ping(second["address"])
        assert air.answered(time.monotonic()) and not air.broken
        assert air.outage(cut, time.monotonic()) < 1
    assert "tiny: off the LAN" not in vm.stderr.text
    assert vm.stop() == 0
    lab.laptop.remove_wired()


def test_roam_with_a_card_on_the_wire(lab: Lab) -> None:
    """The first card's uplink goes to another network; the second card's connection goes on."""
    other = lab.second_lan()
    lab.laptop.add_wired()
    vm = lab.start_vm(tiny(network=[{"uplink": "wlan0", "configure": "dhcp"}, {"uplink": "eth0"}]))
    first, second = cards(lab)
    # The first card has DHCP; the small guest uses the address on its command line.
    assert lab.phone.http_get(second["address"], timeout=60)
    with Echoes(lab.phone, second["address"]) as wire:
        assert wire.answered(time.monotonic())
        lab.laptop.roam(other)
        vm.wait_stderr(r"^vmrun: tiny: network\.0: (moved|off the LAN): ", 20)
        lab.laptop.roam(lab.lan)
        vm.wait_stderr(rf"(on the LAN again: |-> ){first['address']} on wlan0", 20)
        assert wire.answered(time.monotonic()) and not wire.broken
    assert vm.stop() == 0
    lab.laptop.remove_wired()


def test_beside_a_private_network(lab: Lab) -> None:
    """Cards of three types have the numbers of their place in the list."""
    vm, guest = boot(lab, tiny(network=[{"type": "private", "name": "lab"}, "lan", "user", "lan"]))
    found = cards(lab)
    assert [each["type"] for each in found] == ["private", "lan", "user", "lan"]
    assert found[0]["name"] == "lab" and "address" not in found[0]
    for number, each in enumerate(found):
        assert guest.sh(f"cat /sys/class/net/eth{number}/address") == each["mac"]
    assert guest.sh("cat /run/nic") == "eth1" and found[1]["address"] == vm.address
    assert configure(guest, vm.gateway) == {"eth3": found[3]["address"]}
    answers_itself(lab, guest, found[3], "eth3", lab.phone)
    assert vm.stop() == 0


def test_dhcp_on_both(lab: Lab) -> None:
    """Each card has a DHCP server of its own, which gives the card its own address."""
    vm, guest = boot(lab, tiny(network=["lan", {"configure": "dhcp"}]))
    second = cards(lab)[1]
    for name, address in (("eth1", second["address"]), ("eth0", vm.address)):
        said = guest.sh(f"ip link set {name} up; udhcpc -i {name} -n -q -f -s /bin/true 2>&1")
        assert f"lease of {address} obtained" in said
    assert vm.stop() == 0


def test_sudo(lab: Lab) -> None:
    """`sudo vmrun` without an installation: one service has all cards, and vmrun has dropped
    root's rights before it asks for the further ones."""
    me = lab.add_user()
    vm = lab.start_vm(paused(network=["lan", "lan", "lan"]), user=me, sudo=True)
    assert len(vm.services()) == 4
    assert set(vm.services()) == {vm.supervisor, vm.netsetup, vm.maker, vm.worker}
    found = cards(lab, user=me)
    assert len({each["address"] for each in found}) == len({each["tap"] for each in found}) == 3
    assert vm.quit() == 131


@pytest.mark.parametrize("which", ["vmrun", "service", "all"])
def test_sigkill(lab: Lab, which: str) -> None:
    """Nothing is left of any card; a killed service comes back, and has all of them."""
    vm = lab.start_vm(paused(network=["lan", "lan"]))
    before = cards(lab)
    service, family = vm.netsetup, [*vm.family(), *vm.services()]
    if which == "service":
        service.signal(signal.SIGKILL)
        assert service.wait_gone(5)
        # The next service serves the connections of both cards.
        for each in before:
            lab.laptop.netns.ip(f"link set {each['tap']} down")
        deadline = time.monotonic() + 10
        while not all("UP" in lab.laptop.netns.ip_json(f"link show dev {each['tap']}")[0]["flags"]
                      for each in before):
            assert time.monotonic() < deadline, vm.stderr.text
            time.sleep(0.05)
        assert vm.netsetup != service and cards(lab) == before
        assert vm.quit() == 131
        return
    for each in (vm.services() if which == "all" else []):
        each.signal(signal.SIGKILL)
    vm.signal(signal.SIGKILL)
    assert vm.wait() == 128 + signal.SIGKILL
    assert all(each.wait_gone(10) for each in family)
    if which == "all":
        assert lab.vmrun("clean").returncode == 0


def test_dry_run(lab: Lab) -> None:
    """A dry run shows each card's changes, with different addresses, and makes none."""
    definition = paused(network=["lan", "lan"])
    vm = lab.start_vm(definition, ["--dry-run"], wait=False)
    assert vm.wait() == 0
    said = vm.stderr.text + vm.console.text
    proxies = [line.split()[-3] for line in said.splitlines() if "neigh" in line and "proxy" in line]
    assert len(set(proxies)) == 2, said
    assert "id=lan0" in said and "id=lan1" in said
