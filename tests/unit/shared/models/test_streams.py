"""Time-outs, truncation and stopping, with backends that do what servers do."""

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import aclosing

import pytest

from shared.errors import PlaygroundError
from shared.models.protocol import (
    Delta,
    Event,
    Failure,
    Finish,
    Message,
    Request,
    Scored,
    Start,
    Timeouts,
    ToolCall,
    Usage,
)
from shared.models.streams import Loop, guarded, play

ASKED = Request(messages=(Message("user", "Hello"),))
QUICK = Timeouts(connect=0.05, first_token=0.2, inter_token=0.1, total=0.6)


class Says:
    """Answers with these events, each after its delay in seconds; None as an event raises."""

    ref = "scripted:says"

    def __init__(self, *script: tuple[float, Event | None]) -> None:
        self.script = script
        self.stopped = threading.Event()

    async def stream(self, request: Request, timeouts: Timeouts) -> AsyncIterator[Event]:
        try:
            for delay, event in self.script:
                await asyncio.sleep(delay)
                if event is None:
                    raise ZeroDivisionError("a bug")
                yield event
        finally:
            self.stopped.set()

    async def score(self, texts: Sequence[str], contexts: Sequence[str] = ()) -> list[Scored]:
        return []

    async def close(self) -> None: ...


@pytest.fixture
def loop() -> Iterator[Loop]:
    made = Loop()
    yield made
    made.close()


def events(*script: tuple[float, Event | None]) -> list[Event]:
    async def collect() -> list[Event]:
        return [event async for event in guarded(Says(*script), ASKED, QUICK)]

    return asyncio.run(collect())


START, HI, DONE = Start("m"), Delta("Hi"), Finish("stop")


def test_a_complete_answer_passes_as_it_is() -> None:
    script = [START, HI, Delta(" there"), Usage(3, 2), DONE]
    assert events(*[(0, event) for event in script]) == script


def test_nothing_follows_the_end() -> None:
    assert events((0, START), (0, HI), (0, DONE), (0, HI))[-1] == DONE
    failed = Failure("server", "out of order")
    assert events((0, START), (0, failed), (0, HI))[-1] == failed


def test_an_end_without_finish_is_truncated() -> None:
    last = events((0, START), (0, HI))[-1]
    assert isinstance(last, Failure)
    assert last.kind == "truncated"
    assert "scripted:says" in last.message


def test_a_finish_after_nothing_is_empty_but_a_tool_call_is_something() -> None:
    last = events((0, START), (0, DONE))[-1]
    assert isinstance(last, Failure)
    assert last.kind == "empty"
    assert events((0, START), (0, ToolCall("f", "{}")), (0, Finish("tool_calls")))[-1] == Finish("tool_calls")
    assert events((0, START), (0, Finish("content_filter")))[-1] == Finish("content_filter")


@pytest.mark.parametrize(
    ("script", "kind"),
    [
        ([(0.4, START)], "first_token"),  # neither connected nor refused: the backend's own limit failed
        ([(0, START), (0.4, HI)], "first_token"),
        ([(0, START), (0, HI), (0.4, HI)], "inter_token"),
        ([(0, START), *[(0.08, HI)] * 12, (0, DONE)], "total"),
    ],
    ids=["nothing", "no first token", "silence", "endless"],
)
def test_each_time_out_says_which_it_was(script: list, kind: str) -> None:
    last = events(*script)[-1]
    assert isinstance(last, Failure)
    assert last.kind == kind
    assert f"{getattr(QUICK, kind)} s" in last.message


def test_within_the_limits_slow_is_fine() -> None:
    assert events((0, START), (0.12, HI), (0.06, HI), (0, DONE))[-1] == DONE


def test_the_time_that_the_listener_takes_is_not_the_servers_silence() -> None:
    async def slowly() -> list[Event]:
        heard = []
        async for event in guarded(Says((0, START), (0, HI), (0, HI), (0, DONE)), ASKED, QUICK):
            heard.append(event)
            time.sleep(0.12)  # longer than a server may be silent
        return heard

    assert asyncio.run(slowly()) == [START, HI, HI, DONE]


def test_closing_early_closes_the_backend() -> None:
    says = Says((0, START), (0, HI), (10, DONE))

    async def one() -> None:
        async with aclosing(guarded(says, ASKED)) as stream:  # type: ignore[type-var]
            await anext(stream)

    asyncio.run(one())
    assert says.stopped.is_set()


def test_play_gives_everything_in_order(loop: Loop) -> None:
    script = [START, *[Delta(str(i)) for i in range(50)], Usage(1, 50), DONE]
    got = [e for batch in play(loop, Says(*[(0.001, e) for e in script]), ASKED) for e in batch]
    assert got == script


def test_play_joins_what_comes_quickly_and_gives_turns_while_nothing_comes(loop: Loop) -> None:
    fast = list(play(loop, Says(*[(0.002, HI)] * 60, (0, DONE)), ASKED))
    assert len(fast) < 12, "sixty pieces in 0.12 s are a handful of batches"
    silent = list(play(loop, Says((0, START), (0.45, HI), (0, DONE)), ASKED))
    assert silent.count([]) >= 2


def test_closing_play_stops_the_backend_soon(loop: Loop) -> None:
    says = Says((0, START), (0, HI), (30, DONE))
    stream = play(loop, says, ASKED)
    assert START in next(stream)
    stream.close()  # type: ignore[attr-defined]
    assert says.stopped.wait(2)


def test_a_bug_in_a_backend_keeps_its_traceback(loop: Loop) -> None:
    with pytest.raises(ZeroDivisionError, match="a bug"):
        list(play(loop, Says((0, START), (0, None)), ASKED))


def test_fifty_answers_at_once_do_not_mix(loop: Loop) -> None:
    answers: dict[int, str] = {}

    def ask(i: int) -> None:
        says = Says((0, START), *[(0.005, Delta(f"{i},"))] * 10, (0, DONE))
        answers[i] = "".join(e.text for batch in play(loop, says, ASKED) for e in batch if isinstance(e, Delta))

    threads = [threading.Thread(target=ask, args=(i,)) for i in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert answers == {i: f"{i}," * 10 for i in range(50)}


def test_closing_the_loop_stops_what_runs() -> None:
    loop, says = Loop(), Says((0, START), (60, DONE))
    stream = play(loop, says, ASKED)
    next(stream)
    began = time.monotonic()
    loop.close()
    loop.close()
    assert says.stopped.is_set()
    assert time.monotonic() - began < 10


def test_an_answer_that_the_end_of_the_server_cuts_ends_with_a_failure() -> None:
    loop = Loop()
    stream = play(loop, Says((0, START), (0, HI), (60, DONE)), ASKED)
    heard = [*next(stream), *next(stream)]
    loop.close()
    heard += [event for some in stream for event in some]
    assert heard[:2] == [START, HI]
    assert isinstance(heard[-1], Failure)
    assert heard[-1].kind == "truncated"
    assert "server is stopping" in heard[-1].message


def test_a_closed_loop_starts_nothing_and_says_so() -> None:
    loop = Loop()
    loop.close()
    with pytest.raises(PlaygroundError, match="server is stopping"):
        loop.run(asyncio.sleep(0))
    with pytest.raises(PlaygroundError, match="server is stopping"):
        list(play(loop, Says((0, DONE)), ASKED))


def test_nothing_that_begins_while_the_loop_closes_waits_for_ever() -> None:
    for _ in range(20):
        loop, ended = Loop(), []

        def ask(loop: Loop = loop, ended: list[object] = ended) -> None:
            try:
                while True:
                    loop.run(asyncio.sleep(0))
            except (PlaygroundError, CancelledError) as error:
                ended.append(error)

        threads = [threading.Thread(target=ask) for _ in range(4)]
        for thread in threads:
            thread.start()
        loop.close()
        for thread in threads:
            thread.join(10)
        assert len(ended) == 4
