"""The conformance cases that are the SDKs' to run, by both clients against the real server."""

from __future__ import annotations

from typing import Any

import pytest

import downlink
from support.clients import AnyClient, make_client
from support.conformance import data_of, read_cases
from support.page import Page
from support.server import Server

# A mistake that only raw HTTP can make has no `call`.
MISTAKES = {name: case for name, case in read_cases("errors").items() if "call" in case}
SENDS = read_cases("sends")


def make_call(client: AnyClient, name: str, given: dict[str, Any]) -> object:
    """Makes one call to its end, as a conformance case words it."""
    if name == "create_channel":
        return client.create_channel(**given)
    if name == "send":
        return client.send(given["to"], data_of(given))
    if name == "messages":
        return list(client.messages(**given))
    if name == "delete_channel":
        return client.delete_channel(**given)
    if name == "presence":
        return list(client.presence(**given))
    raise AssertionError(f"the cases know a call {name!r} that this test does not")


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_raises_its_code(kind: str, server: Server, name: str) -> None:
    case = MISTAKES[name]
    key = {"good": server.api_key, "wrong": "not-the-key"}[case["request"]["key"]]
    client = make_client(kind, server.url, key)
    [(call, given)] = case["call"].items()
    with pytest.raises(downlink.DownlinkError) as caught:
        make_call(client, call, given)
    client.close()
    assert (caught.value.code, caught.value.status) == (case["code"], case["status"])
    assert caught.value.detail


@pytest.mark.parametrize("name", SENDS)
def test_what_is_sent_arrives_unchanged(client: AnyClient, server: Server, name: str) -> None:
    to, data = SENDS[name]["to"], data_of(SENDS[name])
    channel = client.create_channel(to)
    assert channel.client_id == to
    with Page(server.url, channel.token) as page:
        sent = client.send(to, data)
        [in_a_batch] = client.send_many([downlink.Item(to, data)])
        assert page.messages(2) == [data, data]
    assert isinstance(in_a_batch, downlink.Sent)
    kept = [one for each in client.messages(to, after=channel.cursor) for one in each.messages]
    assert [(one.id, one.data) for one in kept] == [(sent.id, data), (in_a_batch.id, data)]
