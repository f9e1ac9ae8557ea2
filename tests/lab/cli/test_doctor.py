# SPDX-License-Identifier: GPL-2.0-or-later
"""`vmrun doctor`: finds what would keep a VM off the LAN, changes nothing, sends nothing."""

import ctypes
import json
import os
import platform
import re
import shlex
import shutil
import signal
import struct
from pathlib import Path
from typing import Callable, NamedTuple

import pytest

import vm as vm_module
from caller import Service
from firewalls import DOCKER, LEGACY, Firewall, nft
from guests import boot, paused, tiny
from lab import Lab

pytestmark = pytest.mark.usefixtures("vmrun")

PACKAGED = Path(__file__).resolve().parents[3] / "netsetup" / "packaging" / "vmrun.network"
CHECKS = ["qemu", "kvm", "kernel", "tun", "service", "policy", "uplink", "addresses", "router",
          "internet", "dns", "firewall", "packets", "arp", "manager", "stations", "access", "data",
          "cache", "runtime", "leftovers", "clock", "sandbox"]

CHAIN = "type filter hook forward priority 0; policy accept; "


def examine(lab: Lab, before: str = "", **how: object) -> dict[str, dict]:
    """The checks by their names; the exit status must be as they are. @before: shell, done first
    in a mount namespace of vmrun's own."""
    if before:
        argv, env = vm_module.vmrun_argv(lab.directory, ["doctor", "--json"])
        done = lab.laptop.netns.run(["unshare", "--mount", "sh", "-c", f"{before}; exec \"$@\"",
                                     "-", *argv], check=False, timeout=60,
                                    env=os.environ | lab.laptop.netns.env | env)
    else:
        done = lab.vmrun("doctor", "--json", **how)
    assert done.stderr == ""
    said = json.loads(done.stdout)
    checks = {each["name"]: each for each in said["checks"]}
    assert list(checks) == CHECKS
    assert said["ok"] == all(each["grade"] != "fail" for each in checks.values())
    assert done.returncode == (0 if said["ok"] else 1)
    return checks


def bad(checks: dict[str, dict]) -> list[str]:
    """Which are not in order; KVM is not here, which is as it may be."""
    return [f"{name}: {each}" for name, each in checks.items()
            if each["grade"] != "ok" and name != "kvm"]


def test_healthy(lab: Lab) -> None:
    """For each user; nothing is sent, and nothing has changed afterwards."""
    me = lab.add_user()
    before = lab.snapshot()
    with lab.laptop.capture(f"ether src {lab.laptop.mac}") as sent:
        assert not bad(examine(lab))
        for how in ({"user": me, "sudo": True}, {"user": me}):
            checks = examine(lab, **how)
            for name, grade in (("firewall", "note"), ("packets", "note"), ("service", "warn")):
                assert checks[name]["grade"] == ("ok" if "sudo" in how else grade)
                del checks[name]
            assert not bad(checks)
    assert not [line for line in sent.lines if "ethertype IPv6" not in line]
    assert before.diff(lab.snapshot()) == []

    text = lab.vmrun("doctor").stdout.splitlines()
    assert re.fullmatch(r"ok    uplink     wlan0, wired, 192\.168\.77\.2/24", text[
        next(i for i, line in enumerate(text) if " uplink " in line)])


ROUTED = re.compile(
    r"(?P<tap>\S+): from the guest: (?P<out_tap>\d+) at the tap, (?P<out_checked>\d+) past the "
    r"table's check, (?P<out_reached>\d+) to be forwarded, (?P<out_passed>\d+) past the firewall\n"
    r"(?P=tap): to the guest: (?P<in_reached>\d+) to be forwarded, (?P<in_passed>\d+) past the "
    r"firewall, (?P<in_tap>\d+) at the tap, (?P<lost>\d+) that it did not take")
BRIDGED = re.compile(
    r"(?P<tap>\S+): from the guest: (?P<out_tap>\d+) at the tap, (?P<out_checked>\d+) past the "
    r"table's check, below the host's stack\n(?P=tap): to the guest: (?P<in_arrived>\d+) from the "
    r"LAN, (?P<in_tap>\d+) at the tap, (?P<lost>\d+) that it did not take")


def counts(found: dict, pattern: re.Pattern) -> dict[str, int]:
    """The numbers of the check `packets` for the one card that it has."""
    match = pattern.fullmatch(found["packets"]["finding"])
    assert match, found["packets"]
    return {key: int(value) for key, value in match.groupdict().items() if key != "tap"}


def test_packets(lab: Lab) -> None:
    """Both ways and on both paths, hop by hop, for a permitted user: what the guest must not send
    stops at the table, what a firewall drops stops there, and so does what it drops of the LAN's.
    """
    me = lab.add_user()
    lab.set_policy("allow user 4242\nallow user 6666\n")
    with Service(lab) as service:
        service.install()
        vm, guest = boot(lab, tiny(network={"path": "routed"}), user=me)

        def sent(firewall: str = "") -> dict[str, int]:
            """Counts at each hop while both sides sent 20 packets, and the guest 20 more from an
            address that is not its own."""
            with Firewall(lab, firewall or "true"):
                before = counts(examine(lab, user=me), ROUTED)
                lab.phone.netns.run(["ping", "-q", "-c20", "-i.02", "-W1", vm.address],
                                    check=False)
                guest.sh(f"ping -c 20 -i 0.02 -W 1 {lab.phone.address} >/dev/null; "
                         "ip addr add 10.88.0.5/32 dev $(cat /run/nic); ping -c 20 -i 0.02 -W 1 "
                         f"-I 10.88.0.5 {lab.phone.address} >/dev/null 2>&1; "
                         "ip addr del 10.88.0.5/32 dev $(cat /run/nic)")
                after = counts(examine(lab, user=me), ROUTED)
            return {key: after[key] - before[key] for key in after}

        gone = sent()
        # The tap does not count the samples of the question.
        assert gone["out_tap"] + 3 >= gone["out_checked"] + 20, gone
        assert gone["out_checked"] >= gone["out_reached"] >= 40, gone
        assert gone["out_passed"] == gone["out_reached"], gone
        assert gone["in_reached"] == gone["in_passed"] >= 40 <= gone["in_tap"], gone
        drop = "meta l4proto icmp drop; } }"
        gone = sent(nft(f"table inet t {{ chain f {{ {CHAIN} oifname wlan0 {drop}"))
        assert gone["out_reached"] - gone["out_passed"] >= 40, gone
        assert gone["in_reached"] == gone["in_passed"] >= 20, gone
        gone = sent(nft(f"table inet t {{ chain f {{ {CHAIN} iifname wlan0 {drop}"))
        assert gone["out_passed"] == gone["out_reached"] >= 20, gone
        assert gone["in_reached"] - gone["in_passed"] >= 40, gone

        stranger = lab.add_user("stranger", 6666)
        assert examine(lab, user=stranger)["packets"]["finding"] == "no VM of yours is on the LAN"
        assert counts(examine(lab), ROUTED)["out_tap"], "root's"
        vm.stop()


def test_packets_bridged(lab: Lab) -> None:
    """Below the host's stack: the table counts both ways."""
    vm, guest = boot(lab, tiny(network={"path": "bridged"}))
    before = counts(examine(lab), BRIDGED)
    lab.phone.netns.run(["ping", "-q", "-c20", "-i.05", vm.address])
    guest.sh(f"ping -c 20 -i 0.05 {lab.phone.address} >/dev/null")
    after = counts(examine(lab), BRIDGED)
    gone = {key: after[key] - before[key] for key in after}
    assert gone["out_tap"] >= gone["out_checked"] >= 40, gone
    assert gone["in_arrived"] >= 40 <= gone["in_tap"], gone


class Row(NamedTuple):
    """A change to the laptop, and the finding."""

    name: str
    check: str
    do: Callable[[Lab], object]
    grade: str
    finding: str  # regular expressions
    remedy: str = ".+"


def policy(text: str, mode: int = 0o644) -> Callable[[Lab], None]:
    return lambda lab: lab.set_policy(text).chmod(mode)


ROWS = [
    Row("no carrier", "uplink", lambda lab: lab.laptop.carrier_off(), "fail", "no usable uplink",
        ".*wlan0: no carrier.*"),
    Row("disconnected", "uplink", lambda lab: lab.laptop.disconnect(), "fail", "no usable uplink"),
    Row("stub", "dns", lambda lab: lab.laptop.set_resolv("nameserver 127.0.0.53\n"), "warn",
        "no server but stubs.*", r".*network\.dns.*"),
    Row("stub and real", "dns", lambda lab: lab.laptop.use_stub_resolver("192.168.77.1"), "ok",
        r"192\.168\.77\.1", ""),
    Row("vpn", "internet", lambda lab: lab.laptop.add_tun(), "warn",
        "this host and its VMs reach it through 'tun0', not 'wlan0'"),
    Row("policy for all to write", "policy", policy("allow user 1\n", 0o666), "fail",
        "others than root can change '/etc/vmrun/netsetup.conf'", "chown root .*chmod go-w.*"),
    Row("policy with a mistake", "policy", policy("# who\npermit all\n"), "fail",
        r"/etc/vmrun/netsetup\.conf:2: .*", ""),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_found(lab: Lab, row: Row) -> None:
    row.do(lab)
    found = examine(lab)[row.check]
    assert found["grade"] == row.grade, found
    assert re.fullmatch(row.finding, found["finding"]), found
    assert re.fullmatch(row.remedy, found["remedy"] or "", re.DOTALL), found


NETWORKD = ("mount -t tmpfs tmpfs /sys/fs/cgroup; "
            "mkdir -p /sys/fs/cgroup/system.slice/systemd-networkd.service")


def test_networkd(lab: Lab) -> None:
    """The unit must run; then its own record of a tap counts, or its files if there is none."""
    lab.laptop.write_run("systemd/netif/state", "")
    lab.laptop.write_run("systemd/network/50-all.network", "[Match]\nName=*\n[Network]\nDHCP=yes\n")
    assert examine(lab)["manager"]["grade"] == "ok", "it does not run"
    found = examine(lab, NETWORKD)["manager"]
    assert found["grade"] == "warn" and "00-vmrun.network\nsudo networkctl reload" in found["remedy"]
    assert found["finding"] == ("systemd-networkd configures vmr-*, by "
                                "'/run/systemd/network/50-all.network'")

    lab.laptop.write_run("systemd/network/10-vmrun.network", PACKAGED.read_text())
    vm = lab.start_vm(paused())
    index = lab.laptop.netns.run(["cat", f"/sys/class/net/{vm.tap}/ifindex"]).stdout.strip()
    assert examine(lab, NETWORKD)["manager"]["grade"] == "ok"
    record = f"systemd/netif/links/{index}"
    lab.laptop.write_run(record, "ADMIN_STATE=configured\nNETWORK_FILE=/etc/all.network\n")
    found = examine(lab, NETWORKD)["manager"]
    assert (found["grade"], found["remedy"]) == ("warn", "sudo networkctl reload")
    assert found["finding"] == f"systemd-networkd configures {vm.tap}, by '/etc/all.network'"
    lab.laptop.write_run(record, "ADMIN_STATE=unmanaged\n")
    found = examine(lab, NETWORKD)["manager"]
    assert found["finding"] == f"systemd-networkd leaves {vm.tap} alone"
    vm.quit()


def test_vpn_for_all(lab: Lab) -> None:
    """One that takes the LAN's packets, too, by a rule of its own."""
    lab.laptop.add_tun(default=False)
    lab.laptop.netns.ip_batch(["route add default dev tun0 table 99",
                               "rule add pref 100 lookup 99"])
    found = examine(lab)["internet"]
    lab.laptop.netns.ip("rule del pref 100")
    assert found["grade"] == "fail"
    assert found["finding"] == "packets to the LAN go through 'tun0', not 'wlan0'"


BOTH = "between the guest and the LAN"
ALL = f"TCP, UDP, ping {BOTH}"
FIREWALLS = {  # rules as a shell script; the finding, in which N is the number of a rule; who mends
    "Docker": (DOCKER, f"Docker drops {ALL} (ip filter FORWARD, policy)", True),
    "ufw": (nft("table ip filter { chain FORWARD { type filter hook forward priority 0; "
                "policy drop; jump ufw-before-forward; } chain ufw-before-forward { "
                "icmp type echo-request accept; } }"),
            f"ufw drops TCP, UDP {BOTH} (ip filter FORWARD, policy)", False),
    "firewalld": (nft(f"table inet firewalld {{ chain filter_FORWARD {{ {CHAIN} reject; }} }}"),
                  f"firewalld drops {ALL} (inet firewalld filter_FORWARD, rule N)", False),
    "a final reject": (nft(f"table inet t {{ chain f {{ {CHAIN} ct state established accept; "
                           "reject; } }"),
                       f"a firewall of this host drops {ALL} (inet t f, rule N)", True),
    "one direction": (nft(f"table inet t {{ chain f {{ {CHAIN} iifname \"vmr-*\" accept; "
                          "ct state established accept; drop; } }"),
                      "a firewall of this host drops TCP, UDP, ping to the guest "
                      "(inet t f, rule N)", True),
    "masquerade": ("iptables-nft -t nat -A POSTROUTING -o wlan0 -j MASQUERADE",
                   "this host gives its own address to TCP, UDP, ping from the guest", False),
    "iptables-legacy": (f"iptables-legacy -A FORWARD -m conntrack --ctstate ESTABLISHED -j ACCEPT; "
                        f"{LEGACY}", f"iptables-legacy, or a filter like it, drops {ALL}", True),
}


REMEDIES = {
    "ufw": ["sudo ufw route allow in on vmr-+ out on wlan0",
            "sudo ufw route allow in on wlan0 out on vmr-+",
            "or have vmrun add its rules: --set network.firewall=allow"],
    "firewalld": ["zone=$(sudo firewall-cmd --get-zone-of-interface=wlan0 || "
                  "sudo firewall-cmd --get-default-zone)",
                  "sudo firewall-cmd --zone=$zone --change-interface=wlan0",
                  "sudo firewall-cmd --zone=$zone --change-interface=vmr-+",
                  "sudo firewall-cmd --zone=$zone --add-forward",
                  "or have vmrun add its rules: --set network.firewall=allow"],
    "masquerade": [],
}


@pytest.mark.parametrize("name", FIREWALLS)
def test_firewall(lab: Lab, name: str) -> None:
    """The kernel is asked: what a firewall drops is found without a VM, and the commands that are
    shown mend it for all VMs. No packet of the question leaves, and nothing of it is left."""
    text, finding, mends = FIREWALLS[name]
    with Firewall(lab, text):
        before = lab.snapshot()
        with lab.laptop.capture(f"ether src {lab.laptop.mac}") as sent:
            found = examine(lab)["firewall"]
        assert not [line for line in sent.lines if "ethertype IPv6" not in line]
        assert before.diff(lab.snapshot()) == []
        assert found["grade"] == "warn", found
        assert re.sub(r"rule \d+", "rule N", found["finding"]) == finding
        commands = (found["remedy"] or "").splitlines()
        assert commands[-1].endswith("start VMs, below all of this: --set network.path=bridged")
        if name in REMEDIES:
            assert commands[:-1] == REMEDIES[name]
        for command in commands if mends else []:
            if command.startswith("sudo "):
                lab.run(["sh", "-c", command.removeprefix("sudo ")])
        if mends:
            mended = examine(lab)["firewall"]
            assert mended == {"name": "firewall", "grade": "ok", "remedy": None,
                              "finding": "does not drop packets of or to VMs"}


def test_firewall_and_a_vm(lab: Lab) -> None:
    """The kernel is asked anew for the VM that the user has, with the rules for that one; another
    user's is no answer for anybody else."""
    me = lab.add_user()
    lab.set_policy("allow user 4242 firewall\nallow user 6666\n")
    with Service(lab) as service, Firewall(lab, DOCKER):
        service.install()
        vm = lab.start_vm(paused(network={"path": "routed", "firewall": "allow"}), user=me)
        assert examine(lab, user=me)["firewall"]["grade"] == "ok"
        lab.run(["sh", "-c", LEGACY])  # of which the kernel tells nobody
        assert examine(lab, user=me)["firewall"]["finding"].startswith("iptables-legacy")
        lab.run(["iptables-legacy", "-P", "FORWARD", "ACCEPT"])
        stranger = lab.add_user("stranger", 6666)
        assert examine(lab, user=stranger)["firewall"]["finding"].startswith("Docker drops TCP")
        vm.quit()


def test_arp_that_was_mended(lab: Lab) -> None:
    key = "net/ipv4/conf/all/arp_ignore"
    lab.laptop.netns.sysctls({key: "1"})
    found = examine(lab)["arp"]
    assert found["grade"] == "warn"
    lab.run(found["remedy"].split()[1:])
    assert lab.laptop.netns.sysctl(key) == "0" and examine(lab)["arp"]["grade"] == "ok"


def test_no_room_in_the_subnet() -> None:
    with Lab("192.168.77.0/30") as small:
        assert examine(small)["addresses"]["grade"] == "fail"


def test_machine_that_lacks_things(lab: Lab) -> None:
    """All that is missing is told in one run."""
    checks = examine(lab, before="mount -t tmpfs none /dev/net; PATH=/nonexistent")
    for name, finding in {"tun": "cannot open '/dev/net/tun': No such file or directory",
                          "qemu": ".*'qemu-system-x86_64': No such file or directory"}.items():
        assert checks[name]["grade"] == "fail"
        assert re.fullmatch(finding, checks[name]["finding"]), checks[name]
        assert checks[name]["remedy"]


def test_old_kernel(lab: Lab) -> None:
    """With what uname(2) says to programs that cannot read "3." (personality(2))."""
    found = examine(lab, before="set -- setarch --uname-2.6 \"$@\"")["kernel"]
    assert found["grade"] == "fail"
    assert re.fullmatch(r"Linux 2\.6\.\S+ is too old to put VMs on the LAN", found["finding"])
    assert found["remedy"] == "boot Linux 6.1 or later"


def refuse_nf_tables() -> None:
    """A kernel without nf_tables, as this process sees it: by a filter of system calls."""
    load, equals, ret = 0x20, 0x15, 0x06
    socket, netlink, netfilter, errno = 41, 16, 12, 0x50000 | 93  # on x86-64; EPROTONOSUPPORT
    program = [(load, 0, 0, 0), (equals, 0, 5, socket), (load, 0, 0, 16), (equals, 0, 3, netlink),
               (load, 0, 0, 32), (equals, 0, 1, netfilter), (ret, 0, 0, errno),
               (ret, 0, 0, 0x7fff0000)]
    octets = b"".join(struct.pack("HBBI", *each) for each in program)
    space = ctypes.create_string_buffer(octets)
    header = struct.pack("HxxxxxxP", len(program), ctypes.addressof(space))
    if ctypes.CDLL(None, use_errno=True).prctl(22, 2, header, 0, 0):  # PR_SET_SECCOMP
        raise OSError(ctypes.get_errno(), "cannot filter system calls")


@pytest.mark.skipif(platform.machine() != "x86_64", reason="knows the numbers of x86-64 alone")
def test_kernel_without_nf_tables(lab: Lab) -> None:
    """It was all well there, since no rule drops a packet."""
    found = examine(lab, preexec_fn=refuse_nf_tables)["kernel"]
    assert found["grade"] == "fail"
    assert re.fullmatch(r"Linux \S+ has no nf_tables, which all VMs on the LAN need", found["finding"])
    assert found["remedy"] == "sudo modprobe nf_tables"


def test_users_directories(lab: Lab) -> None:
    me = lab.add_user()
    home = vm_module.home_directories(lab.directory, me)[0]
    for name in ("data", "cache"):
        (home / name / "vmrun").mkdir(parents=True)
        shutil.chown(home / name, me.uid, me.gid)
    checks = examine(lab, user=me)
    for name in ("data", "cache"):
        assert checks[name]["grade"] == "fail"
        assert checks[name]["finding"] == f"cannot write to '{home / name / 'vmrun'}': " \
            "Permission denied"
        assert checks[name]["remedy"] == f"sudo chown {me.uid} {home / name / 'vmrun'}"


def test_users_directories_that_cannot_be_made(lab: Lab) -> None:
    """Only what is the user's own is to be given to the user: never /home."""
    me = lab.add_user()
    home = vm_module.home_directories(lab.directory, me)[0]
    place = lab.directory / "it's shared"
    place.mkdir(mode=0o755)
    dirs = {"XDG_DATA_HOME": "", "XDG_CACHE_HOME": ""}
    (home / ".local").mkdir()
    (home / ".cache").mkdir()
    checks = examine(lab, user=me, env=dirs)
    for name, there in {"data": home / ".local", "cache": home / ".cache"}.items():
        assert checks[name]["remedy"] == f"sudo chown {me.uid} {there}", "below the home"
    (home / ".local").chmod(0o700)
    assert examine(lab, user=me, env=dirs)["data"]["remedy"] == \
        f"sudo chown {me.uid} {home / '.local'}", "what bars the way to those below"

    shutil.rmtree(home)
    passwd = Path("/etc/passwd").read_text()
    lab.laptop.netns.write_etc("passwd", f"{passwd}me:*:{me.uid}:{me.uid}::{place}/me:/bin/sh\n")
    found = examine(lab, user=me, env=dirs)["data"]
    assert found["finding"] == f"cannot write to '{place}': Permission denied"
    assert shlex.split(found["remedy"]) == \
        ["sudo", "install", "-d", "-o", str(me.uid), f"{place}/me/.local/share/vmrun"]


def test_users_directories_that_are_read_only(lab: Lab) -> None:
    home = vm_module.home_directories(lab.directory, vm_module.account(None))[0]
    (home / "data").mkdir(exist_ok=True)
    found = examine(lab, before=f"mount --bind '{home}' '{home}'; mount -o remount,bind,ro '{home}'")
    assert found["data"]["finding"].endswith(": Read-only file system")
    assert found["data"]["remedy"].startswith("its file system is mounted read-only: findmnt -T ")


def test_user_of_a_service(lab: Lab) -> None:
    """The findings name the policy's rule that is missing, and the group."""
    me = lab.add_user()
    with Service(lab) as service:
        service.install()
        refused = examine(lab, user=me)["policy"]
        assert refused["grade"] == "fail" and "'me' is not permitted" in refused["finding"]
        lab.set_policy(refused["remedy"].splitlines()[-1] + "\n")
        checks = examine(lab, user=me)
        assert checks["policy"]["grade"] == "ok" and checks["service"]["grade"] == "ok"
        assert checks["service"]["finding"].startswith("a service listens")

        stranger = lab.add_user("stranger", 6666, 6666)
        barred = examine(lab, user=stranger)["service"]
        assert barred["grade"] == "fail" and "cannot connect to" in barred["finding"]


def test_leftovers(lab: Lab) -> None:
    vm = lab.start_vm(paused())
    assert examine(lab)["leftovers"]["grade"] == "ok", "those of a VM that runs are none"
    vm.signal(signal.SIGSTOP)  # or it starts another service
    for each in [vm.supervisor, vm.netsetup, vm.qemu]:
        each.signal(signal.SIGKILL)
    vm.signal(signal.SIGKILL)
    vm.wait()
    assert all(each.wait_gone(2) for each in vm.family())
    found = examine(lab)["leftovers"]
    assert found["grade"] == "warn" and found["remedy"] == "sudo vmrun clean"
    lab.vmrun("clean", check=True)
    assert examine(lab)["leftovers"]["grade"] == "ok"
