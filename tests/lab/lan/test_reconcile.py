# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever the kernel or somebody undoes of the VM's place, vmrun has netsetup make again at once."""

import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Callable, Optional

import pytest

import process
from guests import boot, paused
from lab import LAPTOP_MAC, Lab
from stream import Pings, arp_answered, milliseconds, table
from vm import Vm, write_definition

pytestmark = pytest.mark.usefixtures("vmrun")

LONG = bool(os.environ.get("VMRUN_TESTS_LONG"))
OTHER_MAC = "02:00:00:77:00:99"
BOUND = 5.0  # seconds; the table shows what it really takes
Step = Callable[[], object]


class Place:
    """A running VM's place as it is on the laptop now."""

    def __init__(self, lab: Lab, vm: Vm) -> None:
        self.laptop, self.vm = lab.laptop.netns, vm

    def sysctl(self, key: str, value: Optional[int] = None) -> str:
        """Read, or write, a value below /proc/sys/net/ipv4, as `neigh/wlan0/proxy_delay`."""
        if value is not None:
            self.laptop.sysctls({f"net/ipv4/{key}": str(value)})
        return self.laptop.sysctl(f"net/ipv4/{key}")

    @property
    def facts(self) -> dict[str, object]:
        """Everything that makes it."""
        vm, uplink = self.vm, self.vm.uplink
        link = self.laptop.ip_json(f"link show dev {vm.tap}")[0]
        proxies = self.laptop.ip_json("neigh show proxy")
        return {
            "up": "UP" in link["flags"], "mtu": link["mtu"],
            "route": [each["dev"] for each in self.laptop.ip_json(f"route show {vm.address}/32")],
            "proxy": [(each["dst"], each["dev"]) for each in proxies],
            **{key: self.sysctl(key) for key in (
                f"conf/{uplink}/forwarding", f"neigh/{uplink}/proxy_delay",
                f"conf/{vm.tap}/forwarding", f"conf/{vm.tap}/proxy_arp",
                f"conf/{vm.tap}/rp_filter", f"neigh/{vm.tap}/proxy_delay")}}

    def wait(self, wanted: dict[str, object], timeout: float = BOUND) -> dict[str, object]:
        """The differences from @wanted that are left after up to @timeout seconds."""
        deadline = time.monotonic() + timeout
        while True:
            facts = self.facts
            differs = {key: facts[key] for key in wanted if facts[key] != wanted[key]}
            if not differs or time.monotonic() > deadline:
                return differs
            time.sleep(0.02)

    def drops(self) -> int:
        """The number of events that vmrun's sockets have lost."""
        pid = self.vm.pid
        lines = Path(f"/proc/{pid}/net/netlink").read_text().splitlines()[1:]
        return sum(int(line.split()[8]) for line in lines
                   if int(line.split()[2]) & 0x3fffff == pid)


def _nothing() -> None:
    pass


def test_every_loss_is_made_good(lab: Lab) -> None:
    """From the last step of each event to the first answers to a station's ARP and ping."""
    vm, _ = boot(lab)
    place, laptop, ip = Place(lab, vm), lab.laptop, lab.laptop.netns.ip
    assert laptop.ping_once(lab.lan.gateway), "so that the laptop knows its router"

    def overrun() -> None:
        vm.signal(signal.SIGSTOP)
        for _ in range(4):
            flood = [f"route {verb} 10.9.{i // 250}.{i % 250}/32 dev {vm.tap}"
                     for verb in ("add", "del") for i in range(1000)]
            laptop.netns.ip_batch(flood)
        ip(f"route del {vm.address}/32 dev {vm.tap}")
        ip(f"neigh del proxy {vm.address} dev wlan0")
        place.sysctl("conf/wlan0/forwarding", 0)
        assert place.drops() > 0, "the queue did not overrun"

    def change_address(last: int) -> None:
        laptop.set_address(lab.lan.cidr(lab.lan.host(last)))

    def switch_off(key: str) -> Step:
        return lambda: place.sysctl(key, 0)

    def change_all() -> None:
        place.sysctl("ip_forward", 1)
        place.sysctl("ip_forward", 0)

    events: list[tuple[str, Step, Step]] = [
        ("carrier lost and back", laptop.carrier_off, laptop.carrier_on),
        ("carrier lost and back at once", _nothing,
         lambda: (laptop.carrier_off(), laptop.carrier_on())),
        ("route deleted", _nothing, lambda: ip(f"route del {vm.address}/32 dev {vm.tap}")),
        ("forwarding of the uplink off", _nothing, switch_off("conf/wlan0/forwarding")),
        ("forwarding of the tap off", _nothing, switch_off(f"conf/{vm.tap}/forwarding")),
        ("proxy_arp of the tap off", _nothing, switch_off(f"conf/{vm.tap}/proxy_arp")),
        ("ip_forward on, then off", _nothing, change_all),
        ("tap set down", _nothing, lambda: ip(f"link set {vm.tap} down")),
        ("other MTU of the LAN", _nothing, lambda: laptop.set_mtu(1400)),
        ("other address of the host", _nothing, lambda: change_address(40)),
        ("its old address again", _nothing, lambda: change_address(1)),
        ("other MAC of the uplink", _nothing, lambda: laptop.change_mac(OTHER_MAC)),
        ("its old MAC again", _nothing, lambda: laptop.change_mac(LAPTOP_MAC)),
        ("uplink down and up", laptop.down, laptop.up),
        ("NetworkManager restarted", _nothing, laptop.restart_networkmanager),
        ("disconnected and connected", laptop.disconnect, laptop.connect),
        ("adapter unplugged and back under its index", laptop.unplug, laptop.plug_as_before),
        ("adapter unplugged and replugged", _nothing, laptop.replug),
        ("event queue overrun", overrun, lambda: vm.signal(signal.SIGCONT)),
    ]
    wanted, rows, wrong = place.facts, [], []
    assert wanted["proxy"] == [(vm.address, "wlan0")] and wanted["route"] == [vm.tap]
    with Pings(lab.phone, vm.address) as pings:
        for name, prepare, last in events:
            assert pings.answered(time.monotonic(), 10), f"before: {name}"
            prepare()
            began = time.monotonic()
            last()
            ended = time.monotonic()
            arp = arp_answered(lab.phone, vm.address, laptop.mac)
            ping = pings.answered(ended)
            wanted["mtu"] = lab.lan.mtu
            differs = place.wait(wanted)
            reached = max(arp, ping) if arp and ping else None
            outage = pings.outage(began, ping) if ping else None
            rows.append((name, milliseconds(ended - began),
                         milliseconds(reached and reached - ended), milliseconds(outage)))
            if reached is None or reached - ended > BOUND or differs:
                wrong.append(f"{name}: {rows[-1][2:]} {differs}")
    print(table("From an event to a VM that the LAN reaches", (
        "event", "the event itself", "reachable after", "pings lost for"), rows))
    assert not wrong, "\n".join(wrong) + f"\n{vm.stderr.text}"


def test_what_no_event_tells(lab: Lab) -> None:
    """A proxy entry or a proxy_delay that is changed alone is found with the next event of any
    kind, or within a minute."""
    vm, _ = boot(lab)
    place = Place(lab, vm)
    wanted = place.facts
    lab.laptop.netns.ip(f"neigh del proxy {vm.address} dev wlan0")
    place.sysctl("neigh/wlan0/proxy_delay", 80)
    began = time.monotonic()
    time.sleep(0.3)
    assert set(place.wait(wanted, 0)) == {"proxy", "neigh/wlan0/proxy_delay"}, "an event tells now?"
    if LONG:
        assert not place.wait(wanted, 70)
        print(f"found after {time.monotonic() - began:.0f} s")
    else:
        lab.laptop.netns.ip("route add 10.9.0.0/16 dev wlan0")
        lab.laptop.netns.ip("route del 10.9.0.0/16 dev wlan0")
        assert not place.wait(wanted)
    assert arp_answered(lab.phone, vm.address, LAPTOP_MAC)


def test_forwarding_that_others_need_stays(lab: Lab) -> None:
    """Docker is installed while a VM runs, and sets ip_forward: it stays as Docker wants it, on the
    uplink too."""
    vm = lab.start_vm(paused())
    place = Place(lab, vm)
    try:
        place.sysctl("ip_forward", 1)
        vm.quit()
        assert place.sysctl("conf/wlan0/forwarding") == "1"
    finally:
        place.sysctl("ip_forward", 0)


def _switches(vm: Vm) -> dict[str, int]:
    processes = {"vmrun": process.get(vm.pid), "service": vm.netsetup, "worker": vm.worker,
                 "supervisor": vm.supervisor}
    return {name: int(each.status["voluntary_ctxt_switches"])
            for name, each in processes.items()}


def test_idle_vm_wakes_nobody(lab: Lab) -> None:
    """Ten seconds of a LAN's ordinary talk, none of it about the guest."""
    vm, _ = boot(lab)
    talker = lab.squat("192.168.77.60")
    time.sleep(11)  # the second announcement, and the watch for other addresses of the guest
    before = _switches(vm)
    began, frames = time.monotonic(), 0
    while time.monotonic() - began < 10:
        talker.arp_probe(f"192.168.77.{200 + frames % 50}", timeout=0.02)
        talker.arp_request(f"192.168.77.{150 + frames % 50}", timeout=0.02)
        talker.announce(talker.address)
        frames += 3
    after = _switches(vm)
    woken = {name: after[name] - before[name] for name in after}
    print(f"{frames} ARP frames, wake-ups: {woken}")
    assert not any(woken.values())


def rename_uplink(lab: Lab, old: str, new: str) -> None:
    """As udev does, which takes it down for that; then what was configured on it is again."""
    netns = lab.laptop.netns
    routes = [each.replace(f"dev {old}", f"dev {new}")
              for each in netns.ip(f"route show dev {old}").splitlines()]
    lines = [f"{each} dev {new}" if f"dev {new}" not in each else each for each in routes]
    netns.ip_batch([f"link set {old} down", f"link set {old} name {new}", f"link set {new} up"])
    netns.ip_batch([f"route add {each}" for each in sorted(lines, key=lambda x: "via" in x)])


@pytest.mark.parametrize("options", [[], ["--uplink=wlan0"]], ids=["auto", "named"])
def test_uplink_renamed(lab: Lab, options: list[str]) -> None:
    """It is the same one, and its values are put back under its new name."""
    vm = lab.start_vm(paused(), options)
    rename_uplink(lab, "wlan0", "wlp3s0")
    try:
        vm.wait_stderr("moved: .* on wlp3s0|on the LAN again: .* on wlp3s0")
        assert lab.phone.arp_request(vm.address)
        vm.netsetup.signal(signal.SIGKILL)
        deadline = time.monotonic() + 5
        while not lab.phone.arp_request(vm.address, 0.2):
            assert time.monotonic() < deadline, vm.stderr.text
        other = lab.start_vm(paused("other"))
        other.quit()
        assert lab.laptop.netns.sysctl("net/ipv4/conf/wlp3s0/forwarding") == "1"
        assert lab.phone.arp_request(vm.address)
        vm.quit()
        assert lab.laptop.netns.sysctl("net/ipv4/conf/wlp3s0/forwarding") == "0"
        assert lab.laptop.netns.sysctl("net/ipv4/neigh/wlp3s0/proxy_delay") == "80"
    finally:
        rename_uplink(lab, "wlp3s0", "wlan0")


FAKE = "".join(f"{name}() {{ printf '<%s>' \"$@\"; }}; " for name in ("ip", "sysctl", "rm"))


def test_uplink_of_a_strange_name(lab: Lab) -> None:
    """A command that is shown can be pasted into a shell, which runs no part of a name."""
    name = "a;id>$(b)&#*"
    netns = lab.laptop.netns
    netns.run(["ip", "link", "set", "wlan0", "down"])
    netns.run(["ip", "link", "set", "wlan0", "name", name])
    netns.run(["ip", "link", "set", name, "up"])
    try:
        file = write_definition(lab.directory, paused())
        shown = [lab.vmrun("--dry-run", f"--uplink={name}", str(file)).stdout]
        vm = lab.start_vm(paused(), [f"--uplink={name}", "--verbose"])
        vm.quit()
        shown.append(vm.stderr.text)
    finally:
        netns.run(["ip", "link", "set", name, "down"])
        netns.run(["ip", "link", "set", name, "name", "wlan0"])
        netns.run(["ip", "link", "set", "wlan0", "up"])
        netns.ip_batch(["route add 192.168.77.0/24 dev wlan0 proto kernel scope link "
                        "src 192.168.77.2 metric 600",
                        "route add default via 192.168.77.1 dev wlan0 proto dhcp "
                        "src 192.168.77.2 metric 600"])
    for text in shown:
        commands = [line.removeprefix("+ ") for line in text.splitlines() if name in line
                    and not line.startswith(("vmrun: ", "+ #", "#"))]
        assert len(commands) >= 3, text
        for command in commands:
            said = subprocess.run(["sh", "-c", f"{FAKE}{command}"], capture_output=True, text=True,
                                  check=True)
            assert name in said.stdout and not said.stderr, command
