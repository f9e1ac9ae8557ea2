# SPDX-License-Identifier: GPL-2.0-or-later
"""An image that takes longer to come than the service waits for a request."""

import hashlib
import time

import pytest

from caller import Service
from guests import paused
from lab import Lab
from mirror import Mirror
from vm import Account, Vm

pytestmark = pytest.mark.usefixtures("vmrun")

REQUEST = 10  # CLIENT_REQUEST_MS of netsetup/service/client.h, in seconds


def slow(lab: Lab, mirror: Mirror, user: Account, sudo: bool) -> Vm:
    """A VM of the user, whose image came late."""
    disks = [{"image": mirror.url("pause", "disk.raw"),
              "sha256": hashlib.sha256(mirror.files["disk.raw"]).hexdigest()}]
    vm = lab.start_vm(paused(disks=disks), wait=False, user=user, sudo=sudo)
    assert mirror.stalled.wait(20), vm.stderr.text
    time.sleep(REQUEST + 1)
    assert vm.alive, vm.stderr.text
    mirror.released.set()
    vm.wait_ready(60)
    return vm


def test_of_root(lab: Lab, mirror: Mirror) -> None:
    """A vmrun that was root when it connected, and may not connect again, still has its service."""
    vm = slow(lab, mirror, lab.add_user(), sudo=True)
    assert lab.phone.arp_request(vm.address)
    vm.quit()


def test_of_a_user(lab: Lab, mirror: Mirror) -> None:
    """The service waits for no user, who connects once more."""
    me = lab.add_user()
    lab.set_policy(f"allow user {me.uid} vms 1\n")
    with Service(lab) as service:
        service.install()
        vm = slow(lab, mirror, me, sudo=False)
        assert lab.phone.arp_request(vm.address)
        vm.quit()
