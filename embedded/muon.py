"""Muon (Jordan and others, 2024): momentum made orthogonal by Newton-Schulz steps, for matrices inside the network."""

from collections.abc import Iterable
from typing import Any


def orthogonal(matrices: Any, steps: int = 5) -> Any:
    """Each matrix with its singular values moved close to 1.

    Args:
        matrices: A tensor of shape (count, rows, columns).
        steps: Newton-Schulz steps; five are enough for training.
    """
    import torch

    tall = matrices.size(1) > matrices.size(2)
    found = (matrices.mT if tall else matrices).to(torch.bfloat16)
    found = found / (found.norm(dim=(1, 2), keepdim=True) + 1e-7)
    for _ in range(steps):
        square = found @ found.mT
        found = 3.4445 * found + (-4.7750 * square + 2.0315 * square @ square) @ found
    return (found.mT if tall else found).to(matrices.dtype)


class Muon:
    """The optimiser for weight matrices; everything else goes to AdamW. It is used as those of torch are.

    Args:
        weights: Two-dimensional weights.
        rate: The length of a step, as the spectral norm of the change.
        momentum: How much of the past gradients stays.
        decay: The share of a weight that a step with rate 1 would take away.
    """

    def __init__(self, weights: Iterable[Any], rate: float = 0.02, momentum: float = 0.95, decay: float = 0.01) -> None:
        import torch

        self.weights = list(weights)
        self.param_groups = [{"lr": rate}]  # where a schedule sets the rate, as in torch
        self.momentum, self.decay = momentum, decay
        self.past = [torch.zeros_like(weight, requires_grad=False) for weight in self.weights]

    def state_dict(self) -> dict[str, Any]:
        """The momentum of every weight, to go on later."""
        return {"state": {at: {"momentum": past} for at, past in enumerate(self.past)}}

    def load_state_dict(self, known: dict[str, Any]) -> None:
        """Takes over the momentum that `state_dict` gave."""
        for at, past in enumerate(self.past):
            past.copy_(known["state"][at]["momentum"])

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forgets the gradients."""
        for weight in self.weights:
            weight.grad = None

    def step(self) -> None:
        """Moves every weight that has a gradient; matrices of one shape go through together."""
        import torch

        shapes: dict[Any, list[int]] = {}
        for at, weight in enumerate(self.weights):
            if weight.grad is not None:
                shapes.setdefault(weight.shape, []).append(at)
        with torch.no_grad():
            for shape, chosen in shapes.items():
                self._move(shape, chosen)

    def _move(self, shape: Any, chosen: list[int]) -> None:
        import torch

        rate = self.param_groups[0]["lr"]
        updates = []
        for at in chosen:
            gradient = self.weights[at].grad
            self.past[at].lerp_(gradient, 1 - self.momentum)
            updates.append(gradient.lerp(self.past[at], self.momentum))
        scale = max(1.0, shape[0] / shape[1]) ** 0.5
        for at, change in zip(chosen, orthogonal(torch.stack(updates)), strict=True):
            self.weights[at].mul_(1 - rate * self.decay).add_(change, alpha=-rate * scale)
