"""Every family of tasks: its answers are right."""

import importlib
import json
import re

import pytest

from embedded.draw import Draw
from embedded.tasks import (
    CLOSED,
    DIALOGUES,
    OPEN,
    Example,
    example,
    exchange,
)
from embedded.tasks.dialogue import turns


def asked(task: str, count: int = 60, reach: float = 0.6) -> list[Example]:
    draw = Draw(f"test {task}", reach)
    return [example(draw, task) for _ in range(count)]


@pytest.mark.parametrize("task", [*CLOSED, *OPEN, *DIALOGUES])
def test_every_family_ends_with_an_answer_to_a_prompt(task: str) -> None:
    for row in asked(task):
        assert row.turns[-1][0] == "assistant"
        assert row.answer
        assert row.prompt
        assert [role for role, _ in row.turns if role != "system"][::2] == ["user"] * (len(row.turns) // 2)
        assert row.turns == tuple((role, said) for role, said in row.turns)


def test_sums_are_right_wherever_they_are_asked() -> None:
    signs = {"+": int.__add__, "-": int.__sub__, "*": int.__mul__, "x": int.__mul__}
    for task in ("add", "sub", "mul"):
        found = 0
        for row in asked(task, 200):
            if match := re.search(r"(\d+) ([-+*x]) (\d+)", row.prompt):
                found += 1
                assert int(row.answer) == signs[match[2]](int(match[1]), int(match[3]))
        assert found > 40


def test_what_comes_next_follows() -> None:
    for row in asked("next", 300):
        numbers = [int(n) for n in re.findall(r"\d+", row.prompt)]
        if row.prompt.startswith(("Continue", "What comes", "What number")):
            assert int(row.answer) - numbers[-1] == numbers[1] - numbers[0]
        elif "from" in row.prompt:
            assert row.answer == ", ".join(map(str, range(numbers[0], numbers[1] + 1)))


@pytest.mark.parametrize(
    ("task", "check"),
    [
        ("copy", lambda p, a: a in p),
        ("rev", lambda p, a: p.endswith(" ".join(a.split()[::-1]))),
        ("sort", lambda p, a: a == ", ".join(sorted(p.partition(": ")[2].split(", ")))),
        ("sortn", lambda p, a: [int(n) for n in a.split(", ")] == sorted(int(n) for n in re.findall(r"\d+", p))),
        ("spell", lambda p, a: a.replace("-", "") in p),
        ("nth", lambda p, a: a in p.partition(": ")[2]),
        ("note", lambda p, a: a in p),
        ("places", lambda p, a: a in p or a == "The context does not say."),
        ("reading", lambda p, a: a in p or a == "The context does not say."),
        ("planted", lambda p, a: a in p),
        ("deeds", lambda p, a: a in p),
        ("false", lambda p, a: a in p),
        ("oneword", lambda p, a: " " not in a),
        ("object", lambda p, a: isinstance(json.loads(a), dict)),
        ("list", lambda p, a: isinstance(json.loads(a), list)),
        ("json", lambda p, a: set(json.loads(a)) == {"name", "age", "city"}),
        ("kind", lambda p, a: a in p or a == "yes"),
        ("code", lambda p, a: a.startswith("```") and a.endswith("\n```")),
        ("less", lambda p, a: int(a) == min(int(n) for n in re.findall(r"\d+", p))),
        ("cmp", lambda p, a: int(a) == max(int(n) for n in re.findall(r"\d+", p))),
        ("again", lambda p, a: len(set(a.split())) == 1 and a.split()[0] in p),
    ],
)
def test_answers_are_right(task: str, check: object) -> None:
    for row in asked(task, 150):
        assert check(row.prompt, row.answer), row  # type: ignore[operator]


def test_lists_hold_what_the_prompt_gives() -> None:
    for row in asked("listing", 150):
        for word in re.findall(r"[a-z]+", row.answer):
            assert word in row.prompt


def test_counts_are_right() -> None:
    for row in asked("times", 100):
        word = re.search(r'times (?:does|is) (\w+)|word "(\w+)"', row.prompt)
        assert word
        text = row.prompt.rpartition(": ")[2]
        assert int(row.answer) == re.findall(r"\w+", text).count(word[1] or word[2])
    for row in asked("letters", 50):
        assert f"{'x' * int(row.answer)}" == re.sub(
            ".", "x", re.findall(r'word (\w+)\?|"(\w+)"', row.prompt)[0][0] or re.findall(r'"(\w+)"', row.prompt)[0]
        )


def test_a_dialogue_remembers_what_was_told_first() -> None:
    for row in asked("memory", 150):
        word = row.answer.rstrip(".").split()[-1]
        assert any(word in said for role, said in row.turns[:-2] if role == "user"), row


def test_a_secret_is_never_said() -> None:
    refused = 0
    for row in asked("secret", 200):
        secret = re.search(r"(?:is|word) (\w+)[. ]", row.turns[0][1])
        assert secret
        if row.answer.startswith("I cannot"):
            refused += 1
            assert secret[1] not in row.answer.split()
    assert 100 < refused < 200


def test_an_unknown_family_is_a_mistake() -> None:
    with pytest.raises(KeyError):
        exchange(Draw(0), "poetry")


@pytest.mark.parametrize(
    "name",
    [
        "embedded.tasks.sums",
        "embedded.tasks.wording",
        "embedded.tasks.facts",
        "embedded.tasks.formats",
        "embedded.tasks.code",
        "embedded.tasks.context",
    ],
)
def test_every_public_task_is_drawn_by_some_family(name: str) -> None:
    module = importlib.import_module(name)
    drawn = set(CLOSED.values()) | set(OPEN.values())
    own = [value for name, value in vars(module).items() if getattr(value, "__module__", "") == module.__name__]  # type: ignore[attr-defined]
    tasks = [
        value
        for value in own
        if list(getattr(value, "__annotations__", {})) == ["draw", "return"] and value.__name__[0] != "_"
    ]
    assert {task.__name__ for task in tasks} - {task.__name__ for task in drawn} <= {"short_fact"}


def test_turns_alternate() -> None:
    assert turns(("a", "b"), ("c", "d")) == [
        ("user", "a"),
        ("assistant", "b"),
        ("user", "c"),
        ("assistant", "d"),
    ]
