# SPDX-License-Identifier: GPL-2.0-or-later
"""One wireless network: access point, router with DHCP and DNS, and a second station, the phone.

The access point is a bridge with the one property that makes Wi-Fi different from a wire: on the
port `laptop` it takes only frames from the associated station's own MAC, and sends unicast frames
only to that one. It also counts every source MAC that it saw on that port, accepted or not.
"""

from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Optional

from netns import Netns
from services import Dnsmasq
from station import Station

AIR = """
table bridge air {
	set associated { type ether_addr; }
	set seen { type ether_addr; size 65535; flags dynamic; }
	counter dropped { }
	chain from_laptop {
		type filter hook prerouting priority -300; policy accept;
		iifname != "laptop" accept
		update @seen { ether saddr counter }
		ether saddr != @associated counter name dropped drop
	}
	chain to_laptop {
		type filter hook postrouting priority 300; policy accept;
		oifname "laptop" ether daddr & 01:00:00:00:00:00 == 00:00:00:00:00:00 \\
			ether daddr != @associated drop
	}
}
"""


class Lan:
    """The namespaces of one LAN; @tag keeps a second LAN's names apart from the first's."""

    def __init__(self, prefix: str, tag: str, subnet: str, mtu: int, uplink: IPv4Interface) -> None:
        """@subnet as 192.168.77.0/24; @uplink is the router's address on the way to the beyond."""
        self.network = IPv4Network(subnet)
        self.mtu = mtu
        self.uplink = uplink
        self.ap = Netns(f"{prefix}-ap{tag}")
        self.router = Station(Netns(f"{prefix}-router{tag}"), "lan", self.cidr(self.host(0)))
        # A subnet of two addresses has no room for more than a router and a laptop.
        self.phone: Optional[Station] = None
        if self.network.prefixlen <= 27:
            self.phone = Station(Netns(f"{prefix}-phone{tag}"), "lan",
                                 self.cidr(self.network.network_address + 20))
        self.dnsmasq: Optional[Dnsmasq] = None

    def host(self, index: int) -> IPv4Address:
        """The host address with that index: 0 the router's, 1 the laptop's."""
        first = self.network.network_address + (0 if self.network.prefixlen >= 31 else 1)
        return first + index

    def cidr(self, address: object) -> str:
        """@address with the prefix length of this LAN."""
        return f"{address}/{self.network.prefixlen}"

    @property
    def gateway(self) -> str:
        """The router's address."""
        return self.router.address

    @property
    def namespaces(self) -> list[Netns]:
        """All namespaces of this LAN."""
        return [self.ap, self.router.netns] + ([self.phone.netns] if self.phone else [])

    def build(self, beyond: Netns, port: str) -> None:
        """Make the links and addresses; @port is the name of the link's end at the beyond."""
        self.ap.ip_batch(["link add br0 type bridge mcast_snooping 0 forward_delay 0",
                          "link set br0 up"])
        self.ap.nft(AIR)
        far = next(each for each in self.uplink.network.hosts() if each != self.uplink.ip)
        beyond.ip_batch([f"link add {port} type veth peer name wan netns {self.router.netns.name}",
                         f"addr add {far}/{self.uplink.network.prefixlen} dev {port}",
                         f"link set {port} up",
                         # Another LAN may have the same numbers: the first is the one beyond knows.
                         f"route append {self.network} via {self.uplink.ip}"])
        self.plug(self.router.netns, "router", "lan")
        self.router.netns.ip_batch([
            "link set lo up", f"addr add {self.router.cidr} dev lan",
            f"addr add {self.uplink} dev wan", "link set wan up", f"route add default via {far}"])
        self.router.netns.sysctls({"net/ipv4/ip_forward": "1"})
        if self.phone:
            self.plug(self.phone.netns, "phone", "lan")
            self.phone.netns.ip_batch([
                "link set lo up", f"addr add {self.phone.cidr} dev lan",
                f"route add default via {self.gateway}"])

    def plug(self, netns: Netns, port: str, interface: str, mac: str = "") -> None:
        """A cable from a port of the bridge to an interface of @netns; both ends up."""
        self.ap.ip_batch([
            f"link add {port} mtu {self.mtu} type veth peer name {interface} netns {netns.name}",
            f"link set {port} master br0 up"])
        address = f"address {mac}" if mac else ""
        netns.ip_batch([f"link set {interface} mtu {self.mtu} {address} up"])

    def start_services(self, directory: Path) -> None:
        """Start the router's DHCP and DNS; wait_ready() of it is left to the caller."""
        self.dnsmasq = Dnsmasq(self.router.netns, self.network, self.router.address, self.mtu,
                               directory)

    def associate(self, mac: Optional[str]) -> None:
        """Accept the station with @mac, and no other; None accepts nobody."""
        add = f"add element bridge air associated {{ {mac} }}\n" if mac else ""
        self.ap.nft("flush set bridge air associated\n" + add)

    def seen(self) -> dict[str, int]:
        """Every source MAC that arrived on the laptop's port, accepted or not: frames of each."""
        table = self.ap.nft_json("list", "set", "bridge", "air", "seen")[0]["set"]
        return {item["elem"]["val"]: item["elem"]["counter"]["packets"]
                for item in table.get("elem", [])}

    def forget_seen(self) -> None:
        """Begin counting anew."""
        self.ap.nft("flush set bridge air seen\nreset counter bridge air dropped\n")

    def dropped(self) -> int:
        """Frames from the laptop that were dropped for their foreign MAC."""
        return self.ap.nft_json("list", "counter", "bridge", "air",
                                "dropped")[0]["counter"]["packets"]

    def close(self) -> None:
        """End the services."""
        if self.dnsmasq:
            self.dnsmasq.close()
        for station in (self.router, self.phone):
            if station:
                station.close()
