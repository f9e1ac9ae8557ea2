# SPDX-License-Identifier: GPL-2.0-or-later
"""The DHCP clients that guests have, each with vmrun's server at the other end of a wire.

No guest and no vmrun here: two namespaces, so that each client goes through every state of a lease
within seconds. The clients see files, a host name and interfaces of their own.
"""

import itertools
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Callable, Iterator, Optional

import netns
import pytest
import vm
from conftest import need
from lab import sweep
from netns import Netns
from output import Output

GUEST_MAC = "52:54:00:12:34:56"
HOST, GUEST = "192.0.2.1", "192.0.2.10"
MOVED_HOST, MOVED = "192.0.2.2", "192.0.2.20"
ROUTER, ELSEWHERE, DNS = "192.0.2.254", "198.51.100.1", "192.0.2.53"
MTU = 1400
TOLD = ("web", [DNS], ["lan.test", "corp.test"])
LEASE = 16

NETWORKD = "/lib/systemd/systemd-networkd"
_serial = itertools.count()

# Hides the machine's files behind copies, then becomes the client. $0 is a directory.
SANDBOX = """
umount /etc/resolv.conf 2>/dev/null
mount --bind "$0/etc" /etc && mount --bind "$0/run" /run && mount --bind "$0/lib" /var/lib &&
	mount -o remount,ro /sys && hostname localhost && exec "$@"
"""

UDHCPC_SCRIPT = """#!/bin/sh
case $1 in
deconfig) ip addr flush dev $interface; ip link set $interface up ;;
bound|renew)
	ip addr flush dev $interface
	ip addr add $ip/$mask dev $interface
	ip link set $interface mtu $mtu
	[ -z "$staticroutes" ] || router=
	set -- $staticroutes
	while [ $# -gt 1 ]; do
		[ $2 = 0.0.0.0 ] && ip route add $1 dev $interface || ip route add $1 via $2
		shift 2
	done
	[ -z "$router" ] || ip route add default via $router
	printf 'search %s\\nnameserver %s\\n' "$search" "$dns" >/etc/resolv.conf
	hostname $hostname ;;
esac
"""

NETWORK = """[Match]
Name=eth0
[Network]
DHCP=ipv4
LinkLocalAddressing=no
IPv6AcceptRA=no
[DHCPv4]
UseMTU=yes
UseDomains=yes
"""


def wait_until(what: str, condition: Callable[[], object], timeout: float = 20) -> None:
    """Ask until it is so."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(0.05)


class Packet:
    """A DHCP packet as the server prints it."""

    def __init__(self, digits: str) -> None:
        data = bytes.fromhex(digits)
        self.destination = socket.inet_ntoa(data[16:20])
        self.ciaddr = socket.inet_ntoa(data[40:44])
        self.options: dict[int, bytes] = {}
        rest = data[268:]
        while rest and rest[0] != 255:
            if rest[0]:
                self.options[rest[0]] = rest[2:2 + rest[1]]
            rest = rest[2 + rest[1]:] if rest[0] else rest[1:]


class Server:
    """vmrun's DHCP server and the helper's packet socket, on the interface 'tap'."""

    def __init__(self, where: Netns) -> None:
        program = vm.binary().parent / "tests" / "dhcp_serve"
        if not program.exists():
            pytest.skip(f"needs {program}")
        self._process = where.popen(
            [str(program), "tap", f"mac={GUEST_MAC}", f"address={GUEST}", "prefix_length=24",
             f"gateway={ROUTER}", f"host={HOST}", f"dns={DNS}", f"mtu={MTU}", "hostname=web",
             "search=lan.test", "search=corp.test", f"lease={LEASE}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.netns = where
        self._output = Output.of(self._process.stdout, "dhcp_serve")
        self._seen = 0
        self.wait("serving")

    def wait(self, regex: str, timeout: float = 40) -> Optional[Packet]:
        """Wait for a line after the one that was waited for last; the client's packet in it."""
        pattern = re.compile(rf"^{regex}(?: .*)?\n", re.MULTILINE)
        found: list[re.Match] = []

        def look() -> bool:
            match = pattern.search(self._output.text, self._seen)
            if match:
                found.append(match)
            return bool(match)

        try:
            wait_until(f"'{regex}'", look, timeout)
        except AssertionError as error:
            raise AssertionError(f"{error} in:\n{self.events()}") from None
        self._seen = found[0].end()
        words = found[0][0].split()
        return Packet(words[2]) if len(words) > 2 else None

    def events(self) -> str:
        """All that happened so far, without the packets."""
        return "\n".join(" ".join(line.split()[:2]) for line in self._output.lines)

    def replies(self) -> list[Packet]:
        """The replies of the server."""
        words = [line.split() for line in self._output.lines]
        return [Packet(each[3]) for each in words if len(each) > 3]

    def configure(self, words: str) -> None:
        """Tell something else from now on."""
        self._process.stdin.write(words.encode() + b"\n")
        self._process.stdin.flush()
        self.wait("configured", timeout=2)

    def close(self) -> None:
        """Stop serving, and see that the program found nothing wrong with what it did."""
        self._process.stdin.close()
        assert self._process.wait(5) == 0, self._output.text[-1000:]


class Client:
    """A DHCP client on the interface 'eth0', in a sandbox of its own."""

    tools: tuple[str, ...] = ()
    argv: list[str] = []
    release_signal = signal.SIGTERM

    def __init__(self, where: Netns, directory: Path) -> None:
        self.netns = where
        self.directory = directory
        for name in ("etc", "run", "lib"):
            (directory / name).mkdir()
        shutil.copytree("/etc", directory / "etc", symlinks=True, dirs_exist_ok=True,
                        ignore=shutil.ignore_patterns("ssl", "ssh", "shadow*", "netns"))
        (directory / "etc/resolv.conf").unlink(missing_ok=True)
        (directory / "etc/resolv.conf").touch()
        self.process: Optional[subprocess.Popen] = None
        self.prepare()

    def prepare(self) -> None:
        """Write what the client reads."""

    def start(self) -> None:
        """Start it, with what it remembers."""
        with (self.directory / "log").open("ab") as log:
            self.process = self.netns.popen(
                ["unshare", "--uts", "--mount", "sh", "-c", SANDBOX, str(self.directory),
                 *self.argv], stdout=log, stderr=log)

    def inside(self, *argv: str) -> str:
        """Run a command where the client is."""
        return netns.run(["nsenter", f"--target={self.process.pid}", "--uts", "--mount", "--net",
                          *argv]).stdout

    def release(self) -> None:
        """Make it give its address back."""
        self.process.send_signal(self.release_signal)

    def kill(self) -> None:
        """End it without a word, as a reset of its machine does."""
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None

    # Settings that it learned

    def addresses(self) -> list[str]:
        """Its addresses with their prefix lengths."""
        return [f"{info['local']}/{info['prefixlen']}"
                for link in self.netns.ip_json("-4 addr show dev eth0")
                for info in link["addr_info"]]

    def routes(self) -> dict[str, str]:
        """Destination to gateway, or to '' on the link."""
        return {each["dst"]: each.get("gateway", "") for each in self.netns.ip_json("-4 route")}

    def mtu(self) -> int:
        """The MTU that it uses, of the link or of the default route."""
        routes = self.netns.ip_json("-4 route show default")
        on_route = [int(metric["mtu"]) for each in routes for metric in each.get("metrics", [])
                    if "mtu" in metric]
        return min([self.netns.ip_json("link show dev eth0")[0]["mtu"], *on_route])

    def names(self) -> tuple[str, list[str], list[str]]:
        """Its host name without domain, its DNS servers, its search domains."""
        text = (self.directory / "etc/resolv.conf").read_text()
        search = re.findall(r"^search\s+(.*)$", text, re.MULTILINE)
        return (self.inside("hostname").strip().partition(".")[0],
                re.findall(r"^nameserver\s+(\S+)", text, re.MULTILINE),
                [name.rstrip(".") for name in " ".join(search).split()])


class Udhcpc(Client):
    """BusyBox's, as in Alpine and in initramfs images."""

    tools = ("busybox",)
    release_signal = signal.SIGUSR2
    argv = ["busybox", "udhcpc", "-f", "-i", "eth0", "-s", "/run/script", "-A", "1",
            "-O", "mtu", "-O", "search", "-O", "121"]

    def prepare(self) -> None:
        script = self.directory / "run/script"
        script.write_text(UDHCPC_SCRIPT)
        script.chmod(0o755)


class Dhclient(Client):
    """ISC's, as in Debian until 12, with Debian's configuration and script."""

    tools = ("dhclient",)
    _files = ["-pf", "/run/dhclient.pid", "-lf", "/var/lib/dhclient.leases"]
    argv = ["dhclient", "-4", "-d", *_files, "eth0"]

    def prepare(self) -> None:
        # Or what is left of so short a lease would be over before it asks again.
        with (self.directory / "etc/dhcp/dhclient.conf").open("a") as config:
            config.write("initial-interval 1;\nbackoff-cutoff 2;\n")

    def release(self) -> None:
        self.inside("dhclient", "-4", "-r", *self._files, "eth0")


class Dhcpcd(Client):
    """Roy Marples's, as in Debian from 13 on, with its configuration and hooks."""

    tools = ("dhcpcd",)
    release_signal = signal.SIGALRM
    argv = ["sh", "-c", "mkdir -p /run/dhcpcd /var/lib/dhcpcd; exec dhcpcd -4 -B -d eth0"]

    def prepare(self) -> None:
        # Debian 12's configuration has it, 13's no longer.
        with (self.directory / "etc/dhcpcd.conf").open("a") as config:
            config.write("option rapid_commit\n")


class Networkd(Client):
    """systemd's, as in cloud images; without the rest of systemd it sets no names."""

    tools = (NETWORKD,)
    argv = [NETWORKD]

    def prepare(self) -> None:
        network = self.directory / "run/systemd/network/10-eth0.network"
        network.parent.mkdir(parents=True)
        network.write_text(NETWORK)

    def names(self) -> tuple[str, list[str], list[str]]:
        files = (self.directory / "run/systemd/netif/leases").glob("[0-9]*")
        lease = dict(line.split("=", 1) for file in files for line in file.read_text().splitlines()
                     if "=" in line)
        return (lease.get("HOSTNAME", ""), lease.get("DNS", "").split(),
                lease.get("DOMAIN_SEARCH_LIST", "").split())


@contextmanager
def wired(kind: type[Client], directory: Path) -> Iterator[tuple[Client, Server]]:
    """A host with the server and a guest with the client, not yet started, and a wire between
    them; the other addresses of their network exist nowhere."""
    need("root", "ip", "unshare", "nsenter", *kind.tools)
    sweep()
    # Apart from those of a lab in the same process.
    prefix = f"{netns.PREFIX}{os.getpid()}-{9000 + next(_serial)}"
    host, guest = Netns(f"{prefix}-host"), Netns(f"{prefix}-guest")
    client = kind(guest, directory)
    try:
        netns.create([host, guest])
        host.ip_batch([f"link add tap type veth peer name eth0 address {GUEST_MAC} "
                       f"netns {guest.name}", f"addr add {HOST}/24 dev tap", f"addr add {MOVED_HOST}/24 dev tap",
                       "link set tap up"])
        guest.ip_batch(["link set lo up"])
        server = Server(host)
        yield client, server
        server.close()
    finally:
        client.kill()
        netns.delete([host.name, guest.name])


@pytest.fixture
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Client, Server]]:
    """The client of the test's parameter, and its server."""
    with wired(request.param, tmp_path) as made:
        yield made


KINDS = (Udhcpc, Dhclient, Dhcpcd, Networkd)


def each(*kinds: type[Client]) -> pytest.MarkDecorator:
    """Run the test with each of these clients."""
    return pytest.mark.parametrize("pair", kinds, indirect=True,
                                   ids=lambda kind: kind.__name__.lower())


def live(client: Client, server: Server) -> None:
    """The life of a lease: bound with all it is told; renewed; rebound when we do not hear it;
    refused after a move and bound anew."""
    client.start()
    server.wait(f"bound {GUEST}")
    wait_until("the address", lambda: client.addresses() == [f"{GUEST}/24"])
    wait_until("the route", lambda: client.routes().get("default") == ROUTER)
    wait_until("the MTU", lambda: client.mtu() == MTU)
    wait_until("names", lambda: client.names() == TOLD)

    assert server.wait(f"extended {GUEST}").destination == HOST
    server.configure("deaf=1")
    server.wait("unheard")
    again = server.wait(f"extended {GUEST}")
    assert (again.destination, again.ciaddr) == ("255.255.255.255", GUEST)
    assert client.addresses() == [f"{GUEST}/24"]

    server.configure(f"deaf=0 address={MOVED} host={MOVED_HOST}")
    assert server.wait(f"refused {GUEST}").destination == HOST
    server.wait(f"bound {MOVED}")
    assert server.events().count("refused") == 1, "it did not hear it at once"
    wait_until("the new address", lambda: client.addresses() == [f"{MOVED}/24"])
    wait_until("the route", lambda: client.routes().get("default") == ROUTER)


@pytest.fixture(scope="module", autouse=True)
def lives(request: pytest.FixtureRequest,
          tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[type[Client], Future]]:
    """The lives of a lease with all clients, beside the other tests, since they mostly wait."""
    wanted = {item.callspec.params["kind"] for item in request.session.items
              if item.name.startswith("test_life_of_a_lease")}

    def body(kind: type[Client], directory: Path) -> None:
        with wired(kind, directory) as made:
            live(*made)

    with ThreadPoolExecutor(len(KINDS)) as pool:
        yield {kind: pool.submit(body, kind, tmp_path_factory.mktemp(kind.__name__))
               for kind in KINDS if kind in wanted}


@each(*KINDS)
def test_release(pair: tuple[Client, Server]) -> None:
    """It gives its address back, and can have it again."""
    client, server = pair
    client.start()
    server.wait(f"bound {GUEST}")
    wait_until("names", lambda: client.names() == TOLD)
    time.sleep(1)  # dhcpcd and udhcpc do not hear of it until their scripts have ended
    client.release()
    assert server.wait(f"released {GUEST}").ciaddr == GUEST
    client.kill()
    client.start()
    server.wait(f"bound {GUEST}")


@each(Dhclient, Dhcpcd)
def test_reboot(pair: tuple[Client, Server]) -> None:
    """A client that starts again asks for the address that it remembers, and gets it, or not."""
    client, server = pair
    client.start()
    server.wait(f"bound {GUEST}")
    wait_until("the address", client.addresses)
    time.sleep(0.5)  # it writes down what it has got
    client.kill()
    client.start()
    request = server.wait(f"bound {GUEST}")
    assert 54 not in request.options and request.options[50] == socket.inet_aton(GUEST)

    wait_until("the address", client.addresses)
    time.sleep(0.5)
    client.kill()
    server.configure(f"address={MOVED}")
    client.start()
    server.wait(f"refused {GUEST}")
    server.wait(f"bound {MOVED}")
    wait_until("the new address", lambda: f"{MOVED}/24" in client.addresses())


@each(*KINDS)
def test_gateway_elsewhere(pair: tuple[Client, Server]) -> None:
    """A gateway outside of the subnet is reached on the link."""
    client, server = pair
    server.configure(f"gateway={ELSEWHERE}")
    client.start()
    server.wait(f"bound {GUEST}")
    wait_until("the route", lambda: client.routes().get("default") == ELSEWHERE)
    assert client.routes().get(ELSEWHERE) == ""


@each(*KINDS)
def test_no_gateway(pair: tuple[Client, Server]) -> None:
    """Without a gateway, its network is all that it can reach."""
    client, server = pair
    server.configure("gateway=0.0.0.0")
    client.start()
    server.wait(f"bound {GUEST}")
    wait_until("the address", client.addresses)
    wait_until("the MTU or the names", lambda: DNS in json.dumps(client.names()))
    assert "default" not in client.routes()


@each(Dhcpcd)
def test_address_taken(pair: tuple[Client, Server]) -> None:
    """A client that finds its address in use says so."""
    client, server = pair
    server.netns.ip(f"addr add {GUEST}/24 dev tap")
    client.start()
    server.wait(f"declined {GUEST}")
    server.netns.ip(f"addr del {GUEST}/24 dev tap")
    server.configure(f"address={MOVED}")
    server.wait(f"bound {MOVED}")


@each(Dhcpcd)
def test_rapid_commit(pair: tuple[Client, Server]) -> None:
    """Two packets instead of four, for a client that asks for it."""
    client, server = pair
    client.start()
    server.wait(f"bound {GUEST}")
    wait_until("the address", client.addresses)
    assert "offered" not in server.events()
    assert server.replies()[0].options[80] == b""


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__.lower())
def test_life_of_a_lease(kind: type[Client], lives: dict[type[Client], Future]) -> None:
    """See live()."""
    lives[kind].result()
