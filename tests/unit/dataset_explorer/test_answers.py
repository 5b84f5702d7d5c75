"""Blank answers, in every shape."""

import json

import pyarrow as pa
import pytest

from apps.dataset_explorer.answers import blank_answers
from shared.shapes import Shape, shape

TURN, REPLY = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}
CALL = {"role": "assistant", "content": None, "tool_calls": [{"function": {"name": "f", "arguments": "{}"}}]}


def blank(rows: list[dict[str, object]], known: Shape | None = None) -> list[int]:
    batch = pa.RecordBatch.from_pylist(rows)
    found, says = blank_answers(batch, known or shape(batch.schema.names, rows))
    assert says
    return found.tolist()


def test_qa():
    rows = [{"question": "q", "answer": answer} for answer in ["a", "", None, " \n\t\u3000", "0", "答", "\u05d0"]]
    assert blank(rows) == [1, 2, 3]


def test_answers_that_are_lists_or_numbers():
    assert blank([{"question": "q", "answers": each} for each in [["a"], [], [""], None, ["", "b"]]]) == [1, 2, 3]
    assert blank([{"question": "q", "answer": each} for each in [0, None, 7]]) == [1]


def test_instruction_needs_no_input():
    assert blank([{"instruction": "i", "input": "", "output": each} for each in ["o", "", "p"]]) == [1]


def test_instances():
    rows = [
        {"instruction": "i", "instances": each}
        for each in (
            [{"input": "", "output": "o"}],
            [{"input": "x", "output": ""}],
            [{"input": "x", "output": ""}, {"input": "", "output": "p"}],
        )
    ]
    assert blank([*rows, {"instruction": "i", "instances": []}], shape(["instruction", "instances"], rows)) == [1, 3]


@pytest.mark.parametrize(
    ("conversation", "is_blank"),
    [
        ([TURN, REPLY], False),
        ([TURN], True),
        ([TURN, REPLY | {"content": "  "}], True),
        ([TURN, CALL], False),
        ([{"role": "system", "content": "Be kind."}, TURN], True),
        ([TURN, {"role": "narrator", "content": "They met."}], False),
        ([], True),
        (None, True),
    ],
)
def test_messages(conversation, is_blank):
    known = Shape("messages", {"conversation": "messages"})
    for value in (conversation, json.dumps(conversation) if conversation else conversation):
        batch = pa.record_batch({"messages": pa.array([value])})
        assert (blank_answers(batch, known)[0].tolist() == [0]) is is_blank


def test_sharegpt():
    rows = [
        {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": each}]} for each in ("a", "", "b")
    ]
    assert blank(rows) == [1]


def test_a_pair_needs_both():
    rows = [{"prompt": "p", "chosen": one, "rejected": two} for one, two in [("a", "b"), ("", "b"), ("a", None)]]
    assert blank(rows) == [1, 2]


def test_a_pair_of_messages():
    rows = [
        {"chosen": [TURN, REPLY], "rejected": each} for each in ([TURN, REPLY], [TURN], [TURN, REPLY | {"content": ""}])
    ]
    assert blank(rows) == [1, 2]


def test_a_transcript_that_ends_before_the_answer():
    ends = ["\n\nHuman: q\n\nAssistant: a", "\n\nHuman: q\n\nAssistant:", "\n\nHuman: q\n\nAssistant: "]
    assert blank([{"chosen": each, "rejected": ends[0]} for each in ends]) == [1, 2]


def test_plain_text_and_rows_without_a_shape():
    assert blank([{"text": each} for each in ("a", "", None)]) == [1, 2]
    other = Shape("other")
    rows = [{"a": "", "b": None}, {"a": "x", "b": None}, {"a": None, "b": 1}]
    assert blank(rows, other) == [0]


def test_no_rows():
    batch = pa.record_batch({"question": pa.array([], pa.string()), "answer": pa.array([], pa.string())})
    assert blank_answers(batch, shape(["question", "answer"], []))[0].tolist() == []
