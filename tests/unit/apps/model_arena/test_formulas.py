import pytest

from apps.model_arena.formulas import FORBIDDEN, LONGEST, MOST_BACK, formula
from apps.model_arena.sanitising import sanitise


@pytest.mark.parametrize(
    ("latex", "safe"),
    [
        ("x_1 < y & z", "\\(x_1 &lt; y &amp; z\\)"),
        ("a\nb", "\\(a&#10;b\\)"),
        ("5\\% of \\$", "\\(5\\&#37; of \\&#36;\\)"),
        ("a \\\\(b)", "\\(a \\\\ (b)\\)"),
        ("中文", "\\(中文\\)"),
        ("a \\\\[2pt] b", "\\(a \\\\[2pt] b\\)"),
    ],
)
def test_a_formula_as_the_chatbot_gets_it(latex, safe):
    assert formula(latex, display=False) == safe
    assert formula(latex, display=True) == "\\[" + safe[2:-2] + "\\]"


@pytest.mark.parametrize(
    "latex",
    [
        *(f"\\{name}{{1em}}" for name in sorted(FORBIDDEN)), "", "  ", "x" * (LONGEST + 1), "{" * 61 + "}" * 61, "\\!" * (MOST_BACK + 1),
        "a \\\\[-3em] b", "a \\\\[100em] b", "a \\\\ [ -1em ] b", "\\( x", "x \\] y", "\\[x", "a $$ b", "\\htmlData{a=b}{c}",
    ],
)  # fmt: skip
def test_what_must_not_be_drawn(latex):
    assert formula(latex, display=True) is None


def test_blocks_end_where_they_should():
    assert "\\[x\\]" in sanitise("$$\nx\n$$")
    assert "\\[x.\\]" in sanitise("\\[\nx\n\\].")
    assert "\\[" not in sanitise("$$\nno end").replace("&#", "")
    assert "<li>" in sanitise("- $$\n  x\n  $$")
    assert "\\[x\\]" in sanitise("- $$\n  x\n  $$")
    assert "\\[&#10;x" in sanitise("- $$\nx\n$$")  # a lazy line belongs to the item
    assert "\\[x\\] and" in sanitise("$$x$$ and more")
    assert "\\[" not in sanitise("$$\n$$")
    assert "&#36;" in sanitise("    $$x$$")
    assert "\\[y\\]" in sanitise("text\n$$\ny\n$$")
    assert "\\(" not in sanitise("\\( \\) and $ $ and \\(no end")
