import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from shared.errors import PlaygroundError
from shared.models.protocol import Delta, Finish, Message, Request, Start, Token, Usage
from shared.models.tgi import Info, Tgi
from tests.answers import go_on, hear, say, tight
from tests.tgi_server import DOCUMENT, TgiServer

KEY = "hf_secret1234"


@pytest.fixture
def server() -> Iterator[TgiServer]:
    with TgiServer() as started:
        yield started  # type: ignore[misc]
        assert started.faults.unusable == []


@pytest.fixture
def model(server: TgiServer) -> Tgi:
    return Tgi("tgi:x", server.url, KEY)


def sent(server: TgiServer) -> tuple[str, Any]:
    path, headers, body = server.faults.requests[-1]
    assert headers["authorization"] == f"Bearer {KEY}"
    return path, body


def test_messages_go_through_the_template_and_are_shown_as_sent(server: TgiServer, model: Tgi):
    heard = hear(model, say("a b 你好"))
    assert heard.events == [
        Start("tgi:x", "[INST] a b 你好 [/INST]"), Delta("a"), Delta(" b"), Delta(" 你好"), Usage(5, 4), Finish("stop"),
    ]  # fmt: skip
    assert [path for path, _, _ in server.faults.requests] == ["/chat_tokenize", "/generate_stream"]


def test_a_text_goes_as_it_is(server: TgiServer, model: Tgi):
    heard = hear(model, go_on("a b c", max_new_tokens=2))
    assert (heard.text, heard.reason, heard.usage) == ("a b", "length", Usage(3, 2))
    path, body = sent(server)
    assert (path, body["inputs"]) == ("/generate_stream", "a b c")
    assert body["parameters"] == {
        "do_sample": False, "max_new_tokens": 2, "return_full_text": False, "stop": [], "watermark": False, "details": True,
        "decoder_input_details": False,
    }  # fmt: skip


def test_settings(server: TgiServer, model: Tgi):
    schema = '{"type": "object", "properties": {"a": {"type": "integer"}}}'
    settings = {
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 5,
        "repetition_penalty": 1.2,
        "seed": 0,
        "stop": ["E"],
        "json_schema": schema,
    }
    assert hear(model, go_on("a", **settings)).reason == "stop"
    parameters = sent(server)[1]["parameters"]
    expected = {
        "do_sample": True,
        "temperature": 0.5,
        "top_p": 0.9,
        "top_k": 5,
        "repetition_penalty": 1.2,
        "seed": 1,
        "stop": ["E"],
    }
    assert expected.items() <= parameters.items()
    assert parameters["grammar"] == {
        "type": "json",
        "value": {"type": "object", "properties": {"a": {"type": "integer"}}},
    }


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (go_on("a", min_p=0.1), "TGI has no min_p. Set it to 0."),
        (go_on("a", beams=2), "TGI has no beams. Set it to 1."),
        (go_on("a", json_schema="{"), "the JSON Schema is no JSON"),
    ],
)
def test_what_tgi_cannot_do(server: TgiServer, model: Tgi, request_: Request, words: str):
    failure = hear(model, request_).failure
    assert failure.kind == "refused"
    assert words in failure.message


def test_an_empty_prompt_is_refused_in_the_clients_words(server: TgiServer, model: Tgi):
    server.plain = lambda path, body: {"templated_text": "", "tokenize_response": []}  # type: ignore[method-assign]
    assert hear(model, say("")).failure.message == "tgi:x: `inputs` cannot be empty"


def test_log_probabilities_with_token_numbers(model: Tgi):
    (token, *_), bare = (hear(model, Request(text="a b", logprobs=n, decoding=say("").decoding)).tokens for n in (2, 0))
    assert token == Token("a", 7, -0.25, (("a", -0.25), (" other", -1.5)))
    assert [(token.text, token.top) for token in bare] == [("a", ()), (" b", ())]


def test_an_adapter_is_named_by_the_ref(server: TgiServer):
    model = Tgi("tgi:x+stories", server.url, KEY, model="echo")
    heard = hear(model, go_on("a"))
    assert heard.start == Start("echo", "a")
    assert sent(server)[1]["parameters"]["adapter_id"] == "stories"


def test_a_begin_token_is_only_cut_where_the_template_has_one(server: TgiServer, model: Tgi):
    tokens = [{"id": 5, "text": "Hello", "start": 0, "stop": 5}]
    templated = {"templated_text": "Hello a", "tokenize_response": tokens}
    server.plain = lambda path, body: templated if path == "/chat_tokenize" else None  # type: ignore[method-assign]
    assert hear(model, say("a")).start.prompt == "Hello a"
    templated["tokenize_response"] = []
    assert hear(model, say("a")).start.prompt == "Hello a"


@pytest.mark.parametrize("strange", [False, True])
def test_a_server_without_chat_tokenize_is_asked_by_the_openai_route(server: TgiServer, model: Tgi, strange: bool):
    server.old = not strange
    if strange:
        server.plain = lambda path, body: {"x": 1} if path == "/chat_tokenize" else None  # type: ignore[method-assign]
    assert hear(model, say("a b")).text == "a b"
    assert sent(server)[0] == "/v1/chat/completions"


def test_tools_go_by_the_openai_route(server: TgiServer, model: Tgi):
    tool = {"type": "function", "function": {"name": "f", "description": "", "arguments": {}}}
    assert hear(model, Request(messages=(Message("user", "a"),), tools=(tool,))).text == "a"
    path, body = sent(server)
    assert path == "/v1/chat/completions"
    assert body["tools"] == [tool]


def test_the_stop_text_that_tgi_leaves_in_the_answer_is_cut(model: Tgi):
    heard = hear(model, go_on("a b c d", stop=["b c"]))
    assert (heard.text, heard.reason) == ("a ", "stop")


@pytest.mark.parametrize(
    ("kind", "expected", "words", "retry"),
    [
        ("busy", "overloaded", "Slow down, 12 requests are waiting", 7),
        ("failing", "server", "CUDA error", None),
        ("gateway", "server", "502 Bad Gateway nginx & co", None),
        ("web_page", "malformed", "502 Bad Gateway nginx & co", None),
        ("echo_key", "refused", "Bearer ***", None),
        ("closes", "truncated", "the connection broke", None),
        ("ends", "truncated", "", None),
        ("not_utf8", "malformed", "0xc3 is no UTF-8", None),
        ("no_json", "malformed", "Traceback (most recent call last)", None),
        ("says_error", "server", "the worker died", None),
        ("says_busy", "overloaded", "Model is overloaded", None),
        ("empty", "empty", "", None),
        ("nothing", "first_token", "", None),
        ("silent", "inter_token", "", None),
    ],
)
def test_faults(server: TgiServer, model: Tgi, kind: str, expected: str, words: str, retry: float | None):
    server.faults.kind = kind
    heard = hear(model, say("a b c d e"), tight(expected))
    assert heard.failure.kind == expected
    assert words in heard.failure.message
    assert heard.failure.retry_after == retry
    assert KEY not in repr(heard.events)


def test_a_refusal_in_the_stream_is_no_failure_of_the_server(server: TgiServer, model: Tgi):
    server.script = [{"error": "Input validation error: `stop` supports up to 4", "error_type": "validation"}]
    assert hear(model, say("a")).failure.kind == "refused"


def test_a_token_of_another_form(server: TgiServer, model: Tgi):
    server.script = [{"token": {"id": "x"}}]
    failure = hear(model, say("a")).failure
    assert failure.kind == "malformed"
    assert "no token of TGI" in failure.message


def test_a_server_that_ignores_the_limit_or_the_stop_text(server: TgiServer, model: Tgi):
    server.faults.kind, server.faults.delay = "endless", 0
    heard = hear(model, go_on("a b", max_new_tokens=4))
    assert (heard.reason, len(heard.of(Delta))) == ("length", 6)
    heard = hear(model, go_on("a b c", stop=["b"]))
    assert (heard.text, heard.reason) == ("a ", "stop")


def test_the_usage_is_left_out_where_the_server_does_not_tell_it(server: TgiServer, model: Tgi):
    details = {"finish_reason": "eos_token", "generated_tokens": 1}
    server.script = [
        {"index": 1, "token": {"id": 1, "text": "a", "logprob": None, "special": False}, "details": details}
    ]
    assert hear(model, say("a")).events[1:] == [Delta("a"), Finish("stop")]


def test_info(server: TgiServer, model: Tgi):
    assert asyncio.run(model.info()) == Info("echo", 1024, 2048, "3.3.6-dev0")
    server.get = lambda path: {"model_id": "x"}  # type: ignore[method-assign]
    with pytest.raises(PlaygroundError, match="has not what a TGI server says"):
        asyncio.run(model.info())
    with pytest.raises(PlaygroundError, match="nobody answers"):
        asyncio.run(Tgi("tgi:x", "http://127.0.0.1:9").info())


def test_texts_are_scored_where_the_server_gives_prefill(server: TgiServer, model: Tgi):
    alone, after = asyncio.run(model.score(["b ccc", "d"], ["", "a b "]))
    assert [(token.text, token.logprob, token.id) for token in alone.tokens] == [("b", -0.5, 9), (" ccc", -2.0, 9)]
    assert alone.first
    assert [token.text for token in after.tokens] == [" d"]
    assert not after.greedy
    asyncio.run(model.close())


def test_texts_are_not_scored_where_it_does_not(server: TgiServer, model: Tgi):
    server.prefill = False
    with pytest.raises(PlaygroundError, match="gives no log-probabilities of prompts"):
        asyncio.run(model.score(["a b"]))
    server.faults.kind = "failing"
    with pytest.raises(PlaygroundError, match=r"cannot be scored here\. tgi:x: .*CUDA error"):
        asyncio.run(model.score(["a b"]))


def test_the_address_is_that_of_the_server():
    assert repr(Tgi("tgi:x", "http://h:1/v1/", KEY)) == "Tgi('tgi:x', 'http://h:1')"
    assert Tgi("tgi:x", "http://h:1").ref == "tgi:x"


def test_the_document_finds_what_is_wrong():
    if not DOCUMENT.is_file():
        pytest.skip("TGI's OpenAPI document is not beside the project (../shared/data/tgi)")
    with TgiServer() as server:
        assert server.wrong("GenerateRequest", {"inputs": "a", "parameters": {"seed": 1, "temperature": None}}) == ""
        assert "0" in server.wrong("GenerateRequest", {"inputs": "a", "parameters": {"seed": 0}})
        assert "stop" in server.wrong("GenerateRequest", {"inputs": "a", "parameters": {"stop": ["a"] * 5}})
        model = Tgi("tgi:x", server.url)
        assert hear(model, go_on("a", stop=list("abcde"))).failure.kind == "refused"
        assert len(server.faults.unusable) == 1
