"""Takes presence notices as an application does, and keeps them as they came."""

from __future__ import annotations

import io
import queue
import threading
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Callable, Optional
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import downlink

# `wsgiref.types` has it from Python 3.11 on.
WSGIApplication = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]

SECRET = "whsec_cHJlc2VuY2Utc2VjcmV0LW9mLXRoZS1weXRob24tdGVzdHM="

# The grace before a client counts as gone is 5 s, and a busy machine takes its time.
_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Post:
    """One request as it came."""

    environ: dict[str, Any]
    body: bytes

    @property
    def path(self) -> str:
        """Where it went."""
        return str(self.environ["PATH_INFO"])

    @property
    def headers(self) -> dict[str, str]:
        """Those that matter to the verifier."""
        names = ("webhook-id", "webhook-timestamp", "webhook-signature")
        return {name: self.environ["HTTP_" + name.upper().replace("-", "_")] for name in names}

    def notice(self) -> downlink.Notice:
        """What the verifier makes of it."""
        return downlink.notice_from_wsgi(self.again(), SECRET)

    def again(self) -> dict[str, Any]:
        """The request anew, for an application to read."""
        return {**self.environ, "wsgi.input": io.BytesIO(self.body)}

    def answer_of(self, app: WSGIApplication) -> tuple[str, str]:
        """Status line and text with which an application answers this very request."""
        status: list[str] = []

        def start_response(line: str, *_: object) -> Callable[[bytes], object]:
            status.append(line)
            return lambda _: None

        text = b"".join(app(self.again(), start_response)).decode()
        return status[0], text


class Receiver:
    """An application that says yes to every notice."""

    def __init__(self) -> None:
        self._posts: queue.Queue[Post] = queue.Queue()
        self._server = make_server("127.0.0.1", 0, self._application, WSGIServer, _QuietHandler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def next(self) -> Post:
        """The next request that was not asked for yet."""
        return self._posts.get(timeout=_PATIENCE_SECONDS)

    def __enter__(self) -> Receiver:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _application(
        self, environ: dict[str, Any], start_response: Callable[..., object]
    ) -> Iterable[bytes]:
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        self._posts.put(Post(dict(environ), body))
        start_response("204 No Content", [])
        return [b""]


class _QuietHandler(WSGIRequestHandler):
    def log_message(self, *_: object) -> None:
        """Says nothing: what matters is asserted."""
