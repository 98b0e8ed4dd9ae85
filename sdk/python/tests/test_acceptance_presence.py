"""Real notices of the real server: read by the frameworks of then and now, and told from forged.

The numbers are those of the acceptance list of the old API.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import flask
import pytest
import webapp2

import downlink
from support.client_ids import DIFFICULT_CLIENT_IDS
from support.page import Page
from support.receiver import SECRET, Post, Receiver, WSGIApplication
from support.server import Server

CONNECTED, DISCONNECTED = "/_ah/channel/connected/", "/_ah/channel/disconnected/"

Notices = dict[tuple[str, bool], Post]


@pytest.fixture(scope="module")
def notices(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Notices]:
    """What the server posted as each client came and went."""
    with Receiver() as receiver:
        settings = {"DOWNLINK_PRESENCE_URL": receiver.url, "DOWNLINK_PRESENCE_SECRET": SECRET}
        server = Server(tmp_path_factory.mktemp("presence") / "data", settings=settings)
        server.start()
        try:
            yield come_and_go(server, receiver)
        finally:
            server.stop()


def come_and_go(server: Server, receiver: Receiver) -> Notices:
    """Every client comes, and all are there before the first one goes."""
    received: Notices = {}
    with downlink.Client(server.url, server.api_key) as client:
        pages = []
        for client_id in DIFFICULT_CLIENT_IDS:
            pages.append(Page(server.url, client.create_channel(client_id).token))
            received[client_id, True] = receiver.next()
        for client_id, page in zip(DIFFICULT_CLIENT_IDS, pages):
            page.leave()
            received[client_id, False] = receiver.next()
    return received


def flask_application() -> WSGIApplication:
    app = flask.Flask("application")

    @app.post("/_ah/channel/<state>/")
    def presence(state: str) -> flask.Response:
        return flask.Response(f"{state} {flask.request.form['from']}")

    return app


class Presence(webapp2.RequestHandler):  # type: ignore[misc]
    def post(self, state: str) -> None:
        self.response.write(f"{state} {self.request.get('from')}")


APPLICATIONS = {
    "flask": flask_application(),
    "webapp2": webapp2.WSGIApplication([(r"/_ah/channel/(\w+)/", Presence)]),
}


@pytest.mark.parametrize("connected", [True, False])
@pytest.mark.parametrize("client_id", DIFFICULT_CLIENT_IDS)
@pytest.mark.parametrize("framework", APPLICATIONS)
def test_item_51_from_is_the_client_id(
    notices: Notices, framework: str, client_id: str, connected: bool
) -> None:
    post = notices[client_id, connected]
    state = "connected" if connected else "disconnected"
    status, text = post.answer_of(APPLICATIONS[framework])
    assert status == "200 OK"
    assert text == f"{state} {client_id}"


@pytest.mark.parametrize("client_id", DIFFICULT_CLIENT_IDS)
def test_item_4_presence_bears_the_client_id(notices: Notices, client_id: str) -> None:
    came, went = notices[client_id, True], notices[client_id, False]
    assert (came.path, went.path) == (CONNECTED, DISCONNECTED)
    first, second = came.notice(), went.notice()
    assert (first.client_id, first.connected) == (client_id, True)
    assert (second.client_id, second.connected) == (client_id, False)
    assert first.generation < second.generation
    assert first.id != second.id


@pytest.fixture
def post(notices: Notices) -> Post:
    return notices["CAPITALS", True]


def refusal(headers: Any, body: bytes, **given: Any) -> str:
    with pytest.raises(downlink.InvalidNotice) as caught:
        downlink.verify_notice(headers, body, given.pop("secret", SECRET), **given)
    return caught.value.code


def test_item_54_an_altered_body_is_refused(post: Post) -> None:
    altered = post.body.replace(b"CAPITALS", b"capitals")
    assert altered != post.body
    assert refusal(post.headers, altered) == "wrong_signature"
    for place in range(len(post.body)):
        altered = post.body[:place] + bytes([post.body[place] ^ 1]) + post.body[place + 1 :]
        assert refusal(post.headers, altered) == "wrong_signature"
    assert refusal(post.headers, post.body[:-1]) == "wrong_signature"
    assert refusal(post.headers, post.body + b"\n") == "wrong_signature"


def test_item_54_a_wrong_signature_is_refused(post: Post, notices: Notices) -> None:
    other = "whsec_YW5vdGhlci1zZWNyZXQtb2YtdGhpcnR5LXR3by1ieXQ="
    assert refusal(post.headers, post.body, secret=other) == "wrong_signature"
    of_another = notices["tab\there", True].headers["webhook-signature"]
    for signature in (of_another, "", "v1,", "v1,AAAA", of_another.replace("v1,", "v2,")):
        headers = {**post.headers, "webhook-signature": signature}
        assert refusal(headers, post.body) == "wrong_signature"
    renamed = {**post.headers, "webhook-id": "another"}
    assert refusal(renamed, post.body) == "wrong_signature"


def test_item_54_an_old_timestamp_is_refused(post: Post) -> None:
    sent_at = int(post.headers["webhook-timestamp"])
    assert downlink.verify_notice(post.headers, post.body, SECRET, now=sent_at + 300)
    for now in (sent_at + 301, sent_at - 301, sent_at + 86_400):
        assert refusal(post.headers, post.body, now=now) == "bad_timestamp"
    # Made to look new, it is not what was signed.
    renewed = {**post.headers, "webhook-timestamp": str(sent_at + 400)}
    assert refusal(renewed, post.body, now=sent_at + 400) == "wrong_signature"


def test_item_54_what_anybody_can_post_is_refused(post: Post) -> None:
    assert refusal({"content-type": "multipart/form-data"}, post.body) == "missing_header"
    for missing in post.headers:
        rest = {name: value for name, value in post.headers.items() if name != missing}
        assert refusal(rest, post.body) == "missing_header"


NEW_SECRET = "whsec_dGhlLW5leHQtc2VjcmV0LW9mLXRoZS1weXRob24tdGVzdHM="


def test_item_54_holds_for_the_standard_format_and_while_secrets_change(tmp_path: Path) -> None:
    with Receiver() as receiver:
        settings = {
            "DOWNLINK_PRESENCE_URL": f"{receiver.url}/presence",
            "DOWNLINK_PRESENCE_FORMAT": "standard",
            "DOWNLINK_PRESENCE_SECRET": f"{NEW_SECRET},{SECRET}",
        }
        server = Server(tmp_path / "data", settings=settings)
        server.start()
        try:
            with downlink.Client(server.url, server.api_key) as client:
                token = client.create_channel("žluťoučký 🐎").token
            with Page(server.url, token):
                post = receiver.next()
        finally:
            server.stop()
    assert post.path == "/presence"
    for secret in (SECRET, NEW_SECRET, f"{NEW_SECRET},{SECRET}"):
        notice = downlink.verify_notice(post.headers, post.body, secret)
        assert (notice.client_id, notice.connected) == ("žluťoučký 🐎", True)
    assert refusal(post.headers, post.body.replace(b"connected", b"disconnected")) == (
        "wrong_signature"
    )
