# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks that `vmrun clean`, and the next start of any VM, remove the leftovers of dead runs."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest

from guests import paused
from lab import Lab
from vm import Vm

pytestmark = pytest.mark.usefixtures("vmrun")

FORWARDING = "net/ipv4/conf/wlan0/forwarding"
PROXY_DELAY = "net/ipv4/neigh/wlan0/proxy_delay"
ADDRESS = "192.168.77.99"
TAP_TABLES = 118000000  # before a tap's index in the number of its table


def shared(lab: Lab) -> tuple[str, str]:
    """The values of the uplink that all VMs share."""
    return lab.laptop.netns.sysctl(FORWARDING), lab.laptop.netns.sysctl(PROXY_DELAY)


def kill_all(vm: Vm) -> None:
    """vmrun-netsetup before vmrun, and the supervisor first, so that nothing is undone; vmrun is
    stopped, so that it starts no other in between."""
    victims = [vm.supervisor, *vm.services(), vm.qemu]
    vm.signal(signal.SIGSTOP)
    for each in victims:
        each.signal(signal.SIGKILL)
    vm.signal(signal.SIGKILL)
    vm.wait()
    assert all(each.wait_gone(2) for each in [*victims, *vm.family()])


def left(lab: Lab) -> list[str]:
    """Files of vmrun's, on the host and of root as a user, but what is to outlive a VM."""
    found = [path for top in (lab.run_dir, *lab.directory.glob("home-*"))
             for path in top.rglob("vmrun/**/*") if path.is_file() or path.is_socket()]
    return sorted(str(path) for path in found
                  if path.name not in ("addresses", "log") and "data/vmrun" not in str(path.parent)
                  or ".tmp-" in path.name)


def clean(lab: Lab, *options: str, **how: object) -> list[str]:
    """The output of `vmrun clean`, as lines."""
    done = lab.vmrun("clean", *options, check=True, **how)
    assert done.stderr == ""
    return done.stdout.splitlines()


def test_nothing_to_sweep(lab: Lab) -> None:
    assert clean(lab) == ["nothing to clean"]
    assert clean(lab, "--dry-run") == ["nothing to clean"]
    assert clean(lab, "--quiet") == []
    assert not (lab.run_dir / "vmrun").exists()


def test_after_all_were_killed(lab: Lab) -> None:
    vm = lab.start_vm(paused(console="socket"), [f"--address={ADDRESS}"])
    table = TAP_TABLES + lab.laptop.netns.ip_json(f"link show dev {vm.tap}")[0]["ifindex"]
    kill_all(vm)
    assert shared(lab) == ("1", "0")
    runtime = "/run/user/0/vmrun/tiny"
    expected = {*(f"rm {runtime}/{name}" for name in ("agent", "console", "control", "lock")),
                *(f"ip rule delete pref {rule} protocol 118" for rule in (
                    "115 lookup 117000000", f"117 iif {vm.tap} lookup {table}",
                    f"118 iif {vm.tap} unreachable", "118 iif wlan0 blackhole")),
                *(f"ip route delete {route} table {table} proto 118" for route in (
                    "192.168.77.0/24 dev wlan0",
                    f"default via {lab.lan.gateway} dev wlan0 onlink")),
                f"ip neigh delete proxy {ADDRESS} dev wlan0",
                "sysctl -w net.ipv4.conf.wlan0.forwarding=0",
                "sysctl -w net.ipv4.neigh.wlan0.proxy_delay=80"}
    before = lab.snapshot()
    assert set(clean(lab, "--dry-run")) == expected
    assert before.diff(lab.snapshot()) == [] and left(lab)
    assert set(clean(lab)) == expected
    assert shared(lab) == ("0", "80")
    assert left(lab) == []
    assert clean(lab) == ["nothing to clean"]


@pytest.mark.parametrize("display", ["vnc", "spice"])
def test_the_displays_socket_goes(lab: Lab, display: str) -> None:
    vm = lab.start_vm(paused(display=display))
    runtime = lab.run_dir / "user/0/vmrun/tiny"
    deadline = time.monotonic() + 5
    while not (runtime / f"{display}.sock").exists() and time.monotonic() < deadline:
        if not vm.alive:
            pytest.skip(f"needs a QEMU with {display}: {vm.stderr.text}")
        time.sleep(0.05)
    assert (runtime / f"{display}.sock").exists(), vm.stderr.text
    vm.quit()
    assert not runtime.exists()


def test_harmless_while_vms_run(lab: Lab) -> None:
    vm = lab.start_vm(paused(console="socket", disks=[snapshot_disk(lab)]))
    dead = lab.start_vm(paused("dead"))
    dead.signal(signal.SIGKILL)
    dead.wait()
    lab.laptop.netns.ip("neigh add proxy 192.168.77.60 dev wlan0 protocol 118")
    before = shared(lab)
    said = clean(lab)
    assert "ip neigh delete proxy 192.168.77.60 dev wlan0" in said
    assert "rm /run/user/0/vmrun/dead/lock" in said
    assert not any(vm.address in line or "tiny" in line or "sysctl" in line for line in said)
    assert shared(lab) == before == ("1", "0")
    assert lab.phone.arp_request(vm.address) and not lab.phone.arp_request(dead.address, 0.3)
    assert (lab.run_dir / "user/0/vmrun/tiny/console").is_socket()
    assert clean(lab) == ["nothing to clean"]
    vm.quit()
    assert shared(lab) == ("0", "80")


def test_vm_that_lives_on_sweeps(lab: Lab) -> None:
    """All of another VM is killed, and the service that both had: the one that root's vmrun starts
    for the living one takes away what the dead one has left, and reports it to nobody."""
    vm = lab.start_vm(paused())
    dead = lab.start_vm(paused("dead"))
    kill_all(dead)
    vm.wait_stderr("tiny: vmrun-netsetup ended; it serves again")
    deadline = time.monotonic() + 4  # it waits 2 s for a VM whose tap was there at its start
    while dead.address in lab.laptop.netns.ip("neigh show proxy"):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    assert vm.address in lab.laptop.netns.ip("neigh show proxy")
    assert shared(lab) == ("1", "0")
    assert lab.phone.arp_request(vm.address) and not lab.phone.arp_request(dead.address, 0.3)
    assert not any("sysctl" in line or "ip " in line for line in clean(lab))
    vm.quit()
    assert shared(lab) == ("0", "80")


def snapshot_disk(lab: Lab) -> dict:
    """A disk whose changes are thrown away."""
    image = lab.directory / "image.raw"
    image.write_bytes(bytes(1 << 20))
    return {"image": str(image), "mode": "snapshot"}


def test_any_start_sweeps_the_same(lab: Lab) -> None:
    """Another VM's: files, proxy entries, values, overlays."""
    dead = lab.start_vm(paused("dead", console="socket"))
    kill_all(dead)
    overlay = lab.directory / "home-0/data/vmrun/dead/disk0.tmp-AAAAAA"
    overlay.parent.mkdir(parents=True)
    overlay.touch()
    vm = lab.start_vm(paused())
    assert not overlay.exists()
    assert [path for path in left(lab) if "dead" in path] == []
    proxies = lab.laptop.netns.ip("neigh show proxy")
    assert dead.address not in proxies and vm.address in proxies
    vm.quit()
    assert shared(lab) == ("0", "80")


def test_entries_of_ours_without_a_vm(lab: Lab) -> None:
    """By the protocol's number; entries of others are theirs."""
    ip = lab.laptop.netns.ip
    ip("neigh add proxy 192.168.77.60 dev wlan0 protocol 118")
    ip("neigh add proxy 192.168.77.61 dev wlan0")
    ip("neigh add proxy 192.168.77.62 dev wlan0 protocol 117")
    vm = lab.start_vm(paused())
    proxies = ip("neigh show proxy")
    assert "77.60" not in proxies and "77.61" in proxies and "77.62" in proxies
    ip("neigh add proxy 192.168.77.60 dev wlan0 protocol 118")
    assert clean(lab) == ["ip neigh delete proxy 192.168.77.60 dev wlan0"]
    assert vm.address in ip("neigh show proxy") and "77.61" in ip("neigh show proxy")
    ip("neigh del proxy 192.168.77.61 dev wlan0")
    ip("neigh del proxy 192.168.77.62 dev wlan0")


def test_values_that_others_set_since_stay(lab: Lab) -> None:
    kill_all(lab.start_vm(paused()))
    lab.laptop.netns.sysctls({PROXY_DELAY: "40"})
    said = clean(lab)
    assert "sysctl -w net.ipv4.conf.wlan0.forwarding=0" in said
    assert not any("proxy_delay" in line for line in said)
    assert shared(lab) == ("0", "40")
    lab.laptop.netns.sysctls({PROXY_DELAY: "80"})


def test_by_sudo_and_by_a_user(lab: Lab) -> None:
    """The network needs privilege; a user's own files do not, and are swept as that user."""
    me = lab.add_user()
    kill_all(lab.start_vm(paused(console="socket"), user=me, sudo=True))
    runtime = f"/run/user/{me.uid}/vmrun/tiny"
    done = lab.vmrun("clean", user=me)
    assert done.returncode == 4
    assert set(done.stdout.splitlines()) == {
        f"rm {runtime}/{name}" for name in ("agent", "console", "control", "lock")}
    assert done.stderr.splitlines() == [
        "vmrun: cannot change the network: no service listens at '/run/vmrun/netsetup.sock', "
        "and you are not root",
        "your files are clean; clean the network: sudo vmrun clean"]
    said = clean(lab, user=me, sudo=True)
    assert any(line.startswith("ip neigh delete proxy") for line in said)
    assert shared(lab) == ("0", "80")
    assert clean(lab, user=me, sudo=True) == ["nothing to clean"]


def test_another_namespaces_directory(lab: Lab) -> None:
    """It stays: only a service of that namespace knows what there is to restore."""
    kill_all(lab.start_vm(paused()))
    own = next((lab.run_dir / "vmrun").glob("net-*"))
    other = own.with_name("net-999999")
    other.mkdir(mode=0o755)
    shutil.copy(own / "state", other)
    said = clean(lab)
    assert "sysctl -w net.ipv4.conf.wlan0.forwarding=0" in said
    assert not any("/run/vmrun/" in line for line in said)
    assert os.listdir(lab.run_dir / "vmrun") == [other.name]
    assert (other / "state").is_file()
    shutil.rmtree(lab.run_dir / "vmrun")


def test_a_vm_whose_service_is_replaced_is_not_swept(lab: Lab) -> None:
    """The next service has the connection of a vmrun that does not answer just now."""
    vm = lab.start_vm(paused())
    service = vm.netsetup
    vm.signal(signal.SIGSTOP)
    before = lab.snapshot()
    service.signal(signal.SIGKILL)
    assert service.wait_gone(1)
    assert clean(lab) == ["nothing to clean"]
    time.sleep(2.5)  # longer than it waits for clients that come back
    assert before.diff(lab.snapshot()) == []
    assert lab.phone.arp_request(vm.address)
    vm.signal(signal.SIGCONT)
    assert vm.quit() == 128 + signal.SIGQUIT


def test_a_run_dir_that_cannot_be_used(lab: Lab) -> None:
    (lab.run_dir / "vmrun").mkdir(mode=0o777)
    (lab.run_dir / "vmrun").chmod(0o777)
    done = lab.vmrun("clean")
    assert done.returncode == 4 and "'/run/vmrun' is open to other users" in done.stderr
    Path(lab.run_dir / "vmrun").rmdir()
