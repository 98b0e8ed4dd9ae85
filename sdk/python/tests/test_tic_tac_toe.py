"""The two-window game behind ``downlink dev --app``: its server, as pages and Downlink see it."""

from __future__ import annotations

import importlib
import json
import re
import secrets
import sys
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Optional

import httpx
import pytest

from support.application import Application
from support.notices import sign
from support.page import Page
from support.receiver import SECRET
from support.server import REPOSITORY

FOLDER = REPOSITORY / "examples" / "tic-tac-toe" / "python"

DISCONNECTED = "/_ah/channel/disconnected/"

State = dict[str, Any]


@pytest.fixture(scope="module")
def game(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    running = Application(FOLDER / "app.py", tmp_path_factory.mktemp("game"))
    yield running
    running.stop()


class Visitor:
    """A browser of its own, with one game open."""

    def __init__(self, application: Application, game_id: str) -> None:
        self._url = application.url
        plain = httpx.HTTPTransport(verify=False)
        self.browser = httpx.Client(base_url=application.url, transport=plain)
        self.game_id = game_id
        page = self.browser.get("/", params={"g": game_id})
        assert page.status_code == httpx.codes.OK
        assert "{{" not in page.text, "every place of the page is filled"
        names = ("token", "mark", "game")
        said = {name: re.search(rf'const {name} = "([\w.-]*)";', page.text) for name in names}
        self.token, self.mark, game = (found[1] if found else None for found in said.values())
        assert game == game_id
        self.page: Optional[Page] = None

    def open(self) -> None:
        assert self.token
        self.page = Page(self._url, self.token)
        assert self.post("opened").status_code == httpx.codes.NO_CONTENT

    def post(self, path: str, **query: str) -> httpx.Response:
        return self.browser.post(f"/{path}", params={"g": self.game_id, **query})

    def move(self, cell: object) -> httpx.Response:
        return self.post("move", i=str(cell))

    def next(self) -> State:
        assert self.page is not None
        [message] = self.page.messages(1)
        state: State = json.loads(message)
        return state

    def hears(self, **expected: object) -> State:
        """The next state that is so; those before it were sent before that was true."""
        while True:
            state = self.next()
            if all(state[name] == value for name, value in expected.items()):
                return state

    def __enter__(self) -> Visitor:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        if self.page is not None:
            self.page.close()
        self.browser.close()


@pytest.fixture
def players(game: Application) -> Iterator[tuple[Visitor, Visitor]]:
    """Both have the game open, and have heard so."""
    game_id = secrets.token_hex(6)
    with Visitor(game, game_id) as first, Visitor(game, game_id) as second:
        first.open()
        second.open()
        for one in (first, second):
            one.hears(here={"X": True, "O": True})
        yield first, second


def test_the_way_to_a_new_game(game: Application) -> None:
    with httpx.Client(base_url=game.url) as browser:
        first, second = browser.get("/"), browser.get("/")
        assert first.status_code == httpx.codes.SEE_OTHER
        assert re.fullmatch(r"/\?g=[A-Za-z0-9]+", first.headers["location"])
        assert first.headers["location"] != second.headers["location"]
        cookie = first.headers["set-cookie"]
        assert re.fullmatch(r"user=[a-z]+; Path=/; HttpOnly; SameSite=Lax", cookie)
        page = browser.get(first.headers["location"])
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        assert page.headers["cache-control"] == "no-store"
        assert page.headers["set-cookie"] == cookie, "the visitor stays the same"


def test_the_first_plays_x_the_second_o_and_others_watch(game: Application) -> None:
    game_id = secrets.token_hex(6)
    with Visitor(game, game_id) as x, Visitor(game, game_id) as o, Visitor(game, game_id) as third:
        assert (x.mark, o.mark, third.mark) == ("X", "O", "")
        assert x.token != o.token
        assert third.token == ""


def test_a_reload_takes_no_second_seat(game: Application) -> None:
    game_id = secrets.token_hex(6)
    with Visitor(game, game_id) as x:
        for _ in range(2):
            again = x.browser.get("/", params={"g": game_id}).text
            assert 'const mark = "X";' in again
        with Visitor(game, game_id) as o:
            assert o.mark == "O"


def test_an_opened_page_hears_how_the_game_stands(game: Application) -> None:
    with Visitor(game, secrets.token_hex(6)) as only:
        only.open()
        first = only.next()
        assert first.keys() == {"board", "turn", "winner", "here"}
        assert (first["board"], first["turn"], first["winner"]) == ("---------", "X", "")
        if not first["here"]["X"]:
            only.hears(here={"X": True, "O": False})


def test_a_game_goes_over_both_channels_to_its_end(players: tuple[Visitor, Visitor]) -> None:
    x, o = players
    moves = [(x, 0), (o, 3), (x, 1), (o, 4), (x, 2)]
    boards = ["X--------", "X--O-----", "XX-O-----", "XX-OO----", "XXXOO----"]
    for number, ((player, cell), board) in enumerate(zip(moves, boards)):
        assert player.move(cell).status_code == httpx.codes.NO_CONTENT
        seen = [one.hears(board=board) for one in players]
        assert seen[0] == seen[1]
        assert seen[0]["winner"] == ("X" if number == len(moves) - 1 else "")
        assert seen[0]["turn"] == "OX"[number % 2]
    assert o.move(8).status_code == httpx.codes.BAD_REQUEST, "it is over"


def test_a_full_board_is_a_draw(players: tuple[Visitor, Visitor]) -> None:
    for number, cell in enumerate((0, 1, 2, 4, 3, 5, 7, 6, 8)):
        assert players[number % 2].move(cell).status_code == httpx.codes.NO_CONTENT
    for one in players:
        assert one.hears(winner="draw")["board"] == "XOXXOOOXX"


def test_nonsense_changes_nothing(players: tuple[Visitor, Visitor], game: Application) -> None:
    x, o = players
    bad, forbidden, missing = 400, 403, 404
    assert o.move(0).status_code == bad, "not their turn"
    assert x.move(0).status_code == httpx.codes.NO_CONTENT
    assert o.move(0).status_code == bad, "taken"
    for cell in (-1, 9, "", "a", "01", "12", "²", "1.0"):
        answer = o.move(cell)
        assert answer.status_code == bad
        assert answer.text
    with Visitor(game, x.game_id) as watching:
        assert watching.move(1).status_code == watching.post("opened").status_code == forbidden
    for path in ("opened", "move"):
        for game_id in ("nosuchgame", "", "a-b", "é"):
            answer = x.browser.post(f"/{path}", params={"g": game_id, "i": 1})
            assert answer.status_code == missing
    assert x.browser.get("/", params={"g": "a-b"}).status_code == bad
    assert x.browser.get("/nothing").status_code == missing
    assert x.browser.post("/move", content=b"x" * 20_000).status_code == 413
    assert o.move(1).status_code == httpx.codes.NO_CONTENT
    assert x.hears(board="XO-------")["winner"] == ""


def test_presence_is_shown(players: tuple[Visitor, Visitor]) -> None:
    x, o = players
    assert o.page is not None
    o.page.leave()
    assert x.hears(here={"X": True, "O": False})
    o.open()
    assert x.hears(here={"X": True, "O": True})


def test_a_late_notice_changes_nothing(players: tuple[Visitor, Visitor], game: Application) -> None:
    x, o = players
    client_id = f"{o.browser.cookies['user']}-{o.game_id}"

    def notify(connected: bool, generation: int) -> None:
        data = {"client_id": client_id, "generation": generation}
        name = "channel.connected" if connected else "channel.disconnected"
        body = json.dumps({"type": name, "data": data}).encode()
        headers = sign(body, SECRET, time.time())
        answer = httpx.post(game.app_url + DISCONNECTED, content=body, headers=headers)
        assert answer.status_code == httpx.codes.NO_CONTENT

    newest = 2**53 - 1
    notify(False, 0)
    x.move(0)
    assert x.hears(board="X--------")["here"] == {"X": True, "O": True}
    notify(False, newest - 1)
    assert x.next()["here"] == {"X": True, "O": False}
    notify(True, newest - 1)
    o.move(1)
    assert x.next()["here"] == {"X": True, "O": False}
    notify(True, newest)
    assert x.next()["here"] == {"X": True, "O": True}


def test_a_notice_for_a_game_that_is_gone_is_taken(game: Application) -> None:
    for client_id in ("someone-nosuchgame", "nodash", "-", "a-b-c"):
        data = {"client_id": client_id, "generation": 7}
        body = json.dumps({"type": "channel.connected", "data": data}).encode()
        headers = sign(body, SECRET, time.time())
        answer = httpx.post(game.app_url + DISCONNECTED, content=body, headers=headers)
        assert answer.status_code == httpx.codes.NO_CONTENT, "or it would come again and again"


def test_a_forged_notice_is_refused(players: tuple[Visitor, Visitor], game: Application) -> None:
    x, o = players
    form = {"from": f"{o.browser.cookies['user']}-{o.game_id}", "state": "disconnected"}
    for state in ("connected", "disconnected"):
        path = f"/_ah/channel/{state}/"
        # From outside, and past Downlink to the program itself.
        assert httpx.post(game.url + path, data=form).status_code == httpx.codes.FORBIDDEN
        assert httpx.post(game.app_url + path, data=form).status_code == httpx.codes.FORBIDDEN
    x.move(4)
    assert x.hears(board="----X----")["here"] == {"X": True, "O": True}


def test_a_forged_cookie_is_a_new_visitor(game: Application) -> None:
    for value in ("a-b", "", '"</script>"', "a" * 65, "é"):
        header = {b"Cookie": f"user={value}".encode()}
        answer = httpx.get(game.url, headers=header)
        assert answer.status_code == httpx.codes.SEE_OTHER
        assert re.match(r"user=[a-z]{20};", answer.headers["set-cookie"])


def test_the_oldest_game_makes_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(FOLDER))
    rules = importlib.import_module("game")
    monkeypatch.setattr(rules, "GAMES_MAX", 3)
    games = rules.Games()
    for game_id in ("a", "b", "c", "a", "d"):
        assert games.get_or_make(game_id) is games.get(game_id)
    assert [game_id for game_id in "abcd" if games.get(game_id)] == ["b", "c", "d"]
    del sys.modules["game"]
