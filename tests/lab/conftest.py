# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of the lab, and the two rules that hold for every test: nothing leaks, nothing skips.

`lab` is a fresh lab for each test; `@pytest.mark.lab(subnet="10.9.0.0/16")` gives its arguments.
After the test its VMs are ended and the laptop restored; then the laptop must be as it was before,
and no process that was started on it may be left.

Tests share nothing but the machine, so that they may run side by side (pytest -n 3).

When VMRUN_TESTS_MUST_RUN is set, whatever would have been skipped has failed.
"""

import ctypes
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Iterator, Optional

import pytest

import guests
import vm
from hoststate import settle
from lab import Lab
from mirror import Mirror


def pytest_configure(config: pytest.Config) -> None:
    """Register this directory's markers."""
    config.addinivalue_line("markers", "lab(**arguments): how to build the lab of this test")
    config.addinivalue_line("markers", "both_paths: runs with routed and with bridged guests")
    config.addinivalue_line("markers", "slow: boots a whole distribution, which takes minutes")
    # Under nohup(1) a hang-up is ignored, and in the background of a script SIGQUIT, by what the
    # tests start, too. By libc: pytest-xdist may configure in a second thread, where
    # signal.signal() fails.
    for number in (signal.SIGHUP, signal.SIGQUIT):
        ctypes.CDLL(None).signal(number, ctypes.c_void_p(0))


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test for both paths is two tests."""
    if metafunc.definition.get_closest_marker("both_paths"):
        metafunc.parametrize("data_path", ["routed", "bridged"], indirect=True)


@pytest.fixture(autouse=True)
def data_path(request: pytest.FixtureRequest) -> Iterator[Optional[str]]:
    """The path of the small guests of this test; None: the definition's own. pytest forgets a
    fixture that only pytest_generate_tests() names."""
    guests.data_path = getattr(request, "param", None)
    yield guests.data_path
    guests.data_path = None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow tests last: pytest-xdist hands tests out by the hundred at first and one by one at the
    end, so that none of its workers has others to do after a slow one."""
    items.sort(key=lambda item: item.get_closest_marker("slow") is not None)


def _must_run(report: object) -> None:
    """Turn a skip into a failure where skips are not allowed; an expected failure stays one."""
    must_run = os.environ.get("VMRUN_TESTS_MUST_RUN")
    if must_run and report.skipped and not hasattr(report, "wasxfail"):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"VMRUN_TESTS_MUST_RUN is set, and this was not run: {why}"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport() -> Iterator[None]:
    """Apply the rule to tests."""
    outcome = yield
    _must_run(outcome.get_result())


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report() -> Iterator[None]:
    """Apply the rule to whole files."""
    outcome = yield
    _must_run(outcome.get_result())


def need(*tools: str) -> None:
    """Skip this test unless all @tools are there: names of programs, or 'root'."""
    for tool in tools:
        if os.geteuid() != 0 if tool == "root" else not shutil.which(tool):
            pytest.skip(f"needs {tool}")


def need_vmrun() -> Path:
    """Skip this test unless the program under test has been built; return its path."""
    if not os.access(vm.binary(), os.X_OK):
        pytest.skip(f"needs {vm.binary()}")
    return vm.binary()


@pytest.fixture
def vmrun() -> Path:
    """The program under test, and what it needs to run a guest; a module that starts guests has
    `pytestmark = pytest.mark.usefixtures("vmrun")`."""
    need("qemu-system-x86_64")
    return need_vmrun()


@pytest.fixture
def lab(request: pytest.FixtureRequest) -> Iterator[Lab]:
    """A fresh lab, and the check that the test left its laptop as it was."""
    need("root", "ip", "nft", "tcpdump", "dnsmasq", "ping", "setpriv")
    marker = request.node.get_closest_marker("lab")
    with Lab(**(marker.kwargs if marker else {})) as built:
        before = built.snapshot()
        yield built
        built.reset()
        changes = settle(before, built.snapshot)
        left = _leftovers(built)
        assert not changes, "the test changed the laptop:\n" + "\n".join(changes)
        assert not left, "processes were left on the laptop:\n" + "\n".join(left)


@pytest.fixture
def mirror(lab: Lab) -> Iterator[Mirror]:
    """A mirror on the laptop."""
    made = Mirror(lab.laptop.netns, {"disk.raw": bytes(1 << 20)})
    yield made
    made.close()


def _leftovers(built: Lab, timeout: float = 1.0) -> list[str]:
    """The processes that still run on the laptop after up to @timeout seconds."""
    deadline = time.monotonic() + timeout
    while (left := built.leftovers()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return [f"{each.pid} {' '.join(each.cmdline) or each.name}" for each in left]
