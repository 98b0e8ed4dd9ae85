"""The two calls, with the checks that the old library made, in its order.

The library refuses what it can see to be wrong; the rest goes to the service, whose refusals come
back as the same exceptions. Applications come here from Python 2, where `"text"` was bytes and
`seconds / 60` was whole: UTF-8 bytes are taken for text, and whole floats for numbers.
"""

from __future__ import annotations

from typing import Optional, Union

from downlink.models import looks_like_token
from google.appengine.api.channel._errors import (
    AppIdAliasRequired,
    Error,
    InvalidChannelClientIdError,
    InvalidChannelTokenDurationError,
    InvalidMessageError,
)
from google.appengine.api.channel._service import service

MAXIMUM_CLIENT_ID_LENGTH = 256
"""In bytes of UTF-8."""

MAXIMUM_TOKEN_DURATION_MINUTES = 24 * 60

MAXIMUM_MESSAGE_LENGTH = 32767
"""In bytes of UTF-8: one less than Downlink itself takes."""

__all__ = [
    "MAXIMUM_CLIENT_ID_LENGTH",
    "MAXIMUM_MESSAGE_LENGTH",
    "MAXIMUM_TOKEN_DURATION_MINUTES",
    "AppIdAliasRequired",
    "Error",
    "InvalidChannelClientIdError",
    "InvalidChannelTokenDurationError",
    "InvalidMessageError",
    "create_channel",
    "send_message",
]


def create_channel(
    client_id: Union[str, bytes], duration_minutes: Union[int, float, None] = None
) -> str:
    """Creates a channel and returns its token, with which the page opens it.

    Args:
        client_id: The application's name for who listens, as `str` or as UTF-8, at most 256 bytes.
        duration_minutes: How long the token is good, 1 to 1440; two hours if `None`.

    Raises:
        InvalidChannelClientIdError: The client id is not text, empty, or too long.
        InvalidChannelTokenDurationError: The duration is not a whole number from 1 to 1440.
    """
    checked = _client_id(client_id)
    return service.create_channel(checked, _whole_minutes(duration_minutes))


def send_message(client_id: Union[str, bytes], message: Union[str, bytes]) -> None:
    """Sends a message to everyone who has the channel of `client_id` open.

    Returning says that the message is on its way, not that somebody got it; sending to somebody
    who is not there is no error.

    Args:
        client_id: A client id, or a token that `create_channel` made for it.
        message: Text, as `str` or as UTF-8, at most 32767 bytes.

    Raises:
        InvalidChannelClientIdError: The client id is not text, empty, or too long.
        InvalidMessageError: The message is not text, empty, or too long.
    """
    checked = _target(client_id)
    service.send_message(checked, _text(message))


def _target(client_id: object) -> str:
    given = _decoded(client_id)
    # A token is longer than any client id may be; the service tells whether it is one.
    if isinstance(given, str) and looks_like_token(given):
        return given
    return _client_id(client_id)


def _client_id(client_id: object) -> str:
    given = _decoded(client_id)
    if isinstance(given, bytes):
        raise InvalidChannelClientIdError("A client id given as bytes is UTF-8; this is not.")
    if not isinstance(given, str):
        raise InvalidChannelClientIdError(f"A client id is text, not {type(given).__name__}.")
    length = _length(given)
    if length is None:
        raise InvalidChannelClientIdError("A client id has no lone surrogates.")
    if length > MAXIMUM_CLIENT_ID_LENGTH:
        raise InvalidChannelClientIdError(
            f"A client id has at most {MAXIMUM_CLIENT_ID_LENGTH} bytes of UTF-8; this has {length}."
        )
    return given


def _whole_minutes(duration: object) -> Optional[int]:
    if duration is None:
        return None
    if isinstance(duration, float) and duration.is_integer():
        duration = int(duration)
    if not isinstance(duration, int):
        raise InvalidChannelTokenDurationError("A duration is a whole number of minutes.")
    if not 1 <= duration <= MAXIMUM_TOKEN_DURATION_MINUTES:
        raise InvalidChannelTokenDurationError(
            f"A duration is 1 to {MAXIMUM_TOKEN_DURATION_MINUTES} minutes, not {duration}."
        )
    return int(duration)


def _text(message: object) -> str:
    given = _decoded(message)
    if isinstance(given, bytes):
        raise InvalidMessageError("A message given as bytes is UTF-8; this is not.")
    if not isinstance(given, str):
        raise InvalidMessageError(f"A message is text, not {type(given).__name__}.")
    length = _length(given)
    if length is None:
        raise InvalidMessageError("A message has no lone surrogates.")
    if length > MAXIMUM_MESSAGE_LENGTH:
        raise InvalidMessageError(
            f"A message has at most {MAXIMUM_MESSAGE_LENGTH} bytes of UTF-8; this has {length}."
        )
    return given


def _decoded(value: object) -> object:
    """The text of UTF-8 bytes; everything else as it is."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            pass
    return value


def _length(text: str) -> Optional[int]:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return None
