# SPDX-License-Identifier: GPL-2.0-or-later
"""A VM with the same QEMU command as vmrun's, its network set up by hand or QEMU's own."""

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path
from typing import Sequence

from lab import Lab

HERE = Path(__file__).resolve().parent
RECIPE = HERE / "recipe"
ADDRESS = "192.168.77.10"
FORWARDED = 8000  # QEMU's own network: host's port 8000 + n is the guest's port n


def qemu_argv(lab: Lab, definition: Path, netdev: str, ip: str) -> list[str]:
    """The command that a dry run shows, with another -netdev and address, and without what vmrun
    speaks to: QMP and the guest's agent. Its sockets are in the lab's directory."""
    lines = lab.vmrun("--dry-run", str(definition), check=True).stdout.splitlines()
    argv = shlex.split(lines[-1])
    for option in ("socket,id=qmp,fd=3", "chardev:qmp"):
        at = argv.index(option)
        del argv[at - 1:at + 1]
    argv[argv.index("-netdev") + 1] = netdev
    argv = [re.sub(r"\bip=\S+", f"ip={ip}", arg.replace("RUNTIME/", f"{lab.directory}/"))
            for arg in argv]
    argv = [re.sub(r"^socket,id=agent,.*", "null,id=agent", arg) for arg in argv]
    return [re.sub(r",host_mtu=\w+", ",host_mtu=1500", arg) for arg in argv]


def mac(argv: Sequence[str]) -> str:
    """The guest's MAC address in a QEMU command."""
    return re.search(r"\bmac=([0-9a-f:]{17})", " ".join(argv))[1]


class Guest:
    """QEMU on the laptop, without vmrun; ended by SIGKILL, for nothing of it is kept."""

    def __init__(self, lab: Lab, argv: Sequence[str], **env: str) -> None:
        quiet = {"stdin": subprocess.PIPE, "stdout": subprocess.DEVNULL,
                 "stderr": subprocess.DEVNULL, "start_new_session": True}
        self.process = lab.laptop.netns.popen(argv, env=os.environ | lab.laptop.netns.env | env,
                                              **quiet)

    def close(self) -> None:
        """End it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdin.close()


def recipe_guest(lab: Lab, definition: Path, address: str = ADDRESS, tap: str = "tap1",
                 vnet_hdr: bool = True) -> Guest:
    """A guest by the recipe: `recipe run QEMU`. QEMU asks for a header of offloads by itself, as
    long as nobody tells it not to; recipe_down() is to follow close()."""
    netdev = f"tap,id=lan0,ifname={tap},script=no,downscript=no"
    netdev += "" if vnet_hdr else ",vnet_hdr=off"
    ip = f"{address}::{lab.laptop.address}:255.255.255.0:tiny::off:{lab.lan.gateway}"
    argv = qemu_argv(lab, definition, netdev, ip)
    return Guest(lab, [str(RECIPE), "run", *argv], ADDRESS=address, TAP=tap,
                 UPLINK=lab.laptop.interface)


def recipe_down(lab: Lab, address: str = ADDRESS, tap: str = "tap1") -> None:
    """Undo the recipe by hand."""
    lab.run([str(RECIPE), "down"], env=os.environ | {"ADDRESS": address, "TAP": tap,
                                                     "UPLINK": lab.laptop.interface})


def user_guest(lab: Lab, definition: Path, ports: Sequence[int]) -> Guest:
    """A guest behind QEMU's own address translation, with @ports forwarded to it."""
    forwards = "".join(f",hostfwd=tcp::{FORWARDED + port}-:{port}" for port in ports)
    argv = qemu_argv(lab, definition, f"user,id=lan0{forwards}",
                     "10.0.2.15::10.0.2.2:255.255.255.0:tiny::off:10.0.2.3")
    return Guest(lab, argv)
