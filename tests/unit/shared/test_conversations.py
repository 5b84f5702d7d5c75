import json

import pytest

from shared.conversations import Turn, as_messages, style, text_of, transcript, turns_of

OPENAI = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": None, "tool_calls": []}]
SHAREGPT = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]


@pytest.mark.parametrize("messages", [OPENAI, SHAREGPT])
def test_messages_as_lists_and_as_json_text(messages):
    assert as_messages(messages) == messages
    assert as_messages(json.dumps(messages)) == messages
    assert as_messages(messages[0]) == messages[:1]


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "hello",
        "[not json",
        "[1, 2]",
        "{}",
        [],
        [1],
        [[]],
        ["a", "b"],
        5,
        True,
        {"role": "user"},
        {"role": 5, "content": "x"},
        {"from": "a@example.org", "to": "b@example.org", "text": "an e-mail"},
        [{"role": "user", "content": "x"}, "y"],
        "[" * 100_000,
    ],
)
def test_what_is_no_conversation(value):
    assert as_messages(value) is None


def test_styles_also_after_structs_were_merged():
    assert style(OPENAI) == "messages"
    assert style(SHAREGPT) == "sharegpt"
    assert style([{"from": None, "value": None, "role": "user", "content": "x"}]) == "messages"


def test_roles_have_one_name_each():
    said = [("human", "user"), ("GPT", "assistant"), ("system", "system"), ("observation", "tool"), ("Judge", "judge")]
    turns = turns_of([{"from": one, "value": "x"} for one, _ in said])
    assert turns == [Turn(role, "x") for _, role in said]


def test_tool_calls_are_shown_as_calls():
    messages = [
        {"role": "assistant", "content": "Let me look.", "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "find", "arguments": '{"city": "Wien"}'}},
            {"name": "now", "arguments": {"zone": "CET"}},
        ]},
        {"role": "tool", "content": '{"temp": 3}'},
        {"role": "assistant", "content": "", "function_call": {"name": "stop", "arguments": None}},
    ]  # fmt: skip
    assert turns_of(messages) == [
        Turn("assistant", "Let me look."),
        Turn("tool call", 'find({"city": "Wien"})'),
        Turn("tool call", 'now({"zone": "CET"})'),
        Turn("tool", '{"temp": 3}'),
        Turn("tool call", "stop()"),
    ]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ('{"name": "find", "arguments": {"a": 1}}', 'find({"a": 1})'),
        ('[{"name": "find", "arguments": {}}]', "find({})"),
        ("find(a=1)", "find(a=1)"),
        ('{"other": 1}', '{"other": 1}'),
    ],
)
def test_calls_in_sharegpt(value, text):
    assert turns_of([{"from": "function_call", "value": value}]) == [Turn("tool call", text)]


def test_thoughts_and_parts_of_content():
    assert turns_of({"role": "assistant", "content": "42", "reasoning_content": "6 x 7"}) == [
        Turn("thinking", "6 x 7"),
        Turn("assistant", "42"),
    ]
    parts = [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "x"}}, {}]
    assert turns_of([{"role": "user", "content": parts}]) == [Turn("user", "What is this?\n[image_url]\n[part]")]
    assert turns_of([{"role": "user", "content": ["a", 1]}]) == [Turn("user", '["a", 1]')]


def test_anything_else_is_one_turn_and_nothing_is_none():
    assert turns_of("plain", "assistant") == [Turn("assistant", "plain")]
    assert turns_of(5) == [Turn("user", "5")]
    assert turns_of({"a": "é"}) == [Turn("user", '{"a": "é"}')]
    assert turns_of(None) == turns_of("") == []


def test_transcripts():
    text = "\n\nHuman: Hi\n\nthere: you\n\nAssistant: Human: no turn\n\nHuman: "
    expected = [Turn("user", "Hi\n\nthere: you"), Turn("assistant", "Human: no turn"), Turn("user", "")]
    assert transcript(text) == turns_of(text) == expected
    assert transcript("before\n\nAssistant: x") == [Turn("text", "before"), Turn("assistant", "x")]
    assert transcript("nothing of the kind") == [Turn("text", "nothing of the kind")]


def test_values_as_people_read_them():
    assert [text_of(value) for value in (None, "ä", b"\x00\xff", 1.5, ["ä"], {"d": {1}})] == [
        "",
        "ä",
        "(2 bytes)",
        "1.5",
        '["ä"]',
        '{"d": "{1}"}',
    ]
