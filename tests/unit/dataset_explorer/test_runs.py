"""Runs of words as numbers."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.dataset_explorer.runs import (
    MOST,
    PROBE,
    code_bounds,
    codes,
    grams,
    probe,
    slices,
    split_texts,
    unpunctuated,
    whole_hashes,
    with_digits,
    without_numbers,
    word_hashes,
)
from shared.text import words

SENTENCE = st.lists(st.sampled_from(["a", "b", "cat", "sat", "三", "mat", "7", "x1"]), max_size=24).map(" ".join)


def runs_of(text: str, n: int) -> list[int]:
    split = split_texts([text])
    return grams(codes(word_hashes(split), split.rows), n)[0].tolist()


def test_equal_words_have_equal_hashes_wherever_they_stand():
    split = split_texts(["Cat on a MAT", "", "the cat, the mat"])
    hashes = word_hashes(split)
    spelled = split.texts()
    assert len({*hashes.tolist()}) == len({*spelled})
    assert hashes[spelled.index("cat")] == hashes[len(spelled) - 1 - spelled[::-1].index("cat")]


@settings(max_examples=60, deadline=None)
@given(SENTENCE, SENTENCE, st.integers(8, 12))
def test_texts_share_a_run_exactly_when_they_share_the_words(one, two, n):
    def plain(text):
        spelled = words(text)
        return [tuple(spelled[start : start + n]) for start in range(len(spelled) - n + 1)]

    first, second = runs_of(one, n), runs_of(two, n)
    assert len(first) == len(plain(one))
    assert len({*first} & {*second}) == len({*plain(one)} & {*plain(two)})


def test_rows_do_not_run_into_each_other():
    together = split_texts(["one two three four five", "six seven eight nine ten"])
    alone = split_texts(["one two three four five"])
    joined = codes(word_hashes(together), together.rows)
    assert joined.rows.tolist() == [0, 1, 2]
    assert joined.codes[0] == codes(word_hashes(alone), alone.rows).codes[0]
    assert code_bounds(np.array([5, 3, 7])).tolist() == [0, 1, 1, 4]


def test_whole_rows_are_hashed_up_to_63_words():
    split = split_texts(["", "one", "one two", "two one", "w " * 63, "w " * MOST])
    found = whole_hashes(word_hashes(split), split.rows).tolist()
    assert found[0] == found[-1] == 0
    assert len({*found[1:5]}) == 4
    again = split_texts(["filler filler", "two one"])
    assert whole_hashes(word_hashes(again), again.rows)[1] == found[3]


def test_words_with_digits_are_told_and_left_out():
    split = split_texts(["16 eggs on the 3rd x1 day", "no digits"])
    assert with_digits(split).tolist() == [True, False, False, False, True, True, False, False, False]
    hashes, rows = without_numbers(split)
    bare = split_texts(["eggs on the day", "no digits"])
    assert hashes.tolist() == word_hashes(bare).tolist()
    assert rows.tolist() == [0, 4, 6]


def test_punctuation_is_left_out_without_parting_words():
    text = "Allen’s 10-foot “shark” isn't 5,000 — no… snake_case，中文。".encode()
    raw = np.frombuffer(text, dtype=np.uint8)
    assert raw[unpunctuated(raw)].tobytes().decode() == "Allens 10foot shark isnt 5000  no… snake_case，中文。".replace(
        "…", ""
    )
    assert split_texts(["Allen's 10-foot"], loosely=True).texts() == ["allens", "10foot"]
    assert split_texts(["", "a-b", ""], loosely=True).rows.tolist() == [0, 0, 1, 1]
    assert unpunctuated(np.zeros(0, dtype=np.uint8)).tolist() == []


def test_slices_are_rows_again():
    raw = np.frombuffer("añb".encode(), dtype=np.uint8)
    assert slices(raw, np.array([0, 1, 1, 4])).to_pylist() == ["a", "", "ñb"]


def test_the_shipped_numbers_have_not_changed_their_meaning():
    assert probe().tolist() == [29283, 47498, 48974, 37309, 1438, 10556, 8961]
    assert len(words(PROBE)) == 11
