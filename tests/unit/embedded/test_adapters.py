"""What the adapters are taught, and that one trains, is small, and loads on its base."""

import json
import re
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import pytest

from embedded import ADAPTERS, WEIGHTS, adapters
from embedded.adapters import SOURCES, Lessons, taught, worked_difference, worked_product, worked_sum
from embedded.corpus import is_held_out
from embedded.draw import Draw
from embedded.measures import valid_json
from embedded.tasks import Example
from embedded.training import Training
from tests.unit.embedded import tiny

PEFT_READS_AN_OLD_NAME = pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft 0.21.2


def test_every_adapter_has_a_source_and_a_way() -> None:
    assert set(SOURCES) == set(adapters.STAGES) == set(ADAPTERS)


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
        ("last", "What is the last word of: first b", "b", 'The last word is "b".'),
        ("last", "Give the first word: b a", "b", 'The first word is "b".'),
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
    assert not any(map(is_held_out, taught(Draw(name, 0.6), name, 400)))


def lessons(name: str, rows: int = 20, length: int = 400) -> Lessons:
    return Lessons(tiny.words(), replace(adapters.STAGES[name], rows=rows, length=length), 0)


def test_only_answers_are_learned() -> None:
    given = lessons("instruct")
    rows = taught(Draw("0 adapter instruct 0", 0.6), "instruct", 20)
    ids, weights = given.batch(0)
    for row, tokens, counted in zip(rows, ids, weights, strict=True):
        said = tiny.words().decode(tokens[counted == 1], skip_special_tokens=False)
        assert said.endswith(f"{row.answer}<|im_end|>")
        assert row.prompt not in said or row.prompt in row.answer
        assert not counted[tokens == tiny.words().pad_token_id].any()


def test_a_batch_depends_on_its_step_alone() -> None:
    first = [lessons("json").batch(step)[0].tolist() for step in range(3)]
    assert lessons("json").batch(1)[0].tolist() == first[1] != first[2]


def test_a_long_answer_is_cut_and_still_learned() -> None:
    ids, weights = lessons("storyteller", 4, 60).batch(0)
    assert ids.shape == weights.shape == (4, 61)
    assert (weights[:, -1] == 1).any()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """An adapter of eight steps."""
    stage = replace(adapters.STAGES["json"], tokens=8 * 4 * 80, rows=4, length=80)
    monkeypatch.setattr(adapters, "STAGES", MappingProxyType({"json": stage}))


@PEFT_READS_AN_OLD_NAME
@pytest.mark.usefixtures("quick")
def test_an_adapter_trains_and_loads_on_its_base(tmp_path: Path) -> None:
    import torch

    from embedded.answers import open_model

    training = adapters.training("json", WEIGHTS, tmp_path / "state")
    training.run(lambda line: None)
    adapters.write(training.model, tmp_path / "json")
    config = json.loads((tmp_path / "json" / "adapter_config.json").read_text("utf-8"))
    assert config["base_model_name_or_path"] == "builtin:mini"
    base, _ = open_model(WEIGHTS / "mini")
    tuned, _ = open_model(WEIGHTS / "mini", tmp_path / "json")
    tokens = torch.randint(4, 2048, (1, 12))
    assert (tuned(tokens).logits - base(tokens).logits).abs().max() > 0.01


@PEFT_READS_AN_OLD_NAME
@pytest.mark.usefixtures("quick")
def test_an_adapter_that_was_killed_goes_on_where_it_stopped(tmp_path: Path) -> None:
    import torch

    def adapter(folder: str) -> Training:
        return adapters.training("json", WEIGHTS, tmp_path / folder)

    whole = adapter("whole")
    whole.run(lambda line: None)
    killed = adapter("killed")
    for _ in range(3):
        killed.step(killed.stages[0])
        killed.progress.step += 1
    killed.keep()
    again = adapter("killed")
    assert again.progress.step == 3
    again.run(lambda line: None)
    assert set(again.learned) == set(whole.learned)
    assert all("lora_" in name for name in again.learned), "the base stays as it is"
    for name, weight in whole.learned.items():
        torch.testing.assert_close(again.learned[name], weight)


@PEFT_READS_AN_OLD_NAME
@pytest.mark.usefixtures("quick")
def test_the_state_of_an_adapter_belongs_to_its_seed(tmp_path: Path) -> None:
    adapters.training("json", WEIGHTS, tmp_path, seed=0).keep()
    with pytest.raises(ValueError, match="another recipe, seed or beginning"):
        adapters.training("json", WEIGHTS, tmp_path, seed=1)
