"""Votes from elsewhere, and votes to take away: the endpoints import_votes, export_votes and export_preferences."""

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Annotated
from uuid import uuid4

from apps.model_arena import battles, exports, imports
from apps.model_arena.ballot import KIND, Ballot
from apps.model_arena.battles import Battle
from apps.model_arena.exports import Exported, Format, Judged
from apps.model_arena.imports import RefusedVote
from apps.model_arena.keeping import keep
from apps.model_arena.live import of_suite
from shared.errors import Conflict, PlaygroundError
from shared.models.protocol import Message
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.rows import now
from shared.settings import Advanced
from shared.store import Artifact, Store
from shared.suite import suite
from shared.uploads import Download, Upload

LISTED = 1_000  # refused rows that are named
BATCH = 2_000
UNSAFE = re.compile(r"[^\w.-]+")


@dataclass(frozen=True)
class Imported:
    """What came of a file with votes.

    Attributes:
        read: Votes that were added.
        known: Votes of this file that were here already; a file can be imported twice without harm.
        refused: The first 1,000 rows that are no vote, with the reason of each.
        refused_rows: How many rows are no vote.
        record: Id of the record.
    """

    read: int
    known: int
    refused: list[RefusedVote]
    refused_rows: int
    record: str


@dataclass(frozen=True)
class Votes:
    """All votes as a file.

    Attributes:
        file: One JSON object a line.
        rows: How many votes.
    """

    file: Download
    rows: int


def import_votes(
    file: str | Upload, left: str = "", right: str = "", winner: str = "", caller: Caller = OWNER
) -> Iterator[Progress | Imported]:
    """Add the votes of a file: FastChat's or LMArena's JSON, or a table that names two models and who won.

    The whole file is read before the first vote is added, so that a damaged one adds none.

    Args:
        file: An uploaded file: JSON, JSON Lines, CSV, TSV or Parquet; or the ref of one that was imported before, as records
            name it.
        left: Column with the first model; empty looks for "model_a" or "left".
        right: Column with the second model; empty looks for "model_b" or "right".
        winner: Column that says who won; empty is "winner".
        caller: Who asks.

    Returns:
        Progress; at last how many votes were read, and every row that is none, with its reason.

    Raises:
        PlaygroundError: The file is not here, cannot be read, has no such columns, or holds no vote.
    """
    store = suite().store
    if isinstance(file, Upload):
        raw, path, name = None, file.path, file.name
    else:
        raw = _imported(store, file)
        path, name = next(raw.path.iterdir()), raw.name
    found: list[RefusedVote] = []
    good = refused = 0
    for votes, wrong in _batches(path, left, right, winner):
        found += wrong[: LISTED - len(found)]
        good, refused = good + len(votes), refused + len(wrong)
        yield Progress("Reading votes", good + refused)
    if not good:
        first = f" Row {found[0].row}: {found[0].reason}" if found else ""
        raise PlaygroundError(f"'{name}' holds no vote.{first}")
    raw = raw or _keep(store, path, name)
    read = done = 0
    stamp = now()
    for votes, _ in _batches(path, left, right, winner):
        read, done = read + _add(store, votes, stamp), done + len(votes)
        yield Progress("Adding votes", done, good)
    settings = {"file": raw.ref, "left": left, "right": right, "winner": winner}
    record = keep("import_votes", settings, {"votes": good, "refused": refused}, caller, {"file": raw.ref})
    yield Imported(read, good - read, sorted(found, key=lambda each: each.row), refused, record)


def export_votes(excluded: bool = True, caller: Caller = OWNER) -> Votes:
    """All votes as they are, one JSON object a line; `import_votes` reads them back.

    Args:
        excluded: Whether votes that are not counted are in it too, marked as such.
        caller: Who asks.

    Raises:
        PlaygroundError: There are no votes.
    """
    live = suite().own(of_suite)
    if suite().store.count(KIND) <= (0 if excluded else live.excluded):
        raise PlaygroundError("There are no votes yet. Vote in a battle, or import votes.")
    folder = suite().environment.uploads / uuid4().hex
    folder.mkdir(parents=True)
    path = folder / "votes.jsonl"
    rows = exports.write_raw((each for each in live.ballots() if excluded or not each.excluded), path)
    return Votes(Download(path), rows)


def export_preferences(format: Format = "dpo", name: Annotated[str, Advanced] = "", caller: Caller = OWNER) -> Exported:
    """Make a preference dataset of the battles that were voted on here; TRL trains on it as it is.

    Args:
        format: "dpo" has prompt, chosen and rejected; "kto" has prompt, completion and label; all as lists of messages.
        name: What to call the dataset.
        caller: Who asks.

    Returns:
        The dataset's ref, which Dataset Explorer and trainer take, its rows, and how many battles gave none: ties, both
        bad, votes that do not count, and imported votes, whose prompts are not here.

    Raises:
        PlaygroundError: No battle has a winner yet.
    """
    store = suite().store
    passed: Counter[str] = Counter()
    made = exports.export_preferences(store, _judged(store, passed), format, name)
    notes = [f"{count:,} battle{'s' if count > 1 else ''} skipped: {reason}." for reason, count in passed.items()]
    made = replace(made, skipped=made.skipped + passed.total(), notes=[*made.notes, *notes])
    results = {"rows": made.rows, "skipped": made.skipped}
    keep("export_preferences", {"format": format, "name": name}, results, caller, {}, {"dataset": made.dataset})
    return made


def _batches(path: Path, left: str, right: str, winner: str) -> Iterator[tuple[list[Ballot], list[RefusedVote]]]:
    """Votes of a file, and the rows that are none, some at a time."""
    votes = imports.stream_votes(path, left, right, winner)
    while batch := list(islice(votes, BATCH)):
        yield (
            [each for each in batch if isinstance(each, Ballot)],
            [each for each in batch if isinstance(each, RefusedVote)],
        )


def _add(store: Store, ballots: list[Ballot], stamp: str) -> int:
    """Write ballots that are not there yet; how many those are."""
    bodies = [({**each.to_body(), "time": each.time or stamp}, each.battle) for each in ballots]
    added = 0
    for waiting in [store.append_later(KIND, body, battle) for body, battle in bodies]:
        try:
            waiting.result()
            added += 1
        except Conflict:  # it is here already
            continue
    return added


def _keep(store: Store, path: Path, name: str) -> Artifact:
    """The file as an artifact, so that a record of its import can be run again."""
    with store.writing("uploads", name) as folder:
        (folder / (UNSAFE.sub("_", name)[-60:].lstrip(".") or "votes")).hardlink_to(path)
        return store.put("uploads", name, folder)


def _imported(store: Store, ref: str) -> Artifact:
    """A file that was uploaded before."""
    if not ref.strip().startswith("local:"):
        raise PlaygroundError(
            f"'{ref[:80]}' is not an uploaded file. Upload it on the page, or send it with gradio_client.handle_file(path)."
        )
    return store.find(ref.strip(), "uploads")


def _judged(store: Store, passed: Counter[str]) -> Iterator[Judged]:
    """Battles with their votes; votes that are not counted are counted in `passed`."""
    for row in store.rows(KIND):
        if row.body.get("excluded"):
            passed["the vote is not counted in the ratings"] += 1
            continue
        battle = battles.find(store, str(row.body["battle"]))
        shown = row.body.get("shown_winner")  # among all sides; `winner` is among those that answered
        if battle is None or shown is None:
            yield Judged((), (), str(row.body["winner"]))  # imported: what was said is not here
        else:
            yield Judged((Message("user", battle.prompts[0]),), _answers(battle), str(shown))


def _answers(battle: Battle) -> tuple[tuple[Message, ...], ...]:
    """What followed on each side; a side that failed once is empty."""
    found = []
    for side in battle.sides:
        whole = all(side in turn.answered for turn in battle.turns)
        messages: list[Message] = []
        for place, turn in enumerate(battle.turns if whole else ()):
            asked = [Message("user", turn.prompt)] if place else []
            messages += [*asked, Message("assistant", turn.texts[side])]
        found.append(tuple(messages))
    return tuple(found)
