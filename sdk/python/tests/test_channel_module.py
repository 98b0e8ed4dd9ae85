"""The old module against the real server: what applications of 2010 to 2017 relied on."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import downlink
from google.appengine.api import channel
from google.appengine.api.channel import _errors, _service
from support.page import Page
from support.server import Server


@pytest.fixture(autouse=True)
def environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("DOWNLINK_URL", server.url)
    monkeypatch.setenv("DOWNLINK_API_KEY", server.api_key)
    _service.service.start_anew()
    yield
    _service.service.start_anew()


def open_page(server: Server, client_id: str) -> Page:
    return Page(server.url, channel.create_channel(client_id))


def test_two_channels_of_one_client_id_both_connect(server: Server, client_id: str) -> None:
    first, second = channel.create_channel(client_id), channel.create_channel(client_id)
    assert first != second
    with Page(server.url, first) as one, Page(server.url, second) as two:
        assert channel.send_message(client_id, "hello") is None  # type: ignore[func-returns-value]
        assert one.messages(1) == two.messages(1) == ["hello"]


def test_a_token_can_be_pasted_anywhere(client_id: str) -> None:
    token = channel.create_channel(client_id)
    assert type(token) is str
    assert re.fullmatch(r"[A-Za-z0-9._-]+", token)


@pytest.mark.parametrize("fits", ["x" * 256, "é" * 128])
def test_a_client_id_of_256_bytes_works(server: Server, fits: str) -> None:
    with open_page(server, fits) as page:
        channel.send_message(fits, "hello")
        assert page.messages(1) == ["hello"]


@pytest.mark.parametrize("bad", ["x" * 257, "é" * 129, "", None, 7, b"bytes", "\ud800"])
def test_other_client_ids_are_refused(bad: str) -> None:
    with pytest.raises(channel.InvalidChannelClientIdError):
        channel.create_channel(bad)
    with pytest.raises(channel.InvalidChannelClientIdError):
        channel.send_message(bad, "hello")


@pytest.mark.parametrize(
    "client_id", ["a/b", "a-b", "A@b", "~", "a:b", "%", "&", "+", " a", "ž", "."]
)
def test_client_ids_with_any_character_work(server: Server, client_id: str) -> None:
    with open_page(server, client_id) as page:
        channel.send_message(client_id, "hello")
        assert page.messages(1) == ["hello"]


@pytest.mark.parametrize("duration", [1, 1440, 120.0, None, True])
def test_durations_that_pass(client_id: str, duration: float) -> None:
    assert channel.create_channel(client_id, duration_minutes=duration)
    assert channel.create_channel(client_id, duration)


@pytest.mark.parametrize("duration", [0, -1, 1441, 1.5, 1441.0, "10", float("nan"), float("inf")])
def test_durations_that_fail(client_id: str, duration: float) -> None:
    with pytest.raises(channel.InvalidChannelTokenDurationError):
        channel.create_channel(client_id, duration)


def test_the_client_id_is_checked_before_the_duration() -> None:
    with pytest.raises(channel.InvalidChannelClientIdError):
        channel.create_channel("x" * 257, 0)
    # Only the service knows that an empty client id is none; the library sees the duration first.
    with pytest.raises(channel.InvalidChannelTokenDurationError):
        channel.create_channel("", 0)


@pytest.mark.parametrize("message", ["x" * 32_767, "é" * 16_383, b"as bytes", "é".encode()])
def test_messages_up_to_32767_bytes_arrive_unchanged(
    server: Server, client_id: str, message: str
) -> None:
    with open_page(server, client_id) as page:
        channel.send_message(client_id, message)
        expected = message.decode() if isinstance(message, bytes) else message
        assert page.messages(1) == [expected]


@pytest.mark.parametrize("bad", ["x" * 32_768, "é" * 16_384, b"\xff", "", b"", None, 7, "\ud800"])
def test_other_messages_are_refused_and_reach_nobody(
    server: Server, client_id: str, bad: str
) -> None:
    with open_page(server, client_id) as page:
        with pytest.raises(channel.InvalidMessageError):
            channel.send_message(client_id, bad)
        channel.send_message(client_id, "the next one")
        assert page.hears_nothing_before("the next one")


def test_a_send_before_the_channel_was_created_reaches_nobody(
    server: Server, client_id: str
) -> None:
    channel.send_message(client_id, "too early")
    token = channel.create_channel(client_id)
    channel.send_message(client_id, "in time")
    with Page(server.url, token) as page:
        assert page.hears_nothing_before("in time")


def test_a_token_is_a_target(server: Server, client_id: str) -> None:
    with open_page(server, client_id) as page:
        channel.send_message(channel.create_channel(client_id), "by token")
        assert page.messages(1) == ["by token"]


def test_the_token_of_a_long_client_id_is_a_target(server: Server) -> None:
    client_id = "é" * 128
    token = channel.create_channel(client_id)
    assert len(token) > channel.MAXIMUM_CLIENT_ID_LENGTH
    with Page(server.url, token) as page:
        channel.send_message(token, "by token")
        assert page.messages(1) == ["by token"]


def test_what_only_looks_like_a_token_is_an_over_long_client_id() -> None:
    with pytest.raises(channel.InvalidChannelClientIdError):
        channel.send_message(f"eyJ{'a' * 300}.eyJ.c", "hello")


def test_names_and_constants_are_there() -> None:
    assert channel.MAXIMUM_CLIENT_ID_LENGTH == 256
    assert channel.MAXIMUM_TOKEN_DURATION_MINUTES == 1440
    assert channel.MAXIMUM_MESSAGE_LENGTH == 32767
    for kind in (
        channel.InvalidChannelClientIdError,
        channel.InvalidChannelTokenDurationError,
        channel.InvalidMessageError,
        channel.AppIdAliasRequired,
    ):
        assert issubclass(kind, channel.Error)
    assert set(channel.__all__) <= set(dir(channel))


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (1, _errors.ApplicationError),
        (2, channel.InvalidChannelClientIdError),
        (3, channel.InvalidMessageError),
        (4, _errors.ApplicationError),
        (5, channel.AppIdAliasRequired),
    ],
)
def test_each_service_code_has_its_exception(code: int, kind: type[Exception]) -> None:
    error = _errors.exception_for(_errors.ServiceCode(code), "the reason")
    assert type(error) is kind
    assert "the reason" in str(error)
    if kind is _errors.ApplicationError:
        assert getattr(error, "application_error", None) == code


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DOWNLINK_API_KEY", "another-key-altogether"),
        ("DOWNLINK_API_KEY", ""),
        ("DOWNLINK_URL", "http://127.0.0.1:9"),
        ("DOWNLINK_URL", "nowhere"),
    ],
)
@pytest.mark.usefixtures("short_waits")
def test_other_failures_are_raw_application_errors(
    name: str, value: str, client_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    for call in (channel.create_channel, lambda to: channel.send_message(to, "hello")):
        with pytest.raises(_errors.ApplicationError) as caught:
            call(client_id)
        assert caught.value.application_error == 1
        assert "another-key" not in str(caught.value)


def test_the_environment_is_read_at_the_first_call(
    client_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel.create_channel(client_id)
    monkeypatch.setenv("DOWNLINK_API_KEY", "another-key-altogether")
    channel.create_channel(client_id)


def test_threads_share_one_client(
    server: Server, client_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[downlink.Client] = []

    class Counted(downlink.Client):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    monkeypatch.setattr(downlink, "Client", Counted)
    together = threading.Barrier(8)

    def send(number: int) -> None:
        together.wait()
        channel.send_message(client_id, str(number))

    with open_page(server, client_id) as page:
        _service.service.start_anew()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(send, range(8)))
        assert sorted(map(str, page.messages(8))) == [str(number) for number in range(8)]
    assert len(made) == 2, "one before the new start, one after it"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_a_forked_child_makes_its_own_client(server: Server, client_id: str) -> None:
    token = channel.create_channel(client_id)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 2 if _service.service._client else 0  # noqa: SLF001 -- the very subject
            channel.send_message(client_id, "from the child")
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    channel.send_message(client_id, "from the parent")
    with Page(server.url, token) as page:
        assert page.messages(2) == ["from the child", "from the parent"]
