"""Where a visitor's datasets are: apart from the owner's, within a size, for a day, in no list and in no copy."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared import folders
from shared.errors import PlaygroundError
from shared.store import Artifact, Store

KEPT = 24 * 3600.0  # seconds after which what a visitor made is removed
EACH = 1 << 30  # bytes of one thing
WHOLE = 8 << 30  # bytes of everything that all visitors have here


class VisitorStore(Store):
    """A store whose artifacts are removed after a while; whoever comes back then is told to load them again.

    A ref is made of the content's hash, so a visitor reaches what he made himself and nothing of others: nothing lists it.

    Args:
        home: Its folder, below the workspace's cache; the server empties it when it starts.
        kept: Seconds that an artifact stays.
        each: Bytes of one artifact at most.
        whole: Bytes of all of them together at most.
        beside: Another folder in which nothing stays longer, such as that of uploads; none by default.
    """

    def __init__(
        self, home: Path, kept: float = KEPT, each: int = EACH, whole: int = WHOLE, beside: Path | None = None
    ) -> None:
        super().__init__(home)
        self._beside = beside or home / "uploads"
        self.kept, self.each, self.whole = kept, each, whole
        self._sweeping = threading.Lock()

    @contextmanager
    def writing(self, kind: str, name: str) -> Iterator[Path]:
        """An empty folder, as `Store.writing` gives one, after what is too old was removed.

        Raises:
            PlaygroundError: Visitors have too much here already.
        """
        self.sweep()
        used = size(self.home / "artifacts") + size(self.home / "cache")
        if used > self.whole:
            raise PlaygroundError(
                f"What visitors opened here takes {used / 2**30:.1f} GiB, and {self.whole / 2**30:.1f} GiB is the most. "
                "Try again in some hours, or run the project on a machine of your own."
            )
        with super().writing(kind, name) as folder:
            yield folder

    def put(self, kind: str, name: str, folder: Path) -> Artifact:
        """Keep a folder, as `Store.put` does, when it is not too large; its time begins anew when it was here before.

        Raises:
            PlaygroundError: It is larger than a visitor's may be.
        """
        self.check(folder)
        made = super().put(kind, name, folder)
        made.path.touch()
        return made

    def check(self, folder: Path) -> None:
        """Refuse what is larger than a visitor's may be.

        Args:
            folder: What it is made of, or what there is of it so far.

        Raises:
            PlaygroundError: It is.
        """
        if size(folder) > self.each:
            raise PlaygroundError(
                f"This makes more than {self.each / 2**30:.1f} GiB, the most for a visitor. Take a part of it, or run the "
                "project on a machine of your own."
            )

    def check_growing(self) -> None:
        """Refuse, in the middle of writing, what has become larger than a visitor's may be.

        Raises:
            PlaygroundError: What is being written now is that large together.
        """
        self.check(self.home / "artifacts" / folders.UNFINISHED)

    def sweep(self) -> None:
        """Remove what is too old: artifacts, and what was kept to find things in them."""
        limit = time.time() - self.kept
        with self._sweeping:
            for place in (*self.home.glob("artifacts/*/*"), *self.home.glob("cache/*/*"), *self._beside.glob("*")):
                if place.parent.name != folders.UNFINISHED and _touched(place) < limit:
                    folders.remove(place)


def size(folder: Path) -> int:
    """Bytes of all files below a folder; what goes meanwhile counts nothing."""
    return sum(_bytes(path) for path in folder.rglob("*"))


def _bytes(path: Path) -> int:
    try:
        return path.stat().st_size if path.is_file() else 0
    except FileNotFoundError:
        return 0


def _touched(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()
