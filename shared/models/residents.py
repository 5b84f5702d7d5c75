"""Models of this machine: loaded when they are asked, kept while the budget allows, and lent to whoever asks."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import Lock, RLock
from typing import Any, cast

from shared import hardware
from shared.env import Environment
from shared.hardware import Machine
from shared.models.lending import Lent, Local, Resident
from shared.models.memory import Budget, Full, Lease, Loaded, amount, share
from shared.models.picker import width
from shared.models.places import Place
from shared.models.weights import Quantise, measure

Load = Callable[[Path, str, Quantise, Local | None], Local]

# One at a time: while transformers 5.23 is imported it puts another module in its own place, and while it loads a model it
# changes functions of torch for the whole process; a second thread finds half a module, or weights that were not tied.
LOADING = Lock()
THREADS = 16  # that wait for models to be loaded again


def load_local(folder: Path, ref: str, quantise: Quantise, draft: Local | None) -> Local:
    """Load a model into this process, with transformers.

    Args:
        folder: Its files.
        ref: What it is called.
        quantise: How its linear layers are shrunk.
        draft: A smaller model that guesses ahead (Leviathan et al. 2023).

    Raises:
        PlaygroundError: It cannot be loaded; says why.
    """
    from shared.models.local import LocalModel

    with LOADING:
        return LocalModel(folder, ref, quantise=quantise, draft=cast(Any, draft))


class Residents:
    """The models in this process. Any thread may use it; nothing is loaded before it is needed.

    Args:
        environment: The budget that was set, and where the workspace is.
        load: Loads a model.
        machine: What the machine has, given a folder on the disk to ask about.
    """

    def __init__(
        self,
        environment: Environment,
        load: Load = load_local,
        machine: Callable[[Path], Machine] = hardware.machine,
    ) -> None:
        self.environment = environment
        self._look = machine
        self._load = load
        self._opening = RLock()
        self._stopped = False

    @cached_property
    def budget(self) -> Budget[Resident]:
        """The models in memory."""
        with self._opening:
            opened: Budget[Resident] | None = self.__dict__.get("budget")
            made = opened or Budget(share(self._computing(), self.environment.model_gib))
            if self._stopped:
                made.stop()
            return made

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        with self._opening:
            return self.__dict__.get("_pool") or ThreadPoolExecutor(THREADS, thread_name_prefix="loading")

    def lend(self, place: Place, quantise: Quantise = "", draft: Lent | None = None) -> Lent:
        """A backend on a model; it is loaded by `prepare`, or with the first request.

        Args:
            place: Its files.
            quantise: How its linear layers are shrunk.
            draft: A smaller model that guesses ahead; stays loaded as long as this one does.
        """
        key = place.loaded_as(quantise) + (f" with {draft.key}" if draft else "")

        def load() -> Lease[Resident]:
            return self.budget.held(key) or self._held(key, place, quantise, draft)

        return Lent(place.ref, place.adapter, key, self.budget, load, self._pool)

    def loaded(self) -> list[Loaded]:
        """The models in memory, the most recently used first; asking loads nothing."""
        budget: Budget[Resident] | None = self.__dict__.get("budget")
        return budget.loaded() if budget is not None else []

    def limit(self, machine: Machine) -> int:
        """Bytes that models may take together; before any is loaded, torch is not asked about the GPU.

        Args:
            machine: What `machine` returned.
        """
        budget: Budget[Resident] | None = self.__dict__.get("budget")
        return budget.limit if budget is not None else share(machine, self.environment.model_gib)

    def machine(self) -> Machine:
        """What the machine has, with the memory of models that nobody uses now counted as free."""
        found = self._look(self.environment.home)
        idle = sum(each.gib for each in self.loaded() if not each.answering)
        if found.gpus:
            gpus = tuple(replace(gpu, free_gib=min(gpu.memory_gib, gpu.free_gib + idle)) for gpu in found.gpus)
            return replace(found, gpus=gpus)
        return replace(found, memory_free_gib=min(found.memory_gib, found.memory_free_gib + idle))

    def stop(self) -> None:
        """Load nothing any more; whoever waits for a model is told so."""
        with self._opening:
            self._stopped = True
            budget: Budget[Resident] | None = self.__dict__.get("budget")
        if budget is not None:
            budget.stop()

    def close(self) -> None:
        """Give all memory back."""
        with self._opening:
            budget, pool = self.__dict__.get("budget"), self.__dict__.get("_pool")
        if budget is not None:
            budget.close()
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)

    def _held(self, key: str, place: Place, quantise: Quantise, draft: Lent | None) -> Lease[Resident]:
        """The model, loaded. Its draft comes first: nobody waits for it while room is kept for the model."""
        weights = measure(place.folder)
        needs = weights.needs(quantise, width(weights, self._computing()))
        drafting = draft.lease() if draft else None
        kept = False

        def load() -> Resident:
            nonlocal kept
            model = self._load(place.folder, place.key, quantise, drafting.model.model if drafting else None)
            kept = True
            return Resident(model, drafting)

        try:
            if drafting and needs + drafting.model.bytes > self.budget.limit:
                both = f"{amount(needs)} and {amount(drafting.model.bytes)}"
                raise Full(
                    f"'{key}' needs {both}, and models may take {amount(self.budget.limit)} together. Leave it out."
                )
            return self.budget.hold(key, needs, load)
        finally:
            if drafting and not kept:
                drafting.release()

    def _computing(self) -> Machine:
        """The machine as models see it: a GPU that torch cannot use is none."""
        found = self._look(self.environment.home)
        if not found.gpus:
            return found
        import torch

        return found if torch.cuda.is_available() else replace(found, gpus=())
