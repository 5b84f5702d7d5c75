"""Loss and gradients of a batch, its rows shared among threads that meet once a step.

Threads inside one operation meet hundreds of times a step: on a processor that others use too, each meeting waits for the
thread that was put aside (measured: a tenth of the speed at load 4). Lanes meet once.
"""

import copy
from concurrent.futures import ThreadPoolExecutor
from typing import Any


class Lanes:
    """One model, and copies of it that share its weights but not its gradients.

    Args:
        model: What is trained.
        count: How many threads share a batch; 1 on a GPU.
    """

    def __init__(self, model: Any, count: int) -> None:
        self.models = [model]
        for _ in range(count - 1):
            twin = copy.deepcopy(model)
            for own, shared in zip(twin.parameters(), model.parameters(), strict=True):
                own.data = shared.data
            self.models.append(twin)
        self.pool = ThreadPoolExecutor(count, initializer=_one_thread) if count > 1 else None

    def loss(self, rows: Any, weights: Any) -> float:
        """The weighted loss of a batch; its gradients are in the model when this returns.

        Args:
            rows: Token ids, shape (rows, length + 1).
            weights: What each token counts, same shape.

        Returns:
            Nats a token.
        """
        whole = weights[:, 1:].sum().clamp(min=1)
        if self.pool is None:
            return float(_backward(self.models[0], rows, weights, whole))
        count = len(self.models)
        parts = zip(self.models, rows.chunk(count), weights.chunk(count), strict=False)
        waiting = [self.pool.submit(_backward, *part, whole) for part in parts]
        total = sum(float(one.result()) for one in waiting)
        for twin in self.models[1:]:
            for own, shared in zip(twin.parameters(), self.models[0].parameters(), strict=True):
                if own.grad is not None:
                    shared.grad.add_(own.grad)
                    own.grad = None
        return total


def _one_thread() -> None:
    import torch

    torch.set_num_threads(1)


def _backward(model: Any, rows: Any, weights: Any, whole: Any) -> Any:
    import torch

    with torch.autocast(rows.device.type, torch.bfloat16):
        logits = model(input_ids=rows[:, :-1], use_cache=False).logits
    each = torch.nn.functional.cross_entropy(logits.float().flatten(0, 1), rows[:, 1:].flatten(), reduction="none")
    loss = (each * weights[:, 1:].flatten()).sum() / whole
    loss.backward()
    return loss.detach()
