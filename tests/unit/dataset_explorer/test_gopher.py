import pytest

from apps.dataset_explorer.gopher import dots, measure_symbols, measure_words
from apps.dataset_explorer.sheet import Sheet


def test_worked_example_of_words():
    # Words: The, 3, old, men, ___, have, gone: six are more than symbols, five hold a letter, with 1 + 17 letters.
    found = measure_words(Sheet(["The 3 old men, ___ have gone"]))
    assert found["gopher_words"].tolist() == [6]
    assert found["gopher_word_length"].tolist() == [18 / 6]
    assert found["gopher_alphabetic_words"].tolist() == [5 / 7]
    assert found["gopher_stop_words"].tolist() == [1]


def test_worked_example_of_symbols():
    found = measure_symbols(Sheet(["# one two ....... three…\n- four\n  • five...\nsix"]))
    assert found["gopher_hashes"].tolist() == [1 / 6]
    assert found["gopher_ellipses"].tolist() == [4 / 6]
    assert found["gopher_bullet_lines"].tolist() == [2 / 4]
    assert found["gopher_ellipsis_lines"].tolist() == [2 / 4]


def test_stop_words_in_the_best_language_or_in_english():
    sheet = Sheet(["der Hund und die Katze", "the dog and the cat", "他是我的", ""])
    assert measure_words(sheet)["gopher_stop_words"].tolist() == [3, 2, 3, 0]
    assert measure_words(sheet, "english")["gopher_stop_words"].tolist() == [0, 2, 0, 0]


def test_han_has_no_word_length_unless_asked_for():
    sheet = Sheet(["我是 abc"])
    assert measure_words(sheet)["gopher_word_length"].tolist() == [3]
    assert measure_words(sheet, "english")["gopher_word_length"].tolist() == [pytest.approx(5 / 3)]


def test_dots_never_join_across_rows():
    found = dots(Sheet(["a..", ".b", "......"]))
    assert (found.row.tolist(), found.length.tolist()) == ([2, 2], [3, 3])
