# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks the ends of a VM and their exit statuses; the fixture checks that nothing is left."""

import signal
import time

import pytest

from guests import boot, paused, refused, tiny
from lab import Lab

pytestmark = pytest.mark.usefixtures("vmrun")

SAME_WISH = 1.0  # supervise_timing.same_wish of launcher/run/shutdown.c, in seconds


@pytest.mark.both_paths
def test_power_off_from_inside(lab: Lab, data_path: str) -> None:
    vm, _ = boot(lab)
    vm.wait_console(r"^tiny:", 10)
    vm.send("poweroff\n")
    assert vm.wait() == 0
    said = vm.stderr.lines[2 if data_path == "bridged" else 1:]
    assert said == [], "nothing to say about the ordinary"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_graceful_stop(lab: Lab, number: signal.Signals) -> None:
    vm, _ = boot(lab)
    vm.signal(number)
    assert vm.wait() == 0
    assert "power button, going down" in vm.console.text
    vm.wait_stderr(r"vmrun: tiny: powering off, .* 60 s")


def test_stop_while_the_guest_boots(lab: Lab) -> None:
    """The request comes too early for the guest, and is repeated until it is heard."""
    vm = lab.start_vm(tiny())
    assert vm.stop() == 0
    assert "power button, going down" in vm.console.text


def test_guest_that_ignores_the_power_button(lab: Lab) -> None:
    definition = tiny(words="tiny.nobutton", **{"shutdown-timeout": "2s"})
    vm, _ = boot(lab, definition)
    began = time.monotonic()
    assert vm.stop() == 128 + signal.SIGTERM
    assert 2 <= time.monotonic() - began < 8
    vm.wait_stderr("no power-off within 2 s, quitting QEMU")


def test_ladder_of_signals(lab: Lab) -> None:
    """Each signal is a step; two that come together are one; the first gives the exit status."""
    vm = lab.start_vm(paused(), ["--verbose"])
    vm.wait_stderr("starting -> running")
    qemu = vm.qemu
    vm.signal(signal.SIGTERM)
    vm.signal(signal.SIGINT)
    vm.wait_stderr("SIGTERM from")
    vm.wait_stderr("SIGINT from")
    time.sleep(SAME_WISH + 0.1)
    assert "quitting" not in vm.stderr.text and qemu.alive
    qemu.signal(signal.SIGSTOP)  # it will not even quit
    vm.signal(signal.SIGINT)
    vm.wait_stderr("powering down -> quitting")
    time.sleep(SAME_WISH + 0.1)
    assert "killing" not in vm.stderr.text and qemu.alive
    vm.signal(signal.SIGHUP)
    vm.wait_stderr("quitting -> killing")
    first = signal.SIGTERM if vm.stderr.text.index("SIGTERM") < vm.stderr.text.index("SIGINT") \
        else signal.SIGINT  # which of two pending signals is read first is the kernel's choice
    assert vm.wait() == 128 + first


def test_second_signal_quits(lab: Lab) -> None:
    vm = lab.start_vm(paused())
    vm.signal(signal.SIGTERM)
    vm.wait_stderr("powering off, ")
    time.sleep(SAME_WISH + 0.1)
    vm.signal(signal.SIGTERM)
    assert vm.wait(5) == 128 + signal.SIGTERM


def test_sigquit_quits_at_once(lab: Lab) -> None:
    assert lab.start_vm(paused()).quit(3) == 128 + signal.SIGQUIT


@pytest.mark.both_paths
def test_qemu_killed(lab: Lab) -> None:
    vm = lab.start_vm(tiny())
    vm.qemu.signal(signal.SIGKILL)
    assert vm.wait(5) == 1
    assert "vmrun: QEMU was killed by signal 9 (Killed)" in vm.stderr.lines


@pytest.mark.both_paths
@pytest.mark.parametrize("booted", [False, True])
def test_vmrun_killed(lab: Lab, booted: bool) -> None:
    """QEMU goes by its parent-death signal, the service by the end of its last client's socket."""
    before = lab.snapshot()
    vm = boot(lab)[0] if booted else lab.start_vm(paused())
    qemu, services = vm.qemu, vm.services()
    vm.signal(signal.SIGKILL)
    began = time.monotonic()
    assert all(each.wait_gone(1) for each in [*services, qemu])
    took = time.monotonic() - began
    print(f"all gone after {took:.3f} s")
    assert took < 1 and vm.wait() == 128 + signal.SIGKILL
    assert before.diff(lab.snapshot()) == []


@pytest.mark.both_paths
def test_everything_killed(lab: Lab, data_path: str) -> None:
    """Nobody is left to undo it: tap, table and gate go by themselves, the next run sweeps the rest."""
    vm = lab.start_vm(paused())
    processes = [vm.supervisor, *vm.services(), *vm.family()]
    vm.signal(signal.SIGSTOP)
    for each in processes:
        each.signal(signal.SIGKILL)
    vm.signal(signal.SIGKILL)
    vm.wait()
    assert all(each.wait_gone(1) for each in processes)
    assert "vmr-tiny" not in lab.laptop.netns.ip("link show")
    assert "vmr-gate" not in lab.laptop.netns.ip("link show")
    assert lab.laptop.netns.run(["nft", "list", "tables"]).stdout == ""
    assert (vm.address in lab.laptop.netns.ip("neigh show proxy")) == (data_path == "routed")
    again = lab.start_vm(paused())
    assert again.address == vm.address
    again.quit()


@pytest.mark.both_paths
@pytest.mark.parametrize("which", ["netsetup", "maker", "worker"])
def test_service_killed(lab: Lab, data_path: str, which: str) -> None:
    """Another one goes on; the guest is not even interrupted, and vmrun says nothing."""
    vm, guest = boot(lab)
    for _ in range(2):
        service, killed = vm.netsetup, getattr(vm, which)
        killed.signal(signal.SIGKILL)
        assert killed.wait_gone(1) and service.wait_gone(1)
        assert vm.netsetup != service
        lab.phone.forget(vm.address)
        assert lab.phone.ping(vm.address) and guest.pings(lab.phone.address)
    said = [line for line in vm.stderr.lines if line.startswith("vmrun: ")]
    assert len(said) == (2 if data_path == "bridged" else 1), said
    assert vm.stop() == 0


def test_qemu_missing(lab: Lab) -> None:
    status, said = refused(lab, tiny(qemu={"binary": "qemu-system-riscv64"}))
    assert status == 1
    assert "'qemu-system-riscv64': No such file or directory" in said
    assert "sudo apt-get install qemu-system-misc" in said
    assert "on wlan0" not in said, "a VM that does not run is not on the LAN"


def test_qemu_refuses(lab: Lab) -> None:
    status, said = refused(lab, tiny(machine={"type": "nosuch"}))
    assert status == 1
    assert "unsupported machine type" in said, "QEMU's own words"
    assert "vmrun: QEMU exited with status 1" in said


def test_missing_kernel(lab: Lab) -> None:
    """Found by the reader, before anything is done."""
    status, said = refused(lab, tiny(boot={"kernel": "nowhere/vmlinuz"}))
    assert status == 3 and "nowhere/vmlinuz': No such file or directory" in said


def test_killed_while_addresses_are_probed(lab: Lab) -> None:
    """Careful probing takes seconds; the service does not go on for a vmrun that is gone."""
    with lab.phone.capture("arp") as seen:
        vm = lab.start_vm(tiny("careful", network={"probe": "strict"}), wait=False)
        seen.wait_for(r"who-has \S+ tell 0\.0\.0\.0", 20)
        services = vm.services()
        vm.signal(signal.SIGKILL)
        assert services and all(each.wait_gone(1) for each in services), "it goes on probing"
