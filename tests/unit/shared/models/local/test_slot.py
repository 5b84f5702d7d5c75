"""Beam search, draft models and models that cannot be padded, through transformers' `generate` beside the batch."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from shared.models.local import LocalModel
from shared.models.protocol import Decoding, Delta, Failure, Request, Timeouts
from tests.tiny_models import tiny_gpt2, tiny_llama
from tests.unit.shared.models.local.conftest import ask, greedy, listen, text_of
from tests.unit.shared.models.local.test_batching import failing, generate, prompts


@pytest.fixture(scope="module")
def drafted(tiny: Path) -> Iterator[LocalModel]:
    """A model with itself as its draft, so that every proposal of a greedy answer is right."""
    draft = LocalModel(tiny / "llama", "builtin:draft", device="cpu")
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu", draft=draft)
    yield model
    model.close()
    draft.close()


@pytest.mark.parametrize("adapter", ["", "red"])
def test_beams_equal_generate(llama: LocalModel, tiny: Path, reference: Callable[..., Any], adapter: str) -> None:
    view = llama.view("builtin:tiny+x", tiny / adapter if adapter else None)
    for text in prompts(4, 2):
        request = Request(text=text, decoding=Decoding(max_new_tokens=12, temperature=0, beams=3))
        expected = generate(reference("llama", adapter), llama.tokenizer, text, 12, num_beams=3)
        assert text_of(ask(view, request)) == expected


def test_beams_go_beside_the_batch_and_tell_log_probabilities(llama: LocalModel) -> None:
    view = llama.view("builtin:tiny")

    async def story() -> list[Any]:
        beams = Request(text="The fox", decoding=Decoding(12, temperature=0, beams=2), logprobs=1)
        return await asyncio.gather(listen(view, beams), listen(view, greedy("a")), listen(view, greedy("b")))

    beam, *others = asyncio.run(story())
    assert all(map(text_of, others))
    tokens = [token for event in beam if isinstance(event, Delta) for token in event.tokens]
    assert len(tokens) == 12
    (scored,) = asyncio.run(view.score([llama.tokenizer.decode([token.id for token in tokens])], ["The fox"]))
    if [token.id for token in scored.tokens] == [token.id for token in tokens]:
        assert [t.logprob for t in tokens] == pytest.approx([t.logprob for t in scored.tokens], abs=1e-5)


@pytest.mark.parametrize("temperature", [0.0, 0.9])
def test_a_draft_changes_no_answer(drafted: LocalModel, llama: LocalModel, temperature: float) -> None:
    for seed, text in enumerate(prompts(6, 4)):
        request = Request(text=text, decoding=Decoding(20, temperature, seed=seed, repetition_penalty=1.1))
        assert text_of(ask(drafted.view("a"), request)) == text_of(ask(llama.view("a"), request))


def test_a_draft_of_another_kind_changes_no_answer(tiny: Path, llama: LocalModel, tmp_path: Path) -> None:
    draft = LocalModel(tiny_llama(tmp_path / "draft", layers=1, seed=9, vocab=320), "builtin:draft", device="cpu")
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu", draft=draft)
    for text in prompts(3, 4):
        assert text_of(ask(model.view("a"), greedy(text))) == text_of(ask(llama.view("a"), greedy(text)))
    model.close()
    draft.close()


def test_a_draft_of_another_kind_is_not_asked_where_draws_could_not_be_compared(
    tiny: Path, llama: LocalModel, tmp_path: Path
) -> None:
    draft = LocalModel(tiny_llama(tmp_path / "draft", layers=1, seed=9, vocab=320), "builtin:draft", device="cpu")
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu", draft=draft)
    request = Request(text="The quick brown fox", decoding=Decoding(20, 0.9, seed=3))
    assert text_of(ask(model.view("a"), request)) == text_of(ask(llama.view("a"), request))
    model.close()
    draft.close()


def test_a_draft_with_a_smaller_window_is_asked_where_it_has_room(
    tiny: Path, llama: LocalModel, tmp_path: Path
) -> None:
    draft = LocalModel(tiny_gpt2(tmp_path / "draft", window=32), "builtin:draft", device="cpu")
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu", draft=draft)
    steps: list[int] = []
    draft.network.model.register_forward_hook(lambda *_: steps.append(1))
    for tokens in (60, 12):
        request = greedy("The fox", tokens)
        assert not steps
        assert text_of(ask(model.view("a"), request)) == text_of(ask(llama.view("a"), request))
    assert steps
    model.close()
    draft.close()


def test_a_draft_saves_steps(drafted: LocalModel) -> None:
    steps = []
    handle = drafted.network.model.register_forward_hook(lambda *_: steps.append(1))
    text_of(ask(drafted.view("a"), greedy("The quick brown", 40)))
    handle.remove()
    assert 0 < len(steps) < 30


def test_models_that_cannot_be_padded_draw_the_same(tiny: Path, llama: LocalModel) -> None:
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    object.__setattr__(model.network, "batches", False)
    for decoding in (Decoding(20, 0.0), Decoding(20, 1.1, top_k=9, seed=4)):
        request = Request(text="Once upon", decoding=decoding, logprobs=2)
        mine, theirs = ask(model.view("a"), request), ask(llama.view("a"), request)
        assert text_of(mine) == text_of(theirs)
        both = [[t for e in events if isinstance(e, Delta) for t in e.tokens] for events in (mine, theirs)]
        assert [t.id for t in both[0]] == [t.id for t in both[1]]
        assert [t.logprob for t in both[0]] == pytest.approx([t.logprob for t in both[1]], abs=1e-4)
        assert len(both[0][0].top) == 2
    model.close()


def test_an_answer_that_the_end_of_the_model_breaks_off_is_not_complete(tiny: Path) -> None:
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    object.__setattr__(model.network, "batches", False)

    async def story() -> list[Any]:
        found = []
        async for event in model.view("a").stream(greedy("a", 240), Timeouts()):
            found.append(event)
            if len(found) == 3:
                await asyncio.to_thread(model.close)
        return found

    last = asyncio.run(story())[-1]
    assert isinstance(last, Failure), last
    assert last.kind == "server"


def test_closing_a_stream_ends_a_beam(llama: LocalModel) -> None:
    async def story() -> None:
        request = Request(text="a", decoding=Decoding(250, temperature=0, beams=4))
        task = asyncio.create_task(listen(llama.view("a"), request))
        second = asyncio.create_task(listen(llama.view("a"), request))
        await asyncio.sleep(0.05)
        assert llama.answering == 2
        task.cancel()
        second.cancel()
        for _ in range(500):
            await asyncio.sleep(0.01)
            if llama.answering == 0:
                return
        raise AssertionError("it went on")

    asyncio.run(story())


def test_stop_texts_end_beams(llama: LocalModel) -> None:
    plain = text_of(ask(llama.view("a"), Request(text="a", decoding=Decoding(20, 0.0, beams=2))))
    stop = plain[3:5]
    cut = ask(llama.view("a"), Request(text="a", decoding=Decoding(20, 0.0, beams=2, stop=[stop])))
    assert text_of(cut) == plain[: plain.index(stop)]
    assert cut[-1].reason == "stop"


def test_memory_bugs_and_closing(tiny: Path) -> None:
    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    request = Request(text="a", decoding=Decoding(200, 0.0, beams=2))
    handle = failing(model, torch.OutOfMemoryError("full"), lambda ids: True)
    assert ask(model.view("a"), request)[-1].kind == "memory"
    handle.remove()
    handle = failing(model, ZeroDivisionError("a bug"), lambda ids: True)
    with pytest.raises(ZeroDivisionError, match="a bug"):
        ask(model.view("a"), request)
    handle.remove()
    slot = model.running.slot

    async def story() -> list[Any]:
        tasks = [asyncio.create_task(listen(model.view("a"), request)) for _ in range(2)]
        await asyncio.sleep(0.05)
        model.close()
        return [(await task)[-1] for task in tasks]

    for last in asyncio.run(story()):
        assert isinstance(last, Failure)
        assert last.kind == "server"

    async def late() -> Any:
        stream = model.view("a").stream(request, Timeouts())
        return await anext(stream)

    assert asyncio.run(late()).kind == "refused"
    assert slot.answering == 0
