import asyncio
from contextlib import aclosing

import pytest

from shared.errors import PlaygroundError
from shared.models.protocol import Delta, Failure, Finish, Request, Start, Timeouts, Usage
from shared.models.scripted import Scripted, pieces
from tests.answers import go_on, hear, say


def test_the_script_is_played_and_the_request_kept():
    script = (Start("m"), (0.01, Delta("a")), Delta("b"), Usage(1, 2), Finish("stop"))
    backend = Scripted("scripted:x", script)
    heard = hear(backend, say("hello"))
    assert heard.events == [Start("m"), Delta("a"), Delta("b"), Usage(1, 2), Finish("stop")]
    assert backend.ref == "scripted:x"
    assert backend.requests == [say("hello")]
    assert (backend.running, backend.stopped) == (0, 0)


def test_a_script_may_be_a_function_of_the_request_that_never_ends():
    def forever(request: Request):
        while True:
            yield Delta(request.text)

    backend = Scripted("scripted:x", forever)

    async def three() -> list:
        async with aclosing(backend.stream(go_on("ab"), Timeouts())) as events:
            return [await anext(events) for _ in range(3)]

    assert asyncio.run(three()) == [Delta("ab")] * 3
    assert (backend.running, backend.stopped) == (0, 1)


def test_a_script_without_a_finish_is_truncated_and_not_stopped():
    backend = Scripted("scripted:x", [Delta("a")])
    assert hear(backend, say("x")).failure.kind == "truncated"
    assert backend.stopped == 0


def test_closing_after_the_last_event_is_no_stop():
    backend = Scripted("scripted:x", [Delta("a"), Failure("server", "no"), Delta("never")])
    assert hear(backend, say("x")).failure.message == "no"
    assert backend.stopped == 0


def test_a_connection_that_takes_too_long():
    backend = Scripted.echo(connect=0.02)
    heard = hear(backend, say("x"), Timeouts(connect=0.01))
    assert heard.failure.kind == "connect"
    assert backend.stopped == 0
    assert hear(backend, say("x"), Timeouts(connect=0.03)).text == "x"


@pytest.mark.parametrize(
    ("settings", "text", "reason"),
    [
        ({}, "one two 你好", "stop"),
        ({"max_new_tokens": 2}, "one two", "length"),
        ({"max_new_tokens": 4}, "one two 你好", "stop"),
        ({"stop": ["wo"]}, "one t", "stop"),
        ({"stop": ["e t", "two"]}, "on", "stop"),
        ({"stop": ["one"]}, "", "stop"),
        ({"stop": ["absent", ""], "max_new_tokens": 1}, "one", "length"),
    ],
)
def test_echo_keeps_the_settings(settings: dict, text: str, reason: str):
    heard = hear(Scripted.echo(), say("one two 你好", **settings), guard=False)
    assert (heard.text, heard.reason) == (text, reason)
    assert heard.usage.prompt_tokens == 4
    assert heard.usage.answer_tokens == len(heard.of(Delta))


def test_echo_shuffles_by_the_seed():
    text = "a b c d e f g h"
    answers = {seed: hear(Scripted.echo(), say(text, temperature=1.0, seed=seed)).text for seed in (1, 2, 1)}
    assert answers[1] != answers[2]
    assert hear(Scripted.echo(), say(text, temperature=1.0, seed=1)).text == answers[1]
    assert sorted(answers[1].split()) == text.split()


def test_echo_of_nothing_is_empty():
    assert hear(Scripted.echo(), Request()).failure.kind == "empty"


def test_echo_tells_tokens_when_asked():
    heard = hear(Scripted.echo(), Request(text="a b", logprobs=3))
    assert [(token.text, token.top) for token in heard.tokens] == [
        (t, ((t, 0.0),)) for t in (d.text for d in heard.of(Delta))
    ]
    assert hear(Scripted.echo(), Request(text="a b", logprobs=0)).tokens[0].top == ()
    assert hear(Scripted.echo(), Request(text="a b")).tokens == []


def test_scores_come_from_the_table():
    backend = Scripted.echo(scores={"a": -0.1, "b": -0.3})
    alone, after, unknown = asyncio.run(backend.score(["a b", "b", "c"], ["", "a ", "a "]))
    assert [token.logprob for token in alone.tokens] == [0.0, -0.3]
    assert (alone.first, alone.greedy) == (False, True)
    assert [(token.text, token.logprob) for token in after.tokens] == [(" b", -0.3)]
    assert after.first
    assert (unknown.tokens[-1].logprob, unknown.greedy) == (-2.0, False)
    assert asyncio.run(backend.score([])) == []


def test_without_a_table_nothing_is_scored():
    backend = Scripted("scripted:x")
    with pytest.raises(PlaygroundError, match="scripted:x cannot score"):
        asyncio.run(backend.score(["a"]))
    asyncio.run(backend.close())
    assert backend.closed


@pytest.mark.parametrize("text", ["", "a", " a  b ", "你好 a\n\nb", "日本語", "नमस्ते दुनिया"])
def test_pieces_are_the_text(text: str):
    assert "".join(pieces(text)) == text
