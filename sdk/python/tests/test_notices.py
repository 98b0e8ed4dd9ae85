"""What the verifier believes, and what it does not."""

from __future__ import annotations

import base64
import hmac
import io
import json
from collections.abc import Awaitable, Iterator, Mapping
from datetime import datetime, timezone
from email.message import Message
from typing import Any, Callable, Optional

import pytest

import downlink
from downlink.web import NOTICE_BYTES_MAX
from support.conformance import read_cases
from support.notices import sign

CASES = read_cases("notices")
BELIEVED = {name: case for name, case in CASES.items() if "notice" in case}
REFUSED = {name: case for name, case in CASES.items() if "refused" in case}
GOOD = CASES["form: connected"]

SECRET = "whsec_" + base64.b64encode(b"k" * 32).decode()
NOW = 1_700_000_000
NOT_ASCII = str(NOW).translate({digit: digit - 0x30 + 0x660 for digit in range(0x30, 0x3A)})


def signed(body: bytes, **changed: str) -> dict[str, str]:
    """Headers with which `body` is believed, but for what is changed."""
    return {**sign(body, SECRET, NOW), **changed}


def notice_json(**changed: Any) -> bytes:
    data = {"client_id": "ada", "generation": 7, **changed}
    return json.dumps({"type": "channel.connected", "data": data}).encode()


def form(*parts: tuple[str, str], boundary: str = "b") -> bytes:
    text = "".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'
        for name, value in parts
    )
    return f"{text}--{boundary}--\r\n".encode()


PARTS = (("from", "ada"), ("state", "connected"), ("generation", "7"))


def verify(body: bytes, headers: Optional[dict[str, str]] = None) -> downlink.Notice:
    return downlink.verify_notice(headers or signed(body), body, SECRET, now=NOW)


def refusal(body: bytes, headers: Optional[dict[str, str]] = None) -> str:
    with pytest.raises(downlink.InvalidNotice) as caught:
        verify(body, headers)
    assert caught.value.detail
    return caught.value.code


@pytest.mark.parametrize("name", BELIEVED)
def test_a_notice_is_read(name: str) -> None:
    case = BELIEVED[name]
    notice = downlink.verify_notice(
        case["headers"], case["body"].encode(), case["secrets"], now=case["now"]
    )
    expected = dict(case["notice"])
    sent_at = datetime.fromtimestamp(expected.pop("time"), timezone.utc)
    assert notice == downlink.Notice(time=sent_at, **expected)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_notice_is_refused(name: str) -> None:
    case = REFUSED[name]
    with pytest.raises(downlink.InvalidNotice) as caught:
        downlink.verify_notice(
            case["headers"], case["body"].encode(), case["secrets"], now=case["now"]
        )
    assert caught.value.code == case["refused"]
    assert caught.value.detail
    for secret in case["secrets"]:
        assert secret not in repr(caught.value)


def test_headers_come_in_many_shapes() -> None:
    body = notice_json()
    plain = signed(body)
    message = Message()
    for name, value in plain.items():
        message[name.title()] = value
    shapes: list[Any] = [
        {name.upper(): value for name, value in plain.items()},
        list(plain.items()),
        [(name.encode(), value.encode()) for name, value in plain.items()],
        iter(plain.items()),
        message,
    ]
    for headers in shapes:
        assert downlink.verify_notice(headers, body, SECRET, now=NOW).client_id == "ada"


def test_the_first_of_two_headers_counts() -> None:
    body = notice_json()
    twice = [*signed(body).items(), ("Webhook-Signature", "v1,no")]
    assert downlink.verify_notice(twice, body, SECRET, now=NOW).connected


def test_one_good_signature_is_enough_wherever_it_stands() -> None:
    body = notice_json()
    good = signed(body)["webhook-signature"]
    other = "whsec_" + base64.b64encode(b"o" * 32).decode()
    for signatures in (f"{good} v1,AAAA", f"v1,AAAA {good}", f"v1a,AAAA {good} v2,AAAA"):
        headers = signed(body, **{"webhook-signature": signatures})
        for secrets in ([SECRET, other], [other, SECRET], f"{other},{SECRET}"):
            assert downlink.verify_notice(headers, body, secrets, now=NOW).connected


def test_the_secret_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    body = notice_json()
    other = "whsec_" + base64.b64encode(b"o" * 32).decode()
    monkeypatch.setenv("DOWNLINK_PRESENCE_SECRET", f"{other} , {SECRET}")
    assert downlink.verify_notice(signed(body), body, now=NOW).client_id == "ada"
    monkeypatch.setenv("DOWNLINK_PRESENCE_SECRET", other)
    with pytest.raises(downlink.InvalidNotice, match="wrong_signature"):
        downlink.verify_notice(signed(body), body, now=NOW)


@pytest.mark.parametrize("secret", ["", " , ", "secret", "whsec_", "whsec_c2hvcnQ=", "whsec_é"])
def test_without_a_usable_secret_nothing_is_believed(
    secret: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DOWNLINK_PRESENCE_SECRET", raising=False)
    for given in (secret, [secret], None):
        with pytest.raises(downlink.DownlinkError, match="invalid_secret") as caught:
            downlink.verify_notice(signed(b"{}"), b"{}", given, now=NOW)
        assert not isinstance(caught.value, downlink.InvalidNotice), "it is not the sender's fault"
        assert "c2hvcnQ" not in str(caught.value)


def test_an_empty_key_is_not_believed() -> None:
    # Whoever knows that nothing is set must not be able to sign with nothing.
    body = notice_json()
    digest = hmac.new(b"", f"notice_1.{NOW}.".encode() + body, "sha256").digest()
    headers = signed(body, **{"webhook-signature": "v1," + base64.b64encode(digest).decode()})
    assert refusal(body, headers) == "wrong_signature"


def test_the_clock_is_that_of_the_machine_unless_given() -> None:
    with pytest.raises(downlink.InvalidNotice, match="bad_timestamp"):
        downlink.verify_notice(signed(notice_json()), notice_json(), SECRET)


@pytest.mark.parametrize("timestamp", ["9" * 5000, NOT_ASCII, "+1700000000", "1700000000 "])
def test_only_plain_seconds_are_a_timestamp(timestamp: str) -> None:
    headers = signed(notice_json(), **{"webhook-timestamp": timestamp})
    assert refusal(notice_json(), headers) == "bad_timestamp"


@pytest.mark.parametrize("signature", ["v1,é", "v1,\ud800", ",", " ", "v1, v1,"])
def test_odd_signatures_are_wrong_ones(signature: str) -> None:
    headers = signed(notice_json(), **{"webhook-signature": signature})
    assert refusal(notice_json(), headers) == "wrong_signature"


@pytest.mark.parametrize(
    "body",
    [
        notice_json(client_id=""),
        notice_json(client_id="x" * 257),
        notice_json(client_id="é" * 129),
        notice_json(client_id="\ud800"),
        notice_json(client_id=7),
        notice_json(generation=-1),
        notice_json(generation=True),
        notice_json(generation="7"),
        notice_json(generation=7.0),
        notice_json(generation=2**53),
        b'{"type":"channel.connected","data":[]}',
        b'{"type":["channel.connected"],"data":{"client_id":"ada","generation":7}}',
        b'{"type":"channel.connected","data":{"client_id":"\xff","generation":7}}',
        b'{"a":' * 5_000,
        b"[]",
        b"null",
        form(*PARTS[:2]),
        form(*PARTS[1:]),
        form(*PARTS, ("from", "bob")),
        form(("from", ""), *PARTS[1:]),
        form(("from", "x" * 257), *PARTS[1:]),
        form(*PARTS[:1], ("state", "CONNECTED"), *PARTS[2:]),
        form(*PARTS[:2], ("generation", "-1")),
        form(*PARTS[:2], ("generation", "\u0667")),
        form(*PARTS[:2], ("generation", "9" * 16)),
        form(*PARTS).replace(b"ada", b"\xff"),
        form(*PARTS).replace(b"--b--", b"--b"),
        form(*PARTS).replace(b"\r\n", b"\n"),
        form(*PARTS).replace(b"; name=", b"; filename="),
        form(*PARTS).replace(b"--b", b"b"),
        b"--\r\n",
        b"--b",
        b"--b\r\n",
    ],
)
def test_what_is_signed_and_no_notice_is_unreadable(body: bytes) -> None:
    assert refusal(body) == "unreadable"


def test_fields_and_headers_that_came_later_do_no_harm() -> None:
    body = form(("to", "the-app"), *PARTS, ("note", "--c")).replace(
        b"\r\nContent-Disposition", b"\r\ncontent-type: text/plain\r\nCONTENT-DISPOSITION"
    )
    # A header before the name is more than Downlink writes, so it is not read.
    assert refusal(body) == "unreadable"
    assert verify(form(("to", "the-app"), *PARTS, ("note", "--c"))).client_id == "ada"


def test_the_body_is_bytes() -> None:
    text: Any = notice_json().decode()
    buffer: Any = bytearray(notice_json())
    assert verify(buffer, signed(notice_json())).connected
    with pytest.raises(TypeError):
        downlink.verify_notice(signed(b""), text, SECRET, now=NOW)


# --- WSGI ---


def wsgi_environ(body: bytes, **changed: Any) -> dict[str, Any]:
    headers = {f"HTTP_{k.upper().replace('-', '_')}": v for k, v in signed(body).items()}
    environ = {"CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
    return {"REQUEST_METHOD": "POST", **headers, **environ, **changed}


def test_wsgi_leaves_the_body_for_the_framework() -> None:
    body = form(*PARTS)
    environ = wsgi_environ(body)
    assert downlink.notice_from_wsgi(environ, SECRET, now=NOW).client_id == "ada"
    assert environ["wsgi.input"].read() == body


class Dripping(io.BytesIO):
    """Gives a byte at a time, as a slow connection may."""

    def read(self, size: Optional[int] = -1) -> bytes:
        return super().read(min(1, -1 if size is None else size))


def test_wsgi_reads_to_the_end_and_no_further() -> None:
    body = notice_json()
    dripping = wsgi_environ(body, **{"wsgi.input": Dripping(body + b"the next request")})
    assert downlink.notice_from_wsgi(dripping, SECRET, now=NOW).connected
    chunked = wsgi_environ(body, CONTENT_LENGTH="", **{"wsgi.input_terminated": True})
    assert downlink.notice_from_wsgi(chunked, SECRET, now=NOW).connected


@pytest.mark.parametrize("length", [str(NOTICE_BYTES_MAX + 1), "9" * 5000, "-1", "1e3", "\u0663"])
def test_wsgi_refuses_a_long_body_unread(length: str) -> None:
    class Unread(io.BytesIO):
        def read(self, _: Optional[int] = -1) -> bytes:
            raise AssertionError

    environ = wsgi_environ(b"", CONTENT_LENGTH=length, **{"wsgi.input": Unread()})
    with pytest.raises(downlink.InvalidNotice, match="unreadable"):
        downlink.notice_from_wsgi(environ, SECRET, now=NOW)


def test_wsgi_stops_reading_an_endless_body() -> None:
    endless = io.BytesIO(b"x" * 10 * NOTICE_BYTES_MAX)
    environ = wsgi_environ(b"", **{"wsgi.input": endless, "wsgi.input_terminated": True})
    with pytest.raises(downlink.InvalidNotice, match="unreadable"):
        downlink.notice_from_wsgi(environ, SECRET, now=NOW)
    assert endless.tell() == NOTICE_BYTES_MAX + 1


# --- ASGI ---

Event = Mapping[str, Any]


def asgi_request(*events: Event) -> Callable[[], Awaitable[Event]]:
    left: Iterator[Event] = iter(events)

    async def receive() -> Event:
        return next(left)

    return receive


def run(awaitable: Awaitable[downlink.Notice]) -> downlink.Notice:
    """Runs what never really waits."""
    steps = awaitable.__await__()
    with pytest.raises(StopIteration) as end:
        next(steps)
    notice: downlink.Notice = end.value.value
    return notice


def asgi_scope(body: bytes) -> Event:
    return {"type": "http", "headers": [(k.encode(), v.encode()) for k, v in signed(body).items()]}


def test_asgi_puts_the_body_together() -> None:
    body = form(*PARTS)
    receive = asgi_request(
        {"type": "http.request", "body": body[:10], "more_body": True},
        {"type": "http.request", "more_body": True},
        {"type": "http.request", "body": body[10:]},
    )
    notice = run(downlink.notice_from_asgi(asgi_scope(body), receive, SECRET, now=NOW))
    assert notice.client_id == "ada"


@pytest.mark.parametrize(
    "end",
    [
        {"type": "http.disconnect"},
        {"type": "http.request", "body": b"x" * NOTICE_BYTES_MAX, "more_body": True},
    ],
)
def test_asgi_refuses_half_a_body_and_a_long_one(end: Event) -> None:
    body = notice_json()
    receive = asgi_request({"type": "http.request", "body": body, "more_body": True}, end)
    notice = downlink.notice_from_asgi(asgi_scope(body), receive, SECRET, now=NOW)
    with pytest.raises(downlink.InvalidNotice, match="unreadable"):
        notice.__await__().send(None)
