# SPDX-License-Identifier: GPL-2.0-or-later
"""A VM as a service: what the service manager is told, and the units."""

import os
import re
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Iterator

import pytest
from conftest import need, need_vmrun
from guests import VMS, paused
from lab import Lab
from vm import Vm

BUILD_UNITS = "launcher/packaging"

# The highest exposure of `systemd-analyze security` that is accepted, times 10.
EXPOSURE = 25


class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, path: Path) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        self.socket.settimeout(20)
        path.chmod(0o777)
        self.env = {"NOTIFY_SOCKET": str(path)}

    def hear(self, regex: str) -> dict[str, str]:
        """Wait for a message that matches; all of its assignments."""
        heard = []
        while not heard or not re.search(regex, heard[-1], re.MULTILINE):
            try:
                heard.append(self.socket.recv(4096).decode())
            except TimeoutError:
                raise AssertionError(f"no '{regex}' but {heard}") from None
        return dict(line.split("=", 1) for line in heard[-1].splitlines())

    def rest(self) -> list[str]:
        """The messages that were received and not read yet."""
        self.socket.settimeout(0)
        messages = []
        try:
            while True:
                messages.append(self.socket.recv(4096).decode())
        except BlockingIOError:
            return messages


@pytest.fixture
def manager(lab: Lab) -> Iterator[Manager]:
    """A service manager that listens."""
    made = Manager(lab.directory / "notify")
    yield made
    made.socket.close()


def start(lab: Lab, manager: Manager, definition: dict, *options: str) -> Vm:
    """A VM as the units start it."""
    vm = lab.start_vm(definition, ["--set=console=socket", *options], env=manager.env)
    return vm


@pytest.mark.usefixtures("vmrun")
def test_ready_on_the_lan_and_stopping(lab: Lab, manager: Manager) -> None:
    """Told when it is so, and the manager waits as long as the definition gives the guest."""
    vm = start(lab, manager, paused(**{"shutdown-timeout": "200s"}))
    ready = manager.hear("^READY=1$")
    assert ready["STATUS"] == f"On the LAN: {vm.address}/{vm.prefix} on {vm.uplink}"
    for each in vm.family():
        environment = Path(f"/proc/{each.pid}/environ").read_bytes()
        assert b"NOTIFY_SOCKET" not in environment, each.name
    vm.signal(signal.SIGTERM)
    stopping = manager.hear("^STOPPING=1$")
    assert stopping["STATUS"] == "Powering down"
    assert 200 < int(stopping["EXTEND_TIMEOUT_USEC"]) / 1_000_000 < 300
    vm.signal(signal.SIGQUIT)
    assert vm.wait() == 128 + signal.SIGTERM
    assert not any("READY" in each for each in manager.rest())


@pytest.mark.usefixtures("vmrun")
def test_status_follows_the_lan(lab: Lab, manager: Manager) -> None:
    vm = start(lab, manager, paused())
    manager.hear("^READY=1$")
    lab.laptop.down()
    manager.hear("^STATUS=Off the LAN: .")
    lab.laptop.up()
    manager.hear(f"^STATUS=On the LAN: {vm.address}/{vm.prefix} on {vm.uplink}")
    assert vm.quit() == 128 + signal.SIGQUIT
    assert "STOPPING=1" in "\n".join(manager.rest())


@pytest.mark.usefixtures("vmrun")
def test_failed_start_is_never_ready(lab: Lab, manager: Manager) -> None:
    vm = lab.start_vm(paused(network={"uplink": "nope0"}), wait=False, env=manager.env)
    assert vm.wait() == 5
    assert manager.rest() == []


def test_system_unit_is_confined(capsys: pytest.CaptureFixture) -> None:
    """The number of systemd-analyze security, of 10; 0 is the best."""
    need("systemd-analyze")
    unit = need_vmrun().parent / BUILD_UNITS / "system" / "vmrun@.service"
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", str(unit)],
                          capture_output=True, text=True)
    exposure = float(re.search(r"Overall exposure level for \S+: ([0-9.]+)", done.stdout)[1])
    with capsys.disabled():
        print(f"\nvmrun@.service: exposure level {exposure}")
    assert exposure <= 2.0, done.stdout
    assert done.stderr == ""


@pytest.mark.parametrize("kind", ["user", "system"])
def test_units_are_clean(tmp_path: Path, kind: str) -> None:
    """As systemd reads them; and the guest is asked by vmrun, not QEMU by systemd."""
    need("systemd-analyze")
    program = need_vmrun()
    unit = (program.parent / BUILD_UNITS / kind / "vmrun@.service").read_text()
    unit, count = re.subn(r"^ExecStart=\S+/vmrun ", f"ExecStart={program} ", unit, flags=re.M)
    assert count == 1
    file = tmp_path / "vmrun@web.service"
    file.write_text(unit)
    shutil.copy(VMS.parent / BUILD_UNITS / "vmrun-user@.service", tmp_path)
    done = subprocess.run(["systemd-analyze", "verify", "--man=no", f"--{kind}", str(file)],
                          env=os.environ | {"XDG_RUNTIME_DIR": str(tmp_path),
                                            "SYSTEMD_UNIT_PATH": f"{tmp_path}:"},
                          capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    for line in ("Type=notify", "KillMode=mixed", "RestartPreventExitStatus=2 3 4"):
        assert f"\n{line}\n" in unit


@pytest.fixture
def netsetup_units(tmp_path: Path) -> Path:
    """The directory of vmrun-netsetup's units, which name the program of this build."""
    need("systemd-analyze")
    program = need_vmrun()
    for kind in ("socket", "service"):
        unit = (program.parent / BUILD_UNITS / "system" / f"vmrun-netsetup.{kind}").read_text()
        unit, count = re.subn(r"=(-?)/\S+/vmrun-netsetup ",
                              rf"=\1{program.parent}/vmrun-netsetup ", unit)
        assert count == 1
        (tmp_path / f"vmrun-netsetup.{kind}").write_text(unit)
    return tmp_path


def test_netsetup_units_are_clean(netsetup_units: Path) -> None:
    done = subprocess.run(["systemd-analyze", "verify", "--man=no",
                           netsetup_units / "vmrun-netsetup.socket",
                           netsetup_units / "vmrun-netsetup.service"],
                          capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_netsetup_exposure(netsetup_units: Path) -> None:
    """The exposure to an attacker in the service, by systemd's count."""
    done = subprocess.run(["systemd-analyze", "security", "--offline=true", "--no-pager",
                           f"--threshold={EXPOSURE}", netsetup_units / "vmrun-netsetup.service"],
                          capture_output=True, text=True)
    print(done.stdout.strip().splitlines()[-1])
    assert done.returncode == 0, done.stdout
