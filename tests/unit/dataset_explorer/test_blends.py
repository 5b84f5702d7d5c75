"""Writing a mix: the same rows in the same order whether they fit in memory or are dealt into files."""

import pyarrow.parquet as pq
import pytest

from apps.dataset_explorer.blends import arrangement, blend, write_origins
from apps.dataset_explorer.servings import lay
from tests.unit.dataset_explorer.stored import stored, texts


@pytest.fixture
def laid(house):
    one = texts(house.store, *(f"one {number} {'x' * 50}" for number in range(300)), name="one")
    two = stored(house.store, {"text": [f"two {number}" for number in range(100)], "place": range(100)}, "two", group=7)
    return lay([one, two], [200, 100], 5, chats=False, mark=False)


def written(laid, folder, shuffle=True, **more):
    list(blend(laid.servings, laid.schema, folder / "data.parquet", 5, shuffle, **more))
    assert sorted(path.name for path in folder.iterdir()) == ["data.parquet"]
    return (folder / "data.parquet").read_bytes(), pq.read_table(folder / "data.parquet").to_pylist()


def test_dealing_into_files_changes_nothing(laid, workspace):
    whole, dealt, many = (workspace / name for name in ("whole", "dealt", "many"))
    for folder in (whole, dealt, many):
        folder.mkdir()
    one = written(laid, whole)[1]
    assert written(laid, dealt, held=1000)[1] == one
    assert written(laid, many, held=1)[1] == one
    assert len(one) == 300


def test_rows_stand_where_the_arrangement_says(laid, workspace):
    order = arrangement(laid.servings, 5, True)
    write_origins(laid.servings, order, workspace / "origins")
    origins = pq.read_table(workspace / "origins").to_pylist()
    (workspace / "out").mkdir()
    for row, origin in zip(written(laid, workspace / "out")[1], origins, strict=True):
        assert row["text"].split()[:2] == [["one", "two"][origin["part"]], str(origin["row"])]
        assert row["place"] == (origin["row"] if origin["part"] else None)


def test_without_shuffling_parts_follow_each_other(laid, workspace):
    (workspace / "out").mkdir()
    rows = written(laid, workspace / "out", shuffle=False)[1]
    numbers = [int(row["text"].split()[1]) for row in rows]
    assert numbers[:200] == sorted(numbers[:200])
    assert numbers[200:] == list(range(100))
    assert arrangement(laid.servings, 5, False).tolist() == list(range(300))


def test_an_order_looks_random(laid):
    order = arrangement(laid.servings, 5, True)
    assert abs((order[:150] < 200).sum() - 100) < 25
    assert (order[1:] > order[:-1]).sum() < 200
