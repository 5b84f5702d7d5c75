"""What the rules come to together: each row counted once, samples, excerpts, and masks before everything else."""

import numpy as np
import pytest

from apps.dataset_explorer.recipes import CleanRules, Edit
from apps.dataset_explorer.sifting import EXCERPT, Sifting, excerpt
from shared.errors import PlaygroundError
from tests.unit.dataset_explorer.stored import stored, texts


def sifted(house, source, rules, samples=5, listed=None) -> Sifting:
    work = Sifting(source, rules, house.store, samples, listed)
    list(work.run())
    return work


def counted(work):
    return {name: (count.rows, count.alone) for name, count in work.counts.items() if count.rows}


def test_a_row_that_goes_by_several_rules_counts_once(house):
    source = texts(house.store, "", "", "x", "long enough", "long enough")
    work = sifted(house, source, CleanRules(empty_answers=True, min_characters=2, exact=True, rows=[2]))
    assert counted(work) == {"row": (1, 0), "empty_answer": (2, 0), "short_characters": (3, 0), "exact": (2, 1)}
    assert np.flatnonzero(work.gone).tolist() == [0, 1, 2, 4]


def test_the_list_names_the_first_rule_and_how_many_there_are(house):
    source = texts(house.store, "ok then", "", "again again", "again again", "z", "last one")
    work = sifted(house, source, CleanRules(empty_answers=True, min_characters=2, exact=True, rows=[4]))
    assert work.removed().to_pylist() == [
        {"row": 1, "rule": "empty_answer", "rules": 2, "why": "Nothing is said in 'text'."},
        {"row": 3, "rule": "exact", "rules": 1, "why": "It is the same as row 2."},
        {"row": 4, "rule": "row", "rules": 2, "why": "Chosen by its number."},
    ]


@pytest.mark.parametrize("listed", [0, 1, 2, 5])
def test_a_preview_lists_the_first_rows(house, listed):
    source = texts(house.store, *["", "dup", "dup", "", "x y", "dup"] * 3)
    rules = CleanRules(empty_answers=True, exact=True, rows=[7])
    whole, some = sifted(house, source, rules), sifted(house, source, rules, listed=listed)
    assert some.removed().to_pylist() == whole.removed().to_pylist()[:listed]
    assert counted(some) == counted(whole)
    assert len(whole.removed()) == np.count_nonzero(whole.gone)


@pytest.mark.parametrize("samples", [0, 2, 50])
def test_samples_are_the_first_rows_of_each_rule(house, samples):
    source = texts(house.store, *["", "dup", "keep", "dup"] * 4)
    work = sifted(house, source, CleanRules(empty_answers=True, exact=True), samples)
    blank = [each.row for each in work.counts["empty_answer"].samples]
    assert blank == [0, 4, 8, 12][:samples]
    shown = work.counts["exact"].samples
    assert [each.row for each in shown] == list(range(3, 16))[:samples]
    for each in shown:
        assert each.text == each.partner_text
        assert each.partner < each.row


def test_rules_see_the_row_as_it_would_be_saved(house):
    source = stored(house.store, {"text": ["", "same", "other", "mail bob@web.de", "mail eve@web.de"], "n": range(5)})
    edits = [Edit(0, "text", "filled in"), Edit(2, "text", "same"), Edit(2, "n", 1)]
    work = sifted(house, source, CleanRules(empty_answers=True, exact=True, personal="mask", edits=edits))
    assert np.flatnonzero(work.gone).tolist() == [2]
    assert np.flatnonzero(work.masked).tolist() == [3, 4]
    masked = sifted(house, source, CleanRules(normalised=True, duplicates_column="text", personal="mask"))
    assert np.flatnonzero(masked.gone).tolist() == [4]
    assert masked.counts["normalised"].samples[0].partner_text == "mail [email]"


def test_what_stands_in_a_number_cannot_be_masked_and_goes(house):
    source = stored(house.store, {"text": ["phone number", "nobody"], "n": [2025550143, 7]})
    work = sifted(house, source, CleanRules(personal="mask"))
    assert counted(work) == {"personal:phone": (1, 1)}
    assert "cannot be masked" in work.removed()["why"][0].as_py()


def test_one_column_alone(house):
    source = stored(house.store, {"a": ["x", "x"], "b": ["bob@web.de", "long text here"]})
    assert counted(sifted(house, source, CleanRules(exact=True))) == {}
    assert counted(sifted(house, source, CleanRules(exact=True, duplicates_column="a"))) == {"exact": (1, 1)}
    assert counted(sifted(house, source, CleanRules(min_characters=2, column="a"))) == {"short_characters": (2, 2)}
    assert counted(sifted(house, source, CleanRules(personal="drop", column="a"))) == {}
    work = sifted(house, source, CleanRules(personal="mask", column="b"))
    assert [batch.column("b").to_pylist() for _, batch in work.batches()] == [["[email]", "long text here"]]


def test_a_copy_of_a_row_that_goes_stays(house):
    source = texts(house.store, "one two", "one two", "one two")
    work = sifted(house, source, CleanRules(exact=True, near=True, rows=[0]))
    assert np.flatnonzero(work.gone).tolist() == [0, 2]
    assert counted(work) == {"row": (1, 0), "exact": (2, 0), "near": (2, 0)}


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (CleanRules(rows=[3]), "no row 3"),
        (CleanRules(column="b"), "no column 'b'"),
        (CleanRules(duplicates_column="c"), "no column 'c'"),
        (CleanRules(edits=[Edit(5, "text", "x")]), "no row 5"),
    ],
)
def test_rows_and_columns_that_are_not_there(house, rules, words):
    with pytest.raises(PlaygroundError, match=words):
        Sifting(texts(house.store, "a", "b", "c"), rules, house.store, 5, None)


def test_excerpts_keep_what_was_found_in_sight():
    assert excerpt("short", 1, 3) == ("short", 1, 3)
    text = "".join(chr(ord("a") + place % 26) for place in range(5000))
    for start, end in ((0, 10), (100, 130), (2500, 2520), (4990, 5000), (4000, 4999)):
        shown, low, high = excerpt(text, start, end)
        assert len(shown) <= EXCERPT + 2
        assert shown[low:high] == text[start:end][: high - low]
        assert shown[low:high]
        assert shown.strip("…") in text
        assert shown.startswith("…") == (start > 120)
        assert shown.endswith("…") == (start < 4900)
    assert excerpt(text) == (text[:EXCERPT] + "…", None, None)


def test_a_long_row_is_cut_in_samples(house):
    source = texts(house.store, "x" * 1_000_000, "fine")
    work = sifted(house, source, CleanRules(max_characters=10))
    assert len(work.counts["long_characters"].samples[0].text) == EXCERPT + 1
