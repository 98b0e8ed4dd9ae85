"""The client for ordinary, blocking code."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Optional, TypeVar

import httpx

from downlink import _requests
from downlink._answers import read_answer
from downlink._batches import SendMany
from downlink._requests import Call, http_request, new_idempotency_key
from downlink._retry import Tries
from downlink._settings import Settings
from downlink.errors import DownlinkError
from downlink.models import (
    Channel,
    ChannelState,
    Data,
    ItemLike,
    ItemResult,
    MessagesPage,
    Sent,
)

T = TypeVar("T")


class Client:
    """Talks to Downlink. Make one and share it: it keeps connections, and is safe among threads.

    Every call may raise a `DownlinkError` (see `downlink.errors` for its kinds). It is tried three
    times when Downlink cannot be reached or answers 429, 502, 503 or 504; a send bears an
    idempotency key and so is stored once all the same. Only a send with a TTL of 0, which is not
    stored, is not tried again once it may have arrived.

    A process that forks makes its client after the fork.
    """

    def __init__(
        self,
        url: Optional[str] = None,
        api_key: Optional[str] = None,
        *,
        timeout: float = 5.0,
        transport: Optional[httpx.BaseTransport] = None,
    ) -> None:
        """``DOWNLINK_URL`` and ``DOWNLINK_API_KEY`` stand in for what is not given.

        ``timeout`` bounds, in seconds, each wait for a connection, a write and a read.
        ``transport`` replaces the network, for tests and special routes.
        """
        self._settings = Settings.resolve(url, api_key)
        self._timeout = timeout
        self._http = httpx.Client(transport=transport, timeout=timeout)

    def __repr__(self) -> str:
        return f"Client(url={self._settings.url!r})"

    def create_channel(self, client_id: str, duration_minutes: Optional[int] = None) -> Channel:
        """Makes a token with which a page opens the channel of `client_id`.

        It is good for 2 hours unless asked otherwise (1 to 1440 minutes). Nothing is stored, so
        create as many as you like; all tokens of a client id lead to the same channel.
        """
        return self._run(_requests.create_channel(client_id, duration_minutes))

    def send(
        self,
        to: str,
        data: Data,
        *,
        ttl: Optional[int] = None,
        idempotency_key: Optional[str] = None,
    ) -> Sent:
        """Sends a message to a client id, or to the one that a token is for.

        A `str` arrives as text, `bytes` as binary. ``ttl`` is in seconds; 0 reaches only the pages
        that are there now. Sending to somebody who is not there succeeds.

        Retries never store a message twice. Give your own ``idempotency_key`` to get the same
        across restarts of your program.
        """
        key = idempotency_key or new_idempotency_key()
        return self._run(_requests.send(to, data, ttl, key))

    def send_many(self, items: Iterable[ItemLike]) -> list[ItemResult]:
        """Sends many messages in few calls; returns one result per item, in their order.

        An item that is refused gives an `ItemError` in its place and does not stop the others.
        Raises only if nothing was sent; a failure later on gives an `ItemError` for each item that
        is left.
        """
        run = SendMany(items)
        for batch in run.batches():
            try:
                answers = self._run(batch.call())
            except DownlinkError as failure:
                run.failed(batch, failure)
            else:
                run.answered(batch, answers)
        return run.results()

    def channel(self, client_id: str) -> ChannelState:
        """Tells who listens to `client_id`, and how far they are."""
        return self._run(_requests.channel(client_id))

    def delete_channel(self, client_id: str) -> None:
        """Ends every socket of `client_id`, and refuses the tokens that were made before.

        What is kept of its messages can no longer be read. Channels created and messages sent
        later work as ever. Deleting a channel that nobody opened succeeds.
        """
        self._run(_requests.delete_channel(client_id))

    def messages(self, client_id: str, after: Optional[str] = None) -> Iterator[MessagesPage]:
        """The messages still kept for `client_id`, oldest first, page by page.

        ``after`` is a cursor; a page's ``gap`` says if messages behind it are gone.
        """
        while True:
            page = self._run(_requests.messages(client_id, after))
            yield page
            if page.next is None:
                return
            after = page.next

    def presence(self) -> Iterator[str]:
        """The client ids that have a socket open now."""
        after: Optional[str] = None
        while True:
            page = self._run(_requests.presence(after))
            yield from page.client_ids
            if page.next is None:
                return
            after = page.next

    def close(self) -> None:
        """Closes the connections; the client cannot be used any more."""
        self._http.close()

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def _run(self, call: Call[T]) -> T:
        tries = Tries(call.repeatable)
        while True:
            try:
                response = self._http.send(http_request(self._settings, call, self._timeout))
            except httpx.RequestError as failure:
                delay = tries.delay_after_failure(failure)
            else:
                patience = tries.delay_after(response)
                if patience is None:
                    return read_answer(response, call.read)
                delay = patience
            time.sleep(delay)
