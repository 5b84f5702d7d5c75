"""What stopping costs and keeps: the launcher in a process of its own, with an open page and work that does not end by itself."""

import signal
import socket
import time
from contextlib import closing
from pathlib import Path

import httpx
import pytest
from gradio_client import Client

from shared.store import Store
from shared.sync import Sync
from tests.server import Server, serving

pytestmark = pytest.mark.api

ENDLESS = "SELECT sum(range) FROM range(10000000000000)"


def open_page(server: Server) -> socket.socket:
    """The connection that every open page of a browser holds."""
    host, port = server.url.removeprefix("http://").split(":")
    page = socket.create_connection((host, int(port)), timeout=60)
    page.sendall(b"GET /datasets/gradio_api/heartbeat/page HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    while b"ALIVE" not in page.recv(4096):
        pass
    return page


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_server_ends_soon_and_its_rows_are_sent(workspace: Path, how: signal.Signals) -> None:
    remote = f"folder:{workspace / 'remote'}"
    with serving(workspace / "home", PLAYGROUND_REMOTE=remote) as server:
        with closing(Client(f"{server.url}/datasets/", verbose=False, httpx_kwargs={"timeout": 60})) as client:
            loaded = client.predict(source="builtin:english-instructions", api_name="/load")
        before, asked = children(server), [loaded["dataset"], ENDLESS, 1000, 30]
        httpx.post(f"{server.url}/datasets/gradio_api/call/query", json={"data": asked}, timeout=60).raise_for_status()
        with open_page(server):
            wait_for(lambda: children(server) > before, "the query's process")
            began = time.monotonic()
            server.process.send_signal(how)
            assert server.process.wait(60) == 0, server.log.read_text()[-2000:]
            took = time.monotonic() - began
    assert took < 10, "the query alone would take 30 seconds"
    assert "Traceback" not in server.log.read_text()
    here, there = Store(workspace / "home"), Store(workspace / "replica")
    assert Sync(there, remote).pull() == len(here.rows("records")) == 1
    assert [row.id for row in there.rows("records")] == [row.id for row in here.rows("records")]
    for store in (here, there):
        store.close()


def children(server: Server) -> set[str]:
    """Processes that the server started."""
    return set(Path(f"/proc/{server.process.pid}/task/{server.process.pid}/children").read_text().split()) | {
        child
        for task in Path(f"/proc/{server.process.pid}/task").iterdir()
        for child in (task / "children").read_text().split()
    }


def wait_for(true: object, what: str) -> None:
    end = time.monotonic() + 60
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.02)
