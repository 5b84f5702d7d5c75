"""Models of this machine: loaded once however many ask, one at a time, and given back."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.env import Environment
from shared.errors import PlaygroundError
from shared.hardware import GIB, Gpu, Machine
from shared.models.memory import share
from shared.models.places import Place
from shared.models.protocol import Decoding, Delta, Request
from shared.models.residents import Residents, load_local
from shared.models.streams import Loop, play
from tests.tiny_models import tiny_adapter, tiny_gpt2, tiny_llama
from tests.unit.shared.models.toys import Loader, make_model

SMALL = Machine(2, "", memory_gib=8.0, memory_free_gib=3.0, gpus=(), disk_free_gib=9.0)
BYTES = 784  # of a toy; twice as many are kept free while it is loaded, in 32 bits
GREEDY = Request(text="Once upon a time", decoding=Decoding(max_new_tokens=12, temperature=0.0))


def place(folder: Path, adapter: Path | None = None) -> Place:
    key = f"local:{folder.name}@0"
    return Place(f"{key}+{adapter.name}" if adapter else key, key, key, folder, adapter)


@pytest.fixture
def environment(workspace: Path) -> Environment:
    return Environment(home=workspace, model_gib=1.0)


def toys(environment: Environment, loader: object, machine: Machine = SMALL) -> Residents:
    return Residents(environment, loader, lambda folder: machine)


def test_nothing_is_loaded_before_it_is_asked_for(workspace: Path, environment: Environment) -> None:
    loader = Loader()
    made = toys(environment, loader)
    lent = made.lend(place(make_model(workspace / "a")))
    assert (loader.made, made.loaded(), made.limit(made.machine())) == ([], [], share(SMALL, 1.0))
    lent.prepare()
    assert [each.key for each in made.loaded()] == ["local:a@0"]
    assert made.limit(made.machine()) == made.budget.limit == share(SMALL, 1.0)
    made.close()
    assert loader.made[0].closed


def test_what_was_stopped_before_anything_was_loaded_loads_nothing(workspace: Path, environment: Environment) -> None:
    loader = Loader()
    made = toys(environment, loader)
    made.stop()
    made.close()
    with pytest.raises(PlaygroundError, match="server is stopping"):
        made.lend(place(make_model(workspace / "a"))).prepare()
    assert loader.made == []


def test_one_model_is_loaded_once_however_many_ask(workspace: Path, environment: Environment) -> None:
    class Slow(Loader):
        def __call__(self, *arguments: object) -> object:
            time.sleep(0.05)
            return super().__call__(*arguments)

    loader = Slow()
    made = toys(environment, loader)
    folder = make_model(workspace / "a")
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: made.lend(place(folder)).prepare(), range(16)))
    assert len(loader.made) == 1
    assert made.budget is made.budget
    made.close()


def test_every_way_of_loading_is_a_model_of_its_own(workspace: Path, environment: Environment) -> None:
    loader = Loader()
    made = toys(environment, loader)
    here, other = place(make_model(workspace / "a")), place(make_model(workspace / "b"))
    made.lend(here).prepare()
    made.lend(here, "nf4").prepare()
    made.lend(here, draft=made.lend(other)).prepare()
    keys = [each.key for each in made.loaded()]
    assert sorted(keys) == ["local:a@0", "local:a@0 in nf4", "local:a@0 with local:b@0", "local:b@0"]
    assert [toy.quantise for toy in loader.made if toy.ref == "local:a@0"] == ["", "nf4", ""]
    drafted = next(toy for toy in loader.made if toy.draft)
    assert drafted.draft.ref == "local:b@0"
    made.close()
    assert all(toy.closed for toy in loader.made)


def test_a_draft_that_leaves_no_room_is_refused_and_let_go(workspace: Path) -> None:
    loader = Loader(size=GIB)
    made = toys(Environment(home=workspace, model_gib=1.0), loader)
    here, other = place(make_model(workspace / "a")), place(make_model(workspace / "b"))
    with pytest.raises(PlaygroundError, match="Leave it out"):
        made.lend(here, draft=made.lend(other)).prepare()
    assert [(each.key, each.answering) for each in made.loaded()] == [("local:b@0", 0)]
    made.close()


def test_a_model_that_fails_to_load_lets_its_draft_go(workspace: Path, environment: Environment) -> None:
    loader = Loader()

    def fail(folder: Path, ref: str, quantise: str, draft: object) -> object:
        if draft is None:
            return loader(folder, ref, quantise, draft)
        raise PlaygroundError("its weights are broken")

    made = toys(environment, fail)
    draft = made.lend(place(make_model(workspace / "b")))
    with pytest.raises(PlaygroundError, match="weights are broken"):
        made.lend(place(make_model(workspace / "a")), draft=draft).prepare()
    assert [(each.key, each.answering) for each in made.loaded()] == [("local:b@0", 0)]
    made.close()


def test_idle_models_count_as_free_memory(workspace: Path, environment: Environment) -> None:
    made = toys(environment, Loader(size=GIB // 2))
    assert made.machine() == SMALL
    made.lend(place(make_model(workspace / "a"))).prepare()
    assert made.machine().memory_free_gib == pytest.approx(3.5)
    lease = made.lend(place(workspace / "a")).lease()
    assert made.machine().memory_free_gib == pytest.approx(3.0), "it is in use"
    lease.release()
    made.close()


def test_on_a_gpu_idle_models_are_free_there(workspace: Path, environment: Environment) -> None:
    """Here torch sees no GPU, so models are loaded into the machine's own memory, whatever the driver says."""
    torch = pytest.importorskip("torch")
    machine = Machine(2, "", 8.0, 3.0, (Gpu("H100", 80.0, 79.8),), 9.0)
    made = toys(environment, Loader(size=GIB // 2), machine)
    assert made.limit(made.machine()) == share(machine, 1.0)
    made.lend(place(make_model(workspace / "a"))).prepare()
    assert made.budget.limit == share(machine if torch.cuda.is_available() else SMALL, 1.0)
    assert made.machine().gpus[0].free_gib == 80.0, "never more than there is"
    assert made.machine().memory_free_gib == 3.0
    made.close()


def test_after_a_stop_nothing_is_loaded(workspace: Path, environment: Environment) -> None:
    loader = Loader()
    made = toys(environment, loader)
    made.stop()
    made.close()  # nothing was opened, nothing is to be closed
    made = toys(environment, loader)
    lent, other = (made.lend(place(make_model(workspace / name))) for name in "ab")
    lent.prepare()
    made.stop()
    with pytest.raises(PlaygroundError):
        other.prepare()
    made.close()
    assert [toy.closed for toy in loader.made] == [True]


def test_a_model_that_had_to_go_is_loaded_again_while_its_loop_goes_on(workspace: Path) -> None:
    made = toys(Environment(home=workspace, model_gib=2.4 * BYTES / GIB), Loader())
    one, two = (made.lend(place(make_model(workspace / name))) for name in "ab")
    loop = Loop()
    try:
        for each in (one, two, one):
            texts = [event.text for some in play(loop, each, GREEDY) for event in some if isinstance(event, Delta)]
            assert texts == ["four", " words"]
    finally:
        loop.close()
        made.close()


# With transformers itself


def said(backend: object, loop: Loop) -> str:
    return "".join(event.text for some in play(loop, backend, GREEDY) for event in some if isinstance(event, Delta))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing.*:FutureWarning")
def test_real_models_are_loaded_from_many_threads_at_once(workspace: Path, environment: Environment) -> None:
    """Two bases of different architectures, one with an adapter, asked for by twelve threads at the same moment.

    Without a lock transformers 5.23 fails here: a second thread meets functions of torch that the first one has replaced,
    and gets weights that are not tied, or only half of a module that is being imported.
    """
    llama, gpt2 = tiny_llama(workspace / "llama"), tiny_gpt2(workspace / "gpt2")
    tuned = place(llama, tiny_adapter(workspace / "adapter", llama))
    places = [place(llama), place(gpt2), tuned]
    loop = Loop()
    alone = []
    for each in places:
        made = Residents(environment)
        alone.append(said(made.lend(each), loop))
        made.close()
    assert len(set(alone)) == 3, "otherwise nothing would show that the right one answered"
    for _ in range(3):
        made, begin = Residents(environment), threading.Barrier(12)

        def ask(number: int) -> str:
            begin.wait()  # noqa: B023 - the threads end within this turn
            return said(made.lend(places[number % 3]), loop)  # noqa: B023

        with ThreadPoolExecutor(12) as pool:
            found = list(pool.map(ask, range(12)))
        assert found == alone * 4
        assert len(made.loaded()) == 2, "the adapter shares its base"
        made.close()
    loop.close()


def test_real_models_wait_for_each_other(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Never two at a time in transformers, whichever budgets they belong to."""
    from shared.models import local

    inside, most = [], []

    class Watched:
        def __init__(self, folder: Path, ref: str, *, quantise: str = "", draft: object = None) -> None:
            inside.append(ref)
            most.append(len(inside))
            time.sleep(0.02)
            inside.remove(ref)
            self.ref = ref

    monkeypatch.setattr(local, "LocalModel", Watched)
    with ThreadPoolExecutor(6) as pool:
        made = list(pool.map(lambda number: load_local(workspace, f"m{number}", "", None), range(6)))
    assert [each.ref for each in made] == [f"m{number}" for number in range(6)]
    assert most == [1] * 6
