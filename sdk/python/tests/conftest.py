"""One server for most tests; those that kill it start their own."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from downlink import _retry
from google.appengine.api.channel import _service
from support.clients import AnyClient, make_client
from support.server import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("server") / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    running = Server(tmp_path / "data")
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session", params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="session")
def client(kind: str, server: Server) -> Iterator[AnyClient]:
    made = make_client(kind, server.url, server.api_key)
    yield made
    made.close()


@pytest.fixture
def client_id() -> str:
    """Nobody else's, so that tests can share a server."""
    return f"client-{uuid.uuid4().hex}"


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests that are not about how long a client waits between its tries."""
    monkeypatch.setattr(_retry, "_FIRST_DELAY", 0.02)


@pytest.fixture
def module_environment(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What `google.appengine.api.channel` finds at its first call: the server of these tests."""
    monkeypatch.setenv("DOWNLINK_URL", server.url)
    monkeypatch.setenv("DOWNLINK_API_KEY", server.api_key)
    _service.service.start_anew()
    yield
    _service.service.start_anew()
