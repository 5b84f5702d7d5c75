"""Every family of the generator: each answer is worked out again from its prompt alone, and must come out the same."""

import re
from collections.abc import Callable

import pytest

from embedded.corpus import mended
from embedded.draw import Draw
from embedded.tasks import CLOSED, DIALOGUES, OPEN, Example, example
from embedded.vocabulary import CAPITALS, KINDS
from tests.unit.embedded import worked_out as work
from tests.unit.embedded import worked_out_texts as texts
from tests.unit.embedded.worked_out import OPPOSITE, UNITS, after, numbers

ROWS = 100

RIGHT: dict[str, Callable[[Example], bool]] = {
    "add": lambda row: int(row.answer) == sum(numbers(row.prompt)),
    "sub": work.difference,
    "mul": work.product,
    "cmp": lambda row: int(row.answer) == max(numbers(row.prompt)),
    "less": lambda row: int(row.answer) == min(numbers(row.prompt)),
    "cap": lambda row: row.answer == "The capital of {} is {}.".format(
        *next((name, said[0]) for name, said in CAPITALS.items() if name in row.prompt)
    ),
    "country": lambda row: row.answer == "{1} is the capital of {0}.".format(
        *next((name, said[0]) for name, said in CAPITALS.items() if said[0] in row.prompt)
    ),
    "capzh": lambda row: row.answer == "{1}的首都是{2}。".format(
        *next(said for said in CAPITALS.values() if said[1] in row.prompt)
    ),
    "zh": work.translated,
    "en": work.translated,
    "sentence": work.sentence,
    "opp": lambda row: row.answer == OPPOSITE[next(word for word in re.findall(r"\w+", row.prompt)[::-1] if word in OPPOSITE)],
    "copy": lambda row: row.prompt.rstrip('."') .endswith(row.answer.rstrip('."')) or row.answer in row.prompt,
    "rev": lambda row: row.answer.split()[::-1] == after(row.prompt),
    "last": work.end_word,
    "nth": work.end_word,
    "count": lambda row: int(row.answer) == len(after(row.prompt)),
    "times": work.appears,
    "letters": lambda row: int(row.answer) == len(re.findall(r"\w+", row.prompt)[-2 if "have" in row.prompt else -1]),
    "sort": lambda row: row.answer.split(", ") == sorted(after(row.prompt)),
    "sortn": lambda row: numbers(row.answer) == sorted(numbers(row.prompt)),
    "up": work.capitals,
    "spell": lambda row: row.answer.split("-") == list(re.findall(r"\w+", row.prompt)[-1]),
    "sent": work.sentiment,
    "review": work.sentiment,
    "kind": lambda row: row.answer == "yes" or (row.answer in row.prompt and any(
        word in KINDS[row.answer] for word in re.findall(r"\w+", row.prompt)
    )),
    "odd": work.odd_one,
    "json": work.person,
    "list": work.json_list,
    "object": work.json_object,
    "pet": work.pet,
    "listing": work.listing,
    "examples": work.examples,
    "oneword": work.one_word,
    "again": work.again,
    "only": work.only,
    "code": work.function,
    "function": work.function,
    "print": work.printed,
    "unit": lambda row: numbers(row.answer)[1] == numbers(row.prompt)[0] * UNITS[" ".join(re.findall(r"[a-z]+s\b", row.prompt))],
    "word": work.word_problem,
    "ctx": texts.about_whom,
    "ctxno": texts.told,
    "reading": texts.about_whom,
    "lookup": texts.lookup,
    "note": texts.told,
    "planted": texts.planted,
    "quoted": texts.quoted,
    "places": texts.told,
    "false": texts.capital_of,
    "deeds": texts.deed,
    "memory": texts.memory,
    "secret": texts.secret,
    "ruled": texts.ruled,
    "turns": work.exchanges,
    "story": work.story,
    "next": work.next_one,
    "parity": work.parity,
    "hello": lambda row: bool(row.answer),
}  # fmt: skip


def test_every_family_is_worked_out_again() -> None:
    assert set(RIGHT) == {*CLOSED, *OPEN, *DIALOGUES}


@pytest.mark.parametrize(
    ("task", "reach"), [(task, reach) for reach in (0.0, 0.6, 1.0) for task in (RIGHT if reach else CLOSED)]
)
def test_every_answer_is_right(task: str, reach: float) -> None:
    draw = Draw(f"right {task}", reach)
    for _ in range(ROWS):
        row = mended(example(draw, task))
        assert RIGHT[task](row), row
