import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import PlaygroundError
from shared.metrics import choices
from shared.metrics.choices import choose, pair
from shared.models.protocol import Scored, Token


def test_worked_example_where_the_three_rules_differ() -> None:
    # Sums -4, -6, -5.4. By character: -4, -2, -2.7. By byte: -4, -2, -0.9.
    picks = choose([-4.0, -6.0, -5.4], ["a", "abc", "汉字"])
    assert (picks.total, picks.characters, picks.bytes, picks.tied) == (0, 1, 2, False)


@given(st.lists(st.tuples(st.floats(-100, -0.01), st.text("aé汉🎉", min_size=1, max_size=9)), min_size=2, max_size=6))
def test_equals_the_lines_of_lm_eval(rows: list[tuple[float, str]]) -> None:
    # Copied from ConfigurableTask.process_results in lm_eval/api/task.py, 0.4.13.
    lls, texts = zip(*rows, strict=True)
    completion_len = np.array([float(len(i)) for i in texts])
    byte_length = np.array([float(len(i.encode("utf-8"))) for i in texts])
    picks = choose(lls, texts)
    assert picks.total == np.argmax(lls)
    assert picks.characters == np.argmax(lls / completion_len)
    assert picks.bytes == np.argmax(lls / byte_length)


def test_of_equal_choices_the_first_is_taken_and_it_is_said() -> None:
    picks = choose([-2.0, -1.0, -1.0], ["aa", "bb", "cc"])
    assert (picks.total, picks.characters, picks.bytes, picks.tied) == (1, 1, 1, True)


@pytest.mark.parametrize(
    ("totals", "texts"), [([], []), ([-1.0], ["a"]), ([-1.0, -2.0], ["a", ""]), ([-1.0], ["a", "b"])]
)
def test_what_is_no_choice_is_refused(totals: list[float], texts: list[str]) -> None:
    with pytest.raises(PlaygroundError, match="at least two choices"):
        choose(totals, texts)


def test_spaces_at_the_end_of_the_question_move_to_the_answer() -> None:
    assert pair("Q: 1 + 1?\nA:", "2") == ("Q: 1 + 1?\nA:", " 2")
    assert pair("Q: 1 + 1?\nA: ", "2", "") == ("Q: 1 + 1?\nA:", " 2")
    assert pair("问：一加一？\n答：", "二", "") == ("问：一加一？\n答：", "二")
    assert pair("", "x", "") == ("", "x")


def test_total_leaves_out_what_has_no_probability() -> None:
    tokens = (Token("a", 0, 0.0), Token("b", 1, math.log(0.5)))
    assert choices.total(Scored(tokens, first=False)) == pytest.approx(math.log(0.5))
    assert choices.total(Scored((), first=False)) == 0.0
