import pytest

from apps.dataset_explorer.repetition import measure_repetition, paragraphs
from apps.dataset_explorer.sheet import Sheet


def test_worked_example_of_top_ngrams():
    # "a b" occurs three times: 3 * 3 of 14 characters; "a b x" once, so that it is no repetition.
    found = measure_repetition(Sheet(["a b x a b, a b"]))
    assert found["gopher_top_2_gram"].tolist() == [9 / 14]
    assert found["gopher_top_3_gram"].tolist() == [0]
    counted = measure_repetition(Sheet(["a b x a b, a b"]), once="count")
    assert counted["gopher_top_3_gram"].tolist() == [5 / 14]


def test_worked_example_of_coverage():
    # The second "a b c d e f" holds two repeated 5-grams that overlap: six characters as a union, five by jumping.
    text = "a b c d e f . a b c d e f"
    union = measure_repetition(Sheet([text]))
    greedy = measure_repetition(Sheet([text]), coverage="greedy")
    assert union["gopher_repeated_5_grams"].tolist() == [6 / 25]
    assert greedy["gopher_repeated_5_grams"].tolist() == [5 / 25]
    assert union["gopher_repeated_6_grams"].tolist() == [6 / 25]
    assert union["gopher_repeated_7_grams"].tolist() == [0]


def test_worked_example_of_lines_and_paragraphs():
    found = measure_repetition(Sheet(["ab\nab\n\ncd\n\nab\nab"]))
    assert found["gopher_duplicate_lines"].tolist() == [3 / 5]
    assert found["gopher_duplicate_line_characters"].tolist() == [6 / 16]
    assert found["gopher_duplicate_paragraphs"].tolist() == [1 / 3]
    assert found["gopher_duplicate_paragraph_characters"].tolist() == [5 / 16]


def test_rows_do_not_repeat_each_other():
    found = measure_repetition(Sheet(["one two three four five six"] * 3))
    assert all(column.tolist() == [0, 0, 0] for column in found.values())


def test_ties_go_to_the_ngram_met_first():
    found = measure_repetition(Sheet(["xx y, a b, a b, xx y"]))
    assert found["gopher_top_2_gram"].tolist() == [8 / 20]


def test_paragraphs_end_at_two_line_feeds():
    sheet = Sheet(["\n\n a\n\n\nb \nc\n \nd\n\n", "", "\n\n"])
    pieces = paragraphs(sheet)
    found = [sheet.text[start:end] for start, end in zip(pieces.start, pieces.end, strict=True)]
    assert found == ["a", "b \nc\n \nd"]


def test_line_feeds_around_a_text_are_two_empty_lines():
    assert measure_repetition(Sheet(["\na\n", "a\n"]))["gopher_duplicate_lines"].tolist() == [pytest.approx(1 / 3), 0]
