"""Listens to a channel as a page does, over streamed lines."""

from __future__ import annotations

import base64
import contextlib
import json
import queue
import socket
import threading
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Optional, Union

import httpx

_PATIENCE_SECONDS = 10


class Page:
    """An open socket; what arrives is kept until asked for."""

    def __init__(self, url: str, token: str, after: Optional[str] = None) -> None:
        self.opened: dict[str, Any] = {}
        self._frames: queue.Queue[Optional[dict[str, Any]]] = queue.Queue()
        # Loading the certificates takes longer than all the rest, and nothing here is encrypted.
        plain = httpx.HTTPTransport(verify=False)
        self._client = httpx.Client(transport=plain, timeout=httpx.Timeout(5, read=60))
        self._closing = threading.Event()
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"}
        query = {} if after is None else {"after": after}
        request = self._client.build_request(
            "GET",
            f"{url}/v1/socket",
            params=query,
            headers={**self._headers, "Accept": "application/x-ndjson"},
        )
        self._response = self._client.send(request, stream=True)
        if self._response.status_code != httpx.codes.OK:
            self._response.read()
            raise AssertionError(f"not opened: {self._response.status_code}")
        threading.Thread(target=self._read, daemon=True).start()
        self.opened = self._next() or {}
        assert self.opened.get("type") == "open", "the first frame is the open frame"

    def messages(self, count: int) -> list[Union[str, bytes]]:
        """The next `count` messages."""
        return [self._next_message() for _ in range(count)]

    def hears_nothing_before(self, sentinel: str) -> bool:
        """Whether `sentinel`, sent just now, is the next message."""
        return self._next_message() == sentinel

    def close_code(self) -> int:
        """The code with which the server ends the socket, whatever comes before."""
        while True:
            frame = self._next()
            assert frame is not None, "the socket ended without a word"
            if frame.get("type") == "close":
                return int(frame["code"])

    def leave(self) -> None:
        """Says that it goes, as a page does that closes its channel."""
        self._closing.set()
        # Apart from the client that reads: it closes itself at the end of what it reads.
        with httpx.Client(transport=httpx.HTTPTransport(verify=False)) as apart:
            address = f"{self._url}/v1/socket/{self.opened['socket']}"
            answer = apart.post(address, headers=self._headers, json={"close": True})
        assert answer.is_success, answer.text
        self.close()

    def close(self) -> None:
        """Goes away."""
        self._closing.set()
        # The reading thread holds the response; closing the socket under it wakes it up.
        stream = self._response.extensions["network_stream"]
        with contextlib.suppress(OSError):  # The server may have ended it before.
            stream.get_extra_info("socket").shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> Page:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self.close()

    def _next_message(self) -> Union[str, bytes]:
        while True:
            frame = self._next()
            assert frame is not None, "the socket ended"
            if "data" in frame:
                return str(frame["data"])
            if "base64" in frame:
                return base64.b64decode(frame["base64"])
            assert frame.get("type") in ("ping", "open"), f"unexpected frame {frame}"

    def _next(self) -> Optional[dict[str, Any]]:
        return self._frames.get(timeout=_PATIENCE_SECONDS)

    def _read(self) -> None:
        try:
            for line in self._lines():
                self._frames.put(json.loads(line))
        except httpx.HTTPError:
            if not self._closing.is_set():
                raise
        finally:
            self._frames.put(None)
            self._client.close()

    def _lines(self) -> Iterator[bytes]:
        # Only a line feed ends a line here; `iter_lines` of httpx also stops at U+2028 and others.
        rest = b""
        for chunk in self._response.iter_bytes():
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
