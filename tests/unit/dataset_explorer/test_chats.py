"""Rows as conversations: everything that was said is said, by whom it was said."""

import json

import pyarrow as pa
import pytest

from apps.dataset_explorer.chats import calls_tools, chat, chat_schema, convert, convertible
from shared.errors import PlaygroundError
from shared.shapes import Shape, shape

USER, REPLY = {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}


def said(row, tools=False):
    known = shape(list(row), [row])
    assert convertible(known), known
    return [(each["role"], each["content"]) for each in chat(row, known, tools)]


CASES = [
    ({"question": "2 + 2?", "answer": "4"}, [("user", "2 + 2?"), ("assistant", "4")]),
    ({"instruction": "Add.", "input": "2, 2", "output": "4"}, [("user", "Add.\n\n2, 2"), ("assistant", "4")]),
    ({"instruction": "Add.", "input": "", "output": "4"}, [("user", "Add."), ("assistant", "4")]),
    ({"instruction": "Add.", "output": ""}, [("user", "Add.")]),
    ({"system": "Be brief.", "prompt": "2 + 2?", "completion": "4"}, [("system", "Be brief."), ("user", "2 + 2?"), ("assistant", "4")]),
    ({"context": "Rome fell.", "question": "When?", "answer": "476"}, [("user", "Rome fell.\n\nWhen?"), ("assistant", "476")]),
    ({"question": "Which?", "choices": ["a", "b"], "answer": "A"}, [("user", "Which?\n\nA. a\nB. b"), ("assistant", "A")]),
    ({"instruction": "And now?", "history": [["a", "b"], ["c", "d"]], "output": "e"},
     [("user", "a"), ("assistant", "b"), ("user", "c"), ("assistant", "d"), ("user", "And now?"), ("assistant", "e")]),
    ({"prompt": [USER], "completion": [REPLY]}, [("user", "Hi"), ("assistant", "Hello")]),
    ({"messages": [USER, REPLY]}, [("user", "Hi"), ("assistant", "Hello")]),
    ({"system": "Be kind.", "messages": [USER, REPLY]}, [("system", "Be kind."), ("user", "Hi"), ("assistant", "Hello")]),
    ({"system": "Be kind.", "messages": [{"role": "system", "content": "Own."}, USER, REPLY]},
     [("system", "Own."), ("user", "Hi"), ("assistant", "Hello")]),
    ({"conversations": [{"from": "human", "value": "שלום"}, {"from": "gpt", "value": "👋"}]}, [("user", "שלום"), ("assistant", "👋")]),
    ({"conversations": [{"from": "human", "value": "a"}, {"from": "chatgpt", "value": "b"}, {"from": "system", "value": "c"}]},
     [("user", "a"), ("assistant", "b"), ("system", "c")]),
    ({"messages": json.dumps([USER, REPLY])}, [("user", "Hi"), ("assistant", "Hello")]),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]}, REPLY]},
     [("user", "a\nb"), ("assistant", "Hello")]),
]  # fmt: skip


@pytest.mark.parametrize(("row", "expected"), CASES, ids=lambda case: str(case)[:40])
def test_who_says_what(row, expected):
    assert said(row) == expected
    assert said(row, tools=True) == expected


CALLING = [
    {"from": "human", "value": "Weather?"},
    {"from": "function_call", "value": '{"name": "weather", "arguments": {"city": "Rom"}}'},
    {"from": "observation", "value": "Sunny"},
    {"from": "gpt", "value": "It is sunny."},
]


def test_calls_of_tools_have_their_place():
    row = {"conversations": CALLING, "tools": '[{"name": "weather"}]'}
    made = chat(row, shape(list(row), [row]), tools=True)
    assert [each["role"] for each in made] == ["user", "assistant", "tool", "assistant"]
    assert made[1]["content"] == ""
    call = {"id": None, "type": "function", "function": {"name": "weather", "arguments": '{"city": "Rom"}'}}
    assert made[1]["tool_calls"] == [call]
    assert made[0]["tool_calls"] is None


def test_openais_own_calls_are_kept():
    calls = [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": '{"x": 1}'}}]
    row = {"messages": [USER, {"role": "assistant", "content": None, "tool_calls": calls},
                        {"role": "tool", "content": "9", "tool_call_id": "c1", "name": "f"}, REPLY]}  # fmt: skip
    made = chat(row, shape(["messages"], [row]), tools=True)
    assert made[1]["tool_calls"] == calls
    assert (made[2]["role"], made[2]["tool_call_id"], made[2]["name"]) == ("tool", "c1", "f")
    old = {"messages": [USER, {"role": "assistant", "function_call": {"name": "f", "arguments": "{}"}}]}
    assert (
        chat(old, Shape("messages", {"conversation": "messages"}), tools=True)[1]["tool_calls"][0]["function"]["name"]
        == "f"
    )


def test_calls_without_a_place_stay_in_the_text():
    known = Shape("sharegpt", {"conversation": "conversations"})
    assert chat({"conversations": CALLING}, known)[1] == {"role": "assistant", "content": CALLING[1]["value"]}
    calls = {"messages": [{"role": "assistant", "content": "Wait.", "tool_calls": [{"function": {"name": "f"}}]}]}
    text = chat(calls, Shape("messages", {"conversation": "messages"}))[0]["content"]
    assert text.startswith("Wait.\n")
    assert '"name": "f"' in text


@pytest.mark.parametrize("value", ["not json", "{broken", "[1, 2]", '"text"'])
def test_a_call_that_is_none_is_kept_as_it_is(value):
    known = Shape("sharegpt", {"conversation": "c"})
    made = chat({"c": [{"from": "function_call", "value": value}]}, known, tools=True)
    assert made[0]["role"] == "assistant"
    assert any(each["function"]["arguments"].strip('"') in value for each in made[0]["tool_calls"])


def test_what_is_no_text_is_refused():
    row = {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": "x"}]}]}
    with pytest.raises(PlaygroundError, match="type image_url"):
        chat(row, Shape("messages", {"conversation": "messages"}))


def test_nothing_said_is_an_empty_conversation():
    assert chat({"messages": None}, Shape("messages", {"conversation": "messages"})) == []
    assert chat({"question": None, "answer": ""}, Shape("qa", {"prompt": "question", "answer": "answer"})) == []


@pytest.mark.parametrize(
    ("known", "able"),
    [
        (Shape("text", {"text": "a"}), False),
        (Shape("preference"), False),
        (Shape("kto"), False),
        (Shape("other"), False),
        (Shape("instruction", {"instances": "a"}), False),
        (Shape("instruction", {"answer": "a"}), True),
        (Shape("qa"), True),
    ],
)
def test_what_can_be_a_conversation(known, able):
    assert convertible(known) is able


def test_where_tools_may_be_called():
    turns = [("role", pa.string()), ("content", pa.string())]
    plain = pa.schema([("m", pa.list_(pa.struct(turns)))])
    calling = pa.schema([("m", pa.large_list(pa.struct([*turns, ("tool_calls", pa.string())])))])
    known = Shape("messages", {"conversation": "m"})
    assert not calls_tools(known, plain)
    assert calls_tools(known, calling)
    assert calls_tools(Shape("sharegpt", {"conversation": "m", "tools": "t"}), plain)
    assert not calls_tools(known, pa.schema([("m", pa.string())]))
    assert not calls_tools(Shape("qa", {"prompt": "m", "answer": "m"}), plain)


@pytest.mark.parametrize("tools", [False, True])
def test_batches(tools):
    batch = pa.record_batch({"id": [1, 2], "conversations": [CALLING[:1] + CALLING[3:]] * 2, "tools": ["[]", None]})
    made = convert(batch, shape(batch.schema.names, batch.to_pylist()), tools)
    assert made.schema == chat_schema(tools)
    assert [each["content"] for each in made.column("messages")[1].as_py()] == ["Weather?", "It is sunny."]
    assert not tools or made.column("tools").to_pylist() == ["[]", None]
