"""The example of the old Channel API documentation, unchanged where it counts.

A page opens a channel; what its form posts comes back over the channel, and the log says who came
and went. Needs nothing but Python and the packages `downlink-sdk` and `downlink-sdk-gae`; README.md
says how to run it.
"""

from __future__ import annotations

import logging
import os
import secrets
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import SimpleCookie
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any, Callable
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIServer, make_server

import downlink
from google.appengine.api import channel

PAGE = Path(__file__).with_name("index.html")

# A form with the longest message, each byte percent-encoded, and its name.
FORM_BYTES_MAX = 3 * channel.MAXIMUM_MESSAGE_LENGTH + 100


@dataclass
class Request:
    """What the handlers need to know."""

    user_id: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Response:
    """What the handlers answer."""

    status: HTTPStatus
    body: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)


def main_page(request: Request) -> Response:
    """Creates the visitor's channel and puts its token into the page."""
    userId = request.user_id
    channelId = channel.create_channel(userId)
    page = PAGE.read_text(encoding="utf-8").replace("{{ channelId }}", channelId)
    return Response(
        HTTPStatus.OK,
        page,
        [
            ("Content-Type", "text/html; charset=utf-8"),
            # The page holds a token.
            ("Cache-Control", "no-store"),
            # Stands for the login that a real application has.
            ("Set-Cookie", f"user={userId}; Path=/; HttpOnly; SameSite=Lax"),
        ],
    )


def say(request: Request) -> Response:
    """Sends what the form says to everyone who has the visitor's channel open."""
    form = parse_qs(request.body.decode(errors="replace"), keep_blank_values=True)
    message = form.get("message", [""])[0]
    try:
        channel.send_message(request.user_id, message)
    except channel.InvalidMessageError as error:
        return Response(HTTPStatus.BAD_REQUEST, str(error), [("Content-Type", "text/plain")])
    return Response(HTTPStatus.NO_CONTENT)


def presence(request: Request) -> Response:
    """Downlink says that somebody came or went; whoever else says so is refused."""
    try:
        notice = downlink.verify_notice(request.headers, request.body)
    except downlink.InvalidNotice as reason:
        return Response(HTTPStatus.FORBIDDEN, str(reason), [("Content-Type", "text/plain")])
    logging.info("%s %s", notice.client_id, "is here" if notice.connected else "is gone")
    return Response(HTTPStatus.NO_CONTENT)


HANDLERS: dict[tuple[str, str], Callable[[Request], Response]] = {
    ("GET", "/"): main_page,
    ("POST", "/say"): say,
    ("POST", "/_ah/channel/connected/"): presence,
    ("POST", "/_ah/channel/disconnected/"): presence,
}


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """The WSGI application."""
    handler = HANDLERS.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
    length = int(environ.get("CONTENT_LENGTH") or 0)
    if handler is None:
        response = Response(HTTPStatus.NOT_FOUND)
    elif length > FORM_BYTES_MAX:
        response = Response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    else:
        cookie = SimpleCookie(environ.get("HTTP_COOKIE", "")).get("user")
        user_id = cookie.value if cookie and cookie.value.isalnum() else secrets.token_hex(8)
        headers = {
            name[len("HTTP_") :].replace("_", "-"): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        }
        response = handler(Request(user_id, headers, environ["wsgi.input"].read(length)))
    start_response(f"{response.status.value} {response.status.phrase}", response.headers)
    return [response.body.encode()]


class Server(ThreadingMixIn, WSGIServer):
    """Answers visitors at the same time."""

    daemon_threads = True


def main() -> None:
    """Serves until interrupted."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    port = int(os.environ.get("PORT", "8080"))
    with make_server("127.0.0.1", port, application, server_class=Server) as server:
        logging.info("The application listens on http://127.0.0.1:%d", server.server_port)
        logging.info("Open it through Downlink: http://127.0.0.1:7171/")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            logging.info("Stopped.")


if __name__ == "__main__":
    main()
