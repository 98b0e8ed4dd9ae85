"""One of the examples, behind ``downlink dev --app`` as its README says."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from support.receiver import SECRET
from support.server import API_KEY, Lines, Server, wait_until_ready


class Application:
    """The program, and the server before it; both know the same key and secret."""

    def __init__(self, program: Path, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
        self.app_url = f"http://127.0.0.1:{port}"
        """Where the program itself listens; browsers never come here."""
        self.server = Server(
            folder / "data", app=self.app_url, settings={"DOWNLINK_PRESENCE_SECRET": SECRET}
        )
        self.server.start()
        environment = {k: v for k, v in os.environ.items() if not k.startswith("DOWNLINK_")}
        environment["DOWNLINK_URL"] = self.server.url
        environment["DOWNLINK_API_KEY"] = API_KEY
        environment["DOWNLINK_PRESENCE_SECRET"] = SECRET
        environment["PORT"] = str(port)
        self._process = subprocess.Popen(
            [sys.executable, program], stderr=subprocess.PIPE, text=True, env=environment
        )
        assert self._process.stderr is not None
        self.log = Lines()
        """What the program says from now on."""
        wait_until_ready(self._process.stderr, self.log)

    @property
    def url(self) -> str:
        """Where browsers come to."""
        return self.server.url

    def stop(self) -> None:
        """Ends both."""
        self._process.terminate()
        self._process.wait()
        self.server.stop()
