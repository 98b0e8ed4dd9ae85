"""Both clients behind one face, so that each test proves both."""

from __future__ import annotations

import asyncio
import weakref
from collections.abc import AsyncIterator, Coroutine, Iterable, Iterator
from typing import Any, Optional, TypeVar, Union

import downlink
from downlink.models import Data, ItemLike, ItemResult

T = TypeVar("T")


class AwaitedClient:
    """An `AsyncClient`, driven from ordinary code."""

    def __init__(self, url: str, api_key: str, timeout: float) -> None:
        self._loop = asyncio.new_event_loop()
        # Not with the client, so that a closed client can still be asked.
        weakref.finalize(self, self._loop.close)
        self._client = downlink.AsyncClient(url, api_key, timeout=timeout)

    def create_channel(
        self, client_id: str, duration_minutes: Optional[int] = None
    ) -> downlink.Channel:
        return self._wait(self._client.create_channel(client_id, duration_minutes))

    def send(
        self,
        to: str,
        data: Data,
        *,
        ttl: Optional[int] = None,
        idempotency_key: Optional[str] = None,
    ) -> downlink.Sent:
        sending = self._client.send(to, data, ttl=ttl, idempotency_key=idempotency_key)
        return self._wait(sending)

    def send_many(self, items: Iterable[ItemLike]) -> list[ItemResult]:
        return self._wait(self._client.send_many(items))

    def channel(self, client_id: str) -> downlink.ChannelState:
        return self._wait(self._client.channel(client_id))

    def delete_channel(self, client_id: str) -> None:
        self._wait(self._client.delete_channel(client_id))

    def messages(
        self, client_id: str, after: Optional[str] = None
    ) -> Iterator[downlink.MessagesPage]:
        return self._each(self._client.messages(client_id, after))

    def presence(self) -> Iterator[str]:
        return self._each(self._client.presence())

    def close(self) -> None:
        self._wait(self._client.close())

    def _wait(self, running: Coroutine[Any, Any, T]) -> T:
        return self._loop.run_until_complete(running)

    def _each(self, items: AsyncIterator[T]) -> Iterator[T]:
        while True:
            try:
                yield self._loop.run_until_complete(items.__anext__())
            except StopAsyncIteration:
                return


AnyClient = Union[downlink.Client, AwaitedClient]


def make_client(kind: str, url: str, api_key: str, timeout: float = 5.0) -> AnyClient:
    """``sync`` or ``async``."""
    if kind == "sync":
        return downlink.Client(url, api_key, timeout=timeout)
    return AwaitedClient(url, api_key, timeout)
