# SPDX-License-Identifier: GPL-2.0-or-later
"""A VM with several networks: its place on the LAN is the same, whichever card it is."""

import os
import subprocess

import pytest

from guests import boot, tiny
from lab import Lab
from vm import vmrun_argv

pytestmark = pytest.mark.usefixtures("vmrun")


def test_lan_beside_qemus_own(lab: Lab) -> None:
    """The LAN's card is the second; the guest is told so, and QEMU serves the first."""
    vm, guest = boot(lab, tiny(network=["user", {"model": "virtio"}]),
                     ["--address=192.168.77.40"])
    assert vm.address == "192.168.77.40"
    cards = guest.sh("for i in 0 1; do cat /sys/class/net/eth$i/address; done").split()
    macs = [word[4:] for each in vm.qemu.cmdline for word in each.split(",")
            if word.startswith("mac=")]
    assert cards == macs and len(set(macs)) == 2
    assert guest.sh("cat /run/nic") == "eth1"
    assert guest.sh("ip route show default").split()[:3] == ["default", "via", "192.168.77.1"]
    # Only a lease: its script would set a route.
    said = guest.sh("ip link set eth0 up; udhcpc -i eth0 -n -q -f -s /bin/true 2>&1")
    assert "lease of 10.0.2.15 obtained" in said


FAKE_SSH = "#!/bin/sh\necho called with \"$@\"\n"


def test_ports(lab: Lab) -> None:
    """Programs of the laptop reach the guest by its ports, with no privilege anywhere."""
    me = lab.add_user()
    tools = lab.directory / "tools"
    tools.mkdir()
    (tools / "ssh").write_text(FAKE_SSH)
    (tools / "ssh").chmod(0o755)
    definition = tiny(network={"type": "user",
                               "ports": ["8080:80", "2222:22", "127.0.0.1:7007:7/tcp"]},
                      console="socket")
    vm = lab.start_vm(definition, user=me, wait=False)
    assert "tiny" in lab.laptop.http_get("127.0.0.1", 8080, timeout=60)
    said = lab.vmrun("status", "tiny", user=me).stdout
    assert "127.0.0.1:8080:80/tcp, 127.0.0.1:2222:22/tcp, 127.0.0.1:7007:7/tcp" in said
    with pytest.raises(OSError):
        lab.phone.tcp_open(lab.laptop.address, 8080, timeout=2)

    # QEMU accepts at once; the guest does not, until it has a server there.
    asked = lab.laptop.netns.popen(
        [*map(str, vmrun_argv(lab.directory, ["ssh", "tiny", "uptime"], me)[0])],
        stdout=subprocess.PIPE, text=True,
        env=os.environ | lab.laptop.netns.env | vmrun_argv(lab.directory, [], me)[1]
        | {"PATH": f"{tools}:{os.environ['PATH']}"})
    with pytest.raises(subprocess.TimeoutExpired):
        asked.wait(3)
    lab.laptop.http("POST", "127.0.0.1", "/cgi-bin/sh", 8080,
                    body="nc -ll -p 22 -e echo SSH-2.0-tiny >/dev/null 2>&1 &")
    out, _ = asked.communicate(timeout=30)
    assert "-oPort=2222 127.0.0.1 uptime" in out

    again = lab.vmrun("run", "--set", "name=other", str(vm.file), user=me)
    assert again.returncode == 1
    assert "'127.0.0.1:8080:80/tcp': Address already in use" in again.stderr
    refused = lab.vmrun("run", "--set", "name=other", "--set", "network.ports=[\"80:80\"]",
                        str(vm.file), user=me)
    assert refused.returncode == 4 and "ip_unprivileged_port_start" in refused.stderr
    assert vm.stop() == 0
