"""The server ends although a page stands open."""

import threading
import time

import gradio as gr
import httpx

from shared.suite import Suite
from shared.ui.mount import mount
from shared.ui.serving import Server
from tests.server import free_port


def test_the_streams_of_open_pages_end_with_the_server(house: Suite) -> None:
    with gr.Blocks() as home:
        gr.Markdown("home")
    with gr.Blocks() as later:
        gr.Markdown("later")
    port = free_port()
    server = Server(mount({"/": home, "/later": lambda: later}), "127.0.0.1", port)
    server.config.timeout_graceful_shutdown = 60  # nothing has to be cut
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    ended = []
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60) as client:
        for path in ("", "/later"):
            with client.stream("GET", f"{path}/gradio_api/heartbeat/page") as page:
                lines = page.iter_lines()
                assert next(lines) == "data: ALIVE"
                if path:
                    server.should_exit = True
                    ended = list(lines)
    thread.join(30)
    assert not thread.is_alive()
    assert ended == [""]
    assert (home.is_running, later.is_running) == (False, False)
