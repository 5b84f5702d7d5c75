"""What visitors of a public Space may use."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.catalog import Catalog
from shared.env import ROOT
from shared.errors import NotAllowed
from shared.models.places import Places
from shared.models.protocol import Delta, Event, Failure
from shared.models.servers import Server
from shared.models.survey import _served
from shared.models.visitors import Visitors
from shared.policy import OWNER, Caller
from shared.refs import parse
from shared.store import Store
from tests.unit.shared.models.test_places import COMMIT, fetched
from tests.unit.shared.models.toys import make_embedded

VISITOR = Caller("v", owner=False, token="hf_visitor")
SERVERS = {
    "a": Server("a", "openai", "http://h/v1", models=("x",), public=True),
    "p": Server("p", "openai", "http://h/v1", models=("x",)),
    "t": Server("t", "tgi", "http://h", public=True),
}


@pytest.fixture
def visitors(workspace: Path) -> Iterator[Visitors]:
    manifests = workspace / "manifests"
    shutil.copytree(ROOT / "manifests", manifests, ignore=shutil.ignore_patterns("samples", "benchmarks", "code*"))
    (manifests / "models.txt").write_text("Qwen/Qwen3-0.6B\nQwen/Qwen3-1.7B@v1\nwho/knows@v1\n")
    store = Store(workspace / "home")
    places = Places(Catalog(manifests, workspace / "apps"), store, make_embedded(workspace / "w"), workspace / "cache")
    fetched(places, "Qwen/Qwen3-1.7B", COMMIT, "v1")
    yield Visitors(places, lambda: SERVERS)
    store.close()


@pytest.mark.parametrize(
    ("ref", "allowed"),
    [
        ("builtin:mini", True),
        ("builtin:mini+builtin:json", True),
        ("hub:Qwen/Qwen3-1.7B", True),
        ("hub:Qwen/Qwen3-1.7B@v1", True),
        (f"hub:Qwen/Qwen3-1.7B@{COMMIT}", True),
        (f"hub:Qwen/Qwen3-1.7B@{COMMIT[::-1]}", False),
        ("hub:Qwen/Qwen3-1.7B@main", False),
        ("hub:Qwen/Qwen3-0.6B", False),  # in the list, but its revision may change
        ("hub:who/knows@v1", False),  # pinned, but not in the catalog
        ("hub:any/thing", False),
        ("builtin:mini+hub:any/thing", False),
        ("builtin:mini+local:x@000000000000", False),
        ("local:x@000000000000", False),
        ("openai:a/x", True),
        ("openai:a/other", False),
        ("openai:p/x", False),
        ("openai:zz/x", False),
        ("tgi:t", True),
        ("provider:o/n", False),
    ],
)
def test_the_list(visitors: Visitors, ref: str, allowed: bool) -> None:
    parsed = parse(ref)
    visitors.check(parsed, OWNER)
    assert visitors.may(parsed) == allowed
    if allowed:
        visitors.check(parsed, VISITOR)
    else:
        with pytest.raises(NotAllowed, match="may only be used by the owner") as raised:
            visitors.check(parsed, VISITOR)
        assert "builtin:micro, builtin:mini, hub:Qwen/Qwen3-1.7B@v1, openai:a/x, tgi:t." in str(raised.value)
        assert "hf_visitor" not in str(raised.value)


def test_a_pinned_revision_that_is_not_here_allows_no_commit(visitors: Visitors) -> None:
    shutil.rmtree(visitors.places.cache)
    assert visitors.may(parse("hub:Qwen/Qwen3-1.7B"))  # and is told that it is not on the disk
    assert not visitors.may(parse(f"hub:Qwen/Qwen3-1.7B@{COMMIT}"))


@pytest.mark.parametrize(
    ("failure", "told"),
    [
        (Failure("connect", "openai:a/x: nobody answers at http://h:1/v1 (h:1)"), "Its server cannot be reached now"),
        (Failure("timeout", "h:1 was too slow"), "its server was too slow"),
    ],
)
def test_a_failure_does_not_tell_strangers_where_a_server_is(workspace: Path, failure: Failure, told: str) -> None:
    store = Store(workspace / "home")
    servers = {"a": Server("a", "openai", "http://h:1/v1", models=("x",), public=True)}
    visitors = Visitors(Places(Catalog(ROOT / "manifests"), store), lambda: servers)
    closed = []

    def heard() -> Iterator[list[Event]]:
        try:
            yield [Delta("h:1"), failure]
        finally:
            closed.append(True)

    ((delta, shown),) = visitors.overheard("openai:a/x", heard())
    assert delta == Delta("h:1")
    assert isinstance(shown, Failure)
    assert "h:1" not in shown.message
    assert told in shown.message
    assert closed
    ((_, same),) = visitors.overheard("builtin:mini", heard())
    assert isinstance(same, Failure)
    store.close()


def test_a_public_servers_name_is_not_its_address() -> None:
    def names(**more: bool) -> list[str]:
        return [each.name for each in _served(Server("a", "openai", "http://h:1/v1", "a (h:1)", ("x",), **more))]

    assert names(public=True) == ["x, a"]
    assert names() == ["x, a (h:1)"]
