"""The client for asyncio. The same calls as `client`, to be awaited."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
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


class AsyncClient:
    """`downlink.Client` for asyncio. Make one for each event loop, and share it among tasks."""

    def __init__(
        self,
        url: Optional[str] = None,
        api_key: Optional[str] = None,
        *,
        timeout: float = 5.0,
        transport: Optional[httpx.AsyncBaseTransport] = None,
    ) -> None:
        """See `downlink.Client`."""
        self._settings = Settings.resolve(url, api_key)
        self._timeout = timeout
        self._http = httpx.AsyncClient(transport=transport, timeout=timeout)

    def __repr__(self) -> str:
        return f"AsyncClient(url={self._settings.url!r})"

    async def create_channel(
        self, client_id: str, duration_minutes: Optional[int] = None
    ) -> Channel:
        """See `downlink.Client.create_channel`."""
        return await self._run(_requests.create_channel(client_id, duration_minutes))

    async def send(
        self,
        to: str,
        data: Data,
        *,
        ttl: Optional[int] = None,
        idempotency_key: Optional[str] = None,
    ) -> Sent:
        """See `downlink.Client.send`."""
        key = idempotency_key or new_idempotency_key()
        return await self._run(_requests.send(to, data, ttl, key))

    async def send_many(self, items: Iterable[ItemLike]) -> list[ItemResult]:
        """See `downlink.Client.send_many`."""
        run = SendMany(items)
        for batch in run.batches():
            try:
                answers = await self._run(batch.call())
            except DownlinkError as failure:
                run.failed(batch, failure)
            else:
                run.answered(batch, answers)
        return run.results()

    async def channel(self, client_id: str) -> ChannelState:
        """See `downlink.Client.channel`."""
        return await self._run(_requests.channel(client_id))

    async def delete_channel(self, client_id: str) -> None:
        """See `downlink.Client.delete_channel`."""
        await self._run(_requests.delete_channel(client_id))

    async def messages(
        self, client_id: str, after: Optional[str] = None
    ) -> AsyncIterator[MessagesPage]:
        """See `downlink.Client.messages`; to be read with ``async for``."""
        while True:
            page = await self._run(_requests.messages(client_id, after))
            yield page
            if page.next is None:
                return
            after = page.next

    async def presence(self) -> AsyncIterator[str]:
        """See `downlink.Client.presence`; to be read with ``async for``."""
        after: Optional[str] = None
        while True:
            page = await self._run(_requests.presence(after))
            for client_id in page.client_ids:
                yield client_id
            if page.next is None:
                return
            after = page.next

    async def close(self) -> None:
        """Closes the connections; the client cannot be used any more."""
        await self._http.aclose()

    async def __aenter__(self) -> AsyncClient:
        return self

    async def __aexit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        await self.close()

    async def _run(self, call: Call[T]) -> T:
        tries = Tries(call.repeatable)
        while True:
            try:
                response = await self._http.send(http_request(self._settings, call, self._timeout))
            except httpx.RequestError as failure:
                delay = tries.delay_after_failure(failure)
            else:
                patience = tries.delay_after(response)
                if patience is None:
                    return read_answer(response, call.read)
                delay = patience
            await asyncio.sleep(delay)
