# SPDX-License-Identifier: GPL-2.0-or-later
"""The laptop of the lab, and what happens to a laptop's network in a day.

Addresses and routes are put on interfaces as NetworkManager does it (`noprefixroute`, routes with
`src`, metric 600 for Wi-Fi), because which of them vanish on which event follows from that.
Whatever a test does to the laptop through this class, restore() takes back, and nothing else: what
a program under test has left stays visible.
"""

import fcntl
import os
import shutil
import struct
import time
from contextlib import ExitStack
from ipaddress import IPv4Interface
from pathlib import Path
from typing import Optional

from lan import Lan
from netns import Netns
from station import Station

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
WIFI_METRIC, WIRED_METRIC, VPN_METRIC = 600, 100, 50


class Laptop(Station):
    """The machine under test: `wlan0` on a Lan, its own /run, its own /etc/resolv.conf."""

    def __init__(self, netns: Netns, lan: Lan, address: str, mac: str) -> None:
        super().__init__(netns, "wlan0", address)
        self.lan = lan
        self.gateway = lan.gateway
        self._mac = mac
        self.settle_in()
        self._up = self._carrier = self._configured = self._routed = True
        self._index = 0  # of wlan0 before it was unplugged
        self._extras = ExitStack()

    def build(self) -> None:
        """Make wlan0, associate, configure."""
        self.netns.ip_batch(["link set lo up"])
        self.lan.associate(self._mac)
        self.lan.plug(self.netns, "laptop", self.interface, self._mac)
        self._configure()
        self.set_resolv(f"search lab.test\nnameserver {self.gateway}\n")

    def wait_link_local(self, timeout: float = 5) -> None:
        """Wait for wlan0's own IPv6 address, which comes a moment after the carrier: from then on
        nothing on the laptop changes by itself."""
        deadline = time.monotonic() + timeout
        while not self.netns.ip_json(f"-6 route show table local dev {self.interface} type local"):
            assert time.monotonic() < deadline, "wlan0 has no IPv6 address"
            time.sleep(0.01)

    # Addresses and routes

    def _configure(self) -> None:
        self._configured = self._routed = True
        self._add_address(self.interface, self.cidr, self.gateway, WIFI_METRIC)

    def _add_address(self, interface: str, cidr: str, gateway: str, metric: int) -> None:
        address = IPv4Interface(cidr)
        onlink = gateway if address.network.prefixlen == 32 else address.network
        broadcast = "brd +" if address.network.prefixlen <= 30 else ""
        self.netns.ip_batch([
            f"addr add {cidr} {broadcast} dev {interface} noprefixroute",
            f"route add {onlink} dev {interface} proto kernel scope link src {address.ip} "
            f"metric {metric}",
            f"route add default via {gateway} dev {interface} proto dhcp src {address.ip} "
            f"metric {metric}"])

    def _unconfigure(self) -> None:
        """Take the address away; the routes that have it as their source go with it."""
        if self._configured:
            self.netns.ip(f"addr del {self.cidr} dev {self.interface}")
            self._configured = False

    def lose_address(self) -> None:
        """The lease is over: no address, while the link stays."""
        self._unconfigure()

    def set_address(self, cidr: str, gateway: Optional[str] = None) -> None:
        """Another lease: the address changes from one moment to the next, the link stays."""
        self._unconfigure()
        self.cidr, self.gateway = cidr, gateway or self.gateway
        self._configure()

    def remove_default_route(self) -> None:
        """Leave the address and the way to the LAN, but none beyond."""
        self.netns.ip(f"route del default dev {self.interface}")
        self._routed = False

    def dhcp(self) -> str:
        """Ask the LAN's router for an address, as a real client does, and use it."""
        script = Path(self.netns.run_dir.parent, "udhcpc.script")
        script.write_text('#!/bin/sh\n[ "$1" = bound ] && echo "lease $ip/$mask $router"\nexit 0\n')
        script.chmod(0o755)
        self._unconfigure()
        said = self.netns.run(["busybox", "udhcpc", "-i", self.interface, "-n", "-q", "-f",
                               "-t", "5", "-T", "1", "-s", script]).stdout
        lease = next(line.split() for line in said.splitlines() if line.startswith("lease "))
        self.cidr, self.gateway = lease[1], lease[2]
        self._configure()
        return self.cidr

    # The link

    def carrier_off(self) -> None:
        """The access point falls silent: no carrier; addresses and routes stay."""
        self.lan.ap.ip("link set laptop down")
        self._carrier = False

    def carrier_on(self) -> None:
        """The access point is back."""
        self.lan.ap.ip("link set laptop up")
        self._carrier = True

    def down(self) -> None:
        """`ip link set wlan0 down`: the kernel takes the routes, the address stays."""
        self.netns.ip(f"link set {self.interface} down")
        self._up = False

    def up(self) -> None:
        """Set wlan0 up and put its routes back."""
        self.netns.ip(f"link set {self.interface} up")
        self._up = True
        if self._configured:
            self.set_address(self.cidr)

    def disconnect(self) -> None:
        """Remove the address and set the link down, as NetworkManager does on suspend."""
        self._unconfigure()
        self.down()

    def connect(self, cidr: Optional[str] = None, gateway: Optional[str] = None) -> None:
        """Connect again after disconnect(), with the same address unless another is given."""
        self.up()
        self.set_address(cidr or self.cidr, gateway)

    def roam(self, lan: Lan, cidr: Optional[str] = None) -> None:
        """Move to another LAN as a laptop that is carried there: disconnect, connect.

        wlan0 keeps its index; only the other end of its link is taken to the other access point.
        """
        self.disconnect()
        self._move_link(lan)
        self.connect(cidr or lan.cidr(lan.host(1)), lan.gateway)
        self.set_resolv(f"nameserver {lan.gateway}\n")

    def _move_link(self, lan: Lan) -> None:
        if lan is not self.lan:
            self.lan.associate(None)
            self.lan.ap.ip(f"link set laptop netns {lan.ap.name}")
            lan.ap.ip_batch([f"link set laptop mtu {lan.mtu} master br0 up"])
            self.netns.ip(f"link set {self.interface} mtu {lan.mtu}")
            self.lan = lan
            lan.associate(self._mac)

    def replug(self) -> None:
        """Unplug the adapter and plug it in again: the interface is gone, and another of the same
        name and MAC comes, which the kernel gives another index and no values of the old one."""
        self.unplug()
        self.lan.plug(self.netns, "laptop", self.interface, self._mac)
        self._configure()

    def unplug(self) -> None:
        """The adapter is out; replug() puts it in."""
        if not self._index:
            self._index = self.netns.ip_json(f"link show dev {self.interface}")[0]["ifindex"]
        self.netns.ip(f"link del {self.interface}", check=False)

    def plug_as_before(self) -> None:
        """Plug the adapter in again, which gets its index again."""
        self.unplug()
        self.netns.ip_batch([
            f"link add {self.interface} index {self._index} address {self._mac} mtu {self.lan.mtu} "
            f"type veth peer name laptop mtu {self.lan.mtu} netns {self.lan.ap.name}",
            f"link set {self.interface} up"])
        self.lan.ap.ip("link set laptop master br0 up")
        self._configure()
        self._index, self._up, self._carrier = 0, True, True

    def restart_networkmanager(self) -> None:
        """Take an interface down and up again, as a restart of NetworkManager does."""
        self.netns.ip(f"addr flush dev {self.interface}")
        self._configured = False
        self.down()
        self.connect()

    def change_mac(self, mac: str, associate: bool = True) -> None:
        """Give wlan0 another MAC; the access point knows it unless @associate is false."""
        was_up = self._up
        self.down()
        self._set_link_mac(mac)
        self._mac = mac
        if associate:
            self.lan.associate(mac)
        if was_up:
            self.up()

    def _set_link_mac(self, mac: str) -> None:
        self.netns.ip(f"link set {self.interface} address {mac}")

    def set_mtu(self, mtu: int) -> None:
        """Change the MTU of the LAN: of the laptop, the router, the phone and their ports."""
        for station in (self, self.lan.router, self.lan.phone):
            if station:
                station.netns.ip(f"link set {station.interface} mtu {mtu}")
        for port in ["laptop", "router"] + (["phone"] if self.lan.phone else []):
            self.lan.ap.ip(f"link set {port} mtu {mtu}")
        self.lan.mtu = mtu

    # Other interfaces of laptops

    def add_wired(self, lan: Optional[Lan] = None, metric: int = WIRED_METRIC) -> str:
        """Plug in `eth0`, on the LAN of wlan0 or another; return its address."""
        lan = lan or self.lan
        lan.plug(self.netns, "wired", "eth0")
        self._extras.callback(self.netns.ip, "link del eth0", check=False)
        cidr = lan.cidr(lan.host(2))
        self._add_address("eth0", cidr, lan.gateway, metric)
        return cidr

    def remove_wired(self) -> None:
        """Pull `eth0` out, adapter and all."""
        self.netns.ip("link del eth0")

    def add_tun(self, name: str = "tun0", default: bool = True, metric: int = VPN_METRIC) -> None:
        """A point-to-point uplink without ARP, as a VPN or a mobile modem has; it leads nowhere."""
        request = struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI)

        def make() -> None:  # the device belongs to the namespace that the open happened in
            tun = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
            self._extras.callback(os.close, tun)
            fcntl.ioctl(tun, TUNSETIFF, request)

        self.netns.call(make)
        self.netns.ip_batch([f"addr add 10.64.0.2 peer 10.64.0.1 dev {name}",
                             f"link set {name} up"])
        if default:
            self.netns.ip(f"route add default dev {name} metric {metric}")

    def forward_policy_drop(self, docker: bool = False) -> None:
        """Drop what is forwarded, as Docker, ufw and firewalld do; @docker: its chains as well."""
        extra = ("chain DOCKER-USER { }", "jump DOCKER-USER") if docker else ("", "")
        self.netns.nft(f"""table ip filter {{
            {extra[0]}
            chain FORWARD {{
                type filter hook forward priority filter; policy drop;
                {extra[1]}
            }}
        }}""")
        self._extras.callback(self.netns.nft, "delete table ip filter")

    def set_resolv(self, text: str) -> None:
        """The text of /etc/resolv.conf."""
        self.netns.write_etc("resolv.conf", text)

    def write_run(self, path: str, text: str) -> None:
        """A file below the laptop's /run, as 'systemd/resolve/resolv.conf'."""
        file = self.netns.run_dir / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
        self._extras.callback(shutil.rmtree, self.netns.run_dir / Path(path).parts[0],
                              ignore_errors=True)

    def use_stub_resolver(self, *servers: str) -> None:
        """/etc/resolv.conf as systemd-resolved makes it; the real @servers are in its own file."""
        self.set_resolv("nameserver 127.0.0.53\noptions edns0 trust-ad\nsearch lab.test\n")
        self.write_run("systemd/resolve/resolv.conf",
                       "".join(f"nameserver {each}\n" for each in servers or [self.gateway]))

    # The way back

    def settle_in(self) -> None:
        """Take the present address, LAN and MAC for what restore() goes back to."""
        self._home = (self.lan, self.cidr, self.gateway, self._mac, self.lan.mtu)

    def restore(self) -> None:
        """Undo what the methods above did, touching only what they changed."""
        self._extras.close()
        lan, cidr, gateway, mac, mtu = self._home
        if self._index:
            self.plug_as_before()
        if self.lan is not lan:
            self.roam(lan, cidr)
        if self.lan.mtu != mtu:
            self.set_mtu(mtu)
        if not self._carrier:
            self.carrier_on()
        if not self._up:
            self.up()
        if self._mac != mac:
            self.change_mac(mac)
        if (self.cidr, self.gateway) != (cidr, gateway) or not (self._configured and self._routed):
            self.set_address(cidr, gateway)
        self.set_resolv(f"search lab.test\nnameserver {gateway}\n")
