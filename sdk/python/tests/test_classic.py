"""The classic example behind ``downlink dev --app``, as its README says."""

from __future__ import annotations

import re
from collections.abc import Iterator

import httpx
import pytest

from support.application import Application
from support.page import Page
from support.server import REPOSITORY

APP = REPOSITORY / "examples" / "classic" / "app.py"


@pytest.fixture(scope="module")
def classic(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    running = Application(APP, tmp_path_factory.mktemp("classic"))
    yield running
    running.stop()


@pytest.fixture
def visitor(classic: Application) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=classic.url) as browser:
        yield browser


def token_in(page: str) -> str:
    found = re.search(r'var channelId = "([A-Za-z0-9._-]+)";', page)
    assert found, "the page holds the token"
    return found[1]


def test_the_server_s_code_is_that_of_the_old_documentation() -> None:
    code = APP.read_text()
    assert "from google.appengine.api import channel\n" in code
    assert "channelId = channel.create_channel(userId)\n" in code
    assert "channel.send_message(" in code


def test_the_page_s_code_is_that_of_the_old_documentation(visitor: httpx.Client) -> None:
    page = visitor.get("/").text
    script = page.index('<script src="/_ah/channel/jsapi"></script>')
    opening = page.index(
        "var channel = new goog.appengine.Channel(channelId); var socket = channel.open();"
    )
    assert script < opening
    for name in ("onopen", "onmessage", "onerror", "onclose"):
        assert f"socket.{name} = function" in page
    assert visitor.get("/_ah/channel/jsapi").status_code == httpx.codes.OK


def test_what_the_form_posts_comes_back_over_the_channel(
    classic: Application, visitor: httpx.Client
) -> None:
    token = token_in(visitor.get("/").text)
    with Page(classic.url, token) as page:
        said = 'hello & <good> "day", žluťoučký 🐎+1'
        answer = visitor.post("/say", data={"message": said})
        assert answer.status_code == httpx.codes.NO_CONTENT
        assert page.messages(1) == [said]


def test_two_windows_of_a_visitor_hear_the_same_and_strangers_do_not(
    classic: Application, visitor: httpx.Client
) -> None:
    url = classic.url
    first, second = token_in(visitor.get("/").text), token_in(visitor.get("/").text)
    with httpx.Client(base_url=url) as stranger:
        theirs = token_in(stranger.get("/").text)
        with Page(url, first) as one, Page(url, second) as two, Page(url, theirs) as other:
            visitor.post("/say", data={"message": "mine"})
            stranger.post("/say", data={"message": "theirs"})
            assert one.messages(1) == two.messages(1) == ["mine"]
            assert other.hears_nothing_before("theirs")


@pytest.mark.parametrize("message", ["", "x" * 32_768])
def test_what_cannot_be_sent_is_said(visitor: httpx.Client, message: str) -> None:
    visitor.get("/")
    answer = visitor.post("/say", data={"message": message})
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert answer.text


def test_the_longest_message_fits_in_any_encoding(visitor: httpx.Client) -> None:
    visitor.get("/")
    answer = visitor.post("/say", data={"message": "é" * 16_383})
    assert answer.status_code == httpx.codes.NO_CONTENT


def test_who_comes_and_goes_is_logged(classic: Application, visitor: httpx.Client) -> None:
    token = token_in(visitor.get("/").text)
    user = visitor.cookies["user"]
    with Page(classic.url, token) as page:
        wait_for_line(classic, f"{user} is here")
        page.leave()
        wait_for_line(classic, f"{user} is gone")


@pytest.mark.parametrize("state", ["connected", "disconnected"])
def test_a_forged_notice_is_refused(classic: Application, state: str) -> None:
    for url in (classic.url, classic.app_url):
        answer = httpx.post(f"{url}/_ah/channel/{state}/", data={"from": "ada"})
        assert answer.status_code == httpx.codes.FORBIDDEN


def wait_for_line(application: Application, expected: str) -> None:
    while True:
        line = application.log.get(timeout=30)
        assert line is not None, "the program ended"
        if line.strip() == expected:
            return
