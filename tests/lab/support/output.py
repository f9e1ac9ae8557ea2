# SPDX-License-Identifier: GPL-2.0-or-later
"""The output of a running program, read as it comes so that a test can wait for a part of it."""

import os
import re
import threading
import time
from typing import IO


class Output:
    """Collects everything from a file descriptor, which it owns, in a thread of its own."""

    def __init__(self, fd: int, name: str) -> None:
        self.name = name
        self._fd = fd
        self._data = b""
        self._ended = False
        self._changed = threading.Condition(threading.RLock())
        self._thread = threading.Thread(target=self._read, name=f"reads {name}", daemon=True)
        self._thread.start()

    @classmethod
    def of(cls, stream: IO[bytes], name: str) -> "Output":
        """Take over the descriptor of a pipe of subprocess.Popen."""
        fd = os.dup(stream.fileno())
        stream.close()
        return cls(fd, name)

    def _read(self) -> None:
        while True:
            try:
                chunk = os.read(self._fd, 65536)
            except OSError:  # a terminal whose other side was closed says EIO
                chunk = b""
            with self._changed:
                self._data += chunk
                self._ended = not chunk
                self._changed.notify_all()
                if self._ended:
                    os.close(self._fd)
                    return

    @property
    def text(self) -> str:
        """All that came so far, with line ends of a terminal made plain."""
        with self._changed:
            return re.sub("\r+\n", "\n", self._data.decode(errors="replace"))

    @property
    def lines(self) -> list[str]:
        """The same as complete and incomplete lines."""
        return self.text.splitlines()

    @property
    def ended(self) -> bool:
        """True if the writer closed it."""
        with self._changed:
            return self._ended

    def wait_for(self, regex: str, timeout: float = 10) -> re.Match:
        """Wait until @regex is found anywhere so far.

        Raises EOFError when the output ended without it, TimeoutError after @timeout seconds; both
        carry the end of what did come.
        """
        pattern, deadline = re.compile(regex, re.MULTILINE), time.monotonic() + timeout
        while True:
            with self._changed:
                text, ended = self.text, self._ended
                match = pattern.search(text)
                left = deadline - time.monotonic()
                if match:
                    return match
                if not ended and left > 0:
                    self._changed.wait(left)
                    continue
            why = EOFError("ended") if ended else TimeoutError(f"went on for {timeout} s")
            raise type(why)(f"{self.name} {why} without /{regex}/:\n{text[-4000:]}")

    def wait_end(self, timeout: float = 5) -> None:
        """Wait until the writer closed it, or @timeout seconds."""
        self._thread.join(timeout)
