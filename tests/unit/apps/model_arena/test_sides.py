import time
from contextlib import closing
from functools import partial

import pytest

from apps.model_arena.masking import Veil
from apps.model_arena.sides import Side, run
from shared.errors import PlaygroundError
from shared.models.protocol import Delta, Failure, Finish, Request, Start, Usage
from shared.models.scripted import Scripted
from shared.models.streams import Loop, play
from tests.unit.apps.model_arena.players import words


@pytest.fixture
def loop():
    made = Loop()
    yield made
    made.close()


def stream(loop, script):
    return partial(play, loop, Scripted("x", script), Request())


def whole(streams, sides):
    with closing(run(streams, sides, every=0.02)) as frames:
        return list(frames)


def test_all_sides_grow_together_and_the_last_frame_says_so(loop):
    sides = {"a": Side(), "b": Side()}
    frames = run(
        {"a": stream(loop, words("x ", "y", delay=0.1)), "b": stream(loop, words("z", delay=0.05))}, sides, every=0.02
    )
    seen = [(ended, sides["a"].text, sides["b"].text) for ended in frames]
    assert seen[-1] == (True, "x y", "z")
    assert ("", "z") in [each[1:] for each in seen]
    assert [each[0] for each in seen] == [False] * (len(seen) - 1) + [True]


def test_a_slow_side_does_not_hold_up_a_fast_one(loop):
    """FastChat 0e6d3e4 asks its sides in turn: a slow one blocks a fast one at every token."""
    fast, slow = words(*["w "] * 12, delay=0.05), words(*["w "] * 12, delay=0.4)
    alone = {"a": Side()}
    whole({"a": stream(loop, fast)}, alone)
    beside = {"a": Side(), "b": Side()}
    frames = run({"a": stream(loop, fast), "b": stream(loop, slow)}, beside, every=0.1)
    while not beside["a"].ended:
        next(frames)
    assert not beside["b"].ended
    frames.close()
    assert beside["a"].timing().seconds < 1.2 * max(alone["a"].timing().seconds, 0.6)


def test_one_that_fails_or_breaks_off_leaves_the_other(loop):
    sides = {side: Side() for side in "abcd"}

    def refuses():
        raise PlaygroundError("no such model")
        yield []

    def breaks_off():
        yield [Delta("half")]

    whole(
        {"a": stream(loop, [Start("x"), Delta("half"), Failure("server", "500")]), "b": stream(loop, words("fine")), "c": refuses, "d": breaks_off},
        sides,
    )  # fmt: skip
    assert [(sides[s].kind, sides[s].failure[:14], sides[s].text) for s in "abcd"] == [
        ("server", "500", "half"), ("", "", "fine"), ("refused", "no such model", ""), ("refused", "the stream end", "half"),
    ]  # fmt: skip


def test_closing_stops_every_side(loop):
    endless = [Start("x")] + [(0.01, Delta("w"))] * 100_000
    backends = [Scripted("x", endless), Scripted("y", endless)]
    sides = {"a": Side(), "b": Side()}
    frames = run({s: partial(play, loop, each, Request()) for s, each in zip("ab", backends, strict=True)}, sides)
    next(frames)
    frames.close()
    end = time.monotonic() + 10
    while any(each.running for each in backends):
        assert time.monotonic() < end
        time.sleep(0.01)
    assert all(each.ended and not each.reason for each in sides.values())


def test_a_bug_keeps_its_traceback_after_the_others_have_ended(loop):
    def broken():
        yield [Delta("x")]
        raise ZeroDivisionError

    sides = {"a": Side(), "b": Side()}
    with pytest.raises(ZeroDivisionError):
        whole({"a": broken, "b": stream(loop, words("fine", delay=0.05))}, sides)
    assert sides["b"].reason == "stop"
    assert sides["a"].ended


def test_a_stream_that_cannot_be_closed_is_left(loop):
    sides = {"a": Side()}
    frames = run({"a": lambda: iter([[Delta("x")]] * 3 + [[Finish("stop")]])}, sides)
    assert list(frames) == [True]
    assert sides["a"].text == "xxx"


def test_what_an_answer_took():
    side = Side(_began=time.monotonic() - 2.0)
    assert side.timing().first_seconds is None
    side.hear([Start("x"), Delta("a"), Delta("b"), Delta("c")])
    counted = side.timing()
    assert counted.tokens == 3
    assert counted.first_seconds == pytest.approx(2.0, abs=0.5)
    assert counted.tokens_per_second is None  # all came in one moment
    side._first -= 1.0
    side.hear([Usage(10, 21), Finish("length")])
    side.finish()
    timing = side.timing()
    assert (timing.tokens, timing.prompt_tokens) == (21, 10)
    assert timing.tokens_per_second == pytest.approx(20, rel=0.2)
    assert timing.seconds == pytest.approx(2.0, abs=0.5)


def test_an_answer_of_reasoning_alone_is_none():
    side = Side(Veil((), "x"))
    side.hear([Delta("<think>hm"), Finish("length")])
    side.finish()
    assert (side.kind, side.text, side.named) == ("empty", "", False)
