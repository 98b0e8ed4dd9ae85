"""What the verifier believes, and what it does not."""

from __future__ import annotations

import base64
import hmac
import json
from datetime import datetime, timezone
from email.message import Message
from typing import Any, Optional

import pytest

import downlink
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
