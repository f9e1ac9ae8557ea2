# SPDX-License-Identifier: GPL-2.0-or-later
"""The JSON Schema of a definition: in step with the reader's tables, and of one mind with it."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any, Iterator

import pytest
import vm
import yaml
from conftest import need_vmrun
from guests import VMS

jsonschema = pytest.importorskip("jsonschema")

DEFINITIONS = VMS.parent / "tests" / "unit" / "launcher" / "definition" / "samples"
SCHEMA = json.loads((VMS / "vmrun.schema.json").read_text())
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)

# Errors that only the reader finds, as reasons and names of files in samples/bad.
UNSEEN = {
    "files are not looked at": "*-missing *-device *-directory ssh-key-* ignition-* image-content",
    "aliases are not counted": "yaml-bomb",
    "capitals are not small letters": "usb-twice",
    "entries of a list are not compared": "share-twice share-mount",
    "a mapping has each key once already": "key-repeated*",
    "1.0, 010 and 0x10 are numbers": "count-exponent count-octal count-hex",
    "sizes and durations are not counted out": "size-disk size-huge size-large size-multiple"
                                               " size-small duration-long",
    "names are not compared": "credential-twice serial-twice network-name-twice",
    "devices of disks are not compared": "boot-once",
    "numbers are not multiplied": "cpus-topology",
    "addresses are not compared": "address-range gateway-self network-macs ports-same"
                                  " range-order address-private-host",
    "a network's address is not compared with the ways to give it":
        "address-unused address-lan-dhcp",
    "machine types are not known, nor how many disks each has ports for":
        "disk-sata-* disks-ports* display-vga",
    "the directory is not known": "path-long",
    "False and TRUE are booleans of YAML 1.2": "flag-capital",
}


class Loader(yaml.SafeLoader):
    """YAML 1.2's core schema, which editors use: `on` is a word."""

    yaml_implicit_resolvers: dict = {}


for _tag, _regex, _first in (
        ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
        ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
        ("int", r"[-+]?[0-9]+|0x[0-9a-fA-F]+", list("-+0123456789")),
        ("float", r"[-+]?([0-9]+\.[0-9]*|[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+)", list("-+0123456789"))):
    Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_regex})$"), _first)
Loader.add_constructor("tag:yaml.org,2002:float",
                       lambda loader, node: float(loader.construct_scalar(node)))
Loader.add_constructor("tag:yaml.org,2002:int", lambda loader, node: int(
    loader.construct_scalar(node), 16 if "x" in node.value else 10))


def unseen(name: str) -> str:
    """The reason that the schema misses the error of a file, or nothing."""
    for why, patterns in UNSEEN.items():
        if any(Path(name).match(pattern) for pattern in patterns.split()):
            return why
    return ""


def complaint(path: Path) -> str:
    """The error of a definition, as YAML or by the schema; or nothing."""
    try:
        value = yaml.load(path.read_bytes(), Loader)
    except (yaml.YAMLError, UnicodeError) as error:
        return str(error)
    return "; ".join(error.message for error in VALIDATOR.iter_errors(value))


def plain(path: Path) -> bool:
    """True if a definition needs no --set."""
    return not path.with_suffix(".set").exists()


def test_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


@pytest.mark.parametrize("path", [*sorted(VMS.glob("*.yaml")),
                                  *sorted((DEFINITIONS / "warn").glob("*.yaml")),
                                  *filter(plain, sorted((DEFINITIONS / "good").glob("*.yaml")))],
                         ids=lambda path: path.stem)
def test_good(path: Path) -> None:
    assert complaint(path) == ""


@pytest.mark.parametrize("path", filter(plain, sorted((DEFINITIONS / "bad").glob("*.yaml"))),
                         ids=lambda path: path.stem)
def test_bad(path: Path) -> None:
    """The schema refuses each file that the reader refuses, but for the errors of UNSEEN."""
    why = unseen(path.stem)
    if path.stem == "yaml-bomb":  # not to be expanded
        assert why
    elif why:
        assert complaint(path) == "", f"the schema sees it; not true: {why}"
    else:
        assert complaint(path) != ""


def test_no_exception_is_stale() -> None:
    names = [Path(path.stem) for path in (DEFINITIONS / "bad").glob("*.yaml")]
    for patterns in UNSEEN.values():
        for pattern in patterns.split():
            assert any(name.match(pattern) for name in names), pattern


def resolve(schema: dict) -> dict:
    """A schema with what it refers to."""
    while "$ref" in schema:
        rest = {key: value for key, value in schema.items() if key != "$ref"}
        schema = SCHEMA["$defs"][schema["$ref"].rsplit("/", 1)[1]] | rest
    return schema


def branches(schema: dict) -> Iterator[dict]:
    """A schema and its alternatives."""
    schema = resolve(schema)
    yield schema
    for each in schema.get("anyOf", []):
        yield from branches(each)


def one(schema: dict, keyword: str) -> Any:
    """The value of a keyword, from the first of the alternatives that has it."""
    found = [each[keyword] for each in branches(schema) if keyword in each]
    assert found, f"no '{keyword}' in {schema}"
    return found[0]


def seconds_or_bytes(text: str) -> int:
    """The number of seconds or bytes."""
    units = {"s": 1, "m": 60, "h": 3600, "K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
    number, unit = re.fullmatch(r"(\d+)([a-zA-Z])", text).groups()
    return int(number) * units[unit]


def compare(path: str, rows: dict, schema: dict) -> None:
    """A table and its mapping in the schema."""
    wanted = set(rows)
    properties = one(schema, "properties")
    assert set(properties) == wanted, f"the keys of '{path}'"
    assert one(schema, "additionalProperties") is False
    required = [name for name, row in rows.items() if row.get("required")]
    assert [each for found in branches(schema) for each in found.get("required", [])] == required
    for name in sorted(wanted):
        compare_key(f"{path}.{name}".lstrip("."), rows[name], properties[name])


def yaml_text(default: Any) -> str:
    """A default as the reader's tables have it."""
    return str(default).lower() if isinstance(default, bool) else str(default)


def compare_key(path: str, row: dict, schema: dict) -> None:
    """A row and its key in the schema."""
    assert schema.get("description"), f"'{path}' is not described"
    default = schema.get("default")
    assert row.get("fallback") == (None if default is None else
                                   "{}" if default == {} else yaml_text(default)), path
    assert "default" not in schema or default == {} or VALIDATOR.evolve(
        schema=schema).is_valid(default), path
    if "words" in row:
        assert one(schema, "enum") == row["words"], path
    if "min-length" in row:
        assert (one(schema, "maxLength"), schema.get("minLength", 0)) == (
            row["max-length"], row["min-length"]), path
    if "max-items" in row:
        assert one(schema, "maxItems") == row["max-items"], path
        if "keys" in row["item"]:
            compare(path, row["item"]["keys"], one(schema, "items"))
    elif "keys" in row:
        compare(path, row["keys"], schema)
    elif "max" in row and any("maximum" in each for each in branches(schema)):
        assert (one(schema, "minimum"), one(schema, "maximum")) == (row["min"], row["max"]), path
    elif "max" in row:
        said = [seconds_or_bytes(each) for each in re.findall(r"\b\d+[A-Zsmh]\b",
                                                              schema["description"])]
        assert row["max"] in said and (not row["min"] or row["min"] in said), path


def tables() -> dict:
    """The reader's own."""
    need_vmrun()
    program = vm.binary().parent / "tests" / "schema_keys"
    return json.loads(subprocess.run([program], check=True, capture_output=True).stdout)


def test_in_step_with_the_reader() -> None:
    compare("", tables(), {key: value for key, value in SCHEMA.items() if key != "anyOf"})


def examples(schema: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Each example with the key that it is one of."""
    for found in branches(schema):
        for name, each in found.get("properties", {}).items():
            here = f"{path}.{name}".lstrip(".")
            yield from ((here, example) for example in each.get("examples", []))
            yield from examples(each, here)


def test_examples_are_good() -> None:
    """Each of them, as the value of its key."""
    for path, example in examples(SCHEMA):
        definition: dict = {"name": "a", "boot": {"kernel": "/dev/null"}}
        inner = definition
        *way, last = path.split(".")
        for name in way:
            inner = inner.setdefault(name, {})
        inner[last] = example
        assert not list(VALIDATOR.iter_errors(definition)), path
