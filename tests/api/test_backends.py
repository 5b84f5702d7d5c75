"""The contract that all five backends keep: one test, whoever answers; `tests/backends.py` says how each is made."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from shared.models.openai import OpenAi
from shared.models.protocol import Backend, Delta, Failure, Finish, Request, Start, Timeouts, Usage
from shared.models.provider import Provider
from shared.models.scripted import Scripted
from shared.models.tgi import Tgi
from tests.answers import ROOMY, go_on, hear, say, tight
from tests.backends import FIVE, KEY, LONG, Case, make_case, make_models, stop, wait_for
from tests.openai_server import OpenAiServer, Served
from tests.tgi_server import TgiServer


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return make_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="module", params=FIVE)
def case(
    request: pytest.FixtureRequest, folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Case]:
    with ExitStack() as stack:
        yield make_case(request.param, folders, tmp_path_factory.mktemp(request.param) / "home", stack)


def test_an_answer_streams(case: Case):
    heard = hear(case.quick, go_on(case.prompt, max_new_tokens=8))
    assert heard.start.model
    assert len(heard.of(Start)) == 1
    assert len(heard.of(Delta)) >= 3
    assert all(delta.text for delta in heard.of(Delta))
    assert heard.usage.prompt_tokens >= 8
    assert 3 <= heard.usage.answer_tokens <= 8
    assert isinstance(heard.last, Finish)
    kinds = [type(event) for event in heard.events if not isinstance(event, Delta)]
    assert kinds == [Start, Usage, Finish]


def test_messages_are_answered(case: Case):
    heard = hear(case.quick, say(case.prompt, max_new_tokens=8))
    assert heard.text
    assert heard.reason in {"stop", "length"}
    assert heard.usage.prompt_tokens >= 8


def test_a_text_is_continued_without_a_template(case: Case):
    heard = hear(case.quick, go_on(case.prompt, max_new_tokens=4))
    assert heard.start.prompt == case.prompt
    assert (heard.reason, heard.usage.answer_tokens) == ("length", 4)


def test_greedy_answers_are_the_same_and_a_longer_one_begins_with_a_shorter(case: Case):
    short, long, again = (hear(case.quick, go_on(case.prompt, max_new_tokens=n)).text for n in (4, 12, 12))
    assert long == again
    assert long.startswith(short)
    assert len(long) > len(short)


def test_a_stop_text_ends_the_answer_and_is_no_part_of_it(case: Case):
    whole = hear(case.quick, go_on(case.prompt, max_new_tokens=12)).text
    mark = whole[len(whole) // 2 :][:3]
    heard = hear(case.quick, go_on(case.prompt, max_new_tokens=12, stop=["\u2603", mark]))
    assert heard.text == whole[: whole.index(mark)]
    assert heard.reason == "stop"


def test_the_same_seed_gives_the_same_answer_and_another_another(case: Case):
    answers = [
        hear(case.quick, go_on(case.prompt, temperature=1.5, seed=seed, max_new_tokens=10)).text
        for seed in (0, 1, 2, 0, 1, 2)
    ]
    assert answers[:3] == answers[3:]
    assert len(set(answers)) > 1


@pytest.mark.parametrize(
    ("kind", "timeouts"),
    [
        ("first_token", Timeouts(first_token=0.0005, connect=1)),
        ("inter_token", Timeouts(inter_token=0.0005)),
        ("total", Timeouts(total=0.15)),
    ],
)
def test_time_outs(case: Case, kind: str, timeouts: Timeouts):
    failure = hear(case.slow, case.long, timeouts).failure
    assert failure.kind == kind
    assert wait_for(lambda: not case.busy()) < 2


def test_stopping_ends_the_work(case: Case, capsys: pytest.CaptureFixture[str], request: pytest.FixtureRequest):
    closing, took = stop(case)
    with capsys.disabled():
        print(f" [{request.node.callspec.params['case']}: work ended {1000 * took:.0f} ms after stop] ", end="")
    assert closing < 0.2
    assert took < 1
    assert hear(case.quick, go_on(case.prompt, max_new_tokens=2)).reason == "length"  # and it answers the next one


def test_several_answers_at_once_are_not_mixed_up(case: Case):
    requests = [go_on(f"{word} {case.prompt}", max_new_tokens=6) for word in ("One", "Two", "Three", "Four")]
    alone = [hear(case.quick, request).text for request in requests]

    async def together() -> list[str]:
        async def one(request: Request) -> str:
            return "".join(
                [event.text async for event in case.quick.stream(request, Timeouts()) if isinstance(event, Delta)]
            )

        return await asyncio.gather(*map(one, requests))

    assert asyncio.run(together()) == alone


def test_the_key_stands_nowhere(case: Case):
    assert KEY not in repr(case.quick) + repr(hear(case.quick, say("a b c d e f g h", max_new_tokens=3)).events)


# What goes wrong on the way. A local model has no way to go wrong on; what it cannot answer stands further below.

SERVED = ("tgi", "openai", "provider")
FAULTS: list[tuple[str, str, str, float | None]] = [
    ("busy", "overloaded", "Slow down, 12 requests are waiting", 7),
    ("failing", "server", "CUDA error: device-side assert triggered", None),
    ("refusing", "refused", "Input should be at most 64", None),
    ("gateway", "server", "502 Bad Gateway", None),
    ("web_page", "malformed", "502 Bad Gateway", None),
    ("echo_key", "refused", "Incorrect API key provided: Bearer ***", None),
    ("elsewhere", "refused", "is not followed", None),
    ("hangs_up", "truncated", "", None),
    ("closes", "truncated", "", None),
    ("ends", "truncated", "", None),
    ("done", "truncated", "", None),
    ("not_utf8", "malformed", "no UTF-8", None),
    ("no_json", "malformed", "Traceback (most recent call last)", None),
    ("long_line", "malformed", "4 MiB", None),
    ("says_error", "server", "the worker died", None),
    ("says_busy", "overloaded", "Model is overloaded", None),
    ("nothing", "first_token", "", None),
    ("deaf", "first_token", "", None),
    ("silent", "inter_token", "", None),
    ("empty", "empty", "", None),
    ("endless", "total", "", None),
]


@pytest.fixture(params=SERVED)
def faulty(request: pytest.FixtureRequest) -> Iterator[tuple[Served, Backend]]:
    with OpenAiServer() if request.param == "openai" else TgiServer() as server:
        if request.param == "openai":
            yield server, OpenAi("openai:fake/m", server.url, "m", KEY)
        elif request.param == "tgi":
            yield server, Tgi("tgi:fake", server.url, KEY)
        else:
            yield server, Provider("provider:m", "m", KEY, endpoint=server.url)


@pytest.mark.parametrize(("kind", "expected", "words", "retry"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_server_that_misbehaves(
    faulty: tuple[Served, Backend], kind: str, expected: str, words: str, retry: float | None
):
    server, backend = faulty
    server.faults.kind, server.faults.delay = kind, 0.005
    heard = hear(backend, say("one two three four five six", max_new_tokens=2000), tight(expected))
    assert heard.failure.kind == expected
    assert words in heard.failure.message
    assert heard.failure.retry_after == retry
    assert KEY not in repr(heard.events)
    assert wait_for(lambda: server.faults.running == 0) < 2


def test_a_server_that_is_down(faulty: tuple[Served, Backend]):
    server, backend = faulty
    server.__exit__()
    failure = hear(backend, say("a"), ROOMY).failure
    server.__exit__ = lambda *_: None  # type: ignore[method-assign]
    assert failure.kind == "connect"


@pytest.mark.parametrize("kind", SERVED)
def test_a_connection_that_is_not_taken(kind: str):
    with socket.socket() as full, ExitStack() as stack:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):  # the queue of connections fills; the next one is left hanging
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
        url = f"http://127.0.0.1:{full.getsockname()[1]}"
        made: dict[str, Any] = {
            "openai": lambda: OpenAi("openai:x/m", url, "m"), "tgi": lambda: Tgi("tgi:x", url), "provider": lambda: Provider("p:m", "m", endpoint=url),
        }  # fmt: skip
        failure = hear(made[kind](), say("a"), Timeouts(connect=0.2, first_token=5)).failure
    assert failure.kind == "connect"
    assert "within 0.2 s" in failure.message


SCRIPTS: list[tuple[str, Any]] = [
    ("truncated", [Start("m"), Delta("a")]),
    ("empty", [Start("m"), Finish("stop")]),
    ("overloaded", [Failure("overloaded", "later", 7.0)]),
    ("malformed", [Start("m"), Delta("a"), Failure("malformed", "no UTF-8")]),
    ("first_token", [Start("m"), (60.0, Delta("a"))]),
    ("inter_token", [Start("m"), Delta("a"), (60.0, Delta("b"))]),
]


@pytest.mark.parametrize(("kind", "script"), SCRIPTS, ids=[kind for kind, _ in SCRIPTS])
def test_a_script_that_misbehaves(kind: str, script: Any):
    backend = Scripted("scripted:x", script)
    assert hear(backend, say("a"), tight(kind)).failure.kind == kind
    assert backend.running == 0


@pytest.mark.parametrize("case", ["local"], indirect=True)
@pytest.mark.parametrize(
    ("request_", "words"),
    [
        (say(LONG), "tokens"),
        (Request(), "empty"),
        (say("a", temperature=1.0, beams=2), "eam"),
        (say("a", json_schema="{"), "Schema"),
    ],
)
def test_what_a_local_model_cannot_answer(case: Case, request_: Request, words: str):
    failure = hear(case.quick, request_).failure
    assert failure.kind == "refused"
    assert words in failure.message
