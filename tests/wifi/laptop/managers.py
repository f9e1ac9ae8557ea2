# SPDX-License-Identifier: GPL-2.0-or-later
"""Puts a program in charge of the laptop's Wi-Fi: NetworkManager with wpa_supplicant or iwd, or networkd."""

import os
import re
from pathlib import Path
from typing import Dict, Type

from command import Failure, run, say, wait_for
from surroundings import CAFE_SSID, PASSPHRASE, SSID, Surroundings

WLAN = "wlan0"
OTHERS = ("wired0", "wired1", "mon0", "ap0")  # interfaces that cases make
NETS = {SSID: "192.168.60.", CAFE_SSID: "192.168.70."}


def phy() -> Path:
    """The laptop's radio: the only one in its namespace."""
    return next(Path("/sys/class/ieee80211").iterdir())


def rfkill_index() -> str:
    """The number of the laptop's own switch: `rfkill block wlan` would switch all radios off."""
    return next(phy().glob("rfkill*")).name.removeprefix("rfkill")


def link() -> Dict[str, str]:
    """The SSID and the BSSID to which the laptop is connected; empty if to none."""
    text = run("iw", "dev", WLAN, "link", check=False)
    bssid = re.search(r"^Connected to ([0-9a-f:]{17})", text, re.M)
    ssid = re.search(r"^\s*SSID: (.*)$", text, re.M)
    return {"bssid": bssid.group(1), "ssid": ssid.group(1)} if bssid and ssid else {}


def mac() -> str:
    """The laptop's MAC address now."""
    return Path(f"/sys/class/net/{WLAN}/address").read_text(encoding="utf-8").strip()


def address() -> str:
    """The laptop's address now, or an empty text."""
    found = re.search(r"inet ([0-9.]+)/", run("ip", "-4", "address", "show", "dev", WLAN, check=False))
    return found.group(1) if found else ""


def connected(ssid: str) -> bool:
    """True if the laptop is in the network @ssid, with an address and a default route."""
    return (link().get("ssid") == ssid and address().startswith(NETS.get(ssid, ""))
            and bool(address())
            and f"dev {WLAN}" in run("ip", "-4", "route", "show", "default", check=False))


class Manager:
    """A manager of the Wi-Fi; @limit is the seconds that a connection may take."""

    name = ""
    units = ("",)  # the services, the manager's first, the supplicant's last

    def __init__(self, limit: float) -> None:
        self.limit = limit

    def start(self) -> None:
        """Write the configuration, start the services, and connect to the home network."""
        self.configure()
        run("rfkill", "unblock", rfkill_index())
        run("systemctl", "start", self.units[0])
        self.wait(SSID)

    def configure(self) -> None:
        """Write the configuration of the services."""
        raise NotImplementedError

    def stop(self) -> None:
        """End the services."""
        run("systemctl", "stop", *self.units, check=False)
        run("ip", "address", "flush", "dev", WLAN, check=False)

    def wait(self, ssid: str) -> None:
        """Wait until the laptop is connected."""
        wait_for(f"{self.name} connects to '{ssid}'", lambda: connected(ssid), self.limit)

    def up(self, ssid: str) -> None:
        """Connect to a network."""
        raise NotImplementedError

    def down(self) -> None:
        """Disconnect, and stay so."""
        raise NotImplementedError

    def restart(self) -> None:
        """Restart the manager."""
        run("systemctl", "restart", self.units[0])

    def restart_supplicant(self) -> None:
        """Restart what authenticates."""
        run("systemctl", "restart", self.units[-1])

    def roam(self, surroundings: Surroundings, ifname: str) -> None:
        """Change to another access point of the same network, which must be in sight."""
        bssid = surroundings.bssid(ifname)
        wait_for("the supplicant roams", lambda: self.try_roam(bssid), self.limit, 1)
        wait_for("the laptop is at the other access point", lambda: link().get("bssid") == bssid,
                 self.limit)

    def try_roam(self, bssid: str) -> bool:
        """Have the supplicant scan and change to @bssid; returns true if it does."""
        command = ("wpa_cli", "-p", "/run/wpa_supplicant", "-i", WLAN)
        run(*command, "scan", check=False)
        return (bssid in run(*command, "scan_results", check=False)
                and "OK" in run(*command, "roam", bssid))


class NetworkManager(Manager):
    """NetworkManager with wpa_supplicant, as Debian's desktops have it."""

    name = "nm"
    units = ("NetworkManager.service", "wpa_supplicant.service")
    backend = "wpa_supplicant"

    def configure(self) -> None:
        Path("/etc/NetworkManager/conf.d/laptop.conf").write_text(
            f"[main]\nplugins=keyfile\nno-auto-default=*\n[device]\nwifi.backend={self.backend}\n"
            f"[keyfile]\nunmanaged-devices={';'.join(f'interface-name:{name}' for name in OTHERS)}\n",
            encoding="utf-8")
        for ssid, again in ((SSID, "true"), (CAFE_SSID, "false")):
            self.profile(ssid, f"ssid={ssid}", again,
                         f"[wifi-security]\nkey-mgmt=wpa-psk\npsk={PASSPHRASE}\n")

    @staticmethod
    def profile(name: str, wifi: str, again: str, security: str) -> None:
        """Write a profile: the [wifi] lines, whether it connects by itself, its security."""
        path = Path(f"/etc/NetworkManager/system-connections/{name}.nmconnection")
        path.write_text(f"[connection]\nid={name}\ntype=wifi\nautoconnect={again}\n"
                        f"autoconnect-retries=0\n[wifi]\n{wifi}\nmode=infrastructure\n{security}"
                        "[ipv4]\nmethod=auto\n[ipv6]\nmethod=disabled\n", encoding="utf-8")
        path.chmod(0o600)

    def start(self) -> None:
        if self.backend == "iwd":
            run("systemctl", "stop", "wpa_supplicant.service", check=False)
            run("systemctl", "start", "iwd.service")
        super().start()

    def up(self, ssid: str) -> None:
        # A network that the last scan has not seen is refused.
        def tried() -> bool:
            try:
                run("nmcli", "-w", "20", "connection", "up", ssid, timeout=self.limit)
            except Failure as err:
                say(f"again: {str(err).splitlines()[0]}")
                return False
            return True
        wait_for(f"{self.name} connects to '{ssid}'", tried, self.limit, 1)

    def wait(self, ssid: str) -> None:
        # After a handshake that an access point did not finish, NetworkManager waits for the person.
        try:
            wait_for(f"{self.name} connects to '{ssid}'", lambda: connected(ssid), self.limit / 2)
        except Failure as err:
            say(f"connecting by hand: {err}")
            self.up(ssid)
            super().wait(ssid)

    def down(self) -> None:
        run("nmcli", "-w", "30", "connection", "down", link()["ssid"])

    def set_mac(self, how: str) -> None:
        """Choose the MAC address of the next connection: permanent or random."""
        run("nmcli", "connection", "modify", SSID, "wifi.cloned-mac-address", how)


class Iwd(NetworkManager):
    """NetworkManager with iwd in the place of wpa_supplicant."""

    name = "iwd"
    units = ("NetworkManager.service", "iwd.service")
    backend = "iwd"

    def configure(self) -> None:
        os.makedirs("/etc/iwd", exist_ok=True)
        Path("/etc/iwd/main.conf").write_text(
            "[General]\nUseDefaultInterface=true\nEnableNetworkConfiguration=false\n",
            encoding="utf-8")
        # NetworkManager 1.42 does not pass a profile's passphrase on when iwd asks for it.
        os.makedirs("/var/lib/iwd", exist_ok=True)
        for ssid, again in ((SSID, "true"), (CAFE_SSID, "false")):
            Path(f"/var/lib/iwd/{ssid}.psk").write_text(
                f"[Security]\nPassphrase={PASSPHRASE}\n[Settings]\nAutoConnect={again}\n", encoding="utf-8")
        super().configure()

    def stop(self) -> None:
        super().stop()
        # iwd makes an interface of its own, and removes it at its end.
        if not Path(f"/sys/class/net/{WLAN}").exists():
            run("iw", "phy", phy().name, "interface", "add", WLAN, "type", "managed")


class Networkd(Manager):
    """systemd-networkd with wpa_supplicant, as on a server or a small laptop."""

    name = "networkd"
    units = ("systemd-networkd.service", f"wpa_supplicant@{WLAN}.service")

    def configure(self) -> None:
        Path("/etc/systemd/network/20-laptop.network").write_text(
            f"[Match]\nName={WLAN}\n[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n",
            encoding="utf-8")
        networks = "".join(f'network={{\n\tid_str="{ssid}"\n\tssid="{ssid}"\n\tpsk="{PASSPHRASE}"\n'
                           f"\tdisabled={off}\n}}\n" for ssid, off in ((SSID, 0), (CAFE_SSID, 1)))
        os.makedirs("/etc/wpa_supplicant", exist_ok=True)
        Path(f"/etc/wpa_supplicant/wpa_supplicant-{WLAN}.conf").write_text(
            f"ctrl_interface=DIR=/run/wpa_supplicant\n{networks}", encoding="utf-8")

    def start(self) -> None:
        self.configure()
        run("rfkill", "unblock", rfkill_index())
        run("ip", "link", "set", WLAN, "up")
        run("systemctl", "start", *self.units)
        self.wait(SSID)

    def _cli(self, *words: str) -> None:
        text = run("wpa_cli", "-p", "/run/wpa_supplicant", "-i", WLAN, *words)
        if "OK" not in text:
            raise Failure(f"wpa_cli {' '.join(words)}: {text}")

    def up(self, ssid: str) -> None:
        self._cli("select_network", str((SSID, CAFE_SSID).index(ssid)))
        self.wait(ssid)

    def down(self) -> None:
        self._cli("disconnect")


MANAGERS: Dict[str, Type[Manager]] = {kind.name: kind for kind in (NetworkManager, Iwd, Networkd)}
