"""Backends on models that come and go."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

import pytest

from shared.env import Environment
from shared.errors import PlaygroundError
from shared.hardware import Gpu, Machine
from shared.models.builtin import builtin
from shared.models.lending import Kept, Lent, Resident
from shared.models.memory import Budget
from shared.models.places import Place
from shared.models.protocol import Backend, Delta, Event, Failure, Finish, Request, Start, Timeouts
from shared.models.residents import Residents
from shared.models.scripted import Scripted
from tests.unit.shared.models.toys import WORDS, Loader, Toy, make_embedded

ASKED = Request(text="x")


async def heard(backend: Backend) -> list[Event]:
    async with aclosing(cast(Any, backend.stream(ASKED, Timeouts()))) as events:
        return [event async for event in events]


@pytest.fixture
def pool() -> Any:
    with ThreadPoolExecutor(2) as made:
        yield made


class Shelf:
    """One budget, and lent backends on it."""

    def __init__(self, pool: ThreadPoolExecutor, limit: int = 784, patience: float = 0.2, **loader: Any) -> None:
        self.pool, self.loader = pool, Loader(**loader)
        self.budget: Budget[Resident] = Budget(limit, patience)

    def lend(self, name: str, adapter: Path | None = None) -> Lent:
        def load() -> Any:
            fill = lambda: Resident(self.loader(Path(name), name, "", None))  # noqa: E731
            return self.budget.hold(name, 784, fill)

        return Lent(name, adapter, name, self.budget, load, self.pool)


def test_a_prepared_model_answers_and_scores(pool: ThreadPoolExecutor) -> None:
    shelf = Shelf(pool)
    lent = shelf.lend("a")
    lent.prepare()
    assert asyncio.run(heard(lent)) == list(WORDS)
    assert [token.text for token in asyncio.run(lent.score(["two words"]))[0].tokens] == ["two", " words"]
    assert len(shelf.loader.made) == 1
    assert shelf.budget.loaded()[0].answering == 0
    assert (lent.ref, lent.key) == ("a", "a")


def test_a_model_that_had_to_go_comes_back_with_the_next_request(pool: ThreadPoolExecutor) -> None:
    shelf = Shelf(pool)
    a, b = shelf.lend("a"), shelf.lend("b")
    a.prepare()
    b.prepare()
    assert shelf.loader.made[0].closed
    assert asyncio.run(heard(a)) == list(WORDS)
    assert [toy.ref for toy in shelf.loader.made] == ["a", "b", "a"]
    assert shelf.loader.made[1].closed


def test_it_stays_while_it_answers_and_others_are_told(pool: ThreadPoolExecutor) -> None:
    shelf = Shelf(pool)
    a, b = shelf.lend("a"), shelf.lend("b")

    async def both() -> None:
        async with aclosing(cast(Any, a.stream(ASKED, Timeouts()))) as events:
            assert await anext(events) == WORDS[0]
            assert not shelf.loader.made[0].closed
            (failed,) = await heard(b)
            assert isinstance(failed, Failure)
            assert failed.kind == "memory"
            assert "no room for 'b' now" in failed.message
            assert [event async for event in events] == list(WORDS[1:])

    asyncio.run(both())
    assert asyncio.run(heard(b)) == list(WORDS)
    assert shelf.loader.made[0].closed


def test_closing_an_answer_gives_the_model_back(pool: ThreadPoolExecutor) -> None:
    endless = [Start("toy"), *(Delta(str(number)) for number in range(1000)), Finish("stop")]
    shelf = Shelf(pool, script=endless)
    a = shelf.lend("a")

    async def some() -> None:
        async with aclosing(cast(Any, a.stream(ASKED, Timeouts()))) as events:
            await anext(events)
            assert shelf.budget.loaded()[0].answering == 1

    asyncio.run(some())
    assert shelf.budget.loaded()[0].answering == 0
    (view,) = shelf.loader.made[0].views.values()
    assert view.stopped == 1


def test_cancelling_while_it_is_loading_leaves_it_unused(pool: ThreadPoolExecutor) -> None:
    shelf = Shelf(pool)
    begun, go_on = threading.Event(), threading.Event()

    def load() -> Any:
        begun.set()
        assert go_on.wait(20)
        return shelf.budget.hold("a", 784, lambda: Resident(shelf.loader(Path("a"), "a", "", None)))

    lent = Lent("a", None, "a", shelf.budget, load, pool)

    async def give_up() -> None:
        task = asyncio.create_task(heard(lent))
        await asyncio.to_thread(begun.wait, 20)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(give_up())
    go_on.set()
    pool.submit(lambda: None).result(20)
    pool.shutdown()
    assert shelf.budget.loaded()[0].answering == 0


def test_what_cannot_be_loaded_is_said_in_the_stream_and_by_score(pool: ThreadPoolExecutor) -> None:
    shelf = Shelf(pool)

    def load() -> Any:
        raise PlaygroundError("pickled")

    lent = Lent("a", None, "a", shelf.budget, load, pool)
    assert asyncio.run(heard(lent)) == [Failure("refused", "pickled")]
    for ask in (lambda: asyncio.run(lent.score(["x"])), lent.prepare):
        with pytest.raises(PlaygroundError, match="pickled"):
            ask()


def test_an_adapter_is_put_on_a_model_that_is_loaded_already(pool: ThreadPoolExecutor) -> None:
    shelf = Shelf(pool)
    plain, json = shelf.lend("a"), shelf.lend("a", Path("json"))
    plain.prepare()
    assert asyncio.run(heard(json)) == list(WORDS)
    assert len(shelf.loader.made) == 1
    wrong = shelf.lend("a", Path("other"))
    assert asyncio.run(heard(wrong)) == [Failure("refused", "a: the adapter is of another base")]
    assert shelf.budget.loaded()[0].answering == 0


def test_closing_a_lent_or_kept_backend_closes_nothing(pool: ThreadPoolExecutor) -> None:
    shelf = Shelf(pool)
    lent = shelf.lend("a")
    asyncio.run(lent.close())
    assert asyncio.run(heard(lent)) == list(WORDS)
    scripted = Scripted("toy:x", WORDS, scores={})
    kept = Kept(scripted)
    asyncio.run(kept.close())
    assert not scripted.closed
    assert asyncio.run(heard(kept)) == list(WORDS)
    assert len(asyncio.run(kept.score(["a b"]))) == 1
    assert kept.ref == "toy:x"


def place(workspace: Path, name: str) -> Place:
    found = builtin(name, folder=workspace / "w")
    return Place(found.ref, found.pinned, found.pinned, found.folder)


def residents(workspace: Path, gib: float = 1.0, **loader: Any) -> tuple[Residents, Loader]:
    make_embedded(workspace / "w")
    made = Loader(**loader)
    return Residents(Environment(home=workspace, model_gib=gib), made), made


def test_residents_load_by_ref_and_quantisation(workspace: Path) -> None:
    kept, loader = residents(workspace)
    mini = place(workspace, "mini")
    assert kept.loaded() == []
    for quantise in ("", "nf4", ""):
        kept.lend(mini, quantise).prepare()
    assert [(toy.ref, toy.quantise) for toy in loader.made] == [(mini.key, ""), (mini.key, "nf4")]
    assert [each.key for each in kept.loaded()] == [mini.key, f"{mini.key} in nf4"]
    kept.close()
    assert all(toy.closed for toy in loader.made)


def test_a_draft_stays_as_long_as_its_model(workspace: Path) -> None:
    kept, loader = residents(workspace)
    draft = kept.lend(place(workspace, "micro"))
    lent = kept.lend(place(workspace, "mini"), "", draft)
    lent.prepare()
    small, large = loader.made
    assert large.draft is small
    assert sorted(each.answering for each in kept.loaded()) == [0, 1]  # the draft is in use
    asyncio.run(heard(lent))
    kept.close()
    assert small.closed
    assert large.closed


def test_a_draft_goes_with_its_model_and_not_before(workspace: Path) -> None:
    kept, loader = residents(workspace, gib=2000 / 2**30, size=784)
    mini, micro = place(workspace, "mini"), place(workspace, "micro")
    kept.budget.patience = 0.2
    lent = kept.lend(mini, "", kept.lend(micro))
    with pytest.raises(PlaygroundError, match="MiB together"):  # an estimate of 4 bytes a parameter: 1568, and 784
        lent.prepare()
    assert [toy.closed for toy in loader.made] == [False]
    assert kept.loaded()[0].answering == 0
    kept.close()


def test_a_model_that_fails_lets_its_draft_go(workspace: Path) -> None:
    kept, loader = residents(workspace)

    def fail(folder: Path, ref: str, quantise: str, draft: Any) -> Toy:
        if draft is not None:
            raise PlaygroundError("other vocabulary")
        return loader(folder, ref, quantise, draft)

    kept = Residents(kept.environment, fail)
    with pytest.raises(PlaygroundError, match="other vocabulary"):
        kept.lend(place(workspace, "mini"), "", kept.lend(place(workspace, "micro"))).prepare()
    assert [each.answering for each in kept.loaded()] == [0]
    kept.close()


def test_larger_than_the_budget_is_said_before_loading(workspace: Path) -> None:
    kept, loader = residents(workspace, gib=1000 / 2**30)
    with pytest.raises(PlaygroundError, match=r"and models may take 0\.0 MiB together"):
        kept.lend(place(workspace, "mini")).prepare()
    assert loader.made == []
    assert kept.limit(kept.machine()) == 1000
    kept.close()


def test_memory_of_unused_models_counts_as_free(workspace: Path) -> None:
    kept, loader = residents(workspace, size=2**30)
    before = kept.machine()
    lent = kept.lend(place(workspace, "mini"))
    lent.prepare()
    with lent.lease():
        busy = kept.machine()
    idle = kept.machine()
    assert idle.memory_free_gib == pytest.approx(min(idle.memory_gib, busy.memory_free_gib + 1), abs=0.5)
    assert before.memory_gib == idle.memory_gib
    kept.stop()
    with pytest.raises(PlaygroundError, match="were closed"):
        kept.lend(place(workspace, "micro")).prepare()
    kept.close()
    assert loader.made[0].closed


def test_a_gpu_that_torch_cannot_use_is_none(workspace: Path) -> None:
    torch = pytest.importorskip("torch")
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    found = Machine(4, "", 16.0, 8.0, (Gpu("H", 80.0, 10.0),), 100.0)
    made = Loader(size=2**30)
    make_embedded(workspace / "w")
    kept = Residents(Environment(home=workspace), made, lambda disk: found)
    assert kept.limit(kept.machine()) == round(0.85 * 80 * 2**30)  # as far as is known before torch is there
    kept.lend(place(workspace, "mini")).prepare()
    assert kept.limit(kept.machine()) == 8 * 2**30
    assert kept.machine().gpus[0].free_gib == 11.0
    kept.close()
