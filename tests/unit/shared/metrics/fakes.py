"""Models for the tests of metrics: byte tokens with known probabilities, and answers by a function."""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from shared.models.protocol import Delta, Event, Failure, Finish, Request, Scored, Start, Timeouts, Token
from shared.policy import OWNER, Caller


def token(byte: int, logprob: float) -> Token:
    return Token(bytes([byte]).decode("utf-8", "replace"), byte, logprob)


class Bytes:
    """Every byte is a token with probability (1 + times it stands before) / (256 + bytes before): Laplace's rule."""

    def __init__(self, answer: Callable[[str], str] = lambda prompt: "", first: bool = True) -> None:
        self.answer, self.first = answer, first
        self.asked: list[Request] = []
        self.calls: list[tuple[list[str], list[str]]] = []
        self.callers: set[str] = set()

    def score(
        self, ref: str, texts: Sequence[str], contexts: Sequence[str] = (), caller: Caller = OWNER
    ) -> list[Scored]:
        contexts = contexts or [""] * len(texts)
        self.calls.append((list(texts), list(contexts)))
        self.callers.add(caller.id)
        return [self._one(text, context) for text, context in zip(texts, contexts, strict=True)]

    def _one(self, text: str, context: str) -> Scored:
        seen, tokens, greedy = Counter(context.encode()), [], True
        for byte in text.encode():
            p = (1 + seen[byte]) / (256 + seen.total())
            greedy = greedy and byte == max(range(256), key=lambda each: (seen[each], -each))
            tokens.append(token(byte, math.log(p)))
            seen[byte] += 1
        first = self.first or bool(context)
        if tokens and not first:
            tokens[0] = token(tokens[0].id, 0.0)
        return Scored(tuple(tokens), first, greedy)

    def stream(
        self, ref: str, request: Request, timeouts: Timeouts = Timeouts(), caller: Caller = OWNER
    ) -> Iterator[list[Event]]:
        self.asked.append(request)
        self.callers.add(caller.id)
        prompt = request.text or request.messages[-1].content
        text = self.answer(prompt)
        yield [Start(ref)]
        if not text:
            yield [Failure("empty", "Nothing came.")]
            return
        for place in range(0, len(text), 5):
            yield [Delta(text[place : place + 5])]
        yield [Finish("stop")]


def nats(text: str, context: str = "") -> float:
    """The same probabilities, computed another way: with rising factorials."""
    before, data = context.encode(), text.encode()
    counts = Counter(before)
    total = -sum(math.log(256 + len(before) + place) for place in range(len(data)))
    for byte, times in Counter(data).items():
        total += math.lgamma(1 + counts[byte] + times) - math.lgamma(1 + counts[byte])
    return total
