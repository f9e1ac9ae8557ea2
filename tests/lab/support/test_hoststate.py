# SPDX-License-Identifier: GPL-2.0-or-later
"""The leak detector: each kind of change is noticed, and nothing that changes by itself is."""

import os
import socket
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

import arp
from hoststate import settle
from lab import Lab

SUPPORT = Path(__file__).parent

# For each change: the command, the text that the difference must have, and the command that undoes
# it. A command is of `ip`, or of nft or a shell when it begins with `nft` or `sh`.
CHANGES = {
    "tap": ("tuntap add dev vmr-x mode tap", "+ link vmr-x:", "link del vmr-x"),
    "route": ("route add 192.168.77.50 dev wlan0", "+ route 192.168.77.50:",
              "route del 192.168.77.50 dev wlan0"),
    "route in another table": ("route add 192.0.2.0/24 dev wlan0 table 99", '"table":"99"',
                               "route flush table 99"),
    "ipv6 route": ("-6 route add 2001:db8::/64 dev wlan0", "+ route 2001:db8::/64:",
                   "-6 route del 2001:db8::/64 dev wlan0"),
    "lost route": ("route del default dev wlan0", "- route default:",
                   "route add default via 192.168.77.1 dev wlan0 proto dhcp src 192.168.77.2 "
                   "metric 600"),
    "proxy": ("neigh add proxy 192.168.77.50 dev wlan0", "+ neigh 192.168.77.50:",
              "neigh del proxy 192.168.77.50 dev wlan0"),
    "ipv6 proxy": ("neigh add proxy fe80::50 dev wlan0", "+ neigh fe80::50:",
                   "neigh del proxy fe80::50 dev wlan0"),
    "permanent neighbour": ("neigh add 192.168.77.9 lladdr 02:00:00:00:00:09 dev wlan0",
                            "+ neigh 192.168.77.9:", "neigh del 192.168.77.9 dev wlan0"),
    "address": ("addr add 192.168.77.9/24 dev wlan0", "+ addr wlan0:",
                "addr del 192.168.77.9/24 dev wlan0"),
    "rule": ("rule add from 192.0.2.1 lookup 99", "+ rule ", "rule del from 192.0.2.1 lookup 99"),
    "mtu": ("link set wlan0 mtu 1400", "+ link wlan0:", "link set wlan0 mtu 1500"),
    "promiscuous": ("link set wlan0 promisc on", '"promiscuity":1', "link set wlan0 promisc off"),
    "nft rule": ("nft add rule ip base c counter accept", "+ nft rule:",
                 "nft flush chain ip base c"),
    "nft table": ("nft add table inet vmrun", "+ nft table:", "nft delete table inet vmrun"),
    "file": ("sh echo 1 >/run/vmrun/lease", "+ file /run/vmrun/lease:", "sh rm /run/vmrun/lease"),
    "content": ("sh echo 2 >/run/vmrun/base", r"'2\n'", "sh echo 1 >/run/vmrun/base"),
    "mode": ("sh chmod 600 /run/vmrun/base", "-rw------- 0:0", "sh chmod 644 /run/vmrun/base"),
    "directory": ("sh mkdir /run/vmrun/d", "+ file /run/vmrun/d: d", "sh rmdir /run/vmrun/d"),
}

SYSCTLS = {
    "net/ipv4/conf/wlan0/forwarding": ("1", "0"),
    "net/ipv4/conf/wlan0/proxy_arp": ("1", "0"),
    "net/ipv4/conf/wlan0/rp_filter": ("1", "2"),
    "net/ipv4/conf/all/arp_ignore": ("1", "0"),
    "net/ipv4/neigh/wlan0/proxy_delay": ("0", "80"),
    "net/ipv4/ip_forward": ("1", "0"),
    "net/ipv4/ip_nonlocal_bind": ("1", "0"),
    "net/ipv6/conf/wlan0/disable_ipv6": ("1", "0"),
    "net/ipv6/conf/wlan0/proxy_ndp": ("1", "0"),
    "net/ipv6/conf/all/forwarding": ("1", "0"),
}


def act(lab: Lab, command: str) -> None:
    """Run a command of CHANGES on the laptop."""
    kind, _, rest = command.partition(" ")
    if kind == "sh":
        lab.run(["sh", "-c", rest])
    elif kind == "nft":
        lab.run(command.split())
    else:
        lab.laptop.netns.ip(command)


@pytest.fixture(scope="module")
def quiet_lab() -> Lab:
    """One lab for all, with a base for changes of content; each test restores it by itself."""
    if os.geteuid() != 0:
        pytest.skip("needs root")
    with Lab() as built:
        act(built, "sh mkdir -m 755 /run/vmrun && echo 1 >/run/vmrun/base")
        built.laptop.netns.nft("add table ip base\nadd chain ip base c")
        yield built


@pytest.mark.parametrize("kind", CHANGES)
def test_change_is_noticed(quiet_lab: Lab, kind: str) -> None:
    do, expected, undo = CHANGES[kind]
    before = quiet_lab.snapshot()
    act(quiet_lab, do)
    changes = before.diff(quiet_lab.snapshot())
    assert expected in "\n".join(changes)
    act(quiet_lab, undo)
    assert settle(before, quiet_lab.snapshot) == []


@pytest.mark.parametrize("key", SYSCTLS)
def test_sysctl_is_noticed(quiet_lab: Lab, key: str) -> None:
    value, normal = SYSCTLS[key]
    laptop, before = quiet_lab.laptop.netns, quiet_lab.snapshot()
    laptop.sysctls({key: value})
    changes = before.diff(quiet_lab.snapshot())
    assert f"- sysctl {key} = {normal}" in changes and f"+ sysctl {key} = {value}" in changes
    laptop.sysctls({key: normal})
    assert settle(before, quiet_lab.snapshot) == []


def test_promiscuous_membership_is_noticed(quiet_lab: Lab) -> None:
    """Held by a socket as vmrun-netsetup does it, not by a flag of the interface."""
    before = quiet_lab.snapshot()
    with quiet_lab.laptop.capture():
        assert '"promiscuity":1' in "\n".join(before.diff(quiet_lab.snapshot()))
    assert settle(before, quiet_lab.snapshot) == []


def test_traffic_is_not_a_change(quiet_lab: Lab) -> None:
    """Neighbour caches, counters, connections and time do not count."""
    before = quiet_lab.snapshot()
    quiet_lab.laptop.netns.ip("neigh flush all")
    assert quiet_lab.phone.ping(quiet_lab.laptop.address)
    assert "server" in quiet_lab.laptop.http_get(quiet_lab.phone.address)
    assert quiet_lab.laptop.arp_probe("192.168.77.99", 0.1) == {}
    with closing(quiet_lab.laptop.netns.socket(socket.AF_INET, socket.SOCK_DGRAM)) as sock:
        sock.bind(("", 5353))
        arp.announce(quiet_lab.phone.netns, "lan", "192.168.77.20")
        assert before.diff(quiet_lab.snapshot()) == []


# The fixture, by running pytest on a small file of its own


def outcome(tmp_path: Path, test: str, **env: str) -> str:
    """The output of pytest, with the lab's conftest, for a file with @test in it."""
    (tmp_path / "test_inner.py").write_text(f"import pytest\n\n\n{test}")
    clean = {key: value for key, value in os.environ.items() if key != "VMRUN_TESTS_MUST_RUN"}
    clean["PYTHONPATH"] = f"{SUPPORT.parent}:{SUPPORT}"
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "conftest", "-p", "no:cacheprovider",
         "--noconftest", f"--rootdir={tmp_path}", tmp_path / "test_inner.py"],
        env=clean | env, capture_output=True, text=True, timeout=60)
    return done.stdout + done.stderr


def test_fixture_accepts_a_clean_test(tmp_path: Path) -> None:
    said = outcome(tmp_path, "def test_it(lab):\n    assert lab.phone.ping('192.168.77.2')\n")
    assert "1 passed" in said and "error" not in said.lower()


def test_fixture_reports_a_leak(tmp_path: Path) -> None:
    said = outcome(tmp_path, "def test_it(lab):\n"
                             "    lab.laptop.netns.sysctls({'net/ipv4/conf/wlan0/proxy_arp': '1'})")
    assert "1 passed, 1 error" in said
    assert "+ sysctl net/ipv4/conf/wlan0/proxy_arp = 1" in said


def test_fixture_reports_a_process(tmp_path: Path) -> None:
    """One in the laptop's namespace, and one that went to another but kept its environment."""
    said = outcome(tmp_path, "def test_it(lab):\n"
                             "    lab.exec(['sleep', '1001'])\n"
                             "    lab.exec(['unshare', '--net', 'sleep', '1002'])\n")
    assert "1 passed, 1 error" in said
    assert "were left on the laptop:" in said
    assert "sleep 1001" in said and "sleep 1002" in said


SKIPS = {"in a test": "def test_it():\n    pytest.skip('no reason')\n",
         "of a file": "pytest.skip('no reason', allow_module_level=True)\n",
         "by a mark": "@pytest.mark.skip(reason='no reason')\ndef test_it():\n    pass\n",
         "of a tool": "from conftest import need\n\n\ndef test_it():\n    need('no-such-tool')\n"}


@pytest.mark.parametrize("skip", SKIPS)
def test_skip_becomes_a_failure_where_all_must_run(tmp_path: Path, skip: str) -> None:
    assert "1 skipped" in outcome(tmp_path, SKIPS[skip])
    said = outcome(tmp_path, SKIPS[skip], VMRUN_TESTS_MUST_RUN="1")
    assert "skipped" not in said and ("1 failed" in said or "1 error" in said)
    assert "was not run" in said


def test_expected_failure_stays_one(tmp_path: Path) -> None:
    said = outcome(tmp_path, "@pytest.mark.xfail\ndef test_it():\n    assert False\n",
                   VMRUN_TESTS_MUST_RUN="1")
    assert "1 xfailed" in said
