"""Where a visitor's datasets are: apart from the owner's, within a size, for a day, in no list and in no copy."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from shared import folders
from shared.errors import PlaygroundError
from shared.progress import Progress
from shared.refs import Ref, parse
from shared.store import Artifact, Store

T = TypeVar("T")

KEPT = 24 * 3600.0  # seconds after which what a visitor made is removed
EACH = 1 << 30  # bytes of one thing
WHOLE = 8 << 30  # bytes of everything that all visitors have here
READING = 3600.0  # seconds that files stay after their time: longer than any call that found them before
ROUND = 600.0  # seconds between two looks for what is too old
LOOK = 1.0  # seconds between two looks at the whole size while something is written


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
        self._closing = threading.Event()
        self._looked = 0.0

    def keep_swept(self) -> None:
        """Remove what is too old from time to time until the store is closed, though nobody writes anything new."""

        def rounds() -> None:
            self.sweep()
            while not self._closing.wait(ROUND):
                self.sweep()

        threading.Thread(target=rounds, name="visitors' data", daemon=True).start()

    def close(self) -> None:
        """As `Store.close`."""
        self._closing.set()
        super().close()

    @contextmanager
    def writing(self, kind: str, name: str) -> Iterator[Path]:
        """An empty folder, as `Store.writing` gives one, after what is too old was removed.

        Raises:
            PlaygroundError: Visitors have too much here already.
        """
        self.sweep()
        self.check_room()
        with super().writing(kind, name) as folder:
            yield folder

    def put(self, kind: str, name: str, folder: Path) -> Artifact:
        """Keep a folder, as `Store.put` does, when it is not too large; its time begins anew when it was here before.

        Raises:
            PlaygroundError: It is larger than a visitor's may be.
        """
        self.check(folder)
        with self._sweeping:  # or what was here before could be removed after the new copy was dropped
            made = super().put(kind, name, folder)
            made.path.touch()
        return made

    def find(self, ref: str | Ref, kind: str = "") -> Artifact:
        """The artifact that a ref names, as `Store.find` does, until its time is over; nothing else is told.

        Raises:
            PlaygroundError: It is no ref, or names nothing that is here.
        """
        wanted = ref if isinstance(ref, Ref) else parse(ref)
        try:
            found = super().find(wanted, kind)
            if _touched(found.path) >= time.time() - self.kept:
                return found
        except PlaygroundError:
            pass
        raise PlaygroundError(
            f"'{wanted}' is not here. What visitors load or make is removed after {self.kept / 3600:.0f} hours, and when "
            "the server starts again. Load or make it again."
        )

    def check_room(self) -> None:
        """Refuse when visitors have too much here.

        Raises:
            PlaygroundError: They have.
        """
        used = size(self.home / "artifacts", self.home / "cache", self._beside)
        if used > self.whole:
            raise PlaygroundError(
                f"What visitors opened here takes {used / 2**30:.1f} GiB, and {self.whole / 2**30:.1f} GiB is the most. "
                "Try again in some hours, or run the project on a machine of your own."
            )

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
            PlaygroundError: Something is, or all of it together is more than there is room for.
        """
        for folder in (self.home / "artifacts" / folders.UNFINISHED).glob("*"):
            self.check(folder)
        if time.monotonic() - self._looked > LOOK:
            self.check_room()
            self._looked = time.monotonic()

    def sweep(self) -> None:
        """Remove what is too old: artifacts, what was kept to find things in them, and files that were sent or handed out."""
        limit = time.time() - self.kept - READING
        links = self._beside / "deep_links"  # gradio 6.31 keeps what a link opens in folders of this one
        with self._sweeping:
            found = (*self.home.glob("artifacts/*/*"), *self.home.glob("cache/*/*"), *self._beside.glob("*"))
            for place in (*found, *links.glob("*")):
                if place.parent.name != folders.UNFINISHED and place != links and _touched(place) < limit:
                    folders.remove(place)
            for vectors in self.home.glob("cache/embeddings/*"):  # one file for everybody, which is always new
                if vectors.stat().st_size > self.each:
                    folders.remove(vectors)


def watched(store: Store, steps: Iterator[T]) -> Iterator[T]:
    """What long work yields; it is ended when a visitor's has written too much.

    Args:
        store: What it writes to.
        steps: The work: what it has written is looked at with every Progress.

    Raises:
        PlaygroundError: It became too large.
    """
    with closing(steps) as running:  # type: ignore[type-var]
        for step in running:
            if isinstance(step, Progress) and isinstance(store, VisitorStore):
                store.check_growing()
            yield step


def size(*places: Path) -> int:
    """Bytes of all files below some folders, each file once under however many names; what goes meanwhile counts nothing."""
    files: dict[tuple[int, int], int] = {}
    for place in places:
        for folder, _, names in os.walk(place):
            for name in names:
                with suppress(FileNotFoundError):
                    stat = Path(folder, name).lstat()
                    files[stat.st_dev, stat.st_ino] = stat.st_size
    return sum(files.values())


def _touched(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()
