from collections.abc import Iterator
from itertools import chain

import pytest

from shared.errors import NotAllowed, PlaygroundError
from shared.metrics.asking import BATCH, answers, scored
from shared.models.protocol import Delta, Failure, Finish, Request, Start

from .fakes import Bytes, nats


class Given:
    """Answers with the given lists of events."""

    def __init__(self, *events) -> None:
        self.events = events

    def stream(self, ref, request, timeouts=None, caller=None) -> Iterator[list]:
        yield from self.events


def one(*events) -> str:
    ((place, text),) = answers(Given(*events), "m", [Request(text="x")])
    assert place == 0
    return text


def test_an_answer_is_all_its_pieces_less_what_was_thought() -> None:
    assert one([Start("m")], [Delta("Hel"), Delta("lo")], [], [Finish("stop")]) == "Hello"
    assert one([Delta("<think>Hi?</think>")], [Delta("Hello"), Finish("stop")]) == "Hello"
    assert one([Delta("a"), Finish("length")]) == "a", "an answer cut by its limit counts"


def test_an_empty_answer_is_an_answer() -> None:
    assert one([Start("m"), Failure("empty", "Nothing came.")]) == ""


def test_failures_keep_the_servers_words() -> None:
    with pytest.raises(PlaygroundError, match="m failed to answer: out of cheese"):
        one([Delta("a")], [Failure("server", "out of cheese")])
    with pytest.raises(PlaygroundError, match="broke off"):
        one([Delta("a")])


def test_what_is_refused_is_raised_as_it_is() -> None:
    class Refusing(Given):
        def stream(self, *_):
            raise NotAllowed("Not for visitors.")

    with pytest.raises(NotAllowed, match="Not for visitors"):
        list(answers(Refusing(), "m", [Request(text="x")] * 3))


def test_every_pair_is_scored_in_batches_of_like_length() -> None:
    models = Bytes()
    pairs = [("ab" * (n % 3), "z" * (1 + 7 * n % 11)) for n in range(BATCH + 3)]
    batches = list(scored(models, "m", pairs))
    assert [len(each) for each in batches] == [BATCH, 3]
    lengths = [
        len(context + text) for texts, contexts in models.calls for context, text in zip(contexts, texts, strict=True)
    ]
    assert lengths == sorted(lengths, reverse=True)
    found = dict(chain(*batches))
    assert sorted(found) == list(range(len(pairs)))
    for place, (context, text) in enumerate(pairs):
        assert sum(token.logprob for token in found[place].tokens) == pytest.approx(nats(text, context))
    assert list(scored(models, "m", [])) == []
