# SPDX-License-Identifier: GPL-2.0-or-later
"""The texts of a seed as their readers take them: YAML, cloud-init's schema, merging and renderers.

VMRUN_TEST_CLOUD_INIT names a source tree of another cloud-init, to use in place of Debian's."""

import configparser
import inspect
import json
import os
import random
import re
import subprocess
import sys
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any, Optional, Sequence
from unittest import mock

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
    sys.path.insert(0, os.environ.get("VMRUN_TEST_CLOUD_INIT", sys.path[0]))
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
    "password": {"user": "me", "password": "$y$j9T$salt$hash"},
    "image's own with a password": {"user": "default", "password": "secret"},
    "all": {"user": "me", "ssh-keys": ["key.pub", "key.pub"], "packages": ["nginx", "vim=2:9.0~1"],
            "run": ["echo hello", ["echo", "hello"]]},
}


def check(directory: Path, *options: str, command: str = "check") -> str:
    """Return the messages of `vmrun check` about the definition, which is a good one."""
    done = subprocess.run([vm.binary(), command, *options, directory / "definition.yaml"],
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True,
                          timeout=60)
    return done.stderr


def vendor_data(tmp_path: Path, keys: dict, user_data: Optional[dict] = None) -> str:
    (tmp_path / "key.pub").write_text(f"{KEY} me\n")
    if user_data is not None:
        (tmp_path / "user").write_text("#cloud-config\n" + yaml.safe_dump(user_data))
        keys = {**keys, "user-data": "user"}
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


def merged(user_data: dict, vendor: "str | list[str]", directory: Path) -> dict:
    """As cloud-init merges them: each is read by itself, and what is left of it is kept in a file;
    then the files, user-data first, then the image's own."""
    from cloudinit import util
    from cloudinit.handlers import cloud_config
    from cloudinit.helpers import Paths
    kept = []
    for name, texts in (("cloud_config", ["#cloud-config\n" + yaml.safe_dump(user_data)]),
                        ("vendor_cloud_config", [vendor] if isinstance(vendor, str) else vendor)):
        paths = Paths({"cloud_dir": str(directory)})
        handler = cloud_config.CloudConfigPartHandler(paths, cloud_config_path=name)
        handler.cloud_fn = str(directory / name)
        handler.handle_part(None, "__begin__", None, None, None, {})
        for text in texts:
            handler.handle_part(None, "text/cloud-config", "part-001", text, None, {})
        handler.handle_part(None, "__end__", None, None, None, {})
        kept.append(util.read_conf(str(directory / name)))
    return util.mergemanydict([*kept, {"users": ["default"], "disable_root": True}])


def users_of(config: dict) -> dict[str, dict]:
    """The users that cloud-init makes in an image whose own user is debian."""
    from cloudinit.distros import ug_util
    distro = mock.Mock()
    distro.get_default_user.return_value = {"name": "debian", "lock_passwd": True, "groups": ["adm"]}
    return ug_util.normalize_users_groups(config, distro)[0]


# A user-data's users, and the users that cloud-init makes of both.
USERS: dict[str, tuple[dict, list[str]]] = {
    "nobody": ({"password": "secret"}, ["debian", "me"]),
    "image's own": ({"users": ["default"]}, ["debian", "me"]),
    "other": ({"users": [{"name": "other"}]}, ["me", "other"]),
    "none": ({"users": []}, ["me"]),
    "old form": ({"user": "old"}, ["me", "old"]),
    "text": ({"users": "default"}, ["debian"]),
    "texts": ({"users": "default,other"}, ["debian", "other"]),
    "mapping": ({"users": {"other": {"shell": "/bin/sh"}}}, ["other"]),
    "null": ({"users": None}, []),
}


@pytest.mark.parametrize("name", USERS)
def test_users_of_user_data(tmp_path: Path, cloud_init: Path, name: str) -> None:
    """The image's own user stays where user-data has no users, so that a password at its top is
    somebody's. Where cloud-init drops our user, a warning says so."""
    user_data, expected = USERS[name]
    vendor = vendor_data(tmp_path, {"user": "me", "ssh-keys": ["key.pub"]}, user_data)
    both = merged(user_data, vendor, tmp_path)
    if not isinstance(user_data.get("users", []), list):
        assert both["users"] == user_data["users"]
    users = users_of(both)
    assert sorted(users) == expected
    if "me" in users:
        assert users["me"]["ssh_authorized_keys"] == [f"{KEY} me"] and not users["me"]["default"]
    said = check(tmp_path)
    assert ("cloud-init drops 'user' of the definition" in said) == ("me" not in users), said


@pytest.mark.parametrize("name", [*USERS, "with the old form"])
def test_image_user_is_missing(tmp_path: Path, cloud_init: Path, name: str) -> None:
    """Keys and a password for the image's own user are nobody's where user-data leaves it out."""
    user_data, _ = USERS.get(name, ({"user": "old", "users": [{"name": "other"}]}, []))
    for keys, lost in (({"ssh-keys": ["key.pub"]}, True), ({"password": "a"}, True),
                       ({"ssh-keys": []}, False)):
        vendor = vendor_data(tmp_path, {"user": "default", **keys}, user_data)
        users = users_of(merged(user_data, vendor, tmp_path))
        nobody = not any(each["default"] for each in users.values())
        said = check(tmp_path)
        assert ("'users' has no 'default'" in said) == (nobody and lost), said


@pytest.mark.parametrize("value", [
    {}, {"enabled": True}, {"enabled": "On"}, {"enabled": 1}, {"enabled": False}, {"enabled": "no"},
    {"enabled": 0}, {"enabled": None}, {"enabled": []}, {"prefix": ["a"]}, None, "text", [], False])
def test_vendor_data_is_disabled(tmp_path: Path, cloud_init: Path, value: object) -> None:
    """A warning says so, in place of the one about a list that would be dropped."""
    from cloudinit import settings, util
    user_data = {"vendor_data": value, "runcmd": "a text"}
    found = merged(user_data, "#cloud-config\n{}", tmp_path)
    found = util.mergemanydict([found, settings.CFG_BUILTIN])["vendor_data"]
    enabled = isinstance(found, dict) and util.is_true(found.get("enabled"))
    vendor_data(tmp_path, {"run": ["id"]}, user_data)
    said = check(tmp_path)
    assert ("'vendor_data' is not enabled" in said, "is not a list" in said) == (
        not enabled, enabled), said


@pytest.mark.parametrize("key", ["runcmd", "packages", "bootcmd", "ssh_authorized_keys"])
@pytest.mark.parametrize("value", ["a text", {"a": "b"}, None])
def test_no_list(tmp_path: Path, cloud_init: Path, key: str, value: object) -> None:
    """User-data's own value stays, and a warning says what is dropped for it."""
    keys = {"user": "default", "ssh-keys": ["key.pub"], "packages": ["nginx"], "run": ["id"]}
    (tmp_path / "key.pub").write_text(f"{KEY} me\n")
    (tmp_path / "user").write_text(f"#cloud-config\n{key}: {json.dumps(value)}\n")
    vendor = seed(tmp_path, {"cloud-init": {**keys, "user-data": "user"}, "shares": [
        {"path": str(tmp_path), "tag": "a", "mount": "/a"}]})["vendor-data"]
    assert merged({key: value}, vendor, tmp_path)[key] == value
    said = check(tmp_path)
    assert f"user:2:{len(key) + 3}: warning: '{key}' is not a list" in said, said


def test_mount_fails(tmp_path: Path, cloud_init: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The command of a share that cannot be mounted is no error of the boot, and says what it is."""
    from cloudinit.config import cc_bootcmd
    more = [mock.Mock()] * (len(inspect.signature(cc_bootcmd.handle).parameters) - 4) + [[]]
    vendor = seed(tmp_path, {"cloud-init": {}, "shares": [
        {"path": str(tmp_path), "tag": "none.such", "mount": str(tmp_path / "a b")}]})["vendor-data"]
    cloud = mock.Mock()
    cloud.get_instance_id.return_value = "iid"
    cc_bootcmd.handle("bootcmd", yaml.safe_load(vendor), cloud, *more)
    said = capfd.readouterr().err
    assert said.startswith("mount: "), "the reason"
    assert f"vmrun: cannot mount share 'none.such' at '{tmp_path}/a b'\n" in said


def test_password(tmp_path: Path, cloud_init: Path) -> None:
    """A text or a hash, for our user and for root."""
    for user in ("me", "root"):
        for password, key in (("secret", "plain_text_passwd"), ("$y$j9T$a$b", "hashed_passwd")):
            vendor = vendor_data(tmp_path, {"user": user, "password": password})
            one = users_of(merged({}, vendor, tmp_path))[user]
            assert one[key] == password and one["lock_passwd"] is False


@pytest.mark.parametrize("password,hashed", [("secret", False), ("$6$a$b", True), ("$2y$1$b", True)])
def test_password_of_the_image(tmp_path: Path, cloud_init: Path, password: str, hashed: bool) -> None:
    """The image's own user has it, and need not change it, unless user-data gives another."""
    from cloudinit.config import cc_set_passwords
    more = [mock.Mock()] * (len(inspect.signature(cc_set_passwords.handle).parameters) - 4) + [[]]
    vendor = vendor_data(tmp_path, {"user": "default", "password": password, "ssh-keys": ["key.pub"]})
    for user_data, expected in (({}, password), ({"password": "$6$other$b"}, "$6$other$b")):
        cloud = mock.Mock()
        cloud.distro.get_default_user.return_value = {"name": "debian", "lock_passwd": True}
        config = merged(user_data, vendor, tmp_path)
        cc_set_passwords.handle("set-passwords", config, cloud, *more)
        cloud.distro.chpasswd.assert_called_once_with(
            [("debian", expected)], hashed=hashed or bool(user_data))
        cloud.distro.expire_passwd.assert_not_called()


# A user-data, and what a warning says about it; None where cloud-init reads all of it.
HEADING = b"#cloud-config\n"
READ: dict[str, tuple[bytes, Optional[str]]] = {
    "usual": (HEADING + b"runcmd: [a]\n", None),
    "upper case": (b"\n #Cloud-Config\na: 1\n", None),
    "carriage returns": (b"#cloud-config\r\na: 1\r\n", None),
    "markers": (HEADING + b"---\na: 1\n...\n", None),
    "directive": (HEADING + b"%YAML 1.1\n---\na: 1\n", None),
    "merge key": (HEADING + b"a: &x {b: 1}\nc:\n  <<: *x\n", None),
    "core tags": (HEADING + b"a: !!binary aGk=\nb: !!set {c}\n", None),
    "deep": (HEADING + b"a: " + b"[" * 40 + b"]" * 40 + b"\n", None),
    "large": (HEADING + b"- a: [b]\n".replace(b"-", b"k:\n -") + b" - a: [b]\n" * 9000, None),
    "tabs in texts": (HEADING + b"a: \"b\tc\" # d\t1\nf: 'g\th'\ni: |\n  j\tk\nl: >-\n  m\tn\n", None),
    "script": (b"#!/bin/sh\n", None),
    "boothook": (b"#cloud-boothook\n", None),
    "template": (b"## template: jinja\n#cloud-config\na: {{ v1.region }}\n", None),
    "MIME": (b"MIME-Version: 1.0\nContent-Type: text/cloud-config\n\na: 1\n", None),
    "no start": (b"a: 1\n", "1:1: .*does not begin with"),
    "empty": (b"", "1:1: .*does not begin with"),
    "mark": (b"\xef\xbb\xbf" + HEADING + b"a: 1\n", "1:1: .*byte order mark"),
    "UTF-16": ("#cloud-config\na: 1\n".encode("utf-16"), "1:1: .*UTF-16"),
    "UTF-16 without a mark": ("#cloud-config\n".encode("utf-16-le"), "1:1: .*UTF-16"),
    "Latin-1": (HEADING + b"a: \xe9\n", "2:4: .*UTF-8"),
    "NUL": (HEADING + b"a: b\x00\n", "2:5: .*control character"),
    "tab indents": (HEADING + b"a:\n\tb: 1\n", "3:1: .*a tab"),
    "tab before a value": (HEADING + b"a:\tb\n", "2:3: .*a tab"),
    "tab after a dash": (HEADING + b"a:\n-\tb\n", "3:2: .*a tab"),
    "tab at the end": (HEADING + b"a: b\t\n", "2:5: .*a tab"),
    "tab in a line": (HEADING + b"a: 'x #'\nb: |\n  #\n  c\nd: e\tf\n", "6:5: .*a tab"),
    "tab in a list": (HEADING + b"a: [1,\t2]\n", "2:7: .*a tab"),
    "tab in an empty line": (HEADING + b"a: 1\n\t\nb: 2\n", "3:1: .*a tab"),
    "two colons": (HEADING + b"a: b: c\n", "2:5: .*not YAML"),
    "unfinished": (HEADING + b"a: [\n", "3:1: .*not YAML"),
    "no anchor": (HEADING + b"a: *x\n", "2:4: .*not YAML"),
    "at": (HEADING + b"a: @b\n", "2:4: .*not YAML"),
    "two documents": (HEADING + b"a: 1\n---\nb: 2\n", "4:1: .*second document"),
    "own tag": (HEADING + b"a: !vault b\n", "2:4: .*unknown tag '!vault'"),
    "Python's tag": (HEADING + b"a: !!python/tuple [b]\n", "2:4: .*unknown tag"),
    "no template": (HEADING + b"a: {{ v1.region }}\n", "2:5: .*a key must be text"),
    "list as a key": (HEADING + b"? [a]\n: b\n", "2:3: .*a key must be text"),
    "list": (HEADING + b"- a\n", "2:1: .*not a list"),
    "text": (HEADING + b"a\n", "2:1: .*not text"),
    "heading alone": (HEADING, "1:1: .*no keys"),
}


def is_read(data: bytes, directory: Path) -> bool:
    """True if cloud-init recognizes the user-data and reads all of it."""
    from cloudinit import user_data, util
    from cloudinit.handlers import cloud_config
    from cloudinit.helpers import Paths
    paths = Paths({"cloud_dir": str(directory)})
    handler = cloud_config.CloudConfigPartHandler(paths)
    handler.cloud_fn = str(directory / "read")
    handler.handle_part(None, "__begin__", None, None, None, {})
    kinds = set()
    for part in user_data.UserDataProcessor(paths).process(data).walk():
        kinds.add(part.get_content_type())
        if part.get_content_type() == "text/cloud-config":
            text = util.fully_decoded_payload(part)
            handler.handle_part(None, "text/cloud-config", "part", text, None, {})
    if "text/cloud-config" in kinds:
        return len(handler.file_names) == 1
    return kinds != {"multipart/mixed", "text/x-not-multipart"}


@pytest.mark.parametrize("name", READ)
def test_ignored(tmp_path: Path, cloud_init: Path, name: str) -> None:
    """`vmrun check` warns about each user-data that cloud-init ignores, and about no other."""
    data, expected = READ[name]
    assert is_read(data, tmp_path) == (expected is None)
    (tmp_path / "user").write_bytes(data)
    seed(tmp_path, {"cloud-init": {"user-data": "user"}})
    said = check(tmp_path)
    if expected is None:
        assert "warning" not in said
    else:
        assert re.search(f"/user:{expected}", said), said
        assert check(tmp_path, "--quiet") == ""


HUGE = {
    "anchors": "".join(f"a{i}: &a{i} b\n" for i in range(80000)),
    "aliases": "a: [&a b" + ", *a" * 250000 + "]\n",
    "tags": "".join(f"%TAG !{i}! tag:a,{i}:\n" for i in range(40000)) + "---\na: b\n",
    "brackets": "a: " + "[" * 500000 + "]" * 500000 + "\n",
    "braces": "a: " + "{a: " * 250000,
}


@pytest.mark.parametrize("name", HUGE)
def test_slow_to_read(tmp_path: Path, name: str) -> None:
    """A megabyte of what YAML readers are slow for is not read: no other check would end soon."""
    (tmp_path / "user").write_bytes((HEADING + HUGE[name].encode())[:1 << 20])
    before = os.times()
    seed(tmp_path, {"cloud-init": {"user-data": "user"}})
    said = check(tmp_path)
    after = os.times()
    assert re.search(r"/user:[0-9]+:[0-9]+: warning: cannot check this file: ", said), said
    assert after.children_user - before.children_user < 2


def test_network_in_user_data(tmp_path: Path) -> None:
    """cloud-init reads the network's configuration elsewhere alone. A run warns as `check` does."""
    (tmp_path / "user").write_bytes(HEADING + b"network: {version: 2}\n")
    seed(tmp_path, {"cloud-init": {"user-data": "user"}, "network": "user"})
    warning = "/user:2:1: warning: cloud-init ignores 'network' in user-data\n"
    assert warning in check(tmp_path)
    assert warning in check(tmp_path, "--dry-run", command="--as-root")


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


def test_own_vendor_data(tmp_path: Path, cloud_init: Path) -> None:
    """It stays what it is, and its values stand between the user's and vmrun's."""
    from cloudinit import user_data, util
    from cloudinit.helpers import Paths
    own = f"#cloud-config\ntimezone: UTC\nlocale: C\nruncmd: [theirs]\npackages: [vi]\n# é{'=' * 99}"
    (tmp_path / "vendor.yaml").write_text(own)
    text = vendor_data(tmp_path, {**DEFINITIONS["all"], "vendor-data": "vendor.yaml"})
    assert max(map(len, text.splitlines())) <= 76
    processor = user_data.UserDataProcessor(Paths({"cloud_dir": str(tmp_path)}))
    parts = [part for part in processor.process(text.encode()).walk() if not part.is_multipart()]
    assert [part.get_content_type() for part in parts] == ["text/cloud-config"] * 2
    texts = [util.fully_decoded_payload(part) for part in parts]
    assert texts == [own, vendor_data(tmp_path, DEFINITIONS["all"])]
    both = merged({"timezone": "CET", "runcmd": ["mine"]}, texts, tmp_path)
    assert both["runcmd"] == ["mine", "theirs", "echo hello", ["echo", "hello"]]
    assert both["packages"] == ["vi", "nginx", "vim=2:9.0~1"]
    assert (both["timezone"], both["locale"]) == ("CET", "C")
    assert [each["name"] for each in both["users"]] == ["me"]


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
           config: Optional[dict] = None, others: Sequence[dict] = (), **how: Any) -> Path:
    """The files that a renderer writes, in a directory that stands for the guest's root. @others:
    the guest's networks beside the LAN."""
    import importlib
    from cloudinit.net import network_state
    importlib.import_module("cloudinit.distros")  # sysconfig and it import each other
    text = seed(tmp_path, {"network": [{"mac": MAC, "configure": "cloud-init"}, *others]}, *place)
    state = network_state.parse_net_config_data(yaml.safe_load(text["network-config"]))
    target = tmp_path / "root"
    target.mkdir()
    renderer = importlib.import_module(f"cloudinit.net.{module}").Renderer(config or {})
    renderer.render_network_state(state, target=str(target), **how)
    return target


def run_netplan(cloud_init: Path, root: Path) -> None:
    """Have netplan write systemd-networkd's files below @root. Since netplan 1.2 a program of its
    own, configure, writes them."""
    generate = next(path for path in (cloud_init / "usr/libexec/netplan/configure",
                                      cloud_init / "usr/libexec/netplan/generate",
                                      cloud_init / "lib/netplan/generate") if path.exists())
    libraries = ":".join(str(path.parent) for path in cloud_init.rglob("libnetplan.so*"))
    subprocess.run([generate, "--root-dir", root], check=True, stderr=subprocess.PIPE,
                   env={"LD_LIBRARY_PATH": libraries})


def test_netplan(tmp_path: Path, cloud_init: Path, place: tuple) -> None:
    """cloud-init's files for netplan, and netplan's for systemd-networkd."""
    address, prefix, gateway, mtu, *dns = place
    root = render(cloud_init, tmp_path, place, "netplan",
                  {"netplan_path": "etc/netplan/50-cloud-init.yaml", "postcmds": False})
    card = yaml.safe_load((root / "etc/netplan/50-cloud-init.yaml").read_text())
    card = card["network"]["ethernets"]["lan"]
    assert card["match"] == {"macaddress": MAC} and card["addresses"] == [f"{address}/{prefix}"]

    run_netplan(cloud_init, root)
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
        assert re.search(rf"gateway {gateway}\n|default (gw|via) {gateway} ", stanza)
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


def connection(files: dict[str, str], mac: str) -> str:
    """NetworkManager's file of a card; from cloud-init 24 on, it has the name of the seed's section."""
    found, = (text for name, text in files.items()
              if name.endswith(".nmconnection") and f"mac-address={mac.upper()}\n" in text)
    return found


PRIVATE = [{"type": "private", "name": "lab", "address": "10.9.0.1/24", "mac": "52:54:00:00:00:01"},
           {"type": "private", "name": "back", "mac": "52:54:00:00:00:02"}]


def test_private_networks(tmp_path: Path, cloud_init: Path) -> None:
    """A card has the address that the definition gives it, or none, and no boot waits for it."""
    def files(module: str, config: dict, **how: Any) -> dict[str, str]:
        directory = tmp_path / module
        directory.mkdir()
        root = render(cloud_init, directory, PLACES["usual"], module, config, PRIVATE, **how)
        return {path.name: path.read_text() for path in root.rglob("*") if path.is_file()}

    cards = yaml.safe_load(files("netplan", {"netplan_path": "50.yaml", "postcmds": False})[
        "50.yaml"])["network"]["ethernets"]
    assert cards["private1"]["addresses"] == ["10.9.0.1/24"]
    assert cards["private2"]["set-name"] == "eth2" and "addresses" not in cards["private2"]
    assert cards["private2"]["optional"] is True and not cards["private2"].get("dhcp4")
    eni = files("eni", {"eni_path": "interfaces", "netrules_path": "rules"})["interfaces"]
    assert "iface eth1 inet static\n    address 10.9.0.1/24\n" in eni
    assert "auto eth1\n" in eni and "iface eth2 inet manual\n" in eni
    said = files("networkd", {"network_conf_dir": "/network/"})
    assert "Address=10.9.0.1/24\n" in said["10-cloud-init-eth1.network"]
    assert "Address=" not in (last := said["10-cloud-init-eth2.network"].replace("MACA", ""))
    assert "DHCP=no\n" in last
    said = files("network_manager", {})
    assert "address1=10.9.0.1/24\n" in connection(said, PRIVATE[0]["mac"])


LANS = [{"mac": "52:54:00:00:00:01", "configure": "cloud-init"}]


def test_several_lans(tmp_path: Path, cloud_init: Path) -> None:
    """Each card has its address, and netplan's guest a table of routes for what comes from it."""
    address, prefix, gateway, *_ = PLACES["usual"]
    second = str(IPv4Address(int(IPv4Address(address)) + 1))

    def files(module: str, config: dict, **how: Any) -> dict[str, str]:
        directory = tmp_path / module
        directory.mkdir()
        root = render(cloud_init, directory, PLACES["usual"], module, config, LANS, **how)
        if module == "netplan":
            run_netplan(cloud_init, root)
        return {path.name: path.read_text() for path in root.rglob("*") if path.is_file()}

    said = files("netplan", {"netplan_path": "etc/netplan/50-cloud-init.yaml", "postcmds": False})
    for name, own, table, metric in (("lan", address, 100, None), ("lan1", second, 101, 1001)):
        network = said[f"10-netplan-{name}.network"]
        assert f"\nAddress={own}/{prefix}\n" in network and "DHCP" not in network
        assert f"[RoutingPolicyRule]\nFrom={own}\nTable={table}\n" in network.replace(
            "\nTo=0.0.0.0/0", "")
        routes = [dict(line.split("=") for line in part.splitlines() if "=" in line)
                  for part in re.findall(r"\[Route\]\n((?:.+\n)+)", network)]
        assert sorted(route.get("Table", "") for route in routes) == ["", str(table)]
        assert {route["Gateway"] for route in routes} == {gateway}
        assert {route.get("Metric") for route in routes} == {str(metric) if metric else None}
        assert ("DNS=" in network) == (name == "lan")

    eni = files("eni", {"eni_path": "interfaces", "netrules_path": "rules"})["interfaces"]
    assert f"address {address}/{prefix}" in eni and f"address {second}/{prefix}" in eni
    said = files("networkd", {"network_conf_dir": "/network/"})
    assert f"Address={second}/{prefix}\n" in said["10-cloud-init-eth1.network"]
    said = files("network_manager", {})
    assert f"address1={second}/{prefix}" in connection(said, LANS[0]["mac"])
    said = files("sysconfig", {
        "sysconf_dir": "etc/sysconfig", "netrules_path": "rules",
        "iface_templates": "%(base)s/network-scripts/ifcfg-%(name)s",
        "route_templates": {"ipv4": "%(base)s/network-scripts/route-%(name)s",
                            "ipv6": "%(base)s/network-scripts/route6-%(name)s"}})
    assert f"IPADDR={second}\n" in said["ifcfg-eth1"]
