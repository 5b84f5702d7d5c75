"""Training: small, the same again after a stop, cut by time where it may be."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from embedded import WEIGHTS, measures, tokenizer
from embedded.recipe import MICRO, Recipe, Stage
from embedded.training import Progress, Training, export, llama, rate
from tests.unit.embedded import tiny


def train(folder: Path, recipe: Recipe = tiny.RECIPE, minutes: float = 0.0, lanes: int = 1) -> Training:
    return llama(recipe, tiny.words(), WEIGHTS, folder, minutes, lanes)


def test_the_rate_warms_up_stays_and_falls() -> None:
    stage = Stage("x", 1, decay=0.4, floor=0.2)
    assert rate(0.0, 0, stage) == pytest.approx(1 / 50)
    assert rate(0.5, 100, stage) == 1
    assert rate(0.8, 100, stage) == pytest.approx(0.6)
    assert rate(1.0, 100, stage) == pytest.approx(0.2)
    assert rate(1.0, 100, replace(stage, decay=0.0)) == 1


def test_training_that_stopped_ends_where_one_that_did_not_ends(tmp_path: Path) -> None:
    said: list[str] = []
    whole = train(tmp_path / "whole")
    whole.run(said.append, keep_every=0.0)
    assert whole.stage is None
    assert "tokens read" in said[-1]
    parts = train(tmp_path / "parts")
    for _ in range(3):
        stage = parts.stage
        assert stage
        parts.step(stage)
        parts.progress.step += 1
    parts.keep()
    again = train(tmp_path / "parts")
    assert again.progress.step == 3
    again.run(said.append)
    for one, two in zip(whole.model.parameters(), again.model.parameters(), strict=True):
        torch.testing.assert_close(one, two)


def test_time_cuts_every_stage_short(tmp_path: Path) -> None:
    training = train(tmp_path, minutes=1.0)
    first, last = tiny.RECIPE.stages
    training.progress = Progress(stage=0, step=1, seconds=3.0)
    assert training.done(first) == 0.25, "read more than the time asks for"
    training.progress = Progress(stage=0, step=1, seconds=15.0)
    assert training.done(first) == pytest.approx(0.5)
    training.progress = Progress(stage=1, step=1, seconds=50.0, stage_seconds=40.0)
    assert training.done(last) == pytest.approx(0.5)
    training.progress = Progress(stage=1, step=0, seconds=70.0, stage_seconds=65.0)
    assert training.done(last) == 1.0
    training.minutes = 0.0
    assert training.done(last) == 0.0


def test_the_state_of_another_recipe_is_refused(tmp_path: Path) -> None:
    train(tmp_path).keep()
    with pytest.raises(ValueError, match="another recipe, seed or beginning"):
        train(tmp_path, replace(tiny.RECIPE, seed=1))


def test_a_loss_that_is_no_number_stops_training(tmp_path: Path) -> None:
    training = train(tmp_path)
    with pytest.raises(FloatingPointError, match="nan"):
        training._note(tiny.RECIPE.stages[0], float("nan"), lambda line: None)


def test_notes_are_kept_and_told_every_hundred_steps(tmp_path: Path) -> None:
    said: list[str] = []
    recipe = replace(tiny.RECIPE, stages=(Stage("long", 100 * 8, tiny.RECIPE.stages[0].mix, rows=1, length=8),))
    training = train(tmp_path, recipe)
    training.run(said.append)
    assert [note["step"] for note in training.progress.log] == [25, 50, 75, 100]
    assert json.loads(said[0])["stage"] == "long"
    assert json.loads((tmp_path / "log.json").read_text("utf-8")) == training.progress.log


@pytest.mark.slow
def test_training_learns(tmp_path: Path) -> None:
    mix = replace(tiny.RECIPE.stages[0].mix, repeats=0.0)
    training = train(tmp_path, replace(tiny.RECIPE, stages=(Stage("s", 100 * 512, mix, rows=8, length=64),)))
    training.run(lambda line: None)
    losses = [note["loss"] for note in training.progress.log]
    assert losses[-1] < losses[0] - 0.5


@pytest.mark.slow
def test_an_induction_head_stands_after_the_first_stage_of_micro(tmp_path: Path) -> None:
    first = replace(MICRO, stages=MICRO.stages[:1])
    training = llama(first, tokenizer.load(WEIGHTS / "micro"), WEIGHTS, tmp_path)
    training.run(lambda line: None)
    training.model.train(False)
    found = measures.heads(training.model, span=24)
    assert found.best > 0.5
    assert found.second_loss < 1.5


def test_an_export_loads_as_bfloat16_with_its_tokenizer(tmp_path: Path) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model = tiny.llama()
    export(model, tiny.words(), tmp_path)
    again = AutoModelForCausalLM.from_pretrained(tmp_path)
    assert again.dtype == torch.bfloat16
    assert again.generation_config.eos_token_id == [2, 0]
    assert AutoTokenizer.from_pretrained(tmp_path).chat_template == tokenizer.TEMPLATE
    assert next(iter(model.parameters())).dtype == torch.float32, "the model in training stays as it is"
    assert {path.suffix for path in tmp_path.iterdir()} == {".json", ".jinja", ".safetensors"}
