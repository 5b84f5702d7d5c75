"""One model's answer, gathered from its events: what was said so far, how it ended, and how long it took."""

import time
from collections.abc import Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Literal, cast

from shared.errors import PlaygroundError
from shared.models.protocol import (
    Backend,
    Delta,
    Event,
    Failure,
    Finish,
    Kind,
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
class Timing:
    """What one answer took.

    Attributes:
        seconds: From the question to the end of the answer.
        first_seconds: To its first piece; None when none came.
        tokens: Tokens of the answer, as its backend counts them, otherwise the number of pieces.
        prompt_tokens: Tokens of the prompt, as its backend counts them; 0 when it does not.
        tokens_per_second: Tokens after the first piece, by the time they took; None when there were none.
    """

    seconds: float
    first_seconds: float | None
    tokens: int
    prompt_tokens: int
    tokens_per_second: float | None


class Answer:
    """One model's answer, whole or still growing. Its time runs from when it is made.

    Attributes:
        reason: Why it is complete: "stop" (an end token or a stop text), "length", "tool_calls" or "content_filter"; "" until then.
        failure: What went wrong, once something has.
        usage: Tokens of prompt and answer as the backend counts them; None when it does not say.
        tokens: Its tokens with log-probabilities, when they were asked for.
        calls: Tools that the model asks for. Nothing is run.
        prompt: The prompt as sent, chat template applied; "" when a server applies it out of sight.
    """

    def __init__(self) -> None:
        self.reason: Reason | Literal[""] = ""
        self.failure: Failure | None = None
        self.usage: Usage | None = None
        self.tokens: list[Token] = []
        self.calls: list[ToolCall] = []
        self.prompt = ""
        self._texts: list[str] = []
        self._pieces = 0
        self._began = time.monotonic()
        self._first: float | None = None
        self._end: float | None = None

    @property
    def text(self) -> str:
        """What the model wrote so far."""
        if len(self._texts) > 1:
            self._texts = ["".join(self._texts)]
        return self._texts[0] if self._texts else ""

    @property
    def end(self) -> Finish | Failure | None:
        """How it ended; None while it grows."""
        return self.failure or (Finish(self.reason) if self.reason else None)

    def hear(self, events: Iterable[Event]) -> None:
        """Take in what came. What comes together came at one moment: an answer that came whole has no speed."""
        now = time.monotonic()
        for event in events:
            match event:
                case Start():
                    self.prompt = event.prompt
                case Delta():
                    self._texts.append(event.text)
                    self.tokens += event.tokens
                    self._pieces += 1
                case ToolCall():
                    self.calls.append(event)
                case Usage():
                    self.usage = event
                case Finish():
                    self.reason, self._end = event.reason, now
                case Failure():
                    self.failure, self._end = event, now
            if self._first is None and isinstance(event, Delta | ToolCall):
                self._first = now

    def fail(self, kind: Kind, message: str) -> None:
        """It is none after all, and why."""
        self.hear([Failure(kind, message)])

    def finish(self) -> None:
        """Nothing more comes: without an end of its own it broke off, and is never taken for a whole one."""
        if self.end is None:
            self.fail("truncated", "the stream ended before the answer was complete. Ask again.")

    def timing(self) -> Timing:
        """What it took, so far."""
        now = time.monotonic() if self._end is None else self._end
        tokens = self.usage.answer_tokens if self.usage else self._pieces
        writing = 0.0 if self._first is None else now - self._first
        return Timing(
            seconds=round(now - self._began, 4),
            first_seconds=None if self._first is None else round(self._first - self._began, 4),
            tokens=tokens,
            prompt_tokens=self.usage.prompt_tokens if self.usage else 0,
            tokens_per_second=round((tokens - 1) / writing, 3) if tokens > 1 and writing > 0 else None,
        )

    def check(self) -> None:
        """Raise the failure in its own words, with when to try again.

        Raises:
            PlaygroundError: The answer is not complete.
        """
        if self.failure is not None:
            after = self.failure.retry_after
            raise PlaygroundError(self.failure.message + ("" if after is None else f" Try again in {after:g} s."))


async def collect(backend: Backend, request: Request, timeouts: Timeouts = Timeouts()) -> Answer:
    """Ask, and gather the whole answer.

    Args:
        backend: Who answers.
        request: What is asked.
        timeouts: How long to wait for what.

    Raises:
        PlaygroundError: The answer failed, in the words of the failure; also one that broke off in the middle.
    """
    answer = Answer()
    async with aclosing(cast(Any, guarded(backend, request, timeouts))) as events:
        async for event in events:
            answer.hear([event])
    answer.check()
    return answer
