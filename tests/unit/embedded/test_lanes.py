"""Lanes find the gradients that one thread finds."""

import pytest
import torch

from embedded.lanes import Lanes
from tests.unit.embedded import tiny


@pytest.mark.parametrize("lanes", [2, 3])
def test_lanes_find_the_same_loss_and_gradients(lanes: int) -> None:
    rows, weights = torch.randint(0, 400, (6, 17)), torch.rand(6, 17)
    alone, together = tiny.llama(), tiny.llama()
    loss = Lanes(alone, 1).loss(rows, weights)
    assert Lanes(together, lanes).loss(rows, weights) == pytest.approx(loss, rel=1e-3)
    for one, two in zip(alone.parameters(), together.parameters(), strict=True):
        torch.testing.assert_close(one.grad, two.grad, rtol=0.05, atol=2e-3)  # bfloat16 inside


def test_lanes_share_weights_and_empty_their_gradients() -> None:
    lanes = Lanes(tiny.llama(), 2)
    for _ in range(2):
        lanes.loss(torch.randint(0, 400, (2, 9)), torch.ones(2, 9))
        twin = next(iter(lanes.models[1].parameters()))
        assert twin.grad is None
        assert twin.data_ptr() == next(iter(lanes.models[0].parameters())).data_ptr()
