"""Builds every request of both clients. No I/O; `client` and `async_client` send them."""

from __future__ import annotations

import base64
import json
import math
import platform
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Callable, Generic, Optional, TypeVar
from urllib.parse import quote, urlencode

import httpx

from downlink import _answers
from downlink._client_ids import not_a_client_id
from downlink._settings import Settings
from downlink._version import __version__
from downlink.errors import DownlinkError, InvalidDuration, InvalidUtf8
from downlink.models import (
    Channel,
    ChannelState,
    Data,
    Item,
    ItemResult,
    MessagesPage,
    PresencePage,
    Sent,
)

T = TypeVar("T")

USER_AGENT = f"downlink-python/{__version__} python/{platform.python_version()}"

# Few enough that a page of the longest client ids stays under 1 MiB of JSON.
PRESENCE_PAGE = 1_000


@dataclass(frozen=True)
class Call(Generic[T]):
    """One call of the API: what to send, and how to read the answer."""

    method: str
    target: str = field(repr=False)
    """Path and query, encoded. Not shown: a send's query may hold a token."""
    read: Callable[[Any], T] = field(repr=False)
    repeatable: bool = True
    """Whether doing it twice is the same as doing it once, so that it may be retried."""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)


class _QuietUrl(httpx.URL):
    """An address whose text leaves its query out: httpx logs the text, and it may hold a token."""

    def __str__(self) -> str:
        text = super().__str__()
        return text.partition("?")[0] + "?[redacted]" if self.query else text


def http_request(settings: Settings, call: Call[T], timeout: float) -> httpx.Request:
    """The call as httpx sends it."""
    request = httpx.Request(
        call.method,
        settings.url + call.target,
        headers={
            "Accept": "application/json",
            "Authorization": f"Bearer {settings.api_key}",
            "User-Agent": USER_AGENT,
            **call.headers,
        },
        content=call.content if call.method == "POST" else None,
        extensions={"timeout": httpx.Timeout(timeout).as_dict()},
    )
    request.url = _QuietUrl(request.url)
    return request


def create_channel(client_id: str, duration_minutes: Optional[int]) -> Call[Channel]:
    """Repeatable: creating a channel stores nothing, and an unused token just expires."""
    body: dict[str, Any] = {"client_id": client_id}
    if duration_minutes is not None:
        if isinstance(duration_minutes, float) and not math.isfinite(duration_minutes):
            raise InvalidDuration("invalid_duration", "Give a whole number of minutes, 1 to 1440.")
        body["duration_minutes"] = duration_minutes
    try:
        content = encode_json(body)
    except UnicodeEncodeError:
        raise not_a_client_id() from None
    return Call("POST", "/v1/channels", _answers.read_channel, headers=_JSON, content=content)


def send(to: str, data: Data, ttl: Optional[int], idempotency_key: str) -> Call[Sent]:
    """The target goes into the query: a path cannot carry every client id."""
    if isinstance(data, str):
        content_type = "text/plain; charset=utf-8"
        try:
            content = data.encode()
        except UnicodeEncodeError:
            raise _not_text() from None
    else:
        content_type = "application/octet-stream"
        content = _as_bytes(data)
    if not (idempotency_key.isascii() and idempotency_key.isprintable()):
        raise DownlinkError(
            "invalid_idempotency_key", "An idempotency key has printable ASCII characters only."
        )
    headers = {"Content-Type": content_type, "Idempotency-Key": idempotency_key}
    if ttl is not None:
        headers["Downlink-TTL"] = str(ttl)
    target = "/v1/messages?to=" + _encoded(to)
    return Call("POST", target, _answers.read_sent, _is_stored(ttl), headers, content)


def send_items(encoded_items: list[bytes], repeatable: bool) -> Call[list[ItemResult]]:
    """Items from `encode_item`; repeatable if each is stored, and so protected by its key."""
    content = b"[" + b",".join(encoded_items) + b"]"
    read = _answers.read_item_results
    return Call("POST", "/v1/messages", read, repeatable, _JSON, content)


def encode_item(item: Item) -> bytes:
    """One element of the array form of `POST /v1/messages`."""
    to = item.to if isinstance(item.to, str) else list(item.to)
    body: dict[str, Any] = {"to": to}
    if isinstance(item.data, str):
        body["data"] = item.data
    else:
        body["base64"] = base64.b64encode(_as_bytes(item.data)).decode("ascii")
    if item.ttl is not None:
        body["ttl"] = item.ttl
    body["idempotency_key"] = item.idempotency_key or new_idempotency_key()
    try:
        encode_json(to)
    except UnicodeEncodeError:
        raise not_a_client_id() from None
    try:
        return encode_json(body)
    except UnicodeEncodeError:
        raise _not_text() from None


def is_stored(item: Item) -> bool:
    """Whether the item's key protects it: what is not stored cannot be recognised again."""
    return _is_stored(item.ttl)


def channel(client_id: str) -> Call[ChannelState]:
    """The query form, which every client id fits into."""
    target = "/v1/channels?client_id=" + _encoded(client_id)
    return Call("GET", target, _answers.read_state)


def delete_channel(client_id: str) -> Call[None]:
    """Repeatable: deleting what was just deleted changes nothing for who asked for it."""
    target = "/v1/channels?client_id=" + _encoded(client_id)
    return Call("DELETE", target, _answers.read_nothing)


def messages(client_id: str, after: Optional[str]) -> Call[MessagesPage]:
    """The only call with the client id in its path."""
    # `.` and `..` are spelled out, or the path would be resolved on the way.
    segment = _encoded(client_id)
    if segment in (".", ".."):
        segment = segment.replace(".", "%2E")
    query = "" if after is None else "?" + urlencode({"after": after})
    target = f"/v1/channels/{segment}/messages{query}"
    return Call("GET", target, _answers.read_messages)


def presence(after: Optional[str]) -> Call[PresencePage]:
    """One page of the client ids with a socket."""
    query = {"limit": str(PRESENCE_PAGE)}
    if after is not None:
        query["after"] = after
    target = "/v1/presence?" + urlencode(query, quote_via=quote)
    return Call("GET", target, _answers.read_presence)


def new_idempotency_key() -> str:
    """A key that nobody else makes."""
    return uuid.uuid4().hex


def encode_json(body: Any) -> bytes:
    """Compact JSON in UTF-8."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()


_JSON = {"Content-Type": "application/json"}


def _encoded(client_id: str) -> str:
    try:
        return quote(client_id, safe="")
    except (UnicodeEncodeError, TypeError):
        raise not_a_client_id() from None


def _is_stored(ttl: Optional[int]) -> bool:
    return ttl != 0


def _as_bytes(data: object) -> bytes:
    if not isinstance(data, (bytes, bytearray, memoryview)):
        raise TypeError(f"a message is str or bytes, not {type(data).__name__}")
    return bytes(data)


def _not_text() -> InvalidUtf8:
    return InvalidUtf8("invalid_utf8", "The text holds a lone surrogate, which UTF-8 cannot carry.")
