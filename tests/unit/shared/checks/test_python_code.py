import pytest

from shared.checks.python_code import python

ADD = {"names": ["add", "sum"], "parameters": 2, "cases": [[2, 3, 5], [10, -4, 6]]}
LARGER = {"names": ["larg", "max"], "parameters": 2, "cases": [[2, 3, 3], [5, -4, 5], [1, 1, 1]]}


@pytest.mark.parametrize(
    "body",
    [
        "return a + b",
        "return (b + a)",
        "return a - -b",
        "c = a\n    c += b\n    return c",
        "c: int = a + b\n    return c",
        "return sum([a, b])",
        "return sum((a, b))",
        "pass\n    return int(a + b)",
        "return abs(a + b) if a + b > 0 else +0 + a + b",
        "return (a * 2 + b * 2) // 2 % 100",
        "if not a > 100 and a != 7:\n        return a + b\n    else:\n        return 0",
        "if a == 1 or b == 1: return 0\n    return a + b",
    ],
)
def test_right_bodies(body: str) -> None:
    verdict = python(f"def add(a, b):\n    {body}\n\nprint(add(1, 2))", **ADD)
    assert verdict.passed, verdict.why


@pytest.mark.parametrize(
    "code",
    [
        "def larger(a, b):\n    return max(a, b)",
        "def larger(a, b):\n    if a > b:\n        return a\n    return b",
        "maximum = lambda a, b: a if a >= b else b",
        "import math\n\n\nclass A: pass\n\n\ndef max_of_two(a: float, b: float, /) -> float:\n    return b if a < b <= b else a",
    ],
)
def test_right_comparisons(code: str) -> None:
    verdict = python(code, **LARGER)
    assert verdict.passed, verdict.why


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", "no code"),
        ("x" * 5000, "too much: 5,000"),
        ("def add(a, b) return a", "is not Python"),
        ("def add(a, b):\n    return a\x00", "is not Python"),
        ("add = 3\nx.add = lambda a, b: a\n(lambda a, b: a + b)", "no function whose name"),
        ("def add(a, b, c):\n    return a", "3 parameters"),
        ("def add(a, b):\n    return a - b", "For 2, 3 it should return 5, and returns -1"),
        ("def add(a, b):\n    a + b", "does more than it should"),
        ("def add(a, b):\n    pass", "returns nothing"),
        ("def add(a, b):\n    return", "returns nothing"),
        ("def add(a, b):\n    return a, b", "returns several values"),
        ("def add(a, b):\n    return (a, b) + (a, b)", "does more than it should"),
        ("def add(a, b):\n    return (a, b) < (a, b)", "does more than it should"),
        ("def add(a, b):\n    return a is b", "does more than it should"),
        ("def add(a, b):\n    return '5'", "does more than it should"),
        ("def add(a, b):\n    return c", "does more than it should"),
        ("def add(a, b):\n    while True: pass", "does more than it should"),
        ("def add(a, b):\n    return __import__('os').system('true')", "does more than it should"),
        ("def add(a, b):\n    return eval('a + b')", "does more than it should"),
        ("def add(a, b):\n    return a ** b", "does more than it should"),
        ("def add(a, b):\n    return a / 0", "raises an error"),
        ("def add(a, b):\n    return max(a)", "raises an error"),
        ("def add(a, b):\n    return max(a, (b, b))", "raises an error"),
        ("def add(a, b):\n    return 99999999999 * 99999999999", "too large"),
        ("def add(a, b):\n    return 1e999 - 1e999", "too large"),
        ("def add(a, b):\n    return " + "-" * 3000 + "a", "is not Python|too many brackets"),
        ("def add(a, b):\n    return " + "a+" * 1500 + "b", "is not Python|too many brackets"),
        ("def add(a, b):\n    return a" + "[0]" * 1000, "a long expression|is not Python"),
    ],
)
def test_wrong_code(code: str, words: str) -> None:
    import re

    verdict = python(code, **ADD)
    assert not verdict.passed
    assert re.search(words, verdict.why), verdict.why


def test_python_itself_agrees_on_a_grid() -> None:
    """An independent implementation: Python, on code that is written here and no model's."""
    import itertools

    operators = ["+", "-", "*", "//", "%", "/"]
    for one, two in itertools.product(operators, operators):
        text = f"def f(a, b):\n    return (a {one} 3) {two} b if a < b else -a {two} (b {one} 7)"
        scope: dict = {}
        exec(text, scope)
        cases = [[a, b, scope["f"](a, b)] for a in (1, 5, 12) for b in (8, 9, 20)]
        verdict = python(text, names=["f"], parameters=2, cases=cases)
        assert verdict.passed, (text, verdict.why)
