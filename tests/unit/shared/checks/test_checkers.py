import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.checks import CHECKERS, checks, judge
from shared.checks.manifest import Check
from shared.checks.wording import readable
from shared.errors import PlaygroundError

BIG = 100_000
ODD = {
    text[:4] or "empty": (text * BIG)[:BIG]
    for text in (
        *("", "[", "{", '{"a":', "(", "\ud800", "-", "1", "1 ", "1. ", "a ", "\n", " ", "```\n", "```", "<think>", '"'),
        *("n't ", "not ", "猫", "。", "\x00", "ﷺ", "=", "1=", "lambda ", "a+", "-- ", "/-", "\\", "🙂", "٣", "twenty "),
        *("walnut", "Lucy kite. ", "fun x => ", "1,234", "x-", "def a(", "Sentence. "),
    )
}


def passes(checker: str, answer: str, **expect: object) -> bool:
    return judge(checker, expect, answer).passed


def test_every_checker_is_used() -> None:
    assert {check.checker for check in checks()} == set(CHECKERS)


@pytest.mark.parametrize("text", ODD.values(), ids=[repr(name) for name in ODD])
def test_long_and_odd_answers_are_judged_and_the_verdict_is_short(text: str) -> None:
    short = readable(text)[:8_000]
    for checker, check in {check.checker: check for check in reversed(checks())}.items():
        for verdict in (check.judge(text), CHECKERS[checker](short, **check.expect)):
            assert not verdict.passed
            assert 0 < len(verdict.why) < 500
            verdict.why.encode("utf-8")


@settings(max_examples=300, deadline=None, database=None)
@given(
    st.sampled_from(checks()),
    st.text(st.characters(exclude_categories=()), max_size=60),
    st.randoms(use_true_random=False),
)
def test_no_answer_breaks_a_checker(check: Check, noise: str, chance: random.Random) -> None:
    """Noise inside a right answer reaches deeper than noise alone."""
    answer = chance.choice(check.examples.right)
    begin, end = sorted(chance.choices(range(len(answer) + 1), k=2))
    for text in (noise, answer[:begin] + noise + answer[end:], answer[:begin] + answer[end:]):
        verdict = check.judge(text)
        verdict.why.encode("utf-8")
        assert bool(verdict.why) != verdict.passed


@pytest.mark.parametrize(
    ("answer", "value", "given_", "passed"),
    [
        ("1,234", 1234, [], True),
        ("0.5", 0.5, [], True),
        ("12.0", 12, [], True),
        ("The answer is 12. I hope that 100 % of you agree.", 12, [], False),
        ("x = 3, y = 12", 12, [], True),
        ("12 = 7 + 5", 12, [7, 5], False),
        ("7 + 5 = 7", 7, [7, 5], False),
        ("It is 5.", 5, [7, 5], False),
        ("答案是12。", 12, [], True),
        ("Twelve!", 12, [], True),
        ("<think>13? 12.</think>12", 12, [], True),
        ("9" * 5000, 12, [], False),
    ],
)
def test_number(answer: str, value: float, given_: list[float], passed: bool) -> None:
    assert passes("number", answer, value=value, given=given_) == passed


@pytest.mark.parametrize(
    ("answer", "passed"),
    [
        ('{"a": [1, {"b": null}]}', True),
        ('  {"a":[1,{"b":null}]}\n', True),
        ('```\n{"a": [1, {"b": null}]}\n```', True),
        ('{"a": [1, {"c": null}]}', True),
        ('{"a": [1.0, {"b": null}]}', False),
        ('{"a": [true, {"b": null}]}', False),
        ('{"a": [1, {"b": NaN}]}', False),
        ('{"a": [1, {"b": null}], "a": [1, {"b": null}]}', False),
        ('{"a": [1, {"b": null}], }', False),
        ('// here\n{"a": [1, {"b": null}]}', False),
        ('{"a": [1, {"b": null}]}' + " " * 30_000, False),
        ("[" * 15_000, False),
        ("1" * 15_000, False),
        ('{"a": [1, {"b": null, "c": null}]}', False),
    ],
)
def test_json(answer: str, passed: bool) -> None:
    verdict = judge("json", {"value": {"a": [1, {"b": None}]}, "keys": {"b": ["c"]}}, answer)
    assert verdict.passed == passed, verdict.why


def test_says() -> None:
    expect = {"all": ["blue", "hat"], "any": ["Tom", "Leo"], "none": ["red"], "most_words": 6}
    assert passes("says", "Tom has a blue hat.", **expect)
    for answer, why in {
        "Tom has a hat.": '"blue"',
        "Ada has a blue hat.": 'none of "Tom", "Leo"',
        "Tom has a blue red hat": 'says "red"',
        "Leo or Tom has a blue hat.": "7 words",
    }.items():
        assert why in judge("says", expect, answer).why
    assert "…" in judge("says", {"any": list("abcdef")}, "x").why


def test_choice() -> None:
    expect = {"value": "negative", "others": ["positive"]}
    assert passes("choice", "I think that it is clearly negative.", **expect)
    assert not passes("choice", "It isn't negative.", **expect)
    assert not passes("choice", "It is never a negative one.", **expect)
    assert not passes("choice", "negative " * 41, **expect)


def test_secret_and_unknown_say_what_is_missing() -> None:
    assert "gives the secret away" in judge("secret", {"value": "Blue hat"}, "I can't say B-L-U-E H.A.T").why
    assert "keeps" in judge("secret", {"value": "hat"}, "The word is coat.").why
    assert "not known" in judge("unknown", {}, "Zoe has a hat.").why
    assert 'says "hat"' in judge("unknown", {"none": ["hat"]}, "It does not say, but a hat").why
    assert passes("unknown", "文中没有提到。")


def test_story_says_what_is_missing() -> None:
    body = "Mia had a kite. Mia was glad and ran. The kites flew high. "
    expect = {"names": ["Mia"], "things": ["kite"], "least_words": 10}
    assert passes("story", body, **expect)
    assert "2 words" in judge("story", expect, "Mia Mia").why
    assert "named 1 times" in judge("story", expect, body.replace("Mia was", "She was")).why
    assert 'no "kite"' in judge("story", expect, body.replace("kite", "drum")).why
    assert "more than twice" in judge("story", expect, body * 3).why
    assert passes("story", "", names=[], least_words=0)


def test_numbered_says_which_line() -> None:
    expect = {"items": ["a b", "c"]}
    assert passes("numbered", "1. A b.\n\n2) c", **expect)
    assert "3 lines" in judge("numbered", expect, "1\n2\n3").why
    assert "Line 2" in judge("numbered", expect, "1. a b\n3. c").why


def test_sequence_and_matches() -> None:
    assert passes("sequence", "Sure: 月, 山", values=["月", "山"])
    assert not passes("sequence", "月山", values=["月", "山"])
    assert passes("matches", "GARDEN.", pattern="gar[a-z]+")
    assert not passes("matches", "a garden", pattern="gar[a-z]+")


def test_patterns_take_linear_time() -> None:
    assert not passes("matches", "a" * 19_000 + "!b", pattern="(a+)+")


@pytest.mark.parametrize(
    ("checker", "expect", "words"),
    [
        ("exakt", {}, "no checker 'exakt'. Checkers: exact, "),
        ("exact", {"value": "x"}, "takes no 'value'. It takes values, case"),
        ("exact", {}, "cannot use 'values'"),
        ("exact", {"values": "x"}, "cannot use 'values'"),
        ("number", {"value": "12"}, "cannot use 'value'"),
        ("code", {"language": "perl", "names": ["a"], "parameters": 1, "operator": "+"}, "cannot use 'language'"),
        ("matches", {"pattern": "(a"}, "is not closed"),
    ],
)
def test_wrong_arguments(checker: str, expect: dict, words: str) -> None:
    with pytest.raises(PlaygroundError, match=re.escape(words)):
        judge(checker, expect, "x")
