#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Stands in for a QEMU that a guest has taken over: tries what $HOSTILE lists, and prints what came
of it as JSON. A test names it as `qemu.binary`.

$HOSTILE: JSON of [[WAY, ARGUMENT ...], ...]. A way that works has the result null.
"""

import ctypes
import errno
import fcntl
import json
import os
import socket
import sys
from typing import Optional

LIBC = ctypes.CDLL(None, use_errno=True)
PTRACE_ATTACH, IO_URING_SETUP, KEYCTL = 16, 425, 250
CLONE_NEWUSER, TIOCSTI = 1 << 28, 0x5412


def checked(result: int) -> None:
    """Raise what a function of the C library failed with."""
    if result < 0:
        raise OSError(ctypes.get_errno(), "")


def connect(family: int, kind: int, address: object) -> None:
    """Connect to a socket."""
    with socket.socket(family, kind) as sock:
        sock.settimeout(5)
        sock.connect(address)


def bind(port: int) -> None:
    """Listen on a port of TCP."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", port))


def remove(path: str) -> None:
    """Remove a file."""
    os.unlink(path)


def send(path: str) -> None:
    """Send a datagram, from one of two sockets that are connected to each other."""
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, theirs:
        ours.sendto(b"x", path)


WAYS = {
    "read": lambda path: os.close(os.open(path, os.O_RDONLY | os.O_CLOEXEC)),
    "write": lambda path: os.close(os.open(path, os.O_RDWR | os.O_CLOEXEC)),
    "make": lambda path: os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)),
    "list": lambda path: os.close(os.open(path, os.O_RDONLY | os.O_DIRECTORY)),
    "remove": remove,
    "chmod": lambda path: os.chmod(path, 0o666),
    "unix": lambda path: connect(socket.AF_UNIX, socket.SOCK_STREAM, path),
    "abstract": lambda name: connect(socket.AF_UNIX, socket.SOCK_STREAM, "\0" + name),
    "datagram": send,
    "tcp": lambda port: connect(socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", port)),
    "bind": bind,
    "kill": lambda pid: os.kill(pid or os.getppid(), 0),
    "ptrace": lambda: checked(LIBC.ptrace(PTRACE_ATTACH, os.getppid(), None, None)),
    "memory": lambda: os.close(os.open(f"/proc/{os.getppid()}/mem", os.O_RDONLY)),
    "unshare": lambda: checked(LIBC.unshare(CLONE_NEWUSER)),
    "mount": lambda: checked(LIBC.mount(b"none", b"/", b"tmpfs", 0, None)),
    "io_uring": lambda: checked(LIBC.syscall(IO_URING_SETUP, 1, ctypes.create_string_buffer(256))),
    "keyctl": lambda: checked(LIBC.syscall(KEYCTL, 0, -3, 0)),
    "type": lambda: fcntl.ioctl(0, TIOCSTI, b"x"),
}


def attempt(way: str, arguments: list) -> Optional[str]:
    """The name of the error of one way, or None."""
    try:
        WAYS[way](*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
    return None


def main() -> None:
    """Try everything, and end as a QEMU whose guest has powered off."""
    results = [attempt(way, rest) for way, *rest in json.loads(os.environ["HOSTILE"])]
    sys.stdout.write(f"results: {json.dumps(results)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
