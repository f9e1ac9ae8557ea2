# SPDX-License-Identifier: GPL-2.0-or-later
"""The demonstration: a VM on a simulated Wi-Fi LAN, seen from another station of it."""

import re
import signal
import sys
import time
from html.parser import HTMLParser
from pathlib import Path

from lab import Lab

TINY = Path(__file__).resolve().parents[3] / "vms" / "tiny.yaml"


class Text(HTMLParser):
    """The text of a page, without what only a browser uses."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []
        self._hidden = False

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self._hidden = tag in ("style", "script", "title")

    def handle_endtag(self, tag: str) -> None:
        self._hidden = False

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._hidden:
            self.lines.append(data.strip())


def say(text: str) -> None:
    """A step."""
    print(f"\n== {text}", flush=True)


def show(text: str) -> None:
    """The output of a program, indented."""
    for line in text.rstrip().splitlines():
        print(f"   {line}", flush=True)


def picture(lab: Lab, vm) -> None:
    """Print the parts that vmrun set up on the laptop, each as its own tool shows it."""
    laptop = lab.laptop.netns
    commands = [
        f"ip -brief link show dev {vm.tap}",
        f"ip route show dev {vm.tap}",
        f"ip neigh show proxy dev {vm.uplink}",
    ]
    for command in commands:
        print(f"   $ {command}")
        show(laptop.ip(command.removeprefix("ip ")))
    for key in (f"ipv4.conf.{vm.uplink}.forwarding", f"ipv4.conf.{vm.tap}.forwarding",
                f"ipv4.conf.{vm.tap}.proxy_arp", f"ipv4.conf.{vm.tap}.rp_filter",
                f"ipv4.neigh.{vm.uplink}.proxy_delay", "ipv4.ip_forward"):
        value = laptop.sysctl("net/" + key.replace(".", "/"))
        note = "   (never written)" if key.endswith("ip_forward") else ""
        print(f"   net.{key} = {value}{note}")


def main() -> int:
    """Run it; 0 when everything was as it should be."""
    say("a laptop on a Wi-Fi LAN, made of network namespaces")
    with Lab() as lab:
        print(f"   router   {lab.lan.gateway}   (DHCP, DNS, and a host beyond it)\n"
              f"   phone    {lab.phone.address}\n"
              f"   laptop   {lab.laptop.address} on wlan0; "
              "the access point passes this station's own MAC address only")
        before = lab.snapshot()

        say(f"sudo vmrun {TINY.relative_to(TINY.parents[1])}")
        started = time.monotonic()
        vm = lab.start_vm(TINY, options=["--verbose"])
        show(vm.stderr.text)

        say("what is on the laptop now")
        picture(lab, vm)

        say(f"the phone opens http://{vm.address}/")
        lab.phone.ping(vm.address, 60)
        print(f"   the guest answers {time.monotonic() - started:.1f} s after the command")
        page = Text()
        page.feed(lab.phone.http_get(vm.address))
        show("\n".join(page.lines))
        print("   in the phone's ARP table: "
              + re.sub(r"\s+", " ", lab.phone.netns.ip(f"neigh show {vm.address}")).strip()
              + f"   (the laptop's own MAC is {lab.laptop.mac})")

        say("power off: one SIGTERM to vmrun")
        vm.signal(signal.SIGTERM)
        status = vm.wait(60)
        show(vm.stderr.text.split(f"tap {vm.tap}\n", 1)[1])
        print(f"   exit status {status}")

        say("the laptop, before and after")
        deadline = time.monotonic() + 1
        while (difference := before.diff(lab.snapshot())) and time.monotonic() < deadline:
            time.sleep(0.05)
        left = lab.leftovers()
        show("\n".join(difference) or "(no difference)")
        show("\n".join(map(str, left)) or "(no process left)")
    return 1 if difference or left or status else 0


if __name__ == "__main__":
    sys.exit(main())
