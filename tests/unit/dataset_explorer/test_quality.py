import random

import numpy as np
import pyarrow as pa
import pytest

from apps.dataset_explorer import quality, rules
from shared.errors import PlaygroundError
from tests.unit.dataset_explorer.plain_quality import values

ATOMS = [
    *(
        "the",
        "cat ",
        "sat ",
        "on ",
        "a ",
        " ",
        " ",
        "\n",
        "\n\n",
        "\r\n",
        "\r",
        "\t",
        ".",
        "...",
        "…",
        "•",
        "-",
        "#",
        "_",
    ),
    *(
        "１",
        "12",
        "[1]",
        "[]",
        "[edit]",
        "{",
        "Lorem Ipsum ",
        "lorem ipsum",
        "JavaScript",
        "İ",
        "use cookies",
        "。",
        "我",
    ),
    *(
        "是",
        "”",
        "」",
        "？",
        "! ",
        "? ",
        "é",
        "e\u0301",
        "नमस्ते",
        "مرحبا",
        "😀",
        "\u2028",
        "\x85",
        "x" * 300,
        "x" * 1001,
    ),
    *("'", '"', ")", "」", "Σ", "が", "ｶ", "\u3000"),
]
AS_DATATROVE = {"once": "count", "coverage": "greedy", "script": "english"}


def rows(seed):
    draw = random.Random(seed)
    kinds = [draw.sample(ATOMS, draw.choice([3, 8, len(ATOMS)])) for _ in range(60)]
    return ["".join(draw.choices(kind, k=draw.choice([0, 1, 3, 10, 40, 150]))) for kind in kinds]


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("reading", [{}, AS_DATATROVE])
def test_every_value_is_that_of_the_plain_reading(seed, reading):
    texts = rows(seed)
    table = quality.measure(texts, **reading)
    for row, text in enumerate(texts):
        mine = {name: None if np.isnan(column[row]) else column[row] for name, column in table.values.items()}
        assert mine == values(text, **reading), text


def test_values_do_not_depend_on_the_batch():
    texts = [*rows(4), "word " * 60_000, "end of it."]
    whole = quality.measure(texts)
    parts = quality.QualityTable.join([quality.measure(texts[:7]), quality.measure(texts[7:])])
    alone = quality.QualityTable.join([quality.measure([text]) for text in texts])
    for name, column in whole.values.items():
        assert np.array_equal(column, parts.values[name], equal_nan=True)
        assert np.array_equal(column, alone.values[name], equal_nan=True)


def test_no_rows_and_an_empty_row():
    nothing = quality.measure([])
    assert len(nothing) == 0
    assert quality.verdicts(nothing, "web").tally() == quality.verdicts(nothing, "web").tally() + quality.Tally()
    found = quality.verdicts(quality.measure(pa.array(["", None], pa.string())), "instruction")
    assert found.rows().tolist() == [0, 1]
    assert [flag.rule for flag in found.of(0)] == ["gopher_words"]


def test_a_good_short_answer_passes_and_a_loop_does_not():
    good = "What is 12 + 30? Twelve and thirty make forty-two.\n#### 42"
    loop = "I am sorry, I can not do that. " * 12
    found = quality.verdicts(quality.measure([good, loop]), "instruction")
    assert found.flagged.tolist() == [False, True]
    flag = found.of(1)[-1]
    assert flag == quality.Flag("gopher_repeated_10_grams", 231 / 372, None, 0.3)
    assert {flag.rule for flag in quality.verdicts(quality.measure([good]), "web").of(0)} >= {"gopher_words"}


def test_an_ngram_seen_once_is_no_repetition():
    text = "one two three four"
    assert quality.measure([text]).values["gopher_top_2_gram"][0] == 0
    assert quality.measure([text], once="count").values["gopher_top_2_gram"][0] == len("one two") / len(text)


def test_chinese_is_judged_by_its_own_words():
    text = "我是一个学生，他是一位老师，我们在学校里学习中文和数学。今天天气很好，我们不想待在家里。" * 1
    found = quality.measure([text, text * 8])
    assert found.values["gopher_words"].tolist() == [39, 312]
    assert np.isnan(found.values["gopher_word_length"]).all()
    assert found.values["gopher_stop_words"][0] >= 5
    assert found.values["c4_sentences"].tolist() == [2, 16]
    assert quality.verdicts(found, "instruction").flagged.tolist() == [False, True]


@pytest.mark.parametrize(
    "text", ["שלום עולם", "مرحبا بالعالم يا أصدقائي", "👩‍👩‍👧 👍🏽", "e\u0301" * 10, "a" * 1_000_000, "no " * 300_000]
)
def test_odd_rows_are_measured(text):
    found = quality.measure(["before.", text, "after."])
    assert found.values["gopher_words"][[0, 2]].tolist() == [1, 1]
    plain = {name: np.nan if value is None else value for name, value in values(text[:300]).items()}
    start = quality.measure([text[:300]])
    assert {name: column[0] for name, column in start.values.items()} == pytest.approx(plain, nan_ok=True)


def test_bad_words_are_off_until_given():
    texts = ["a classic Bass, a bass!", "混蛋啊"]
    assert quality.measure(texts).values["c4_bad_words"].tolist() == [0, 0]
    found = quality.measure(texts, bad_words=["bass", "ass", "混蛋"])
    assert found.values["c4_bad_words"].tolist() == [2, 1]
    assert quality.verdicts(found, "web").broken["c4_bad_words"].all()
    assert quality.spans(texts[0], "c4_bad_words", ["bass"]) == [(10, 14), (18, 22)]


def test_arrow_table_has_a_column_for_each_rule():
    table = quality.measure(["我", "word"]).arrow()
    assert table.column_names == sorted(table.column_names, key=[rule.name for rule in rules.rules()].index)
    assert table["gopher_word_length"].to_pylist() == [None, 4.0]


def test_tallies_of_batches_add_up():
    texts = rows(5)
    whole = quality.verdicts(quality.measure(texts), "web").tally()
    parts = [quality.verdicts(quality.measure(part), "web").tally() for part in (texts[:20], texts[20:])]
    assert parts[0] + parts[1] == whole
    assert whole.flagged == len(quality.verdicts(quality.measure(texts), "web").rows())


def test_unknown_profile_is_said():
    with pytest.raises(PlaygroundError, match="profile 'books'"):
        quality.verdicts(quality.measure(["a"]), "books")
