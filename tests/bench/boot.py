# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures the time from the command to QEMU and to the guest's first answer to a ping."""

import fcntl
import select
import signal
import socket
import struct
import subprocess
import time
from pathlib import Path
from typing import Callable

import byhand
import measure
from lab import Lab
from station import Station

START_ROUNDS = 9
BOOT_ROUNDS = 7
INTERVAL = 0.004
SIOCGIFFLAGS, IFF_UP = 0x8913, 1
ECHO_REQUEST, ECHO_REPLY = 8, 0
TINY = Path(__file__).resolve().parents[2] / "vms" / "tiny.yaml"


def _checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def first_answer(station: Station, address: str, began: float, timeout: float = 60) -> float:
    """Ping @address from @station every few milliseconds; seconds from @began to an answer."""
    with station.netns.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        sock.connect((address, 0))
        sock.setblocking(False)
        sequence = 0
        while time.monotonic() - began < timeout:
            sequence += 1
            packet = struct.pack("!BBHHH", ECHO_REQUEST, 0, 0, 0x766D, sequence & 0xFFFF)
            packet = packet[:2] + struct.pack("!H", _checksum(packet)) + packet[4:]
            try:
                sock.send(packet)
            except OSError:
                pass  # an error of a host on the way: the guest does not answer yet
            due = time.monotonic() + INTERVAL
            while (left := due - time.monotonic()) > 0 and select.select([sock], [], [], left)[0]:
                try:
                    answer = sock.recv(2048)
                except OSError:
                    continue
                if answer[20] == ECHO_REPLY:
                    return time.monotonic() - began
    raise TimeoutError(f"{address} did not answer for {timeout} s")


def _wait_up(station: Station, ifname: str) -> None:
    """Wait until there is an interface of that name and it is up, without taking processor time
    from those who make it so."""
    request = struct.pack("16s24x", ifname.encode())
    with station.netns.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        while True:
            try:
                flags, = struct.unpack_from("H", fcntl.ioctl(sock, SIOCGIFFLAGS, request), 16)
            except OSError:
                flags = 0
            if flags & IFF_UP:
                return
            time.sleep(0.002)


class Boot:
    """Boots the small guest this way and that; neighbour entries are put in by hand, so that the
    second between two ARP requests of a kernel does not decide how long a boot takes."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._mac = byhand.mac(byhand.qemu_argv(lab, TINY, "none", "off"))

    def _pin(self, address: str, tap: str) -> None:
        self._lab.laptop.netns.ip(f"neigh replace {address} lladdr {self._mac} dev {tap} "
                                  "nud permanent")
        self._lab.phone.netns.ip(f"neigh replace {address} lladdr {self._lab.laptop.mac} dev lan "
                                 "nud permanent")

    def _answer(self, address: str, tap: str, began: float) -> float:
        self._pin(address, tap)
        took = first_answer(self._lab.phone, address, began)
        self._lab.phone.netns.ip(f"neigh delete {address} dev lan")
        return took

    def vmrun(self, *options: str, forget: bool = False) -> Callable[[], float]:
        """A boot by vmrun; @forget: the address that it had last time."""
        def boot() -> float:
            if forget:
                for file in self._lab.directory.glob("home-*/state/vmrun/*/addresses"):
                    file.unlink()
            began = time.monotonic()
            with self._lab.start_vm(TINY, options=options, wait=False) as vm:
                vm.wait_ready()
                took = self._answer(vm.address, vm.tap, began)
                vm.signal(signal.SIGQUIT)
                vm.wait()
            return took
        return boot

    def by_hand(self) -> float:
        """A boot by the recipe."""
        began = time.monotonic()
        guest = byhand.recipe_guest(self._lab, TINY)
        try:
            _wait_up(self._lab.laptop, "tap1")
            return self._answer(byhand.ADDRESS, "tap1", began)
        finally:
            guest.close()
            byhand.recipe_down(self._lab)


class Start:
    """Starts a QEMU that keeps its guest paused: what is before QEMU, without what comes after."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab

    def vmrun(self, *options: str) -> Callable[[], float]:
        """By vmrun, until it says that the VM has its place."""
        def start() -> float:
            began = time.monotonic()
            with self._lab.start_vm(TINY, ["--set", "qemu.args=[-S]", *options], wait=False) as vm:
                vm.wait_ready()
                took = time.monotonic() - began
                vm.signal(signal.SIGQUIT)
                vm.wait()
            return took * 1e3
        return start

    def by_hand(self) -> float:
        """By the recipe, until it becomes another program."""
        began = time.monotonic()
        with self._lab.laptop.netns.popen([str(byhand.RECIPE), "run", "echo", "started"],
                                          stdout=subprocess.PIPE) as recipe:
            recipe.stdout.readline()
            took = time.monotonic() - began
        byhand.recipe_down(self._lab)
        return took * 1e3


def main(build: Path) -> None:
    """Print the tables."""
    none = ["--set", "network.probe=none"]
    with Lab() as lab:
        measure.title("start: from the command to QEMU's start")
        start = Start(lab)
        start.vmrun()()  # to remember an address, and to have all files in memory
        measure.table("ms", measure.in_turn(START_ROUNDS, {
            "by hand": start.by_hand,
            "vmrun, probe: none": start.vmrun(*none),
            "vmrun, remembered address": start.vmrun()}), "by hand")

        measure.title("boot: from the command to the guest's first answer to the phone's ping")
        boot = Boot(lab)
        samples = measure.in_turn(BOOT_ROUNDS, {
            "by hand": boot.by_hand,
            "vmrun, probe: none": boot.vmrun(*none),
            "vmrun, remembered address": boot.vmrun()})
        samples |= measure.in_turn(BOOT_ROUNDS // 3,
                                   {"vmrun, new address": boot.vmrun(forget=True)})
        measure.table("s", samples, "by hand", 3, {"vmrun, remembered address": "1.05"})
        measure.note("by hand, the kernel lets the guest wait up to 0.8 s for its first ARP answer")
