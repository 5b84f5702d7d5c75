import pytest

from apps.model_arena import battles
from apps.model_arena.portraits import categorise, describe, language_of
from tests.unit.apps.model_arena.players import BLUE, RED, battle, play_with, words


@pytest.mark.parametrize(
    ("prompt", "answers", "category"),
    [
        ("Write a Python function that adds two numbers.", ["```python\nx\n```", "```\ny\n```"], "coding"),
        ("What is wrong?\n```c\nint main(){}\n```", [], "coding"),
        ("Write a Python function", [], "coding"),
        ("Sort these names", ["```\nx\n```", "```\ny\n```"], "coding"),
        ("My class at school was fun", ["Nice.", "Good."], "other"),
        ("What is 17 * 24?", ["408"], "maths"),
        ("Solve the equation for x", [], "maths"),
        ("求解这个方程", [], "maths"),
        ("Write a haiku about snow", [], "creative"),
        ("写一首关于月亮的诗", [], "creative"),
        ("Translate into French: hello", [], "translation"),
        ("Summarise this text", [], "summary"),
        ("Pretend to be a pirate", [], "roleplay"),
        ("Which planet has rings?", [], "science"),
        ("Hello!", [], "other"),
        ("", [], "other"),
        ("poems are not a poetic plane", [], "other"),
    ],
)
def test_categories(prompt, answers, category):
    assert categorise(prompt, answers) == category


@pytest.mark.parametrize(
    ("prompt", "language"), [("Why is the sky blue today?", "en"), ("今天天气怎么样", "zh"), ("1 + 1", ""), ("", "")]
)
def test_languages(prompt, language):
    assert language_of(prompt) == language


def test_a_battle_is_described_side_by_side(house):
    players = play_with(house, (RED, words("# A\n\n**b**")), (BLUE, words("plain")))
    one, last = battle(models=[RED, BLUE])
    found = describe(battles.find(house.store, one))
    red = next(side for side, text in last.texts.items() if text != "plain")
    blue = "b" if red == "a" else "a"
    assert found.lengths == {red: 10, blue: 5}
    assert found.markdown == {red: (1, 0, 1), blue: (0, 0, 0)}
    assert (found.language, found.category) == ("en", "other")
    players.close()
