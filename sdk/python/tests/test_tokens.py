"""Tokens that the application signs itself."""

from __future__ import annotations

import base64
import hmac
import json
import time
from typing import Any

import pytest

import downlink
from support.clients import AnyClient
from support.conformance import read_cases
from support.page import Page
from support.server import TOKEN_KEY, Server

CASES = read_cases("tokens")
SIGNED = {name: case for name, case in CASES.items() if "token" in case}
REFUSED = {name: case for name, case in CASES.items() if "refused" in case}


def sign(case: dict[str, Any]) -> str:
    names = ("key", "key_id", "duration_minutes", "now")
    return downlink.sign_token(case["client_id"], **{n: case[n] for n in names if n in case})


def parts(token: str, key: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Header and claims of a token whose signature is right."""
    content, _, signature = token.rpartition(".")
    digest = hmac.new(key.encode(), content.encode(), "sha256").digest()
    assert base64.urlsafe_b64encode(digest).decode().rstrip("=") == signature
    header, claims = (base64.urlsafe_b64decode(part + "==") for part in content.split("."))
    return json.loads(header), json.loads(claims)


@pytest.mark.parametrize("name", SIGNED)
def test_a_token_says_what_it_should(name: str) -> None:
    case = SIGNED[name]
    header, claims = parts(sign(case), case["key"])
    assert (header, claims.keys()) == (case["header"], case["claims"].keys())
    assert {**claims, "jti": case["jti"]} == case["claims"]
    assert parts(case["token"], case["key"]) == (case["header"], case["claims"])


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_signed_is_refused(name: str) -> None:
    case = REFUSED[name]
    with pytest.raises(downlink.DownlinkError) as caught:
        sign(case)
    assert caught.value.code == case["refused"]
    assert case["key"] not in repr(caught.value)


@pytest.mark.parametrize("duration", [1.5, 120.0, "60", True, float("nan")])
def test_only_whole_numbers_are_durations(duration: Any) -> None:
    with pytest.raises(downlink.InvalidDuration):
        downlink.sign_token("ada", duration, key=TOKEN_KEY)


@pytest.mark.parametrize("client_id", [None, 7, b"ada", "\ud800"])
def test_only_text_is_a_client_id(client_id: Any) -> None:
    with pytest.raises(downlink.InvalidClientId):
        downlink.sign_token(client_id, key=TOKEN_KEY)


def test_two_tokens_are_never_the_same() -> None:
    tokens = {downlink.sign_token("ada", key=TOKEN_KEY, now=7) for _ in range(100)}
    assert len(tokens) == 100


def test_the_key_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOWNLINK_TOKEN_KEY", TOKEN_KEY)
    parts(downlink.sign_token("ada"), TOKEN_KEY)
    monkeypatch.delenv("DOWNLINK_TOKEN_KEY")
    with pytest.raises(downlink.DownlinkError, match="invalid_key"):
        downlink.sign_token("ada")


def test_a_signed_token_opens_a_channel(client: AnyClient, server: Server, client_id: str) -> None:
    token = downlink.sign_token(client_id, 1, key=TOKEN_KEY)
    with Page(server.url, token) as page:
        client.send(client_id, "hello")
        client.send(token, "by token")
        assert page.messages(2) == ["hello", "by token"]


def test_a_signed_token_misses_nothing_that_was_sent_since(
    client: AnyClient, server: Server, client_id: str
) -> None:
    token = downlink.sign_token(client_id, key=TOKEN_KEY)
    client.send(client_id, "before the page opened")
    with Page(server.url, token) as page:
        assert page.messages(1) == ["before the page opened"]


@pytest.mark.parametrize("age_minutes", [2, 200])
def test_a_signed_token_ends(server: Server, client_id: str, age_minutes: int) -> None:
    past = time.time() - 60 * age_minutes
    with pytest.raises(AssertionError, match="not opened: 401"):
        Page(server.url, downlink.sign_token(client_id, 1, key=TOKEN_KEY, now=past))
