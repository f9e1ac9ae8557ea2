# SPDX-License-Identifier: GPL-2.0-or-later
"""Measures memory and wake-ups of vmrun and vmrun-netsetup while a VM is idle."""

import re
import time
from pathlib import Path

import measure
from lab import Lab

SETTLE = 4.0  # longer than the second announcement takes to come
DURING = 10.0
HELPER = "vmrun-netsetup"
LIBVIRTD = 22 * 1024  # kB; what is resident of that daemon beside one VM
AIM = 3 * 1024  # kB
TINY = Path(__file__).resolve().parents[2] / "vms" / "tiny.yaml"


def memory(pid: int) -> int:
    """The kilobytes that are a process's own share of memory (PSS)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return int(re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)[1])


def switches(pid: int) -> int:
    """The number of times that a process slept or lost its processor so far."""
    text = Path(f"/proc/{pid}/status").read_text()
    return sum(map(int, re.findall(r"^(?:non)?voluntary_ctxt_switches:\s+(\d+)", text,
                                   re.MULTILINE)))


def main(build: Path) -> None:
    """Print the table."""
    measure.title(f"idle: memory, and wake-ups in {DURING:.0f} s")
    with Lab() as lab:
        vm = lab.start_vm(TINY, user=lab.add_user(), sudo=True)
        lab.phone.ping(vm.address, 60)
        time.sleep(SETTLE)
        helpers = [each.pid for each in lab.laptop.netns.processes() if each.name == HELPER]
        standbys = {f"its standby {pid}": pid for pid in helpers if pid != vm.netsetup.pid}
        pids = {"vmrun": vm.pid, HELPER: vm.netsetup.pid, **standbys, "QEMU": vm.qemu.pid}
        before = {name: switches(pid) for name, pid in pids.items()}
        time.sleep(DURING)
        woken = {name: switches(pid) - before[name] for name, pid in pids.items()}
        pss = {name: memory(pid) for name, pid in pids.items()}
    print(f"   {'':15}  {'PSS, kB':>9}  {'ratio':>7}  {'wake-ups':>8}")
    for name in pids:
        aim = "" if name == "QEMU" else "   aim: 0"
        print(f"   {name:15}  {pss[name]:9}  {pss[name] / pss['QEMU']:7.4f}  {woken[name]:8}{aim}")
    together = sum(size for name, size in pss.items() if name != "QEMU")
    print(f"   {'all but QEMU':15}  {together:9}  {together / LIBVIRTD:7.4f}  of libvirtd's {LIBVIRTD}"
          f"   aim: {AIM} kB")
    measure.note("QEMU's wake-ups are those of its first thread; the guest is vms/tiny.yaml")
