import math
import random
import re
from collections import Counter
from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest

from shared.embedding import EmbeddingCache
from shared.progress import Progress
from shared.search import (
    BrokenIndex,
    Found,
    Hit,
    KeywordIndex,
    build_index,
    find_meaning,
    find_nearest,
    find_pattern,
    mark,
    terms,
)
from shared.text import words
from shared.utf8 import arrow

ROWS = [
    "the cat sat",
    "the dog sat on the cat",
    "机器学习很有趣",
    "学习机器",
    "",
    "ΟΔΟΣ İstanbul STRASSE naïve",
    "مرحبا cat",
]


def plain_terms(text):
    pieces = re.findall(r"[\u4e00-\u9fff]+|[^\u4e00-\u9fff]+", text)
    runs = [piece for piece in pieces if "\u4e00" <= piece[0] <= "\u9fff"]
    return words(text) + [one + two for run in runs for one, two in pairwise(run)]


def plain_scores(texts, query):
    """The formula of Lucene's BM25 as it is written, row by row."""
    rows = [Counter(plain_terms(text)) for text in texts]
    lengths = [len(words(text)) for text in texts]
    mean = sum(lengths) / len(lengths)
    scores = []
    for row, length in zip(rows, lengths, strict=True):
        score = 0.0
        for term in plain_terms(query):
            holding = sum(term in other for other in rows)
            idf = math.log(1 + (len(rows) - holding + 0.5) / (holding + 0.5))
            score += idf * row[term] / (row[term] + 1.2 * (1 - 0.75 + 0.75 * length / mean)) if row[term] else 0
        scores.append(score)
    return scores


def last(items):
    return list(items)[-1]


def test_worked_example():
    # Two rows of two words, "b" in one of them: idf = ln(1 + 1.5/1.5) = ln 2; tf part = 1 / (1 + 1.2).
    index = KeywordIndex.build([pa.array(["a b", "a c"])])
    assert index.search("b") == Found([Hit(0, pytest.approx(math.log(2) / 2.2), [])], 1)


@pytest.mark.parametrize(
    "query", ["cat", "the the cat", "机器学习", "学习", "straße", "οδος", "İSTANBUL", "nothing", "", "习"]
)
def test_scores_are_those_of_the_formula(query):
    index = KeywordIndex.build([pa.array(ROWS)])
    assert index.scores(query) == pytest.approx(plain_scores(ROWS, query))


def test_scores_of_random_rows_in_several_arrays():
    draw = random.Random(3)
    vocabulary = ["a", "b", "cc", "longerthaneightbytes", "x" * 80, "我", "们", "é", "1", "_"]
    texts = [
        "".join(draw.choice(vocabulary) + draw.choice(["", " "]) for _ in range(draw.randrange(30))) for _ in range(60)
    ]
    index = KeywordIndex.build(
        [pa.array(texts[:1]), pa.array(texts[1:40]), pa.array([], pa.string()), pa.array(texts[40:])]
    )
    assert len(index) == 60
    for query in ("a b", "我们 longerthaneightbytes", "x" * 80, "我们我们"):
        assert index.scores(query) == pytest.approx(plain_scores(texts, query))


def test_equal_scores_are_in_the_order_of_the_rows():
    found = KeywordIndex.build([pa.array(["b a", "x", "a b", "b a"])]).search("a", 2)
    assert [hit.row for hit in found.hits] == [0, 2]
    assert found.total == 3


def test_pairs_do_not_reach_across_rows_or_spaces():
    index = KeywordIndex.build([pa.array(["学", "习", "学 习", "学习"])])
    assert np.argmax(index.scores("学习")) == 3
    assert index.scores("学习")[2] == pytest.approx(plain_scores(["学", "习", "学 习", "学习"], "学习")[2])
    assert terms("学习 a学") == ["学", "习", "a", "学", "学习"]


def test_no_rows_and_only_empty_rows():
    for texts in ([], [pa.array([], pa.string())], [pa.array(["", None, "!"])]):
        assert KeywordIndex.build(texts).search("a") == Found([], 0)


def test_half_a_pair_and_a_long_row():
    index = KeywordIndex.build([arrow([b"a \xed\xa0\x80 b", b"word " * 200_000])])
    assert sorted(hit.row for hit in index.search("b word").hits) == [0, 1]


def test_index_reports_and_is_saved(workspace):
    items = list(build_index([pa.array(ROWS), pa.array(ROWS)], rows=14))
    assert [(item.done, item.total) for item in items[:-1]] == [(7, 14), (14, 14)]
    items[-1].save(workspace / "index.npz")
    loaded = KeywordIndex.load(workspace / "index.npz")
    assert loaded.search("机器 cat") == items[-1].search("机器 cat")
    KeywordIndex.build([]).save(workspace / "empty.npz")
    assert KeywordIndex.load(workspace / "empty.npz").search("a") == Found([], 0)
    whole = (workspace / "index.npz").read_bytes()
    broken = whole[:200] + bytes(50) + whole[250:]
    for torn in (b"torn", b"", b"PK", whole[:-40], broken):
        (workspace / "index.npz").write_bytes(torn)
        with pytest.raises(BrokenIndex, match=r"'index\.npz' is not a keyword index"):
            KeywordIndex.load(workspace / "index.npz")


def test_marks_are_characters_of_the_row():
    assert mark("The CAT, the catalogue; cat!", "cat the") == [(0, 3), (4, 7), (9, 12), (24, 27)]
    assert mark("😀学习中文", "学习") == [(1, 3)]
    assert mark("İstanbul", "İSTANBUL") == [(0, 8)]
    assert len(mark("a " * 1000, "a")) == 100


def test_patterns_find_rows_with_their_spans():
    items = list(
        find_pattern([pa.array(["ab1", "none", "😀12 é34"]), pa.array([None, "x5"])], r"[0-9]+", limit=2, rows=5)
    )
    assert items[:-1] == [Progress("Matching", 3, 5), Progress("Matching", 5, 5)]
    assert items[-1] == Found([Hit(0, 1.0, [(2, 3)]), Hit(2, 2.0, [(1, 3), (5, 7)])], 3)


def test_case_and_empty_matches():
    texts = [pa.array(["ÄPFEL", "äpfel", "Birnen"])]
    assert last(find_pattern(texts, "äpfel")).total == 1
    assert last(find_pattern(texts, "äpfel", ignore_case=True)).total == 2
    assert last(find_pattern(texts, "x*")) == Found([Hit(row, 0.0, []) for row in range(3)], 3)


@pytest.mark.parametrize("pattern", [r"(a+)+$", r"(a|a)*b", r"(a+b|a)", r"(.*)*x"])
def test_a_pattern_meant_to_backtrack_takes_linear_time(pattern):
    assert last(find_pattern([pa.array(["a" * 1_000_000])], pattern)).total <= 1


def test_nearest_vectors():
    vectors = np.array([[1, 0], [0, 1], [0.6, 0.8], [1, 0]], np.float32)
    found = find_nearest(vectors, vectors[0], 3)
    assert [(hit.row, hit.score) for hit in found.hits] == [(0, 1), (3, 1), (2, pytest.approx(0.6))]
    assert found.total == 4
    assert find_nearest(np.zeros((0, 2), np.float32), vectors[0]) == Found([], 0)


class Letters:
    """An embedder for tests: which of two letters a text has."""

    ref = "test:letters"
    size = 2

    def embed(self, texts):
        return np.array([[float("a" in text), float("b" in text)] for text in texts], np.float32).reshape(-1, 2)


def test_meaning_reports_and_finds(workspace):
    items = list(find_meaning(["b", "", "a"], "a", Letters(), EmbeddingCache(workspace), 1))
    assert isinstance(items[0], Progress)
    assert items[-1] == Found([Hit(2, 1.0, [])], 3)
