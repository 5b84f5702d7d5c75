"""Tokens and features of programs."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.code_features import HEAD, RADIX, SIGN, TAIL, Vocabulary, keys, number, parse, sample, spell, tokens

WORDS = Vocabulary(("(", ")", "+", ":", "=", "def", "return", "ℝ"))
NAMES = WORDS.names()


def features(*texts: str) -> list[set[str]]:
    found, kinds = tokens(texts)
    rows, every = keys(number(found, kinds, WORDS.lookup()), found.rows, kinds == SIGN)
    spelled = [set() for _ in texts]
    for row, key in zip(rows.tolist(), every.tolist(), strict=True):
        assert spell(key, NAMES) not in spelled[row]
        spelled[row].add(spell(key, NAMES))
    return spelled


def test_a_worked_example():
    (found,) = features("def area(r):\n  return 3")
    one = {"def", "(", ")", ":", "return"}
    two = {"def name", "name (", "( name", "name )", ") :", ": ⏎", "⏎ return", "return 0"}
    assert found == one | two | {"def name (", "( name )"}


def test_signs_in_a_row_count_by_threes_and_letters_beyond_ascii_are_told_apart():
    assert "= = =" in features("a === b")[0]
    assert "= = =" not in features("a == b")[0]
    (found,) = features("x : ℝ é 中")
    assert {"ℝ", ": ℝ", "ℝ 字"} <= found
    assert not any("中" in feature for feature in found)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text(alphabet="def(): =+\nxy1ℝé\0", max_size=30), min_size=1, max_size=5))
def test_texts_side_by_side_have_the_features_they_have_alone(texts):
    assert features(*texts) == [features(text)[0] for text in texts]


def test_features_are_written_and_read_back():
    numbers = {word: place for place, word in enumerate(NAMES)}
    for feature in ("def", "def name", "def name (", "= = =", "⏎ return"):
        assert spell(parse(feature, numbers), NAMES) == feature
    assert parse("⏎", numbers) == 1
    assert len(NAMES) < RADIX
    assert Vocabulary.of(("def name (", "⏎ ℝ", "0 字")) == Vocabulary(("(", "def", "ℝ"))


def test_comments_lose_their_words_and_keep_their_marks():
    code = '// the sum\nint f(); // adds\n/* long\n story */ # and so on\n-- lean\n/-- doc -/ """ text """ #= j =# <!-- x -->'
    assert sample(code).split() == [
        "//",
        "int",
        "f();",
        "//",
        "/*",
        "*/",
        "#",
        "--",
        "/--",
        "-/",
        '"""',
        '""',
        "#=",
        "=#",
        "<!-",
        "->",
    ]
    assert sample("#include <a>\n#[derive(X)]\nx = a#b") == "#include <a>\n#[derive(X)]\nx = a#b"


def test_only_a_sample_of_a_long_text_is_read():
    assert len(sample("word " * 100_000)) == HEAD + 1 + TAIL
    assert sample("\ufeff  \n x") == "x"
    assert features("", " ") == [set(), set()]
