# SPDX-License-Identifier: GPL-2.0-or-later
"""The cases: what happens to a laptop's Wi-Fi while a guest is on its LAN."""

import itertools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Callable, Dict, List, Sequence

import managers
from command import Failure, run, wait_for
from guest import person
from laptop import ALONE, BACK, STATIONS, Laptop
from managers import WLAN, NetworkManager
from surroundings import CAFE_SSID, ISOLATION, SSID, pause

EVERY = ("nm", "iwd", "networkd")
PATHS = ("routed", "bridged", ALONE)
NO_GUEST = ("",)


@dataclass
class Case:
    """One case with one manager; a case about the uplink alone has no path."""

    name: str
    path: str
    manager: str
    run: Callable[[Laptop], None]
    quick: bool  # true if the quick kernel can run it


CASES: Dict[str, Case] = {}


def case(*kinds: str, paths: Sequence[str] = PATHS, sleeps: bool = False):
    """Register a function as a case on each path with each of these managers, under its own name."""
    def register(function: Callable[[Laptop], None]) -> Callable[[Laptop], None]:
        for path, kind in itertools.product(paths, kinds):
            name = "/".join(filter(None, (path, kind, function.__name__.replace("_", "-"))))
            CASES[name] = Case(name, path, kind, function, kind != "iwd" and not sleeps)
        return function
    return register


def names() -> List[str]:
    """The names of the cases, those of a path together, and in these those of a manager."""
    order = (*NO_GUEST, *PATHS)
    return sorted(CASES, key=lambda name: (order.index(CASES[name].path),
                                           EVERY.index(CASES[name].manager)))


# Seven kinds of reconnect


@case(*EVERY)
def down_up(laptop: Laptop) -> None:
    """The person disconnects and connects."""
    def act() -> None:
        laptop.manager.down()
        pause(3)
        laptop.manager.up(SSID)
    laptop.away(act)


@case(*EVERY)
def rfkill(laptop: Laptop) -> None:
    """The airplane switch, on and off."""
    def act() -> None:
        switch = managers.rfkill_index()
        run("rfkill", "block", switch)
        pause(3)
        run("rfkill", "unblock", switch)
        if laptop.manager.name == "networkd":
            run("ip", "link", "set", WLAN, "up")
    laptop.away(act)


@case(*EVERY)
def access_point_restart(laptop: Laptop) -> None:
    """The access points lose power for some seconds."""
    def act() -> None:
        laptop.surroundings.stop_home()
        pause(5)
        laptop.surroundings.start_home()
        laptop.surroundings.wait_phone()
    laptop.away(act)


@case(*EVERY)
def deauthenticate(laptop: Laptop) -> None:
    """The access point sends the laptop away."""
    def act() -> None:
        laptop.surroundings.deauthenticate(managers.mac())
        pause(2)
    laptop.away(act)


@case(*EVERY)
def manager_restart(laptop: Laptop) -> None:
    """The manager is restarted, as by an update."""
    def act() -> None:
        laptop.manager.restart()
        pause(3)
    laptop.away(act)


@case(*EVERY)
def supplicant_restart(laptop: Laptop) -> None:
    """The supplicant is restarted."""
    def act() -> None:
        laptop.manager.restart_supplicant()
        pause(3)
    laptop.away(act)


@case(*EVERY)
def radio_away(laptop: Laptop) -> None:
    """The radio is unplugged, and comes back as another interface of the same name."""
    def act() -> None:
        phy = managers.phy().name
        index = Path(f"/sys/class/net/{WLAN}/ifindex").read_text(encoding="utf-8").strip()
        run("iw", "phy", phy, "set", "netns", "name", "away")
        run("iw", "dev", WLAN, "del", netns="away")
        run("iw", "phy", phy, "interface", "add", WLAN, "type", "managed", netns="away")
        pause(3)
        # A radio that is plugged in again has another index.
        run("ip", "link", "add", "taken", "index", index, "type", "bridge")
        run("iw", "phy", phy, "set", "netns", "1", netns="away")
        run("ip", "link", "del", "taken")
        if laptop.manager.name == "networkd":
            # The end of its device has stopped this service.
            run("ip", "link", "set", WLAN, "up")
            laptop.manager.restart_supplicant()
    laptop.away(act)


# Other networks


@case("nm", "networkd")
def roam(laptop: Laptop) -> None:
    """The laptop changes to the other access point, and back."""
    home = {laptop.surroundings.bssid(name): name for name in ("wlan1", "wlan2")}
    here = home[managers.link()["bssid"]]
    there = next(name for name in home.values() if name != here)
    laptop.away(lambda: laptop.manager.roam(laptop.surroundings, there), name="there")
    laptop.away(lambda: laptop.manager.roam(laptop.surroundings, here), name="back")


@case(*EVERY)
def other_network(laptop: Laptop) -> None:
    """The laptop goes to a cafe with another subnet, and comes home."""
    at = laptop.at

    def act() -> None:
        laptop.manager.up(CAFE_SSID)
        laptop.manager.wait(CAFE_SSID)
        if laptop.guest:
            laptop.visit()
        laptop.manager.up(SSID)
        laptop.manager.wait(SSID)
        home = laptop.guest.address(managers.NETS[SSID]) if laptop.guest else at
        if home != at:
            raise Failure(f"the guest was {at} and is {home} at home")
    laptop.away(act)


@case("nm")
def random_mac(laptop: Laptop) -> None:
    """Each connection has another MAC address."""
    def change() -> None:
        before = managers.mac()
        laptop.manager.down()
        laptop.manager.up(SSID)
        if managers.mac() == before:
            raise Failure(f"the MAC address is still {before}")
    assert isinstance(laptop.manager, NetworkManager)
    laptop.manager.set_mac("random")
    try:
        laptop.away(change, name="first")
        laptop.away(change, name="second")
    finally:
        laptop.manager.set_mac("permanent")
        laptop.manager.down()
        laptop.manager.up(SSID)


@case(*EVERY, sleeps=True)
def suspend(laptop: Laptop) -> None:
    """The laptop sleeps for some seconds; its clock wakes it.

    The whole kernel sleeps, with the access points, which end at that as every interface does: they
    start again when the laptop wakes. The time asleep is not in the watch's figures.
    """
    count = Path("/sys/power/suspend_stats/success")
    alarm = Path("/sys/class/rtc/rtc0/wakealarm")

    def act() -> None:
        slept = count.read_text()
        alarm.write_text("0")
        alarm.write_text("+8")
        run("systemctl", "suspend")
        wait_for("the laptop has slept", lambda: count.read_text() != slept, 60)
        laptop.surroundings.start_home()
        laptop.surroundings.restart_cafe()
        laptop.surroundings.wait_phone()
    laptop.away(act)


# Access points with more options


def behind(laptop: Laptop, lines: str, stations: Sequence[str] = STATIONS) -> None:
    """The laptop comes to an access point with more options; then that sends it away once."""
    laptop.away(lambda: (laptop.surroundings.stop_home(), laptop.surroundings.start_home(lines),
                         laptop.surroundings.wait_phone()), stations, "first")
    for station in stations:
        run("ip", "neigh", "flush", "all", netns=station)
    pause(1)
    laptop.wait_answers(laptop.guests(stations), BACK)

    def again() -> None:
        laptop.surroundings.deauthenticate(managers.mac())
        pause(2)
    laptop.away(again, stations, "again")


@case(*EVERY)
def isolation(laptop: Laptop) -> None:
    """The access point isolates its stations: only hosts behind a cable can reach the guest."""
    behind(laptop, ISOLATION, ("router",))
    if laptop.watch.answers("phone-guest"):
        raise Failure("the access point does not isolate: the phone reaches the guest")


@case("nm", "networkd")
def proxy_arp(laptop: Laptop) -> None:
    """The access point answers ARP requests for the stations whose DHCP it has seen."""
    # hostapd has no proxy ARP without isolation; frames between stations go by the bridge.
    behind(laptop, f"{ISOLATION}proxy_arp=1\n")


@case("nm", "networkd")
def multicast_to_unicast(laptop: Laptop) -> None:
    """The access point sends multicast and broadcast frames to each station by unicast."""
    behind(laptop, "multicast_to_unicast=1\n")


# The uplink that vmrun finds


def finding(name: str = "uplink") -> str:
    """Return a finding of `vmrun doctor`, with its remedy."""
    report = json.loads(person("vmrun", "doctor", "--json", check=False))
    entry = next(entry for entry in report["checks"] if entry["name"] == name)
    return f"{entry['finding']}\n{entry['remedy'] or ''}"


def expect(text: str, output: str) -> None:
    """A text must be in an output."""
    if text not in output:
        raise Failure(f"expected '{text}', found: {output}")


@case("nm", paths=NO_GUEST)
def uplink_wired_beside(laptop: Laptop) -> None:
    """The Wi-Fi is the uplink, also beside a wired interface that has the better route."""
    expect(f"wlan0, Wi-Fi {SSID}, {managers.address()}/24", finding())
    run("ip", "link", "add", "wired0", "type", "veth", "peer", "name", "wired1")
    try:
        for ifname in ("wired0", "wired1"):
            run("ip", "link", "set", ifname, "up")
        run("ip", "address", "add", "10.0.0.2/24", "dev", "wired0")
        run("ip", "route", "add", "default", "via", "10.0.0.1", "dev", "wired0", "metric", "100")
        expect(f"wlan0, Wi-Fi {SSID}, ", finding())
        laptop.manager.down()
        expect("wired0, wired, 10.0.0.2/24", finding())
        expect("cannot use uplink 'wlan0': not connected to a network",
               person("vmrun", "run", "--dry-run", "--uplink=wlan0", "/laptop/guest.yaml", check=False))
        run("ip", "route", "del", "default", "dev", "wired0")
        expect("  wlan0: ", finding())
    finally:
        run("ip", "link", "del", "wired0")


@case("nm", paths=NO_GUEST)
def uplink_other_modes(laptop: Laptop) -> None:
    """A monitor and an access point are no uplink, and the list says why."""
    phy = managers.phy().name
    laptop.manager.down()
    run("iw", "phy", phy, "interface", "add", "mon0", "type", "monitor")
    run("iw", "phy", phy, "interface", "add", "ap0", "type", "__ap")
    try:
        run("ip", "link", "set", "mon0", "up")
        expect("  mon0 (Wi-Fi monitor): not an Ethernet", finding())
        expect("  ap0 (Wi-Fi access point): ", finding())
    finally:
        run("iw", "dev", "mon0", "del")
        run("iw", "dev", "ap0", "del", check=False)


def names_of(laptop: Laptop, lines: str, profile: str, text: str) -> None:
    """The laptop joins an open network that has such a name, and vmrun prints it as @text."""
    assert isinstance(laptop.manager, NetworkManager)
    laptop.surroundings.start_home(lines)
    laptop.manager.profile("named", profile, "false", "")
    try:
        run("nmcli", "connection", "reload")
        laptop.manager.up("named")
        expect(f"wlan0, Wi-Fi {text}, {managers.address()}/24", finding())
    finally:
        Path("/etc/NetworkManager/system-connections/named.nmconnection").unlink()
        run("nmcli", "connection", "delete", "named", check=False)


@case("nm", paths=NO_GUEST)
def uplink_hostile_name(laptop: Laptop) -> None:
    """A name of 32 octets: an escape sequence, a bell, NUL, Latin-1 and a backslash."""
    octets = bytes.fromhex("1b5b324a1b5d303b7807000a0de9ff5c") + b"z" * 16
    names_of(laptop, f"ssid2={octets.hex()}\n", "ssid=" + "".join(f"{octet};" for octet in octets),
             r"\x1b[2J\x1b]0;x\x07\x00\x0a\x0d\xe9\xff\x5c" + "z" * 16)


@case("nm", paths=NO_GUEST)
def uplink_hidden_name(laptop: Laptop) -> None:
    """A network that does not announce its name."""
    names_of(laptop, "ssid=hidden\nignore_broadcast_ssid=1\n", "ssid=hidden\nhidden=true", "hidden")
