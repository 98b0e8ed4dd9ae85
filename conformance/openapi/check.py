#!/usr/bin/env python3
"""Has schemathesis try the API against its own description, on a real server, for a minute at most.

DOWNLINK_BIN is the program (target/release/downlink), SCHEMATHESIS the tool (`st` of the path).
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
API_KEY = "a-key-for-schemathesis-0123456789"
SECONDS_MAX = 60


def main() -> int:
    """Starts a server, has it tried, and ends it."""
    program = os.environ.get("DOWNLINK_BIN") or ROOT / "target" / "release" / "downlink"
    tool = os.environ.get("SCHEMATHESIS") or "st"
    environment = {
        "PATH": os.environ["PATH"],
        "DOWNLINK_DURABILITY": "memory",
        "DOWNLINK_API_KEY": API_KEY,
        "DOWNLINK_TOKEN_KEY": "a-token-key-for-schemathesis-0123456789",
        "DOWNLINK_LOG": "warn",
    }
    command = [program, "serve", "--listen", "127.0.0.1:0"]
    with (
        subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        try:
            assert server.stdout is not None
            url = server.stdout.readline().split()[-1]
            tried = subprocess.run(
                [
                    tool,
                    f"--config-file={HERE / 'schemathesis.toml'}",
                    "run",
                    f"{url}/openapi.json",
                    f"--header=Authorization: Bearer {API_KEY}",
                    f"--max-time={SECONDS_MAX - 15}",
                    # One: two threads that compile Python at once may fail in CPython before 3.11.8 (its issue 106905).
                    "--workers=1",
                    "--no-color",
                ],
                env={**os.environ, "SCHEMATHESIS_HOOKS": "hooks", "PYTHONPATH": str(HERE)},
                # Its database of examples is nothing to keep.
                cwd=folder,
                timeout=4 * SECONDS_MAX,
                check=False,
            )
            lives = server.poll() is None
        finally:
            server.terminate()
    if not lives:
        print("conformance/openapi: the server did not live to the end", file=sys.stderr)
    return tried.returncode if lives else 1


if __name__ == "__main__":
    sys.exit(main())
