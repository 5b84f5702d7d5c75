import random

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer, models, pre_tokenizers, trainers

from apps.dataset_explorer import tokens
from apps.dataset_explorer.tokens import check_tokenizer
from shared.embedding import minilm_folder
from shared.errors import NotAllowed, PlaygroundError
from shared.policy import Caller

ODD = [
    "", "  ", "a\x00b c\u0301 \u0301x", "你好 世界，hello", "x" * 300 + " y", "\u00a0a\u3000b\u2028c", "é\ne\u0301",
    "👩‍👩‍👧 ok\r\n\tz", "مرحبا بكم", "İstanbul ẞ", "a", " b", "\x85x\x1cy", "\ufffd \x0b a\x0bb", "a.b,c!!?\\`~_", "!\u0301=\u0338",
    "don't re-do $5.00 (x^2)", "ก็ไม่", "end ", "start",
]  # fmt: skip


@pytest.fixture
def plain():
    found = Tokenizer.from_file(str(minilm_folder() / "tokenizer.json"))
    found.no_padding()
    found.no_truncation()
    return lambda rows: [len(each.encode(row, add_special_tokens=False).ids) for each in [found] for row in rows]


def test_a_worked_example():
    # hello , un ##bel ##ie ##va ##ble world !
    assert tokens.TokenCounter(minilm_folder() / "tokenizer.json").count(
        pa.array(["Hello, world!", None])
    ).tolist() == [4, 0]


def test_counts_are_the_tokenizers_own(plain):
    dice = random.Random(1)
    rows = ODD + ["".join(dice.choices([*ODD, " ", "\n", ".", "word"], k=9)) for _ in range(300)]
    counter = tokens.TokenCounter(minilm_folder() / "tokenizer.json")
    assert counter.count(pa.array(rows)).tolist() == plain(rows)
    assert counter.count(pa.array(rows[::-1])).tolist() == plain(rows[::-1])  # with all words known
    assert counter.count(pa.array(rows).slice(3, 50)).tolist() == plain(rows[3:53])
    assert counter.count(pa.array(rows, pa.large_string())).tolist() == plain(rows)


def test_marks_of_the_model_are_one_token_each(plain):
    rows = ["[MASK] a[SEP]b", "[CLS]", "[ MASK ]"]
    assert tokens.TokenCounter(minilm_folder() / "tokenizer.json").count(pa.array(rows)).tolist() == plain(rows)


def test_what_is_not_remembered_is_counted_again(plain, monkeypatch):
    monkeypatch.setattr(tokens, "KNOWN", 5)
    counter = tokens.TokenCounter(minilm_folder() / "tokenizer.json")
    rows = ["one two three four five six seven"] * 3
    assert counter.count(pa.array(rows)).tolist() == plain(rows)
    assert counter.count(pa.array(rows)).tolist() == plain(rows)


def test_no_rows():
    assert tokens.token_counter().count(pa.array([], pa.string())).size == 0


def test_a_tokenizer_that_joins_across_spaces_reads_whole_rows(workspace):
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    made.train_from_iterator(["a b a b a b"] * 50, trainers.BpeTrainer(vocab_size=300, show_progress=False))
    made.save(str(workspace / "tokenizer.json"))
    found = tokens.token_counter(str(workspace / "tokenizer.json")).count(pa.array(["a b a b", "a b", "你"]))
    assert found.tolist() == [len(made.encode(row).ids) for row in ("a b a b", "a b", "你")]
    assert np.any(found < [4, 2, 3])


def test_a_broken_file_is_said_to_be_one(workspace):
    for text in ("no json", "[]", "{}"):
        (workspace / "tokenizer.json").write_text(text)
        with pytest.raises(PlaygroundError, match="no tokenizer that can be read"):
            tokens.TokenCounter(workspace / "tokenizer.json")


def test_tokenizers_are_found_where_they_are(house, workspace, monkeypatch):
    assert tokens.tokenizer_file() == tokens.tokenizer_file("builtin:minilm") == minilm_folder() / "tokenizer.json"
    folder = workspace / "model"
    folder.mkdir()
    (folder / "tokenizer.json").write_bytes((minilm_folder() / "tokenizer.json").read_bytes())
    kept = house.store.put("models", "mine", folder)
    assert tokens.tokenizer_file(kept.ref) == kept.path / "tokenizer.json"
    other = workspace / "other"
    other.mkdir()
    (other / "config.json").write_text("{}")
    monkeypatch.setattr(
        "huggingface_hub.try_to_load_from_cache", lambda name, *_, **__: f"/cache/{name}" * (name == "a/b")
    )
    assert str(tokens.tokenizer_file("a/b")) == "/cache/a/b"
    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", lambda *_, **__: None)
    for name in (
        "nobody/nothing",
        "hub:nobody/nothing@main",
        "builtin:other",
        house.store.put("models", "bare", other).ref,
    ):
        with pytest.raises(PlaygroundError, match=r"There is no tokenizer .+ on this machine"):
            tokens.tokenizer_file(name)
    with pytest.raises(PlaygroundError):
        tokens.tokenizer_file("../../etc/passwd")


def test_visitors_may_name_what_they_may_use_and_learn_nothing_of_the_rest(house, workspace):
    visitor = Caller("v", owner=False)
    check_tokenizer("", visitor)
    check_tokenizer("builtin:minilm", visitor)
    check_tokenizer("owner/private", Caller())
    folder = workspace / "model"
    folder.mkdir()
    (folder / "tokenizer.json").write_text("{}")
    for name in (house.store.put("models", "m", folder).ref, "owner/private", "hub:owner/private@main"):
        with pytest.raises(NotAllowed, match="only be used by the owner"):
            check_tokenizer(name, visitor)
