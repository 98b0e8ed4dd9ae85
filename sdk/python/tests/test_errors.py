"""Which error an answer becomes, and what it says."""

from __future__ import annotations

import pickle
from typing import Any

import httpx
import pytest

import downlink


def failing(status: int, body: Any, monkeypatch: pytest.MonkeyPatch) -> downlink.DownlinkError:
    monkeypatch.setattr("time.sleep", lambda _: None)
    answer = httpx.MockTransport(
        lambda _: (
            httpx.Response(status, json=body)
            if isinstance(body, dict)
            else httpx.Response(status, content=body)
        )
    )
    client = downlink.Client("http://downlink.test", "the-key-for-tests", transport=answer)
    with pytest.raises(downlink.DownlinkError) as caught:
        client.send("ada", "hello")
    return caught.value


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "invalid_client_id", downlink.InvalidClientId),
        (400, "invalid_duration", downlink.InvalidDuration),
        (400, "empty_message", downlink.EmptyMessage),
        (413, "message_too_large", downlink.MessageTooLarge),
        (400, "invalid_utf8", downlink.InvalidUtf8),
        (400, "invalid_cursor", downlink.InvalidCursor),
        (401, "invalid_api_key", downlink.InvalidApiKey),
        (422, "some_conflict", downlink.IdempotencyConflict),
        (503, "outcome_unknown", downlink.Unavailable),
        (507, "disk_full", downlink.Unavailable),
        (418, "news_to_us", downlink.DownlinkError),
    ],
)
def test_a_problem_becomes_an_error_by_its_code(
    status: int, code: str, kind: type[downlink.DownlinkError], monkeypatch: pytest.MonkeyPatch
) -> None:
    problem = {"type": "about:blank", "status": status, "code": code, "detail": "Do this."}
    error = failing(status, problem, monkeypatch)
    assert type(error) is kind
    assert (error.code, error.status, error.detail) == (code, status, "Do this.")
    assert str(error) == f"{code}: Do this."


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (502, b"<html>Bad Gateway</html>", downlink.Unavailable),
        (401, b"", downlink.InvalidApiKey),
        (404, b"[1]", downlink.DownlinkError),
        (302, b"", downlink.DownlinkError),
    ],
)
def test_an_answer_of_something_else_is_told_by_its_status(
    status: int, body: bytes, kind: type[downlink.DownlinkError], monkeypatch: pytest.MonkeyPatch
) -> None:
    error = failing(status, body, monkeypatch)
    assert type(error) is kind
    assert error.code == f"http_{status}"


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{}", b'{"id":"k3f.1"}'])
def test_a_success_that_is_not_downlinks_is_an_error(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    error = failing(200, body, monkeypatch)
    assert error.code == "unexpected_answer"
    assert error.__cause__ is None


def test_too_few_results_are_an_error() -> None:
    answer = httpx.MockTransport(lambda _: httpx.Response(200, json=[]))
    client = downlink.Client("http://downlink.test", "the-key-for-tests", transport=answer)
    with pytest.raises(downlink.DownlinkError, match="unexpected_answer"):
        client.send_many([downlink.Item("ada", "x")])


def test_errors_survive_pickling() -> None:
    error = downlink.MessageTooLarge("message_too_large", "Send less.", 413)
    copy = pickle.loads(pickle.dumps(error))  # noqa: S301 -- our own bytes
    assert (type(copy), copy.code, copy.status) == (type(error), "message_too_large", 413)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "127.0.0.1:7171",
        "ftp://downlink.test",
        "http://",
        "http://downlink.test:port",
        "http://downlink.test/?a=b",
        "http://ada:secret-word@downlink.test",
    ],
)
def test_an_address_that_cannot_be_one_is_refused_at_once(url: str) -> None:
    with pytest.raises(downlink.DownlinkError) as caught:
        downlink.Client(url, "the-key-for-tests")
    assert caught.value.code == "invalid_url"
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize("key", ["", "  ", "secret word", "secret\nword", "sécret-word"])
def test_a_key_that_cannot_be_one_is_refused_at_once(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOWNLINK_API_KEY", raising=False)
    with pytest.raises(downlink.InvalidApiKey) as caught:
        downlink.Client("http://downlink.test", key)
    assert "word" not in str(caught.value)


def test_what_cannot_be_sent_is_refused_without_a_request() -> None:
    def never(_: httpx.Request) -> httpx.Response:
        raise AssertionError

    client = downlink.Client(
        "http://downlink.test", "the-key-for-tests", transport=httpx.MockTransport(never)
    )
    with pytest.raises(downlink.InvalidClientId):
        client.send("\ud800", "x")
    with pytest.raises(downlink.InvalidClientId):
        client.create_channel("\ud800")
    with pytest.raises(downlink.InvalidUtf8):
        client.send("ada", "\ud800")
    with pytest.raises(downlink.DownlinkError, match="invalid_idempotency_key"):
        client.send("ada", "x", idempotency_key="a\nb")
    with pytest.raises(downlink.InvalidDuration):
        client.create_channel("ada", float("nan"))  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        client.send("ada", 7)  # type: ignore[arg-type]
