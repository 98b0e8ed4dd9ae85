"""Cuts the items of `send_many` into calls, and puts the answers back in order. No I/O."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Optional

from downlink import _requests
from downlink._requests import Call
from downlink.errors import DownlinkError
from downlink.models import Item, ItemError, ItemLike, ItemResult

# The server's limits for one call.
ITEMS_MAX = 10_000
BYTES_MAX = 16 * 1024 * 1024


class Batch:
    """Items that travel in one call, and their places among all."""

    def __init__(self) -> None:
        self._items: list[bytes] = []
        self._places: list[int] = []
        self._bytes = len(b"[]")
        self._repeatable = True

    def has_room_for(self, encoded: bytes) -> bool:
        """Always true while empty: the server tells why one item alone is too large."""
        if not self._items:
            return True
        fits = self._bytes + len(encoded) + len(b",") <= BYTES_MAX
        return fits and len(self._items) < ITEMS_MAX

    def add(self, place: int, encoded: bytes, repeatable: bool) -> None:
        """Takes an item that there is room for."""
        self._repeatable = self._repeatable and repeatable
        self._bytes += len(encoded) + len(b",")
        self._items.append(encoded)
        self._places.append(place)

    def call(self) -> Call[list[ItemResult]]:
        """The call that sends these items."""
        return _requests.send_items(self._items, self._repeatable)

    @property
    def places(self) -> list[int]:
        """Where each item stands among all."""
        return self._places


class SendMany:
    """One run of `send_many`: hands out calls, takes answers, gives one result per item."""

    def __init__(self, items: Iterable[ItemLike]) -> None:
        self._items = items
        self._results: list[Optional[ItemResult]] = []
        self._any_answer = False
        self._failure: Optional[DownlinkError] = None

    def batches(self) -> Iterator[Batch]:
        """The calls to make, one after the other; items are read only as they are needed."""
        batch = Batch()
        for given in self._items:
            item = given if isinstance(given, Item) else Item(**given)
            place = len(self._results)
            try:
                encoded = _requests.encode_item(item)
            except DownlinkError as refusal:
                self._results.append(ItemError(refusal.code, refusal.detail))
                continue
            self._results.append(None)
            if not batch.has_room_for(encoded):
                yield from self._unless_failed(batch)
                batch = Batch()
            batch.add(place, encoded, _requests.is_stored(item))
        if batch.places:
            yield from self._unless_failed(batch)

    def answered(self, batch: Batch, answers: list[ItemResult]) -> None:
        """Takes the answers to a batch."""
        if len(answers) != len(batch.places):
            raise DownlinkError(
                "unexpected_answer", "The answer has another number of results than items sent."
            )
        self._any_answer = True
        for place, answer in zip(batch.places, answers):
            self._results[place] = answer

    def failed(self, batch: Batch, failure: DownlinkError) -> None:
        """Takes the failure of a whole call.

        Raised if it is the first call. Later it becomes the result of each item that is left, or
        the caller would not learn what became of those before.
        """
        if not self._any_answer:
            raise failure
        self._failure = failure
        self._refuse(batch, failure)

    def results(self) -> list[ItemResult]:
        """One result per item, in the order of the items."""
        results = [result for result in self._results if result is not None]
        assert len(results) == len(self._results), "every item was answered, refused or failed"
        return results

    def _unless_failed(self, batch: Batch) -> Iterator[Batch]:
        if self._failure is None:
            yield batch
        else:
            self._refuse(batch, self._failure)

    def _refuse(self, batch: Batch, failure: DownlinkError) -> None:
        for place in batch.places:
            self._results[place] = ItemError(failure.code, failure.detail)
