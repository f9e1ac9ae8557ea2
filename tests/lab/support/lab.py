# SPDX-License-Identifier: GPL-2.0-or-later
"""A laptop on a Wi-Fi LAN, made of network namespaces.

                                  203.0.113.80, www.lab.test, port 80: tells who asked
                                 +---------+
                                 | beyond  |
                                 +--+---+--+
                         198.51.100.2|   |198.51.100.6
                                     |   +--------------- router2 ... (second_lan(): 192.168.88.0/24
                         198.51.100.1|wan                              with ap2, router2, phone2)
                                 +---+----+
      dnsmasq: DHCP, DNS         | router |   no address translation: the beyond has a route back
                                 +---+----+
                         192.168.77.1|lan
    +--------+ lan               +---+----+ port `laptop`         wlan0 +----------------+
    | phone  +-------------------+   ap   +-----------------------------+     laptop     |
    +--------+ 192.168.77.20     | br0    |  only the associated        | vmrun, QEMU,   |
    +----------+ lan             +---+----+  station's own MAC passes   | the tap, guest |
    | squatter +-----------------+         here, in either direction    +----------------+
    +----------+ on any address             192.168.77.2, default via .1 metric 600

Nothing of it touches the namespace that the tests run in: links are made inside the lab's own
namespaces, named vmrun-PID-N-ROLE, and no interface of theirs leads out of the machine. Each
namespace that a dead run left is removed by the next.

The laptop has a /run of its own (a directory of the lab's, bound over /run for each program that is
started there), so /run/vmrun there never is the machine's, and /run/systemd/resolve is a test's to
write. Its /etc/resolv.conf is /etc/netns/NAME/resolv.conf, which `ip netns exec` puts in place.

`with Lab() as lab:` or the fixture `lab`; then lab.laptop, lab.phone, lab.router, lab.beyond,
lab.lan, lab.start_vm(). See laptop.py for what can be done to the laptop, station.py for what any
machine can do, vm.py for a running VM, hoststate.py for the comparison of before and after.
"""

import itertools
import os
import shutil
import subprocess
import tempfile
from contextlib import ExitStack
from ipaddress import IPv4Address, IPv4Interface, IPv4Network
from pathlib import Path
from typing import Any, Iterable, Optional, Sequence, Union

import arp
import netns
import process
from hoststate import HostState
from lan import Lan
from laptop import Laptop
from netns import Netns
from station import Station
from vm import Account, Definition, User, Vm, home_directories, vmrun_argv

LAPTOP_MAC = "02:00:00:77:00:02"
BEYOND = "203.0.113.80"
_serial = itertools.count()


class Lab:
    """All machines of the picture; a context manager."""

    def __init__(self, subnet: str = "192.168.77.0/24", mtu: int = 1500,
                 dhcp: bool = False, laptop: Optional[str] = None) -> None:
        """@subnet may be of any size; a /32 (192.168.77.2/32) gives the laptop that address alone,
        in a LAN of /24. @dhcp: the laptop asks the router for its address. @laptop: its address."""
        sweep()
        self.prefix = f"{netns.PREFIX}{os.getpid()}-{next(_serial)}"
        self.directory = Path(tempfile.gettempdir(), self.prefix)
        self.run_dir = self.directory / "run"
        self._dhcp = dhcp
        self._lans: list[Lan] = []
        self._vms: list[Vm] = []
        self._squatters = 0
        self._closing = ExitStack()

        asked = IPv4Interface(subnet)
        alone = asked.network.prefixlen == 32
        network = asked.network.supernet(new_prefix=24) if alone else asked.network
        self.lan = self._new_lan(str(network))
        address = f"{asked.ip}/32" if alone else self.lan.cidr(laptop or self.lan.host(1))
        self.lan.mtu = mtu
        self.beyond = Station(Netns(f"{self.prefix}-beyond"), "lo", f"{BEYOND}/32")
        self.laptop = Laptop(Netns(f"{self.prefix}-laptop", self.run_dir), self.lan, address,
                             LAPTOP_MAC)
        # A mark in the environment, so that what was started in the laptop is found anywhere.
        self.laptop.netns.env["VMRUN_LAB"] = self.prefix

    def __enter__(self) -> "Lab":
        try:
            self._build()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _new_lan(self, subnet: str) -> Lan:
        index = len(self._lans)
        uplink = IPv4Interface(f"198.51.100.{4 * index + 1}/30")
        lan = Lan(self.prefix, str(index + 1) if index else "", subnet, 1500, uplink)
        self._lans.append(lan)
        return lan

    def _build(self) -> None:
        self.directory.mkdir(mode=0o755)
        self.run_dir.mkdir(mode=0o755)
        netns.create([*self.lan.namespaces, self.beyond.netns, self.laptop.netns])
        self.beyond.netns.ip_batch(["link set lo up", f"addr add {BEYOND}/32 dev lo"])
        self.beyond.netns.sysctls({"net/ipv4/ip_forward": "1"})
        self._build_lan(self.lan)
        self.laptop.build()
        self.beyond.serve_http()
        self.laptop.wait_link_local()
        self.lan.dnsmasq.wait_ready()
        if self._dhcp:
            self.laptop.dhcp()
            self.laptop.settle_in()

    def _build_lan(self, lan: Lan) -> None:
        lan.build(self.beyond.netns, f"lan{self._lans.index(lan)}")
        lan.start_services(self.directory)
        if lan.phone:
            lan.phone.serve_http()

    # The machines

    @property
    def phone(self) -> Station:
        """The second station of the first LAN."""
        if not self.lan.phone:
            raise LookupError(f"there is no room for a phone in {self.lan.network}")
        return self.lan.phone

    @property
    def router(self) -> Station:
        """The router of the first LAN."""
        return self.lan.router

    @property
    def stations(self) -> dict[str, Station]:
        """All machines by the name of their role."""
        found = [self.laptop, self.beyond, *(lan.router for lan in self._lans),
                 *(lan.phone for lan in self._lans if lan.phone)]
        return {each.netns.name.rsplit("-", 1)[1]: each for each in found}

    def second_lan(self, subnet: str = "192.168.88.0/24") -> Lan:
        """Build another LAN, with access point, router and phone, for the laptop to roam to."""
        lan = self._new_lan(subnet)
        netns.create(lan.namespaces)
        self._build_lan(lan)
        lan.dnsmasq.wait_ready()
        return lan

    def squat(self, *addresses: object, lan: Optional[Lan] = None) -> Station:
        """A machine on the LAN that owns @addresses, so answers ARP and ping for them."""
        lan = lan or self.lan
        station = self._new_station(lan, lan.cidr(addresses[0]))
        station.add_addresses([lan.cidr(each) for each in addresses])
        return station

    def squat_on_all(self, network: Optional[str] = None,
                     free: Iterable[object] = ()) -> arp.Responder:
        """A machine that answers ARP for every address of @network (default: the LAN), except
        those of the lab's own machines and those @free."""
        taken = {IPv4Address(station.address) for station in self.stations.values()}
        spared = taken | {IPv4Address(str(each)) for each in free}
        wanted = IPv4Network(network) if network else self.lan.network
        station = self._new_station(self.lan, "0.0.0.0/0")
        responder = arp.Responder(station.netns, station.interface,
                                  lambda address: address in wanted and address not in spared)
        station.closing.callback(responder.close)
        return responder

    def _new_station(self, lan: Lan, cidr: str) -> Station:
        """A machine more on @lan, with its link up and no address yet; it goes with the lab."""
        self._squatters += 1
        name = f"squatter{self._squatters}"
        station = Station(Netns(f"{self.prefix}-{name}"), "lan", cidr)
        netns.create([station.netns])
        self._closing.callback(netns.delete, [station.netns.name])
        lan.plug(station.netns, name, "lan")
        station.netns.ip("link set lo up")
        self._closing.callback(station.close)
        return station

    def add_user(self, name: str = "me", uid: int = 4242, also: int = 4343,
                 group_name: str = "also") -> Account:
        """A user of the laptop alone, in a group of the same number and in the group @also."""
        user = Account(name, uid, uid)
        home = home_directories(self.directory, user)[0]
        passwd, group = Path("/etc/passwd").read_text(), Path("/etc/group").read_text()
        self.laptop.netns.write_etc("passwd", f"{passwd}{name}:*:{uid}:{uid}::{home}:/bin/sh\n")
        self.laptop.netns.write_etc("group", f"{group}{name}:x:{uid}:\n"
                                    f"{group_name}:x:{also}:{name}\n")
        return user

    def set_policy(self, text: str) -> Path:
        """Write /etc/vmrun/netsetup.conf as programs on the laptop see it; return its path."""
        path = self.directory / "etc" / "vmrun" / "netsetup.conf"
        for each in (path.parent.parent, path.parent):
            each.mkdir(mode=0o755, exist_ok=True)
        path.write_text(text)
        path.chmod(0o644)
        self.laptop.netns.above_etc = path.parent.parent
        return path

    # Running things

    def exec(self, argv: Sequence[str], ns: str = "laptop", **popen: Any) -> subprocess.Popen:
        """Start @argv on the machine of that role."""
        return self.stations[ns].netns.popen(argv, **popen)

    def run(self, argv: Sequence[str], ns: str = "laptop",
            **how: Any) -> subprocess.CompletedProcess:
        """Run @argv to its end on the machine of that role; see netns.run()."""
        return self.stations[ns].netns.run(argv, **how)

    def vmrun(self, *arguments: str, user: User = None, sudo: Union[bool, str] = False,
              check: bool = False, timeout: float = 60,
              **popen: Any) -> subprocess.CompletedProcess:
        """Run `vmrun @arguments` on the laptop to its end: for what does not stay, as `doctor`."""
        argv, env = vmrun_argv(self.directory, arguments, user, sudo)
        env = self.laptop.netns.env | env | popen.pop("env", {})
        return self.laptop.netns.run(argv, check=check, timeout=timeout,
                                     env=os.environ | env, **popen)

    def start_vm(self, definition: Definition, options: Sequence[str] = (),
                 wait: bool = True, timeout: float = 30, **how: Any) -> Vm:
        """Start `vmrun` on the laptop; unless @wait is false, return when the VM is on the LAN.

        @definition: a mapping, which is written as YAML, or the path of a file. @how: see Vm.
        """
        machine = Vm(self.laptop.netns, self.directory, definition, options, **how)
        self._vms.append(machine)
        if wait:
            machine.wait_ready(timeout)
        return machine

    def snapshot(self) -> HostState:
        """The state of the laptop as the host of VMs."""
        return HostState.of(self.laptop.netns)

    def leftovers(self) -> list[process.Process]:
        """Processes that were started on the laptop and still run."""
        return process.in_netns({self.laptop.netns.inode}, f"VMRUN_LAB={self.prefix}")

    # The end

    def reset(self) -> None:
        """End VMs and squatters and restore the laptop, so that its state can be compared."""
        for machine in self._vms:
            machine.close()
        self._vms.clear()
        self._closing.close()
        self.laptop.restore()

    def close(self) -> None:
        """Remove everything; safe after any failure, and more than once."""
        with ExitStack() as last:  # runs the rest even when one of these fails; last in, first out
            last.callback(shutil.rmtree, self.directory, ignore_errors=True)
            names = [ns.name for lan in self._lans for ns in lan.namespaces]
            names += [self.beyond.netns.name, self.laptop.netns.name]
            last.callback(netns.delete, names)
            last.callback(self.beyond.close)
            for lan in self._lans:
                last.callback(lan.close)
            last.callback(self.laptop.close)
            last.callback(self._closing.close)
            for machine in self._vms:
                last.callback(machine.close)
            for left in self.leftovers() if (netns.NAMED / self.laptop.netns.name).exists() else []:
                last.callback(left.signal, 9)


def sweep() -> list[str]:
    """Remove what runs that died have left; return the names."""
    names = netns.left_by_the_dead(netns.NAMED)
    netns.delete(names + netns.left_by_the_dead(netns.ETC))
    temporary = Path(tempfile.gettempdir())
    for name in netns.left_by_the_dead(temporary):
        shutil.rmtree(temporary / name, ignore_errors=True)
    return names
