"""The memory that models share: who stays, who goes, and what many threads at once do to it."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from shared.errors import PlaygroundError
from shared.hardware import GIB, Gpu, Machine
from shared.models.memory import Budget, amount, share


class Toy:
    """A model that only has a size; it counts how much memory all toys of a shelf take together."""

    def __init__(self, shelf: "Shelf", name: str, size: int) -> None:
        self.shelf, self.name, self.bytes = shelf, name, size
        self.answering = 0
        self.closed = False

    def close(self) -> None:
        assert not self.closed
        self.closed = True
        self.shelf.change(-self.bytes)


class Shelf:
    def __init__(self) -> None:
        self.now = self.most = 0
        self.loads: list[str] = []
        self.lock = threading.Lock()

    def change(self, size: int) -> None:
        with self.lock:
            self.now += size
            self.most = max(self.most, self.now)

    def loader(self, name: str, size: int, seconds: float = 0.0) -> Callable[[], Toy]:
        def load() -> Toy:
            with self.lock:
                self.loads.append(name)
            self.change(size)
            time.sleep(seconds)
            return Toy(self, name, size)

        return load


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


def use(budget: Budget[Toy], shelf: Shelf, name: str, size: int) -> Toy:
    with budget.hold(name, size, shelf.loader(name, size)) as lease:
        return lease.model


def test_the_least_recently_used_goes_first(shelf: Shelf) -> None:
    budget: Budget[Toy] = Budget(10)
    a, b = use(budget, shelf, "a", 4), use(budget, shelf, "b", 4)
    assert use(budget, shelf, "a", 4) is a  # now b is the older one
    c = use(budget, shelf, "c", 4)
    assert (a.closed, b.closed, c.closed) == (False, True, False)
    assert [each.key for each in budget.loaded()] == ["c", "a"]
    assert (budget.used, shelf.now, shelf.most, shelf.loads) == (8, 8, 8, ["a", "b", "c"])


def test_never_one_that_is_lent_or_answering(shelf: Shelf) -> None:
    budget: Budget[Toy] = Budget(10, patience=0.2)
    lent = budget.hold("a", 4, shelf.loader("a", 4))
    b = use(budget, shelf, "b", 4)
    c = use(budget, shelf, "c", 4)  # a is the oldest, and stays
    assert (lent.model.closed, b.closed) == (False, True)
    c.answering = 1
    with pytest.raises(PlaygroundError, match=r"no room for 'd' now: it needs about 0\.0 MiB .* a and c did not stop"):
        budget.hold("d", 4, shelf.loader("d", 4))
    assert [(each.key, each.answering) for each in budget.loaded()] == [("c", 1), ("a", 1)]
    c.answering = 0
    lent.release()
    lent.release()  # a second time is nothing
    assert use(budget, shelf, "d", 4).name == "d"
    assert (lent.model.closed, c.closed) == (False, True)  # a was in use until it was given back, after c


def test_whoever_needs_room_waits_for_it(shelf: Shelf) -> None:
    budget: Budget[Toy] = Budget(10, patience=30)
    lent = budget.hold("a", 8, shelf.loader("a", 8))
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(use, budget, shelf, "b", 8)
        time.sleep(0.05)
        assert not waiting.done()
        assert not lent.model.closed
        lent.release()
        assert waiting.result(20).name == "b"
    assert lent.model.closed
    assert shelf.most == 8


def test_one_that_stops_answering_by_itself_is_noticed(shelf: Shelf) -> None:
    budget: Budget[Toy] = Budget(10, patience=30)
    a = use(budget, shelf, "a", 8)
    a.answering = 1
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(use, budget, shelf, "b", 8)
        time.sleep(0.05)
        a.answering = 0  # nobody is told
        assert waiting.result(20).name == "b"


def test_larger_than_the_budget_is_refused_before_loading(shelf: Shelf) -> None:
    budget: Budget[Toy] = Budget(2 * GIB)
    a = use(budget, shelf, "a", GIB)
    with pytest.raises(PlaygroundError, match=r"'big' needs about 3\.0 GiB of memory, and models may take 2\.0 GiB"):
        budget.hold("big", 3 * GIB, shelf.loader("big", 3 * GIB))
    assert shelf.loads == ["a"]
    assert not a.closed  # nothing goes for one that can never come


def test_many_threads_load_a_model_once(shelf: Shelf) -> None:
    budget: Budget[Toy] = Budget(10)
    load = shelf.loader("a", 4, seconds=0.1)
    with ThreadPoolExecutor(16) as pool:
        leases = list(pool.map(lambda _: budget.hold("a", 4, load), range(16)))
    assert shelf.loads == ["a"]
    assert len({id(lease.model) for lease in leases}) == 1
    assert budget.loaded()[0].answering == 16
    for lease in leases:
        lease.release()
    assert budget.loaded()[0].answering == 0


def test_many_threads_and_many_models_never_exceed_the_budget(shelf: Shelf) -> None:
    budget: Budget[Toy] = Budget(10, patience=60)
    used: list[bool] = []

    def work(number: int) -> None:
        name = "abcdef"[number % 6]
        with budget.hold(name, 3, shelf.loader(name, 3, seconds=0.002)) as lease:
            time.sleep(0.001)
            used.append(lease.model.closed)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(240)))
    assert len(used) == 240
    assert not any(used)  # nobody held one that was closed under their hands
    assert shelf.most <= 9
    budget.close()
    assert (shelf.now, budget.used, budget.loaded()) == (0, 0, [])


def test_room_is_kept_while_a_model_is_loading(shelf: Shelf) -> None:
    budget: Budget[Toy] = Budget(10, patience=30)
    begun, go_on = threading.Event(), threading.Event()

    def slow() -> Toy:
        begun.set()
        assert go_on.wait(20)
        return shelf.loader("a", 6)()

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(budget.hold, "a", 6, slow)
        assert begun.wait(20)
        assert (budget.used, budget.held("a"), budget.loaded()) == (6, None, [])
        second = pool.submit(use, budget, shelf, "b", 6)
        time.sleep(0.05)
        assert shelf.loads == []  # b waits: both together would be 12
        go_on.set()
        first.result(20).release()
        second.result(20)
    assert shelf.most == 6


def test_what_it_takes_in_fact_counts(shelf: Shelf) -> None:
    budget: Budget[Toy] = Budget(10)
    a = use(budget, shelf, "a", 4)
    with budget.hold("b", 4, shelf.loader("b", 9)) as lease:  # the estimate was 5 short
        assert not lease.model.closed
        assert a.closed
        assert budget.used == 9


def test_a_failed_load_leaves_nothing_behind_and_tells_everybody(shelf: Shelf) -> None:
    budget: Budget[Toy] = Budget(10)
    tries, go_on = [], threading.Event()

    def refuse() -> Toy:
        tries.append(1)
        assert go_on.wait(20)
        raise PlaygroundError("pickled")

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(budget.hold, "a", 4, refuse) for _ in range(4)]
        time.sleep(0.1)
        go_on.set()
        for each in asked:
            with pytest.raises(PlaygroundError, match="pickled"):
                each.result(20)
    assert len(tries) == 1
    assert budget.used == 0

    def fail() -> Toy:
        raise ValueError("a bug")

    with pytest.raises(ValueError, match="a bug"):
        budget.hold("a", 4, fail)
    assert use(budget, shelf, "a", 4).name == "a"


def test_a_lease_survives_an_error_in_its_block(shelf: Shelf) -> None:
    budget: Budget[Toy] = Budget(10)
    with suppress(ValueError), budget.hold("a", 4, shelf.loader("a", 4)):
        raise ValueError("x")
    assert budget.loaded()[0].answering == 0


def test_closing_takes_all_and_is_for_good(shelf: Shelf) -> None:
    budget: Budget[Toy] = Budget(10)
    begun, go_on = threading.Event(), threading.Event()
    lent = budget.hold("a", 4, shelf.loader("a", 4))

    def slow() -> Toy:
        begun.set()
        assert go_on.wait(20)
        return shelf.loader("b", 4)()

    with ThreadPoolExecutor(1) as pool:
        loading = pool.submit(budget.hold, "b", 4, slow)
        assert begun.wait(20)
        budget.close()
        go_on.set()
        with pytest.raises(PlaygroundError, match="were closed"):
            loading.result(20)
    assert lent.model.closed
    assert shelf.now == 0
    lent.release()
    with pytest.raises(PlaygroundError, match="were closed"):
        budget.hold("a", 4, shelf.loader("a", 4))
    assert budget.held("a") is None


def test_the_share_of_a_machine() -> None:
    plain = Machine(2, "", 16.0, 8.0, (), 100.0)
    assert share(plain) == 8 * GIB
    assert share(plain, 3.5) == round(3.5 * GIB)
    one = Machine(2, "", 16.0, 8.0, (Gpu("small", 8.0, 8.0), Gpu("H", 80.0, 1.0)), 100.0)
    assert share(one) == 68 * GIB
    assert share(Machine(2, "", 16.0, 8.0, (Gpu("silent", 0.0, 0.0),), 100.0)) == 8 * GIB
    assert (amount(5 * 2**20), amount(3 * GIB // 2)) == ("5.0 MiB", "1.5 GiB")
