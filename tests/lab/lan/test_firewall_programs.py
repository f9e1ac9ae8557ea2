# SPDX-License-Identifier: GPL-2.0-or-later
"""firewalld, Docker and ufw themselves: old and new releases, and their reloads under a connection."""

import time
from typing import Iterator, Union

import pytest

from firewalls import Docker, Firewalld, Release, Ufw
from guests import boot, paused, tiny
from lab import Lab
from stream import Echoes
from test_firewall import PACKETS, fates, rules, status, wait_status

# The packages take a minute to unpack, once.
pytestmark = [pytest.mark.usefixtures("vmrun"), pytest.mark.slow]

Program = Union[Docker, Firewalld, Ufw]

# firewalld: before 2.1 its rules could be added to. Docker: 20.10 and 26.
PROGRAMS = [("bookworm", Firewalld), ("trixie", Firewalld), ("bookworm", Docker),
            ("trixie", Docker), ("trixie", Ufw)]


@pytest.fixture(params=PROGRAMS, ids=lambda each: f"{each[1].owner}-{each[0]}")
def program(lab: Lab, request: pytest.FixtureRequest) -> Iterator[Program]:
    """The program, which drops what the laptop forwards."""
    suite, kind = request.param
    with Release(lab, suite) as release:
        yield kind(release)


def check_reload(lab: Lab, program: Program, address: str, longest: float) -> None:
    """A station's connection to the guest is there after the program has made its rules anew, and
    was interrupted for at most @longest seconds."""
    with Echoes(lab.phone, address) as stream:
        assert stream.answered(time.monotonic())
        began = time.monotonic()
        program.reload()
        reloaded = time.monotonic()
        assert stream.answered(reloaded, 30) and not stream.broken
        time.sleep(6)  # the laptop asks again in this time
        gap = stream.outage(began, time.monotonic())
        print(f"{program.owner}: {reloaded - began:.1f} s for a reload, longest pause {gap:.2f} s")
        assert stream.answered(time.monotonic()) and not stream.broken and gap < longest


def test_bridged(lab: Lab, program: Program) -> None:
    """`path: auto` is bridged, says because of whom, and no reload is felt."""
    vm, guest = boot(lab, tiny())
    found = status(lab, vm)
    assert found["path"] == "bridged" and found["path-reason"].startswith(f"{program.owner} drops ")
    assert f"vmrun: tiny: bridged, because {found['path-reason']}" in vm.stderr.text
    assert guest.reads(f"http://{lab.phone.address}/")
    check_reload(lab, program, vm.address, 1)


def test_remedy(lab: Lab, program: Program) -> None:
    """The commands that are printed help."""
    vm = lab.start_vm(paused(network={"path": "routed"}))
    found = status(lab, vm)
    # ufw lets ping pass, so a ping is no test.
    passing = ("ping-out", "ping-in") if isinstance(program, Ufw) else ()
    assert fates(found) == {each: "passes" if each in passing else "dropped" for each in PACKETS}
    assert found["forwarding"] == ("partly" if passing else "closed")
    assert found["forwarding-reason"].startswith(f"{program.owner} drops TCP, UDP")
    assert f"({program.owner})" in found["forwarding-chains"][0]
    commands = [each.replace("sudo ", "") for each in found["forwarding-remedy"]
                if not each.startswith("or ")]
    program.release.run("sh", "-ec", "\n".join(commands))
    assert wait_status(lab, vm, "open")["forwarding-reason"] is None
    vm.wait_stderr("vmrun: tiny: this host forwards the guest's packets\n")
    if not isinstance(program, Firewalld):
        program.reload()
        time.sleep(6)  # the laptop asks again in this time
        assert status(lab, vm)["forwarding"] == "open", "the commands last"


def test_allow(lab: Lab, program: Program) -> None:
    """`firewall: allow` has the laptop forward, also after each reload; nothing of it is left."""
    env = program.commands() if isinstance(program, Firewalld) else {}
    vm, guest = boot(lab, tiny(network={"path": "routed", "firewall": "allow"}), env=env)
    wait_status(lab, vm, "open")
    assert guest.reads(f"http://{lab.phone.address}/"), "TCP from the guest"
    in_zone = isinstance(program, Firewalld) and program.release.suite != "bookworm"
    assert len(rules(lab)) == (0 if in_zone else 2)
    if in_zone:
        assert program("--get-zone-of-interface=vmr-tiny") == "public"
    check_reload(lab, program, vm.address, 15)
    wait_status(lab, vm, "open")
    vm.stop()
    assert not rules(lab)
    if in_zone:
        assert "vmr-tiny" not in program("--zone=public", "--list-interfaces")


@pytest.mark.parametrize("program", [("trixie", Firewalld)], indirect=True, ids=["trixie"])
def test_not_permitted(lab: Lab, program: Firewalld) -> None:
    """polkit may refuse the user: that is said, and the VM runs."""
    env = program.commands()
    refusing = lab.directory / "bin" / "firewall-cmd"
    refusing.write_text("#!/bin/sh\necho 'Authorization failed.' >&2\nexit 253\n")
    vm = lab.start_vm(paused(network={"path": "routed", "firewall": "allow"}), env=env)
    vm.wait_stderr("vmrun: tiny: polkit does not permit this user to put 'vmr-tiny' into a zone of "
                   "firewalld")
    assert status(lab, vm)["forwarding-remedy"][0].startswith("zone=$(sudo firewall-cmd ")
