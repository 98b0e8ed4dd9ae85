"""The values that go into calls and come out of them.

All are frozen. A token never shows in a `repr`, since those end up in logs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Optional, Union

Data = Union[str, bytes]
"""What a message carries: text (`str`) or binary (`bytes`)."""


def looks_like_token(target: str) -> bool:
    """Whether a send's target has the shape of a token, as the server sees it."""
    # Three parts, of which the first is an encoded `{"`.
    return target.startswith("eyJ") and target.count(".") == 2  # noqa: PLR2004


def _shown(target: Union[str, Sequence[str]]) -> str:
    if isinstance(target, str):
        return "[token]" if looks_like_token(target) else repr(target)
    return f"[{len(target)} targets]"


@dataclass(frozen=True)
class Channel:
    """A freshly created channel: what the page needs to open it."""

    client_id: str
    token: str = field(repr=False)
    """The secret with which the page opens the channel, until it expires."""
    expires_at: datetime
    cursor: str
    """Where a socket opened with this token starts: nothing sent after now is missed."""


@dataclass(frozen=True)
class Item:
    """One message of `send_many`."""

    to: Union[str, Sequence[str]]
    """A client id or token; or a list of client ids, which get the message as one record."""
    data: Data
    ttl: Optional[int] = None
    """Seconds after which nobody needs the message any more."""
    idempotency_key: Optional[str] = None
    """Made for you when absent."""

    def __repr__(self) -> str:
        return f"Item(to={_shown(self.to)}, data=<{len(self.data)} long>)"


ItemLike = Union[Item, Mapping[str, Any]]
"""An `Item`, or a mapping with its fields as keys."""


@dataclass(frozen=True)
class Sent:
    """A message was accepted for one client id, or for those who are there now (a TTL of 0)."""

    id: Optional[str]
    """Its place in the channel; `None` if nothing was stored (a TTL of 0)."""
    sockets: int
    """How many sockets were open on the answering node: a hint, not a receipt."""


@dataclass(frozen=True)
class FailedTarget:
    """One of several targets that a message did not go to."""

    to: str
    code: str

    def __repr__(self) -> str:
        return f"FailedTarget(to={_shown(self.to)}, code={self.code!r})"


@dataclass(frozen=True)
class SentToMany:
    """A message was accepted for a list of client ids."""

    stored: int
    """For how many client ids it was stored."""
    sockets: int
    failed: tuple[FailedTarget, ...]


@dataclass(frozen=True)
class ItemError:
    """One item of `send_many` was refused; the others are not touched by it."""

    code: str
    detail: str


ItemResult = Union[Sent, SentToMany, ItemError]
"""What became of one item of `send_many`."""


@dataclass(frozen=True)
class ChannelState:
    """Who listens to a channel, and how far they are."""

    connected: bool
    since: Optional[datetime]
    """Since when somebody is connected, or nobody is; `None` if that is not known."""
    sockets: tuple[Mapping[str, Any], ...]
    """What the server tells about each open socket."""
    cursor: Optional[str]
    """The channel's newest place."""
    acked: Optional[str]
    """The highest cursor that any socket acknowledged; `None` if none did."""
    lag: Optional[int]
    """How much of what was sent is still on its way to them; 0 if nobody is behind."""


@dataclass(frozen=True)
class Message:
    """A kept message of a channel."""

    id: str
    data: Data
    time: datetime


@dataclass(frozen=True)
class Gap:
    """Messages between the asked cursor and the oldest kept message may be gone."""

    reason: str
    """``trimmed`` (too old to be kept) or ``epoch`` (the log began anew)."""
    cursor: Optional[str]


@dataclass(frozen=True)
class MessagesPage:
    """Some of a channel's kept messages, oldest first."""

    messages: tuple[Message, ...]
    cursor: str
    """Ask again with this one later, to get what came since."""
    gap: Optional[Gap]
    """Set if messages before this page are missing; `None` if none are."""
    next: Optional[str]
    """Where the next page starts; `None` on the last one."""


@dataclass(frozen=True)
class Notice:
    """Downlink's word that a client came or went, as `verify_notice` returns it."""

    id: str
    """The same when a notice is delivered again."""
    time: datetime
    """When this delivery was signed."""
    client_id: str
    connected: bool
    """Whether the client id has a socket open: it came (`True`), or its last socket ended."""
    generation: int
    """Rises with every notice of a client id, so that an older one that comes late is told."""


@dataclass(frozen=True)
class PresencePage:
    """Some of the client ids that have a socket open."""

    client_ids: tuple[str, ...]
    next: Optional[str]
