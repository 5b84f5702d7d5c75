"""The process's one Suite."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.env import Environment
from shared.models.scripted import Scripted
from shared.suite import Suite, suite, using


def test_a_suite_is_used_inside_its_block_alone(workspace: Path, monkeypatch: object) -> None:
    monkeypatch.setenv("PLAYGROUND_HOME", str(workspace / "outer"))
    outer = suite()
    inner = Suite(Environment(home=workspace / "inner"))
    with using(inner):
        assert suite() is inner
        inner.store.append("votes", {"x": 1})
    assert suite() is outer
    again = Suite(Environment(home=workspace / "inner"))
    assert again.store.count("votes") == 1
    again.close()
    again.close()  # closing twice does nothing more


def test_what_is_not_used_is_not_opened(workspace: Path) -> None:
    made = Suite(Environment(home=workspace / "never"))
    made.close()
    assert not (workspace / "never").exists()


def test_start_brings_in_what_other_replicas_wrote(workspace: Path) -> None:
    remote = f"folder:{workspace / 'remote'}"
    first = Suite(Environment(home=workspace / "one", remote=remote))
    first.start()
    first.store.append("votes", {"x": 1}, key="battle")
    first.close()
    second = Suite(Environment(home=workspace / "two", remote=remote))
    second.start()
    assert [row.body for row in second.store.rows("votes")] == [{"x": 1}]
    assert second.catalog.models()
    assert second.jobs is second.jobs
    second.close()


def test_two_servers_cannot_share_a_workspace(workspace: Path) -> None:
    import subprocess
    import sys

    from tests.server import ROOT

    first = Suite(Environment(home=workspace / "home"))
    first.start()
    code = f"from pathlib import Path; from shared.env import Environment; from shared.suite import Suite; Suite(Environment(home=Path({str(workspace / 'home')!r}))).start()"
    other = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert other.returncode == 1
    assert "PlaygroundError" in other.stderr
    first.close()


def test_what_an_app_keeps_is_made_once_for_each_suite(workspace: Path) -> None:
    def make(suite: Suite) -> list[Suite]:
        return [suite]

    def another(suite: Suite) -> list[Suite]:
        return [suite]

    one, two = (Suite(Environment(home=workspace / name)) for name in ("one", "two"))
    assert one.own(make) == [one]
    assert one.own(make) is one.own(make)
    assert one.own(another) is not one.own(make)
    assert two.own(make) == [two]


def test_many_threads_get_the_same_own_thing(workspace: Path) -> None:
    made = []

    def make(suite: Suite) -> object:
        made.append(suite)
        time.sleep(0.05)  # long enough for the others to ask meanwhile
        return object()

    suite = Suite(Environment(home=workspace / "home"))
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: suite.own(make), range(8)))
    assert len(made) == 1
    assert all(each is found[0] for each in found)


def test_making_may_ask_the_suite_for_what_it_needs(workspace: Path) -> None:
    def inner(suite: Suite) -> str:
        return suite.environment.home.name

    def outer(suite: Suite) -> tuple[str, int]:
        return suite.own(inner), suite.store.count("votes")

    suite = Suite(Environment(home=workspace / "home"))
    assert suite.own(outer) == ("home", 0)
    suite.close()


def test_what_could_not_be_made_is_made_at_the_next_call(workspace: Path) -> None:
    tries = []

    def make(suite: Suite) -> int:
        tries.append(suite)
        if len(tries) == 1:
            raise OSError("not yet")
        return len(tries)

    suite = Suite(Environment(home=workspace / "home"))
    with pytest.raises(OSError, match="not yet"):
        suite.own(make)
    assert suite.own(make) == 2


def test_models_are_opened_once_and_closed_with_the_suite(workspace: Path) -> None:
    suite = Suite(Environment(home=workspace / "home"))
    echo = Scripted.echo()
    suite.models.add(echo)
    assert suite.models is suite.models
    assert suite.models.backend(echo.ref).ref == echo.ref
    suite.close()
    assert echo.closed
