"""The endpoint explain: every value, threshold, span and partner of one row."""

from dataclasses import asdict

import numpy as np
import pytest

from apps.dataset_explorer import explaining
from apps.dataset_explorer.explaining import BATCH, CHARACTERS, PARTNERS, explain
from apps.dataset_explorer.rules import thresholds
from shared import records
from shared.calls import call
from shared.errors import PlaygroundError
from shared.policy import Caller
from tests import checkers
from tests.unit.dataset_explorer.stored import last, stored, texts

SAME = "one two three four five six seven eight nine ten eleven twelve"


def test_partners_are_named_with_the_strictest_kind(house):
    rows = [SAME, "other", SAME, SAME.upper(), SAME.replace("twelve", "thirteen"), "", SAME.replace("six", "6")]
    found = last(explain(texts(house.store, *rows).ref, 0))
    assert [(each.row, each.kind, each.similarity) for each in found.partners] == [
        (2, "exact", 1.0),
        (3, "normalised", 1.0),
        (4, "near", 7 / 9),
    ]
    assert found.partners[1].text == SAME.upper()
    assert "says the same as row 4 (near, similarity 0.778)" in found.flagged
    lower = last(explain(texts(house.store, *rows).ref, 0, threshold=0.2))
    assert (lower.partners[-1].row, lower.partners[-1].similarity) == (6, 3 / 13)


def test_the_next_row_of_the_same_dataset_is_not_searched_for_again(house, monkeypatch):
    source = texts(house.store, SAME, "other", SAME, SAME.upper())
    first = last(explain(source.ref, 0))
    with monkeypatch.context() as patch:
        patch.setattr(explaining, "find_duplicates_steps", None)
        second = last(explain(source.ref, 2))
        with pytest.raises(TypeError):
            last(explain(source.ref, 2, threshold=0.5))
    assert [each.row for each in first.partners] == [2, 3]
    assert [each.row for each in second.partners] == [0, 3]
    for threshold in np.linspace(0.1, 0.9, 20):
        last(explain(source.ref, 0, threshold=float(threshold)))
    assert len(house.own(explaining.Looked).groups) == explaining.KEPT


def test_rows_that_are_alike_through_others_alone_are_no_partners(house):
    """A chain of 60 rows, each like the next: the group is long, the partners of its middle are few."""
    words = [f"w{number}" for number in range(90)]
    rows = [" ".join(words[number : number + 30]) for number in range(60)]
    expected = {
        row: similarity
        for (one, two), similarity in checkers.jaccard_pairs([checkers.shingles(row) for row in rows], 0.7).items()
        for row in {one, two} - {50}
        if 50 in (one, two)
    }
    assert len(expected) == 8
    found = last(explain(texts(house.store, *rows).ref, 50))
    assert {each.row: each.similarity for each in found.partners} == pytest.approx(expected)


def test_of_each_kind_the_first_twenty_partners_are_named(house):
    other = SAME.replace("twelve", "thirteen")
    found = last(explain(texts(house.store, *[SAME] * 30, *[SAME.upper()] * 30, *[other] * 30).ref, 29))
    named = {
        kind: [each.row for each in found.partners if each.kind == kind] for kind in ("exact", "normalised", "near")
    }
    assert named == {
        "exact": list(range(PARTNERS)),
        "normalised": list(range(30, 30 + PARTNERS)),
        "near": list(range(60, 60 + PARTNERS)),
    }


def test_partners_far_down_a_long_group_are_found(house):
    words = [f"w{number}" for number in range(BATCH + 150)]
    rows = [" ".join(words[number : number + 30]) for number in range(BATCH + 100)]
    found = last(explain(texts(house.store, *rows).ref, BATCH + 50))
    assert sorted(each.row for each in found.partners) == [
        *range(BATCH + 46, BATCH + 50),
        *range(BATCH + 51, BATCH + 55),
    ]


@pytest.mark.parametrize("rules", ["instruction", "web"])
def test_every_rule_has_its_value_and_threshold_and_broken_ones_come_first(house, rules):
    row = "Buy now. " * 60
    found = last(explain(texts(house.store, "fine", row).ref, 1, rules=rules))
    asked = thresholds(rules)
    assert {each.rule: (each.least, each.most) for each in found.rules} == {
        name: (one.least, one.most) for name, one in asked.items()
    }
    broken = [each.broken for each in found.rules]
    assert broken == sorted(broken, reverse=True)
    assert any(broken)
    for each in found.rules:
        outside = each.value is not None and (
            (each.least is not None and each.value < each.least) or (each.most is not None and each.value > each.most)
        )
        assert each.broken == outside, each.rule
        assert each.broken or not each.spans
        assert each.says
        assert each.source
        assert all(0 <= start < end <= len(row) for start, end in each.spans)
    spans = [found.text[start:end] for each in found.rules for start, end in each.spans]
    assert any("Buy now." in span for span in spans)
    assert len(found.flagged) == sum(broken)
    assert any("at most" in said for said in found.flagged)


def test_too_few_words_say_how_many_would_pass(house):
    found = last(explain(texts(house.store, "short").ref, 0, rules="web"))
    assert any("at least 50 passes" in said for said in found.flagged)


def test_personal_data_is_named_and_masked(house):
    found = last(explain(texts(house.store, "Write to jane.roe@mail-server.org today, please.").ref, 0))
    assert [each.kind for each in found.findings] == ["email"]
    assert any(said.startswith("holds email: ") for said in found.flagged)
    assert "jane.roe@mail-server.org" not in str(found.flagged)
    reserved = last(explain(texts(house.store, "Write to jane@example.com today, please.").ref, 0))
    assert not any(said.startswith("holds") for said in reserved.flagged)


def test_a_test_item_is_named(house, real_data):
    import json

    with (real_data / "instruct" / "gsm8k" / "test.jsonl").open(encoding="utf-8") as lines:
        item = json.loads(next(lines))
    found = last(explain(texts(house.store, "x", item["question"]).ref, 1))
    assert [(hit.row, hit.item) for hit in found.leaks] == [(0, "gsm8k/test/0")]
    assert "repeats gsm8k/test/0 of gsm8k" in found.flagged


@pytest.mark.parametrize(
    ("row", "language"),
    [
        ("The weather has been wonderful during the whole week.", "en"),
        ("今天的天气非常好，我们一起去公园散步吧。", "zh"),
        ("مرحبا بالعالم، كيف حالك اليوم يا صديقي العزيز؟", "ar"),
        ("", "und"),
        ("12345", "und"),
        ("👩‍👩‍👧🎉", "und"),
    ],
)
def test_the_language_is_told(house, row, language):
    found = last(explain(texts(house.store, row, "other").ref, 0))
    assert (found.language, found.text) == (language, row)
    assert 0 <= found.confidence <= 1
    assert found.partners == []


@pytest.mark.slow
def test_a_row_of_a_megabyte_is_cut(house):
    found = last(explain(texts(house.store, "word " * 200_000).ref, 0))
    assert len(found.text) == CHARACTERS
    spans = [span for each in found.rules for span in each.spans]
    assert spans
    assert all(0 <= start < end <= CHARACTERS for start, end in spans)


def test_a_column_of_lists_or_numbers(house):
    source = stored(house.store, {"n": [1.5, None, 1.5], "tags": [["a", "b"], [], None]})
    assert [each.row for each in last(explain(source.ref, 0, column="n")).partners] == [2]
    assert last(explain(source.ref, 0, column="tags")).text == "a b"
    assert last(explain(source.ref, 1)).text.strip() == ""


def test_empty_rows_are_the_same_only_byte_for_byte(house):
    found = last(explain(texts(house.store, "", None, " ").ref, 0))
    assert [(each.row, each.kind, each.similarity) for each in found.partners] == [(1, "exact", 1.0)]


def test_the_record_explains_it_again(house):
    found = last(explain("builtin:dirty-mixture", 8, rules="web", threshold=0.5))
    record = records.load(house.store, found.record)
    assert record.action == "explain"
    assert record.results["broken"] == sum(each.broken for each in found.rules) > 0
    assert {**asdict(last(explain(**record.settings))), "record": ""} == {**asdict(found), "record": ""}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"row": 2}, "no row 2: 'set' has 2, numbered from 0"),
        ({"row": -1}, "row"),
        ({"row": 10**9}, "no row 1,000,000,000"),
        ({"row": 0, "column": "answer"}, "no column 'answer'"),
        ({"row": 0, "rules": "strict"}, "rules"),
        ({"row": 0, "threshold": 0}, "threshold"),
        ({"row": 0, "dataset": "local:nothing@0123456789ab"}, "nothing"),
    ],
)
def test_what_cannot_be_asked(house, arguments, message):
    given = {"dataset": texts(house.store, "a", "b").ref, **arguments}
    with pytest.raises(PlaygroundError, match=message):
        last(call(explain, given))
    assert records.find(house.store) == []


def test_a_dataset_without_rows_has_none_to_explain(house):
    with pytest.raises(PlaygroundError, match="no row 0: 'set' has 0"):
        last(explain(texts(house.store).ref, 0))


def test_a_visitor_leaves_no_record(house):
    found = last(call(explain, {"dataset": texts(house.visitors, "a").ref, "row": 0}, Caller("v", owner=False)))
    assert (found.text, found.record) == ("a", "")
    assert records.find(house.store) == []
