"""Whether files changed since they were read: a cheap stamp of files and whole folders, and outcomes kept while it is the same."""

import os
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISDIR
from threading import Lock
from typing import Generic, TypeVar

T = TypeVar("T")
Fact = tuple[str | int, ...]

SETTLED = 2.0  # seconds: coarser than the clock of any file system, so that a later change cannot have the same time


@dataclass(frozen=True)
class Stamp:
    """How files are at one moment.

    Attributes:
        facts: Of every file and folder, its path, number, size and time of change, which no program can set back.
        newest: The latest of these times, in nanoseconds; 0 when there is nothing.
    """

    facts: tuple[Fact, ...]
    newest: int

    def __add__(self, other: "Stamp") -> "Stamp":
        return Stamp(self.facts + other.facts, max(self.newest, other.newest))


def stamp(paths: Iterable[Path], *more: Fact) -> Stamp:
    """How these files are now. A folder stands for everything in it, a link for what it leads to.

    Args:
        paths: Files and folders; what is missing counts too, so that its coming is seen.
        more: Anything else that has to be the same.
    """
    facts: list[Fact] = list(more)
    newest = 0
    seen: set[tuple[int, int]] = set()  # folders, so that links cannot lead in a circle
    waiting: list[Path | os.DirEntry[str]] = list(paths)
    while waiting:
        place = waiting.pop()
        path = os.fspath(place)
        try:
            about = place.stat()
            facts.append((path, about.st_ino, about.st_size, about.st_ctime_ns))
            newest = max(newest, about.st_ctime_ns)
            if S_ISDIR(about.st_mode) and (about.st_dev, about.st_ino) not in seen:
                seen.add((about.st_dev, about.st_ino))
                with os.scandir(path) as inside:
                    waiting += inside
        except OSError as error:
            facts.append((path, error.errno or 0))
    return Stamp(tuple(facts), newest)


class Outcome(Generic[T]):
    """What was made of some files, kept until they change. Any thread may use it.

    Args:
        settled: Seconds that have to pass after a change before an outcome is kept.
    """

    def __init__(self, settled: float = SETTLED) -> None:
        self._settled = settled
        self._kept: tuple[Stamp, T] | None = None
        self._making = Lock()

    def get(self, now: Stamp, make: Callable[[], T]) -> T:
        """The outcome for files as they are now.

        Args:
            now: Their stamp, taken before `make` reads them.
            make: Makes the outcome; called when the files are others than last time.
        """
        with self._making:
            if self._kept is not None and self._kept[0].facts == now.facts:
                return self._kept[1]
            made = make()
            # a file that changes twice within one tick of its clock may look the same both times
            settled = abs(time.time_ns() - now.newest) >= self._settled * 1e9
            self._kept = (now, made) if settled else None
            return made
