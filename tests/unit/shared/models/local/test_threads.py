"""Threads of models, and how many cores each takes."""

import threading

import torch

from shared.models.local.threads import is_small, start


def test_one_core_for_this_thread_alone() -> None:
    before, seen = torch.get_num_threads(), []
    go = threading.Event()

    def look() -> None:
        go.wait()
        torch.ones(2) @ torch.ones(2)
        seen.append(torch.get_num_threads())

    one = start(look, "one", one_core=True)
    go.set()
    one.join()
    start(look, "all", one_core=False).join()
    assert seen == [1, before]
    assert torch.get_num_threads() == before


def test_small_models() -> None:
    assert is_small(1_000_000, "cpu")
    assert not is_small(1_000_000, "cuda")
    assert not is_small(1_000_000_000, "cpu")
