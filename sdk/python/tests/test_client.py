"""Both clients against the real server."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

import downlink
from support.client_ids import DIFFICULT_CLIENT_IDS
from support.clients import AnyClient, make_client
from support.page import Page
from support.server import Server


def kept(client: AnyClient, client_id: str) -> list[downlink.Message]:
    return [message for page in client.messages(client_id) for message in page.messages]


def test_what_is_sent_arrives_in_order(client: AnyClient, server: Server, client_id: str) -> None:
    channel = client.create_channel(client_id)
    with Page(server.url, channel.token) as page:
        client.send(client_id, "one")
        client.send(client_id, b"\x00\x01\xff")
        client.send(client_id, '{"three": "\u2028 <é 🐎>\n"}')
        assert page.messages(3) == ["one", b"\x00\x01\xff", '{"three": "\u2028 <é 🐎>\n"}']


def test_a_channel_is_good_for_as_long_as_asked(client: AnyClient, client_id: str) -> None:
    now = datetime.now(timezone.utc)
    two_hours = client.create_channel(client_id)
    a_minute = client.create_channel(client_id, 1)
    assert two_hours.client_id == client_id
    assert two_hours.token != a_minute.token
    assert abs(two_hours.expires_at - now - timedelta(hours=2)) < timedelta(seconds=30)
    assert abs(a_minute.expires_at - now - timedelta(minutes=1)) < timedelta(seconds=30)


def test_what_is_sent_after_the_channel_was_created_is_not_missed(
    client: AnyClient, server: Server, client_id: str
) -> None:
    client.send(client_id, "before")
    channel = client.create_channel(client_id)
    client.send(client_id, "after")
    with Page(server.url, channel.token) as page:
        assert page.messages(1) == ["after"]


@pytest.mark.parametrize("awkward", DIFFICULT_CLIENT_IDS)
def test_every_client_id_works_everywhere(client: AnyClient, server: Server, awkward: str) -> None:
    channel = client.create_channel(awkward)
    assert channel.client_id == awkward
    with Page(server.url, channel.token) as page:
        assert client.send(awkward, "direct").sockets == 1
        [sent] = client.send_many([downlink.Item(awkward, "in a batch")])
        assert isinstance(sent, downlink.Sent)
        assert page.messages(2) == ["direct", "in a batch"]
        assert client.channel(awkward).connected
        assert awkward in list(client.presence())
    assert [message.data for message in kept(client, awkward)][-2:] == ["direct", "in a batch"]


def test_a_token_is_a_target(client: AnyClient, server: Server, client_id: str) -> None:
    channel = client.create_channel(client_id)
    with Page(server.url, channel.token) as page:
        client.send(channel.token, "by token")
        client.send_many([downlink.Item(channel.token, "by token in a batch")])
        assert page.messages(2) == ["by token", "by token in a batch"]


def test_sending_to_nobody_succeeds(client: AnyClient, client_id: str) -> None:
    sent = client.send(client_id, "is anybody there")
    assert sent.sockets == 0
    assert sent.id is not None


def test_a_message_of_32768_bytes_fits_and_one_more_does_not(
    client: AnyClient, client_id: str
) -> None:
    client.send(client_id, b"x" * 32_768)
    with pytest.raises(downlink.MessageTooLarge) as caught:
        client.send(client_id, b"x" * 32_769)
    assert caught.value.status == 413
    assert len(kept(client, client_id)) == 1


@pytest.mark.parametrize("bad", ["", "x" * 257, "é" * 129])
def test_a_bad_client_id_is_refused(client: AnyClient, bad: str) -> None:
    with pytest.raises(downlink.InvalidClientId) as caught:
        client.create_channel(bad)
    assert (caught.value.code, caught.value.status) == ("invalid_client_id", 400)
    with pytest.raises(downlink.InvalidClientId):
        client.send(bad, "x")
    [result] = client.send_many([downlink.Item(bad, "x")])
    assert isinstance(result, downlink.ItemError)
    assert result.code == "invalid_client_id"


@pytest.mark.parametrize("bad", [0, -1, 1441, 1.5, "ten"])
def test_a_bad_duration_is_refused(client: AnyClient, client_id: str, bad: int) -> None:
    with pytest.raises(downlink.InvalidDuration) as caught:
        client.create_channel(client_id, bad)
    assert caught.value.status == 400


@pytest.mark.parametrize("nothing", ["", b""])
def test_an_empty_message_is_refused(
    client: AnyClient, client_id: str, nothing: downlink.models.Data
) -> None:
    with pytest.raises(downlink.EmptyMessage):
        client.send(client_id, nothing)


def test_a_bad_cursor_is_refused(client: AnyClient, client_id: str) -> None:
    with pytest.raises(downlink.InvalidCursor):
        list(client.messages(client_id, after="not a cursor"))


def test_a_wrong_key_is_refused(kind: str, server: Server) -> None:
    stranger = make_client(kind, server.url, "another-key-altogether")
    with pytest.raises(downlink.InvalidApiKey) as caught:
        stranger.create_channel("ada")
    stranger.close()
    assert caught.value.status == 401
    assert "another-key" not in str(caught.value)


def test_one_bad_item_does_not_stop_the_others(client: AnyClient, client_id: str) -> None:
    first, empty, several, last = client.send_many(
        [
            {"to": client_id, "data": "one"},
            downlink.Item(client_id, ""),
            downlink.Item([client_id, f"{client_id}-2"], b"\x02"),
            downlink.Item(client_id, "three"),
        ]
    )
    assert isinstance(first, downlink.Sent)
    assert isinstance(empty, downlink.ItemError)
    assert empty.code == "empty_message"
    assert isinstance(several, downlink.SentToMany)
    assert (several.stored, several.failed) == (2, ())
    assert isinstance(last, downlink.Sent)
    assert [message.data for message in kept(client, client_id)] == ["one", b"\x02", "three"]
    assert [message.data for message in kept(client, f"{client_id}-2")] == [b"\x02"]


def test_more_items_than_one_call_takes(client: AnyClient, client_id: str) -> None:
    items = [downlink.Item(f"{client_id}-{number % 50}", str(number)) for number in range(10_050)]
    results = client.send_many(items)
    assert len(results) == len(items)
    assert all(isinstance(result, downlink.Sent) for result in results)
    got = [message.data for message in kept(client, f"{client_id}-7")]
    assert got == [str(number) for number in range(7, 10_050, 50)]


def test_kept_messages_have_places_and_times(client: AnyClient, client_id: str) -> None:
    now = datetime.now(timezone.utc)
    ids = [client.send(client_id, f"message {number}").id for number in range(3)]
    messages = kept(client, client_id)
    assert [message.id for message in messages] == ids
    assert all(abs(message.time - now) < timedelta(seconds=30) for message in messages)
    [page] = client.messages(client_id, after=ids[1])
    assert [message.id for message in page.messages] == ids[2:]
    assert (page.gap, page.next) == (None, None)
    [nothing_new] = client.messages(client_id, after=page.cursor)
    assert nothing_new.messages == ()


def test_a_cursor_of_another_life_of_the_log_is_a_gap(client: AnyClient, client_id: str) -> None:
    client.send(client_id, "kept")
    [page] = client.messages(client_id, after="zzz.1")
    assert page.gap is not None
    assert page.gap.reason == "epoch"
    assert [message.data for message in page.messages] == ["kept"]


def test_presence_follows_sockets(client: AnyClient, server: Server, client_id: str) -> None:
    assert client_id not in list(client.presence())
    assert not client.channel(client_id).connected
    token = client.create_channel(client_id).token
    with Page(server.url, token), Page(server.url, token):
        state = client.channel(client_id)
        assert state.connected
        assert len(state.sockets) == 2
        assert list(client.presence()).count(client_id) == 1


def test_a_message_for_now_only_is_not_stored(
    client: AnyClient, server: Server, client_id: str
) -> None:
    with Page(server.url, client.create_channel(client_id).token) as page:
        assert client.send(client_id, "now or never", ttl=0).id is None
        assert page.messages(1) == ["now or never"]
    assert kept(client, client_id) == []


def test_an_idempotency_key_stores_once(client: AnyClient, client_id: str) -> None:
    first = client.send(client_id, "paid", idempotency_key="order 7")
    again = client.send(client_id, "paid", idempotency_key="order 7")
    assert first.id == again.id
    with pytest.raises(downlink.IdempotencyConflict) as caught:
        client.send(client_id, "not paid", idempotency_key="order 7")
    assert caught.value.status == 422
    assert len(kept(client, client_id)) == 1


def test_a_closed_client_cannot_be_used(kind: str, server: Server) -> None:
    client = make_client(kind, server.url, server.api_key)
    client.create_channel("ada")
    client.close()
    with pytest.raises(RuntimeError):
        client.create_channel("ada")


def test_clients_close_with_their_block(server: Server) -> None:
    with downlink.Client(server.url, server.api_key) as client:
        client.create_channel("ada")
    with pytest.raises(RuntimeError):
        client.create_channel("ada")
