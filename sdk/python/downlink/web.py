"""Takes presence notices straight from WSGI and ASGI, where no framework reads the body.

Under a framework, `downlink.verify_notice` with its headers and its raw body is as short:
``verify_notice(request.headers, request.get_data())`` in Flask, ``request.body`` in Django and
WebOb, ``await request.body()`` in Starlette.
"""

from __future__ import annotations

import io
from collections.abc import Awaitable, Mapping, MutableMapping
from typing import Any, Callable, Optional

from downlink.errors import InvalidNotice
from downlink.models import Notice
from downlink.notices import Secret, verify_notice

NOTICE_BYTES_MAX = 16 * 1024
"""The longest client id, escaped in the worst way, takes a tenth of this."""

_CHUNK = 4096


def notice_from_wsgi(
    environ: MutableMapping[str, Any], secret: Secret = None, *, now: Optional[float] = None
) -> Notice:
    """Reads a WSGI request's body, at most 16 KiB of it, and returns the notice in it.

    The body is put back as ``wsgi.input``, so that a framework can still read the form. See
    `downlink.verify_notice` for what is raised; a longer body is ``unreadable``.
    """
    body = _wsgi_body(environ)
    environ["wsgi.input"] = io.BytesIO(body)
    headers = {
        name[len("HTTP_") :].replace("_", "-"): str(value)
        for name, value in environ.items()
        if name.startswith("HTTP_")
    }
    return verify_notice(headers, body, secret, now=now)


async def notice_from_asgi(
    scope: Mapping[str, Any],
    receive: Callable[[], Awaitable[Mapping[str, Any]]],
    secret: Secret = None,
    *,
    now: Optional[float] = None,
) -> Notice:
    """Reads an ASGI request's body, at most 16 KiB of it, and returns the notice in it.

    See `downlink.verify_notice` for what is raised; a longer body, and a sender that goes away
    before its end, are ``unreadable``.
    """
    body = b""
    more = True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            raise InvalidNotice("unreadable", "The request ended before its body.")
        body += event.get("body", b"")
        if len(body) > NOTICE_BYTES_MAX:
            raise _too_long()
        more = event.get("more_body", False)
    return verify_notice(scope["headers"], body, secret, now=now)


def _wsgi_body(environ: Mapping[str, Any]) -> bytes:
    if environ.get("wsgi.input_terminated"):
        # The server ends the stream itself, whatever the length says: a body in chunks.
        length = NOTICE_BYTES_MAX + 1
    else:
        stated = str(environ.get("CONTENT_LENGTH") or "0")
        if not (stated.isascii() and stated.isdigit()):
            raise InvalidNotice("unreadable", "The length of the body is no number.")
        # A number of so many digits is not worth converting.
        length = int(stated) if len(stated) < len("1000000000") else NOTICE_BYTES_MAX + 1
        if length > NOTICE_BYTES_MAX:
            raise _too_long()
    body = b""
    while len(body) < length:
        chunk = environ["wsgi.input"].read(min(_CHUNK, length - len(body)))
        if not chunk:
            break
        body += chunk
    if len(body) > NOTICE_BYTES_MAX:
        raise _too_long()
    return body


def _too_long() -> InvalidNotice:
    return InvalidNotice("unreadable", f"A notice has at most {NOTICE_BYTES_MAX} bytes.")
