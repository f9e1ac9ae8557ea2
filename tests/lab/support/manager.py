# SPDX-License-Identifier: GPL-2.0-or-later
"""Stands in for systemd: socket activation, and a store of descriptors (sd_notify(3))."""

import fcntl
import os
import select
import shutil
import socket
import subprocess
import threading
import time
from typing import Optional

import vm
from lab import Lab

FIRST = 100  # above all descriptors that a service is handed

# Moves the descriptors $1... to 3 and up, and becomes the service.
BECOME = """n=3; for fd in $1; do eval "exec $n<&$fd $fd<&-"; n=$((n+1)); done
export LISTEN_PID=$$ LISTEN_FDS=$((n-3)); exec "$2" --service"""


class Manager:
    """vmrun-netsetup as its units have it, on the laptop; a context manager that ends it."""

    def __init__(self, lab: Lab, gid: int) -> None:
        """@gid: of the group whose users may connect."""
        self._netns = lab.laptop.netns
        self._directory = lab.run_dir / "vmrun"
        self._directory.mkdir(mode=0o755, exist_ok=True)
        path = self._directory / "netsetup.sock"
        listener = self._netns.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        listener.bind(str(path))
        os.chown(path, 0, gid)
        path.chmod(0o660)
        listener.listen(64)
        self._notify_path = lab.directory / "notify"
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._notify.bind(str(self._notify_path))
        self._store = [("listen", self._raise(listener.detach()))]
        self._ready, self._over = threading.Event(), threading.Event()
        # The kernel queues few datagrams, and the service waits for none.
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self.process: Optional[subprocess.Popen] = None

    def __enter__(self) -> "Manager":
        self._thread.start()
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()
        self._over.set()
        self._thread.join()
        self._notify.close()
        for _, fd in self._store:
            os.close(fd)
        shutil.rmtree(self._directory)

    @staticmethod
    def _raise(fd: int) -> int:
        raised = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, FIRST)
        os.close(fd)
        return raised

    @property
    def stored(self) -> list[str]:
        """The names of what it keeps."""
        return [name for name, _ in self._store]

    def start(self) -> None:
        """Start the service with all that is stored; return when it is ready."""
        fds = [fd for _, fd in self._store]
        environment = {"NOTIFY_SOCKET": str(self._notify_path),
                       "LISTEN_FDNAMES": ":".join(self.stored)}
        program = vm.binary().parent / "vmrun-netsetup"
        self.process = self._netns.popen(
            ["bash", "-c", BECOME, "bash", " ".join(map(str, fds)), str(program)],
            pass_fds=fds, env=os.environ | self._netns.env | environment)
        assert self._ready.wait(20), f"the service is not ready: {self.process.poll()}"

    def _serve(self) -> None:
        while not self._over.is_set():
            if select.select([self._notify], [], [], 0.02)[0]:
                self._receive()

    def _receive(self) -> None:
        """Act on a message of the service."""
        text, fds, _, _ = socket.recv_fds(self._notify, 4096, 1)
        lines = text.decode().split("\n")
        names = [line.partition("=")[2] for line in lines if line.startswith("FDNAME=")]
        if "FDSTOREREMOVE=1" in lines:
            for _, fd in [each for each in self._store if each[0] in names]:
                os.close(fd)
            self._store = [each for each in self._store if each[0] not in names]
        elif "FDSTORE=1" in lines and "FDPOLL=0" in lines:  # else it goes when the client hangs up
            self._store += [(names[0], self._raise(fd)) for fd in fds]
        if "READY=1" in lines:
            self._ready.set()

    def end(self, number: int) -> None:
        """End the service by a signal."""
        self._ready.clear()
        self.process.send_signal(number)
        self.process.wait(10)
        while select.select([self._notify], [], [], 0)[0]:
            time.sleep(0.001)

    def forget(self) -> None:
        """Close all that is stored but the listening socket, as `systemctl stop` does."""
        for _, fd in self._store[1:]:
            os.close(fd)
        del self._store[1:]
