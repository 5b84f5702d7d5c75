"""`make download`: fetch the models and datasets that the manifests choose, and say what was left out and why.

What was stopped goes on where it was. Run `python -m shared.downloads --help` for what can be asked.
"""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TextIO

from shared import env, hardware, snapshots
from shared.catalog import Catalog, Choice, DatasetEntry, Kind, ModelEntry, Tier
from shared.env import Environment
from shared.errors import PlaygroundError
from shared.progress import Progress
from shared.snapshots import Repository

State = Literal["fetched", "already there", "would fetch", "skipped", "failed"]

CLEARED = ("yes", "eval_only")  # measuring with a test set is what it is for
RESERVE = 2 * 2**30  # disk space that is left alone
HUB = "https://huggingface.co"


@dataclass(frozen=True)
class Wish:
    """What the person who started this asked for.

    Attributes:
        kinds: Models, datasets or both.
        any_licence: Fetch what is not cleared for commercial use, too.
        any_size: Fetch what is meant for larger machines, too.
        dry_run: Only say what would be done.
    """

    kinds: tuple[Kind, ...] = ("models", "datasets")
    any_licence: bool = False
    any_size: bool = False
    dry_run: bool = False


@dataclass(frozen=True)
class Outcome:
    """What became of one line of the lists: a row of the table at the end.

    Attributes:
        id: The model or dataset.
        state: What became of it.
        why: How much it was, or why it was left out and what to do.
    """

    id: str
    state: State
    why: str


class Screen:
    """Where progress is shown: one line that changes on a terminal, a line every ten seconds elsewhere.

    Args:
        out: Where to write.
        every: Seconds between two lines; None takes 0.2 on a terminal and 10 elsewhere.
    """

    def __init__(self, out: TextIO, every: float | None = None) -> None:
        self._out = out
        self._terminal = out.isatty()
        self._every = every if every is not None else 0.2 if self._terminal else 10.0
        self._width, self._next, self._file, self._start = 0, 0.0, "", 0.0

    def say(self, text: str = "") -> None:
        """Write a line that stays."""
        self._out.write(f"\r{text:{self._width}}\n" if self._width else f"{text}\n")
        self._out.flush()
        self._width = 0

    def show(self, progress: Progress) -> None:
        """Show how far a file has come: bytes done and in all, share, time left."""
        now = time.monotonic()
        if self._file != progress.stage:
            self._file, self._start, self._next = progress.stage, now, now + self._every
        if progress.done >= progress.total:
            if self._start:
                self.say(f"  {progress.stage}: {size(progress.total)} in {duration(now - self._start)}")
                self._start = 0.0  # the last bytes are reported twice, by the transfer and by whoever asked for it
            return
        if now < self._next:
            return
        left = f", {duration(progress.eta_seconds)} left" if progress.eta_seconds is not None else ""
        share = f"{100 * progress.done / progress.total:.0f} %"
        text = f"  {progress.stage}: {size(progress.done)} of {size(progress.total)}, {share}{left}"
        self._next = now + self._every
        if self._terminal:
            self._out.write(f"\r{text:{self._width}}")
            self._out.flush()
            self._width = len(text)
        else:
            self.say(text)


def main(arguments: list[str] | None = None, out: TextIO | None = None) -> int:
    """Fetch what the manifests choose.

    Args:
        arguments: The command line; None takes the process's own.
        out: Where to write; None is standard output.

    Returns:
        The exit status: 0 when everything was fetched or left out by a rule, 1 when something failed, 130 when stopped.
    """
    screen = Screen(out or sys.stdout)
    try:
        wish = _wish(arguments)
        environment = env.read()
        env.apply(environment)
        outcomes = download(wish, environment, Catalog(env.ROOT / "manifests"), screen)
    except PlaygroundError as error:
        screen.say(str(error))
        return 1
    except KeyboardInterrupt:
        screen.say()
        screen.say("Stopped. Run it again: it goes on where it was.")
        return 130
    return 1 if any(outcome.state == "failed" for outcome in outcomes) else 0


def _wish(arguments: list[str] | None) -> Wish:
    parser = argparse.ArgumentParser(prog="make download", description="Fetch what models.txt and datasets.txt name.")
    parser.add_argument("--any-licence", action="store_true", help="also what is not cleared for commercial use")
    parser.add_argument("--any-size", action="store_true", help="also what is meant for larger machines")
    parser.add_argument("--dry-run", action="store_true", help="say what would be fetched, and fetch nothing")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--models-only", dest="kinds", action="store_const", const=("models",), help="no datasets")
    only.add_argument("--datasets-only", dest="kinds", action="store_const", const=("datasets",), help="no models")
    asked = parser.parse_args(arguments)
    return Wish(asked.kinds or Wish.kinds, asked.any_licence, asked.any_size, asked.dry_run)


def download(
    wish: Wish, environment: Environment, catalog: Catalog, screen: Screen, cache: Path | None = None
) -> list[Outcome]:
    """Go through the lists, fetch, and show a table of what became of each line.

    Args:
        wish: What to fetch.
        environment: Where the Hub is and the key for it.
        catalog: What is chosen, and what is known about it.
        screen: Where to show progress.
        cache: The folder to fetch into; None is the cache of huggingface_hub.

    Returns:
        One outcome a line of the lists.

    Raises:
        PlaygroundError: A manifest cannot be read.
    """
    tiers = catalog.tiers()
    here = hardware.tier(hardware.machine(environment.home), tiers)
    # The key that `hf auth login` stored is for huggingface.co; another Hub gets only what HF_TOKEN says.
    token = environment.hub_token or (None if environment.hub_endpoint == HUB else False)
    lines = [(kind, choice) for kind in wish.kinds for choice in catalog.chosen(kind)]
    outcomes = []
    for number, (kind, choice) in enumerate(lines, start=1):
        outcome = refused(choice, wish, here, tiers)
        if outcome is None:
            revision, hub = choice.revision or "main", environment.hub_endpoint
            repository = Repository(choice.id, kind, revision, hub, token, cache)
            screen.say(f"[{number}/{len(lines)}] {choice.id}")
            outcome = _fetched(repository, wish, screen)
        outcomes.append(outcome)
    _table(outcomes, screen)
    return outcomes


def refused(choice: Choice, wish: Wish, here: Tier, tiers: list[Tier]) -> Outcome | None:
    """Why a line is left out before the Hub is asked.

    Args:
        choice: The line.
        wish: What was asked for.
        here: This machine's tier.
        tiers: All tiers, smallest first.

    Returns:
        The outcome; None when the line is to be fetched.
    """
    entry = choice.entry
    if entry is None:
        return Outcome(choice.id, "failed", f"{choice.where}: {choice.problem}")
    if isinstance(entry, DatasetEntry) and entry.place != "hub":
        where = "made by this project" if entry.place == "builtin" else f"not on the Hub but at {entry.url}"
        return Outcome(choice.id, "skipped", f"it is {where}")
    if entry.commercial not in CLEARED and not wish.any_licence:
        what = f"not cleared for commercial use ({entry.licence}: {entry.commercial}). {entry.why}"
        return Outcome(choice.id, "skipped", f"{what} To fetch it all the same: make download ARGS=--any-licence")
    order = [tier.id for tier in tiers]
    smallest = min((order.index(id) for id in entry.tiers), default=0) if isinstance(entry, ModelEntry) else 0
    if order.index(here.id) < smallest and not wish.any_size:
        what = f"too big: it is for '{tiers[smallest].title}', this is '{here.title}'."
        return Outcome(choice.id, "skipped", f"{what} To fetch it all the same: make download ARGS=--any-size")
    return None


def _fetched(repository: Repository, wish: Wish, screen: Screen) -> Outcome:
    """Ask the Hub about one line, and fetch what is missing."""
    import httpx2
    from huggingface_hub.errors import HFValidationError

    asked = False
    try:
        contents = snapshots.look(repository)
        asked = True
        outcome = _measured(repository, contents)
        if outcome is None:
            done = f"{len(contents.missing)} files, {size(contents.needs)}"
            if wish.dry_run:
                return Outcome(repository.id, "would fetch", done)
            snapshots.fetch(repository, contents, screen.show)
            return Outcome(repository.id, "fetched", done)
    except (OSError, httpx2.HTTPError, HFValidationError, PlaygroundError) as error:
        return _explained(repository, error, asked)
    return outcome


def _measured(repository: Repository, contents: snapshots.Contents) -> Outcome | None:
    """What needs no fetching, or finds no room."""
    if not contents.sizes:
        what = "safetensors" if repository.kind == "models" else "Parquet, Arrow, JSON, CSV or text"
        return Outcome(repository.id, "skipped", f"it holds no {what}; other formats may run code when they are read")
    if not contents.missing:
        all_of_it = size(sum(contents.sizes.values()))
        return Outcome(repository.id, "already there", f"{len(contents.sizes)} files, {all_of_it}")
    folder, free = snapshots.disk(repository)
    if contents.needs > free - RESERVE:
        why = f"too big for the disk: it needs {size(contents.needs)}, {size(free)} are free at {folder}."
        return Outcome(repository.id, "skipped", f"{why} Free some, or let HF_HOME name a folder on another disk.")
    return None


def _explained(repository: Repository, error: Exception, asked: bool) -> Outcome:
    """What an error of the Hub or the network means, and what to do."""
    import httpx2
    from huggingface_hub import errors

    page, id = repository.page, repository.id
    if isinstance(error, errors.GatedRepoError):
        why = f"gated: ask for access at {page}, put your key into HF_TOKEN (in .env) and run this again"
        return Outcome(id, "skipped", why)
    if isinstance(error, errors.RepositoryNotFoundError):
        return Outcome(id, "skipped", f"not found: there is no {page}, or it is private and HF_TOKEN may not see it")
    if isinstance(error, errors.RevisionNotFoundError):
        return Outcome(
            id, "failed", f"{page} has no revision '{repository.revision}'; take the @... off to get the newest"
        )
    if isinstance(error, httpx2.TransportError | errors.OfflineModeIsEnabled | errors.LocalEntryNotFoundError):
        broke = Outcome(id, "failed", "the network broke off. Run it again: it goes on where it was")
        return broke if asked else _offline(repository)
    if isinstance(error, errors.HfHubHTTPError):
        return Outcome(
            id, "failed", f"{repository.endpoint} answered with status {error.response.status_code}. Try later"
        )
    return Outcome(id, "failed", (str(error) or type(error).__name__).splitlines()[0])


def _offline(repository: Repository) -> Outcome:
    """Without a network: what was fetched before may be all there."""
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        commit = snapshots.cached(repository, [*snapshots.NEVER, *snapshots.AGAIN]).name
    except LocalEntryNotFoundError:
        why = f"no network: {repository.endpoint} cannot be reached. Run it again when it can"
        return Outcome(repository.id, "skipped", why)
    return Outcome(
        repository.id, "already there", f"commit {commit[:12]}; whether it is the newest is unknown: no network"
    )


def _table(outcomes: list[Outcome], screen: Screen) -> None:
    """One row for each id; rows of the same outcome together."""
    screen.say()
    order = ("fetched", "already there", "would fetch", "skipped", "failed")
    width = max((len(outcome.id) for outcome in outcomes), default=0)
    for outcome in sorted(outcomes, key=lambda each: order.index(each.state)):
        screen.say(f"{outcome.state:13}  {outcome.id:{width}}  {outcome.why}")
    if not outcomes:
        screen.say("Nothing is chosen: models.txt and datasets.txt in manifests/ name nothing.")


def size(number: float) -> str:
    """Bytes for people: "512 B", "1.5 MiB", "2.25 GiB"."""
    if number < 1024:
        return f"{number:.0f} B"
    for unit in ("KiB", "MiB"):
        number /= 1024
        if number < 1024:
            return f"{number:.1f} {unit}"
    return f"{number / 1024:.2f} GiB"


def duration(seconds: float) -> str:
    """Time for people: "40 s", "2 min 5 s", "1 h 20 min"."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    return f"{whole // 60} min {whole % 60} s" if whole < 3600 else f"{whole // 3600} h {whole % 3600 // 60} min"


if __name__ == "__main__":
    sys.exit(main())
