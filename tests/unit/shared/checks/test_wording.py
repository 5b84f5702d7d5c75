from decimal import Decimal

import pytest

from shared.checks.wording import mentions, numbers, readable, said, sentences, tidy


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
        ("forty-two", [42]),
        ("forty two and seven", [42, 7]),
        ("twenty", [20]),
        ("twenty zero nineteen five", [20, 0, 19, 5]),
        ("That one is 12", [12]),
        ("", []),
        ("none", []),
    ],
)
def test_numbers(text: str, found: list) -> None:
    assert numbers(text) == found


def test_readable() -> None:
    assert readable("<think>3 or 4?</think>\n4") == "\n4"
    assert readable("<think>3 or 4?") == "<think>3 or 4?", "a thought that never ends is all there is"
    assert readable("a <think>b</think>") == "a <think>b</think>"
    assert readable("a\ud800b") == "a?b"
