import json

import pytest

from shared.conversations import Turn
from shared.datasets.files import Source
from shared.datasets.formats import recognise
from shared.datasets.ingest import READERS
from shared.datasets.rows import Tally
from shared.shapes import NAMES, Shape, shape, show

CHAT = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "hello"}]
SHARE = [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]

# Every file, looked at by hand. What is "other" says why.
REAL = {
    "belle/eval_set.json": (
        "qa",
        {"prompt": "question", "answer": "std_answer"},
        "a question, a standard answer, a class",
    ),
    "belle/zh_seed_tasks.json": (
        "instruction",
        {"prompt": "instruction", "instances": "instances"},
        "answers are nested",
    ),
    "code/javascript.jsonl.gz": ("text", {"text": "text"}, "one source file a row, with repo and path"),
    "code/julia.jsonl.gz": ("text", {"text": "text"}, "one source file a row"),
    "code/lean4.jsonl.gz": ("text", {"text": "text"}, "one source file a row"),
    "code/rust.jsonl.gz": ("text", {"text": "text"}, "one source file a row"),
    "fastchat/dummy_conversation.json": ("sharegpt", {"conversation": "conversations"}, "from/value turns"),
    "fastchat/mt_bench_question.jsonl": ("other", {}, "turns are two questions of the user; nothing answers them"),
    "gpteacher/codegen-instruct.json": (
        "instruction",
        {"prompt": "instruction", "input": "input", "answer": "response"},
        "instruction, input, response",
    ),
    "gpteacher/toolformer-dedupe-only.json": (
        "instruction",
        {"prompt": "instruction", "input": "input", "answer": "response"},
        "the same; a few rows have example_input",
    ),
    "gpteacher/toolformer-similarity-0.6.json": (
        "instruction",
        {"prompt": "instruction", "input": "input", "answer": "response"},
        "the same",
    ),
    "gpteacher/toolformer-similarity-0.9.json": (
        "instruction",
        {"prompt": "instruction", "input": "input", "answer": "response"},
        "the same",
    ),
    "gsm8k/test.jsonl": ("qa", {"prompt": "question", "answer": "answer"}, "word problems and their solutions"),
    "gsm8k/test_socratic.jsonl": (
        "qa",
        {"prompt": "question", "answer": "answer"},
        "the same, with questions in between",
    ),
    "gsm8k/train.jsonl": ("qa", {"prompt": "question", "answer": "answer"}, "the same"),
    "hh_rlhf/harmless-base-test.jsonl.gz": (
        "preference",
        {"chosen": "chosen", "rejected": "rejected"},
        "two transcripts that differ in the last answer",
    ),
    "humaneval/HumanEval.jsonl.gz": (
        "prompt_completion",
        {"prompt": "prompt", "answer": "canonical_solution"},
        "the head of a function, and its body",
    ),
    "humaneval/humaneval-cpp.jsonl": ("other", {}, "a prompt and its tests; no solution completes it"),
    "humaneval/humaneval-go.jsonl": ("other", {}, "the same"),
    "humaneval/humaneval-java.jsonl": ("other", {}, "the same"),
    "humaneval/humaneval-js.jsonl": ("other", {}, "the same"),
    "humaneval/humaneval-python.jsonl": (
        "prompt_completion",
        {"prompt": "prompt", "answer": "canonical_solution"},
        "with solutions; its column 'text' is the docstring alone",
    ),
    "humaneval/humaneval-rs.jsonl": ("other", {}, "a prompt and its tests; no solution completes it"),
    "lean4/minif2f.jsonl": ("other", {}, "theorems in words and in Lean; no proof answers them"),
    "lean4/proofnet.jsonl": ("other", {}, "the same"),
    "llamafactory/c4_demo.jsonl": ("text", {"text": "text"}, "web pages"),
    "llamafactory/dpo_en_demo.json": (
        "preference",
        {"prompt": "conversations", "chosen": "chosen", "rejected": "rejected"},
        "a conversation and two answers to its end",
    ),
    "llamafactory/dpo_zh_demo.json": (
        "preference",
        {"prompt": "conversations", "chosen": "chosen", "rejected": "rejected"},
        "the same in Chinese",
    ),
    "llamafactory/glaive_toolcall_en_demo.json": (
        "sharegpt",
        {"tools": "tools", "conversation": "conversations"},
        "from/value turns with function_call and observation",
    ),
    "llamafactory/glaive_toolcall_zh_demo.json": (
        "sharegpt",
        {"tools": "tools", "conversation": "conversations"},
        "the same in Chinese",
    ),
    "llamafactory/kto_en_demo.json": (
        "kto",
        {"conversation": "messages", "label": "label"},
        "a conversation and whether its answer is desirable",
    ),
    "math/test.json": ("qa", {"prompt": "problem", "answer": "solution"}, "problems and their solutions"),
    "mbpp/mbpp.jsonl": (
        "prompt_completion",
        {"prompt": "text", "answer": "code"},
        "what a function should do, in words, and the function",
    ),
    "self_instruct/seed_tasks.jsonl": (
        "instruction",
        {"prompt": "instruction", "instances": "instances"},
        "inputs and outputs are nested in instances",
    ),
}


def test_the_real_files_are_all_listed(real_data):
    folder = real_data / "instruct"
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if ".json" in path.name}
    assert files == set(REAL)


@pytest.mark.parametrize("name", REAL)
def test_real_files(real_data, name):
    source, tally = Source(real_data / "instruct" / name), Tally()
    rows = next(READERS[recognise(source)](source, tally))
    sample = [{key: values[at] for key, values in rows.columns.items()} for at in range(min(200, rows.count))]
    found = shape(list(rows.columns), sample)
    expected, roles, _ = REAL[name]
    assert (found.name, found.roles) == (expected, roles)
    for row in sample:
        assert all(isinstance(turn, Turn) and isinstance(turn.text, str) for turn in show(row, found))


@pytest.mark.parametrize(
    ("row", "name", "roles"),
    [
        ({"text": "a"}, "text", {"text": "text"}),
        ({"sentence_a": "a"}, "text", {"text": "sentence_a"}),
        ({"id": 1, "remark": "long enough to be prose, this"}, "text", {"text": "remark"}),
        ({"content": "x = 1", "path": "a.py"}, "text", {"text": "content"}),
        (
            {"instruction": "a", "input": "", "output": "b", "system": "s", "history": [["q", "a"]]},
            "instruction",
            {"system": "system", "history": "history", "prompt": "instruction", "input": "input", "answer": "output"},
        ),
        (
            {"Instruction": "a", "context": "c", "response": "b", "category": "open_qa"},
            "instruction",
            {"prompt": "Instruction", "input": "context", "answer": "response"},
        ),
        ({"prompt": "a", "completion": "b"}, "prompt_completion", {"prompt": "prompt", "answer": "completion"}),
        (
            {"prompt": CHAT[:1], "completion": CHAT[1:]},
            "prompt_completion",
            {"prompt": "prompt", "answer": "completion"},
        ),
        ({"inputs": "a", "targets": "b"}, "prompt_completion", {"prompt": "inputs", "answer": "targets"}),
        ({"input": "a", "output": "b"}, "prompt_completion", {"prompt": "input", "answer": "output"}),
        ({"conversations": SHARE, "id": "1"}, "sharegpt", {"conversation": "conversations"}),
        ({"conversations": json.dumps(SHARE)}, "sharegpt", {"conversation": "conversations"}),
        ({"conversations": CHAT}, "messages", {"conversation": "conversations"}),
        ({"messages": CHAT, "tools": "[]"}, "messages", {"tools": "tools", "conversation": "messages"}),
        ({"my chat": CHAT, "n": 1}, "messages", {"conversation": "my chat"}),
        ({"prompt": CHAT[:1], "solution_hash": "x"}, "messages", {"conversation": "prompt"}),
        (
            {"prompt": "a", "chosen": "b", "rejected": "c"},
            "preference",
            {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
        ),
        (
            {"prompt": "a", "chosen": CHAT, "rejected": CHAT, "messages": CHAT, "score_chosen": 1.0},
            "preference",
            {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
        ),
        (
            {"question": "a", "response_chosen": "b", "response_rejected": "c"},
            "preference",
            {"prompt": "question", "chosen": "response_chosen", "rejected": "response_rejected"},
        ),
        ({"messages": CHAT, "label": True}, "kto", {"conversation": "messages", "label": "label"}),
        (
            {"prompt": "a", "completion": "b", "label": False},
            "kto",
            {"prompt": "prompt", "answer": "completion", "label": "label"},
        ),
        (
            {"prompt": "a", "completion": "b", "kto_tag": "False"},
            "kto",
            {"prompt": "prompt", "answer": "completion", "label": "kto_tag"},
        ),
        ({"question": "a", "answer": "b"}, "qa", {"prompt": "question", "answer": "answer"}),
        ({"question": "a", "answer": 42}, "qa", {"prompt": "question", "answer": "answer"}),
        (
            {"id": "1", "context": "c", "question": "a", "answers": {"text": ["b"], "answer_start": [1]}},
            "qa",
            {"context": "context", "prompt": "question", "answer": "answers"},
        ),
        (
            {"question": "a", "subject": "s", "choices": ["x", "y"], "answer": 1},
            "qa",
            {"prompt": "question", "choices": "choices", "answer": "answer"},
        ),
        (
            {"system_prompt": "s", "question": "a", "response": "b"},
            "qa",
            {"system": "system_prompt", "prompt": "question", "answer": "response"},
        ),
    ],
)
def test_shapes_by_names_and_values(row, name, roles):
    found = shape(list(row), [row] * 3)
    assert (found.name, found.roles) == (name, roles)
    assert name in NAMES
    assert str(found) == name
    for column in roles.values():
        assert repr(column) in found.reason


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"messages": "plain text in a column with a promising name", "id": 1}, "text"),
        ({"messages": ["a", "b"], "id": 1}, "other"),
        ({"query": "is it?", "passage": "long"}, "other"),
        ({"question": "is it?", "passage": "long", "label": True}, "other"),
        ({"text": "a", "label": True}, "text"),
        ({"label": True}, "other"),
        ({"messages": CHAT, "label": 3}, "messages"),
        ({"chosen": "a", "text": "b"}, "text"),
        ({"chosen": 1, "rejected": 2}, "other"),
        ({"prompt": "a", "tests": "b", "name": "c"}, "other"),
        ({"question": 5, "answer": 6}, "other"),
        ({"question": "a", "answer": None}, "other"),
        ({"instruction": "a", "input": "b"}, "other"),
        ({"instruction": "a", "instances": ["b"], "x": "c"}, "other"),
        ({"x": 1, "y": 2.5}, "other"),
        ({"name": "Bob", "age": 3}, "other"),
        ({"premise": "a", "hypothesis": "b", "label": 1}, "other"),
        ({"mail": {"from": "a@example.org", "value": "hi"}, "n": 1}, "other"),
        ({"text": b"bytes"}, "other"),
        ({"text": ["a", "list"]}, "other"),
        ({}, "other"),
    ],
)
def test_traps(row, name):
    assert shape(list(row), [row] * 3).name == name


def test_a_few_odd_values_do_not_matter_and_many_do():
    rows = [{"messages": CHAT}] * 95 + [{"messages": "broken"}, {"messages": None}] + [{"messages": []}] * 3
    assert shape(["messages"], rows).name == "messages"
    assert shape(["messages"], rows[80:]).name == "other"


def test_without_rows_the_names_decide():
    assert shape(["question", "answer"], []).name == "qa"
    assert shape(["messages"], []).name == "messages"
    assert shape(["a", "b"], []).name == "other"
    assert shape([], []).name == "other"


def shown(row):
    return [(turn.role, turn.text) for turn in show(row, shape(list(row), [row]))]


@pytest.mark.parametrize(
    ("row", "turns"),
    [
        ({"text": "words", "id": 1}, [("text", "words")]),
        (
            {"instruction": "do", "input": "", "output": "done", "system": "be kind", "history": [["q", "a"], "odd"]},
            [
                ("system", "be kind"),
                ("user", "q"),
                ("assistant", "a"),
                ("user", "odd"),
                ("user", "do"),
                ("assistant", "done"),
            ],
        ),
        (
            {"instruction": "do", "input": "this", "output": "done"},
            [("user", "do"), ("input", "this"), ("assistant", "done")],
        ),
        (
            {"instruction": "do", "instances": [{"input": "", "output": "x"}, {"input": "i", "output": "y"}]},
            [("user", "do"), ("assistant", "x"), ("input", "i"), ("assistant", "y")],
        ),
        ({"prompt": CHAT[:1], "completion": "b"}, [("user", "hi"), ("assistant", "b")]),
        (
            {"messages": CHAT, "tools": [{"name": "f"}], "system": "s"},
            [("system", "s"), ("tools", '[{"name": "f"}]'), ("user", "hi"), ("assistant", "hello")],
        ),
        ({"conversations": json.dumps(SHARE)}, [("user", "hi"), ("assistant", "hello")]),
        ({"prompt": "a", "chosen": "b", "rejected": "c"}, [("user", "a"), ("chosen", "b"), ("rejected", "c")]),
        (
            {
                "conversations": SHARE,
                "chosen": {"from": "gpt", "value": "b"},
                "rejected": {"from": "gpt", "value": "c"},
            },
            [("user", "hi"), ("assistant", "hello"), ("chosen", "b"), ("rejected", "c")],
        ),
        (
            {"prompt": "hi", "chosen": CHAT, "rejected": [CHAT[0], {"role": "assistant", "content": "no"}]},
            [("user", "hi"), ("chosen", "hello"), ("rejected", "no")],
        ),
        (
            {
                "chosen": "\n\nHuman: a\n\nAssistant: b\n\nHuman: c\n\nAssistant: d",
                "rejected": "\n\nHuman: a\n\nAssistant: e",
            },
            [("user", "a"), ("chosen", "assistant: b\n\nuser: c\n\nassistant: d"), ("rejected", "e")],
        ),
        (
            {"prompt": "a", "chosen": "b", "rejected": ""},
            [("user", "a"), ("chosen", "b"), ("rejected", "")],
        ),
        ({"messages": CHAT, "label": False}, [("user", "hi"), ("assistant", "hello"), ("label", "undesirable")]),
        (
            {"prompt": "a", "completion": "b", "label": "True"},
            [("user", "a"), ("assistant", "b"), ("label", "desirable")],
        ),
        (
            {"context": "c", "question": "a", "choices": ["x", "y"], "answer": 1},
            [("context", "c"), ("user", "a"), ("choices", "A. x\nB. y"), ("assistant", "1")],
        ),
        (
            {"question": "a", "choices": {"text": ["x"], "label": ["A"]}, "answer": "A"},
            [("user", "a"), ("choices", "A. x"), ("assistant", "A")],
        ),
        (
            {"question": "a", "choices": {"A": "x"}, "answer": "A"},
            [("user", "a"), ("choices", '{"A": "x"}'), ("assistant", "A")],
        ),
        ({"x": 1, "y": None, "z": [1]}, [("x", "1"), ("y", ""), ("z", "[1]")]),
    ],
)
def test_rows_as_people_read_them(row, turns):
    assert shown(row) == turns


def test_a_row_that_lacks_what_its_dataset_has():
    qa = Shape("qa", {"prompt": "question", "answer": "answer"})
    assert show({"question": "a", "answer": None}, qa) == [Turn("user", "a")]
    assert show({}, qa) == []
    chat = Shape("messages", {"conversation": "messages"})
    assert show({"messages": "broken"}, chat) == [Turn("user", "broken")]
    pair = Shape("preference", {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"})
    assert show({"prompt": "a", "chosen": None, "rejected": None}, pair) == [
        Turn("user", "a"),
        Turn("chosen", ""),
        Turn("rejected", ""),
    ]
