import numpy as np
import pytest

from apps.model_arena.components import components, reach


def wins(size, *pairs):
    found = np.zeros((size, size))
    for one, two in pairs:
        found[one, two] += 1
    return found


@pytest.mark.parametrize(
    ("matrix", "sets"),
    [
        (wins(0), []),
        (wins(1), [[0]]),
        (wins(2, (0, 1)), [[0], [1]]),
        (wins(2, (0, 1), (1, 0)), [[0, 1]]),
        (wins(3, (0, 1), (1, 2), (2, 0)), [[0, 1, 2]]),
        (wins(4, (0, 1), (1, 0), (1, 2), (2, 3), (3, 2), (3, 2)), [[2, 3], [0, 1]]),
        (wins(4, (3, 2), (2, 3), (0, 1)), [[2, 3], [0], [1]]),
    ],
)
def test_sets_are_joined_both_ways(matrix, sets):
    assert components(matrix) == sets


def test_every_pair_of_a_set_reaches_each_other_and_no_other():
    chance = np.random.default_rng(3)
    for _ in range(30):
        size = int(chance.integers(2, 14))
        matrix = (chance.random((size, size)) < 0.12).astype(float)
        closed = np.linalg.matrix_power(matrix + np.eye(size), size) > 0  # an independent way: all walks of any length
        together = closed & closed.T
        found = components(matrix)
        assert sorted(number for group in found for number in group) == list(range(size))
        for group in found:
            for one in group:
                assert np.flatnonzero(together[one]).tolist() == group


def test_reach_goes_any_number_of_steps():
    assert reach(wins(4, (0, 1), (1, 2)) > 0).tolist() == [True, True, True, False]
