"""Batches: a function of the step alone, with what cannot be foreseen left out of the loss."""

from dataclasses import replace

import numpy as np

from embedded.batches import Batches
from tests.unit.embedded import tiny


def test_a_batch_depends_on_its_step_alone() -> None:
    stage = tiny.RECIPE.stages[0]
    one, two = Batches(tiny.words(), stage, 0), Batches(tiny.words(), stage, 0)
    first = [one.batch(step) for step in range(60)]
    again = two.batch(55)
    assert (again[0] == first[55][0]).all()
    assert (again[1] == first[55][1]).all()
    assert (first[0][0] != first[1][0]).any()
    assert (Batches(tiny.words(), stage, 1).batch(0)[0] != first[0][0]).any()


def test_the_first_round_of_random_tokens_and_the_prompts_weigh_little() -> None:
    mix = replace(tiny.RECIPE.stages[0].mix, repeats=1.0, periods=(3, 3))
    rows, weights = Batches(tiny.words(), replace(tiny.RECIPE.stages[0], mix=mix), 0).batch(0)
    assert (rows[:, 3:] == rows[:, :-3]).all()
    assert (weights[:, :3] == 0).all()
    assert (weights[:, 3:] == 1).all()
    mix = replace(mix, repeats=0.0, stories=0.0, prompts=0.25)
    rows, weights = Batches(tiny.words(), replace(tiny.RECIPE.stages[0], mix=mix, length=300), 0).batch(0)
    assert set(np.unique(weights)) == {0.25, 1.0}
    assert (weights[rows == 1] == 0.25).all(), "the start of a turn is no answer"
