"""What can go wrong, by what a caller does about it.

Downlink answers errors as RFC 9457 problem documents with a stable ``code``. A class stands here
for each answer that an application is likely to branch on; everything else is a `DownlinkError`
with its code. No text here ever holds a token or an API key.
"""

from __future__ import annotations

from typing import Optional


class DownlinkError(Exception):
    """A call was refused, or could not be made.

    The arguments are kept as `Exception` arguments too, so that errors survive pickling between
    worker processes.
    """

    code: str
    """The stable word for what happened, such as ``invalid_client_id``."""
    detail: str
    """A sentence that says what to do."""
    status: Optional[int]
    """The HTTP status, or `None` when no answer of the server is behind this error."""

    def __init__(self, code: str, detail: str, status: Optional[int] = None) -> None:
        super().__init__(code, detail, status)
        self.code = code
        self.detail = detail
        self.status = status

    def __str__(self) -> str:
        return f"{self.code}: {self.detail}"


class InvalidClientId(DownlinkError):
    """The client id is empty, over 256 bytes of UTF-8, or not text."""


class InvalidDuration(DownlinkError):
    """The duration is not a whole number of minutes from 1 to 1440."""


class InvalidMessage(DownlinkError):
    """The message cannot be sent as it is; its subclasses say why."""


class EmptyMessage(InvalidMessage):
    """The message has no bytes."""


class MessageTooLarge(InvalidMessage):
    """The message is over the server's limit (32 KiB unless configured)."""


class InvalidUtf8(InvalidMessage):
    """The message was to be text and is not UTF-8."""


class InvalidCursor(DownlinkError):
    """The cursor does not parse; cursors are opaque and come from the server only."""


class IdempotencyConflict(DownlinkError):
    """The idempotency key was used before with another message."""


class InvalidApiKey(DownlinkError):
    """The API key is missing, unknown or wrong."""


class InvalidNotice(DownlinkError):
    """A request that claims to be a presence notice and cannot be believed; answer it with 403.

    Its `code` is ``missing_header``, ``bad_timestamp`` (over five minutes off, or none),
    ``wrong_signature``, or ``unreadable`` (signed, and still no notice).
    """


class Unavailable(DownlinkError):
    """Downlink could not be reached, or cannot take the call now; trying later may help.

    Whether a send that ended so was stored is unknown. Sending it again with the same idempotency
    key within ten minutes is safe either way.
    """


_BY_CODE: dict[str, type[DownlinkError]] = {
    "invalid_client_id": InvalidClientId,
    "invalid_duration": InvalidDuration,
    "empty_message": EmptyMessage,
    "message_too_large": MessageTooLarge,
    "invalid_utf8": InvalidUtf8,
    "invalid_cursor": InvalidCursor,
    "invalid_api_key": InvalidApiKey,
}

# For answers whose code has no class, and for those of a proxy, which bear none. 413 is absent: a
# whole batch can be too large as well.
_BY_STATUS: dict[int, type[DownlinkError]] = {
    401: InvalidApiKey,
    422: IdempotencyConflict,
    429: Unavailable,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
    507: Unavailable,
}


def error_for(code: str, detail: str, status: int) -> DownlinkError:
    """Makes the error whose class fits the code, else the status."""
    kind = _BY_CODE.get(code) or _BY_STATUS.get(status, DownlinkError)
    return kind(code, detail, status)
