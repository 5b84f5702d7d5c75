from collections.abc import Iterator
from threading import Barrier, Event

import pytest

from shared.errors import PlaygroundError
from shared.metrics.asking import answer, answers
from shared.models.protocol import Delta, Failure, Finish, Request, Start

from .fakes import Bytes


class Given:
    """Answers with the given lists of events."""

    def __init__(self, *events) -> None:
        self.events = events

    def stream(self, ref, request, timeouts=None, caller=None) -> Iterator[list]:
        yield from self.events


def test_pieces_are_joined() -> None:
    models = Given([Start("m")], [Delta("Hel"), Delta("lo")], [], [Finish("stop")])
    assert answer(models, "m", Request(text="x")) == "Hello"


def test_an_empty_answer_is_an_answer() -> None:
    assert answer(Given([Start("m"), Failure("empty", "Nothing came.")]), "m", Request(text="x")) == ""


def test_an_answer_cut_by_its_limit_counts() -> None:
    assert answer(Given([Delta("a"), Finish("length")]), "m", Request(text="x")) == "a"


def test_failures_keep_the_servers_words() -> None:
    with pytest.raises(PlaygroundError, match="out of cheese"):
        answer(Given([Delta("a")], [Failure("server", "out of cheese")]), "m", Request(text="x"))
    with pytest.raises(PlaygroundError, match="in the middle"):
        answer(Given([Delta("a")]), "m", Request(text="x"))


def test_answers_come_with_their_places() -> None:
    models = Bytes(lambda prompt: prompt.upper())
    found = dict(answers(models, "m", [Request(text=f"word {n}") for n in range(30)]))
    assert found == {n: f"WORD {n}" for n in range(30)}
    assert dict(answers(models, "m", [])) == {}


def test_several_are_asked_at_once() -> None:
    meeting = Barrier(4, timeout=20)
    models = Bytes(lambda prompt: str(meeting.wait()))
    assert len(list(answers(models, "m", [Request(text="x")] * 4, at_once=4))) == 4


def test_closing_starts_no_more() -> None:
    go = Event()

    def slow(prompt: str) -> str:
        if prompt != "0":
            go.wait(20)
        return prompt

    models = Bytes(slow)
    stream = answers(models, "m", [Request(text=str(n)) for n in range(50)], at_once=2)
    assert next(stream) == (0, "0")
    go.set()
    stream.close()
    assert len(models.asked) < 50


def test_one_failure_ends_all() -> None:
    models = Given([Failure("server", "broken")])
    with pytest.raises(PlaygroundError, match="broken"):
        list(answers(models, "m", [Request(text="x")] * 3))
