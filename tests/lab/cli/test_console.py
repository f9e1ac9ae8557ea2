# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's console: the terminal, a socket, or none."""

import os
import signal
import socket
import termios

import pytest

from guests import boot, tiny
from lab import Lab
from output import Output

pytestmark = pytest.mark.usefixtures("vmrun")

LFLAG = 3
RAW = termios.ICANON | termios.ECHO | termios.ISIG
# Said by the guest's shell only: what is typed has the two quotes in it.
SUM, ANSWER = "echo su''m is $((6 * 7))\n", "^sum is 42$"


def test_terminal(lab: Lab) -> None:
    """Raw while QEMU has it; Ctrl-C is the guest's; as before when the guest is gone."""
    vm = lab.start_vm(tiny(), console="pty")
    vm.wait_console("^tiny:.*# ", 60)
    assert not vm.terminal[LFLAG] & RAW
    vm.send(SUM)
    vm.wait_console(ANSWER, 10)
    vm.send("\x03")
    vm.send("echo st''ill here\n")
    vm.wait_console("^still here$", 10)
    assert vm.alive
    vm.send("poweroff\n")
    assert vm.wait() == 0
    assert vm.terminal == vm.terminal_before


def test_terminal_after_sigkill_of_qemu(lab: Lab) -> None:
    vm, _ = boot(lab, console="pty")
    assert not vm.terminal[LFLAG] & RAW
    vm.qemu.signal(signal.SIGKILL)
    assert vm.wait() == 1
    assert vm.terminal[LFLAG] & RAW == RAW


def test_ctrl_a_x(lab: Lab) -> None:
    vm, _ = boot(lab, console="pty")
    vm.send("\x01x")
    assert vm.wait(10) == 0
    assert vm.terminal[LFLAG] & RAW == RAW


def test_pipe(lab: Lab) -> None:
    """Without a terminal, as in a script; the end of the input is not the end of the VM."""
    vm, guest = boot(lab)
    vm.send(SUM)
    vm.wait_console(ANSWER, 10)
    vm.close_input()
    assert guest.pings(lab.phone.address) and vm.alive


def test_socket(lab: Lab) -> None:
    vm, _ = boot(lab, tiny(console="socket"))
    path = lab.run_dir / "user" / "0" / "vmrun" / "tiny" / "console"
    assert path.stat().st_mode & 0o077 == 0 or path.parent.stat().st_mode & 0o077 == 0
    for _ in range(2):  # a client that hung up can connect again
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(path))
            console = Output(os.dup(connection.fileno()), "the socket")
            connection.sendall(SUM.encode())
            console.wait_for(ANSWER, 10)
            connection.shutdown(socket.SHUT_RDWR)
            console.wait_end()
    assert vm.console.text == "", "nothing of it is on standard output"
    assert vm.stop() == 0
    assert not path.exists()


def test_none(lab: Lab) -> None:
    vm, guest = boot(lab, tiny(console="none"), console="pty")
    assert vm.terminal[LFLAG] & RAW == RAW, "the terminal is left alone"
    vm.send("poweroff\n")
    assert guest.pings(lab.phone.address) and vm.alive
    assert vm.console.text.strip() == "poweroff", "the terminal's own echo"
