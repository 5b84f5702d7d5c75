import random
from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from apps.dataset_explorer import diversity
from apps.dataset_explorer.portrait import EXCERPT, Gaps, Portrait, Questions, batch_texts

ASKED = Questions(keyed=True)
TEXTS = [
    "", " ", "The cat sat on the mat. The cat sat on the mat. The cat sat on the mat.", "你好，世界。今天天气很好。", "مرحبا بالعالم",
    "e\u0301 👩‍👩‍👧 🎉", "What is 2 + 2? It is 4.", "write to jane.roe@mail-server.org today", "a a a a a a a a a a a a a a",
    "def f(x):\n    return x + 1\n", "lorem ipsum dolor sit amet", "{ } { }", "# # # # # #",
]  # fmt: skip


def made(count, seed=0):
    dice = random.Random(seed)
    rows = [" ".join(dice.choices(TEXTS, k=dice.randint(1, 4))) for _ in range(count)]
    return pa.RecordBatch.from_pydict(
        {
            "text": pa.array([row if dice.random() > 0.1 else None for row in rows]),
            "tags": pa.array([dice.choice([None, [], ["a", "b"], [None], [""]]) for _ in rows], pa.list_(pa.string())),
            "score": pa.array([dice.choice([None, 0.5, 2.0]) for _ in rows]),
        }
    )


def plain(portrait):
    """All of a portrait but the bytes of its gzip, as values that can be compared."""
    found = {each.name: getattr(portrait, each.name) for each in fields(portrait)}
    varied = found["diversity"]
    if varied is not None:
        found["diversity"] = {
            each.name: np.asarray(getattr(varied, each.name)).tolist()
            for each in fields(varied)
            if each.name != "packed"
        }
    return found | {"exact": found["exact"].tolist(), "normal": found["normal"].tolist()}


@pytest.mark.parametrize("seed", range(4))
def test_however_the_batches_are_cut_and_merged_the_portrait_is_the_same(seed):
    batch, dice = made(180, seed), random.Random(seed)
    whole = Portrait.of(batch, ASKED)
    cuts = [0, *sorted(dice.sample(range(1, 180), 6 if seed else 1)), 180]
    parts = [Portrait.of(batch.slice(a, b - a), ASKED, a) for a, b in pairwise(cuts)]
    while len(parts) > 1:  # neighbours in any nesting
        at = dice.randrange(len(parts) - 1)
        parts[at : at + 2] = [parts[at] + parts[at + 1]]
    assert plain(parts[0]) == plain(whole)
    # Each part is compressed on its own, which costs something, and never less than nothing.
    one, two = parts[0].diversity, whole.diversity
    assert two.packed <= one.packed <= two.packed + 1300 * (len(cuts) - 2)


def test_one_row_at_a_time_is_the_same_too():
    batch = made(40)
    whole = Portrait.of(batch, replace(ASKED, varied=False))
    total = Portrait()
    for row in range(40):
        total += Portrait.of(batch.slice(row, 1), replace(ASKED, varied=False), row)
    assert plain(total) == plain(whole)


def test_a_table_is_as_good_as_a_batch():
    batch = made(30)
    table = pa.Table.from_batches([batch.slice(0, 10), batch.slice(10)])
    assert plain(Portrait.of(table, ASKED)) == plain(Portrait.of(batch, ASKED))
    assert Portrait.of(table.slice(0, 0), ASKED).rows == 0
    assert batch_texts(table, "score").to_pylist() == batch_texts(batch, "score").to_pylist()


def test_no_rows_change_nothing():
    portrait = Portrait.of(made(5), ASKED)
    assert Portrait() + portrait is portrait
    assert portrait + Portrait() is portrait
    assert (Portrait() + Portrait()).rows == 0


def test_gaps_of_every_kind_of_column():
    batch = pa.RecordBatch.from_pydict(
        {
            "text": ["a", None, " \n", ""],
            "list": pa.array([["x"], [], None, [None, ""]], pa.list_(pa.string())),
            "number": pa.array([1, None, None, 4]),
            "nothing": pa.nulls(4),
            "bytes": pa.array([b"", b"x", None, b"y"]),
            "struct": pa.array([{"a": ""}, {"a": "x"}, None, {"a": None}]),
        }
    )
    expected = {
        "text": Gaps(1, 2), "list": Gaps(1, 2), "number": Gaps(2, 0), "nothing": Gaps(4, 0), "bytes": Gaps(1, 1), "struct": Gaps(1, 2),
    }  # fmt: skip
    assert Portrait.of(batch, ASKED).columns == expected
    assert Portrait.of(pa.Table.from_batches([batch]), ASKED).columns == expected


def test_lengths_are_those_of_each_row():
    batch = pa.RecordBatch.from_pydict({"text": ["Hello, world!", "你好 ok", None, "e\u0301"]})
    found = Portrait.of(batch, Questions())
    assert found.characters.values.tolist() == [0, 2, 5, 13]
    assert found.words.values.tolist() == [0, 1, 2, 3]
    assert found.words.counts.tolist() == [1, 1, 1, 1]
    assert found.tokens.values.tolist() == [0, 1, 3, 4]
    assert found.blank == 1
    assert found.exact.size == 0


def test_examples_are_the_worst_rows_and_their_secrets_are_masked():
    secret = "sk-proj-" + "Ab3dE5gH7jK9mN1pQ3sT5vW7yZ" * 2
    rows = [f"jane.roe@mail-server.org {secret} " + "the same " * (20 + n) for n in range(8)]
    found = Portrait.of(pa.RecordBatch.from_pydict({"text": rows}), Questions(), first=100)
    assert found.telling
    for name, examples in found.telling.items():
        assert 1 <= len(examples) <= 3, name
        assert [each.excess for each in examples] == sorted((each.excess for each in examples), reverse=True)
        for each in examples:
            assert 100 <= each.row < 108
            assert name in {flag.rule for flag in each.flags}
            assert secret not in each.text
            assert "jane.roe" not in each.text
            assert len(each.text) <= EXCERPT
    assert {each.row for each in found.findings["email"]} == {100, 101, 102}
    assert all("jane.roe" not in each.masked for each in found.findings["email"])


def test_keys_are_equal_for_equal_rows_only():
    rows = ["Same text.", "same TEXT", "Same text.", "", "...", "Ｓａｍｅ text!", " \n"]
    found = Portrait.of(pa.RecordBatch.from_pydict({"text": rows}), ASKED)
    exact, normal = found.exact.tolist(), found.normal.tolist()
    assert exact[0] == exact[2] != exact[1]
    assert exact[3] == exact[6] == 0
    assert normal[0] == normal[1] == normal[2] == normal[5] != 0
    assert normal[3] == normal[4] == 0


def test_diversity_is_that_of_the_rows():
    batch = made(50)
    texts = batch_texts(batch)
    assert Portrait.of(batch, ASKED).diversity.result() == diversity.measure([texts]).result()
    assert Portrait.of(batch, replace(ASKED, varied=False)).diversity is None
