"""Asking many questions at once: places, tries, stopping, and what cannot be asked."""

from collections.abc import Iterator
from threading import Barrier, Event

import pytest

from shared.errors import PlaygroundError
from shared.models.asking import Heard, ask, spoken
from shared.models.protocol import Delta, Failure, Finish, Request, Start, Timeouts
from shared.policy import OWNER

REQUESTS = [Request(text=f"word {n}") for n in range(30)]


class Played:
    """Answers by a function from the text of a request to the lists of events."""

    def __init__(self, script) -> None:
        self.script = script
        self.asked: list[str] = []
        self.callers: set[str] = set()

    def stream(self, ref, request, timeouts=Timeouts(), caller=OWNER) -> Iterator[list]:
        self.asked.append(request.text)
        self.callers.add(caller.id)
        yield from self.script(request.text)


def upper(text):
    return [[Start("m")], [Delta(text[:3].upper())], [], [Delta(text[3:].upper()), Finish("stop")]]


def test_answers_come_with_their_places() -> None:
    found = dict(ask(Played(upper), "m", REQUESTS))
    assert {place: heard.text for place, heard in found.items()} == {n: f"WORD {n}" for n in range(30)}
    assert all(heard.end == Finish("stop") and heard.seconds >= 0 and not heard.why for heard in found.values())
    assert list(ask(Played(upper), "m", [])) == []


def test_several_are_asked_at_once() -> None:
    meeting = Barrier(4, timeout=20)
    models = Played(lambda text: upper(str(meeting.wait())))
    assert len(list(ask(models, "m", REQUESTS[:4], at_once=4))) == 4


def test_an_overloaded_server_is_asked_again_and_not_for_ever() -> None:
    busy = [Failure("overloaded", "429: busy.", retry_after=0.01)]
    models = Played(lambda text: upper(text) if len(models.asked) > 2 else [busy])
    assert dict(ask(models, "m", REQUESTS[:1]))[0].text == "WORD 0"
    models = Played(lambda text: [[Delta("a")], busy])
    heard = dict(ask(models, "m", REQUESTS[:1]))[0]
    assert (heard.text, heard.why, len(models.asked)) == ("a", "429: busy.", 3)


def test_what_fails_is_handed_over_and_the_rest_is_asked() -> None:
    def script(text):
        if text == "word 1":
            raise PlaygroundError("Too long for the window.")
        return [[Delta("a")]] if text == "word 2" else [[Failure("empty", "Nothing came.")]]

    found = dict(ask(Played(script), "m", REQUESTS[:4]))
    assert [found[n].empty for n in range(4)] == [True, False, False, True]
    assert [found[n].why for n in range(3)] == [
        "Nothing came.",
        "Too long for the window.",
        "m: the answer broke off. Ask again.",
    ]
    assert isinstance(found[1].end, PlaygroundError)
    assert found[2].text == "a"


def test_nothing_more_is_asked_once_it_is_enough() -> None:
    models = Played(upper)
    found = dict(ask(models, "m", REQUESTS, at_once=1, until=lambda heard: heard.text == "WORD 4"))
    assert [place for place, heard in found.items() if heard.end is not None] == list(range(5))
    assert len(found) == 30
    assert found[29] == Heard()
    assert len(models.asked) == 5


def test_closing_breaks_off_what_is_being_answered() -> None:
    go, closed = Event(), []

    def script(text):
        if text == "word 0":
            yield from upper(text)
            return
        try:
            while not go.wait(0.01):
                yield []
            yield [Delta("never"), Finish("stop")]
        except GeneratorExit:
            closed.append(text)
            raise

    models = Played(script)
    hearing = ask(models, "m", REQUESTS, at_once=3)
    assert next(hearing)[0] == 0
    hearing.close()
    assert 0 < len(closed) == len(models.asked) - 1 < 29
    assert not go.is_set()


def test_a_bug_keeps_its_traceback() -> None:
    def script(text):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        list(ask(Played(script), "m", REQUESTS))


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ("4", "4"),
        ("<think>3?</think>\n4", "\n4"),
        (" <think>3?</think>4 </think>", "4 </think>"),
        ("3?</think>4", "4"),
        ("<think>4", ""),
        ("a <think>b</think> c", "a <think>b</think> c"),
        ("", ""),
    ],
)
def test_what_was_thought_is_not_said(answer: str, said: str) -> None:
    assert spoken(answer) == said
