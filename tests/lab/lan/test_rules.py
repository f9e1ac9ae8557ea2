# SPDX-License-Identifier: GPL-2.0-or-later
"""scratch"""
import time
import pytest
from guests import boot, paused
from lab import Lab
pytestmark = pytest.mark.usefixtures("vmrun")

def test_scratch(lab: Lab) -> None:
    from vm import write_definition
    print(lab.vmrun("--dry-run", str(write_definition(lab.directory, paused()))).stdout)
    vm = lab.start_vm(paused(), ["--verbose"])
    print(vm.stderr.text)
    print(lab.laptop.netns.ip("rule"))
    print(lab.laptop.netns.ip("route show table all proto 118"))
    vm.quit()
    print(vm.stderr.text)
    print(lab.laptop.netns.ip("rule"))
    assert 0
