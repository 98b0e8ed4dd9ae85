"""Tells Downlink's presence notices from forged ones, and reads them. No I/O.

Downlink signs them as Standard Webhooks says: HMAC-SHA256 over id, timestamp and body. Only what is
signed decides: neither the path nor the Content-Type of the request does.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import os
import re
import time
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Any, Optional, Protocol, Union

from downlink._client_ids import is_client_id
from downlink._forms import read_form
from downlink.errors import DownlinkError, InvalidNotice
from downlink.models import Notice

TOLERANCE_SECONDS = 300
"""How far a timestamp may be off: room for clocks that differ, and a bound for replays."""

SECRET_BYTES_MIN = 24
"""Standard Webhooks asks for at least so many; a secret that can be guessed proves nothing."""

_GENERATION_MAX = 2**53 - 1
# Bounded, since the conversion of long numbers is slow.
_SECONDS = re.compile(r"[0-9]{1,12}")
_GENERATION = re.compile(r"[0-9]{1,16}")
_STATES = {"connected": True, "disconnected": False}
_TYPES = {"channel.connected": True, "channel.disconnected": False}

Text = Union[str, bytes]


class HasItems(Protocol):
    """Headers as a mapping, or as the mapping-like objects of most frameworks."""

    def items(self) -> Iterable[tuple[str, str]]:
        """Names and values."""
        ...


Headers = Union[HasItems, Iterable[tuple[Text, Text]]]
"""What a framework gives as headers: something with `items`, or pairs of `str` or `bytes`."""

Secret = Union[str, Sequence[str], None]
"""``whsec_…``; several separated by commas or in a list; `None` for DOWNLINK_PRESENCE_SECRET."""


def verify_notice(
    headers: Headers, body: bytes, secret: Secret = None, *, now: Optional[float] = None
) -> Notice:
    """Returns the notice that a request bears, if it comes from Downlink.

    The same notice may come twice, and one that was delayed may come after a newer one: compare
    `Notice.generation` with that of the client id's last one, and ignore what is not above it.

    Args:
        headers: All headers of the request; upper and lower case do not matter.
        body: The body as it came, before anything parsed it.
        secret: ``DOWNLINK_PRESENCE_SECRET`` unless given; during a change of secrets both.
        now: Seconds since 1970, for tests.

    Raises:
        InvalidNotice: It is forged, altered, or too old; answer it with 403.
        DownlinkError: There is no usable secret (``invalid_secret``).
    """
    if not isinstance(body, (bytes, bytearray, memoryview)):
        raise TypeError(f"the body is bytes, as they came, not {type(body).__name__}")
    body = bytes(body)
    keys = _keys(secret)
    signed = _signed_headers(headers)
    sent_at = _checked_time(signed["webhook-timestamp"], time.time() if now is None else now)
    content = (
        f"{signed['webhook-id']}.{signed['webhook-timestamp']}.".encode("utf-8", "replace") + body
    )
    if not _is_signed(content, signed["webhook-signature"], keys):
        raise InvalidNotice("wrong_signature", "The notice was not signed with this secret.")
    try:
        client_id, connected, generation = _read(body)
    # Deep nesting is a `RecursionError`.
    except (ValueError, KeyError, TypeError, RecursionError):
        raise InvalidNotice("unreadable", "The body is signed, and is no notice.") from None
    return Notice(signed["webhook-id"], sent_at, client_id, connected, generation)


def _keys(secret: Secret) -> list[bytes]:
    if secret is None:
        secret = os.environ.get("DOWNLINK_PRESENCE_SECRET", "")
    texts = secret.split(",") if isinstance(secret, str) else secret
    keys = [_key(text.strip()) for text in texts if text.strip()]
    if not keys:
        raise DownlinkError("invalid_secret", "Set DOWNLINK_PRESENCE_SECRET, or give secret.")
    return keys


def _key(text: str) -> bytes:
    # The texts name no part of the secret, and no cause is chained that might.
    prefix, encoded = text[:6], text[6:]
    try:
        key = base64.b64decode(encoded, validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if prefix != "whsec_" or len(key) < SECRET_BYTES_MIN:
        raise DownlinkError(
            "invalid_secret",
            f"A presence secret is whsec_ and the base64 of {SECRET_BYTES_MIN} bytes or more.",
        )
    return key


def _signed_headers(headers: Headers) -> dict[str, str]:
    pairs = headers.items() if hasattr(headers, "items") else headers
    found: dict[str, str] = {}
    for name, value in pairs:
        # The first one counts, should there be several.
        found.setdefault(_text(name).lower(), _text(value))
    signed = {}
    for name in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        if name not in found:
            raise InvalidNotice("missing_header", f"The header {name} is missing.")
        signed[name] = found[name]
    return signed


def _text(value: Text) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value


def _checked_time(text: str, now: float) -> datetime:
    if not _SECONDS.fullmatch(text):
        raise InvalidNotice("bad_timestamp", "The timestamp is no number of seconds since 1970.")
    if abs(now - int(text)) > TOLERANCE_SECONDS:
        raise InvalidNotice("bad_timestamp", "The timestamp is over five minutes off.")
    return datetime.fromtimestamp(int(text), timezone.utc)


def _is_signed(content: bytes, signatures: str, keys: list[bytes]) -> bool:
    # A space separates signatures: one for each secret while they change.
    given = [one.encode("utf-8", "replace") for one in signatures.split(" ")]
    signed = False
    for key in keys:
        digest = hmac.new(key, content, "sha256").digest()
        expected = b"v1," + base64.b64encode(digest)
        for one in given:
            # All are compared, so that the time tells nothing of which one it was.
            signed |= hmac.compare_digest(expected, one)
    return signed


def _read(body: bytes) -> tuple[str, bool, int]:
    if body.startswith(b"{"):
        client_id, connected, generation = _read_json(json.loads(body.decode()))
    else:
        client_id, connected, generation = _read_fields(read_form(body))
    if not is_client_id(client_id):
        raise ValueError("no client id")
    if type(generation) is not int or not 0 <= generation <= _GENERATION_MAX:
        raise ValueError("no generation")
    return client_id, connected, generation


def _read_json(notice: Any) -> tuple[Any, bool, Any]:
    data = notice["data"]
    return data["client_id"], _TYPES[notice["type"]], data["generation"]


def _read_fields(fields: dict[str, str]) -> tuple[str, bool, int]:
    generation = fields["generation"]
    if not _GENERATION.fullmatch(generation):
        raise ValueError("no generation")
    return fields["from"], _STATES[fields["state"]], int(generation)
