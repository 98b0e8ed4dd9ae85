"""Tic-tac-toe in two windows: the application's side, as one of the App Engine time had it.

Moves come by ordinary HTTP, and each new state goes to both players over their channels. Needs
nothing but Python and the packages `downlink-sdk` and `downlink-sdk-gae`; README.md says how to
run it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass, field
from http import HTTPStatus
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import Any, Callable, Optional
from urllib.parse import parse_qs
from wsgiref.simple_server import WSGIServer, make_server

import downlink
from game import CELLS, Game, Games, Refused
from google.appengine.api import channel

PAGE = Path(__file__).parent.parent / "page" / "index.html"

# Nothing that comes here is longer: moves have no body, and a notice has less than 1 KiB.
BODY_BYTES_MAX = 16 * 1024

# A client id is `<user>-<game>`, so neither may have a dash in it.
USER = re.compile(r"[A-Za-z]{1,64}")
GAME_ID = re.compile(r"[A-Za-z0-9]{1,64}")

games = Games()


@dataclass
class Request:
    """What the handlers need to know."""

    user: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def game_id(self) -> str:
        """Which game it is about; empty if there can be no such game."""
        game_id = self.query.get("g", "")
        return game_id if GAME_ID.fullmatch(game_id) else ""

    @property
    def client_id(self) -> str:
        """Whose channel it is: each player of each game has one."""
        return f"{self.user}-{self.game_id}"


@dataclass
class Response:
    """What the handlers answer."""

    status: HTTPStatus
    body: str = ""
    headers: list[tuple[str, str]] = field(default_factory=list)


def main_page(request: Request) -> Response:
    """Gives a seat at the game, and a page with the token of the player's channel."""
    # Stands for the login that a real application has.
    cookie = ("Set-Cookie", f"user={request.user}; Path=/; HttpOnly; SameSite=Lax")
    if "g" not in request.query:
        location = ("Location", f"/?g={random_letters(10)}")
        return Response(HTTPStatus.SEE_OTHER, "", [location, cookie])
    if not request.game_id:
        return refusal(HTTPStatus.BAD_REQUEST, "A game's name has letters and digits only.")
    game = games.get_or_make(request.game_id)
    with game.lock:
        mark = game.join(request.client_id)
    values = {
        "token": channel.create_channel(request.client_id) if mark else "",
        "mark": mark,
        "game": request.game_id,
    }
    page = PAGE.read_text(encoding="utf-8")
    for name, value in values.items():
        page = page.replace("{{" + name + "}}", value)
    # The page holds a token.
    headers = [("Content-Type", "text/html; charset=utf-8"), ("Cache-Control", "no-store"), cookie]
    return Response(HTTPStatus.OK, page, headers)


def opened(request: Request) -> Response:
    """A page has opened its channel, and needs to know how the game stands."""
    return for_player(request, lambda _game, _mark: None)


def move(request: Request) -> Response:
    """A player puts a mark into a cell."""
    cell = request.query.get("i", "")
    if len(cell) != 1 or cell not in string.digits[:CELLS]:
        return refusal(HTTPStatus.BAD_REQUEST, "A cell is a number from 0 to 8.")
    return for_player(request, lambda game, mark: game.move(mark, int(cell)))


def for_player(request: Request, act: Callable[[Game, str], None]) -> Response:
    """Lets one of the two players act, and tells both how the game stands then."""
    game = games.get(request.game_id)
    if game is None:
        return refusal(HTTPStatus.NOT_FOUND, "There is no such game.")
    with game.lock:
        mark = game.mark_of(request.client_id)
        if mark is None:
            return refusal(HTTPStatus.FORBIDDEN, "You do not play in this game.")
        try:
            act(game, mark)
        except Refused as reason:
            return refusal(HTTPStatus.BAD_REQUEST, str(reason))
        tell_both(game)
    return Response(HTTPStatus.NO_CONTENT)


def presence(request: Request) -> Response:
    """Downlink says that a player came or went."""
    try:
        notice = downlink.verify_notice(request.headers, request.body)
    except downlink.InvalidNotice as reason:
        return refusal(HTTPStatus.FORBIDDEN, str(reason))
    game = games.get(notice.client_id.rpartition("-")[2])
    if game is not None:
        with game.lock:
            note_presence(game, notice)
    # Also for a game that is gone, or the notice would come again and again.
    return Response(HTTPStatus.NO_CONTENT)


def note_presence(game: Game, notice: downlink.Notice) -> None:
    """Keeps what the notice says, unless a newer one said otherwise, and tells both players."""
    mark = game.mark_of(notice.client_id)
    if mark is None or notice.generation <= game.players[mark].generation:
        return
    game.players[mark].here = notice.connected
    tell_both(game)
    # Last: if telling failed, the notice comes again, and must count again.
    game.players[mark].generation = notice.generation


def tell_both(game: Game) -> None:
    """Sends the state over both channels."""
    message = json.dumps(game.state(), separators=(",", ":"))
    for player in game.players.values():
        channel.send_message(player.client_id, message)


def refusal(status: HTTPStatus, reason: str) -> Response:
    """Says why not; the page shows it."""
    return Response(status, reason, [("Content-Type", "text/plain; charset=utf-8")])


def random_letters(count: int) -> str:
    """What nobody guesses."""
    return "".join(secrets.choice(string.ascii_lowercase) for _ in range(count))


HANDLERS: dict[tuple[str, str], Callable[[Request], Response]] = {
    ("GET", "/"): main_page,
    ("POST", "/opened"): opened,
    ("POST", "/move"): move,
    ("POST", "/_ah/channel/connected/"): presence,
    ("POST", "/_ah/channel/disconnected/"): presence,
}


def application(environ: dict[str, Any], start_response: Callable[..., object]) -> Iterable[bytes]:
    """The WSGI application."""
    handler = HANDLERS.get((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
    length = environ.get("CONTENT_LENGTH") or "0"
    if handler is None:
        response = refusal(HTTPStatus.NOT_FOUND, "There is nothing here.")
    elif not length.isdigit() or len(length) > len(str(BODY_BYTES_MAX)):
        response = Response(HTTPStatus.BAD_REQUEST)
    elif int(length) > BODY_BYTES_MAX:
        response = Response(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    else:
        response = handler(read_request(environ, int(length)))
    body = response.body.encode()
    headers = [*response.headers, ("Content-Length", str(len(body)))]
    start_response(f"{response.status.value} {response.status.phrase}", headers)
    return [body]


def read_request(environ: dict[str, Any], length: int) -> Request:
    """What is in a WSGI environment."""
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    return Request(
        user=user_of(environ.get("HTTP_COOKIE", "")) or random_letters(20),
        query={name: values[0] for name, values in query.items()},
        headers={
            name[len("HTTP_") :].replace("_", "-"): value
            for name, value in environ.items()
            if name.startswith("HTTP_")
        },
        body=environ["wsgi.input"].read(length),
    )


def user_of(cookies: str) -> Optional[str]:
    """The visitor, if the cookie is one that was given here."""
    try:
        cookie = SimpleCookie(cookies).get("user")
    except CookieError:
        return None
    return cookie.value if cookie and USER.fullmatch(cookie.value) else None


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
