# SPDX-License-Identifier: GPL-2.0-or-later
"""The texts of a seed as their readers take them: YAML, cloud-init's schema, merging and renderers."""

import configparser
import json
import random
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Optional

import pytest
import vm
import yaml
from conftest import need_vmrun
from guests import VMS

# cloud-init's own, of modules that Python has newer ones for.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

FETCH = VMS.parent / "tests" / "guest" / "cloud-init-fetch"
UUID = "1b4e28ba-2fa1-41d2-883f-0016d3cca427"
MAC = "52:54:00:ab:cd:ef"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"


@pytest.fixture(scope="session")
def cloud_init() -> Path:
    """Unpacked packages of cloud-init and netplan, from whose directory Python has its modules."""
    fetched = subprocess.run([FETCH], stdout=subprocess.PIPE, text=True, timeout=300)
    if fetched.returncode != 0:
        pytest.skip(f"needs what {FETCH.name} needs")
    root = Path(fetched.stdout.strip())
    sys.path.insert(0, str(root / "usr/lib/python3/dist-packages"))
    return root


def seed(directory: Path, definition: dict, *place: object) -> dict[str, str]:
    """The texts for a definition, and for its place on the LAN, when there is one."""
    need_vmrun()
    file = directory / "definition.yaml"
    file.write_text(json.dumps({"name": "web", "uuid": UUID, "boot": {"kernel": str(FETCH)},
                                **definition}, ensure_ascii=False))
    program = vm.binary().parent / "tests" / "seed_texts"
    subprocess.run([program, file, directory, *map(str, place)], check=True)
    return {name: (directory / name).read_text() for name in
            ("meta-data", "vendor-data", "network-config") if (directory / name).exists()}


# Values that look like something else, and every character that a definition can have.

PIECES = ["\n", "\t", '"', "'", "\\", "#", " #", ": ", ":", "- ", "-", "{", "}", "[", "]", ",", "&a",
          "*a", "!", "|", ">", "%", "@", "`", "~", "null", "true", "1", "0x1", "1e3", "=", "<<", "?",
          "\n---\n", "\n...\n", "\nruncmd: [id]\n", '", "users": [', "é", "沖", "\U0001f600", "\u200b",
          "\u202e", "{{ x }}", "$(id)", "${x}", " ", "x" * 1500]


def hostile(rng: random.Random) -> str:
    """A text of such pieces, at least one."""
    return "".join(rng.choice(PIECES) for _ in range(rng.randint(1, 8)))


@pytest.mark.parametrize("number", range(20))
def test_texts_stay_what_they_are(tmp_path: Path, number: int) -> None:
    """Whatever is in a value, it neither ends nor becomes anything else."""
    rng = random.Random(number)
    run: list[Any] = [hostile(rng) for _ in range(30)]
    run += [[hostile(rng) for _ in range(rng.randint(1, 9))] for _ in range(30)]
    comment = hostile(rng).replace("\n", " ").strip()
    (tmp_path / "key.pub").write_text(f"{KEY} {comment}\n")
    texts = seed(tmp_path, {"cloud-init": {"user": "me", "ssh-keys": ["key.pub"], "run": run}})
    assert texts["vendor-data"].startswith("#cloud-config\n")
    read = yaml.safe_load(texts["vendor-data"])
    assert read["runcmd"] == run
    assert read["users"] == [{"name": "me", "sudo": "ALL=(ALL) NOPASSWD:ALL", "shell": "/bin/bash",
                              "lock_passwd": True,
                              "ssh_authorized_keys": [f"{KEY} {comment}".strip()]}]
    assert set(read) == {"merge_how", "merge_type", "updates", "runcmd", "users"}
    assert yaml.safe_load(texts["meta-data"]) == {"instance-id": f"iid-{UUID}",
                                                  "local-hostname": "web"}


# The result in cloud-init.

DEFINITIONS: dict[str, dict] = {
    "nothing": {},
    "user": {"user": "me", "ssh-keys": ["key.pub"]},
    "root": {"user": "root", "ssh-keys": ["key.pub"]},
    "image's own": {"user": "default", "ssh-keys": ["key.pub"]},
    "no keys": {"user": "me", "ssh-keys": []},
    "all": {"user": "me", "ssh-keys": ["key.pub", "key.pub"], "packages": ["nginx", "vim=2:9.0~1"],
            "run": ["echo hello", ["echo", "hello"]]},
}


def vendor_data(tmp_path: Path, keys: dict) -> str:
    (tmp_path / "key.pub").write_text(f"{KEY} me\n")
    return seed(tmp_path, {"cloud-init": keys})["vendor-data"]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_schema(tmp_path: Path, cloud_init: Path, name: str) -> None:
    """`cloud-init schema` has nothing to say."""
    from cloudinit.config import schema
    text = vendor_data(tmp_path, DEFINITIONS[name])
    (tmp_path / "config").write_text(text)
    schema.validate_cloudconfig_file(str(tmp_path / "config"), schema.get_schema())
    with pytest.raises(schema.SchemaValidationError):  # it would, if there were anything
        (tmp_path / "config").write_text(text.replace('"updates"', '"growpart": 1, "updates"'))
        schema.validate_cloudconfig_file(str(tmp_path / "config"), schema.get_schema())


def merged(user_data: dict, vendor: str, directory: Path) -> dict:
    """As cloud-init merges them: each is read by itself, and what is left of it is kept in a file;
    then the files, user-data first, then the image's own."""
    from cloudinit import util
    from cloudinit.handlers import cloud_config
    from cloudinit.helpers import Paths
    kept = []
    for name, text in (("cloud_config", "#cloud-config\n" + yaml.safe_dump(user_data)),
                       ("vendor_cloud_config", vendor)):
        paths = Paths({"cloud_dir": str(directory)})
        handler = cloud_config.CloudConfigPartHandler(paths, cloud_config_path=name)
        handler.cloud_fn = str(directory / name)
        handler.handle_part(None, "__begin__", None, None, None, {})
        handler.handle_part(None, "text/cloud-config", "part-001", text, None, {})
        handler.handle_part(None, "__end__", None, None, None, {})
        kept.append(util.read_conf(str(directory / name)))
    return util.mergemanydict([*kept, {"users": ["default"], "disable_root": True}])


def test_beside_user_data(tmp_path: Path, cloud_init: Path) -> None:
    """Lists are joined, the user's first; otherwise the user's value is the one."""
    vendor = vendor_data(tmp_path, DEFINITIONS["all"])
    user = {"runcmd": ["mine", ["my", "own"]], "packages": ["emacs"], "users": ["default"],
            "updates": {"network": {"when": ["hotplug"]}}, "timezone": "UTC"}
    both = merged(user, vendor, tmp_path)
    assert both["runcmd"] == ["mine", ["my", "own"], "echo hello", ["echo", "hello"]]
    assert both["packages"] == ["emacs", "nginx", "vim=2:9.0~1"]
    assert [each if isinstance(each, str) else each["name"] for each in both["users"]] == [
        "default", "me"]
    assert both["updates"]["network"]["when"] == ["hotplug", "boot-new-instance", "boot"]
    assert both["timezone"] == "UTC" and "merge_how" not in both and "merge_type" not in both

    alone = merged({}, vendor, tmp_path)
    assert [each["name"] for each in alone["users"]] == ["me"], "not the image's default"
    root = merged({"disable_root": True}, vendor_data(tmp_path, DEFINITIONS["root"]), tmp_path)
    assert root["disable_root"] is True, "the user's word"
    root = merged({}, vendor_data(tmp_path, DEFINITIONS["root"]), tmp_path)
    assert root["disable_root"] is False, "not the image's"


# The network configuration from its renderers.

PLACES: dict[str, tuple] = {
    "usual": ("192.168.77.9", 24, "192.168.77.1", 1500, "192.168.77.1", "9.9.9.9"),
    "wide": ("10.1.2.3", 9, "10.0.0.1", 1400, "10.0.0.1"),
    "no gateway": ("172.16.0.2", 30, "0.0.0.0", 1500, "8.8.8.8"),
    "bare": ("192.168.77.9", 24, "192.168.77.1", 0),
}


@pytest.fixture(params=PLACES)
def place(request: pytest.FixtureRequest) -> tuple:
    return PLACES[request.param]


def render(cloud_init: Path, tmp_path: Path, place: tuple, module: str,
           config: Optional[dict] = None, **how: Any) -> Path:
    """The files that a renderer writes, in a directory that stands for the guest's root."""
    import importlib
    from cloudinit.net import network_state
    importlib.import_module("cloudinit.distros")  # sysconfig and it import each other
    text = seed(tmp_path, {"network": {"mac": MAC, "configure": "cloud-init"}}, *place)
    state = network_state.parse_net_config_data(yaml.safe_load(text["network-config"]))
    target = tmp_path / "root"
    target.mkdir()
    renderer = importlib.import_module(f"cloudinit.net.{module}").Renderer(config or {})
    renderer.render_network_state(state, target=str(target), **how)
    return target


def test_netplan(tmp_path: Path, cloud_init: Path, place: tuple) -> None:
    """cloud-init's files for netplan, and netplan's for systemd-networkd."""
    address, prefix, gateway, mtu, *dns = place
    root = render(cloud_init, tmp_path, place, "netplan",
                  {"netplan_path": "etc/netplan/50-cloud-init.yaml", "postcmds": False})
    card = yaml.safe_load((root / "etc/netplan/50-cloud-init.yaml").read_text())
    card = card["network"]["ethernets"]["lan"]
    assert card["match"] == {"macaddress": MAC} and card["addresses"] == [f"{address}/{prefix}"]

    generate = next(path for path in (cloud_init / "usr/libexec/netplan/generate",
                                      cloud_init / "lib/netplan/generate") if path.exists())
    libraries = ":".join(str(path.parent) for path in cloud_init.rglob("libnetplan.so*"))
    subprocess.run([generate, "--root-dir", root], check=True, stderr=subprocess.PIPE,
                   env={"LD_LIBRARY_PATH": libraries})
    said = (root / "run/systemd/network/10-netplan-lan.network").read_text()
    assert re.search(rf"^(PermanentMACAddress|MACAddress)={MAC}$", said, re.MULTILINE)
    assert f"\nAddress={address}/{prefix}\n" in said and "DHCP" not in said
    assert re.findall(r"^Gateway=(.*)$", said, re.MULTILINE) == (
        [] if gateway == "0.0.0.0" else [gateway])
    assert re.findall(r"^DNS=(.*)$", said, re.MULTILINE) == list(dns)
    link = (root / "run/systemd/network/10-netplan-lan.link").read_text()
    assert f"MACAddress={MAC}\n" in link and "\nName=eth0\n" in link
    assert re.findall(r"^MTUBytes=(.*)$", said + link, re.MULTILINE)[:1] == (
        [str(mtu)] if mtu else [])


def test_eni(tmp_path: Path, cloud_init: Path, place: tuple) -> None:
    """ifupdown knows a card by its name alone: that is what `set-name` is for."""
    address, prefix, gateway, mtu, *dns = place
    root = render(cloud_init, tmp_path, place, "eni", {"eni_path": "interfaces",
                                                       "netrules_path": "rules"})
    said = (root / "interfaces").read_text()
    stanza = said[said.index("iface eth0 inet static"):]
    assert "\nauto eth0\n" in said and f"\n    address {address}/{prefix}\n" in stanza
    if gateway == "0.0.0.0":
        assert "gateway" not in stanza and "route" not in stanza
    else:
        assert f"gateway {gateway}\n" in stanza or f"default gw {gateway}" in stanza
    assert re.findall(r"dns-nameservers (.*)", stanza) == ([" ".join(dns)] if dns else [])
    assert re.findall(r"mtu (\d+)", stanza) == ([str(mtu)] if mtu else [])
    rules = (root / "rules").read_text()
    assert f'ATTR{{address}}=="{MAC}"' in rules and 'NAME="eth0"' in rules


def test_networkd(tmp_path: Path, cloud_init: Path, place: tuple) -> None:
    """As Arch and Fedora CoreOS's kin do it."""
    address, prefix, gateway, mtu, *dns = place
    root = render(cloud_init, tmp_path, place, "networkd", {"network_conf_dir": "/network/"})
    said = next((root / "network").glob("*.network")).read_text()
    assert f"MACAddress={MAC}\n" in said and f"Address={address}/{prefix}\n" in said
    assert ("Gateway=" in said) == (gateway != "0.0.0.0") and (
        gateway == "0.0.0.0" or f"Gateway={gateway}\n" in said)
    assert " ".join(re.findall(r"^DNS=(.*)$", said, re.MULTILINE)) == " ".join(dns)
    assert re.findall(r"^MTUBytes=(\d+)$", said, re.MULTILINE) == ([str(mtu)] if mtu else [])
    assert re.findall(r"^DHCP=(.*)$", said, re.MULTILINE) in ([], ["no"])


def test_sysconfig(tmp_path: Path, cloud_init: Path, place: tuple) -> None:
    """As Fedora's and Rocky's older releases do it."""
    address, prefix, gateway, mtu, *dns = place
    config = {"sysconf_dir": "etc/sysconfig", "netrules_path": "rules",
              "iface_templates": "%(base)s/network-scripts/ifcfg-%(name)s",
              "route_templates": {"ipv4": "%(base)s/network-scripts/route-%(name)s",
                                  "ipv6": "%(base)s/network-scripts/route6-%(name)s"}}
    root = render(cloud_init, tmp_path, place, "sysconfig", config)
    found = configparser.ConfigParser()
    text = (root / "etc/sysconfig/network-scripts/ifcfg-eth0").read_text()
    found.read_string("[x]\n" + text)
    card = {key: value.strip('"') for key, value in found["x"].items()}
    assert (card["ipaddr"], card["hwaddr"], card["bootproto"]) == (address, MAC, "none")
    bits = (0xffffffff << (32 - prefix)) & 0xffffffff
    assert card["netmask"] == ".".join(str(bits >> shift & 255) for shift in (24, 16, 8, 0))
    assert card.get("gateway", "0.0.0.0") == gateway and card.get("mtu") == (
        str(mtu) if mtu else None)
    assert [card[key] for key in sorted(card) if re.fullmatch(r"dns\d", key)] == list(dns)


def test_network_manager(tmp_path: Path, cloud_init: Path, place: tuple) -> None:
    """As Fedora and Rocky do it now."""
    address, prefix, gateway, mtu, *dns = place
    root = render(cloud_init, tmp_path, place, "network_manager")
    found = configparser.ConfigParser()
    found.read(next(root.rglob("*.nmconnection")))
    assert found["ethernet"]["mac-address"].lower() == MAC
    ipv4 = found["ipv4"]
    assert (ipv4["method"], ipv4["address1"]) == ("manual", f"{address}/{prefix}")
    said = json.dumps({key: dict(found[key]) for key in found.sections()})
    assert (gateway in said) == (gateway != "0.0.0.0")
    assert [each for each in ipv4.get("dns", "").split(";") if each] == list(dns)
    assert found["ethernet"].get("mtu") == (str(mtu) if mtu else None)
