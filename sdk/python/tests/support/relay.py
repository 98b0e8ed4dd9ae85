"""Stands between a client and the server, and does to connections what networks do."""

from __future__ import annotations

import socket
import threading
from enum import Enum
from types import TracebackType
from typing import Callable, Optional
from urllib.parse import urlsplit


class Fault(Enum):
    """What happens to one connection."""

    SILENT = "the request is read and never answered"
    CUT = "closed before the request is read"
    ANSWER_LOST = "the server takes the request and answers, and the answer never arrives"
    BAD_GATEWAY = "a proxy's 502, and the server never sees the request"
    UNAVAILABLE = "a proxy's 503, and the server never sees the request"


# Those that end a connection by themselves, without a wait.
QUICK = (Fault.CUT, Fault.ANSWER_LOST, Fault.BAD_GATEWAY, Fault.UNAVAILABLE)

_CANNED = {
    Fault.BAD_GATEWAY: (
        b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    ),
    Fault.UNAVAILABLE: (
        b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nwait"
    ),
}


class Relay:
    """Forwards each connection to the server, but for the first ones, which get the faults."""

    def __init__(self, server_url: str, faults: list[Fault]) -> None:
        parts = urlsplit(server_url)
        self._server = (parts.hostname or "", parts.port or 0)
        self.faults = list(faults)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.connections = 0
        self.before_the_loss: Callable[[], object] = lambda: None
        """What happens between an answer of the server and its loss."""
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def __enter__(self) -> Relay:
        return self

    def __exit__(
        self,
        kind: Optional[type[BaseException]],
        error: Optional[BaseException],
        trace: Optional[TracebackType],
    ) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            fault = self.faults.pop(0) if self.faults else None
            threading.Thread(target=self._serve, args=(client, fault), daemon=True).start()

    def _serve(self, client: socket.socket, fault: Optional[Fault]) -> None:
        with client:
            if fault is Fault.CUT:
                return
            if fault is None:
                with socket.create_connection(self._server) as server:
                    back = threading.Thread(target=_pump, args=(server, client), daemon=True)
                    back.start()
                    _pump(client, server)
                    back.join()
                return
            request = _whole_request(client)
            if fault is Fault.SILENT:
                client.recv(1)  # Until the client gives up.
                return
            if fault is Fault.ANSWER_LOST:
                with socket.create_connection(self._server) as server:
                    server.sendall(request)
                    server.recv(65536)
                    self.before_the_loss()
                return
            client.sendall(_CANNED[fault])


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while chunk := source.recv(65536):
            sink.sendall(chunk)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # The other direction ended the connection.


def _whole_request(client: socket.socket) -> bytes:
    request = b""
    while b"\r\n\r\n" not in request:
        request += client.recv(65536)
    head, _, body = request.partition(b"\r\n\r\n")
    length = 0
    for line in head.split(b"\r\n"):
        name, _, value = line.partition(b":")
        if name.lower() == b"content-length":
            length = int(value)
    while len(body) < length:
        body += client.recv(65536)
    return head + b"\r\n\r\n" + body
