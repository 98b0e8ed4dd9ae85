"""Signs tokens with the server's own key, without a call to it. No I/O.

A token made so says nothing about a place in the log, so its page hears what was sent since the
second in which it was signed, and up to 5 s before.
"""

from __future__ import annotations

import base64
import hmac
import json
import os
import secrets
import time
from typing import Any, Optional

from downlink._client_ids import is_client_id, not_a_client_id
from downlink.errors import DownlinkError, InvalidDuration

KEY_BYTES_MIN = 32
"""The server takes no shorter one: HS256 is as strong as its key."""

DURATION_MINUTES_DEFAULT = 120
DURATION_MINUTES_MAX = 24 * 60


def sign_token(
    client_id: str,
    duration_minutes: Optional[int] = None,
    *,
    key: Optional[str] = None,
    key_id: Optional[str] = None,
    now: Optional[float] = None,
) -> str:
    """Returns a token with which a page opens the channel of `client_id`.

    For an application that makes many tokens, or makes them while Downlink cannot be reached.
    Whoever has the key can make tokens for every client id.

    Args:
        client_id: Who listens: 1 to 256 bytes of UTF-8.
        duration_minutes: How long the token is good, 1 to 1440; two hours if `None`.
        key: The server's token key, at least 32 bytes; ``DOWNLINK_TOKEN_KEY`` unless given.
        key_id: The key's name in the server's ``[[token.keys]]``; its first key if `None`.
        now: Seconds since 1970, for tests.

    Raises:
        InvalidClientId: The client id is empty, too long, or not text.
        InvalidDuration: The duration is not a whole number from 1 to 1440.
        DownlinkError: There is no usable key (``invalid_key``).
    """
    if not is_client_id(client_id):
        raise not_a_client_id()
    minutes = _checked_minutes(duration_minutes)
    signing_key = _checked_key(os.environ.get("DOWNLINK_TOKEN_KEY", "") if key is None else key)
    issued_at = int(time.time() if now is None else now)
    header = {"alg": "HS256", "typ": "JWT"}
    if key_id is not None:
        header["kid"] = key_id
    claims = {
        "aud": "downlink",
        "sub": client_id,
        "iat": issued_at,
        "exp": issued_at + 60 * minutes,
        "jti": secrets.token_hex(8),
    }
    content = _encoded(header) + b"." + _encoded(claims)
    signature = hmac.new(signing_key, content, "sha256").digest()
    return (content + b"." + _base64url(signature)).decode("ascii")


def _checked_minutes(duration: object) -> int:
    if duration is None:
        return DURATION_MINUTES_DEFAULT
    # `bool` is an `int` to Python, and no number of minutes.
    if type(duration) is not int or not 1 <= duration <= DURATION_MINUTES_MAX:
        raise InvalidDuration(
            "invalid_duration",
            f"duration_minutes is a whole number from 1 to {DURATION_MINUTES_MAX}.",
        )
    return duration


def _checked_key(key: str) -> bytes:
    encoded = key.encode("utf-8", "surrogateescape")
    if len(encoded) < KEY_BYTES_MIN:
        raise DownlinkError(
            "invalid_key",
            f"A token key has at least {KEY_BYTES_MIN} bytes; set DOWNLINK_TOKEN_KEY, or give key.",
        )
    return encoded


def _encoded(value: dict[str, Any]) -> bytes:
    return _base64url(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode())


def _base64url(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
