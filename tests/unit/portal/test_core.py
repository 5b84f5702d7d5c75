"""The portal without a screen."""

import csv
import json
from pathlib import Path

import pytest

from apps.portal import core
from shared import records
from shared.calls import last
from shared.errors import PlaygroundError
from shared.records import Record, Timing
from shared.suite import Suite


def made(house: Suite, action: str = "query", rows: int = 3, **settings: object) -> Record:
    return records.save(
        house.store,
        Record(
            "dataset_explorer", action, {"dataset": "builtin:x", **settings}, {"rows": rows}, {"dataset": "builtin:x"}
        ),
    )


def test_records_are_listed_newest_first_and_filtered(house: Suite) -> None:
    assert core.records() == []
    first, second = made(house, sql="SELECT 1"), made(house, "load")
    assert [each.id for each in core.records()] == [second.id, first.id]
    assert [each.id for each in core.records(action="query")] == [first.id]
    assert [each.id for each in core.records(text="select 1")] == [first.id]
    assert core.records(app="portal") == []
    assert len(core.records(limit=1)) == 1
    assert core.record(first.id).settings["sql"] == "SELECT 1"
    with pytest.raises(PlaygroundError, match="nothing"):
        core.record("nothing")


def test_comparing_shows_what_differs_alone(house: Suite) -> None:
    first, second = made(house, sql="a", rows=1), made(house, sql="b", rows=2)
    found = core.compare_records([first.id, second.id])
    assert {row["name"]: row["values"] for row in found.rows}.items() >= {
        "settings.sql": ["a", "b"],
        "results.rows": [1, 2],
    }.items()
    assert "settings.dataset" not in [row["name"] for row in found.rows]
    assert found.same > 0
    with pytest.raises(PlaygroundError, match="2 to 10"):
        core.compare_records([first.id])


def test_a_load_replays_to_the_same(house: Suite) -> None:
    from apps.dataset_explorer import core as explorer

    loaded = last(explorer.load("builtin:english-instructions"))
    *steps, replayed = core.replay(loaded.record)
    assert steps[0].stage == "Running dataset_explorer.load again"
    assert (replayed.same, replayed.exact, replayed.rows) == (True, True, [])
    assert replayed.record not in ("", loaded.record)
    answer = last(explorer.query(loaded.dataset, "SELECT count(*) FROM data"))
    assert last(core.replay(answer.record)).same


def test_a_record_that_cannot_be_replayed_says_why(house: Suite) -> None:
    gone = records.save(house.store, Record("laboratory", "mix", {}, {}))
    with pytest.raises(PlaygroundError, match=r"'laboratory\.mix'"):
        last(core.replay(gone.id))
    hidden = records.save(house.store, Record("dataset_explorer", "describe", {}, {}))
    with pytest.raises(PlaygroundError, match="does not have"):
        last(core.replay(hidden.id))


def test_a_changed_result_is_told(house: Suite) -> None:
    from apps.dataset_explorer import core as explorer

    loaded = last(explorer.load("builtin:english-instructions"))
    lie = records.save(
        house.store, Record("dataset_explorer", "load", {"source": "builtin:english-instructions"}, {"rows": 1})
    )
    replayed = last(core.replay(lie.id))
    assert not replayed.same
    assert {"name": "results.rows", "values": [1, loaded.rows]} in replayed.rows


def test_how_long_something_took_is_no_difference_for_a_replay(house: Suite) -> None:
    settings = {"source": "builtin:english-instructions"}
    results = {"rows": Timing(1.5), "columns": 2, "refused_rows": 0}
    made = records.save(house.store, Record("dataset_explorer", "load", settings, results))
    replayed = last(core.replay(made.id))
    named = {row["name"] for row in replayed.rows}
    assert "results.rows" not in named
    assert "results.columns" in named


def test_records_are_exported(house: Suite) -> None:
    with pytest.raises(PlaygroundError, match="no record yet"):
        core.export_records()
    first, second = made(house, sql="SELECT ','"), made(house)
    lines = Path(core.export_records().path).read_text().splitlines()
    assert {json.loads(line)["id"] for line in lines} == {first.id, second.id}
    (row,) = csv.DictReader(Path(core.export_records([first.id], "csv").path).read_text().splitlines())
    assert (row["settings.sql"], row["results.rows"]) == ("SELECT ','", "3")


def test_the_machine_and_the_catalog(house: Suite) -> None:
    capacity = core.hardware()
    assert capacity.machine.cores >= 1
    assert capacity.tier in house.catalog.tiers()
    models, free = core.catalog("models"), core.catalog("models", commercial=True)
    assert 0 < len(free) < len(models)
    assert {each.commercial for each in free} == {"yes"}
    assert core.catalog("datasets")
