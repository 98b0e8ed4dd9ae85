"""Notices taken straight from WSGI and ASGI, with a bound on what is read."""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Iterator, Mapping
from typing import Any, Callable, Optional

import pytest

import downlink
from downlink.web import NOTICE_BYTES_MAX
from support.notices import sign
from support.receiver import SECRET

NOW = 1_700_000_000

DATA = {"client_id": "ada", "generation": 7}
JSON = json.dumps({"type": "channel.connected", "data": DATA}).encode()


# --- WSGI ---


def wsgi_environ(body: bytes, **changed: Any) -> dict[str, Any]:
    headers = {f"HTTP_{k.upper().replace('-', '_')}": v for k, v in sign(body, SECRET, NOW).items()}
    environ = {"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
    return {"REQUEST_METHOD": "POST", **headers, **environ, **changed}


def test_wsgi_leaves_the_body_for_the_framework() -> None:
    body = JSON
    environ = wsgi_environ(body)
    assert downlink.notice_from_wsgi(environ, SECRET, now=NOW).client_id == "ada"
    assert environ["wsgi.input"].read() == body


class Dripping(io.BytesIO):
    """Gives a byte at a time, as a slow connection may."""

    def read(self, size: Optional[int] = -1) -> bytes:
        return super().read(min(1, -1 if size is None else size))


def test_wsgi_reads_to_the_end_and_no_further() -> None:
    body = JSON
    dripping = wsgi_environ(body, **{"wsgi.input": Dripping(body + b"the next request")})
    assert downlink.notice_from_wsgi(dripping, SECRET, now=NOW).connected
    chunked = wsgi_environ(body, CONTENT_LENGTH="", **{"wsgi.input_terminated": True})
    assert downlink.notice_from_wsgi(chunked, SECRET, now=NOW).connected


@pytest.mark.parametrize("length", [str(NOTICE_BYTES_MAX + 1), "9" * 5000, "-1", "1e3", "\u0663"])
def test_wsgi_refuses_a_long_body_unread(length: str) -> None:
    class Unread(io.BytesIO):
        def read(self, _: Optional[int] = -1) -> bytes:
            raise AssertionError

    environ = wsgi_environ(b"", CONTENT_LENGTH=length, **{"wsgi.input": Unread()})
    with pytest.raises(downlink.InvalidNotice, match="unreadable"):
        downlink.notice_from_wsgi(environ, SECRET, now=NOW)


def test_wsgi_stops_reading_an_endless_body() -> None:
    endless = io.BytesIO(b"x" * 10 * NOTICE_BYTES_MAX)
    environ = wsgi_environ(b"", **{"wsgi.input": endless, "wsgi.input_terminated": True})
    with pytest.raises(downlink.InvalidNotice, match="unreadable"):
        downlink.notice_from_wsgi(environ, SECRET, now=NOW)
    assert endless.tell() == NOTICE_BYTES_MAX + 1


# --- ASGI ---

Event = Mapping[str, Any]


def asgi_request(*events: Event) -> Callable[[], Awaitable[Event]]:
    left: Iterator[Event] = iter(events)

    async def receive() -> Event:
        return next(left)

    return receive


def run(awaitable: Awaitable[downlink.Notice]) -> downlink.Notice:
    """Runs what never really waits."""
    steps = awaitable.__await__()
    with pytest.raises(StopIteration) as end:
        next(steps)
    notice: downlink.Notice = end.value.value
    return notice


def asgi_scope(body: bytes) -> Event:
    return {
        "type": "http",
        "headers": [(k.encode(), v.encode()) for k, v in sign(body, SECRET, NOW).items()],
    }


def test_asgi_puts_the_body_together() -> None:
    body = JSON
    receive = asgi_request(
        {"type": "http.request", "body": body[:10], "more_body": True},
        {"type": "http.request", "more_body": True},
        {"type": "http.request", "body": body[10:]},
    )
    notice = run(downlink.notice_from_asgi(asgi_scope(body), receive, SECRET, now=NOW))
    assert notice.client_id == "ada"


@pytest.mark.parametrize(
    "end",
    [
        {"type": "http.disconnect"},
        {"type": "http.request", "body": b"x" * NOTICE_BYTES_MAX, "more_body": True},
    ],
)
def test_asgi_refuses_half_a_body_and_a_long_one(end: Event) -> None:
    body = JSON
    receive = asgi_request({"type": "http.request", "body": body, "more_body": True}, end)
    notice = downlink.notice_from_asgi(asgi_scope(body), receive, SECRET, now=NOW)
    with pytest.raises(downlink.InvalidNotice, match="unreadable"):
        notice.__await__().send(None)
