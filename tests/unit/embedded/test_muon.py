"""Muon: orthogonal steps against the gradient."""

import torch

from embedded.muon import Muon, orthogonal


def test_muon_makes_singular_values_equal() -> None:
    for shape in ((3, 8, 20), (2, 20, 8), (1, 6, 6)):
        values = torch.linalg.svdvals(orthogonal(torch.randn(*shape, generator=torch.Generator().manual_seed(1))))
        assert values.max() < 1.35
        assert values.min() > 0.3  # five steps bring them near 1, not to it


def test_muon_moves_against_the_gradient_and_skips_what_has_none() -> None:
    weight, still = torch.nn.Parameter(torch.zeros(4, 4)), torch.nn.Parameter(torch.ones(4, 4))
    weight.grad = torch.eye(4) * 5
    Muon([weight, still], rate=0.1).step()
    assert (weight.diagonal() < -0.05).all()
    assert torch.equal(still, torch.ones(4, 4))


def test_muon_goes_on_with_the_momentum_it_had() -> None:
    def steps(count: int, known: object = None) -> tuple[torch.Tensor, Muon]:
        weight = torch.nn.Parameter(torch.zeros(3, 5))
        muon = Muon([weight])
        if known is not None:
            muon.load_state_dict(known)  # type: ignore[arg-type]
        for at in range(count):
            weight.grad = torch.full((3, 5), float(at)) + torch.eye(3, 5)
            muon.step()
        muon.zero_grad()
        assert weight.grad is None
        return weight.detach(), muon

    _, before = steps(2)
    fresh, _ = steps(1)
    warm, _ = steps(1, before.state_dict())
    assert not torch.equal(fresh, warm)


def test_one_step_by_hand() -> None:
    gradient = torch.randn(4, 7, generator=torch.Generator().manual_seed(2))
    weight = torch.nn.Parameter(torch.ones(4, 7))
    weight.grad = gradient.clone()
    Muon([weight], rate=0.5, momentum=0.9, decay=0.1).step()
    update = gradient.lerp(gradient * 0.1, 0.9).bfloat16()  # Nesterov's look ahead after one step of momentum
    update = update / update.norm()
    for _ in range(5):
        square = update @ update.T
        update = 3.4445 * update + (-4.7750 * square + 2.0315 * square @ square) @ update
    torch.testing.assert_close(weight.detach(), torch.ones(4, 7) * 0.95 - 0.5 * update.float(), atol=0.02, rtol=0.05)
