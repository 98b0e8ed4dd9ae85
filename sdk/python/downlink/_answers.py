"""Reads the server's JSON into the values of `models`. No I/O."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, Callable, Optional, TypeVar

import httpx

from downlink.errors import DownlinkError, error_for
from downlink.models import (
    Channel,
    ChannelState,
    Data,
    FailedTarget,
    Gap,
    ItemError,
    ItemResult,
    Message,
    MessagesPage,
    PresencePage,
    Sent,
    SentToMany,
)

Json = Mapping[str, Any]
T = TypeVar("T")

# RFC 3339. `datetime.fromisoformat` before Python 3.11 takes neither `Z` nor nanoseconds.
_TIME = re.compile(r"(\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d)(?:\.(\d{1,6})\d*)?([Zz]|[+-]\d\d:\d\d)")


def read_answer(response: httpx.Response, read: Callable[[Any], T]) -> T:
    """Returns what a successful answer says; raises what any other one means."""
    if not response.is_success:
        raise read_problem(response)
    try:
        # 204 is the answer without a body; `None` is no JSON that Downlink ever sends.
        empty = response.status_code == httpx.codes.NO_CONTENT
        return read(None if empty else json.loads(response.content))
    except (KeyError, TypeError, ValueError, AttributeError):
        # The cause is not chained: its text may quote the answer, and the answer may hold a token.
        raise DownlinkError(
            "unexpected_answer",
            "The answer is not what Downlink says; is there something else at this address?",
            response.status_code,
        ) from None


def read_problem(response: httpx.Response) -> DownlinkError:
    """Makes an error of a problem document, or of the bare status where a proxy answered."""
    status = response.status_code
    try:
        problem = json.loads(response.content)
        code, detail = problem["code"], problem.get("detail") or problem.get("title") or ""
    except (KeyError, TypeError, ValueError, AttributeError):
        return error_for(
            f"http_{status}", f"The answer was {status}, with no reason given.", status
        )
    return error_for(str(code), str(detail), status)


def read_channel(body: Json) -> Channel:
    """`POST /v1/channels`."""
    return Channel(
        client_id=body["client_id"],
        token=body["token"],
        expires_at=read_time(body["expires_at"]),
        cursor=body["cursor"],
    )


def read_nothing(body: object) -> None:
    """The answer to `DELETE`, which has no body."""
    if body is not None:
        raise TypeError("a body where none belongs")


def read_sent(body: Json) -> Sent:
    """A message for one client id. Nothing stored (a TTL of 0) means no id."""
    return Sent(id=body.get("id"), sockets=body["sockets"])


def read_item_results(body: list[Json]) -> list[ItemResult]:
    """The array form of `POST /v1/messages`."""
    return [_read_item_result(one) for one in body]


def _read_item_result(body: Json) -> ItemResult:
    if "code" in body:
        return ItemError(code=body["code"], detail=body.get("detail") or "")
    if "stored" in body:
        failed = tuple(FailedTarget(one["to"], one["code"]) for one in body.get("failed") or ())
        return SentToMany(stored=body["stored"], sockets=body["sockets"], failed=failed)
    return read_sent(body)


def read_state(body: Json) -> ChannelState:
    """`GET /v1/channels?client_id=`."""
    since = body.get("since")
    return ChannelState(
        connected=body["connected"],
        since=None if since is None else read_time(since),
        sockets=tuple(body["sockets"]),
        cursor=body.get("cursor"),
        acked=body.get("acked"),
        lag=body.get("lag"),
    )


def read_messages(body: Json) -> MessagesPage:
    """`GET` of a channel's kept messages."""
    return MessagesPage(
        messages=tuple(_read_message(one) for one in body["messages"]),
        cursor=body["cursor"],
        gap=_read_gap(body.get("gap")),
        next=body.get("next"),
    )


def _read_message(body: Json) -> Message:
    data: Data = body["data"] if "data" in body else base64.b64decode(body["base64"])
    return Message(id=body["id"], data=data, time=read_time(body["time"]))


def _read_gap(body: Optional[Json]) -> Optional[Gap]:
    return None if body is None else Gap(reason=body["reason"], cursor=body.get("cursor"))


def read_presence(body: Json) -> PresencePage:
    """`GET /v1/presence`."""
    return PresencePage(client_ids=tuple(body["client_ids"]), next=body.get("next"))


def read_time(text: str) -> datetime:
    """An RFC 3339 time as an aware `datetime`; digits beyond microseconds are dropped."""
    match = _TIME.fullmatch(text)
    if match is None:
        raise ValueError("not an RFC 3339 time")
    whole, fraction, zone = match.groups()
    offset = "+00:00" if zone in "Zz" else zone
    moment = datetime.fromisoformat(f"{whole}.{(fraction or '').ljust(6, '0')}{offset}")
    return moment.astimezone(timezone.utc)
