"""The threads that run models. A small model is faster on one core, and much faster while others need the machine."""

import threading
from collections.abc import Callable

SMALL = 20_000_000  # parameters; cores that share the layers of so small a model mostly wait for each other


def start(run: Callable[[], None], name: str, *, one_core: bool) -> threading.Thread:
    """Start a thread that ends with the program.

    Args:
        run: What it does.
        name: As debuggers show it.
        one_core: Whether torch uses a single core in it.
    """
    import torch

    ready = threading.Event()
    cores = torch.get_num_threads()

    def begin() -> None:
        if one_core:
            torch.get_num_threads()  # a thread takes the number over that holds when it first asks, then keeps its own
            torch.set_num_threads(1)
        ready.set()
        run()

    thread = threading.Thread(target=begin, name=name, daemon=True)
    thread.start()
    ready.wait()
    if one_core:
        torch.set_num_threads(cores)  # torch hands the last number that was set on to every new thread
    return thread


def is_small(parameters: int, device: str) -> bool:
    """Whether a model runs best on one core.

    Args:
        parameters: How many it has.
        device: Kind of device it is on.
    """
    return device == "cpu" and parameters < SMALL
