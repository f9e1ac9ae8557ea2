# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks the Ignition configuration and systemd's credentials that a guest gets."""

import base64
import hashlib
import json

import pytest

from guests import Guest, boot, paused, refused, tiny
from lab import Lab
from vm import write_definition

pytestmark = pytest.mark.usefixtures("vmrun")

SECRET = "do not tell"


def test_ignition(lab: Lab) -> None:
    """The guest finds it where Ignition looks, byte for byte, whatever the file is called."""
    text = json.dumps({"ignition": {"version": "3.4.0"}, "x": "é\n" * 3000}, indent=1)
    path = lab.directory / "a, b=c.ign"
    path.write_text(text)
    _, guest = boot(lab, tiny(ignition=str(path)))
    said = guest.sh("modprobe qemu_fw_cfg && "
                    "sha256sum </sys/firmware/qemu_fw_cfg/by_name/opt/com.coreos/config/raw")
    assert said.split()[0] == hashlib.sha256(path.read_bytes()).hexdigest()


def credentials(guest: Guest) -> dict[str, bytes]:
    """The strings of SMBIOS type 11 (DSP0134, 7.12), which systemd in the guest reads."""
    found = {}
    raw = base64.b64decode(guest.sh("cat /sys/firmware/dmi/entries/11-*/raw | base64"))
    for text in raw[raw[1]:].split(b"\0"):
        if text:
            kind, name, value = text.split(b":", 1)[0], *text.split(b":", 1)[1].split(b"=", 1)
            assert kind == b"io.systemd.credential.binary"
            found[name.decode()] = base64.b64decode(value, validate=True)
    return found


@pytest.mark.lab(mtu=1400)
def test_credentials(lab: Lab) -> None:
    """The guest's name, its place, the user's key for its root, and what the user adds; nothing of
    it is for the host's other users."""
    me = lab.add_user()
    blob = bytes(range(256)) * 30
    (lab.directory / "blob").write_bytes(blob)
    own = [{"name": "lab.secret", "value": f"{SECRET}\n\tä"}, {"name": "lab.empty", "value": ""},
           {"name": "lab.blob~1", "file": str(lab.directory / "blob")}]
    vm, guest = boot(lab, tiny(network={"configure": ["cmdline", "credentials"]}, credentials=own),
                     user=me, sudo=True)
    found = credentials(guest)
    key = next((lab.directory / f"home-{me.uid}").rglob("id_ed25519.pub")).read_bytes()
    assert found == {
        "lab.secret": f"{SECRET}\n\tä".encode(), "lab.empty": b"", "lab.blob~1": blob,
        "ssh.authorized_keys.root": key, "system.hostname": b"tiny",
        "network.network.10-vmrun":
            (f"[Match]\nMACAddress={guest.mac}\n\n[Link]\nMTUBytes=1400\n\n[Network]\n"
             f"Address={vm.address}/24\nGateway={lab.lan.gateway}\nDNS={lab.lan.gateway}\n").encode()}
    assert "".join(vm.qemu.cmdline).count("type=11,path=/dev/fd/") == 6
    for text in (SECRET, base64.b64encode(SECRET.encode()).decode()[:-4]):
        for each in vm.family():
            assert text not in " ".join(each.cmdline)
    facts = json.loads(lab.vmrun("status", "--json", "tiny", user=me, check=True).stdout)
    assert facts["user"] == "root" and facts["ssh-key"].endswith("/id_ed25519")


def test_own_word_is_last(lab: Lab) -> None:
    """Of a name that the user gives, there is none of vmrun's; and without keys there are none."""
    file = write_definition(lab.directory, paused(
        network={"configure": "credentials"}, credentials=[{"name": "system.hostname", "value": "x"}],
        **{"cloud-init": {"ssh-keys": []}}))
    said = lab.vmrun("print", "--format=argv", str(file), check=True).stdout
    assert said.count("type=11,path=/dev/fd/") == 2
    shown = lab.vmrun("run", "--dry-run", str(file), check=True).stdout
    assert shown.count("type=11,path=/dev/fd/") == 2


def test_too_much(lab: Lab) -> None:
    blob = lab.directory / "blob"
    blob.write_bytes(b"x" * 32768)
    status, said = refused(lab, paused(credentials=[
        {"name": "a", "file": str(blob)}, {"name": "b", "file": str(blob)}]))
    assert status == 3 and said.splitlines()[0].endswith(
        ": cannot pass the credentials: they are more than 48 KiB"), said
    blob.write_bytes(b"x" * 32769)
    status, said = refused(lab, paused(credentials=[{"name": "a", "file": str(blob)}]))
    assert status == 3 and "more than 32768 bytes" in said
