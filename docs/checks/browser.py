"""Runs a page's HTML or script in a real browser, until a message has arrived there."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from checks.server import API_KEY, Server, ended, until

# As root, in a closed network: no sandbox, and no look-ups of its own.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--remote-debugging-port=0",
]
MESSAGE = "a message for the snippet"


def browser() -> str:
    """Debian's name for it, or Ubuntu's."""
    found = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    if found is None:
        raise SystemExit("docs/check.py: there is no Chromium; CHROMIUM may say where it is")
    return found


def call(server: Server, path: str, body: bytes, kind: str) -> bytes:
    """What an application says to the server."""
    headers = {"Authorization": f"Bearer {API_KEY}", "Content-Type": kind}
    with urllib.request.urlopen(urllib.request.Request(server.url + path, body, headers)) as answer:
        said: bytes = answer.read()
        return said


def in_browser(server: Server, text: str, language: str) -> str | None:
    """What is wrong, if anything: the snippet has to log the message that is sent to it."""
    asked = json.dumps({"client_id": "reader"}).encode()
    token = json.loads(call(server, "/v1/channels", asked, "application/json"))["token"]
    call(server, "/v1/messages?to=reader", MESSAGE.encode(), "text/plain")
    text = f'<script type="module">{text}</script>' if language == "js" else text
    page = f'<!doctype html><link rel="icon" href="data:,"><script>var token = {json.dumps(token)};</script>{text}'

    class Application(BaseHTTPRequestHandler):
        """The page, and `/token`."""

        def do_GET(self) -> None:
            """Answers both."""
            body, kind = (token, "text/plain") if self.path == "/token" else (page, "text/html")
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    application = ThreadingHTTPServer(("127.0.0.1", 0), Application)
    threading.Thread(target=application.serve_forever, daemon=True).start()
    log = server.folder / "browser.log"
    with log.open("w") as out:
        child = subprocess.Popen(
            [
                browser(),
                *FLAGS,
                f"--user-data-dir={server.folder / 'profile'}",
                f"http://127.0.0.1:{application.server_port}/",
            ],
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        if until(lambda: MESSAGE in log.read_text(errors="replace"), 45):
            return None
        said = [line for line in log.read_text(errors="replace").splitlines() if "CONSOLE" in line]
        return f"the message did not arrive in the page; its console: {said}"
    finally:
        ended(child)
        application.shutdown()
