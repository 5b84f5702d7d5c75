"""Errors of a step."""

import pytest
import torch

from shared.models.local.faults import attempt, free_memory, is_memory


def test_what_a_step_raises_is_returned() -> None:
    done: list[int] = []
    assert attempt(lambda: done.append(1)) is None
    assert done == [1]
    error = attempt(lambda: done.index(2))
    assert isinstance(error, ValueError)
    assert error.__traceback__ is not None


@pytest.mark.parametrize(
    ("error", "memory"),
    [
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to allocate 1 bytes"), True),
        (MemoryError(), True),
        (RuntimeError("shapes differ"), False),
        (ValueError("not enough memory"), False),
    ],
)
def test_memory(error: BaseException, memory: bool) -> None:
    assert is_memory(error) is memory
    free_memory()


def test_an_allocation_that_is_too_large_is_memory() -> None:
    error = attempt(lambda: torch.empty(2**60, dtype=torch.uint8))
    assert error is not None
    assert is_memory(error)
