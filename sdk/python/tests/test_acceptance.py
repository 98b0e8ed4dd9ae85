"""What applications of 2010 to 2017 relied on, through the old module against the real server.

The numbers are those of the acceptance list of the old API; a test bears the number that it proves.
"""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest

import downlink
from google.appengine.api import channel
from google.appengine.api.channel import _errors, _service
from support.client_ids import DIFFICULT_CLIENT_IDS
from support.page import Page
from support.server import TOKEN_KEY, Server

pytestmark = pytest.mark.usefixtures("module_environment")


def open_page(server: Server, client_id: str) -> Page:
    return Page(server.url, channel.create_channel(client_id))


def lives_for(minutes: int, token: str) -> bool:
    claims = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    # Never shorter than asked: the second that has begun comes on top.
    return claims["exp"] - claims["iat"] in (60 * minutes, 60 * minutes + 1)


# --- channels ---


def test_item_1_two_channels_of_one_client_id_both_connect(server: Server, client_id: str) -> None:
    first, second = channel.create_channel(client_id), channel.create_channel(client_id)
    assert type(first) is type(second) is str
    assert first
    assert first != second
    with Page(server.url, first) as one, Page(server.url, second) as two:
        channel.send_message(client_id, "hello")
        assert one.messages(1) == two.messages(1) == ["hello"]


@pytest.mark.parametrize("fits", ["x" * 256, "é" * 128])
def test_item_2_a_client_id_of_256_bytes_works(server: Server, fits: str) -> None:
    with open_page(server, fits) as page:
        channel.send_message(fits, "hello")
        assert page.messages(1) == ["hello"]


@pytest.mark.parametrize("bad", ["x" * 257, "é" * 129, None, 7, "\ud800", b"\xff", b"x" * 257])
def test_item_2_other_client_ids_are_refused(bad: str) -> None:
    with pytest.raises(channel.InvalidChannelClientIdError):
        channel.create_channel(bad)
    with pytest.raises(channel.InvalidChannelClientIdError):
        channel.send_message(bad, "hello")


@pytest.mark.parametrize("empty", ["", b""])
def test_item_3_an_empty_client_id_is_refused_by_the_service(empty: str) -> None:
    with pytest.raises(channel.InvalidChannelClientIdError):
        channel.create_channel(empty)
    with pytest.raises(channel.InvalidChannelClientIdError):
        channel.send_message(empty, "hello")


@pytest.mark.parametrize("client_id", DIFFICULT_CLIENT_IDS)
def test_item_4_client_ids_with_any_character_work(server: Server, client_id: str) -> None:
    with open_page(server, client_id) as page:
        channel.send_message(client_id, "hello")
        # From Python 2, where a text in quotes was bytes.
        channel.send_message(client_id.encode(), "as bytes")
        assert page.messages(2) == ["hello", "as bytes"]
    with Page(server.url, channel.create_channel(client_id.encode())) as page:
        channel.send_message(client_id, "to the same channel")
        assert page.messages(1) == ["to the same channel"]


@pytest.mark.parametrize(
    ("duration", "minutes"), [(1, 1), (1440, 1440), (120.0, 120), (None, 120), (True, 1)]
)
def test_item_5_durations_that_pass(client_id: str, duration: float, minutes: int) -> None:
    assert lives_for(minutes, channel.create_channel(client_id, duration))
    assert lives_for(minutes, channel.create_channel(client_id, duration_minutes=duration))


def test_item_5_two_hours_unless_asked_otherwise(client_id: str) -> None:
    assert lives_for(120, channel.create_channel(client_id))


@pytest.mark.parametrize(
    "duration", [0, -1, 1441, 0.0, 1.5, 1441.0, "10", "text", b"10", [], float("nan"), float("inf")]
)
def test_item_5_durations_that_fail(client_id: str, duration: float) -> None:
    with pytest.raises(channel.InvalidChannelTokenDurationError):
        channel.create_channel(client_id, duration)
    with pytest.raises(channel.InvalidChannelTokenDurationError):
        channel.create_channel(client_id, duration_minutes=duration)


def test_item_5_the_client_id_is_checked_before_the_duration() -> None:
    with pytest.raises(channel.InvalidChannelClientIdError):
        channel.create_channel("x" * 257, 0)
    # Only the service knows that an empty client id is none; the library sees the duration first.
    with pytest.raises(channel.InvalidChannelTokenDurationError):
        channel.create_channel("", 0)


# --- messages ---


@pytest.mark.parametrize("message", ["x" * 32_767, "é" * 16_383, b"as bytes", "é".encode()])
def test_item_6_messages_up_to_32767_bytes_arrive_unchanged(
    server: Server, client_id: str, message: str
) -> None:
    with open_page(server, client_id) as page:
        channel.send_message(client_id, message)
        expected = message.decode() if isinstance(message, bytes) else message
        assert page.messages(1) == [expected]


# Too long, counted in bytes; empty, item 7, for the service to refuse; and no text at all.
@pytest.mark.parametrize(
    "bad",
    ["x" * 32_768, "é" * 16_384, b"x" * 32_768, "", b"", b"\xff", None, 7, "\ud800"],
    ids=["item 6"] * 3 + ["item 7"] * 2 + ["no text"] * 4,
)
def test_item_6_item_7_other_messages_are_refused_and_reach_nobody(
    server: Server, client_id: str, bad: str
) -> None:
    with open_page(server, client_id) as page:
        with pytest.raises(channel.InvalidMessageError):
            channel.send_message(client_id, bad)
        channel.send_message(client_id, "the next one")
        assert page.hears_nothing_before("the next one")


def test_item_7_the_service_calls_an_empty_message_bad(client_id: str) -> None:
    # Not the library: so it was, and so a page whose token is at hand may be told.
    with pytest.raises(channel.InvalidMessageError):
        _service.service.send_message(client_id, "")


def test_item_8_a_send_to_nobody_succeeds_and_later_channels_do_not_hear_it(
    server: Server, client_id: str
) -> None:
    channel.send_message(client_id, "too early")
    token = channel.create_channel(client_id)
    channel.send_message(client_id, "in time")
    with Page(server.url, token) as page:
        assert page.hears_nothing_before("in time")


@pytest.mark.parametrize("client_id", ["ada", "é" * 128, "me@Example.com/~a b"])
@pytest.mark.parametrize("as_bytes", [False, True])
def test_item_9_a_token_is_a_target(server: Server, client_id: str, as_bytes: bool) -> None:
    with open_page(server, client_id) as page:
        token = channel.create_channel(client_id)
        channel.send_message(token.encode() if as_bytes else token, "by token")
        channel.send_message(client_id, "by client id")
        assert page.messages(2) == ["by token", "by client id"]


@pytest.mark.parametrize("client_id", ["ada", "é" * 128])
def test_item_9_an_expired_token_takes_a_message_and_reaches_nobody(
    server: Server, client_id: str
) -> None:
    past = time.time() - 3600
    expired = downlink.sign_token(client_id, 1, key=TOKEN_KEY, now=past)
    with pytest.raises(AssertionError, match="not opened: 401"):
        Page(server.url, expired)
    with open_page(server, client_id) as page:
        channel.send_message(expired, "to nobody")
        channel.send_message(client_id, "to ada")
        assert page.hears_nothing_before("to ada")


def test_item_9_what_only_looks_like_a_token_is_an_over_long_client_id() -> None:
    with pytest.raises(channel.InvalidChannelClientIdError):
        channel.send_message(f"eyJ{'a' * 300}.eyJ.c", "hello")


# --- errors and names ---


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
def test_item_10_each_service_code_has_its_exception(code: int, kind: type[Exception]) -> None:
    error = _errors.exception_for(_errors.ServiceCode(code), "the reason")
    assert type(error) is kind
    assert "the reason" in str(error)
    if kind is _errors.ApplicationError:
        assert getattr(error, "application_error", None) == code


def test_item_10_the_service_s_own_refusals_have_these_codes(client_id: str) -> None:
    # Past the library's checks, which see a bad duration first.
    service: Any = _service.service
    with pytest.raises(channel.InvalidChannelClientIdError):
        service.create_channel("", None)
    with pytest.raises(channel.InvalidMessageError):
        service.send_message(client_id, "")
    with pytest.raises(_errors.ApplicationError) as raw:
        service.create_channel(client_id, 0)
    assert raw.value.application_error == 4


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
def test_item_10_other_failures_are_raw_application_errors(
    name: str, value: str, client_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    for call in (channel.create_channel, lambda to: channel.send_message(to, "hello")):
        with pytest.raises(_errors.ApplicationError) as caught:
            call(client_id)
        assert caught.value.application_error == 1
        assert "another-key" not in str(caught.value)


def test_item_12_names_and_constants_are_there(client_id: str) -> None:
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
    assert channel.send_message(client_id, "hello") is None  # type: ignore[func-returns-value]
