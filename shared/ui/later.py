"""A page that is built when somebody first asks for it, so that starting the suite costs the same however many apps it has."""

import asyncio
from collections.abc import Callable

import fastapi
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Receive, Scope, Send


class Later:
    """An ASGI app whose page, with its own start and end, is made at the first request.

    Attributes:
        make: Makes the server of the page alone, the page mounted in it last. Called once, in a thread.
        one_at_a_time: Shared by the pages of a server: Gradio builds one page at a time.
    """

    def __init__(self, make: Callable[[], fastapi.FastAPI], one_at_a_time: asyncio.Lock) -> None:
        self.make = make
        self.one_at_a_time = one_at_a_time
        self._page: ASGIApp | None = None
        self._living: asyncio.Task[None] | None = None
        self._over = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on; the first one waits until the page is built, and sees the error if it cannot be."""
        if self._page is None:
            async with self.one_at_a_time:
                if self._page is None:
                    self._page = await self._open()
        await self._page(scope, receive, send)

    async def close(self) -> None:
        """End the page, if it was ever opened."""
        self._over.set()
        if self._living is not None:
            await self._living

    async def _open(self) -> ASGIApp:
        server = await run_in_threadpool(self.make)
        begun: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        async def live() -> None:
            """Start and end in one task: what the page starts must be ended where it was started."""
            async with server.router.lifespan_context(server):
                begun.set_result(None)
                await self._over.wait()

        self._living = asyncio.create_task(live())
        await asyncio.wait({self._living, begun}, return_when=asyncio.FIRST_COMPLETED)
        if self._living.done():
            self._living.result()
        page: ASGIApp = server.routes[-1].app  # type: ignore[attr-defined]
        return page
