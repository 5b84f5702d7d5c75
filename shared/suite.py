"""The process's one Suite: where things are stored, what is known about models and data, what is running."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from threading import RLock
from typing import Any, TypeVar

from shared import env, folders
from shared.catalog import Catalog
from shared.env import Environment
from shared.jobs import Jobs
from shared.models.models import Models
from shared.policy import Caller
from shared.store import Store
from shared.sync import Sync
from shared.visitors import VisitorStore

T = TypeVar("T")


class Suite:
    """Everything that outlives one call, opened when it is first needed.

    Attributes:
        environment: The settings that came from outside.
    """

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self._opening = RLock()
        self._owned: dict[Callable[[Suite], Any], Any] = {}

    @cached_property
    def store(self) -> Store:
        """Artifacts and rows of the workspace."""
        with self._opening:
            return self.__dict__.get("store") or Store(self.environment.home)

    @cached_property
    def visitors(self) -> VisitorStore:
        """What visitors load and make: apart from the workspace's own, for a day, and in no copy of it."""
        with self._opening:
            home, beside = self.environment.home / "cache" / "visitors", self.environment.uploads
            return self.__dict__.get("visitors") or VisitorStore(
                home, beside=beside if self.environment.public else None
            )

    def store_of(self, caller: Caller) -> Store:
        """The store that a caller's own datasets are in."""
        return self.store if caller.owner else self.visitors

    @cached_property
    def catalog(self) -> Catalog:
        """What the manifests say about models, datasets and machines."""
        return Catalog(env.ROOT / "manifests")

    @cached_property
    def jobs(self) -> Jobs:
        """Subprocesses that outlive the server."""
        with self._opening:
            return self.__dict__.get("jobs") or Jobs(self.environment.home / "runs")

    @cached_property
    def models(self) -> Models:
        """Language models, wherever they run."""
        with self._opening:
            return self.__dict__.get("models") or Models(self.environment, self.catalog, self.store)

    @cached_property
    def sync(self) -> Sync:
        """The copy of the rows at `PLAYGROUND_REMOTE`."""
        with self._opening:
            return self.__dict__.get("sync") or Sync(self.store, self.environment.remote)

    def own(self, make: Callable[["Suite"], T]) -> T:
        """The one object that `make` made for this Suite, made at the first call: what an app keeps in memory.

        Args:
            make: Makes it; always hand in the same function.
        """
        with self._opening:
            if make not in self._owned:
                self._owned[make] = make(self)
            made: T = self._owned[make]
            return made

    def start(self) -> None:
        """Take the workspace for this process, bring in what other replicas wrote, then keep the remote up to date.

        Raises:
            PlaygroundError: Another server uses this workspace.
        """
        self.store.claim()
        folders.remove(self.environment.home / "cache" / "visitors")  # nobody who came before has the same id now
        if self.environment.public:
            self.visitors.keep_swept()
        if self.environment.remote:
            self.sync.pull()
            self.sync.start()

    def close(self) -> None:
        """Send what waits and close what was opened; opening again is a new Suite."""
        for name in ("models", "sync", "visitors", "store"):
            opened = self.__dict__.pop(name, None)
            if name == "sync" and opened is not None:
                opened.stop()
            elif opened is not None:
                opened.close()


_current: list[
    Suite
] = []  # the only mutable state of a module, as DESIGN section 8 allows; a list, so that no `global` is needed
_opening = RLock()


def suite() -> Suite:
    """The process's Suite, made from the environment at the first call."""
    with _opening:
        if not _current:
            _current.append(Suite(env.read()))
        return _current[-1]


@contextmanager
def using(other: Suite) -> Iterator[Suite]:
    """Make `other` the process's Suite inside the block, and close it afterwards: for tests and for the launcher."""
    _current.append(other)
    try:
        yield other
    finally:
        _current.remove(other)
        other.close()
