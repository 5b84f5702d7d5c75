"""Draws, and what is told about them. That they equal `generate` is tested in test_batching."""

import pytest
import torch

from shared.models.local.sampling import Draw, describe, pick_all
from shared.models.protocol import Decoding

LOGITS = torch.tensor([[1.0, 3.0, 2.0, 0.0]])


def test_greedy_takes_the_likeliest() -> None:
    draw = Draw(Decoding(temperature=0), "cpu")
    assert draw.plain
    assert pick_all(LOGITS, [draw], [[0]]) == [1]


def test_a_penalty_makes_what_was_said_less_likely() -> None:
    draw = Draw(Decoding(temperature=0, repetition_penalty=2.0), "cpu")
    assert pick_all(LOGITS, [draw], [[1]]) == [2]
    assert LOGITS[0, 1] == 3


def test_draws_follow_the_probabilities() -> None:
    draw = Draw(Decoding(temperature=1.0), "cpu")
    found = torch.bincount(torch.tensor([int(draw.pick(LOGITS, [])) for _ in range(4000)]), minlength=4) / 4000
    assert torch.allclose(found, LOGITS[0].softmax(-1), atol=0.03)


def test_a_seed_gives_the_same_draws_and_rewinding_repeats_them() -> None:
    flat = torch.zeros(1, 500)
    one, two, other = (Draw(Decoding(temperature=1.0, seed=seed), "cpu") for seed in (5, 5, 6))
    first = [int(one.pick(flat, [])) for _ in range(8)]
    assert [int(two.pick(flat, [])) for _ in range(8)] == first
    assert [int(other.pick(flat, [])) for _ in range(8)] != first
    draw, found = Draw(Decoding(temperature=1.0, seed=5), "cpu"), []
    for place in (0, 1, 2, 1, 2, 3, 3, 4):
        draw.rewind(place)
        found.append((place, int(draw.pick(flat, []))))
    assert found == [(place, first[place]) for place, _ in found]
    Draw(Decoding(temperature=0), "cpu").rewind(3)


@pytest.mark.parametrize(
    ("settings", "left"),
    [({"top_k": 2}, {1, 2}), ({"top_p": 0.6}, {1}), ({"min_p": 0.3}, {1, 2}), ({"temperature": 0.01}, {1})],
)
def test_settings_leave_out_unlikely_tokens(settings: dict[str, float], left: set[int]) -> None:
    draw = Draw(Decoding(**{"temperature": 1.0} | settings), "cpu")
    assert {int(draw.pick(LOGITS, [])) for _ in range(300)} == left


def test_a_token_is_told_with_the_likeliest() -> None:
    token = describe(LOGITS[0], 2, 2, "abcd".__getitem__)
    logs = LOGITS[0].log_softmax(-1).tolist()
    assert (token.text, token.id) == ("c", 2)
    assert token.logprob == pytest.approx(logs[2])
    assert [name for name, _ in token.top] == ["b", "c"]
    assert [value for _, value in token.top] == pytest.approx([logs[1], logs[2]])
    assert describe(LOGITS[0], 2, 0, "abcd".__getitem__).top == ()
    assert len(describe(LOGITS[0], 2, 99, "abcd".__getitem__).top) == 4
