"""What push does on the offline Hub. Run in a process of its own, because huggingface_hub reads its settings at import.

`python -m tests.unit.dataset_explorer.push_scenarios NAME...` runs the named scenarios and prints one JSON line for each:
its name and the traceback, empty when it went well. The machine's own token belongs to a stranger; push must not use it.
"""

import json
import os
import sys
import tempfile
import traceback
from pathlib import Path

import pytest

from tests.hub_server import Hub

FAST = ["private", "public", "unchanged", "replaced", "another_owner", "wrong_token", "exposed", "licence", "no_recipe"]
FAST += ["refusals", "no_network", "chain"]
SLOW = ["loaded_again"]
OWN = "hf_test"


class Bench:
    """A Suite on the Hub of this process, and push with the caller's token."""

    def __init__(self, hub: Hub, house, name: str):
        self.hub, self.house, self.name, self.count = hub, house, name, 0
        self.before = len(hub.requests)

    def dataset(self, *rows: str, licence: str = "mit"):
        from tests.unit.dataset_explorer.stored import stored

        return stored(
            self.house.store, {"text": list(rows or ["The river is wide.", "The bridge is old."])}, licence=licence
        )

    def push(self, dataset, repo="", token=OWN, **settings):
        from apps.dataset_explorer.pushing import push
        from shared.policy import Caller
        from tests.unit.dataset_explorer.stored import last

        self.count += not repo
        ref = dataset if isinstance(dataset, str) else dataset.ref
        return last(push(ref, repo or f"tester/{self.name}-{self.count}", caller=Caller(token=token), **settings))

    def refused(self, words: str, *asked, **settings) -> None:
        from shared.errors import PlaygroundError

        before = {key: len(repo.refs["main"]) for key, repo in self.hub.repos.items()}
        with pytest.raises(PlaygroundError, match=words) as caught:
            self.push(*asked, **settings)
        assert OWN not in str(caught.value)
        assert {key: len(repo.refs["main"]) for key, repo in self.hub.repos.items() if key in before} == before

    def repo(self, id: str):
        return self.hub.repos["datasets", id]

    def file(self, id: str, name: str) -> bytes:
        return self.hub.blobs.path(self.repo(id).find("main").files[name].sha256).read_bytes()


def private(bench: Bench) -> None:
    import yaml

    from shared import records

    source = bench.dataset()
    made = bench.push(source, "tester/river")
    repo = bench.repo("tester/river")
    assert (made.private, repo.visibility) == (True, "private")
    assert [commit.title for commit in repo.refs["main"][1:]] == [f"Add 2 rows of {source.ref}"]
    assert made.commit == repo.find("main").oid
    assert made.url == f"{bench.hub.url}/datasets/tester/river"
    assert sorted(made.files) == ["README.md", "data/train-00000-of-00001.parquet"]
    assert set(made.files) == set(repo.find("main").files) - {".gitattributes"}
    assert bench.file("tester/river", made.files[1]) == source.path.read_bytes()
    front = yaml.safe_load(bench.file("tester/river", "README.md").decode().split("---\n")[1])
    assert (front["license"], front["language"]) == ("mit", ["en"])
    record = records.load(bench.house.store, made.record)
    assert record.artifacts == {"dataset": f"hub:tester/river@{made.commit}"}
    assert record.results == {"rows": 2, "bytes": made.bytes}
    assert OWN not in json.dumps(record.settings)
    sent = [each for each in bench.hub.requests[bench.before :] if "/_lfs/" not in each.path]  # signed for one use
    assert [each for each in sent if each.token != OWN] == []
    assert sent


def public(bench: Bench) -> None:
    made = bench.push(bench.dataset("public text"), "acme/open", private=False, message="First version")
    assert not made.private
    assert bench.repo("acme/open").visibility == "public"
    assert bench.repo("acme/open").find("main").title == "First version"


def unchanged(bench: Bench) -> None:
    source = bench.dataset("the same again")
    one = bench.push(source, "tester/same")
    two = bench.push(source, "tester/same")
    assert (one.unchanged, two.unchanged) == (False, True)
    assert two.commit == one.commit
    assert len(bench.repo("tester/same").refs["main"]) == 2


def replaced(bench: Bench) -> None:
    bench.push(bench.dataset("old"), "tester/changing")
    bench.hub.add("datasets", "tester/changing", {"data/train-00001-of-00002.parquet": b"x", "notes.txt": "mine"})
    bench.refused(r"holds something else: README.md.*set replace", bench.dataset("new"), "tester/changing")
    made = bench.push(bench.dataset("new"), "tester/changing", replace=True)
    assert set(bench.repo("tester/changing").find("main").files) == {".gitattributes", *made.files}
    bench.hub.add("datasets", "tester/full", {f"file-{number}.txt": "x" for number in range(9)}, visibility="private")
    bench.refused("and 4 more", bench.dataset("new"), "tester/full")


def another_owner(bench: Bench) -> None:
    bench.refused(
        "'tester' may not write to 'stranger'. Names to write to: tester, acme", bench.dataset(), "stranger/set"
    )


def wrong_token(bench: Bench) -> None:
    bench.refused("does not know this token", bench.dataset(), token="hf_wrong")


def exposed(bench: Bench) -> None:
    bench.hub.add("datasets", "tester/shown", {".gitattributes": ""})
    bench.refused("there already and public", bench.dataset(), "tester/shown")
    assert not bench.push(bench.dataset(), "tester/shown", private=False).private


def licence(bench: Bench) -> None:
    source = bench.dataset("bound", licence="cc-by-nc-4.0")
    bench.refused("CC-BY-NC-4.0 does not permit commercial use.*acknowledge_licence", source)
    made = bench.push(source, "tester/bound", acknowledge_licence=True)
    assert made.use == "no"
    card = bench.file("tester/bound", "README.md").decode()
    assert "cc-by-nc-4.0" in card
    assert "may not be used commercially" in card


def no_recipe(bench: Bench) -> None:
    assert "recipe.json" not in bench.push(bench.dataset("as loaded")).files


def refusals(bench: Bench) -> None:
    """Whatever the Hub answers to the commit; an empty repository that was made stays, and the next push uses it."""
    source = bench.dataset("refused")
    for status, words in (
        (403, "may not write to 'tester/refused'"),
        (409, "at the same time"),
        (412, "at the same time"),
        (413, "no room left"),
        (429, "status 429. It is busy"),
        (500, "status 500. It has trouble"),
        (418, "status 418. It refused"),
    ):
        fault = bench.hub.fault("POST", "/commit/", status, times=1000)
        bench.refused(words, source, "tester/refused")
        fault.times = 0
    assert bench.push(source, "tester/refused").files
    bench.hub.fault("PUT", "/_lfs/", 403)
    bench.refused("may not write to 'tester/broken'", bench.dataset("broken off"), "tester/broken")


def no_network(bench: Bench) -> None:
    from dataclasses import replace

    from shared.suite import Suite, using

    source = bench.dataset("alone")
    nowhere = replace(bench.house.environment, hub_endpoint="http://127.0.0.1:9")
    bench.house.store.close()
    with using(Suite(nowhere)) as bench.house:
        bench.refused("127.0.0.1:9 cannot be reached. Nothing was pushed", source)


def chain(bench: Bench) -> None:
    from apps.dataset_explorer.cleaning import clean
    from apps.dataset_explorer.mixing import mix
    from apps.dataset_explorer.recipes import CleanRules, Part
    from tests.unit.dataset_explorer.stored import last

    source = bench.dataset("the river", "the river", "the bridge")
    cleaned = last(clean(source.ref, CleanRules(exact=True), preview=False)).dataset
    mixed = last(mix([Part(cleaned), Part(bench.dataset("x").ref, 2)], rows=1)).dataset
    made = bench.push(mixed, "tester/chain")
    steps = json.loads(bench.file("tester/chain", "recipe.json"))["steps"]
    assert [step["action"] for step in steps] == ["load", "clean", "load", "mix"]
    assert steps[1]["recipe"]["settings"]["rules"]["exact"] is True
    assert "recipe.json" in made.files


def loaded_again(bench: Bench) -> None:
    """`datasets` reads what was pushed, by its card, and every type comes back."""
    import datetime as dt
    from decimal import Decimal

    import datasets
    import pyarrow as pa

    from tests.unit.dataset_explorer.stored import stored

    rows = {
        "messages": [[{"role": "user", "content": "שלום"}], [], None],
        "when": pa.array([dt.date(2024, 2, 29), None, dt.date(1, 1, 1)]),
        "price": pa.array([Decimal("1.10"), None, Decimal("-9.99")], pa.decimal128(5, 2)),
        "n": [1, None, 3],
    }
    source = stored(bench.house.store, rows, licence="mit")
    bench.push(source, "tester/typed")
    found = datasets.load_dataset("tester/typed", split="train", token=OWN)
    assert found.num_rows == 3
    assert found.data.table.to_pylist() == source.page(0, 3)


def run(names: list[str], hub: Hub, folder: Path) -> None:
    from shared.env import Environment
    from shared.suite import Suite, using

    for name in names:
        error = ""
        with using(Suite(Environment(home=folder / name, hub_endpoint=hub.url))) as house:
            try:
                globals()[name](Bench(hub, house, name))
            except (Exception, pytest.fail.Exception):  # noqa: BLE001 - a scenario may fail in any way
                error = traceback.format_exc()
        print(json.dumps({"name": name, "error": error}), flush=True)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place, Hub(Path(place) / "hub") as served:
        os.environ.update(served.environment(Path(place) / "hf", token="hf_visitor"))
        run(sys.argv[1:], served, Path(place))
