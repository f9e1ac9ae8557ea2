# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel is asked if it forwards a guest's packets, before QEMU starts, and what drops them."""

import json
import re
import time
from typing import NamedTuple

import pytest

from caller import Service
from firewalls import DOCKER, LEGACY, Firewall, nft, script
from guests import boot, paused, refused, tiny
from lab import Lab
from vm import Vm

pytestmark = pytest.mark.usefixtures("vmrun")

PACKETS = ["tcp-out", "udp-out", "ping-out", "tcp-in", "udp-in", "ping-in"]
LAPTOP = "ether host 02:00:00:77:00:02"


def routed(**network: str) -> dict:
    """A VM whose packets the laptop forwards, whatever it drops of them."""
    return paused(network={"path": "routed", **network})


def status(lab: Lab, vm: Vm) -> dict:
    """The output of `vmrun status --json`."""
    return json.loads(lab.vmrun("status", vm.name, "--json").stdout)


def fates(found: dict) -> dict[str, str]:
    """The fate of each sample packet."""
    return dict(each.split() for each in found["forwarding-packets"])


def all_are(fate: str, *packets: str) -> dict[str, str]:
    """@packets have @fate, the others pass; all have it if none is named."""
    return {each: fate if each in (packets or PACKETS) else "passes" for each in PACKETS}


def wait_status(lab: Lab, vm: Vm, forwarding: str, timeout: float = 15) -> dict:
    """Wait until `vmrun status` says so."""
    deadline = time.monotonic() + timeout
    while (found := status(lab, vm))["forwarding"] != forwarding:
        assert time.monotonic() < deadline, found
        time.sleep(0.2)
    return found


def rules(lab: Lab) -> list[str]:
    """The rules of vmrun in others' tables."""
    listed = lab.run(["nft", "list", "ruleset"]).stdout.splitlines()
    return [line.strip() for line in listed if "vmrun:" in line]


def test_open(lab: Lab) -> None:
    """Without a firewall everything passes, and no packet of the question leaves."""
    with lab.phone.capture(LAPTOP) as capture:
        vm = lab.start_vm(routed())
        vm.wait_ready()
        found = status(lab, vm)
    assert fates(found) == all_are("passes"), found
    assert found["forwarding"] == "open" and found["forwarding-reason"] is None
    assert not found["forwarding-chains"] and not found["forwarding-remedy"]
    seen = [line for line in capture.lines
            if "IPv6" not in line and " tell 0.0.0.0" not in line  # the probes for the address
            and f"Request who-has {vm.address} tell {vm.address}" not in line
            # The router is asked for its MAC, to be pinged with the guest's address.
            and f"Request who-has {lab.router.address} tell {lab.laptop.address}" not in line]
    assert not seen, seen
    assert "drops" not in vm.stderr.text


class Row(NamedTuple):
    """Rules, what they do to the sample packets, and what is said of them."""

    name: str
    rules: str
    fates: dict[str, str]
    chains: list[str]
    reason: str
    remedy: str


ANEW = "start the VM anew, below all of this: --set network.path=bridged"
BOTH = "between the guest and the LAN"
DROP = nft("table ip filter { chain FORWARD { type filter hook forward priority 0; policy drop; } }")
IN_TWO = nft("""
table inet one { chain forward { type filter hook forward priority -10; jump sub; }
                 chain sub { oifname "wlan0" udp dport != 0 reject; } }
table ip two { chain front { type filter hook forward priority 10; policy drop;
                           meta l4proto icmp accept; } }""")

ROWS = [
    Row("policy", DROP, all_are("dropped"), ["ip filter FORWARD policy"],
        f"a firewall of this host drops TCP, UDP, ping {BOTH} (ip filter FORWARD, policy)",
        "sudo nft insert rule ip filter FORWARD iifname vmr-tiny oifname wlan0 accept"),
    Row("docker", DOCKER, all_are("dropped"), ["ip filter FORWARD policy (Docker)"],
        f"Docker drops TCP, UDP, ping {BOTH} (ip filter FORWARD, policy)",
        "sudo iptables -I DOCKER-USER -i vmr-tiny -o wlan0 -j ACCEPT"),
    Row("legacy", LEGACY, all_are("vanished"), [],
        f"iptables-legacy, or a filter like it, drops TCP, UDP, ping {BOTH}",
        "sudo iptables-legacy -I FORWARD -i vmr-tiny -o wlan0 -j ACCEPT"),
    Row("inward", nft("table inet x { chain f { type filter hook forward priority 0; "
                      "iifname \"wlan0\" ct state new drop; } }"),
        all_are("dropped", "tcp-in", "udp-in", "ping-in"), ["inet x f rule N"],
        "a firewall of this host drops TCP, UDP, ping to the guest (inet x f, rule N)",
        "sudo nft insert rule inet x f iifname vmr-tiny oifname wlan0 accept"),
    Row("ping passes", nft("table ip x { chain f { type filter hook forward priority 0; "
                           "policy drop; icmp type echo-request accept; } }"),
        all_are("dropped", "tcp-out", "udp-out", "tcp-in", "udp-in"), ["ip x f policy"],
        f"a firewall of this host drops TCP, UDP {BOTH} (ip x f, policy)",
        "sudo nft insert rule ip x f iifname vmr-tiny oifname wlan0 accept"),
    Row("two droppers", IN_TWO, all_are("dropped", "tcp-out", "udp-out", "tcp-in", "udp-in"),
        ["ip two front policy", "inet one sub rule N"], "a firewall of this host drops TCP, UDP between the guest and the LAN (ip two front, policy, and others)",
        "sudo nft insert rule ip two front iifname vmr-tiny oifname wlan0 accept"),
    Row("nordvpn", nft("table inet nordvpn { chain forward { type filter hook forward "
                       "priority -1; policy drop; } }"),
        all_are("dropped"), ["inet nordvpn forward policy (NordVPN)"],
        f"NordVPN drops TCP, UDP, ping {BOTH} (inet nordvpn forward, policy)",
        "sudo nft insert rule inet nordvpn forward iifname vmr-tiny oifname wlan0 accept"),
    Row("prerouting", nft("table ip x { chain p { type filter hook prerouting priority -300; "
                          "iifname \"vmr-*\" drop; } }"),
        all_are("dropped", "tcp-out", "udp-out", "ping-out"), ["ip x p rule N"],
        "a firewall of this host drops TCP, UDP, ping from the guest (ip x p, rule N)",
        ""),
    Row("masquerade", nft("table ip n { chain post { type nat hook postrouting priority 100; "
                          "oifname \"wlan0\" masquerade; } }"),
        all_are("translated", "tcp-out", "udp-out", "ping-out"), [],
        "this host gives its own address to TCP, UDP, ping from the guest", ""),
]


def _numberless(text: str) -> str:
    """@text without the handles of rules, which the kernel chooses."""
    return re.sub(r"rule \d+", "rule N", text)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_verdict(lab: Lab, row: Row) -> None:
    """The chain that drops is named at the start and in `status`, with the commands that help."""
    with Firewall(lab, row.rules):
        with lab.phone.capture(LAPTOP) as capture:
            vm = lab.start_vm(routed())
            vm.wait_ready()
            found = status(lab, vm)
        assert fates(found) == row.fates, found
        assert {_numberless(each) for each in found["forwarding-chains"]} == set(row.chains)
        assert _numberless(found["forwarding-reason"]) == row.reason
        assert found["forwarding-remedy"][0] == (row.remedy or ANEW)
        assert f"vmrun: tiny: {found['forwarding-reason']}\n" in vm.stderr.text
        sent = [line for line in capture.lines if "ethertype IPv4" in line]
        assert not sent, sent
        vm.quit()


def test_changes(lab: Lab) -> None:
    """A firewall that comes later is found, and so is its end; our own questions are no news."""
    vm = lab.start_vm(routed())
    vm.wait_ready()
    with Firewall(lab, DROP):
        assert wait_status(lab, vm, "closed")["forwarding-chains"] == ["ip filter FORWARD policy"]
        vm.wait_stderr("vmrun: tiny: a firewall of this host drops TCP, UDP, ping")
    wait_status(lab, vm, "open")
    vm.wait_stderr("vmrun: tiny: this host forwards the guest's packets\n")
    while "vmrun-ask" in lab.run(["nft", "list", "tables"]).stdout:
        time.sleep(0.05)
    before = lab.run(["nft", "-j", "list", "ruleset"]).stdout
    monitor = lab.exec(["timeout", "8", "nft", "monitor"], stdout=-1, text=True)
    assert "vmrun-ask" not in monitor.communicate()[0]
    assert lab.run(["nft", "-j", "list", "ruleset"]).stdout == before


def place(lab: Lab) -> list[str]:
    """The routes, rules and values of VMs whose packets the laptop forwards."""
    laptop = lab.laptop.netns
    return [laptop.sysctl("net/ipv4/conf/wlan0/forwarding"),
            *(laptop.ip(what).replace(" [detached]", "")
              for what in ("route show table all", "rule", "neigh show proxy"))]


@pytest.mark.parametrize("name, text, reason", [
    ("docker", DOCKER, f"Docker drops TCP, UDP, ping {BOTH} (ip filter FORWARD, policy)"),
    ("legacy", LEGACY, f"iptables-legacy, or a filter like it, drops TCP, UDP, ping {BOTH}"),
    ("tunnel", "ip tuntap add dev vpn mode tun; ip link set vpn up; "
     "ip route add default dev vpn table 51820; ip rule add pref 0 iif vmr-tiny lookup 51820",
     "this host sends by another interface TCP, UDP, ping from the guest"),
], ids=["docker", "legacy", "tunnel"])
def test_auto(lab: Lab, name: str, text: str, reason: str) -> None:
    """`path: auto` is bridged where this host would not forward, and one line says why. Nothing of
    the routed path is left, and the guest is on the LAN."""
    with Firewall(lab, text):
        before = place(lab)
        vm, guest = boot(lab, tiny(network={"configure": "dhcp"}))
        assert place(lab) == before
        for key in ("forwarding", "proxy_arp"):
            assert lab.laptop.netns.sysctl(f"net/ipv4/conf/{vm.tap}/{key}") == "0"
        found = status(lab, vm)
        assert found["path"] == "bridged" and found["path-reason"] == reason
        assert found["forwarding"] == "unknown" and found["forwarding-reason"] is None
        assert f"vmrun: tiny: bridged, because {reason}: no firewall, VPN or" in vm.stderr.text
        assert vm.stderr.text.count(reason) == 1
        assert guest.reads(f"http://{lab.phone.address}/"), "TCP from the guest"
        assert lab.phone.ping(vm.address)
        assert "routes do not forward" not in vm.stderr.text
        lab.run(["kill", "-9", str(vm.netsetup.pid)])
        time.sleep(1)
        assert status(lab, vm)["path"] == "bridged"
        assert lab.phone.ping(vm.address)
        vm.stop()
        if name == "tunnel":
            script(lab, "ip rule del pref 0 iif vmr-tiny; ip link del vpn")


def test_auto_stays(lab: Lab) -> None:
    """A running VM keeps its path, whatever a firewall does later."""
    vm = lab.start_vm(paused())
    vm.wait_ready()
    assert status(lab, vm)["path"] == "routed" and status(lab, vm)["path-reason"] is None
    with Firewall(lab, DROP):
        found = wait_status(lab, vm, "closed")
        assert found["path"] == "routed"
        assert found["forwarding-remedy"][-1].endswith("--set network.path=bridged")


def test_auto_allow(lab: Lab) -> None:
    """With `allow`, a VM is bridged only if its rules do not help, and leaves none."""
    with Firewall(lab, DROP):
        vm = lab.start_vm(paused(network={"firewall": "allow"}))
        vm.wait_ready()
        assert status(lab, vm)["path"] == "routed" and len(rules(lab)) == 2
        vm.quit()
    with Firewall(lab, DROP + LEGACY):
        vm = lab.start_vm(paused(network={"firewall": "allow"}))
        vm.wait_ready()
        assert status(lab, vm)["path"] == "bridged" and not rules(lab)
        vm.quit()


def test_auto_limited(lab: Lab) -> None:
    """Root's policy has the last word: what forbids the bridged path leaves the routed one."""
    me = lab.add_user()
    lab.set_policy("# nobody\n")
    with Service(lab) as service, Firewall(lab, DROP):
        service.install()
        for rule, path in (("path routed", "routed"), ("", "bridged"), ("path bridged", "bridged")):
            lab.set_policy(f"allow user me {rule}\n")
            vm = lab.start_vm(paused(), user=me)
            vm.wait_ready()
            vm.quit()
            assert ("vmrun: tiny: bridged" in vm.stderr.text) == (path == "bridged")
            assert ("a firewall of this host drops" in vm.stderr.text) == (rule != "path bridged")
        lab.set_policy("allow user me\n")
        code, said = refused(lab, routed(firewall="allow"), user=me)
        assert code == 4 and "user 'me' is not permitted to change the firewall" in said
        assert "allow user me firewall" in said


def test_off(lab: Lab) -> None:
    """`off` asks nothing and says nothing."""
    with Firewall(lab, DROP):
        vm = lab.start_vm(routed(firewall="off"))
        vm.wait_ready()
        found = status(lab, vm)
        assert found["forwarding"] == "unknown" and fates(found) == all_are("unknown")
        assert "drops" not in vm.stderr.text
        vm.quit()


@pytest.mark.parametrize("name, text", [("docker", DOCKER), ("two droppers", IN_TWO)],
                         ids=lambda each: each.split("\n")[0] or "rules")
def test_allow(lab: Lab, name: str, text: str) -> None:
    """`allow`: TCP reaches the guest through each chain that dropped it, and after a reload again;
    iptables shows the rules whole, and no rule is left."""
    with Firewall(lab, text):
        vm, guest = boot(lab, tiny(network={"firewall": "allow", "path": "routed"}))
        found = status(lab, vm)
        assert found["forwarding"] == "open" and found["forwarding-allowed"] is True, found
        assert guest.reads(f"http://{lab.phone.address}/"), "TCP from the guest"
        added = rules(lab)
        assert len(added) == (2 if name == "docker" else 4), added
        if name == "docker":
            shown = lab.run(["iptables-nft-save"]).stdout
            assert f"-A FORWARD -d {vm.address}/32 -i wlan0 -o vmr-tiny -m comment " in shown
            assert f"-A FORWARD -s {vm.address}/32 -i vmr-tiny -o wlan0 -m comment " in shown
        script(lab, f"nft flush ruleset; {text}")
        deadline = time.monotonic() + 15
        while len(rules(lab)) < len(added):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        wait_status(lab, vm, "open")
        assert guest.reads(f"http://{lab.phone.address}/"), "TCP after a reload"
        vm.stop()
        assert not rules(lab)


@pytest.mark.parametrize("victim", ["service", "maker", "worker", "vmrun"])
def test_kill(lab: Lab, victim: str) -> None:
    """Any process is killed: no table of a question is left, and no rule after the VM's end."""
    with Firewall(lab, DROP):
        vm = lab.start_vm(routed(firewall="allow"))
        vm.wait_ready()
        assert len(rules(lab)) == 2
        killed = {"service": lambda: vm.netsetup.pid, "maker": lambda: vm.maker.pid,
                  "worker": lambda: vm.worker.pid, "vmrun": lambda: vm.pid}[victim]()
        lab.run(["kill", "-9", str(killed)])
        if victim != "vmrun":
            wait_status(lab, vm, "open")
            assert len(rules(lab)) == 2
            vm.quit()
        deadline = time.monotonic() + 5
        while (left := rules(lab)) and time.monotonic() < deadline:
            time.sleep(0.1)
        assert not left
        assert "vmrun-ask" not in lab.run(["nft", "list", "ruleset"]).stdout


def test_sweep(lab: Lab) -> None:
    """Rules that dead processes left are removed by `vmrun clean`; others' comments stay."""
    other = "9c1c1fb6-3b3e-4d0b-8a55-7cf0ee0d0001"
    with Firewall(lab, DROP):
        vm = lab.start_vm(routed(firewall="allow"))
        vm.wait_ready()
        script(lab, "nft insert rule ip filter FORWARD iifname '\"x\"' accept comment '\"vmrun:no\"'")
        # All at once: one that lives on cleans up.
        killed = [*vm.family(), *vm.services()]
        pids = {str(each.pid) for each in killed} | {str(vm.pid)}
        for name in ("-STOP", "-KILL"):
            lab.run(["kill", name, *pids], check=False)
        assert all(each.wait_gone(5) for each in killed)
        assert len(rules(lab)) == 3
        script(lab, f"nft insert rule ip filter FORWARD iifname '\"vmr-gone\"' accept "
                    f"comment '\"vmrun:{other}\"'")
        shown = lab.vmrun("clean", "--dry-run").stdout
        assert "with the comment vmrun:UUID" in shown, shown
        assert len(rules(lab)) > 1
        lab.vmrun("clean")
        assert [line for line in rules(lab) if "vmrun:no" not in line] == []
        assert len(rules(lab)) == 1
