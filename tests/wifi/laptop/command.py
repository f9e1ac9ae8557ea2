# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs commands, also in network namespaces, and waits for conditions."""

import ctypes
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from typing import Callable, Iterator, Optional

CLONE_NEWNET = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)
_started = time.monotonic()


class Failure(Exception):
    """A case does not go as it must."""


def say(text: str) -> None:
    """Print a line of progress."""
    print(f"[{time.monotonic() - _started:6.1f} s] {text}", flush=True)


def run(*words: str, netns: str = "", check: bool = True, timeout: float = 300) -> str:
    """Run a command and return its output, with its error output; @timeout in seconds."""
    prefix = ("ip", "netns", "exec", netns) if netns else ()
    try:
        done = subprocess.run([*prefix, *words], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=timeout, check=False)
    except subprocess.TimeoutExpired as err:
        raise Failure(f"'{' '.join(words)}' has not ended after {timeout:.0f} s") from err
    output = done.stdout.decode(errors="replace")
    if check and done.returncode:
        raise Failure(f"'{' '.join(words)}': status {done.returncode}: {output.strip()}")
    return output


def wait_for(what: str, condition: Callable[[], object], limit: float, step: float = 0.1):
    """Wait until @condition is true, at most @limit seconds, and return its value."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise Failure(f"{what}: not after {limit:.0f} s")
        time.sleep(step)


@contextmanager
def inside(netns: str) -> Iterator[None]:
    """Have this thread in a namespace: what it opens stays there."""
    own = os.open(f"/proc/self/task/{threading.get_native_id()}/ns/net", os.O_RDONLY)
    other = os.open(f"/run/netns/{netns}", os.O_RDONLY)
    try:
        if _libc.setns(other, CLONE_NEWNET):
            raise OSError(ctypes.get_errno(), f"cannot enter namespace '{netns}'")
        yield
    finally:
        if _libc.setns(own, CLONE_NEWNET):
            sys.exit("cannot leave a namespace")
        os.close(own)
        os.close(other)


class Program:
    """A program that runs until it is stopped; its output is in a log."""

    def __init__(self, name: str, *words: str, netns: str = "") -> None:
        prefix = ("ip", "netns", "exec", netns) if netns else ()
        self.log = f"/laptop/logs/{name}"
        with open(self.log, "ab") as log:
            self._process: Optional[subprocess.Popen] = subprocess.Popen(
                [*prefix, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def running(self) -> bool:
        """True if it has not ended."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> None:
        """End it and wait for it."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
