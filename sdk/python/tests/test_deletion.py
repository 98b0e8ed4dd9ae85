"""A deleted channel: its sockets end, its tokens are refused, and it begins anew."""

from __future__ import annotations

import time

import httpx
import pytest

import downlink
from support.clients import AnyClient
from support.page import Page
from support.server import TOKEN_KEY, Server

DELETED = 4410


def kept(client: AnyClient, client_id: str) -> list[downlink.models.Data]:
    return [message.data for page in client.messages(client_id) for message in page.messages]


def test_every_socket_ends_and_no_earlier_token_opens_another(
    client: AnyClient, server: Server, client_id: str
) -> None:
    used, unused = client.create_channel(client_id).token, client.create_channel(client_id).token
    with Page(server.url, used) as one, Page(server.url, used) as two:
        client.delete_channel(client_id)
        assert one.close_code() == two.close_code() == DELETED
    for token in (used, unused):
        with pytest.raises(AssertionError, match="not opened"):
            Page(server.url, token)


def test_a_signed_token_is_refused_by_the_second_of_its_making(
    client: AnyClient, server: Server, client_id: str
) -> None:
    before = downlink.sign_token(client_id, key=TOKEN_KEY)
    client.delete_channel(client_id)
    with pytest.raises(AssertionError, match="not opened"):
        Page(server.url, before)
    # Instead of waiting for the next second; the server bears clocks that differ by more.
    after = downlink.sign_token(client_id, key=TOKEN_KEY, now=time.time() + 1)
    with Page(server.url, after) as page:
        client.send(client_id, "after")
        assert page.messages(1) == ["after"]


def test_what_was_kept_is_gone_and_what_comes_is_kept(
    client: AnyClient, server: Server, client_id: str
) -> None:
    client.send(client_id, "before")
    client.delete_channel(client_id)
    assert kept(client, client_id) == []
    token = client.create_channel(client_id).token
    client.send(client_id, "after")
    with Page(server.url, token) as page:
        assert page.messages(1) == ["after"]
    assert kept(client, client_id) == ["after"]


def test_others_do_not_notice(client: AnyClient, server: Server, client_id: str) -> None:
    other = f"{client_id}-2"
    with Page(server.url, client.create_channel(other).token) as page:
        client.delete_channel(client_id)
        client.send(other, "still here")
        assert page.messages(1) == ["still here"]


@pytest.mark.parametrize("awkward", [".", "..", "a/b", "?#", "100%", "žluťoučký 🐎", "é" * 128])
def test_every_client_id_can_be_deleted_twice(client: AnyClient, awkward: str) -> None:
    client.send(awkward, "before")
    client.delete_channel(awkward)
    client.delete_channel(awkward)
    assert kept(client, awkward) == []


@pytest.mark.parametrize("bad", ["", "x" * 257, "\ud800"])
def test_what_is_no_client_id_is_refused(client: AnyClient, bad: str) -> None:
    with pytest.raises(downlink.InvalidClientId):
        client.delete_channel(bad)


def test_an_answer_with_a_body_is_not_downlink_s() -> None:
    page = httpx.MockTransport(lambda _: httpx.Response(200, json={"fine": True}))
    client = downlink.Client("http://downlink.test", "the-key-for-tests", transport=page)
    with pytest.raises(downlink.DownlinkError, match="unexpected_answer"):
        client.delete_channel("ada")
