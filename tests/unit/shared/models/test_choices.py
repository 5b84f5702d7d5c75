import json
from typing import Any

import pytest

from shared.models.choices import Choices, read_tokens
from shared.models.http import Endpoint, FailedError
from shared.models.protocol import Delta, Event, Finish, Token, ToolCall, Usage
from shared.models.sse import MalformedError
from tests.answers import say

KEY = "sk-secret"
ENDPOINT = Endpoint("openai:x/m", "http://host", KEY)


def delta(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": fields}]}


def done(reason: Any = "stop") -> dict[str, Any]:
    return {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]}


def read(*bodies: Any, **settings: Any) -> list[Event]:
    reader = Choices(ENDPOINT, say("x", **settings))
    events = [event for body in bodies if not reader.complete for event in reader.read(body)]
    return [*events, *reader.finish()] if reader.ended else events


def text(events: list[Event]) -> str:
    return "".join(event.text for event in events if isinstance(event, Delta))


def test_text_usage_and_reason():
    usage = {"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}}
    assert read(delta(role="assistant"), delta(content="a"), delta(content=" b"), done("length"), usage) == [
        Delta("a"), Delta(" b"), Usage(3, 2), Finish("length"),
    ]  # fmt: skip


def test_without_a_reason_nothing_is_finished():
    assert read(delta(content="a"), done(None)) == [Delta("a")]


@pytest.mark.parametrize(
    ("told", "reason"),
    [("stop", "stop"), ("eos", "stop"), ("length", "length"), ("max_tokens", "length"), ("content_filter", "content_filter"),
     ("tool_calls", "tool_calls"), ("COMPLETE", "stop"), (7, "stop")],
)  # fmt: skip
def test_reasons(told: Any, reason: str):
    assert read(delta(content="a"), done(told))[-1] == Finish(reason)  # type: ignore[arg-type]


@pytest.mark.parametrize("told", ["", "null", "none", "None"])
def test_words_for_no_reason_yet_end_nothing(told: str):
    chunk = {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": told}]}
    assert read(chunk) == [Delta("a")]  # nothing is complete
    assert read(chunk, chunk, done("length")) == [Delta("a"), Delta("a"), Finish("length")]


@pytest.mark.parametrize("told", ["error", "abort", "aborted", "cancelled", "insufficient_system_resource"])
def test_a_reason_of_half_an_answer_is_a_failure(told: str):
    with pytest.raises(FailedError, match=f"ended the answer for the reason '{told}'") as error:
        read(delta(content="a"), done(told))
    assert error.value.failure.kind == "server"


def test_thinking_stands_in_tags():
    events = read(delta(reasoning_content="hm"), delta(reasoning="m"), delta(content="yes"), done())
    assert text(events) == "<think>hmm</think>yes"
    assert text(read(delta(reasoning_content="hm"), done())) == "<think>hm</think>"


def test_a_tool_call_comes_in_pieces():
    def call(index: int, **fields: Any) -> dict[str, Any]:
        return {"index": index, **({"id": fields.pop("id")} if "id" in fields else {}), "function": fields}

    events = read(
        delta(tool_calls=[call(0, id="c1", name="weather", arguments="")]),
        delta(tool_calls=[call(0, arguments='{"city": '), call(1, id="c2", name="time", arguments={"zone": "你"})]),
        delta(tool_calls=[call(0, id="c1", arguments='"Rome sk-secret"}')]),
        done("stop"),
    )
    assert events == [
        ToolCall("weather", '{"city": "Rome ***"}', "c1"), ToolCall("time", json.dumps({"zone": "你"}), "c2"), Finish("tool_calls"),
    ]  # fmt: skip


def test_calls_under_one_number_with_ids_of_their_own_are_several():
    def call(id: str, arguments: str, **index: int) -> dict[str, Any]:
        return {"id": id, "function": {"name": id, "arguments": arguments}} | index

    rest = {"index": 0, "function": {"arguments": "}"}}
    events = read(
        delta(tool_calls=[call("a", "{", index=0)]), delta(tool_calls=[rest]),
        delta(tool_calls=[call("b", "{", index=0)]), delta(tool_calls=[rest]), done("tool_calls"),
    )  # fmt: skip
    assert events == [ToolCall("a", "{}", "a"), ToolCall("b", "{}", "b"), Finish("tool_calls")]
    whole = read(delta(tool_calls=[call("a", "{}")]), delta(tool_calls=[call("b", "{}")]), done("tool_calls"))
    assert whole == [ToolCall("a", "{}", "a"), ToolCall("b", "{}", "b"), Finish("tool_calls")]


def test_thinking_in_parts_of_the_content_is_no_answer():
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]}
    spoken = {"type": "text", "text": "yes"}
    assert text(read(delta(content=[thought]), delta(content=[spoken]), done())) == "<think>hm</think>yes"
    assert text(read(delta(content=[thought, spoken]), done())) == "<think>hm</think>yes"
    assert text(read(delta(content=[{"type": "thinking", "thinking": "hm"}]), done())) == "<think>hm</think>"


def test_an_error_in_a_choice_keeps_the_servers_words():
    with pytest.raises(FailedError, match="out of credits"):
        read({"choices": [{"index": 0, "error": {"message": "out of credits"}, "finish_reason": "error"}]})


def test_a_whole_completion_reads_like_a_stream():
    message = {
        "role": "assistant",
        "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}],
        "tool_calls": None,
    }
    assert read({"choices": [{"message": message, "finish_reason": "stop"}]}) == [Delta("ab"), Finish("stop")]
    call = {"function": {"name": "f", "arguments": None}}
    whole = {
        "choices": [
            {"message": {"content": None, "tool_calls": {"function": call["function"]}}, "finish_reason": "tool_calls"}
        ]
    }
    assert read(whole) == [ToolCall("f", ""), Finish("tool_calls")]
    assert read({"choices": [{"text": "a"}]}) == [Delta("a")]


def test_other_choices_than_the_first_are_left_out():
    assert read({"choices": [{"index": 1, "delta": {"content": "b"}}, {"index": 0, "delta": {"content": "a"}}]}) == [
        Delta("a")
    ]
    assert read({"choices": None}, {}) == []


def test_a_stop_text_ends_the_answer_even_when_the_server_goes_on():
    assert read(delta(content="a EN"), delta(content="D b"), delta(content=" c"), delta(content=" d"), stop=["END"]) == [
        Delta("a "), Finish("stop"),
    ]  # fmt: skip
    assert read(delta(content="a END"), done("length"), stop=["END"])[-1] == Finish("stop")


def test_a_server_that_ignores_the_limit_is_cut():
    events = read(*[delta(content="a")] * 500, max_new_tokens=3)
    assert events[-1] == Finish("length")
    assert len(text(events)) == 4 * 3 + 64 + 1


def test_a_key_in_the_answer_is_masked():
    assert text(read(delta(content="it is sk-"), delta(content="secret."), done())) == "it is ***."


@pytest.mark.parametrize(
    "body",
    [{"choices": "x"}, {"choices": ["x"]}, {"choices": [{"delta": "x"}]}, delta(content=7), delta(content=["x"]),
     delta(tool_calls=["x"]), delta(tool_calls=[{"id": "x"}])],
)  # fmt: skip
def test_another_form_is_malformed(body: Any):
    with pytest.raises(MalformedError):
        read(body)


def test_log_probabilities_of_both_dialects():
    top = [{"token": "b", "logprob": -2}, {"token": "a", "logprob": -0.5}]
    chat = {
        "content": [{"token": "a", "logprob": -0.5, "id": 4, "top_logprobs": top}, {"token": "\ud83d", "logprob": -1}]
    }
    assert list(read_tokens(chat)) == [Token("a", 4, -0.5, (("a", -0.5), ("b", -2.0))), Token("\ufffd", -1, -1.0)]
    legacy = {"tokens": ["a", "b"], "token_logprobs": [None, -1], "top_logprobs": [None, {"c": -3, "b": -1}]}
    assert list(read_tokens(legacy)) == [Token("a", -1, 0.0), Token("b", -1, -1.0, (("b", -1.0), ("c", -3.0)))]
    assert list(read_tokens({"tokens": ["a"], "token_logprobs": [-1]})) == [Token("a", -1, -1.0)]
    assert list(read_tokens(None)) == list(read_tokens({"content": None})) == []


def test_log_probabilities_that_are_null_are_none():
    assert list(read_tokens({"tokens": None, "token_logprobs": None, "top_logprobs": None})) == []
    one = {"token": "a", "logprob": None, "top_logprobs": [{"token": "b", "logprob": None}]}
    two = {"token": "b", "logprob": -1, "top_logprobs": [{"token": "c", "logprob": None}]}
    assert list(read_tokens({"content": [one, two]})) == [Token("b", -1, -1.0)]
    tops = {"tokens": ["a"], "token_logprobs": [-1], "top_logprobs": [{"b": None}]}
    assert list(read_tokens(tops)) == [Token("a", -1, -1.0)]


@pytest.mark.parametrize(
    "bad",
    [
        {"content": [{}]},
        {"x": 1},
        "x",
        {"tokens": ["a"], "token_logprobs": []},
        {"content": [{"token": "a", "logprob": "x"}]},
    ],
)
def test_log_probabilities_of_another_form(bad: Any):
    with pytest.raises(MalformedError, match="log-probabilities of another form"):
        list(read_tokens(bad))


@pytest.mark.parametrize("body", [{"choices": "KEY"}, {"choices": [{"delta": "KEY"}]}, delta(tool_calls=["KEY"])])
def test_no_piece_of_a_key_stands_in_an_error(body: Any):
    for before in range(150, 205):
        spread = json.loads(json.dumps(body).replace("KEY", "x" * before + KEY))
        with pytest.raises(MalformedError) as error:
            read(spread)
        assert KEY[:4] not in ENDPOINT.say(str(error.value))
