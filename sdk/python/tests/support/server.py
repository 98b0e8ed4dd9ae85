"""The real server, as a process of its own."""

from __future__ import annotations

import os
import queue
import re
import subprocess
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Optional

REPOSITORY = Path(__file__).resolve().parents[4]
API_KEY = "key-of-the-python-tests"
TOKEN_KEY = "the-key-that-signs-tokens-of-the-python-tests"

_READY = re.compile(r"listen(?:ing|s) on (http://127\.0\.0\.1:(\d+))")
_START_SECONDS = 20


def binary() -> Path:
    """Where the program is; absence is a failure, since these tests prove nothing without it."""
    path = Path(os.environ.get("DOWNLINK_BIN") or REPOSITORY / "target/release/downlink")
    assert path.is_file(), f"no program at {path}: run `cargo build --release`, or set DOWNLINK_BIN"
    return path


class Server:
    """``downlink dev`` on a port of its choice, which it keeps when it is started again."""

    def __init__(
        self,
        data_dir: Path,
        app: Optional[str] = None,
        settings: Optional[Mapping[str, str]] = None,
    ) -> None:
        """``settings`` are variables of its environment."""
        self.url = ""
        self.api_key = API_KEY
        self._settings = {
            "DOWNLINK_API_KEY": API_KEY,
            "DOWNLINK_TOKEN_KEY": TOKEN_KEY,
            **(settings or {}),
        }
        self._data_dir = data_dir
        self._app = app
        self._port = 0
        self._process: Optional[subprocess.Popen[str]] = None

    def start(self) -> None:
        """Starts it, and returns when it listens."""
        command = [str(binary()), "dev", "--listen", f"127.0.0.1:{self._port}"]
        command += ["--data-dir", str(self._data_dir)]
        if self._app is not None:
            command += ["--app", self._app]
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DOWNLINK_")}
        environment.update(self._settings)
        log = self._data_dir.with_name(self._data_dir.name + ".log")
        with log.open("a") as errors:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                env=environment,
            )
        assert self._process.stdout is not None
        try:
            self.url, self._port = wait_until_ready(self._process.stdout)
        except AssertionError as silence:
            raise AssertionError(f"{silence}\n{log.read_text()}") from None

    def kill(self) -> None:
        """``kill -9``: no word of farewell, nothing flushed."""
        self._end(self._running().kill)

    def stop(self) -> None:
        """Asks it to end."""
        if self._process is not None:
            self._end(self._process.terminate)

    def _running(self) -> subprocess.Popen[str]:
        assert self._process is not None, "the server was not started"
        return self._process

    def _end(self, how: object) -> None:
        process = self._running()
        assert callable(how)
        how()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None


Lines = queue.Queue[Optional[str]]
"""What a program says, line by line, and `None` at its end."""


def wait_until_ready(output: IO[str], lines: Optional[Lines] = None) -> tuple[str, int]:
    """Where a program listens, as soon as it says so.

    Its output is read on to its end; whoever wants to know what it says later gives `lines`.
    """
    lines = Lines() if lines is None else lines

    def drain() -> None:
        # To the end of the process's life, or it would block on a full pipe.
        for line in output:
            lines.put(line)
        lines.put(None)
        output.close()

    threading.Thread(target=drain, daemon=True).start()
    seen: list[str] = []
    while True:
        try:
            line = lines.get(timeout=_START_SECONDS)
        except queue.Empty:
            line = None
        if line is None:
            raise AssertionError(f"it did not say that it listens; it said:\n{''.join(seen)}")
        seen.append(line)
        ready = _READY.search(line)
        if ready:
            return ready[1], int(ready[2])
