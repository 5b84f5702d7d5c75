"""What comes in is checked before any component or function sees it: forged values, the size of requests, how many wait."""

import asyncio
import time
from typing import Any

import gradio as gr
from fastapi.responses import JSONResponse
from gradio.exceptions import ComponentProcessingError, InvalidPathError
from gradio.queueing import Event, Queue
from gradio.server_messages import EventMessage
from pydantic import ValidationError
from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.errors import PlaygroundError
from shared.suite import suite
from shared.uploads import accept, files_in

AT_ONCE = 16  # calls of one endpoint or listener that run at the same time
SESSIONS = 300  # pages whose state is kept; each takes half a megabyte, and a call without a session is one, too
WAITING = 256  # calls that may wait; the next one is told that the server is busy
BODY = {True: 4 << 20, False: 256 << 20}  # bytes of what is no upload, by whether strangers can reach the server
UNREAD = 120.0  # seconds after which an answer is dropped when nobody fetches it
HELD = 512 << 20  # bytes of all such requests that are on their way
SECONDS = 60.0  # in which such a request, or the next piece of an upload, has to come
UPLOAD_SECONDS = 3600.0  # in which a whole upload has to come


class Guarded(gr.Blocks):  # type: ignore[misc]
    """gr.Blocks with one more check on what comes in and limits of its own, whether it was launched or mounted."""

    def queue(self, *settings: Any, **named: Any) -> "Guarded":
        """The queue with this suite's limits; Gradio makes it when the Blocks begins.

        Args:
            settings: As for `gr.Blocks.queue`.
            named: As for `gr.Blocks.queue`; what is given goes before the limits.
        """
        super().queue(*settings, **{"max_size": WAITING, "default_concurrency_limit": AT_ONCE, **named})
        self._queue.send_message = Unread(self._queue).send
        return self

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> list[Any]:
        """Check every file that is named in the inputs, then let Gradio do its part.

        Args:
            block_fn: The event that was called.
            inputs: Its raw values, as JSON.
            state: The session's state.
            explicit_call: Whether Python code in this process called, not a browser or client.

        Raises:
            gr.Error: A value names a file that was not uploaded, or is nothing that its input takes.
        """
        try:
            for value in [] if explicit_call else inputs:
                for file in files_in(value):
                    accept(file)
            if block_fn.fn is None:
                raise PlaygroundError("This happens in the browser alone: there is nothing to call.")
            if len(inputs) < len(block_fn.inputs):
                raise PlaygroundError(
                    f"{len(inputs)} values were sent, and this takes {len(block_fn.inputs)}. See the API page for all of them."
                )
            return list(await super().preprocess_data(block_fn, inputs, state, explicit_call))
        except gr.Error as error:
            error.print_exception = False
            raise
        except PlaygroundError as error:
            raise gr.Error(str(error), print_exception=False) from error
        except (ValidationError, ComponentProcessingError, InvalidPathError) as error:
            # gradio 6.31 would answer "None" here, and print a traceback for each such call
            raise gr.Error(_sentence(block_fn, error), print_exception=False) from error


def _sentence(block_fn: Any, error: Exception) -> str:
    labels = ", ".join(str(getattr(block, "label", "") or type(block).__name__) for block in block_fn.inputs)
    return (
        f"A value that was sent does not fit its input (inputs: {labels}; {type(error).__name__}). "
        "Reload the page, or see the API page for the types."
    )


class Unread:
    """Forgets answers that nobody fetches: Gradio 6.31 keeps them, megabytes each, for 2,000 sessions, any number in each.

    Args:
        queue: A Blocks' queue.
    """

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._send = queue.send_message
        self._heads: dict[str, tuple[object, float]] = {}  # by session: the message that waits longest, and since when

    def send(self, event: Event, event_message: EventMessage) -> None:
        """Give a session a message, as Gradio does; first drop what waited too long.

        Args:
            event: What was called.
            event_message: What its caller is to be told.
        """
        self._drop()
        if event.session_hash in self._queue.pending_messages_per_session:
            self._send(event, event_message)
        else:
            event.alive = False  # nobody will ever ask

    def _drop(self) -> None:
        now, heads = time.monotonic(), {}
        for name, messages in list(self._queue.pending_messages_per_session.items()):
            for head in list(messages._queue)[:1]:
                before, since = self._heads.get(name, (None, now))
                heads[name] = (head, since if before is head else now)
        for name in [name for name, (_, since) in heads.items() if now - since > UNREAD]:
            self._queue.pending_messages_per_session.pop(name, None)
            self._queue.pending_event_ids_session.pop(name, None)
            del heads[name]
        self._heads = heads


class Bodies:
    """Takes in what a request brings before anybody works on it, and refuses what is too large or too slow.

    Args:
        app: The server.
        public: Whether strangers can reach it.
    """

    def __init__(self, app: ASGIApp, public: bool = False) -> None:
        self.app = app
        self._public = public
        self._held = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 408, 413, 503 or 507."""
        if scope["type"] != "http" or scope["method"] not in {"POST", "PUT", "PATCH"}:
            await self.app(scope, receive, send)
        elif scope["path"].endswith("/upload"):
            await self._upload(scope, receive, send)
        else:
            await self._whole(scope, receive, send)

    async def _upload(self, scope: Scope, receive: Receive, send: Send) -> None:
        """An upload goes through piece by piece; Gradio sees to its size."""
        if self._public:
            try:
                await run_in_threadpool(suite().visitors.check_room)
            except PlaygroundError as error:
                await _refusal(507, str(error))(scope, receive, send)
                return
        end, more = time.monotonic() + UPLOAD_SECONDS, True

        async def piece() -> Message:
            nonlocal more
            if not more:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), min(SECONDS, max(0.0, end - time.monotonic())))
            except TimeoutError:
                message = {"type": "http.disconnect"}
            more = bool(message.get("more_body"))
            return message

        await self.app(scope, piece, send)

    async def _whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Anything else is taken in whole first."""
        messages: list[Message] = []
        try:
            refused = await self._take_in(receive, messages)
            if refused is not None:
                await refused(scope, receive, send)
                return
            waiting = iter(list(messages))

            async def again() -> Message:
                return next(waiting, None) or await receive()

            await self.app(scope, again, send)
        finally:
            self._held -= _size(messages)

    async def _take_in(self, receive: Receive, messages: list[Message]) -> JSONResponse | None:
        """Wait for all pieces; returns why not, when they are too many or too slow."""
        size = 0
        try:
            async with asyncio.timeout(SECONDS):
                while not messages or messages[-1].get("more_body"):
                    messages.append(await receive())
                    came = _size(messages[-1:])
                    size, self._held = size + came, self._held + came
                    if size > BODY[self._public]:
                        most = BODY[self._public] >> 20
                        return _refusal(413, f"A request takes at most {most} MiB. Send what is larger as a file.")
                    if self._held > HELD:
                        return _refusal(503, "The server takes in too much at the moment. Try again later.")
        except TimeoutError:
            return _refusal(408, f"The request did not come within {SECONDS:.0f} seconds.")
        return None


def _size(messages: list[Message]) -> int:
    return sum(len(message.get("body", b"")) for message in messages)


def _refusal(status: int, why: str) -> JSONResponse:
    return JSONResponse({"error": why}, status, {"connection": "close"})
