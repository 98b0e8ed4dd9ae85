"""Tokens and keys stay out of everything that ends up in a log."""

from __future__ import annotations

import logging
import traceback

import pytest

import downlink
from downlink import _requests
from support.clients import AnyClient
from support.relay import Fault, Relay
from support.server import Server


def test_values_do_not_show_the_token(client: AnyClient, client_id: str) -> None:
    channel = client.create_channel(client_id)
    item = downlink.Item(channel.token, "private words")
    shown = [
        repr(channel),
        repr(item),
        repr(downlink.Item([channel.token], "x")),
        repr(downlink.FailedTarget(channel.token, "any")),
        repr(_requests.send(channel.token, "private words", None, "key")),
    ]
    for text in shown:
        assert channel.token not in text
        assert "private words" not in text
    assert client_id in repr(channel)


def test_a_client_does_not_show_its_key(server: Server) -> None:
    with downlink.Client(server.url, server.api_key) as client:
        assert server.api_key not in repr(client)
        assert server.api_key not in repr(vars(client))


def test_logs_do_not_show_token_or_key(
    client: AnyClient, server: Server, client_id: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = client.create_channel(client_id).token
    client.send(token, "hello")
    assert "/v1/messages?[redacted]" in caplog.text, "httpx logs the request"
    assert token not in caplog.text
    assert server.api_key not in caplog.text


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("faults", [[Fault.CUT] * 3, [Fault.UNAVAILABLE] * 3])
def test_failures_do_not_show_token_or_key(
    server: Server, client_id: str, faults: list[Fault]
) -> None:
    with Relay(server.url, faults) as relay, downlink.Client(relay.url, server.api_key) as client:
        with downlink.Client(server.url, server.api_key) as direct:
            token = direct.create_channel(client_id).token
        private = "private " + "words"  # Or a traceback would show it as source.
        with pytest.raises(downlink.Unavailable) as caught:
            client.send(token, private)
    error = caught.value
    told = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    for secret in (token, server.api_key, private):
        assert secret not in told
        assert secret not in repr(error)
