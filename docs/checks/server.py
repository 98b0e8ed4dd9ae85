"""A real server for the snippets of one page."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

API_KEY = "a-key-for-the-snippets-of-the-pages"


def until(ask: Callable[[], bool], seconds: float) -> bool:
    """Whether it became true."""
    deadline = time.monotonic() + seconds
    while not ask():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def ended(child: subprocess.Popen[bytes]) -> None:
    """Ends a child process, which leads a session of its own, and all that it has left behind."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(10)


class Server:
    """`downlink dev` with a folder of its own."""

    def __init__(self, program: Path, more: dict[str, str] | None = None) -> None:
        self._more = more or {}
        self.program = program
        self.folder = Path(tempfile.mkdtemp(prefix="downlink-docs-"))
        self.url = ""

    @property
    def environment(self) -> dict[str, str]:
        """What commands and SDKs read."""
        return {"DOWNLINK_URL": self.url, "DOWNLINK_API_KEY": API_KEY}

    def __enter__(self) -> Server:
        log = self.folder / "server.log"
        with log.open("w") as out:
            self._child = subprocess.Popen(
                [
                    self.program,
                    "dev",
                    "--listen",
                    "127.0.0.1:0",
                    "--data-dir",
                    self.folder / "data",
                ],
                env={"DOWNLINK_API_KEY": API_KEY, "PATH": "/usr/bin:/bin", **self._more},
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        until(lambda: "listening on" in log.read_text() or self._child.poll() is not None, 30)
        self.url = next(
            line.split()[-1]
            for line in log.read_text().splitlines()
            if line.startswith("listening on")
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        ended(self._child)
        shutil.rmtree(self.folder, ignore_errors=True)
