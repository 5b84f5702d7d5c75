"""Recipes that fit the shapes of their models."""

from embedded.recipe import MICRO, MINI


def test_recipes_fit_their_shapes() -> None:
    assert len(MINI.layers) == MINI.size.layers
    assert [at for at in MINI.layers if at is not None] == list(range(MICRO.size.layers))
    assert MINI.size.vocabulary == MICRO.size.vocabulary
    assert MINI.stages[-1].decay == 1.0
