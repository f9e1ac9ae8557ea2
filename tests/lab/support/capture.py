# SPDX-License-Identifier: GPL-2.0-or-later
"""tcpdump as a context manager that has begun to listen when its body starts."""

import signal
import subprocess
from pathlib import Path
from typing import Optional

from netns import Netns, run
from output import Output


class Capture:
    """Captures frames of an interface, one line for each, with its link-level header.

    `with station.capture("arp") as seen: ...` and afterwards `seen.lines`; while it runs,
    `seen.wait_for(regex, timeout)`. With @pcap the frames go to that file instead, and `lines`
    are read from it at the end.
    """

    def __init__(self, netns: Netns, interface: str, expression: str = "",
                 pcap: Optional[Path] = None) -> None:
        self.netns = netns
        self.interface = interface
        self.expression = expression
        self.pcap = pcap
        self._process: Optional[subprocess.Popen] = None
        self._frames: Optional[Output] = None
        self._talk: Optional[Output] = None

    def __enter__(self) -> "Capture":
        to_file = ["-w", str(self.pcap), "-Z", "root"] if self.pcap else ["-l"]
        self._process = self.netns.popen(
            ["tcpdump", "-i", self.interface, "-n", "-e", "-tt", "--immediate-mode", "-U", *to_file,
             *self.expression.split()], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self._frames = Output.of(self._process.stdout, "tcpdump")
        self._talk = Output.of(self._process.stderr, "tcpdump's stderr")
        try:
            self._talk.wait_for(r"listening on", 5)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGINT)
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._frames.wait_end()
        self._talk.wait_end()

    def wait_for(self, regex: str, timeout: float = 5) -> str:
        """Wait for a line with @regex in it; return that line."""
        match = self._frames.wait_for(rf"^.*{regex}.*$", timeout)
        return match[0]

    @property
    def lines(self) -> list[str]:
        """One line for each frame so far."""
        if self.pcap:
            return run(["tcpdump", "-n", "-e", "-tt", "-r", self.pcap]).stdout.splitlines()
        return [line for line in self._frames.lines if line]  # it ends with an empty one
