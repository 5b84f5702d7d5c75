import time
from contextlib import closing
from functools import partial

import pytest

from apps.model_arena.masking import Veil
from apps.model_arena.sides import Side, run
from shared.errors import PlaygroundError
from shared.models.protocol import Delta, Failure, Finish, Request, Start
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
    seen = [(ended, sides["a"].shown, sides["b"].shown) for ended in frames]
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
    assert [(sides[s].kind, sides[s].failure[:14], sides[s].shown) for s in "abcd"] == [
        ("server", "500", "half"), ("", "", "fine"), ("refused", "no such model", ""), ("truncated", "the stream end", "half"),
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
    assert sides["a"].shown == "xxx"


def test_an_answer_of_reasoning_alone_is_none():
    side = Side(Veil((), "x"))
    side.hear([Delta("<think>hm"), Finish("length")])
    side.finish()
    assert (side.kind, side.shown, side.named) == ("empty", "", False)


def test_an_answer_that_grows_long_is_shown_more_rarely_and_whole_in_the_end(loop):
    """Cleaning takes as long as the answer is long: at every frame it would take the square of that."""
    sides, seen, cleaning = {"a": Side()}, [], 0.0
    began = time.monotonic()
    with closing(run({"a": stream(loop, words(*["w "] * 100, delay=0.02))}, sides, every=0.02)) as frames:
        for ended in frames:
            if not seen or seen[-1] != sides["a"].shown or ended:
                seen.append(sides["a"].shown)
                time.sleep(0.03)  # what a page does with it
                cleaning += 0.03
    assert seen[-1] == "w " * 100
    assert 3 < len(seen) < 20, "some hundred frames, and few of them show something new"
    assert cleaning < 0.3 * (time.monotonic() - began)


def test_frames_come_as_often_as_ever_so_that_stopping_takes_no_time(loop):
    sides, fresh = {"a": Side()}, []
    with closing(run({"a": stream(loop, words(*["w "] * 60, delay=0.02))}, sides, every=0.02)) as frames:
        for _ in frames:
            if not fresh:
                time.sleep(0.2)
            fresh.append(sides["a"].shown)
    assert len(fresh) > 20
    assert len(set(fresh)) < len(fresh) / 2


def test_nothing_is_shown_that_the_veil_has_not_seen():
    side = Side(Veil((), "x"))
    side.hear([Delta("I am Q"), Delta("we")])
    assert side.look() == side.shown == "I am "
    side.hear([Delta("n."), Finish("stop")])
    assert side.shown == "I am ", "until the next look"
    side.finish()
    assert (side.shown, side.named, side.raw) == ("I am [name hidden].", True, "I am Qwen.")
