"""When and how soon a call is tried again, without a network and without waiting."""

from __future__ import annotations

import httpx
import pytest

import downlink
from downlink._retry import Tries

LOST_ANSWER = httpx.ReadError("")
NO_CONNECTION = httpx.ConnectError("")
BUSY = httpx.Response(503)


def test_the_waits_grow_and_differ_and_end() -> None:
    runs = []
    for _ in range(200):
        tries = Tries(repeatable=True)
        runs.append((tries.delay_after_failure(LOST_ANSWER), tries.delay_after(BUSY) or 0))
        assert tries.delay_after(BUSY) is None
    firsts, seconds = zip(*runs)
    assert 0.1 <= min(firsts) < max(firsts) <= 0.3
    assert 0.3 <= min(seconds) < max(seconds) <= 0.9


@pytest.mark.parametrize(
    ("asked", "least", "most"), [("2", 2, 2), ("600", 5, 5), ("soon", 0.1, 0.3), ("0", 0.1, 0.3)]
)
def test_a_server_may_ask_for_patience_within_reason(asked: str, least: int, most: int) -> None:
    delay = Tries(repeatable=True).delay_after(httpx.Response(503, headers={"Retry-After": asked}))
    assert delay is not None
    assert least <= delay <= most


def test_who_asked_too_often_asks_again_when_it_was_told_to() -> None:
    told = httpx.Response(429, headers={"Retry-After": "1"})
    assert Tries(repeatable=True).delay_after(told) == 1


@pytest.mark.parametrize("status", [200, 201, 202, 400, 401, 413, 422, 500, 507])
def test_other_answers_are_the_last_word(status: int) -> None:
    assert Tries(repeatable=True).delay_after(httpx.Response(status)) is None


def test_what_must_not_be_done_twice_is_tried_again_only_if_it_never_arrived() -> None:
    assert Tries(repeatable=False).delay_after(BUSY) is None
    assert Tries(repeatable=False).delay_after_failure(NO_CONNECTION) > 0
    with pytest.raises(downlink.Unavailable):
        Tries(repeatable=False).delay_after_failure(LOST_ANSWER)


def test_the_last_failure_is_told_without_its_own_text() -> None:
    tries = Tries(repeatable=True)
    failure = httpx.ReadError("private words")
    tries.delay_after_failure(failure)
    tries.delay_after_failure(failure)
    with pytest.raises(downlink.Unavailable) as caught:
        tries.delay_after_failure(failure)
    assert caught.value.code == "connection_failed"
    assert "ReadError" in caught.value.detail
    assert "private" not in caught.value.detail
