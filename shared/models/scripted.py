"""A backend that answers from a script, with delays: for tests, and to try a page without any model."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from math import log

from shared.errors import PlaygroundError
from shared.models.protocol import Delta, Event, Failure, Finish, Request, Scored, Start, Timeouts, Token, Usage

Step = Event | tuple[float, Event]
Script = Sequence[Step] | Callable[[Request], Iterable[Step]]

UNKNOWN = -2.0  # log-probability of a word that the table does not name


class Scripted:
    """A backend whose answers are written down beforehand.

    Attributes:
        requests: What was asked, oldest first.
        running: How many answers are on their way now.
        stopped: How many answers were closed before their last event.
        closed: Whether `close` was called.
    """

    def __init__(
        self, ref: str, script: Script = (), *, connect: float = 0.0, scores: Mapping[str, float] | None = None
    ) -> None:
        """A backend.

        Args:
            ref: Its name.
            script: The events of every answer, or a function of the request that gives them, which may be a generator
                without an end. An event may come as (seconds, event): it is held back for so long.
            connect: Seconds until the connection stands; an answer fails when they are more than `timeouts.connect`.
            scores: Log-probability of each word; others have -2. Without a table the backend cannot score.
        """
        self._ref = ref
        self._script = script
        self._connect = connect
        self._scores = scores
        self.requests: list[Request] = []
        self.running = 0
        self.stopped = 0
        self.closed = False

    @classmethod
    def echo(
        cls,
        ref: str = "scripted:echo",
        delay: float = 0.0,
        *,
        connect: float = 0.0,
        scores: Mapping[str, float] | None = None,
    ) -> "Scripted":
        """A backend that answers with the words of the last message, one a token.

        Temperature 0 gives them in order, a higher one shuffled by the seed; `max_new_tokens`, `stop` and `logprobs` are kept.

        Args:
            ref: Its name.
            delay: Seconds before each word.
            connect: As in the constructor.
            scores: As in the constructor, but it can always score.
        """
        return cls(ref, lambda request: _echo(ref, request, delay), connect=connect, scores=scores or {})

    @property
    def ref(self) -> str:
        """The name it was given."""
        return self._ref

    async def stream(self, request: Request, timeouts: Timeouts) -> AsyncIterator[Event]:
        """The script's events, each after its delay.

        Args:
            request: Kept in `requests`.
            timeouts: Only `connect` counts here.
        """
        self.requests.append(request)
        self.running += 1
        whole = False
        try:
            await asyncio.sleep(min(self._connect, timeouts.connect))
            if self._connect > timeouts.connect:
                whole = True
                yield Failure("connect", f"{self._ref} took no connection within {timeouts.connect:g} seconds")
                return
            for step in self._script(request) if callable(self._script) else self._script:
                delay, event = step if isinstance(step, tuple) else (0.0, step)
                await asyncio.sleep(delay)  # even 0 lets other answers have their turn
                whole = isinstance(event, Finish | Failure)
                yield event
            whole = True
        finally:
            self.running -= 1
            self.stopped += not whole

    async def score(self, texts: Sequence[str], contexts: Sequence[str] = ()) -> list[Scored]:
        """Log-probabilities from the table, a word a token.

        Args:
            texts: What to score.
            contexts: What precedes each text; none, or as many as texts.

        Raises:
            PlaygroundError: The backend was made without a table.
        """
        if self._scores is None:
            raise PlaygroundError(f"{self._ref} cannot score texts: it has no table of log-probabilities")
        return [self._scored(text, context) for text, context in zip(texts, contexts or [""] * len(texts), strict=True)]

    def _scored(self, text: str, context: str) -> Scored:
        table = self._scores or {}
        skipped = len(pieces(context.rstrip()))
        tokens = [
            Token(piece, -1, table.get(piece.strip(), UNKNOWN) if place else 0.0)
            for place, piece in enumerate(pieces(context + text))
        ][skipped:]
        scored = [token.logprob for token in tokens[not skipped :]]
        # More than half of all probability leaves no likelier token; less may, so it does not count.
        return Scored(tuple(tokens), first=skipped > 0, greedy=all(logprob > log(0.5) for logprob in scored))

    async def close(self) -> None:
        """Note that it is not used any more."""
        self.closed = True


def pieces(text: str) -> list[str]:
    """The tokens of the scripted backend: words with the blanks before them, and each Han character by itself.

    Args:
        text: Any text; blanks at its end are a piece of their own, so that the pieces together are the text.
    """
    import re

    return re.findall(r"\s*[\u3400-\u9fff]|\s*[^\s\u3400-\u9fff]+|\s+$", text)


def _echo(ref: str, request: Request, delay: float) -> Iterator[Step]:
    """Start, the words, usage, and why it ends."""
    prompt = request.text or "\n".join(message.content for message in request.messages)
    asked = request.text or (request.messages[-1].content if request.messages else "")
    decoding = request.decoding
    words = pieces(asked)
    if decoding.temperature > 0:
        bare = [word.strip() for word in words]
        random.Random(decoding.seed).shuffle(bare)
        words = [word[: len(word) - len(word.lstrip())] + other for word, other in zip(words, bare, strict=True)]
    answer, whole = _cut(words[: decoding.max_new_tokens], decoding.stop)
    yield Start(ref, prompt)
    for word in answer:
        top = ((word, 0.0),) * min(request.logprobs, 1)
        yield delay, Delta(word, (Token(word, -1, 0.0, top),) if request.logprobs >= 0 else ())
    yield Usage(len(pieces(prompt)), len(answer))
    yield Finish("length" if whole and len(words) > decoding.max_new_tokens else "stop")


def _cut(words: list[str], stop: Sequence[str]) -> tuple[list[str], bool]:
    """The words before the first stop text, the last one shortened where it begins inside; and whether none was found."""
    text = "".join(words)
    found = [place for mark in stop if mark and (place := text.find(mark)) >= 0]
    if not found:
        return words, True
    end, bounds = min(found), [0]
    for word in words:
        bounds.append(bounds[-1] + len(word))
    return [text[begin : min(after, end)] for begin, after in pairwise(bounds) if begin < end], False
