"""What the adapters are taught, and that one trains, is small, and loads on its base."""

import json
import re
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from embedded import ADAPTERS, WEIGHTS, adapters
from embedded.adapters import SOURCES, worked_difference, worked_product, worked_sum
from embedded.corpus import is_held_out
from embedded.draw import Draw
from embedded.measures import valid_json
from embedded.tasks import Example
from tests.unit.embedded import tiny

PEFT_READS_AN_OLD_NAME = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft 0.21.2


def test_every_adapter_has_a_source_and_a_way() -> None:
    assert set(SOURCES) == set(adapters.LORAS) == set(ADAPTERS)


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        (123, 456, "3+6=9 9, 2+5=7 79, 1+4=5 579. 123 + 456 = 579"),
        (95, 17, "5+7=12 2, 9+1+1=11 112. 95 + 17 = 112"),
        (0, 0, "0+0=0 0. 0 + 0 = 0"),
        (5, 1000, "5+0=5 5, 0+0=0 05, 0+0=0 005, 0+1=1 1005. 5 + 1000 = 1005"),
    ],
)
def test_sums_are_worked_out(left: int, right: int, said: str) -> None:
    assert worked_sum(left, right) == said


@pytest.mark.parametrize(
    ("left", "right", "said"),
    [
        (456, 123, "6-3=3 3, 5-2=3 33, 4-1=3 333. 456 - 123 = 333"),
        (1003, 7, "13-7=6 6, 9-0=9 96, 9-0=9 996, 0-0=0 0996. 1003 - 7 = 996"),
        (7, 7, "7-7=0 0. 7 - 7 = 0"),
    ],
)
def test_differences_are_worked_out(left: int, right: int, said: str) -> None:
    assert worked_difference(left, right) == said


def test_every_worked_line_is_right() -> None:
    draw = Draw(1)
    for _ in range(300):
        answer = adapters.arithmetic_row(draw).answer
        for left, sign, right, result in re.findall(r"(\d+(?:\+\d+)?) ?([-+*]) ?(\d+) ?= ?(\d+)", answer):
            whole = sum(map(int, left.split("+")))
            assert {"+": whole + int(right), "-": whole - int(right), "*": whole * int(right)}[sign] == int(result), (
                answer
            )
    assert worked_product(47, 6) == "40*6=240, 7*6=42. 47 * 6 = 282"
    assert worked_product(7, 6) == "7 * 6 = 42"


def test_the_json_adapter_is_taught_json_alone() -> None:
    draw = Draw(2, 0.6)
    answers = [adapters.json_row(draw).answer for _ in range(300)]
    assert all(map(valid_json, answers))
    assert any(isinstance(json.loads(answer), list) for answer in answers)
    assert {"answer"} in [set(json.loads(answer)) for answer in answers]


def test_the_instruct_adapter_is_shown_no_json() -> None:
    draw = Draw(2, 0.6)
    assert not {adapters.instruct_row(draw).task for _ in range(500)} & adapters.JSON_TASKS


@pytest.mark.parametrize(
    ("task", "prompt", "answer", "said"),
    [
        ("add", "What is 1 + 1?", "2", "2"),
        ("opp", "Opposite of hot:", "cold", "The opposite is cold."),
        ("last", "What is the last word of: a b", "b", 'The last word is "b".'),
        ("nth", "Give the third word: a b c", "c", 'The third word is "c".'),
        ("count", "Count the words: a", "1", "There is 1 word."),
        ("count", "Count the words: a b", "2", "There are 2 words."),
        ("kind", "Is a duck an animal or a job?", "animal", "It is an animal."),
        ("kind", "Is orange a word?", "yes", "yes"),
        ("copy", "Repeat: a b", "a b", "a b"),
    ],
)
def test_short_answers_are_said_in_sentences(task: str, prompt: str, answer: str, said: str) -> None:
    assert adapters.tidy(Example(task, (("user", prompt), ("assistant", answer)))) == said


def test_the_storyteller_answers_everything_with_a_story() -> None:
    draw = Draw(2, 0.6)
    rows = [adapters.story_row(draw) for _ in range(60)]
    assert all(len(row.answer.split()) > 25 for row in rows)
    assert any("?" in row.prompt for row in rows)


@pytest.mark.parametrize("name", ADAPTERS)
def test_no_adapter_is_shown_a_held_out_prompt(name: str) -> None:
    assert not any(map(is_held_out, adapters._rows(Draw(name, 0.6), SOURCES[name], 400)))


def test_only_answers_are_learned() -> None:
    draw = Draw(3, 0.6)
    rows = [adapters.instruct_row(draw) for _ in range(20)]
    words = tiny.words()
    ids, labels = adapters.batch(words, rows, 400)
    for row, tokens, wanted in zip(rows, ids, labels, strict=True):
        kept = wanted[wanted != -100]
        said = words.decode(kept, skip_special_tokens=False)
        assert said.endswith(f"{row.answer}<|im_end|>")
        assert row.prompt not in said or row.prompt in row.answer
        assert (tokens[wanted != -100] == kept).all()


def test_a_long_answer_is_cut_and_still_learned() -> None:
    row = adapters.story_row(Draw(1))
    _, labels = adapters.batch(tiny.words(), [row], 60)
    assert labels.shape == (1, 60)
    assert (labels != -100).any()
    assert labels[0, -1] != -100


@PEFT_READS_AN_OLD_NAME
def test_an_adapter_trains_and_loads_on_its_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from embedded.answers import open_model

    said: list[str] = []
    quick = replace(adapters.LORAS["json"], steps=8, rows=4, rank=2, longest=80)
    monkeypatch.setattr(adapters, "LORAS", MappingProxyType({"json": quick}))
    model = adapters.train("json", WEIGHTS, 0, 0.0, said.append)
    assert said == [], "told every hundred steps"
    adapters.write(model, tmp_path / "json")
    config = json.loads((tmp_path / "json" / "adapter_config.json").read_text("utf-8"))
    assert config["base_model_name_or_path"] == "builtin:mini"
    base, _ = open_model(WEIGHTS / "mini")
    tuned, _ = open_model(WEIGHTS / "mini", tmp_path / "json")
    tokens = torch.randint(4, 2048, (1, 12))
    assert (tuned(tokens).logits - base(tokens).logits).abs().max() > 0.01


@PEFT_READS_AN_OLD_NAME
def test_an_adapter_stops_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = replace(adapters.LORAS["json"], steps=10_000, rows=4, rank=2, longest=80)
    monkeypatch.setattr(adapters, "LORAS", MappingProxyType({"json": quick}))
    said: list[str] = []
    adapters.train("json", WEIGHTS, 0, 0.005, said.append)
    assert len(said) < 50
