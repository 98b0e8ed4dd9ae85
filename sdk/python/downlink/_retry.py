"""When a call is tried again, and how long to wait before. No I/O and no sleeping.

Only repeatable calls are tried again after they may have arrived: reads, the creation of
channels, which stores nothing, and sends, since each bears an idempotency key and is stored once
however often it arrives. A send that is not to be stored (a TTL of 0) cannot be recognised when
it comes again.
"""

from __future__ import annotations

import random
from typing import Optional

import httpx

from downlink.errors import Unavailable

TRIES = 3

# What a proxy says while the server behind it restarts, the server itself while it cannot, and to
# who asks more often than it lets (429).
_RETRIED_STATUS = frozenset({429, 502, 503, 504})

# 0.1 to 0.3 s, then 0.3 to 0.9 s: enough for a quick restart; a page waits no longer than that.
_FIRST_DELAY = 0.3
_GROWTH = 3.0

# A server may ask for more patience, but a request of the application's own user waits on this.
_RETRY_AFTER_MAX = 5.0


class Tries:
    """Counts the tries of one call."""

    def __init__(self, repeatable: bool) -> None:
        self._left = TRIES
        self._repeatable = repeatable
        self._longest = _FIRST_DELAY

    def delay_after(self, response: httpx.Response) -> Optional[float]:
        """Seconds to wait before the next try; `None` if this answer is the last word."""
        if not self._repeatable or response.status_code not in _RETRIED_STATUS:
            return None
        delay = self._next_delay()
        if delay is None:
            return None
        return max(delay, _asked_patience(response))

    def delay_after_failure(self, failure: httpx.RequestError) -> float:
        """Seconds to wait before the next try; raises if there is none."""
        never_arrived = isinstance(failure, (httpx.ConnectError, httpx.ConnectTimeout))
        delay = self._next_delay() if self._repeatable or never_arrived else None
        if delay is None:
            # The failure's own text is left out: it may quote what was sent.
            raise Unavailable(
                "connection_failed", f"Downlink could not be reached ({type(failure).__name__})."
            ) from None
        return delay

    def _next_delay(self) -> Optional[float]:
        self._left -= 1
        if self._left <= 0:
            return None
        # Jitter, so that many workers do not come back in the same instant.
        delay = random.uniform(self._longest / _GROWTH, self._longest)
        self._longest *= _GROWTH
        return delay


def _asked_patience(response: httpx.Response) -> float:
    asked = response.headers.get("Retry-After", "")
    return min(float(asked), _RETRY_AFTER_MAX) if asked.isdigit() else 0.0
