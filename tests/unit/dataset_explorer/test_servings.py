"""What parts give to a mix: the same shape, the same names, or a sentence that says which and what to do."""

import pytest

from apps.dataset_explorer.servings import lay
from shared.errors import PlaygroundError
from shared.shapes import Shape
from tests.unit.dataset_explorer.stored import stored, texts

QA = {"question": ["q1", "q2"], "answer": ["a1", "a2"]}
MATH = {"problem": ["p1", "p2"], "solution": ["s1", "s2"], "level": [1, 2]}


def rows(table):
    return [row for serving in table.servings for batch in serving.batches(table.schema) for row in batch.to_pylist()]


def test_columns_that_play_the_same_part_get_one_name(house):
    one, two = stored(house.store, QA, "quiz"), stored(house.store, MATH, "math")
    table = lay([one, two], [2, 1], 0, chats=False, mark=True)
    assert table.schema.names == ["question", "answer", "level", "mixed_from"]
    assert table.notes == [
        "Column 'problem' of math is 'question' here.",
        "Column 'solution' of math is 'answer' here.",
    ]
    assert table.shape == Shape("qa", {"prompt": "question", "answer": "answer"}, one.shape.reason)
    found = rows(table)
    assert found[0] == {"question": "q1", "answer": "a1", "level": None, "mixed_from": one.ref}
    assert found[2]["mixed_from"] == two.ref
    assert found[2]["question"].replace("p", "s") == found[2]["answer"]


def test_a_name_that_is_taken_is_said(house):
    one = stored(house.store, QA, "quiz")
    two = stored(house.store, {"problem": ["p"], "solution": ["s"], "question": [7]}, "math")
    with pytest.raises(
        PlaygroundError, match=r"prompt is in 'question' in quiz and in 'problem' in math.*another column"
    ):
        lay([one, two], [1, 1], 0, chats=False, mark=False)


def test_shapes_that_differ(house):
    one, two = stored(house.store, QA, "quiz"), texts(house.store, "plain", name="prose")
    with pytest.raises(PlaygroundError, match=r"quiz is qa, prose is text\. Mix parts of one shape\."):
        lay([one, two], [1, 1], 0, chats=False, mark=False)
    three = stored(house.store, {"instruction": ["i"], "output": ["o"]}, "alpaca")
    with pytest.raises(PlaygroundError, match=r"quiz is qa, alpaca is instruction.*set to_messages"):
        lay([one, three], [1, 1], 0, chats=False, mark=False)
    table = lay([one, three], [2, 1], 0, chats=True, mark=False)
    assert [[turn["content"] for turn in row["messages"]] for row in rows(table)] == [
        ["q1", "a1"],
        ["q2", "a2"],
        ["i", "o"],
    ]
    assert table.shape.name == "messages"


def test_what_is_no_conversation(house):
    pair = stored(house.store, {"prompt": ["p"], "chosen": ["c"], "rejected": ["r"]}, "pairs")
    with pytest.raises(PlaygroundError, match="pairs is preference"):
        lay([pair], [1], 0, chats=True, mark=False)


def test_columns_that_are_left_out_are_named(house):
    table = lay([stored(house.store, MATH, "math")], [2], 0, chats=True, mark=False)
    assert table.notes == ["Of math these columns are left out: level."]
    assert table.schema.names == ["messages"]


def test_conversations_with_tools_have_a_place_for_them(house):
    turns = [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]
    agent = stored(house.store, {"conversations": [turns], "tools": ["[1]"]}, "agent")
    table = lay([stored(house.store, QA, "quiz"), agent], [1, 1], 0, chats=True, mark=False)
    assert table.schema.names == ["messages", "tools"]
    assert [row["tools"] for row in rows(table)] == [None, "[1]"]


def test_a_mark_that_is_taken_gets_another_name(house):
    source = stored(house.store, {"text": ["a"], "mixed_from": ["somewhere"]})
    table = lay([source], [1], 0, chats=False, mark=True)
    assert table.marks == ["mixed_from_2"]
    assert rows(table) == [{"text": "a", "mixed_from": "somewhere", "mixed_from_2": source.ref}]
    assert lay([source], [1], 0, chats=False, mark=False).marks == []


def test_rows_come_from_all_row_groups_and_may_repeat(house):
    source = texts(house.store, *map(str, range(11)))
    table = lay([source], [25], 3, chats=False, mark=False)
    found = [int(row["text"]) for row in rows(table)]
    assert found == sorted(found) == table.servings[0].rows.tolist()
    assert len(found) == 25


def test_row_groups_that_give_nothing_are_passed_over(house):
    source = texts(house.store, *map(str, range(40)))
    serving = lay([source], [1], 0, chats=False, mark=False).servings[0]
    assert [batch.num_rows for batch in serving.batches(lay([source], [1], 0, chats=False, mark=False).schema)] == [1]
