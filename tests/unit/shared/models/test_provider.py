import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from huggingface_hub import constants
from huggingface_hub.hf_api import InferenceProviderMapping
from huggingface_hub.inference import _providers
from huggingface_hub.inference._providers import _common

from shared.errors import PlaygroundError
from shared.models.protocol import Delta, Finish, Message, Request, Start, Timeouts, Usage
from shared.models.provider import Provider
from tests.answers import go_on, hear, say, tight
from tests.tgi_server import TgiServer

TOKEN = "hf_secret1234"


@pytest.fixture
def server() -> Iterator[TgiServer]:
    with TgiServer() as started:
        yield started  # type: ignore[misc]
        assert started.faults.unusable == []


@pytest.fixture
def model(server: TgiServer) -> Provider:
    return Provider("hf:org/echo", "org/echo", TOKEN, endpoint=server.url)


def test_messages_are_answered(server: TgiServer, model: Provider):
    heard = hear(model, say("a b 你好"))
    assert heard.events == [Start("org/echo"), Delta("a"), Delta(" b"), Delta(" 你好"), Usage(3, 3), Finish("stop")]
    path, headers, body = server.faults.requests[0]
    assert path == "/v1/chat/completions"
    assert headers["authorization"] == f"Bearer {TOKEN}"
    assert "hf_hub/" in headers["user-agent"]
    assert body == {
        "model": "org/echo", "messages": [{"role": "user", "content": "a b 你好"}], "max_tokens": 256, "temperature": 0.0,
        "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip


def test_settings(server: TgiServer, model: Provider):
    schema = '{"type": "object"}'
    settings = {
        "temperature": 1.0,
        "top_p": 0.9,
        "top_k": 5,
        "min_p": 0.1,
        "repetition_penalty": 1.2,
        "stop": ["E"],
        "seed": 3,
    }
    request = say("a", **settings, json_schema=schema)
    tool = {"type": "function", "function": {"name": "f", "description": "", "arguments": {}}}
    assert hear(model, Request(request.messages, request.decoding, logprobs=2, tools=(tool,))).reason == "stop"
    body = server.faults.requests[0][2]
    expected = settings | {"max_tokens": 256, "logprobs": True, "top_logprobs": 2, "tools": [tool]}
    assert {name: body[name] for name in expected} == expected
    form = {"name": "answer", "schema": {"type": "object"}, "strict": True}
    assert body["response_format"] == {"type": "json_schema", "json_schema": form, "value": form}


def test_what_a_provider_cannot_do(server: TgiServer, model: Provider):
    assert "Set beams to 1" in hear(model, say("a", beams=2)).failure.message
    assert "no JSON" in hear(model, say("a", json_schema="{")).failure.message
    with pytest.raises(PlaygroundError, match="hf:org/echo cannot score texts"):
        asyncio.run(model.score(["a"]))
    asyncio.run(model.close())


def test_a_text_is_continued_by_text_generation(server: TgiServer, model: Provider):
    request = Request(text="a b c", decoding=go_on("", max_new_tokens=2, top_k=3, stop=["x"]).decoding, logprobs=1)
    heard = hear(model, request)
    assert (heard.text, heard.reason, heard.usage, heard.tokens[0].id) == ("a b", "length", Usage(3, 2), 7)
    path, _, body = server.faults.requests[0]
    assert (path, body["inputs"], body["stream"]) == ("/", "a b c", True)
    assert (
        body["parameters"] | {"do_sample": False, "max_new_tokens": 2, "top_k": 3, "stop": ["x"]} == body["parameters"]
    )
    hear(model, go_on("a", temperature=1.0, seed=0))
    assert server.faults.requests[-1][2]["parameters"]["seed"] == 1


def test_no_setting_of_a_text_is_dropped(server: TgiServer, model: Provider):
    for name, value in (("min_p", 0.1), ("beams", 2)):
        failure = hear(model, go_on("a", **{name: value})).failure
        assert (failure.kind, name in failure.message) == ("refused", True)
    hear(model, go_on("a", json_schema='{"type": "object"}', repetition_penalty=1.2))
    parameters = server.faults.requests[-1][2]["parameters"]
    assert parameters["grammar"] == {"type": "json", "value": {"type": "object"}}
    assert parameters["repetition_penalty"] == 1.2


def test_without_a_token_none_is_sent_not_even_the_one_kept_here(server: TgiServer, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HF_TOKEN", "hf_kept_on_this_machine")
    assert hear(Provider("hf:m", "m", endpoint=server.url), say("a")).text == "a"
    assert "authorization" not in server.faults.requests[0][1]


def test_without_token_and_endpoint_there_is_no_provider():
    with pytest.raises(PlaygroundError, match="need a Hugging Face token"):
        Provider("hf:m", "m")
    with pytest.raises(PlaygroundError, match="is no address"):
        Provider("hf:m", "m", endpoint="localhost")


def test_the_token_is_not_shown(model: Provider):
    assert TOKEN not in repr(model)
    assert model.ref == "hf:org/echo"


@pytest.mark.parametrize(
    ("kind", "expected", "words", "retry"),
    [
        ("busy", "overloaded", "429 Too Many Requests: Slow down, 12 requests are waiting", 7),
        ("refusing", "refused", "body.max_tokens: Input should be at most 64", None),
        ("failing", "server", "CUDA error", None),
        ("gateway", "server", "502 Bad Gateway nginx & co", None),
        ("web_page", "malformed", "502 Bad Gateway nginx & co", None),
        ("elsewhere", "refused", "which is not followed", None),
        ("echo_key", "refused", "Bearer ***", None),
        ("closes", "truncated", "the connection broke", None),
        ("ends", "truncated", "", None),
        ("not_utf8", "malformed", "0xc3 is no UTF-8", None),
        ("says_error", "server", "the worker died", None),
        ("empty", "empty", "", None),
        ("nothing", "first_token", "", None),
        ("silent", "inter_token", "", None),
    ],
)
def test_faults(server: TgiServer, model: Provider, kind: str, expected: str, words: str, retry: float | None):
    server.faults.kind = kind
    heard = hear(model, say("a b c d e"), tight(expected))
    assert heard.failure.kind == expected
    assert words in heard.failure.message
    assert heard.failure.retry_after == retry
    assert TOKEN not in repr(heard.events)


def test_a_server_that_is_down():
    failure = hear(Provider("hf:m", "m", TOKEN, endpoint="http://127.0.0.1:9"), say("a")).failure
    assert failure.kind == "connect"


def test_a_providers_own_key_cannot_be_routed():
    failure = hear(Provider("hf:m", "m", "sk-other"), say("a")).failure
    assert failure.kind == "refused"
    assert "non-Hugging Face API key" in failure.message


def test_an_unknown_provider():
    assert "'nobody' not supported" in hear(Provider("hf:m", "m", TOKEN, "nobody"), say("a")).failure.message


def test_a_named_provider_is_asked_in_its_own_dialect(server: TgiServer, monkeypatch: pytest.MonkeyPatch):
    def known(model: str) -> list[InferenceProviderMapping]:
        task = "text-generation" if model == "m" else "conversational"
        return [
            InferenceProviderMapping(
                provider="featherless-ai", hf_model_id=model, providerId="served/m", status="live", task=task
            )
        ]

    monkeypatch.setattr(_common, "_fetch_inference_provider_mapping", known)
    monkeypatch.setattr(constants, "INFERENCE_PROXY_TEMPLATE", server.url + "/{provider}")
    model = Provider("hf:m", "m", TOKEN, "featherless-ai")
    (heard, body) = hear(model, go_on("a b", max_new_tokens=1)), server.faults.requests
    assert body[0][0] == "/featherless-ai/v1/completions"
    assert body[0][2] == {
        "model": "served/m", "prompt": "a b", "max_tokens": 1, "temperature": 0.0, "stream": True, "stream_options": {"include_usage": True},
    }  # fmt: skip
    assert (heard.text, heard.reason) == ("a", "length")
    assert hear(Provider("hf:c", "c", TOKEN, "featherless-ai"), say("a")).text == "a"
    assert server.faults.requests[-1][0] == "/featherless-ai/v1/chat/completions"


@pytest.mark.parametrize(("slow", "words"), [(True, "did not say within 0.1 s"), (False, "cannot be asked who has m")])
def test_a_hub_that_is_slow_or_down(monkeypatch: pytest.MonkeyPatch, slow: bool, words: str):
    import time

    def ask(model: str) -> Any:
        if slow:
            time.sleep(0.3)
        raise ConnectionError("offline")

    monkeypatch.setattr(_common, "_fetch_inference_provider_mapping", ask)
    failure = hear(Provider("hf:m", "m", TOKEN, "together"), say("a"), Timeouts(connect=0.1)).failure
    assert failure.kind == "connect"
    assert words in failure.message


def test_a_hub_that_refuses(monkeypatch: pytest.MonkeyPatch):
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    def ask(model: str) -> Any:
        response = httpx2.Response(404, request=httpx2.Request("GET", "https://huggingface.co/api/models/m"))
        raise HfHubHTTPError("404: no model m", response=response)

    monkeypatch.setattr(_common, "_fetch_inference_provider_mapping", ask)
    failure = hear(Provider("hf:m", "m", TOKEN, "together"), say("a")).failure
    assert (failure.kind, failure.message) == ("refused", "hf:m: 404: no model m")


def test_the_client_still_asks_where_it_did():
    assert _providers.get_provider_helper(None, "conversational", "m").provider == "auto"
    assert _common.AutoRouterConversationalTask().base_url == "https://router.huggingface.co"


def test_a_conversation_keeps_its_roles(server: TgiServer, model: Provider):
    hear(model, Request(messages=(Message("system", "s"), Message("assistant", "t"), Message("user", "u"))))
    assert [message["role"] for message in server.faults.requests[0][2]["messages"]] == ["system", "assistant", "user"]
