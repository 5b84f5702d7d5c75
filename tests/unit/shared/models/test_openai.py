import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from shared.errors import PlaygroundError
from shared.models.openai import OpenAi
from shared.models.protocol import Delta, Event, Finish, Message, Request, Start, Token, Usage
from tests.answers import ROOMY, go_on, hear, say, tight
from tests.openai_server import OpenAiServer

KEY = "sk-secret-1234567"


@pytest.fixture
def server() -> Iterator[OpenAiServer]:
    with OpenAiServer() as started:
        yield started  # type: ignore[misc]


@pytest.fixture
def model(server: OpenAiServer) -> OpenAi:
    return OpenAi("openai:x/echo", server.url, "echo", KEY)


def sent(server: OpenAiServer) -> dict[str, Any]:
    return server.faults.requests[-1][2]


def test_messages_are_answered(server: OpenAiServer, model: OpenAi):
    request = Request(messages=(Message("system", "Be brief."), Message("user", "a b 你好")))
    heard = hear(model, request)
    assert heard.events[0] == Start("echo")
    assert sorted(heard.text.split()) == ["a", "b", "你好"]
    assert heard.events[-2:] == [Usage(3, 3), Finish("stop")]
    path, headers, body = server.faults.requests[0]
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body == {
        "model": "echo", "stream": True, "temperature": 0.7, "seed": 0, "max_tokens": 256,
        "stream_options": {"include_usage": True},
        "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "a b 你好"}],
    }  # fmt: skip


def test_a_text_is_continued(server: OpenAiServer, model: OpenAi):
    heard = hear(model, go_on("a b c", max_new_tokens=2))
    assert (heard.text, heard.reason, heard.start.prompt) == ("a b", "length", "a b c")
    path, _, body = server.faults.requests[0]
    assert path == "/v1/completions"
    assert body["prompt"] == "a b c"


def test_only_settings_that_are_not_neutral_are_sent(server: OpenAiServer, model: OpenAi):
    schema = '{"type": "object"}'
    settings = {
        "top_p": 0.9,
        "top_k": 5,
        "min_p": 0.1,
        "repetition_penalty": 1.2,
        "beams": 2,
        "stop": ["E"],
        "json_schema": schema,
    }
    hear(model, say("a", **settings))
    neutral = {"model", "stream", "temperature", "max_tokens", "stream_options", "messages"}
    more = {name: value for name, value in sent(server).items() if name not in neutral}
    assert more == {
        "top_p": 0.9, "top_k": 5, "min_p": 0.1, "repetition_penalty": 1.2, "repeat_penalty": 1.2, "use_beam_search": True,
        "n": 2, "stop": ["E"],
        "response_format": {"type": "json_schema", "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True}},
    }  # fmt: skip
    hear(model, say("a"))
    assert set(sent(server)) == neutral


@pytest.mark.parametrize("schema", ["{", "[]", "7"])
def test_a_json_schema_that_is_none(server: OpenAiServer, model: OpenAi, schema: str):
    failure = hear(model, say("a", json_schema=schema)).failure
    assert failure.kind == "refused"
    assert "the JSON Schema is no JSON" in failure.message
    assert not server.faults.requests


@pytest.mark.parametrize(("text", "logprobs"), [("", 0), ("", 2), ("a b", 0), ("a b", 2)])
def test_log_probabilities(model: OpenAi, text: str, logprobs: int):
    request = Request(
        messages=() if text else (Message("user", "a b"),), text=text, logprobs=logprobs, decoding=say("").decoding
    )
    tokens = hear(model, request).tokens
    assert [(token.text, token.logprob) for token in tokens] == [("a", -0.25), (" b", -0.25)]
    if logprobs:
        assert tokens[0].top == (("a", -0.25),)


def test_tools_are_offered_and_calls_reported(server: OpenAiServer, model: OpenAi):
    tool = {"type": "function", "function": {"name": "f", "parameters": {}}}
    call = {"index": 0, "id": "1", "function": {"name": "f", "arguments": "{}"}}
    server.script = [
        {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]},
    ]
    heard = hear(model, Request(messages=(Message("user", "x"),), tools=(tool,)))
    assert sent(server)["tools"] == [tool]
    assert (heard.calls[0].name, heard.reason) == ("f", "tool_calls")


def test_what_a_server_refuses_and_can_be_left_out_is_left_out(server: OpenAiServer, model: OpenAi):
    server.strict = {"stream_options", "max_tokens", "repeat_penalty"}
    heard = hear(model, say("a b", repetition_penalty=1.1))
    assert (heard.text, heard.reason, heard.of(Usage)) == ("a b", "stop", [])
    assert len(server.faults.requests) == 3  # refused twice: the fields that it names at once are left out at once
    asked = len(server.faults.requests)
    assert hear(model, say("a")).text == "a"
    assert len(server.faults.requests) == asked + 1  # it remembers
    assert sent(server)["max_completion_tokens"] == 256


def test_answers_that_begin_together_learn_together_what_to_leave_out(server: OpenAiServer, model: OpenAi):
    server.strict = {"stream_options"}

    async def several() -> list[list[Event]]:
        async def one(word: str) -> list[Event]:
            return [event async for event in model.stream(say(word), ROOMY)]

        return await asyncio.gather(*map(one, "abcd"))

    assert [events[-1] for events in asyncio.run(several())] == [Finish("stop")] * 4


def test_a_setting_that_a_server_refuses_is_not_left_out(server: OpenAiServer, model: OpenAi):
    server.strict = {"top_k"}
    failure = hear(model, say("a", top_k=3)).failure
    assert failure.kind == "refused"
    assert "Unexpected fields in the request: {'top_k'}" in failure.message
    assert len(server.faults.requests) == 1


def test_a_limit_that_is_too_high_is_asked_once(server: OpenAiServer, model: OpenAi):
    server.faults.kind = "refusing"
    assert "Input should be at most 64" in hear(model, say("a")).failure.message
    assert len(server.faults.requests) == 1


@pytest.mark.parametrize(
    ("kind", "expected", "words", "retry"),
    [
        ("busy", "overloaded", "429 Too Many Requests: Slow down, 12 requests are waiting", 7),
        ("failing", "server", "500 Internal Server Error: CUDA error", None),
        ("memory", "memory", "out of memory", None),
        ("unknown", "refused", "The model `nobody` does not exist.", None),
        ("gateway", "server", "502 Bad Gateway: 502 Bad Gateway nginx & co", None),
        ("web_page", "malformed", "web page instead of an answer: 502 Bad Gateway nginx & co", None),
        ("echo_key", "refused", "Incorrect API key provided: Bearer ***", None),
        ("hangs_up", "truncated", "the connection broke", None),
        ("closes", "truncated", "the connection broke", None),
        ("ends", "truncated", "", None),
        ("done", "truncated", "", None),
        ("not_utf8", "malformed", "0xc3 is no UTF-8", None),
        ("no_json", "malformed", "no JSON: Traceback (most recent call last)", None),
        ("list", "malformed", "no JSON object: [1, 2]", None),
        ("long_line", "malformed", "more than 4 MiB", None),
        ("says_error", "server", "the worker died", None),
        ("says_busy", "overloaded", "Model is overloaded", None),
        ("named_error", "server", "the worker died", None),
        ("empty", "empty", "", None),
        ("nothing", "first_token", "", None),
        ("silent", "inter_token", "", None),
    ],
)
def test_faults(server: OpenAiServer, model: OpenAi, kind: str, expected: str, words: str, retry: float | None):
    server.faults.kind = kind
    heard = hear(model, say("a b c d e"), tight(expected))
    assert heard.failure.kind == expected
    assert words in heard.failure.message
    assert heard.failure.retry_after == retry
    assert KEY not in repr(heard.events)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ('{"error": {"message": "slow down", "code": "429"}}', "overloaded"),
        ('{"message": "slow down", "type": "rate_limit_error"}', "overloaded"),
        ('{"message": "slow down"}', "server"),
        ("slow down", "server"),
        ('["slow down"]', "server"),
    ],
)
def test_an_event_named_error(server: OpenAiServer, model: OpenAi, data: str, kind: str):
    server.script = [f"event: error\ndata: {data}\n\n".encode()]
    failure = hear(model, say("a")).failure
    assert (failure.kind, "slow down" in failure.message) == (kind, True)


def test_a_server_that_does_not_stream(server: OpenAiServer, model: OpenAi):
    server.faults.kind = "whole"
    assert hear(model, say("a")).events == [Start("echo"), Delta("all at once"), Usage(1, 3), Finish("stop")]


def test_usage_that_never_comes_is_not_waited_for_long(server: OpenAiServer, model: OpenAi):
    server.script = [
        {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}]},
        b": wait\n\n",
        b": x\n\n",
    ]
    server.faults.kind = "silent"  # after two pieces
    assert hear(model, say("a"), replace(ROOMY, inter_token=0.5)).events[1:] == [Delta("a"), Finish("stop")]


def test_the_stop_text_is_no_part_of_the_answer(model: OpenAi):
    heard = hear(model, say("a b c d", stop=["b c"]))
    assert (heard.text, heard.reason) == ("a ", "stop")


def test_the_address_is_taken_with_and_without_v1():
    assert repr(OpenAi("openai:x/m", "http://h:1/", "m", KEY)) == "OpenAi('openai:x/m', 'http://h:1/v1', 'm')"
    assert "'http://h:1/v1'" in repr(OpenAi("openai:x/m", "http://h:1/v1/", "m"))
    assert "'http://h/api/paas/v4'" in repr(OpenAi("openai:x/m", "http://h/api/paas/v4", "m"))
    assert OpenAi("openai:x/m", "http://h", "m").ref == "openai:x/m"


def test_half_a_character_in_a_prompt_is_sent(server: OpenAiServer, model: OpenAi):
    server.script = [
        {"choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": "stop"}], "usage": {"prompt_tokens": 1}}
    ]
    assert hear(model, say("a \ud83d")).events[1:] == [Delta("a"), Usage(1, 0), Finish("stop")]
    assert sent(server)["messages"][0]["content"] == "a \ud83d"


def test_models_are_listed(server: OpenAiServer, model: OpenAi):
    assert asyncio.run(model.models()) == ["echo", "other"]
    server.get = lambda path: {"oops": 1}  # type: ignore[method-assign]
    with pytest.raises(PlaygroundError, match="gave no list of models"):
        asyncio.run(model.models())
    with pytest.raises(PlaygroundError, match="nobody answers"):
        asyncio.run(OpenAi("openai:x/m", "http://127.0.0.1:9", "m").models())


def test_texts_are_scored_where_the_server_echoes(server: OpenAiServer, model: OpenAi):
    alone, after, again = asyncio.run(model.score(["b ccc", "ccc", "dd"], ["", "a b ", "a b "]))
    assert [(token.text, token.logprob) for token in alone.tokens] == [("b", 0.0), (" ccc", -2.0)]
    assert (alone.first, alone.greedy) == (False, False)
    assert after.tokens == (Token(" ccc", -1, -2.0, ((" x", -1.2), (" ccc", -2.0))),)
    assert again.tokens[0].text == " dd"
    assert len(server.faults.requests) == 4  # the context is counted once
    asyncio.run(model.close())


@pytest.mark.parametrize(
    "answer",
    [{"choices": [{"text": "x", "logprobs": None}]}, {"choices": []}, {}, {"choices": [{"logprobs": {"content": []}}]}],
)
def test_texts_are_not_scored_where_it_does_not(server: OpenAiServer, model: OpenAi, answer: Any):
    server.plain = lambda path, body: json.loads(json.dumps(answer))  # type: ignore[method-assign]
    with pytest.raises(PlaygroundError, match="cannot be scored here"):
        asyncio.run(model.score(["a b"]))


def test_a_server_that_refuses_to_score_says_why(server: OpenAiServer, model: OpenAi):
    server.faults.kind = "unknown"
    with pytest.raises(PlaygroundError, match=r"cannot be scored here\. openai:x/echo: .* `nobody` does not exist"):
        asyncio.run(model.score(["a b"]))
