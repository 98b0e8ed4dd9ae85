"""How the old module lives in an application: its one client, its environment, threads and forks.

What it does for applications is in `test_acceptance`.
"""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

import downlink
from google.appengine.api import channel
from google.appengine.api.channel import _service
from support.page import Page
from support.server import Server

pytestmark = pytest.mark.usefixtures("module_environment")


def test_the_environment_is_read_at_the_first_call(
    client_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    channel.create_channel(client_id)
    monkeypatch.setenv("DOWNLINK_API_KEY", "another-key-altogether")
    channel.create_channel(client_id)


def test_threads_share_one_client(
    server: Server, client_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[downlink.Client] = []

    class Counted(downlink.Client):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    monkeypatch.setattr(downlink, "Client", Counted)
    together = threading.Barrier(8)

    def send(number: int) -> None:
        together.wait()
        channel.send_message(client_id, str(number))

    with Page(server.url, channel.create_channel(client_id)) as page:
        _service.service.start_anew()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(send, range(8)))
        assert sorted(map(str, page.messages(8))) == [str(number) for number in range(8)]
    assert len(made) == 2, "one before the new start, one after it"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork.*:DeprecationWarning")
def test_a_forked_child_makes_its_own_client(server: Server, client_id: str) -> None:
    token = channel.create_channel(client_id)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 2 if _service.service._client else 0  # noqa: SLF001 -- the very subject
            channel.send_message(client_id, "from the child")
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    channel.send_message(client_id, "from the parent")
    with Page(server.url, token) as page:
        assert page.messages(2) == ["from the child", "from the parent"]
