# SPDX-License-Identifier: GPL-2.0-or-later
"""The laptop that a case acts on: its manager, its surroundings, its guest, and the watch."""

import re
import time
from pathlib import Path
from typing import Callable, Dict, List, Optional, Sequence

import managers
from command import Failure, run, say, wait_for
from guest import Connection, Guest, in_guest, person
from managers import MANAGERS, Manager
from surroundings import CAFE, ROUTER, SSID, Surroundings
from watch import Watch

STATIONS = ("phone", "router")  # the namespaces that watch the guest; the router is behind a cable
ALONE = "alone"  # in the place of a path: no guest, which shows what is the manager's own fault

# Seconds
INTERVAL = 0.02  # between two echo requests
CONNECT = 60  # for the manager to connect
BOOT = 120  # for the guest to boot
SETTLE = 60  # for the laptop to answer after it is connected
BACK = 10  # for the guest to answer after the laptop does


class Laptop:
    """All that a case can use."""

    def __init__(self) -> None:
        self.surroundings = Surroundings()
        self.watch = Watch(INTERVAL)
        self.manager: Optional[Manager] = None
        self.guest: Optional[Guest] = None
        self.at = ""  # the guest's address at home
        self.figures: Dict[str, object] = {}
        self._held: Optional[Connection] = None
        self._before = ""

    def build(self) -> None:
        """Install the package and make the surroundings."""
        say("installing the package")
        Guest.install()
        say("making the surroundings")
        self.surroundings.build()
        Guest("routed", BOOT)
        self._before = self.state()

    @staticmethod
    def state() -> str:
        """Return the state that vmrun must leave as it was."""
        parts = [run("ip", "-brief", "link"), run("ip", "neigh", "show", "proxy"),
                 run("ip", "rule"), run("nft", "list", "ruleset", check=False)]
        names = ("forwarding", "proxy_arp", "rp_filter", "accept_local", "arp_filter", "send_redirects")
        for place in ("all", "default"):
            parts += [f"{place} {name} " + Path(f"/proc/sys/net/ipv4/conf/{place}/{name}").read_text()
                      for name in names]
        interfaces = re.sub(r"^(wlan0\s).*\n", "", parts[0], flags=re.M)
        return "\n".join([interfaces, *parts[1:]])

    def left(self) -> str:
        """Return the differences that vmrun has left after the guest's end, or nothing."""
        after = self.state()
        return "" if after == self._before else f"before:\n{self._before}\nafter:\n{after}"

    # The beginning of a case

    def use(self, name: str) -> None:
        """Have a manager of this name in charge; the guest ends with the other one."""
        if self.manager is not None and self.manager.name == name:
            return
        self.start_anew()
        manager = MANAGERS[name](CONNECT)
        say(f"starting {name}")
        try:
            manager.start()
        except Failure:
            manager.stop()
            raise
        self.manager = manager

    def start_anew(self) -> None:
        """End the guest and the manager, so that the next case starts its own."""
        self.end_guest()
        if self.manager is not None:
            self.manager.stop()
            self.manager = None

    def end_guest(self) -> None:
        """End the guest and its watches."""
        for station in (*STATIONS, "cafe"):
            self.watch.drop(f"{station}-guest")
        if self.guest is not None:
            with open("/laptop/logs/guest", "a", encoding="utf-8") as log:
                log.write(person("vmrun", "log", "guest", check=False))
            self.guest.stop()
            self.guest = None

    def home(self, name: str) -> None:
        """Begin a case without a guest: the laptop is at home, by a manager of this name."""
        self.surroundings.restore()
        self.use(name)
        assert self.manager is not None
        if not managers.connected(SSID):
            self.manager.up(SSID)
            self.manager.wait(SSID)

    def ready(self, name: str, path: str) -> None:
        """Begin a case: the laptop is at home, and the guest on this path answers every station."""
        self.home(name)
        self.follow_laptop()
        if path == ALONE:
            self.end_guest()
            return
        try:
            if self.guest is None or self.guest.path != path or not self.guest.running():
                raise Failure("there is no such guest")
            self.wait_answers(self.guests(), SETTLE)
        except Failure:
            self.end_guest()
            self.start_guest(path)
        self._hold()

    def start_guest(self, path: str) -> None:
        """Start the guest and wait until it answers."""
        say(f"starting the guest, {path}")
        self.guest = Guest(path, BOOT)
        self.at = self.guest.start()
        for station in STATIONS:
            self.watch.add(f"{station}-guest", station, self.at)
        self.wait_answers(self.guests(), BOOT)
        wait_for("the guest's servers run", self._serves, BOOT, 1)
        say(f"the guest answers at {self.at}")

    def _serves(self) -> bool:
        try:
            connection = Connection("router", self.at)
        except OSError:
            return False
        works = connection.works(5)
        connection.close()
        return works

    def _hold(self) -> None:
        if self._held:
            self._held.close()
        self._held = Connection("router", self.at)

    def follow_laptop(self) -> None:
        """Watch the laptop's own address, which may have changed."""
        for station in STATIONS:
            self.watch.add(f"{station}-laptop", station, managers.address())

    # Measurements

    def guests(self, stations: Sequence[str] = STATIONS) -> List[str]:
        """The names by which these stations watch the guest, if there is one."""
        return [f"{station}-guest" for station in stations if self.guest]

    def wait_answers(self, names: Sequence[str], limit: float) -> None:
        """Wait until all of the watched answer."""
        for name in names:
            wait_for(f"{name} is answered", lambda name=name: self.watch.answers(name), limit)

    def away(self, act: Callable[[], object], stations: Sequence[str] = STATIONS, name: str = "") -> None:
        """Interrupt the laptop's Wi-Fi by @act, and measure how the guest comes back.

        The laptop's own silence is the network's; the guest may be silent a little longer. For each
        station, the figures are: milliseconds of the longest silence of the laptop and of the guest,
        seconds from the act to the end of the guest's, and milliseconds for which the laptop answered
        and the guest did not.
        """
        assert self.manager is not None
        label = f"{name}-" if name else ""
        before = managers.address()
        self.watch.mark()
        act()
        self.manager.wait(SSID)
        if managers.address() != before:
            self.follow_laptop()
        self.wait_answers([f"{station}-laptop" for station in stations], SETTLE)
        self.wait_answers(self.guests(stations), BACK)
        for station in stations:
            self.figures[f"{label}{station}-laptop-lost-ms"] = self.watch.silence(f"{station}-laptop")
        for guest, host in zip(self.guests(stations), (f"{station}-laptop" for station in stations)):
            self.figures |= {
                f"{label}{guest}-lost-ms": self.watch.silence(guest),
                f"{label}{guest}-back-s": round(self.watch.back(guest), 2),
                f"{label}{guest}-late-ms": self.watch.missed(guest, host)}
        if self.guest:
            self.check(stations)

    def check(self, stations: Sequence[str] = STATIONS) -> None:
        """Check TCP both ways: a new connection, the one that was held, and the guest's own."""
        for station in stations:
            self.greet(station, self.at, ROUTER)
        if self._held is not None and not self._held.works(30):
            raise Failure("the TCP connection from before does not work")

    def greet(self, netns: str, address: str, router: str) -> None:
        """Have a station use the guest's servers, and the guest reach a host of the LAN."""
        try:
            connection = Connection(netns, address)
        except OSError as err:
            raise Failure(f"{netns}: TCP to the guest: {err}") from err
        if not connection.works(10):
            raise Failure(f"{netns}: the guest's echo server does not answer")
        connection.close()
        output = in_guest(netns, address, f"ping -c 4 -W 3 {router}", 30)
        if " 100% packet loss" in output or "packet loss" not in output:
            raise Failure(f"the guest does not reach {router}: {output}")

    def visit(self) -> None:
        """Watch the guest in the cafe until it answers there, and use it."""
        assert self.guest is not None
        there = self.guest.address(managers.NETS["cafe"])
        self.watch.add("cafe-guest", "cafe", there)
        started = time.monotonic()
        # A DHCP client in the guest asks again after its link's change; some wait for seconds.
        self.wait_answers(["cafe-guest"], BACK + 10)
        self.figures["cafe-wait-s"] = round(time.monotonic() - started, 2)
        self.greet("cafe", there, CAFE)
        self.watch.drop("cafe-guest")

    # The record of a failure

    def describe(self) -> str:
        """Everything that may tell why a case failed."""
        commands = (("ip", "address"), ("ip", "route", "show", "table", "all"), ("ip", "rule"),
                    ("ip", "neigh"), ("ip", "neigh", "show", "proxy"), ("iw", "dev"),
                    ("iw", "dev", "wlan0", "link"), ("nft", "list", "ruleset"), ("rfkill",),
                    ("journalctl", "-b", "-o", "short-precise", "-n", "150"))
        texts = [f"$ {' '.join(words)}\n{run(*words, check=False)}" for words in commands]
        for words in (("vmrun", "list", "--json"), ("vmrun", "doctor"), ("vmrun", "log", "guest")):
            texts.append(f"$ {' '.join(words)}\n{person(*words, check=False)[-6000:]}")
        for netns in ("router", "phone", "air"):
            texts.append(f"$ ip neigh ({netns})\n{run('ip', 'neigh', netns=netns, check=False)}")
        texts.append("$ bridge fdb (air)\n" + run("bridge", "fdb", "show", netns="air", check=False))
        return "\n".join(texts)
