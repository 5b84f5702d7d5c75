"""Every family of tasks: its answers are right."""

import importlib
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
