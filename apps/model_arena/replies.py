"""An answer as it grows: the text so far, and what is known about it."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from shared.errors import PlaygroundError
from shared.models.answers import said
from shared.models.protocol import Delta, Event, Failure, Finish, Message, Reason, Start, ToolCall, Usage


@dataclass(frozen=True)
class Reply:
    """One model's answer, complete or still growing.

    Attributes:
        text: The answer so far.
        finished: Why it ended: stop, length, tool_calls or content_filter; empty while it grows.
        model: The model's ref.
        prompt: The prompt as sent, chat template applied; empty where the server applies it out of sight.
        prompt_tokens: Tokens of the prompt; 0 until the backend says so.
        answer_tokens: Tokens of the answer; 0 until the backend says so.
        first_seconds: Seconds until the first piece came; 0 before it.
        seconds: Seconds since the question.
        tokens_per_second: Tokens of the answer a second, from its first piece on; 0 until it is known.
        tool_calls: Tools the model asks for, shown and never run.
        messages: The conversation so far, this answer at its end: the next question's history.
        record: Id of the record; empty when none was asked for.
    """

    text: str
    finished: Reason | str = ""
    model: str = ""
    prompt: str = ""
    prompt_tokens: int = 0
    answer_tokens: int = 0
    first_seconds: float = 0.0
    seconds: float = 0.0
    tokens_per_second: float = 0.0
    tool_calls: list[ToolCall] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    record: str = ""


class Growing:
    """Collects the events of one answer.

    Attributes:
        model: The model's ref.
        asked: The conversation that it answers.
        text: The answer so far.
        failure: What went wrong, once something has.
        reason: Why the answer is complete; empty before.
    """

    def __init__(self, model: str, asked: Sequence[Message] = ()) -> None:
        self.model = model
        self.asked = asked
        self.text = self.prompt = self.reason = ""
        self.failure: Failure | None = None
        self.tool_calls: list[ToolCall] = []
        self.usage = Usage(0, 0)
        self._began = time.monotonic()
        self._first = self._ended = 0.0

    @property
    def ended(self) -> bool:
        """Whether nothing more comes: the answer is complete, or it failed."""
        return bool(self.reason) or self.failure is not None

    def hear(self, events: Iterable[Event]) -> None:
        """Take in what came. What comes together came at one moment: an answer that came whole has no speed."""
        now = time.monotonic()
        for event in events:
            match event:
                case Start():
                    self.prompt = event.prompt
                case Delta():
                    self._first = self._first or now
                    self.text += event.text
                case ToolCall():
                    self._first = self._first or now
                    self.tool_calls.append(event)
                case Usage():
                    self.usage = event
                case Finish():
                    self.reason, self._ended = event.reason, now
                case Failure():
                    self.failure, self._ended = event, now

    def reply(self, record: str = "") -> Reply:
        """The answer so far."""
        now = self._ended or time.monotonic()
        writing = now - self._first if self._first else 0.0
        return Reply(
            text=self.text,
            finished=self.reason,
            model=self.model,
            prompt=self.prompt,
            prompt_tokens=self.usage.prompt_tokens,
            answer_tokens=self.usage.answer_tokens,
            first_seconds=round(self._first - self._began, 4) if self._first else 0.0,
            seconds=round(now - self._began, 4),
            tokens_per_second=round(max(self.usage.answer_tokens - 1, 0) / writing, 2) if writing else 0.0,
            tool_calls=list(self.tool_calls),
            messages=[*self.asked, Message("assistant", self.text)],
            record=record,
        )

    def check(self) -> None:
        """Raise the failure in its own words.

        Raises:
            PlaygroundError: The answer is not complete.
        """
        if self.failure is not None:
            raise PlaygroundError(said(self.failure))
