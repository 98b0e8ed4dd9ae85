"""What is a client id, for what is decided here and not by the server. No I/O."""

from __future__ import annotations

from downlink.errors import InvalidClientId

CLIENT_ID_BYTES_MAX = 256
"""The server's limit, in bytes of UTF-8."""


def is_client_id(value: object) -> bool:
    """Whether this is 1 to 256 bytes of UTF-8 text."""
    if not isinstance(value, str):
        return False
    try:
        return 1 <= len(value.encode()) <= CLIENT_ID_BYTES_MAX
    except UnicodeEncodeError:  # A lone surrogate.
        return False


def not_a_client_id() -> InvalidClientId:
    """The error for what is none, worded as the server words it."""
    return InvalidClientId("invalid_client_id", "A client id is 1 to 256 bytes of UTF-8 text.")
