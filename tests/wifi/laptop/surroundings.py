# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes the laptop's surroundings: radios, access points, a router, a phone, and a cafe.

    laptop (the first namespace)     phone
      wlan0 ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ ~ wlan3  192.168.60.20
             \\             /
      air:   wlan1 (channel 1) and wlan2 (channel 6), one network 'home', one hostapd
               |  bridge
      router:  192.168.60.1, DHCP; behind a cable

      cafe:    wlan4, another network, 'cafe', 192.168.70.1, DHCP

All radios are made in the first namespace, and then moved: radios that are made elsewhere are on
another air. Two access points of one network are in one hostapd, which then ends a station's old
association when it roams; in two, the first one keeps swallowing the station's frames.
"""

import os
import time
from pathlib import Path
from typing import List, Sequence

from command import Failure, Program, run, wait_for

SSID, CAFE_SSID, PASSPHRASE = "home", "cafe", "correct-horse"
ROUTER, PHONE, CAFE = "192.168.60.1", "192.168.60.20", "192.168.70.1"
RADIOS = {"air": (1, 2), "phone": (3,), "cafe": (4,)}  # namespaces of all but the laptop's
NAMESPACES = ("air", "router", "phone", "cafe", "away")
CONTROL = "/run/hostapd"
ISOLATION = "ap_isolate=1\n"
WPA2 = f"""wpa=2
wpa_key_mgmt=WPA-PSK
rsn_pairwise=CCMP
wpa_passphrase={PASSPHRASE}
"""


def hostapd_file(ifname: str, channel: int, lines: str) -> str:
    """Write the configuration of an access point, and return its path."""
    path = f"/run/{ifname}.hostapd.conf"
    Path(path).write_text(f"interface={ifname}\ndriver=nl80211\nctrl_interface={CONTROL}\n"
                          f"hw_mode=g\nchannel={channel}\nbss_transition=1\nrrm_neighbor_report=1\n"
                          f"{lines}", encoding="utf-8")
    return path


class Surroundings:
    """Everything around the laptop."""

    def __init__(self) -> None:
        self._programs: dict[str, Program] = {}
        self.access_point = ""  # the lines of hostapd that are in force

    def build(self) -> None:
        """Make namespaces, move the radios, and start the networks."""
        run("udevadm", "settle")
        radios = sorted(os.listdir("/sys/class/ieee80211"), key=lambda name: int(name[3:]))
        if len(radios) != 5:
            raise Failure(f"five radios are needed, there are: {radios}")
        for name in NAMESPACES:
            run("ip", "netns", "add", name)
            run("ip", "link", "set", "lo", "up", netns=name)
            run("sysctl", "-q", "-w", "net.ipv6.conf.all.disable_ipv6=1", netns=name, check=False)
        for name, numbers in RADIOS.items():
            for number in numbers:
                run("iw", "phy", radios[number], "set", "netns", "name", name)
        self._wire()
        self._start("dhcp", "dnsmasq", *self._dhcp("192.168.60", "eth0"), netns="router")
        self.start_home()
        self._start_phone()
        self._start_cafe()

    def _start(self, name: str, *words: str, netns: str) -> None:
        self.stop(name)
        self._programs[name] = Program(name, *words, netns=netns)

    def stop(self, name: str) -> None:
        """End one of the programs, if it runs."""
        program = self._programs.pop(name, None)
        if program:
            program.stop()

    @staticmethod
    def _wire() -> None:
        """Make the access points' bridge and the router behind it."""
        run("ip", "link", "add", "br0", "type", "bridge", netns="air")
        run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "eth0", "netns", "router",
            netns="air")
        run("ip", "link", "set", "up0", "master", "br0", "up", netns="air")
        run("ip", "link", "set", "br0", "up", netns="air")
        run("ip", "link", "set", "eth0", "up", netns="router")
        run("ip", "address", "add", f"{ROUTER}/24", "dev", "eth0", netns="router")

    @staticmethod
    def _dhcp(net: str, ifname: str) -> List[str]:
        return ["--keep-in-foreground", "--conf-file=/dev/null", "--port=0", "--no-ping",
                f"--interface={ifname}", "--bind-interfaces", f"--dhcp-range={net}.100,{net}.150,2h",
                f"--dhcp-option=option:dns-server,{net}.1", "--dhcp-authoritative", "--log-dhcp",
                f"--dhcp-leasefile=/run/{net}.leases", "--user=root", "--log-facility=-"]

    def start_home(self, lines: str = "") -> None:
        """Start both access points of the home network, with more lines for hostapd."""
        text = f"bridge=br0\nssid={SSID}\n{WPA2}{lines}"
        if "ssid" in lines:  # a network of its own in the place of home
            text = f"bridge=br0\n{lines}"
        files = [hostapd_file("wlan1", 1, text), hostapd_file("wlan2", 6, text)]
        log = Path("/laptop/logs/hostapd")
        seen = log.stat().st_size if log.exists() else 0
        self._start("hostapd", "hostapd", *files, netns="air")
        isolated = "on" if lines == ISOLATION else "off"
        self.access_point = lines
        try:
            wait_for("hostapd has two access points",
                     lambda: log.read_bytes()[seen:].count(b"AP-ENABLED") == 2, 30)
        except Failure as err:
            raise Failure(f"{err}: {log.read_bytes()[seen:].decode(errors='replace')}") from err
        for ifname in ("wlan1", "wlan2"):
            # hostapd isolates the stations of one radio; a controller, those of all.
            run("ip", "link", "set", ifname, "type", "bridge_slave", "isolated", isolated, netns="air")

    def stop_home(self) -> None:
        """Switch both access points off."""
        self.stop("hostapd")

    def _start_phone(self) -> None:
        Path("/run/phone.conf").write_text(
            f'network={{\n\tssid="{SSID}"\n\tpsk="{PASSPHRASE}"\n}}\n', encoding="utf-8")
        run("ip", "link", "set", "wlan3", "up", netns="phone")
        run("ip", "address", "add", f"{PHONE}/24", "dev", "wlan3", netns="phone")
        run("ip", "route", "add", "default", "via", ROUTER, netns="phone")
        run("iw", "dev", "wlan3", "set", "power_save", "off", netns="phone", check=False)
        self._start("phone", "wpa_supplicant", "-i", "wlan3", "-c", "/run/phone.conf", netns="phone")
        self.wait_phone()

    @staticmethod
    def wait_phone() -> None:
        """Wait until the phone reaches the router."""
        wait_for("the phone is in the network",
                 lambda: " 0% packet loss" in run("ping", "-c", "1", "-W", "1", ROUTER,
                                                  netns="phone", check=False), 90)

    def _start_cafe(self) -> None:
        path = hostapd_file("wlan4", 11, f"ssid={CAFE_SSID}\n{WPA2}")
        run("ip", "address", "add", f"{CAFE}/24", "dev", "wlan4", netns="cafe")
        self._start("cafe-hostapd", "hostapd", path, netns="cafe")
        self._start("cafe-dhcp", "dnsmasq", *self._dhcp("192.168.70", "wlan4"), netns="cafe")

    def restore(self) -> None:
        """Make the home network as it was at first, if it is not."""
        program = self._programs.get("hostapd")
        if program is None or not program.running() or self.access_point:
            self.start_home()
        self.wait_phone()

    def restart_cafe(self) -> None:
        """Start what a suspended kernel has ended in the cafe."""
        path = hostapd_file("wlan4", 11, f"ssid={CAFE_SSID}\n{WPA2}")
        self._start("cafe-hostapd", "hostapd", path, netns="cafe")

    @staticmethod
    def stations(ifname: str) -> Sequence[str]:
        """The MAC addresses of an access point's stations."""
        lines = run("iw", "dev", ifname, "station", "dump", netns="air").splitlines()
        return [line.split()[1] for line in lines if line.startswith("Station ")]

    @staticmethod
    def bssid(ifname: str) -> str:
        """The MAC address of an access point's radio."""
        return run("cat", f"/sys/class/net/{ifname}/address", netns="air").strip()

    @staticmethod
    def control(ifname: str, *words: str) -> str:
        """Send a command to an access point's hostapd."""
        return run("hostapd_cli", "-p", CONTROL, "-i", ifname, *words, netns="air")

    def deauthenticate(self, mac: str) -> None:
        """Have its access point send a station away."""
        found = [ap for ap in ("wlan1", "wlan2") if mac in self.stations(ap)]
        if not found:
            raise Failure(f"no access point has the station {mac}")
        for ifname in found:
            self.control(ifname, "deauthenticate", mac)


def pause(seconds: float) -> None:
    """Let time pass, as a person does between two acts."""
    time.sleep(seconds)
