"""Where Downlink is and with which key to ask: from arguments, else from the environment."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from typing import Optional
from urllib.parse import urlsplit

from downlink.errors import DownlinkError, InvalidApiKey

DEFAULT_URL = "http://127.0.0.1:7171"

# What may stand in a header. Refused here, since the HTTP library would quote the key in its text.
_KEY = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class Settings:
    """A checked address and key."""

    url: str
    """Without a slash at its end; may have a path, for a Downlink behind a prefix."""
    api_key: str = field(repr=False)

    @classmethod
    def resolve(cls, url: Optional[str], api_key: Optional[str]) -> Settings:
        """Takes what is given; ``DOWNLINK_URL`` and ``DOWNLINK_API_KEY`` stand in for the rest."""
        if url is None:
            url = os.environ.get("DOWNLINK_URL") or DEFAULT_URL
        if api_key is None:
            api_key = os.environ.get("DOWNLINK_API_KEY", "")
        return cls(_checked_url(url.strip()), _checked_key(api_key.strip()))


def _checked_url(url: str) -> str:
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port  # Reading the port checks it.
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https"):
        raise DownlinkError("invalid_url", "Give Downlink's address as http://HOST:PORT.")
    # A user name would replace the API key in the Authorization header, and show in logs.
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise DownlinkError(
            "invalid_url", "Downlink's address must have no user name, query or fragment."
        )
    return url.rstrip("/")


def _checked_key(api_key: str) -> str:
    if not api_key:
        raise InvalidApiKey("invalid_api_key", "Set DOWNLINK_API_KEY, or give api_key.")
    if not _KEY.fullmatch(api_key):
        raise InvalidApiKey("invalid_api_key", "An API key has visible ASCII characters only.")
    return api_key
