# SPDX-License-Identifier: GPL-2.0-or-later
"""An access point that does not treat a second address of the laptop well is named at the start: the
router is pinged with a new address before that is announced."""

import json
import re
import time
from contextlib import contextmanager
from typing import Iterator, Optional

import pytest

from guests import boot, paused
from lab import Lab
from vm import Vm

pytestmark = pytest.mark.usefixtures("vmrun")

REFUSED = "the router answers this host, but not the guest's address: "
HIDDEN = "ARP requests for the guest's address do not arrive here: "

# Proxy ARP of an access point, or the firmware of the Wi-Fi card: no broadcast request for another
# address than the station's.
HIDES = """chain to_laptop {
	type filter hook postrouting priority 200; policy accept;
	oifname "laptop" ether daddr ff:ff:ff:ff:ff:ff arp operation request \\
		arp daddr ip != 192.168.77.2 drop
}"""

# One IPv4 address for each station.
BINDS_IPV4 = """chain from_laptop {
	type filter hook prerouting priority -200; policy accept;
	iifname "laptop" ip saddr != 192.168.77.2 drop
}
chain to_laptop {
	type filter hook postrouting priority 200; policy accept;
	oifname "laptop" meta protocol ip ip daddr != { 192.168.77.2, 192.168.77.255 } drop
}"""

# The same for ARP as well; so is DHCP snooping for an address without a lease.
BINDS = """chain from_laptop {
	type filter hook prerouting priority -200; policy accept;
	iifname "laptop" arp saddr ip != { 0.0.0.0, 192.168.77.2 } drop
	iifname "laptop" ip saddr != 192.168.77.2 drop
}"""


@contextmanager
def air(lab: Lab, chains: str = "") -> Iterator[None]:
    """The access point has these chains besides its own, and the router knows no guest."""
    lab.router.netns.ip("neigh flush dev lan", check=False)
    lab.lan.ap.nft(f"table bridge second {{\n{chains}\n}}\n")
    try:
        yield
    finally:
        lab.lan.ap.nft("delete table bridge second")


def status(lab: Lab, name: str = "tiny") -> dict:
    """The output of `vmrun status --json`."""
    return json.loads(lab.vmrun("status", name, "--json").stdout)


def access(lab: Lab, timeout: float = 5) -> str:
    """The word that status has once it is known, or after @timeout."""
    deadline = time.monotonic() + timeout
    while (word := status(lab)["access"]) == "unknown" and time.monotonic() < deadline:
        time.sleep(0.05)
    return word


def doctor(lab: Lab) -> tuple[str, str]:
    """Grade and finding of the check."""
    said = json.loads(lab.vmrun("doctor", "--json").stdout)
    check = next(each for each in said["checks"] if each["name"] == "access")
    return check["grade"], check["finding"]


def ends(vm: Vm, warning: Optional[str]) -> None:
    """End @vm, which has printed the warning once, or none."""
    vm.quit()
    said = [line for line in vm.stderr.text.splitlines() if REFUSED in line or HIDDEN in line]
    assert len(said) == (1 if warning else 0), vm.stderr.text
    if warning:
        assert said[0].startswith(f"vmrun: tiny: {warning}"), said


@pytest.mark.both_paths
def test_honest(lab: Lab, data_path: str) -> None:
    """The router asks for the address and replies; then it is announced. All of it is for the
    router, and the laptop itself sends nothing for the reply."""
    with air(lab), lab.router.capture("arp or icmp") as seen:
        vm = lab.start_vm(paused())
        assert access(lab) == "open"
        announced = re.escape(f"who-has {vm.address} tell {vm.address}")
        seen.wait_for(announced)
    assert status(lab)["access-reason"] is None and status(lab)["path"] == data_path
    assert doctor(lab)[0] == "ok"
    lines = [line for line in seen.lines if vm.address in line and "tell 0.0.0.0" not in line]
    kinds = [next((kind for kind, regex in (
        ("ping", rf"> {lab.lan.gateway}: ICMP echo request"), ("announced", announced),
        ("asked", rf"Request who-has {vm.address} .*tell {lab.lan.gateway}"),
        ("found", rf"Reply {vm.address} is-at"), ("reply", r"ICMP echo reply"))
        if re.search(regex, line)), line) for line in lines]
    assert kinds[:2] == ["ping", "asked"], lines
    assert sorted(set(kinds)) == ["announced", "asked", "found", "ping", "reply"], lines
    assert kinds.count("ping") == kinds.count("reply") == 1, lines
    times = dict(zip(reversed(kinds), (float(line.split()[0]) for line in reversed(lines))))
    wait = times["announced"] - times["ping"]
    print(f"announced {wait * 1000:.1f} ms after the ping")
    assert 0 < wait
    # A station that knows it need not ask; that proves less.
    vm.quit()
    vm = lab.start_vm(paused())
    assert access(lab) == "answered"
    assert doctor(lab)[0] == "ok"
    ends(vm, None)


@pytest.mark.both_paths
@pytest.mark.parametrize("chains, word, warning, remedy", [
    (HIDES, "hidden", HIDDEN, "'network.promiscuous: on'"),
    (BINDS_IPV4, "refused", REFUSED, "'network: user'"),
    (BINDS, "refused", REFUSED, "'network: user'")],
    ids=["hides-requests", "binds-ipv4", "binds-all"])
def test_second_address(lab: Lab, data_path: str, chains: str, word: str, warning: str,
                        remedy: str) -> None:
    """One line at the start, also in status and doctor's check."""
    with air(lab, chains):
        vm = lab.start_vm(paused())
        vm.wait_stderr(f"^vmrun: tiny: {re.escape(warning)}.*{re.escape(remedy)}")
        found = status(lab)
        assert found["access"] == word and found["path"] == data_path
        assert found["access-reason"].startswith(warning) and remedy in found["access-reason"]
        assert found["networks"][0]["access"] == word
        rows = lab.vmrun("status", "tiny").stdout
        assert re.search(rf"^access  +{word}$", rows, re.MULTILINE), rows
        grade, finding = doctor(lab)
        assert grade == "warn" and finding.startswith(f"tiny: {warning}")
        ends(vm, warning)


@pytest.mark.both_paths
def test_no_false_alarm(lab: Lab, data_path: str) -> None:
    """A router that ignores pings, one that ignores all, stations that are isolated. The start waits
    for none of them."""
    sysctls = lab.router.netns.sysctls
    with air(lab), lab.router.capture("arp or icmp") as seen:
        sysctls({"net/ipv4/icmp_echo_ignore_all": "1"})
        vm = lab.start_vm(paused())
        ping = seen.wait_for(rf"{vm.address} > {lab.lan.gateway}: ICMP echo request")
        announced = seen.wait_for(rf"who-has {vm.address} tell {vm.address}")
        wait = float(announced.split()[0]) - float(ping.split()[0])
        print(f"announced {wait * 1000:.1f} ms after the ping")
        assert 0.04 < wait < 1
        seen.wait_for(rf"{lab.laptop.address} > {lab.lan.gateway}: ICMP echo request")
        time.sleep(1.5)
        assert status(lab)["access"] == "unknown" and doctor(lab)[0] == "note"
        ends(vm, None)
        pings = [line for line in seen.lines if "ICMP echo request" in line]
        assert len(pings) == 3, pings
    with air(lab, BINDS):  # ARP shows it
        vm = lab.start_vm(paused())
        assert access(lab) == "refused"
        ends(vm, REFUSED)
    sysctls({"net/ipv4/icmp_echo_ignore_all": "0"})
    with air(lab):
        sysctls({"net/ipv4/conf/lan/arp_ignore": "8"})
        vm = lab.start_vm(paused())
        assert access(lab, 2) in ("unknown", "open")
        sysctls({"net/ipv4/conf/lan/arp_ignore": "0"})
        ends(vm, None)
    for port in ("laptop", "phone"):
        lab.lan.ap.ip(f"link set {port} type bridge_slave isolated on")
    with air(lab):
        vm = lab.start_vm(paused())
        assert access(lab) == "open"
        ends(vm, None)


def test_bridged_because_of_a_firewall(lab: Lab) -> None:
    """The path changes while the router is asked: the answer is the same."""
    lab.laptop.netns.nft("table ip filter {\nchain FORWARD {\n"
                         "type filter hook forward priority 0; policy drop;\n}\n}\n")
    try:
        for chains, word, warning in ((HIDES, "hidden", HIDDEN), ("", "open", None)):
            with air(lab, chains):
                vm = lab.start_vm(paused())
                assert access(lab) == word and status(lab)["path"] == "bridged"
                ends(vm, warning)
    finally:
        lab.laptop.netns.nft("delete table ip filter")


def test_service_restarts(lab: Lab) -> None:
    """The answer is kept, and the address is not asked for again."""
    with air(lab, BINDS):
        vm = lab.start_vm(paused())
        assert access(lab) == "refused"
        before = vm.netsetup
        with lab.router.capture("icmp") as seen:
            before.signal(9)
            deadline = time.monotonic() + 5
            while vm.netsetup == before and time.monotonic() < deadline:
                time.sleep(0.02)
            assert vm.netsetup != before
            time.sleep(0.5)
        assert not seen.lines and status(lab)["access"] == "refused"
        ends(vm, REFUSED)


def test_hidden_guest_is_reached(lab: Lab) -> None:
    """The remedy at work: a station that has heard of the guest reaches it."""
    with air(lab, HIDES):
        vm, _ = boot(lab, asker=lab.laptop)
        assert access(lab) == "hidden"
        lab.phone.forget(vm.address)
        assert lab.phone.never_pings(vm.address, 1)
        assert lab.router.ping(vm.address), "it was announced while the router was asking"
