"""What a token is made of, and that none can be made or altered by others.

For those of `create_channel` and of `sign_token` alike. The numbers are those of the acceptance
list of the old API.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
import string
import time
from collections.abc import Iterator
from typing import Callable

import httpx
import pytest

import downlink
from google.appengine.api import channel
from support.client_ids import DIFFICULT_CLIENT_IDS
from support.server import TOKEN_KEY, Server

pytestmark = pytest.mark.usefixtures("module_environment")

ALPHABET = string.ascii_uppercase + string.ascii_lowercase + string.digits + "-_"

LEAVE = {"close": True}

Make = Callable[[str], str]


@pytest.fixture(params=["create_channel", "sign_token"])
def make(request: pytest.FixtureRequest) -> Make:
    if request.param == "create_channel":
        return channel.create_channel
    return lambda client_id: downlink.sign_token(client_id, key=TOKEN_KEY)


@pytest.fixture(scope="module")
def browser(server: Server) -> Iterator[httpx.Client]:
    """Polls once for each token, over a kept connection."""
    with httpx.Client(base_url=server.url, headers={"Accept": "application/json"}) as made:
        yield made


def opens(browser: httpx.Client, token: str) -> bool:
    # `wait=0` is answered at once; the token is not escaped, as old pages had it.
    answer = browser.get(f"/v1/socket?wait=0&token={token}")
    if answer.status_code == httpx.codes.OK:
        # Or it would count as open for the seconds in which the next poll may come.
        left = browser.post(f"/v1/socket/{answer.json()['socket']}?token={token}", json=LEAVE)
        assert left.is_success, left.text
        return True
    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_token")
    return False


@pytest.mark.parametrize("client_id", DIFFICULT_CLIENT_IDS)
def test_item_15_a_token_can_be_put_anywhere(
    browser: httpx.Client, make: Make, client_id: str
) -> None:
    token = make(client_id)
    assert re.fullmatch(r"[A-Za-z0-9._-]+", token), (
        "safe in a query, and between quotes in a script"
    )
    assert opens(browser, token)
    assert json.loads(f'"{token}"') == token


def test_item_16_a_token_with_any_character_altered_is_refused(
    browser: httpx.Client, make: Make, client_id: str
) -> None:
    token = make(client_id)
    assert opens(browser, token)
    for place, character in enumerate(token):
        other = ALPHABET[(ALPHABET.find(character) + 1) % len(ALPHABET)]
        altered = token[:place] + other + token[place + 1 :]
        assert not opens(browser, altered), f"altered at {place} of {len(token)}"


def test_item_16_not_one_other_last_character_is_taken(
    browser: httpx.Client, make: Make, client_id: str
) -> None:
    # The last character holds bits that many decoders ignore.
    token = make(client_id)
    for other in ALPHABET.replace(token[-1], ""):
        assert not opens(browser, token[:-1] + other)
    for altered in (token[:-1], token + "A", token + "=", token + ".", "." + token):
        assert not opens(browser, altered)


def test_item_16_a_token_of_another_secret_is_refused(
    browser: httpx.Client, own_server: Server, client_id: str
) -> None:
    with downlink.Client(own_server.url, own_server.api_key) as elsewhere:
        assert opens(browser, elsewhere.create_channel(client_id).token), "the same secret"
    for key in (TOKEN_KEY + "x", TOKEN_KEY.upper(), client_id * 2, "k" * 32):
        assert not opens(browser, downlink.sign_token(client_id, key=key))
        assert not opens(browser, downlink.sign_token(client_id, key=key, key_id="another"))


def test_item_16_no_token_follows_from_the_client_id(browser: httpx.Client, client_id: str) -> None:
    now = int(time.time())
    claims = {"aud": "downlink", "sub": client_id, "iat": now, "exp": now + 3600, "jti": "x"}
    good = downlink.sign_token(client_id, key=TOKEN_KEY)
    header, body, signature = good.split(".")
    forged = [
        f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{encoded(claims)}.",
        f"{encoded({'alg': 'none', 'typ': 'JWT'})}.{encoded(claims)}.{signature}",
        f"{encoded({'alg': 'HS512', 'typ': 'JWT'})}.{body}.{signature}",
        f"{header}.{encoded(claims)}.{signature}",
        f"{header}.{body}.",
        f"{header}.{body}",
        client_id,
    ]
    for key in (b"", client_id.encode()):
        digest = hmac.new(key, f"{header}.{body}".encode(), "sha256").digest()
        forged.append(f"{header}.{body}.{base64.urlsafe_b64encode(digest).decode().rstrip('=')}")
    # So the old development server made them, with nothing secret in them.
    rest = f"channel-1234567890-{now + 7200}-{client_id}"
    forged.append(f"{hashlib.md5(rest.encode()).hexdigest()}-{rest}")  # noqa: S324 -- its very flaw
    for token in forged:
        assert not opens(browser, token)


def encoded(value: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")
