import pytest

from apps.dataset_explorer import quality, rules
from shared.errors import PlaygroundError

PAGE = """The cat sat on the mat. The cat sat on the mat, said he. ### ...
- one … and a {bracket} of them.
• two…

two lines are equal
two lines are equal

Lorem ipsum is no JavaScript; we use cookies here.
12 34"""


@pytest.mark.parametrize(
    ("rule", "found"),
    [
        ("gopher_hashes", ["###"]),
        ("gopher_ellipses", ["...", "…", "…"]),
        ("gopher_bullet_lines", ["- one … and a {bracket} of them.", "• two…"]),
        ("gopher_ellipsis_lines", ["The cat sat on the mat. The cat sat on the mat, said he. ### ...", "• two…"]),
        ("gopher_alphabetic_words", ["12", "34"]),
        ("gopher_duplicate_lines", ["two lines are equal"]),
        ("gopher_duplicate_line_characters", ["two lines are equal"]),
        ("gopher_top_4_gram", ["The cat sat on", "The cat sat on"]),
        ("gopher_repeated_5_grams", ["The cat sat on the mat"]),
        ("gopher_repeated_7_grams", []),
        ("c4_lorem_ipsum", ["Lorem ipsum"]),
        ("c4_curly_brackets", ["{"]),
        ("c4_javascript_lines", ["JavaScript"]),
        ("c4_policy_lines", ["use cookies"]),
        ("c4_short_lines", ["• two…", "12 34"]),
        ("fineweb_duplicate_characters", ["two lines are equal"]),
        ("fineweb_line_feeds", ["\n", "\n", "\n\n", "\n", "\n\n", "\n"]),
        ("fineweb_short_lines", ["• two…", "two lines are equal", "two lines are equal", "12 34"]),
        ("gopher_words", []),
        ("gopher_stop_words", []),
    ],
)
def test_spans_show_the_fault(rule, found):
    assert [PAGE[start:end] for start, end in quality.spans(PAGE, rule)] == found


def test_lines_that_c4_drops():
    dropped = [PAGE[start:end] for start, end in quality.spans(PAGE, "c4_sentences")]
    assert dropped == [line for line in PAGE.split("\n") if line]
    text = "This line stays here.\nThis one goes\n" + "x" * 1001 + " long word here."
    assert [text[a:b][:8] for a, b in quality.spans(text, "c4_sentences")] == ["This one", "xxxxxxxx"]
    assert [text[a:b] for a, b in quality.spans(text, "c4_unpunctuated_lines")] == ["This one goes"]
    assert quality.spans(text, "c4_long_words") == [(36, 1037)]


def test_lines_without_end_punctuation():
    text = "Ends.\nDoes not\n\nNor this one"
    found = quality.spans(text, "fineweb_punctuated_lines")
    assert [text[start:end] for start, end in found] == ["Does not", "Nor this one"]


def test_paragraphs_that_repeat():
    text = "one\n\ntwo\n\none"
    assert quality.spans(text, "gopher_duplicate_paragraphs") == [(10, 13)]
    assert quality.spans(text, "gopher_duplicate_paragraph_characters") == [(10, 13)]


def test_words_of_odd_length():
    assert quality.spans("a bc def", "gopher_word_length") == [(0, 1), (2, 4)]
    assert quality.spans("internationalisation incomprehensible of", "gopher_word_length") == [(0, 20), (21, 37)]
    assert quality.spans("", "gopher_word_length") == []


@pytest.mark.parametrize("text", ["", " ", "\n", "我", "é"])
def test_every_rule_has_spans_for_every_row(text):
    for rule in rules.rules():
        assert all(0 <= start < end <= len(text) for start, end in quality.spans(text, rule.name))


def test_unknown_rule_is_said():
    with pytest.raises(PlaygroundError, match="no quality rule 'nonsense'"):
        quality.spans("text", "nonsense")
