"""The hashed index of a benchmark."""

import gzip
import json
from pathlib import Path

import numpy as np
import pytest

from apps.dataset_explorer import benchmark_index
from apps.dataset_explorer.benchmark_index import (
    ANSWER,
    BARE,
    QUESTION,
    SHIPPED,
    Item,
    build,
    load,
    main,
    read_items,
    save,
    shipped,
)
from shared.errors import PlaygroundError

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "instruct"
ITEMS = [
    Item(
        "toy/0",
        "Tom has 3 red apples and buys 4 green ones. How many apples has Tom now?",
        "3 + 4 = <<3+4=7>>7",
        "3 + 4 = 7",
    ),
    Item("toy/1", "Compute 2 + 2"),
]


def test_an_index_is_read_back_as_it_was_written(tmp_path):
    built = build("toy", ITEMS)
    save(built, tmp_path / "toy.npz")
    again = load(tmp_path / "toy.npz")
    assert (again.name, again.ids) == ("toy", ("toy/0", "toy/1"))
    assert again.item.tolist() == [0, 0, 0, 1]
    assert again.kind.tolist() == [QUESTION, ANSWER, BARE, QUESTION]
    assert again.words.tolist() == [16, 6, 3, 3]
    for name in ("codes", "whole", "loose", "loose_words"):
        assert np.array_equal(getattr(again, name), getattr(built, name))


def test_the_same_benchmark_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        save(build("toy", ITEMS), tmp_path / f"{name}.npz")
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "two.npz").read_bytes()


def test_no_word_of_the_benchmark_is_in_the_file(tmp_path):
    save(build("toy", ITEMS), tmp_path / "toy.npz")
    with np.load(tmp_path / "toy.npz") as tables:
        content = b"".join(tables[name].tobytes() for name in tables.files)
    assert b"toy/0" in content
    assert not any(word in content.lower() for word in (b"apples", b"green", b"tom"))


def test_a_benchmark_needs_items_with_text():
    with pytest.raises(PlaygroundError, match="'toy' has no rows"):
        build("toy", [])
    with pytest.raises(PlaygroundError, match="'toy/9' of 'toy' has neither"):
        build("toy", [Item("toy/9", "  ")])


def test_a_file_that_is_no_index_is_refused(tmp_path):
    bad = tmp_path / "bad.npz"
    bad.write_bytes(b"nothing of the kind")
    with pytest.raises(PlaygroundError, match=r"'bad.npz' is not the index"):
        load(bad)
    np.savez(tmp_path / "half.npz", probe=np.zeros(1))
    with pytest.raises(PlaygroundError, match=r"'half.npz' is not the index"):
        load(tmp_path / "half.npz")


def test_an_index_of_other_hashes_is_refused(tmp_path, monkeypatch):
    save(build("toy", ITEMS), tmp_path / "toy.npz")
    monkeypatch.setattr(benchmark_index, "probe", lambda: np.zeros(6, dtype=np.uint16))
    with pytest.raises(PlaygroundError, match="Make it anew"):
        load(tmp_path / "toy.npz")


def test_items_are_read_by_their_recipe():
    recipe = {"question": "q", "answer": "a", "id": "m/{split}/{task_id}", "splits": {"test": [1, 5], "train": [6, 9]}}
    rows = [{"q": "Why?", "a": "So.", "task_id": 2}, {"q": "Who?", "a": None, "task_id": 7}]
    assert list(read_items(recipe, rows)) == [Item("m/test/2", "Why?", "So."), Item("m/train/7", "Who?")]
    counted = {"question": "q", "answer": "a", "id": "m/{row}", "drop": "<<[^<>]*>>"}
    kept = list(read_items(counted, [{"q": "Sum?", "a": "1+1=<<1+1=2>>2"}, {"q": "Zero?", "a": "0"}]))
    assert kept == [Item("m/0", "Sum?", "1+1=<<1+1=2>>2", "1+1=2"), Item("m/1", "Zero?", "0")]


def test_four_benchmarks_are_shipped_in_less_than_four_megabytes():
    files = {name: SHIPPED / f"{name}.npz" for name in shipped()}
    assert sum(file.stat().st_size for file in SHIPPED.iterdir()) <= 4_000_000
    sizes = {name: len(load(file).ids) for name, file in files.items()}
    assert sizes == {"gsm8k": 1319, "humaneval": 164, "mbpp": 974, "math": 5000}
    assert load(files["mbpp"]).ids[10] == "mbpp/test/11"
    assert load(files["gsm8k"]).ids[17] == "gsm8k/test/17"


def test_the_script_makes_an_index_of_every_benchmark(tmp_path, capsys):
    for recipe in shipped().values():
        row = {recipe["question"]: "How many legs have three dogs and one spider?", recipe["answer"]: "Twenty."}
        line = json.dumps(row | {"task_id": 3, "idx": 0}) + "\n"
        file = tmp_path / recipe["file"]
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(gzip.compress(line.encode()) if file.suffix == ".gz" else line.encode())
    out = tmp_path / "out"
    out.mkdir()
    main([str(tmp_path), "--out", str(out)])
    assert sorted(path.name for path in out.iterdir()) == ["gsm8k.npz", "humaneval.npz", "math.npz", "mbpp.npz"]
    assert "mbpp: 1 items, 10 words" in capsys.readouterr().out
    assert load(out / "mbpp.npz").ids == ("mbpp/prompt/3",)


@pytest.mark.parametrize("name", ["gsm8k", "humaneval", "mbpp", "math"])
def test_what_is_shipped_is_what_the_script_makes(name, tmp_path):
    recipe = shipped()[name]
    if not (SHARED / recipe["file"]).exists():
        pytest.skip("needs ../shared/data/instruct")
    built = build(name, read_items(recipe, benchmark_index.read_rows(SHARED / recipe["file"])))
    kept = load(SHIPPED / f"{name}.npz")
    assert built.ids == kept.ids
    for table in ("item", "kind", "words", "codes", "whole", "loose", "loose_words"):
        assert np.array_equal(getattr(built, table), getattr(kept, table))
