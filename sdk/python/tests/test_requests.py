"""What each call puts on the wire."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx
import pytest

import downlink


class Recorder(httpx.MockTransport):
    """Keeps the requests, and answers each with what it was given."""

    def __init__(self, *answers: tuple[int, Any]) -> None:
        super().__init__(self._answer)
        self.requests: list[httpx.Request] = []
        self._answers = list(answers)

    def _answer(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        status, body = self._answers.pop(0)
        return httpx.Response(status, json=body)

    @property
    def only(self) -> httpx.Request:
        [request] = self.requests
        return request


def client_over(recorder: Recorder, url: str = "http://downlink.test:7171") -> downlink.Client:
    return downlink.Client(url, "the-key-for-tests", transport=recorder)


SENT = (201, {"id": "k3f.7", "sockets": 2})


def test_every_request_bears_key_agent_and_timeouts() -> None:
    recorder = Recorder(SENT)
    client_over(recorder).send("ada", "hello")
    request = recorder.only
    assert request.headers["Authorization"] == "Bearer the-key-for-tests"
    assert request.headers["User-Agent"].startswith("downlink-python/")
    assert request.headers["Accept"] == "application/json"
    assert request.extensions["timeout"] == {"connect": 5.0, "read": 5.0, "write": 5.0, "pool": 5.0}


def test_create_channel_names_the_client_id_in_its_body() -> None:
    answer = {
        "client_id": "ada",
        "token": "eyJhbGciOiJIUzI1NiJ9.e30.c2ln",
        "expires_at": "2026-11-24T06:30:00.123456789Z",
        "cursor": "k3f.6",
    }
    recorder = Recorder((201, answer), (201, answer))
    client = client_over(recorder)
    channel = client.create_channel("ada")
    client.create_channel("é/..", 15)
    first, second = recorder.requests
    assert (first.method, first.url.path) == ("POST", "/v1/channels")
    assert json.loads(first.content) == {"client_id": "ada"}
    assert json.loads(second.content) == {"client_id": "é/..", "duration_minutes": 15}
    assert channel.expires_at.isoformat() == "2026-11-24T06:30:00.123456+00:00"
    assert channel.cursor == "k3f.6"


@pytest.mark.parametrize(
    ("to", "encoded"),
    [
        ("ada", b"ada"),
        (".", b"."),
        ("..", b".."),
        ("a/b?c#d&e=f+g %", b"a%2Fb%3Fc%23d%26e%3Df%2Bg%20%25"),
        ("é", b"%C3%A9"),
        ("%2F", b"%252F"),
    ],
)
def test_send_puts_any_client_id_into_the_query(to: str, encoded: bytes) -> None:
    recorder = Recorder(SENT)
    assert client_over(recorder).send(to, "hello") == downlink.Sent("k3f.7", 2)
    assert recorder.only.method == "POST"
    assert recorder.only.url.raw_path == b"/v1/messages?to=" + encoded


def test_text_and_bytes_differ_in_their_type() -> None:
    recorder = Recorder(SENT, SENT)
    client = client_over(recorder)
    client.send("ada", "héllo")
    client.send("ada", b"\x00\xff")
    text, binary = recorder.requests
    assert text.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert text.content == "héllo".encode()
    assert binary.headers["Content-Type"] == "application/octet-stream"
    assert binary.content == b"\x00\xff"


def test_a_send_bears_a_fresh_key_unless_it_is_given_one() -> None:
    recorder = Recorder(SENT, SENT, SENT)
    client = client_over(recorder)
    client.send("ada", "hello")
    client.send("ada", "hello")
    client.send("ada", "hello", idempotency_key="order 7", ttl=30)
    first, second, third = (request.headers["Idempotency-Key"] for request in recorder.requests)
    assert re.fullmatch(r"[0-9a-f]{32}", first)
    assert first != second
    assert third == "order 7"
    assert "Downlink-TTL" not in recorder.requests[0].headers
    assert recorder.requests[2].headers["Downlink-TTL"] == "30"


def test_a_send_that_is_not_stored_has_no_id() -> None:
    assert client_over(Recorder((202, {"sockets": 3}))).send("ada", "x", ttl=0).id is None


def test_delete_channel_puts_any_client_id_into_the_query() -> None:
    recorder = Recorder((204, None))
    client_over(recorder).delete_channel("a/b c")
    assert (recorder.only.method, recorder.only.content) == ("DELETE", b"")
    assert recorder.only.url.raw_path == b"/v1/channels?client_id=a%2Fb%20c"


def test_a_prefix_of_the_address_is_kept() -> None:
    recorder = Recorder(SENT)
    client_over(recorder, "https://example.test/downlink/").send("ada", "hello")
    assert str(recorder.only.url).startswith("https://example.test/downlink/v1/messages")


def test_items_travel_as_one_array_each_with_its_key() -> None:
    answer = [
        {"id": "k3f.8", "sockets": 1},
        {"stored": 1, "sockets": 0, "failed": [{"to": "", "code": "invalid_client_id"}]},
        {"code": "empty_message", "detail": "Send at least one byte."},
    ]
    recorder = Recorder((200, answer))
    results = client_over(recorder).send_many(
        [
            downlink.Item("ada", "hello", ttl=5, idempotency_key="mine"),
            downlink.Item(["bob", ""], b"\x01\x02"),
            {"to": "eve", "data": ""},
        ]
    )
    assert results == [
        downlink.Sent("k3f.8", 1),
        downlink.SentToMany(1, 0, (downlink.FailedTarget("", "invalid_client_id"),)),
        downlink.ItemError("empty_message", "Send at least one byte."),
    ]
    request = recorder.only
    assert (request.method, request.url.raw_path) == ("POST", b"/v1/messages")
    assert request.headers["Content-Type"] == "application/json"
    first, second, third = json.loads(request.content)
    assert first == {"to": "ada", "data": "hello", "ttl": 5, "idempotency_key": "mine"}
    assert (second["to"], second["base64"]) == (["bob", ""], "AQI=")
    assert second["idempotency_key"] != third["idempotency_key"]


def test_items_are_split_by_their_number() -> None:
    sent = {"id": "k3f.8", "sockets": 1}
    recorder = Recorder((200, [sent] * 10_000), (200, [sent] * 5))
    results = client_over(recorder).send_many(downlink.Item("ada", "x") for _ in range(10_005))
    assert [len(json.loads(request.content)) for request in recorder.requests] == [10_000, 5]
    assert len(results) == 10_005


def test_items_are_split_by_their_bytes() -> None:
    sent = {"id": "k3f.8", "sockets": 1}
    recorder = Recorder((200, [sent] * 3), (200, [sent]))
    client_over(recorder).send_many([downlink.Item("ada", "x" * 5_000_000)] * 4)
    sizes = [len(request.content) for request in recorder.requests]
    assert len(sizes) == 2
    assert max(sizes) <= 16 * 1024 * 1024


def test_an_item_that_cannot_be_encoded_does_not_stop_the_others() -> None:
    recorder = Recorder((200, [{"id": "k3f.8", "sockets": 1}]))
    bad_text, bad_id, sent = client_over(recorder).send_many(
        [downlink.Item("a", "\ud800"), downlink.Item("\ud800", "x"), downlink.Item("b", "x")]
    )
    assert isinstance(bad_text, downlink.ItemError)
    assert bad_text.code == "invalid_utf8"
    assert isinstance(bad_id, downlink.ItemError)
    assert bad_id.code == "invalid_client_id"
    assert sent == downlink.Sent("k3f.8", 1)


def test_a_failure_after_the_first_part_is_told_per_item() -> None:
    sent = {"id": "k3f.8", "sockets": 1}
    failure = {"code": "storage_failed", "detail": "Restart the server."}
    recorder = Recorder((200, [sent] * 10_000), (500, failure))
    results = client_over(recorder).send_many([downlink.Item("ada", "x")] * 20_001)
    assert len(recorder.requests) == 2
    assert results[9_999] == downlink.Sent("k3f.8", 1)
    assert results[10_000] == results[20_000]
    assert results[20_000] == downlink.ItemError("storage_failed", "Restart the server.")


def test_reads_use_the_forms_that_carry_any_client_id() -> None:
    state = {
        "connected": True,
        "since": "2026-11-24T06:30:00+01:00",
        "sockets": [{"transport": "sse"}],
        "cursor": "k3f.9",
        "acked": None,
        "lag": 3,
    }
    recorder = Recorder((200, state))
    seen = client_over(recorder).channel("a/..")
    assert recorder.only.url.raw_path == b"/v1/channels?client_id=a%2F.."
    assert seen.since is not None
    assert seen.since.isoformat() == "2026-11-24T05:30:00+00:00"
    assert (seen.connected, seen.lag, len(seen.sockets)) == (True, 3, 1)


def test_messages_follow_the_pages() -> None:
    first = {
        "messages": [{"id": "k3f.8", "base64": "AAEC", "time": "2026-11-24T06:30:00Z"}],
        "cursor": "k3f.8",
        "gap": {"reason": "trimmed", "cursor": "k3f.7"},
        "next": "k3f.8",
    }
    last: dict[str, Any] = {"messages": [], "cursor": "k3f.9", "gap": None, "next": None}
    recorder = Recorder((200, first), (200, last))
    pages = list(client_over(recorder).messages("..", after="k3f.2"))
    assert [request.url.raw_path for request in recorder.requests] == [
        b"/v1/channels/%2E%2E/messages?after=k3f.2",
        b"/v1/channels/%2E%2E/messages?after=k3f.8",
    ]
    assert pages[0].gap == downlink.Gap("trimmed", "k3f.7")
    assert pages[0].messages[0].data == b"\x00\x01\x02"
    assert pages[1].cursor == "k3f.9"


def test_the_path_of_messages_carries_any_client_id() -> None:
    page: dict[str, Any] = {"messages": [], "cursor": "k3f.9", "gap": None, "next": None}
    client_ids = ["a/b", "/", ".", "..", "...", "100%", "é ?#"]
    recorder = Recorder(*[(200, page)] * len(client_ids))
    client = client_over(recorder)
    for client_id in client_ids:
        list(client.messages(client_id))
    assert [request.url.raw_path.decode() for request in recorder.requests] == [
        f"/v1/channels/{segment}/messages"
        for segment in ["a%2Fb", "%2F", "%2E", "%2E%2E", "...", "100%25", "%C3%A9%20%3F%23"]
    ]


def test_presence_follows_the_pages() -> None:
    recorder = Recorder(
        (200, {"client_ids": ["a b", "c&d"], "next": "c&d"}),
        (200, {"client_ids": ["e"], "next": None}),
    )
    assert list(client_over(recorder).presence()) == ["a b", "c&d", "e"]
    assert [request.url.raw_path for request in recorder.requests] == [
        b"/v1/presence?limit=1000",
        b"/v1/presence?limit=1000&after=c%26d",
    ]


def test_the_environment_stands_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOWNLINK_URL", "http://elsewhere.test:99")
    monkeypatch.setenv("DOWNLINK_API_KEY", "key-from-a-file\n")
    recorder = Recorder(SENT)
    downlink.Client(transport=recorder).send("ada", "hello")
    assert recorder.only.url.host == "elsewhere.test"
    assert recorder.only.headers["Authorization"] == "Bearer key-from-a-file"
    monkeypatch.delenv("DOWNLINK_URL")
    assert repr(downlink.Client()) == "Client(url='http://127.0.0.1:7171')"
