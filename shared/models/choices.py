"""The OpenAI protocol's answers, streamed or whole, read into events."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import aclosing
from typing import TYPE_CHECKING, Any, NoReturn, Protocol, cast

from shared.models.http import Endpoint, explain, meaning, parse, read_some
from shared.models.protocol import Delta, Event, Finish, Reason, Request, Timeouts, Token, ToolCall, Usage
from shared.models.sse import LONGEST, MalformedError, read_events
from shared.models.stops import Cut, whole

if TYPE_CHECKING:
    import httpx

TYPES = {"overloaded": 503, "rate_limit": 429, "validation": 422, "invalid": 400, "not_found": 404, "BadRequest": 400}
GRACE = 2.0  # seconds that usage may come after the finish reason, or the end of the stream after a stop text
REASONS: dict[str, Reason] = {
    "stop": "stop", "eos": "stop", "eos_token": "stop", "end_turn": "stop", "stop_sequence": "stop",
    "length": "length", "max_tokens": "length", "model_length": "length",
    "tool_calls": "tool_calls", "function_call": "tool_calls",
    "content_filter": "content_filter",
}  # fmt: skip
UNSAID = ("", "null", "none")  # what some servers write for no reason yet
BROKEN = ("error", "abort", "cancel", "insufficient", "timeout", "unknown")  # beginnings of reasons of half an answer


class Reader(Protocol):
    """Reads one server's dialect."""

    @property
    def ended(self) -> bool:
        """Whether the answer is complete, so that no more than usage is missing."""
        ...

    @property
    def complete(self) -> bool:
        """Whether nothing is missing."""
        ...

    def read(self, body: Any) -> Iterator[Event]:
        """The events in one JSON document of the stream."""
        ...

    def finish(self) -> Iterator[Event]:
        """What remains to be said when the answer has ended: tool calls, usage, and why it ended."""
        ...


async def follow(
    endpoint: Endpoint, response: "httpx.Response", reader: Reader, timeouts: Timeouts
) -> AsyncIterator[Event]:
    """The events of a response, streamed or, where a server does not stream, whole.

    Args:
        endpoint: Whose it is.
        response: Unread.
        reader: Of its dialect.
        timeouts: A complete answer waits for its usage at most half as long as `inter_token`.

    Yields:
        Events up to Finish; none of it when the stream ends before the answer is complete.

    Raises:
        FailedError: The server says in the stream that it failed, or it does not speak the protocol.
    """
    if "json" in response.headers.get("content-type", ""):
        body = parse(await read_some(response, LONGEST))
        _check(endpoint, body)
        for event in reader.read(body):
            yield event
    else:
        async with aclosing(cast(Any, read_events(response.aiter_bytes()))) as sent:
            async for event in _events(endpoint, sent, reader, min(GRACE, timeouts.inter_token / 2)):
                yield event
    if reader.ended:
        for event in reader.finish():
            yield event


async def _events(endpoint: Endpoint, sent: Any, reader: Reader, grace: float) -> AsyncIterator[Event]:
    while not reader.complete:
        try:
            async with asyncio.timeout(grace if reader.ended else None):
                one = await anext(sent)
        except (StopAsyncIteration, TimeoutError):
            return
        if one.data.strip() == "[DONE]":
            return
        if one.name == "error":
            _fail(endpoint, one.data)
        body = parse(one.data)
        _check(endpoint, body)
        for event in reader.read(body):
            yield event


def _fail(endpoint: Endpoint, data: str) -> NoReturn:
    """Raises: FailedError, whatever the event of a failure says."""
    try:
        body = parse(data)
    except MalformedError:
        body = data
    if isinstance(body, dict):
        _check(endpoint, body if body.get("error") else body | {"object": "error"})
    raise endpoint.fail(meaning(500, data), f"the server failed: {explain(data)}", 200)


def _check(endpoint: Endpoint, body: Any) -> None:
    """Raises: FailedError when this is an error, which servers send with status 200 once they have begun to answer."""
    if not isinstance(body, dict):
        raise MalformedError(f"no JSON object: {json.dumps(body)}")
    error = body.get("error")
    if not error and body.get("object") != "error":
        return
    told = error if isinstance(error, dict) else body
    codes = [str(told.get(name)) for name in ("code", "status_code") if re.fullmatch(r"[45]\d\d", str(told.get(name)))]
    words = explain(json.dumps(body, ensure_ascii=False))
    status = int(codes[0]) if codes else 500
    name = str(told.get("error_type") or told.get("type") or told.get("code"))
    status = next((number for word, number in TYPES.items() if word in name), status)
    raise endpoint.fail(meaning(status, words), f"the server failed: {words}", 200)


class Choices:
    """Reads chat and text completions: the first choice alone.

    Thinking that a server sends apart from the answer (`reasoning_content`, `reasoning`) becomes part of the text, between
    `<think>` and `</think>`, as the models themselves write it.
    """

    def __init__(self, endpoint: Endpoint, request: Request) -> None:
        """Nothing read yet.

        Args:
            endpoint: Whose answer it is; its key is masked, should the server echo it.
            request: Its stop texts are cut off, whatever the server does about them.
        """
        self._endpoint = endpoint
        self._cut = Cut(request.decoding.stop, endpoint.key)
        self._most = 4 * request.decoding.max_new_tokens + 64  # pieces: a server that never ends gives more
        self._pieces = 0
        self._thinking = False
        self._calls: list[list[str]] = []  # id, name and arguments of each
        self._open: dict[int, list[str]] = {}  # the call that pieces of this number belong to
        self._usage: Usage | None = None
        self._reason: Reason | None = None
        self._endless = False

    @property
    def ended(self) -> bool:
        """Whether a finish reason came, or a stop text did."""
        return self._reason is not None or self._cut.stopped

    @property
    def complete(self) -> bool:
        """Whether both a finish reason and the usage are known, or the server ignores the limit of tokens."""
        return self._reason is not None and (self._usage is not None or self._endless)

    def read(self, body: Any) -> Iterator[Event]:
        """The events in a chunk, or in a whole completion.

        Args:
            body: The JSON object.

        Raises:
            MalformedError: Something in it is of another type than the protocol says.
        """
        usage = body.get("usage")
        if isinstance(usage, dict) and isinstance(usage.get("prompt_tokens"), int):
            self._usage = Usage(usage["prompt_tokens"], _count(usage.get("completion_tokens")))
        choices = body.get("choices") or []
        if not isinstance(choices, list) or not all(isinstance(choice, dict) for choice in choices):
            raise MalformedError(f"choices are no list: {json.dumps(choices)}")
        for choice in choices:
            if choice.get("index", 0) in (0, None):
                _check(self._endpoint, choice)
                yield from self._choice(choice)

    def _choice(self, choice: dict[str, Any]) -> Iterator[Event]:
        told = choice.get("delta") or choice.get("message") or {}
        if not isinstance(told, dict):
            raise MalformedError(f"a delta is no object: {json.dumps(told)}")
        thought = _text(told.get("reasoning_content") or told.get("reasoning")) + _thought(told.get("content"))
        text = _text(told.get("content")) + _text(told.get("refusal")) + _text(choice.get("text"))
        if thought or text:
            self._pieces += 1
            if self._cut.stopped:  # the server goes on behind the stop text
                self._reason, self._endless = "stop", True
        yield from self._think(thought)
        if text and self._thinking:
            yield from self._end_thinking()
        yield from self._cut.feed(text, list(read_tokens(choice.get("logprobs"))))
        self._collect(told.get("tool_calls") or [])
        reason = str(choice.get("finish_reason") or "").lower()
        if reason not in UNSAID:
            self._reason = self._meant(reason)
        elif self._pieces > self._most and self._reason is None:
            self._reason, self._endless = "length", True

    def _think(self, thought: str) -> Iterator[Event]:
        if thought and not self._thinking:
            self._thinking = True
            yield from self._cut.flush()
            yield Delta("<think>")
        yield from self._cut.feed(thought)

    def _end_thinking(self) -> Iterator[Event]:
        self._thinking = False
        yield from self._cut.flush()
        yield Delta("</think>")

    def _collect(self, calls: Any) -> None:
        """Put a tool call together, whose pieces come one by one."""
        for place, call in enumerate(calls if isinstance(calls, list) else [calls]):
            function = call.get("function") if isinstance(call, dict) else None
            if not isinstance(function, dict):
                raise MalformedError(f"a tool call without function: {json.dumps(call)}")
            index, id = call.get("index"), str(call.get("id") or "")
            known = self._opened(index if isinstance(index, int) else place, id)
            known[0] = id or known[0]
            name, arguments = str(function.get("name") or ""), function.get("arguments")
            known[1] += name if known[1] != name else ""
            known[2] += arguments if isinstance(arguments, str) else json.dumps(arguments) if arguments else ""

    def _opened(self, number: int, id: str) -> list[str]:
        """The call that a piece belongs to: a new one when its id is new, for some servers number all of them 0."""
        known = self._open.get(number)
        if known is None or (id and known[0] not in ("", id)):
            known = self._open[number] = ["", "", ""]
            self._calls.append(known)
        return known

    def finish(self) -> Iterator[Event]:
        """Thinking closed, tool calls, usage, and the reason.

        Yields:
            Finish is the last.
        """
        if self._thinking:
            yield from self._end_thinking()
        yield from self._cut.flush()
        for texts in self._calls:
            number, name, arguments = (whole(self._endpoint.hide(text)) for text in texts)
            yield ToolCall(name, arguments, number)
        if self._usage is not None:
            yield self._usage
        yield Finish("stop" if self._cut.stopped else self._reason or "stop")

    def _meant(self, word: str) -> Reason:
        """Why it ended; a word that nobody knows counts as a stop, unless it sounds like half an answer.

        Raises:
            FailedError: The answer is not complete.
        """
        if word.startswith(BROKEN):
            raise self._endpoint.fail("server", f"the server ended the answer for the reason '{word}'", 200)
        reason = REASONS.get(word, "stop")
        return "tool_calls" if self._calls and reason == "stop" else reason


def read_tokens(logprobs: Any) -> Iterator[Token]:
    """Tokens with their log-probabilities, in the chat or the completions dialect.

    Args:
        logprobs: The field `logprobs` of a choice; None when it has none.

    Raises:
        MalformedError: It is neither dialect.
    """
    if not logprobs:
        return
    try:
        if "content" in logprobs:
            for one in logprobs["content"] or []:
                top = ((other["token"], other["logprob"]) for other in one.get("top_logprobs") or [])
                token = one.get("id")
                number = token if isinstance(token, int) else -1
                if one["logprob"] is not None:
                    yield Token(whole(one["token"]), number, float(one["logprob"]), _sorted(top))
            return
        texts, values = logprobs["tokens"] or [], logprobs["token_logprobs"] or []
        tops = logprobs.get("top_logprobs") or [None] * len(texts)
        for text, value, others in zip(texts, values, tops, strict=True):
            yield Token(whole(text), -1, 0.0 if value is None else float(value), _sorted((others or {}).items()))
    except (TypeError, KeyError, ValueError, AttributeError) as error:
        raise MalformedError(f"log-probabilities of another form ({error}): {json.dumps(logprobs)}") from None


def _sorted(top: Iterable[tuple[str, Any]]) -> tuple[tuple[str, float], ...]:
    known = [(whole(text), float(value)) for text, value in top if value is not None]
    return tuple(sorted(known, key=lambda each: -each[1]))


def _text(value: Any) -> str:
    """Text, also in parts as {"type": "text", "text": …}."""
    if value is None or isinstance(value, str):
        return value or ""
    if isinstance(value, list) and all(isinstance(part, dict) for part in value):
        return "".join(_text(part.get("text")) for part in value)
    raise MalformedError(f"text is {type(value).__name__}: {json.dumps(value)}")


def _thought(content: Any) -> str:
    """Thinking in parts of the content: {"type": "thinking", "thinking": text or parts of text}."""
    parts = content if isinstance(content, list) else []
    return "".join(_text(part.get("thinking")) for part in parts if isinstance(part, dict))


def _count(value: Any) -> int:
    return value if isinstance(value, int) else 0
