"""The web server of the suite, which ends within a second or two: pages that stand open hold connections without an end."""

import socket
from collections.abc import Sequence

import fastapi
import gradio as gr
import uvicorn

GRACE = 1  # seconds that answers on their way have left when the server is stopped


class Server(uvicorn.Server):
    """Uvicorn, which ends the streams of Gradio's pages before it waits for connections to close."""

    def __init__(self, app: fastapi.FastAPI, host: str, port: int) -> None:
        """Prepare it; `run` serves until SIGINT or SIGTERM.

        Args:
            app: What `mount` made.
            host: Address to listen at.
            port: Port to listen at.
        """
        super().__init__(uvicorn.Config(app, host, port, log_level="warning", timeout_graceful_shutdown=GRACE))
        self._pages: Sequence[gr.Blocks] = app.state.pages

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """End every page, then the server.

        Args:
            sockets: Sockets to close.
        """
        for page in self._pages:
            page.close(verbose=False)
        await super().shutdown(sockets)
