#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Stands in for QEMU: hands the tap to a test, speaks QMP on descriptor 3, and runs no guest.

`qemu: {binary: .../fakeqemu.py, args: [-wire, SOCKET]}`: the tap's descriptor is sent to who
listens on SOCKET; see wire.py.
"""

import json
import socket
import sys

QMP, TAP = 3, 6
GREETING = {"QMP": {"version": {"qemu": {"major": 7, "minor": 2, "micro": 0}}, "capabilities": []}}
SHUTDOWN = {"event": "SHUTDOWN", "data": {"guest": True, "reason": "guest-shutdown"},
            "timestamp": {"seconds": 0, "microseconds": 0}}


def main() -> None:
    """Answer every command with success; end at the ones that end a guest."""
    with socket.socket(socket.AF_UNIX) as wire:
        wire.connect(sys.argv[sys.argv.index("-wire") + 1])
        socket.send_fds(wire, [b"tap"], [TAP])
    with socket.socket(fileno=QMP) as qmp:
        qmp.setblocking(True)

        def say(message: dict) -> None:
            qmp.sendall(json.dumps(message).encode() + b"\n")

        say(GREETING)
        for line in qmp.makefile():
            command = json.loads(line)
            say({"return": {}, "id": command["id"]})
            if command["execute"] in ("system_powerdown", "quit"):
                say(SHUTDOWN)
                return


if __name__ == "__main__":
    main()
