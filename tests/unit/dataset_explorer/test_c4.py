import numpy as np
import pytest

from apps.dataset_explorer.c4 import count_sentences, find_words, inspect, inspect_line, measure_c4
from apps.dataset_explorer.sheet import Sheet


def test_worked_example():
    text = (
        "This line is kept. It has two sentences!\nNo end\nToo short.\nWe like JavaScript a lot.\nWe use cookies here."
    )
    found = {name: column[0] for name, column in measure_c4(Sheet([text])).items()}
    assert found["c4_sentences"] == 2
    assert found["c4_unpunctuated_lines"] == 1 / 5
    assert found["c4_short_lines"] == 2 / 5
    assert (found["c4_javascript_lines"], found["c4_policy_lines"]) == (1, 1)


def test_pages_that_c4_refuses():
    found = measure_c4(Sheet(["Lorem ipsum dolor sit amet.", "int main() { return 0; }", "Here is a { and an end."]))
    assert found["c4_lorem_ipsum"].tolist() == [1, 0, 0]
    assert found["c4_curly_brackets"].tolist() == [0, 0, 1]


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("One.", 1),
        ("One. Two", 2),
        ('He said "no." Then left.', 2),
        ("It costs 3.50 now!", 1),
        ("第一句。第二句？第三句", 3),
        ("他说：“好。”然后走了。", 2),
        ("Wait... what?! Yes.", 3),
        ("", 1),
        ("नमस्ते। आप कैसे हैं?", 2),
    ],
)
def test_sentences(line, count):
    assert count_sentences(line) == count
    lines, seen = inspect(Sheet([line, "between.", line]))
    assert seen.sentences[lines.row == 2].tolist() == ([count] if line else [])


def test_citations_are_taken_out_first():
    lines, seen = inspect(Sheet(["A line with [1] and an end.[12]", "A lo[1]rem ipsum here."]))
    assert seen.ended.tolist() == [True, True]
    assert seen.lorem.tolist() == [False, True]
    assert len(lines) == 2
    assert inspect_line("Say lorem[3] ipsum now.", "any")[3]


def test_end_punctuation_of_other_scripts():
    line = "这 是 一句话。"
    assert measure_c4(Sheet([line]))["c4_unpunctuated_lines"].tolist() == [0]
    assert measure_c4(Sheet([line]), script="english")["c4_unpunctuated_lines"].tolist() == [1]


def test_an_ellipsis_is_no_end():
    lines = ["and so on it goes...", "and so on it goes…", "and so on it goes."]
    assert measure_c4(Sheet(lines))["c4_unpunctuated_lines"].tolist() == [1, 1, 0]


def test_phrases_do_not_reach_across_lines_or_rows():
    found = measure_c4(Sheet(["we have lorem\nipsum here.", "java", "script is no word."]))
    assert found["c4_lorem_ipsum"].tolist() == [0, 0, 0]
    assert found["c4_javascript_lines"].tolist() == [0, 0, 0]


def test_words_of_a_list_stand_alone():
    found = find_words(Sheet(["damn, undamned Damn", "damn"]), ["damn"])
    assert (found.row.tolist(), found.start.tolist()) == ([0, 0, 1], [0, 15, 20])
    assert len(find_words(Sheet(["any"]), [])) == 0


def test_no_lines_at_all():
    assert all(np.array_equal(column, [0, 0]) for column in measure_c4(Sheet(["", " \n "])).values())
