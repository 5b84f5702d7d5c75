"""One answer, gathered from its events."""

import asyncio
import time

import pytest

from shared.errors import PlaygroundError
from shared.models.answers import Answer, collect
from shared.models.protocol import Delta, Failure, Finish, Request, Start, Timeouts, Token, ToolCall, Usage
from shared.models.scripted import Script, Scripted


def gathered(script: Script, timeouts: Timeouts = Timeouts()) -> Answer:
    return asyncio.run(collect(Scripted("toy:x", script), Request(text="a"), timeouts))


def heard(*events) -> Answer:
    answer = Answer()
    answer.hear(events)
    return answer


def test_everything_is_gathered() -> None:
    first, second = Token("你", 1, -0.5), Token("好", 2, -1.0)
    call = ToolCall("add", "{}", "1")
    found = gathered(
        [
            Start("toy", "<p>"), (0.05, Delta("你", (first,))), (0.05, Delta("好", (second,))), call, Usage(3, 2),
            Finish("tool_calls"),
        ]
    )  # fmt: skip
    assert (found.text, found.reason, found.usage) == ("你好", "tool_calls", Usage(3, 2))
    assert (found.tokens, found.calls, found.prompt) == ([first, second], [call], "<p>")
    timing = found.timing()
    assert timing.first_seconds is not None
    assert 0.05 <= timing.first_seconds < timing.seconds
    assert (timing.tokens, timing.prompt_tokens) == (2, 3)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ([Failure("overloaded", "slow down", retry_after=2.5)], r"^slow down Try again in 2\.5 s\.$"),
        ([Delta("x"), Failure("server", "its own words")], "^its own words$"),
        ([Delta("x")], "ended before the answer was complete"),
        ([Start("toy"), Finish("stop")], "answered nothing"),
        ([Delta("x"), (5.0, Finish("stop"))], r"the answer stopped coming for 0\.1 s"),
    ],
)
def test_a_failure_is_an_error_in_its_words(script: Script, said: str) -> None:
    with pytest.raises(PlaygroundError, match=said):
        gathered(script, Timeouts(inter_token=0.1))


def test_an_answer_grows_and_can_be_read_at_any_time() -> None:
    answer = Answer()
    assert (answer.text, answer.reason, answer.failure, answer.usage) == ("", "", None, None)
    assert answer.timing().first_seconds is None
    answer.hear([Delta("one"), Delta(" two")])
    assert answer.text == answer.text == "one two"
    answer.hear([])
    answer.hear([Delta(" three"), Finish("stop")])
    assert (answer.text, answer.reason) == ("one two three", "stop")
    answer.finish()
    answer.check()
    assert answer.timing() == answer.timing(), "time stands still once it is complete"


def test_one_that_broke_off_is_never_taken_for_a_whole_one() -> None:
    answer = heard(Start("x"), Delta("half"))
    answer.finish()
    assert answer.failure is not None
    assert (answer.failure.kind, answer.text) == ("truncated", "half")
    with pytest.raises(PlaygroundError, match="before the answer was complete"):
        answer.check()
    failed = heard(Failure("server", "500"))
    failed.finish()
    assert failed.failure == Failure("server", "500"), "what was said first stays"


def test_speed_counts_from_the_first_piece() -> None:
    answer = Answer()
    time.sleep(0.05)  # waiting for the first piece is no writing
    answer.hear([Start("x"), Delta("a")])
    time.sleep(0.02)
    answer.hear([Delta("b"), Usage(10, 21), Finish("length")])
    timing = answer.timing()
    assert timing.first_seconds is not None
    assert timing.first_seconds >= 0.05
    assert (timing.tokens, timing.prompt_tokens) == (21, 10)
    assert timing.tokens_per_second == pytest.approx(20 / (timing.seconds - timing.first_seconds), rel=0.02)


@pytest.mark.parametrize(
    "events",
    [
        [Delta("x"), Usage(1, 1), Finish("length")],
        [Delta("one two"), Delta(" three"), Usage(1, 900), Finish("stop")],  # came whole: tokens over no time at all
        [Start("x"), Finish("content_filter")],
        [Delta("x"), Failure("server", "500")],
    ],
)
def test_what_has_no_speed(events) -> None:
    assert heard(*events).timing().tokens_per_second is None


def test_without_usage_pieces_are_counted() -> None:
    timing = heard(Delta("a"), Delta("b"), Delta("c")).timing()
    assert (timing.tokens, timing.prompt_tokens) == (3, 0)


def test_an_answer_of_tool_calls_alone_begins_with_the_first() -> None:
    answer = heard(Start("x"))
    assert answer.timing().first_seconds is None
    answer.hear([ToolCall("f", "{}")])
    answer.hear([ToolCall("g", "{}"), Finish("tool_calls")])
    assert [call.name for call in answer.calls] == ["f", "g"]
    assert answer.timing().first_seconds is not None
