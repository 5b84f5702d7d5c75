"""The endpoint map, with the real MiniLM on a few short rows."""

import pytest

from apps.dataset_explorer.mapping import map as draw
from shared import records
from shared.errors import PlaygroundError
from shared.policy import Caller
from tests.unit.dataset_explorer.stored import last, stored, texts

CATS = ["The cat sleeps on the sofa.", "A kitten drinks milk.", "Cats chase mice at night."]
TAX = ["The tax return is due in April.", "Income tax rates rise again.", "She pays her taxes online."]


def test_two_subjects_are_two_clusters_with_their_words(house):
    source = texts(house.store, *CATS, *TAX)
    found = last(draw(source.ref, clusters=2))
    assert [point.row for point in found.points] == list(range(6))
    labels = [point.cluster for point in found.points]
    assert labels in ([0, 0, 0, 1, 1, 1], [1, 1, 1, 0, 0, 0])
    assert [cluster.size for cluster in found.clusters] == [3, 3]
    assert "tax" in found.clusters[labels[3]].keywords
    assert set(found.clusters[labels[0]].representatives) == {0, 1, 2}
    assert found.rows == 6
    assert 0 < found.explained[1] <= found.explained[0] < 1


def test_the_record_draws_the_same_map(house):
    source = texts(house.store, *CATS, *TAX)
    found = last(draw(source.ref, column="text", sample=4, clusters=2, seed=5))
    assert (len(found.points), found.rows) == (4, 6)
    record = records.load(house.store, found.record)
    assert record.settings == {"dataset": source.ref, "column": "text", "sample": 4, "clusters": 2, "seed": 5}
    again = last(draw(**record.settings))
    assert (again.points, again.clusters) == (found.points, found.clusters)
    assert records.load(house.store, again.record).results == record.results
    others = {tuple(point.row for point in last(draw(source.ref, sample=4, seed=seed)).points) for seed in range(4)}
    assert len(others) > 1


@pytest.mark.parametrize(
    "rows", [[], ["one"], ["same"] * 5, ["", "", None], ["שלום", "e\u0301", "👩‍👩‍👧", "word " * 200_000]]
)
def test_any_rows_have_a_map(house, rows):
    found = last(draw(texts(house.store, *rows).ref))
    assert [point.row for point in found.points] == list(range(len(rows)))
    assert sum(cluster.size for cluster in found.clusters) == len(rows)
    if len(set(rows)) == 1:
        assert len(found.clusters) == 1
        assert found.explained == (0.0, 0.0)


def test_lists_and_numbers_are_drawn_too(house):
    source = stored(house.store, {"n": [1, 2, None], "list": [["a", "b"], [], None]})
    assert len(last(draw(source.ref)).points) == 3
    assert len(last(draw(source.ref, column="n")).points) == 3


def test_what_is_not_there(house):
    with pytest.raises(PlaygroundError, match="no column 'answer'"):
        last(draw(texts(house.store, "a").ref, column="answer"))
    with pytest.raises(PlaygroundError, match="nothing"):
        last(draw("local:nothing@0123456789ab"))


def test_a_visitor_leaves_no_record(house):
    assert last(draw(texts(house.visitors, "a", "b").ref, caller=Caller("v", owner=False))).record == ""
    assert records.find(house.store) == []
