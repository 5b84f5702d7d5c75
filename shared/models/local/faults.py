"""What can go wrong in a step: memory runs out, which is told in words, or a bug, which is raised where one waits."""

from collections.abc import Callable

from shared.errors import PlaygroundError
from shared.models.protocol import Failure

FULL = "{}: the memory does not suffice for this answer. Ask for a shorter one, or when less is being answered."


def attempt(step: Callable[[], object]) -> Exception | None:
    """Do a step of a thread that many wait for.

    Returns:
        What it raised; whoever waits for the step must get it.
    """
    try:
        step()
    except Exception as error:  # noqa: BLE001 as in any executor: a bug must be raised where its result is awaited
        return error
    return None


def is_memory(error: BaseException) -> bool:
    """Whether an error says that memory does not suffice, on a GPU or a processor."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error)


def explain(error: Exception, model: str) -> Failure | Exception:
    """What whoever waits for an answer is told about an error: words, or the bug itself.

    Args:
        error: What a step raised.
        model: The ref that answered.
    """
    if isinstance(error, PlaygroundError):
        return Failure("refused", f"{model}: {error}")
    return Failure("memory", FULL.format(model)) if is_memory(error) else error


def free_memory() -> None:
    """Give memory that nobody uses back to the GPU."""
    import torch

    if torch.cuda.is_available():
        torch.cuda.empty_cache()
