"""The service behind the module: Downlink, through one client that all threads share."""

from __future__ import annotations

import os
import threading
from typing import Optional

import downlink
from google.appengine.api.channel._errors import ServiceCode, exception_for

# Everything else, a server that cannot be reached included, is an internal error.
_CODES: tuple[tuple[type[downlink.DownlinkError], ServiceCode], ...] = (
    (downlink.InvalidClientId, ServiceCode.INVALID_CHANNEL_KEY),
    (downlink.InvalidMessage, ServiceCode.BAD_MESSAGE),
    (downlink.InvalidDuration, ServiceCode.INVALID_CHANNEL_TOKEN_DURATION),
)


class Service:
    """Makes the calls; the client is made at the first of them, from the environment."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._client: Optional[downlink.Client] = None

    def create_channel(self, client_id: str, duration_minutes: Optional[int]) -> str:
        """Returns the new channel's token."""
        try:
            return self._shared_client().create_channel(client_id, duration_minutes).token
        except downlink.DownlinkError as error:
            raise _translated(error) from None

    def send_message(self, client_id: str, message: str) -> None:
        """Sends text to a client id or token."""
        try:
            self._shared_client().send(client_id, message)
        except downlink.DownlinkError as error:
            raise _translated(error) from None

    def start_anew(self) -> None:
        """Forgets the client, so that the next call reads the environment again.

        A forked child must not share its parent's connections, nor its lock, which another thread
        may have held at that moment. The connections stay open here: they are the parent's.
        """
        self._lock = threading.Lock()
        self._client = None

    def _shared_client(self) -> downlink.Client:
        with self._lock:
            if self._client is None:
                self._client = downlink.Client()
            return self._client


def _translated(error: downlink.DownlinkError) -> Exception:
    for kind, code in _CODES:
        if isinstance(error, kind):
            return exception_for(code, error.detail)
    return exception_for(ServiceCode.INTERNAL_ERROR, str(error))


service = Service()

if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=service.start_anew)
