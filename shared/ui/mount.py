"""Serving pages: the only place that mounts or launches a Blocks, because Gradio leaves a hole there."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from functools import partial
from importlib.util import find_spec
from typing import Any

import fastapi
import gradio as gr
from fastapi.responses import JSONResponse, RedirectResponse
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Receive, Scope, Send

from shared.ui.guard import Bodies
from shared.ui.later import Later
from shared.ui.theme import Playground

LOOPBACK = {"127.0.0.1", "localhost", "::1"}
MAX_UPLOAD = {True: "200mb", False: "20gb"}  # by whether strangers can reach the server


class LoopbackHosts:
    """Refuses requests whose Host header is no name of this machine: a page elsewhere could point its own name here (DNS rebinding)."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 421."""
        if scope["type"] in {"http", "websocket"} and not _is_loopback(
            dict(scope["headers"]).get(b"host", b"").decode("latin-1")
        ):
            answer = JSONResponse({"error": "This server answers only under 127.0.0.1 and localhost."}, 421)
            await answer(scope, receive, send)
            return
        await self.app(scope, receive, send)


def mount(
    pages: Mapping[str, gr.Blocks | Callable[[], gr.Blocks]], *, public: bool = False, loopback: bool = True
) -> fastapi.FastAPI:
    """One server for several pages, with `/healthz`; its `state.pages` lists those that were built, for `serving.Server`.

    Args:
        pages: The Blocks by path, or what makes one when it is first asked for; "/" is mounted last, or it would swallow the
            others.
        public: Whether strangers can reach the server.
        loopback: Whether to answer under this machine's own names alone.
    """
    later: list[Later] = []

    @asynccontextmanager
    async def alive(_: fastapi.FastAPI) -> AsyncIterator[None]:
        yield
        for each in later:
            await each.close()

    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None, lifespan=alive)
    app.state.pages = []
    building = asyncio.Lock()
    paths = sorted(pages, key=lambda path: path == "/")

    @app.get("/healthz")
    def healthz() -> dict[str, Any]:
        return {"status": "ok", "apps": paths}

    for path in paths:
        if path != "/":
            app.add_api_route(path, _to_slash, include_in_schema=False)
    for path in paths:
        page = pages[path]
        if isinstance(page, gr.Blocks):
            app.state.pages.append(_mount_one(app, page, path, public))
        else:
            later.append(Later(partial(_alone, app, page, path, public), building))
            app.mount(path, later[-1])
    app.add_middleware(Bodies, public=public)
    if loopback:
        app.add_middleware(LoopbackHosts)
    return app


def _alone(whole: fastapi.FastAPI, make: Callable[[], gr.Blocks], path: str, public: bool) -> fastapi.FastAPI:
    app = fastapi.FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    whole.state.pages.append(_mount_one(app, make(), path, public))
    return app


def _mount_one(app: fastapi.FastAPI, blocks: gr.Blocks, path: str, public: bool) -> gr.Blocks:
    gr.mount_gradio_app(app, blocks, path, **_look(public))
    blocks.app = app.routes[-1].app  # type: ignore[attr-defined]  # gradio 6.31 leaves another one there; `close` must end the streams of this one
    # gradio 6.31 sets this in launch() alone; without it every file input reads any file of the server for anybody.
    blocks.has_launched = True
    return blocks


def launch(blocks: gr.Blocks, *, public: bool = False, **options: Any) -> tuple[Any, str, str]:
    """Start one page with Gradio's own server: what a Space does.

    Args:
        blocks: The page.
        public: Whether strangers can reach the server.
        options: For `Blocks.launch`: server_name, server_port, prevent_thread_lock...
    """
    kept = {"state_session_capacity": blocks.state_session_capacity}  # or launch() would put its own number back
    guard = {"middleware": [Middleware(Bodies, public=public)]}
    started: tuple[Any, str, str] = blocks.launch(quiet=True, app_kwargs=guard, **_look(public), **kept, **options)
    return started


def _look(public: bool) -> dict[str, Any]:
    return {
        "theme": Playground(),
        "show_error": False,
        "run_history": False,
        "enable_monitoring": False,
        "footer_links": ["api", "settings"],
        "max_file_size": MAX_UPLOAD[public],
        "ssr_mode": False,
        "pwa": False,
        "mcp_server": find_spec("mcp") is not None,  # the endpoints as tools, where the optional package is installed
    }


def _to_slash(request: fastapi.Request) -> RedirectResponse:
    """`/arena` to `/arena/`: without the slash the page mounted at the root would answer, blank."""
    return RedirectResponse(
        request.url.path.rsplit("/", maxsplit=1)[-1] + "/" + (f"?{request.url.query}" if request.url.query else "")
    )


def _is_loopback(host: str) -> bool:
    name = host.rsplit(":", maxsplit=1)[0] if not host.endswith("]") else host
    return name.strip("[]").lower() in LOOPBACK
