"""``kill -9`` of the server: what was answered is there afterwards, and nothing is there twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

import downlink
from support.clients import AnyClient, make_client
from support.page import Page
from support.relay import Fault, Relay
from support.server import Server

_PATIENCE_SECONDS = 30


@pytest.fixture
def own_client(kind: str, own_server: Server) -> Iterator[AnyClient]:
    made = make_client(kind, own_server.url, own_server.api_key)
    yield made
    made.close()


def kept(client: AnyClient, client_id: str) -> list[downlink.Message]:
    return [message for page in client.messages(client_id) for message in page.messages]


def send_until_answered(client: AnyClient, client_id: str, text: str, key: str) -> downlink.Sent:
    """Outlives an outage of any length: each call is tried three times, and the calls too."""
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while True:
        try:
            return client.send(client_id, text, idempotency_key=key)
        except downlink.Unavailable:
            assert time.monotonic() < deadline, "the server does not come back"


def test_every_answered_message_is_kept(own_client: AnyClient, own_server: Server) -> None:
    ada, bob = "ada", "bob/é 🐎"
    channel = own_client.create_channel(ada)
    answered = [own_client.send(ada, f"message {number}").id for number in range(20)]
    answered.append(own_client.send(ada, b"\x00\xff").id)
    [batched, several] = own_client.send_many(
        [downlink.Item(ada, "in a batch"), downlink.Item([ada, bob], "for both")]
    )
    assert isinstance(batched, downlink.Sent)
    assert several == downlink.SentToMany(2, 0, ())
    answered.append(batched.id)

    own_server.kill()
    own_server.start()

    messages = kept(own_client, ada)
    assert [message.id for message in messages[:-1]] == answered
    assert [message.data for message in messages] == [
        *(f"message {number}" for number in range(20)),
        b"\x00\xff",
        "in a batch",
        "for both",
    ]
    assert [message.data for message in kept(own_client, bob)] == ["for both"]
    # A token and a cursor of before the kill are good after it, and nothing is said to be missing.
    [page] = own_client.messages(ada, after=channel.cursor)
    assert (page.gap, len(page.messages)) == (None, len(messages))
    with Page(own_server.url, channel.token) as opened:
        assert opened.messages(len(messages)) == [message.data for message in messages]


def test_a_program_that_sends_through_a_kill_has_every_message_once_and_in_order(
    own_client: AnyClient, own_server: Server
) -> None:
    answered: list[downlink.Sent] = []
    warm, back = threading.Event(), threading.Event()

    def send_until_back() -> None:
        while not back.is_set():
            number = len(answered)
            sent = send_until_answered(own_client, "ada", str(number), f"key {number}")
            answered.append(sent)
            if len(answered) == 20:
                warm.set()

    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(send_until_back)
        assert warm.wait(_PATIENCE_SECONDS)
        # In the middle of whatever the program is at just now.
        own_server.kill()
        own_server.start()
        back.set()
        sending.result()
    answered.append(own_client.send("ada", str(len(answered))))

    messages = kept(own_client, "ada")
    assert [message.data for message in messages] == [str(n) for n in range(len(answered))]
    assert [message.id for message in messages] == [sent.id for sent in answered]


@pytest.mark.parametrize("texts", [["alone"], ["one of", "two"]])
def test_what_was_stored_but_not_answered_before_the_kill_is_stored_once(
    kind: str, own_server: Server, texts: list[str]
) -> None:
    def crash() -> None:
        own_server.kill()
        own_server.start()

    with Relay(own_server.url, [Fault.ANSWER_LOST]) as relay:
        relay.before_the_loss = crash
        client = make_client(kind, relay.url, own_server.api_key, timeout=_PATIENCE_SECONDS)
        if len(texts) == 1:
            ids = [client.send("ada", texts[0]).id]
        else:
            results = client.send_many([downlink.Item("ada", text) for text in texts])
            ids = [result.id for result in results if isinstance(result, downlink.Sent)]
        assert relay.connections == 2, "the first answer was lost, and the client tried again"
        messages = kept(client, "ada")
        client.close()
    assert [message.data for message in messages] == texts
    assert [message.id for message in messages] == ids


def test_a_program_that_was_killed_too_sends_again_with_its_own_key(
    kind: str, own_server: Server
) -> None:
    first = make_client(kind, own_server.url, own_server.api_key)
    sent = first.send("ada", "paid", idempotency_key="order 7")
    first.close()
    own_server.kill()
    own_server.start()
    second = make_client(kind, own_server.url, own_server.api_key)
    assert second.send("ada", "paid", idempotency_key="order 7").id == sent.id
    with pytest.raises(downlink.IdempotencyConflict):
        second.send("ada", "not paid", idempotency_key="order 7")
    assert [message.data for message in kept(second, "ada")] == ["paid"]
    second.close()
