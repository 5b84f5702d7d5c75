from decimal import Decimal

import pytest

from shared.checks.wording import asserts, mentions, numbers, plain, readable, said, sentences, spelled, tidy


@pytest.mark.parametrize(
    ("text", "tidied"),
    [
        ('  "Rome."  ', "rome"),
        ("“Ｒｏｍｅ！”", "rome"),
        ("**Rome**.", "rome"),
        ("a\n\tb", "a b"),
        ("I’m here", "i'm here"),
        ("北京。", "北京"),
        ("Straße", "strasse"),
        ("", ""),
        ("...", ""),
    ],
)
def test_tidy(text: str, tidied: str) -> None:
    assert tidy(text) == tidied


def test_tidy_keeps_case_when_told_to() -> None:
    assert tidy(" GARDEN. ", case=True) == "GARDEN"


@pytest.mark.parametrize(
    ("text", "phrase", "there"),
    [
        ("This is a hill.", "hi", False),
        ("Hi, there", "hi", True),
        ("The context doesn’t say.", "not say", True),
        ("It cannot be known", "not be known", True),
        ("I won't", "not", True),
        ("knot", "not", False),
        ("是北京市。", "北京", True),
        ("南京", "北京", False),
        ("not", "not say", False),
        ("", "a", False),
    ],
)
def test_mentions(text: str, phrase: str, there: bool) -> None:
    assert mentions(said(text), phrase) == there


def test_sentences() -> None:
    assert sentences("One. Two!\nThree 3.5 。四。五") == ["One.", "Two!", "Three 3.5 。", "四。", "五"]
    assert sentences("  \n ") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("64-19=45", [64, 19, 45]),
        ("64 - 19 = -45", [64, 19, -45]),
        ("1,234 and 12.50", [1234, Decimal("12.5")]),
        ("1, 234", [1, 234]),
        ("１２", [12]),
        ("−7", [-7]),
        ("x2 y_3", []),
        ("有3个", [3]),
        ("12% or 12 %", [Decimal("0.12"), Decimal("0.12")]),
        ("3 million, 3 dozen, 3 hundreds", [3_000_000, 36, 3]),
        ("minus 5 and negative 5, 7 minus 5", [-5, -5, 7, 5]),
        ("the 3rd of 12", [12]),
        ("12th", []),
        ("$12 [12] (12)", [12, 12, 12]),
        ("That one is 12", [12]),
        ("", []),
        ("none", []),
    ],
)
def test_numbers(text: str, found: list) -> None:
    assert numbers(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("forty-two", [42]),
        ("forty two and seven", [42, 7]),
        ("twenty", [20]),
        ("twenty zero nineteen five", [20, 0, 19, 5]),
        ("five hundred and seventy-nine", [579]),
        ("two thousand three hundred and four words", [2304]),
        ("three hundred thousand and two", [300_002]),
        ("a hundred and twelve", [112]),
        ("three dozen", [36]),
        ("a dozen or twelve hundred", [12, 1200]),
        ("minus twelve, negative five hundred", [-12, -500]),
        ("7 plus 5 is twelve", [12]),
        ("eight five", [8, 5]),
        ("十二", [12]),
        ("八十五和五百七十九", [85, 579]),
        ("一共有七个，不是两个", [7, 2]),
        ("一万二千零三", [12_003]),
        ("", []),
        ("none", []),
    ],
)
def test_spelled(text: str, found: list) -> None:
    assert spelled(text) == found


@pytest.mark.parametrize(
    ("text", "phrase", "asserted"),
    [
        ("It is Paris.", "paris", True),
        ("It is not Paris.", "paris", False),
        ("It isn't the city of Paris.", "paris", False),
        ("Not Rome. Paris!", "paris", True),
        ("Paris is wrong.", "paris", False),
        ("Paris is not right.", "paris", False),
        ("Paris, not Rome.", "paris", True),
        ("It is not Paris. Yes, it is Paris.", "paris", True),
        ("I do not know.", "not know", True),
        ("", "paris", False),
        ("Par is", "paris", False),
        ("不知道", "不知道", True),
    ],
)
def test_asserts(text: str, phrase: str, asserted: bool) -> None:
    assert asserts([said(sentence) for sentence in sentences(text)], phrase) == asserted


def test_plain_leaves_out_what_only_emphasises() -> None:
    assert plain('The **last** word is "Lemon".') == "the last word is lemon"
    assert plain("`GARDEN`", case=True) == "GARDEN"
    assert plain("I’ve") == "i've"


def test_readable() -> None:
    assert readable("<think>3 or 4?</think>\n4") == "\n4"
    assert readable("3 or 4?</think>4") == "4", "a template may begin the thought in the prompt"
    assert readable("<think>3 or 4?") == "", "a thought that never ends is no answer"
    assert readable("a <think>b</think>") == "a <think>b</think>"
    assert readable("a\ud800b") == "a?b"
