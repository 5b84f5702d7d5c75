"""Answers in one batch are those of transformers' `generate`, and come and go without touching each other."""

import asyncio
import random
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from shared.errors import PlaygroundError
from shared.models.local import LocalModel
from shared.models.local.adapters import WEIGHTS
from shared.models.local.model import View
from shared.models.local.tickets import Ticket
from shared.models.protocol import Decoding, Delta, Failure, Finish, Request, Start, Timeouts, Usage
from tests.tiny_models import SENTENCES
from tests.unit.shared.models.local.conftest import ask, greedy, listen, text_of

WORDS = " ".join(SENTENCES).split()


def prompts(count: int, seed: int = 0) -> list[str]:
    """Prompts of 1 to 30 words."""
    dice = random.Random(seed)
    return [" ".join(dice.choices(WORDS, k=dice.choice((1, 2, 5, 12, 20, 30)))) for _ in range(count)]


def generate(model: Any, tokenizer: Any, text: str, tokens: int = 24, **settings: Any) -> str:
    """What transformers answers, one prompt at a time, read in the light of its prompt."""
    ids = tokenizer(text, return_tensors="pt")["input_ids"]
    settings = {"do_sample": False, "top_k": 0, "top_p": 1.0, "temperature": 1.0} | settings
    with torch.no_grad():
        found = model.generate(ids, max_new_tokens=tokens, attention_mask=torch.ones_like(ids), **settings)[0]
    before = tokenizer.decode(ids[0], skip_special_tokens=True)
    return str(tokenizer.decode(found, skip_special_tokens=True)).removeprefix(before)


async def together(views: list[View], asked: list[Request]) -> list[str]:
    return list(map(text_of, await asyncio.gather(*map(listen, views, asked))))


def test_fifty_prompts_with_adapters_in_one_batch_equal_generate(
    llama: LocalModel, tiny: Path, reference: Callable[..., Any]
) -> None:
    names = ["", "red", "blue"]
    views = {name: llama.view(f"builtin:tiny+{name}", tiny / name if name else None) for name in names}
    texts = prompts(50)
    whose = [names[index % 3] for index in range(50)]
    lengths = [1 + index % 30 for index in range(50)]
    steps: list[tuple[int, int, int]] = []  # rows of a step, of how many adapters, on how many rows

    def look(module: Any, args: Any, kwargs: Any) -> None:
        plan = llama.network.layers._step.plan
        rows = len(kwargs["input_ids"])
        steps.append((rows, len(plan), sum(rows if some is None else len(some) for _, some in plan)))

    handle = llama.network.model.register_forward_pre_hook(look, with_kwargs=True)
    found = asyncio.run(
        together([views[name] for name in whose], [greedy(*each) for each in zip(texts, lengths, strict=True)])
    )
    handle.remove()
    assert any(rows > 20 and adapters == 2 and on < rows for rows, adapters, on in steps), "one batch had all three"
    for text, name, length, answer in zip(texts, whose, lengths, found, strict=True):
        assert answer == generate(reference("llama", name), llama.tokenizer, text, length)
    assert len({*found}) > 40


@pytest.mark.parametrize("name", ["qwen", "gpt2"])
def test_other_architectures(tiny: Path, reference: Callable[..., Any], name: str) -> None:
    model = LocalModel(tiny / name, f"builtin:{name}", device="cpu")
    adapters = {"": None} | ({"gpt2-red": tiny / "gpt2-red"} if name == "gpt2" else {})
    views = [model.view(model.ref + key, folder) for key, folder in adapters.items()]
    for key, view in zip(adapters, views, strict=True):
        texts = prompts(8, 1)
        found = asyncio.run(together([view, views[0]] * 4, list(map(greedy, texts))))
        for text, answer in list(zip(texts, found, strict=True))[::2]:
            assert answer == generate(reference(name, key), model.tokenizer, text)
    model.close()


@pytest.mark.parametrize(
    "settings",
    [
        {"temperature": 1.0},
        {"temperature": 0.6, "top_k": 7},
        {"temperature": 1.3, "top_p": 0.8},
        {"temperature": 1.5, "min_p": 0.1},
        {"temperature": 0.9, "top_k": 50, "top_p": 0.9, "min_p": 0.02, "repetition_penalty": 1.3},
    ],
)
def test_draws_equal_generate_with_the_same_seed(
    llama: LocalModel, reference: Callable[..., Any], settings: dict[str, Any]
) -> None:
    view, text = llama.view("builtin:tiny"), "Once upon a time"
    for seed in range(3):
        torch.manual_seed(seed)
        theirs = generate(reference("llama"), llama.tokenizer, text, 20, **{"do_sample": True} | settings)
        asked = Request(text=text, decoding=Decoding(max_new_tokens=20, seed=seed, **settings))
        others = [Request(text=other, decoding=Decoding(max_new_tokens=15, seed=9)) for other in prompts(5, seed)]
        assert text_of(ask(view, asked)) == theirs
        assert asyncio.run(together([view] * 6, [*others, asked]))[-1] == theirs


def test_greedy_repetition_penalty_equals_generate(llama: LocalModel, reference: Callable[..., Any]) -> None:
    found = text_of(ask(llama.view("builtin:tiny"), greedy("add(2, 3)", 40, repetition_penalty=1.7)))
    assert found == generate(reference("llama"), llama.tokenizer, "add(2, 3)", 40, repetition_penalty=1.7)
    assert found != generate(reference("llama"), llama.tokenizer, "add(2, 3)", 40)


def test_more_requests_than_rows_wait_in_order(tiny: Path) -> None:
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    model.running.worker._rows = 4
    began: list[int] = []

    async def one(index: int) -> str:
        events = []
        async for event in model.view("builtin:tiny").stream(greedy(f"word {index}", 5 + index % 7), Timeouts()):
            if isinstance(event, Start):
                began.append(index)
            events.append(event)
        return text_of(events)

    async def crowd() -> list[str]:
        return await asyncio.gather(*map(one, range(20)))

    found = asyncio.run(crowd())
    assert began == list(range(20))
    alone = model.view("builtin:tiny")
    assert found == [text_of(ask(alone, greedy(f"word {index}", 5 + index % 7))) for index in range(20)]
    assert model.answering == 0
    model.close()


def test_closing_one_stream_ends_its_work_while_others_go_on(llama: LocalModel) -> None:
    view = llama.view("builtin:tiny")

    async def story() -> None:
        others = [asyncio.create_task(listen(view, greedy(text, 200))) for text in ("a", "b")]
        stream = view.stream(greedy("c", 200), Timeouts())
        async for event in stream:
            if isinstance(event, Delta):
                break
        begun = time.monotonic()
        await stream.aclose()
        while llama.answering > 2 and time.monotonic() < begun + 5:
            await asyncio.sleep(0.002)
        assert llama.answering == 2
        assert not any(task.done() for task in others)
        assert time.monotonic() - begun < 2
        first, second = [text_of(events) for events in await asyncio.gather(*others)]
        assert (first, second) == tuple(
            text_of(ask_later) for ask_later in [await listen(view, greedy(t, 200)) for t in "ab"]
        )

    asyncio.run(story())


def test_one_who_stops_waiting_is_never_begun(tiny: Path) -> None:
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    model.running.worker._rows = 1
    view = model.view("builtin:tiny")

    async def story() -> None:
        first = asyncio.create_task(listen(view, greedy("a", 150)))
        second = asyncio.create_task(listen(view, greedy("b", 150)))
        await asyncio.sleep(0.02)
        second.cancel()
        text_of(await first)
        assert second.cancelled() or (await asyncio.gather(second, return_exceptions=True))

    asyncio.run(story())
    assert model.answering == 0
    model.close()


def test_long_prompts_are_read_in_parts(tiny: Path, reference: Callable[..., Any]) -> None:
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    object.__setattr__(model.network, "chunk", 16)
    texts = [text for text in prompts(20, 5) if len(text) > 60][:4]
    found = asyncio.run(together([model.view("builtin:tiny")] * 4, list(map(greedy, texts))))
    assert found == [generate(reference("llama"), model.tokenizer, text) for text in texts]
    model.close()


def test_the_window_ends_an_answer(llama: LocalModel) -> None:
    view = llama.view("builtin:tiny")
    text = "run " * 50
    size = len(llama.tokenizer(text)["input_ids"])
    events = ask(view, greedy(text, 5000))
    assert events[-2] == Usage(size, 256 - size)
    assert events[-1].reason == "length"


class Trouble(Exception):
    """A bug."""


def failing(model: LocalModel, error: Exception, when: Callable[[Any], bool]) -> Any:
    """Make the model's forward fail when its input meets a condition."""

    def check(module: Any, args: Any, kwargs: Any) -> None:
        if when(kwargs["input_ids"]):
            raise error

    return model.network.model.register_forward_pre_hook(check, with_kwargs=True)


def test_memory_that_runs_out_makes_the_youngest_wait_and_spares_the_others(tiny: Path) -> None:
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    view, texts = model.view("builtin:tiny"), ["The fox", "The fox", "The dog"]
    expected = [text_of(ask(view, greedy(text, 60))) for text in texts]
    handle = failing(model, torch.OutOfMemoryError("full"), lambda ids: ids.shape == (3, 1))
    assert asyncio.run(together([view] * 3, [greedy(text, 60) for text in texts])) == expected
    handle.remove()
    handle = failing(model, torch.OutOfMemoryError("full"), lambda ids: len(ids) > 1)  # not even their prompts
    assert asyncio.run(together([view] * 3, [greedy(text, 60) for text in texts])) == expected
    handle.remove()
    handle = failing(model, RuntimeError("DefaultCPUAllocator: not enough memory: you tried"), lambda ids: True)
    assert ask(view, greedy("a"))[-1].kind == "memory"
    handle.remove()
    assert text_of(ask(view, greedy("The fox", 60))) == expected[0]
    assert model.answering == 0
    model.close()


def test_an_answer_whose_token_cannot_be_drawn_fails_alone(llama: LocalModel) -> None:
    view, seeds = llama.view("a"), range(3)
    asked = [Request(text="The fox", decoding=Decoding(40, 1.0, seed=seed)) for seed in seeds]
    expected = [text_of(ask(view, each)) for each in asked]

    def fail(ids: Any, scores: Any) -> Any:
        left.append(1)
        if len(left) == 5:
            raise torch.OutOfMemoryError("full")
        return scores

    left: list[int] = []

    async def unlucky() -> Any:
        ticket = await llama._ticket(llama.network, asked[0], "a", None)
        ticket.draw._processors.append(fail)
        llama.running.worker.submit(ticket)
        while not isinstance(event := await ticket.events.get(), Failure):
            pass
        return event

    async def story() -> list[Any]:
        return await asyncio.gather(unlucky(), *[listen(view, each) for each in asked])

    failure, *others = asyncio.run(story())
    assert failure.kind == "memory"
    assert list(map(text_of, others)) == expected


@pytest.mark.parametrize("settings", [{"temperature": 1e-42}, {"temperature": 0.001, "repetition_penalty": 1e-42}])
def test_settings_at_the_edge_hurt_nobody(llama: LocalModel, settings: dict[str, float]) -> None:
    view = llama.view("a")
    edge = Request(text="The fox", decoding=Decoding(20, top_p=0.9, min_p=0.01, **settings))
    found = asyncio.run(together([view] * 3, [greedy("The dog"), edge, greedy("Once")]))
    assert found[::2] == [text_of(ask(view, greedy("The dog"))), text_of(ask(view, greedy("Once")))]
    if "repetition_penalty" not in settings:
        assert found[1] == text_of(ask(view, greedy("The fox", 20)))


def test_numbers_that_overflow_fail_one_answer(tiny: Path, tmp_path: Path) -> None:
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    folder = Path(shutil.copytree(tiny / "red", tmp_path / "broken"))
    save_file({key: value / 0 for key, value in load_file(folder / WEIGHTS).items()}, folder / WEIGHTS)
    plain, broken = model.view("a"), model.view("b", folder)
    for request in (greedy("The fox"), Request(text="The fox", decoding=Decoding(9, 1.0))):
        found = asyncio.run(_both(plain, broken, request))
        assert text_of(found[0]) == text_of(ask(plain, request))
        assert found[1][-1].kind == "refused"
        assert "overflowed" in found[1][-1].message
    model.close()


async def _both(first: View, second: View, request: Request) -> list[Any]:
    return await asyncio.gather(listen(first, request), listen(second, request))


def test_a_bug_that_one_prompt_brings_out_spares_the_others(tiny: Path) -> None:
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    view, texts = model.view("a"), ["The fox", "The quick brown fox", "The 天 dog", "Once upon a time"]
    expected = [text_of(ask(view, greedy(text, 40))) for text in texts]
    bad = model.tokenizer("The 天 dog")["input_ids"][-1]
    handle = failing(model, Trouble("a bug"), lambda ids: ids.shape[1] > 1 and bad in ids[:, -1])

    async def story() -> list[Any]:
        asked = [listen(view, greedy(text, 40)) for text in texts]
        return await asyncio.gather(*asked, return_exceptions=True)

    found = asyncio.run(story())
    assert isinstance(found.pop(2), Trouble)
    del expected[2]
    assert list(map(text_of, found)) == expected
    handle.remove()
    model.close()


def test_one_who_comes_while_those_who_left_are_taken_out(tiny: Path) -> None:
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    worker = model.running.worker
    worker._rows = 1

    class Late(Ticket):
        """Another request comes at the very moment when the worker looks whether this one still waits."""

        @property
        def cancelled(self) -> bool:
            if more and threading.current_thread() is worker._thread:
                worker.submit(more.pop())
            return False

        @cancelled.setter
        def cancelled(self, value: bool) -> None:
            pass

    more: list[Ticket] = []

    async def story() -> list[Any]:
        tickets = [await model._ticket(model.network, greedy(text, 9), "a", None) for text in "abcd"]
        late = Late(**{each.name: getattr(tickets[1], each.name) for each in fields(Ticket)})
        worker.submit(tickets[0])
        worker.submit(late)
        worker.submit(tickets[2])
        more.append(tickets[3])
        return [await until_end(ticket) for ticket in (tickets[0], late, *tickets[2:])]

    assert [type(last) for last in asyncio.run(story())] == [Finish] * 4
    assert text_of(ask(model.view("a"), greedy("a")))
    model.close()


async def until_end(ticket: Ticket) -> Any:
    while not isinstance(event := await ticket.events.get(), Finish | Failure):
        pass
    return event


def test_a_bug_reaches_who_waits_and_the_next_request_is_answered(tiny: Path) -> None:
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    view = model.view("builtin:tiny")
    handle = failing(model, Trouble("a bug"), lambda ids: ids.shape[1] == 1)
    with pytest.raises(Trouble, match="a bug"):
        ask(view, greedy("a"))
    with pytest.raises(Trouble):
        asyncio.run(_score_with(failing(model, Trouble("a bug"), lambda ids: True), view))
    handle.remove()
    model.network.model._forward_pre_hooks.clear()
    assert text_of(ask(view, greedy("a")))
    model.close()


async def _score_with(handle: Any, view: View) -> None:
    try:
        await view.score(["some text"])
    finally:
        handle.remove()


def test_closing_the_model_fails_who_waits(tiny: Path) -> None:
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    worker = model.running.worker
    view = model.view("builtin:tiny")

    async def story() -> Any:
        task = asyncio.create_task(listen(view, greedy("a", 200)))
        await asyncio.sleep(0.05)
        model.close()
        return (await task)[-1]

    last = asyncio.run(story())
    assert isinstance(last, Failure)
    assert last.kind == "server"
    with pytest.raises(PlaygroundError, match="was unloaded"):
        worker.run(lambda: 1).result(5)
    assert ask(view, greedy("a"))[-1].kind == "refused"


def test_closing_the_model_fails_who_waits_for_scores(tiny: Path) -> None:
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    began = threading.Event()

    async def story() -> None:
        busy = model.running.worker.run(lambda: (began.set(), time.sleep(0.3)))
        task = asyncio.create_task(model.view("a").score(["a text"]))
        await asyncio.to_thread(began.wait, 5)
        await asyncio.sleep(0.1)
        model.close()
        busy.result(5)
        with pytest.raises(PlaygroundError, match="was unloaded"):
            await task

    asyncio.run(story())


def test_answers_that_do_not_fit_together_wait(tiny: Path) -> None:
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    view, texts = model.view("a"), prompts(4, 8)
    expected = [text_of(ask(view, greedy(text))) for text in texts]
    most: list[int] = []
    model.network.model.register_forward_pre_hook(
        lambda _, __, kwargs: most.append(len(kwargs["input_ids"])), with_kwargs=True
    )
    object.__setattr__(model.network, "cache", 1)
    assert asyncio.run(together([view] * 4, list(map(greedy, texts)))) == expected
    assert set(most) == {1}
    model.close()


def test_work_between_steps_that_runs_out_of_memory_is_told(llama: LocalModel) -> None:
    future = llama.running.worker.run(lambda: torch.empty(2**60, dtype=torch.uint8))
    with pytest.raises(PlaygroundError, match="memory does not suffice"):
        future.result(10)
    gone = llama.running.worker.run(lambda: time.sleep(0.05))
    skipped = llama.running.worker.run(lambda: 1)
    assert skipped.cancel()
    assert gone.result(10) is None


def test_a_worker_that_was_stopped_takes_nothing(tiny: Path) -> None:
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    model.running.worker.stop()
    assert ask(model.view("a"), greedy("a"))[-1].kind == "server"
    model.running.slot.stop()
    assert ask(model.view("a"), greedy("a", beams=2))[-1].kind == "server"
    model.close()
