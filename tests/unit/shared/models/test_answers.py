"""A whole answer gathered from a stream."""

import asyncio

import pytest

from shared.errors import PlaygroundError
from shared.models.answers import Answer, collect
from shared.models.protocol import Delta, Failure, Finish, Request, Start, Timeouts, Token, ToolCall, Usage
from shared.models.scripted import Script, Scripted


def gathered(script: Script, timeouts: Timeouts = Timeouts()) -> Answer:
    return asyncio.run(collect(Scripted("toy:x", script), Request(text="a"), timeouts))


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
    assert (found.tokens, found.calls, found.prompt) == ((first, second), (call,), "<p>")
    assert 0.05 <= found.first_seconds < found.seconds
    assert found.tokens_per_second == pytest.approx(2 / found.seconds)


def test_without_usage_there_is_no_speed() -> None:
    found = gathered([Delta("x"), Finish("length")])
    assert (found.usage, found.tokens_per_second, found.reason) == (None, 0.0, "length")


def test_an_answer_that_was_filtered_has_no_first_piece() -> None:
    found = gathered([Start("toy"), Finish("content_filter")])
    assert (found.text, found.first_seconds) == ("", found.seconds)


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
