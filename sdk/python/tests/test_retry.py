"""What the clients do when the network or the server fails: nothing lost, nothing twice."""

from __future__ import annotations

import pytest

import downlink
from support.clients import make_client
from support.relay import QUICK, Fault, Relay
from support.server import Server

pytestmark = pytest.mark.usefixtures("short_waits")


def kept(server: Server, client_id: str) -> list[downlink.models.Data]:
    with downlink.Client(server.url, server.api_key) as client:
        pages = list(client.messages(client_id))
        return [message.data for page in pages for message in page.messages]


@pytest.mark.parametrize("fault", QUICK)
def test_a_send_that_fails_twice_is_stored_once(
    kind: str, server: Server, client_id: str, fault: Fault
) -> None:
    with Relay(server.url, [fault, fault]) as relay:
        client = make_client(kind, relay.url, server.api_key)
        sent = client.send(client_id, "once")
        client.close()
        assert relay.connections == 3
    assert sent.id is not None
    assert kept(server, client_id) == ["once"]


def test_a_batch_whose_answer_was_lost_is_stored_once(
    kind: str, server: Server, client_id: str
) -> None:
    with Relay(server.url, [Fault.ANSWER_LOST]) as relay:
        client = make_client(kind, relay.url, server.api_key)
        results = client.send_many([downlink.Item(client_id, str(n)) for n in range(3)])
        client.close()
    assert all(isinstance(result, downlink.Sent) for result in results)
    assert kept(server, client_id) == ["0", "1", "2"]


@pytest.mark.parametrize("fault", QUICK)
def test_channels_and_reads_are_tried_again_too(
    kind: str, server: Server, client_id: str, fault: Fault
) -> None:
    with Relay(server.url, [fault]) as relay:
        client = make_client(kind, relay.url, server.api_key)
        assert client.create_channel(client_id).token
        client.close()
    with Relay(server.url, [fault]) as relay:
        client = make_client(kind, relay.url, server.api_key)
        assert not client.channel(client_id).connected
        client.close()


def test_after_three_tries_the_failure_is_told(kind: str, server: Server, client_id: str) -> None:
    with Relay(server.url, [Fault.CUT] * 3) as relay:
        client = make_client(kind, relay.url, server.api_key)
        with pytest.raises(downlink.Unavailable) as caught:
            client.send(client_id, "lost")
        client.close()
        assert relay.connections == 3
    assert (caught.value.code, caught.value.status) == ("connection_failed", None)
    with Relay(server.url, [Fault.UNAVAILABLE] * 3) as relay:
        client = make_client(kind, relay.url, server.api_key)
        with pytest.raises(downlink.Unavailable) as caught:
            client.send(client_id, "lost")
        client.close()
    assert caught.value.status == 503
    assert kept(server, client_id) == []


@pytest.mark.parametrize("fault", QUICK)
def test_a_send_that_is_not_stored_is_not_tried_again_once_it_may_have_arrived(
    kind: str, server: Server, client_id: str, fault: Fault
) -> None:
    with Relay(server.url, [fault]) as relay:
        client = make_client(kind, relay.url, server.api_key)
        with pytest.raises(downlink.Unavailable):
            client.send(client_id, "now", ttl=0)
        relay.faults.append(fault)
        with pytest.raises(downlink.Unavailable):
            client.send_many([downlink.Item(client_id, "now", ttl=0)])
        client.close()
        assert relay.connections == 2


def test_a_server_that_never_answers_is_given_up(kind: str, server: Server) -> None:
    with Relay(server.url, [Fault.SILENT] * 3) as relay:
        client = make_client(kind, relay.url, server.api_key, timeout=0.2)
        with pytest.raises(downlink.Unavailable) as caught:
            client.create_channel("ada")
        client.close()
        assert relay.connections == 3
    assert "ReadTimeout" in str(caught.value)
