"""The two calls, with the checks that the old library made, in its order.

The library refuses what it can see to be wrong; the rest goes to the service, whose refusals come
back as the same exceptions.
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


def create_channel(client_id: str, duration_minutes: Union[int, float, None] = None) -> str:
    """Creates a channel and returns its token, with which the page opens it.

    Args:
        client_id: The application's name for who listens, at most 256 bytes of UTF-8.
        duration_minutes: How long the token is good, 1 to 1440; two hours if `None`.

    Raises:
        InvalidChannelClientIdError: The client id is not text, empty, or too long.
        InvalidChannelTokenDurationError: The duration is not a whole number from 1 to 1440.
    """
    _check_client_id(client_id)
    return service.create_channel(client_id, _whole_minutes(duration_minutes))


def send_message(client_id: str, message: Union[str, bytes]) -> None:
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
    # A token is longer than any client id may be; the service tells whether it is one.
    if not (isinstance(client_id, str) and looks_like_token(client_id)):
        _check_client_id(client_id)
    service.send_message(client_id, _text(message))


def _check_client_id(client_id: object) -> None:
    if not isinstance(client_id, str):
        raise InvalidChannelClientIdError(f"A client id is text, not {type(client_id).__name__}.")
    length = _length(client_id)
    if length is None:
        raise InvalidChannelClientIdError("A client id has no lone surrogates.")
    if length > MAXIMUM_CLIENT_ID_LENGTH:
        raise InvalidChannelClientIdError(
            f"A client id has at most {MAXIMUM_CLIENT_ID_LENGTH} bytes of UTF-8; this has {length}."
        )


def _whole_minutes(duration: object) -> Optional[int]:
    if duration is None:
        return None
    # Under Python 2, `minutes = seconds / 60` was whole; here it is a float.
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
    if isinstance(message, bytes):
        try:
            message = message.decode()
        except UnicodeDecodeError:
            raise InvalidMessageError("A message given as bytes is UTF-8; this is not.") from None
    if not isinstance(message, str):
        raise InvalidMessageError(f"A message is text, not {type(message).__name__}.")
    length = _length(message)
    if length is None:
        raise InvalidMessageError("A message has no lone surrogates.")
    if length > MAXIMUM_MESSAGE_LENGTH:
        raise InvalidMessageError(
            f"A message has at most {MAXIMUM_MESSAGE_LENGTH} bytes of UTF-8; this has {length}."
        )
    return message


def _length(text: str) -> Optional[int]:
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return None
