"""A whole answer, gathered from a stream, with how long it took."""

import time
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from shared.errors import PlaygroundError
from shared.models.protocol import (
    Backend,
    Delta,
    Failure,
    Finish,
    Reason,
    Request,
    Start,
    Timeouts,
    Token,
    ToolCall,
    Usage,
)
from shared.models.streams import guarded


@dataclass(frozen=True)
class Answer:
    """A whole answer.

    Attributes:
        text: What the model wrote.
        reason: Why it ends: "stop" (an end token or a stop text), "length", "tool_calls" or "content_filter".
        usage: Tokens of prompt and answer as the backend counts them; None when it does not say.
        seconds: From asking to the end of the answer.
        first_seconds: From asking to the first piece of it.
        tokens_per_second: Tokens of the answer over `seconds`, the wait for the first one included; 0 without usage.
        tokens: Its tokens with log-probabilities, when they were asked for.
        calls: Tools that the model asks for. Nothing is run.
        prompt: The prompt as sent, chat template applied; "" when a server applies it out of sight.
    """

    text: str
    reason: Reason
    usage: Usage | None = None
    seconds: float = 0.0
    first_seconds: float = 0.0
    tokens_per_second: float = 0.0
    tokens: tuple[Token, ...] = ()
    calls: tuple[ToolCall, ...] = ()
    prompt: str = ""


async def collect(backend: Backend, request: Request, timeouts: Timeouts = Timeouts()) -> Answer:
    """Ask, and gather the whole answer.

    Args:
        backend: Who answers.
        request: What is asked.
        timeouts: How long to wait for what.

    Raises:
        PlaygroundError: The answer failed, in the words of the failure; also one that broke off in the middle.
    """
    began = time.monotonic()
    first = 0.0
    texts: list[str] = []
    tokens: list[Token] = []
    calls: list[ToolCall] = []
    prompt, usage, reason = "", None, None
    async with aclosing(cast(Any, guarded(backend, request, timeouts))) as events:
        async for event in events:
            match event:
                case Failure():
                    raise PlaygroundError(said(event))
                case Start():
                    prompt = event.prompt
                case Delta():
                    texts.append(event.text)
                    tokens.extend(event.tokens)
                case ToolCall():
                    calls.append(event)
                case Usage():
                    usage = event
                case Finish():
                    reason = event.reason
            if isinstance(event, Delta | ToolCall):
                first = first or time.monotonic() - began
    seconds = time.monotonic() - began
    assert reason is not None  # a guarded stream ends with Finish or Failure
    return Answer(
        text="".join(texts),
        reason=reason,
        usage=usage,
        seconds=seconds,
        first_seconds=first or seconds,
        tokens_per_second=usage.answer_tokens / seconds if usage and seconds else 0.0,
        tokens=tuple(tokens),
        calls=tuple(calls),
        prompt=prompt,
    )


def said(failure: Failure) -> str:
    """A failure as a person is told it: what happened, and when to try again."""
    again = "" if failure.retry_after is None else f" Try again in {failure.retry_after:g} s."
    return failure.message + again
