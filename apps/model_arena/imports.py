"""Votes from files: FastChat's and LMArena's JSON, our own raw export, and CSV or Parquet with named columns.

Files are read piece by piece. A row that does not say clearly who won is refused and listed with its reason; nothing unknown
is ever counted as a tie.
"""

import hashlib
import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from string import ascii_lowercase
from typing import Any

from pydantic import TypeAdapter, ValidationError

from apps.model_arena.ballot import Ballot
from apps.model_arena.style import measure
from shared.conversations import turns_of
from shared.datasets.csv_rows import read_csv
from shared.datasets.files import LIMITS, Source
from shared.datasets.formats import recognise
from shared.datasets.json_rows import read_document, read_lines
from shared.datasets.rows import Rows, Tally
from shared.errors import PlaygroundError
from shared.languages import name

COLUMNS = (("model_a", "model_b", "winner"), ("left", "right", "winner"))
OUTCOMES = {
    **dict.fromkeys(("model_a", "a", "left"), "a"),
    **dict.fromkeys(("model_b", "b", "right"), "b"),
    **dict.fromkeys(("tie", "draw"), "tie"),
    **dict.fromkeys(("tie (bothbad)", "tie (both bad)", "bothbad", "both_bad", "both bad"), "both_bad"),
}
READERS = {"csv": read_csv, "json lines": read_lines, "json document": read_document}
UUID = r"[0-9a-f]{8}(-?[0-9a-f]{4}){3}-?[0-9a-f]{12}"
LONGEST = 300  # characters of a model's name
PARQUET_ROWS = 10_000
_BALLOT = TypeAdapter(Ballot)


@dataclass(frozen=True)
class RefusedVote:
    """A row that is not counted.

    Attributes:
        row: Number of the row, from 1; the header is none.
        reason: Why not, in words.
    """

    row: int
    reason: str


@dataclass(frozen=True)
class _Columns:
    """Where a file has what is needed; `models` is a list of all sides, in our own export."""

    left: str = ""
    right: str = ""
    winner: str = "winner"
    models: bool = False


class _Unclear(Exception):
    """A row does not say who won against whom."""


def read_votes(path: Path, left: str = "", right: str = "", winner: str = "") -> tuple[list[Ballot], list[RefusedVote]]:
    """All votes of a file, and the rows that are none.

    Args:
        path: JSON, JSON Lines, CSV, TSV or Parquet, also packed with gzip or zstd.
        left: Column with the first model's name; "" looks for "model_a" or "left".
        right: Column with the second model's name; "" looks for "model_b" or "right".
        winner: Column that says who won; "" is "winner". It holds "model_a", "a", "left" or the name of the left column;
            "model_b", "b", "right" or the name of the right column; "tie"; "tie (bothbad)", "bothbad" or "both_bad".

    Raises:
        PlaygroundError: The file cannot be read, or it has no such columns.
    """
    votes: list[Ballot] = []
    refused: list[RefusedVote] = []
    for each in stream_votes(path, left, right, winner):
        if isinstance(each, Ballot):
            votes.append(each)
        else:
            refused.append(each)
    return votes, sorted(refused, key=lambda one: one.row)


def stream_votes(path: Path, left: str = "", right: str = "", winner: str = "") -> Iterator[Ballot | RefusedVote]:
    """Votes of a file one by one, with the rows that are none; see `read_votes`.

    The id of a vote's battle is made of the file's content and the row, so that reading the file again gives the same ids;
    where rows have a universally unique id of their own, as LMArena's do, of that.
    """
    source, tally = Source(path, LIMITS), Tally(listed=LIMITS.part_rows)
    kind = recognise(source)
    if kind == "text":
        raise PlaygroundError(f"'{path.name}' is plain text. Votes come as JSON, CSV or Parquet, one row a vote.")
    parts = _parquet(path) if kind == "parquet" else READERS[kind](source, tally)
    origin, columns, number, shift = _origin(path), None, 0, 1 if kind == "csv" else 0
    broken: set[int] = set()
    for part in parts:
        for each in tally.refused:
            broken.add(each.row - shift)
            yield RefusedVote(each.row - shift, f"It cannot be read: it {each.reason}.")
        tally.refused.clear()
        if not part.count:
            continue
        columns = columns or _find(list(part.columns), left, right, winner, path.name)
        for row in _rows(part, columns):
            number += 1
            while number in broken:  # rows are numbered as in the file
                broken.remove(number)
                number += 1
            try:
                yield _ballot(row, columns, f"{origin}-{number}")
            except _Unclear as unclear:
                yield RefusedVote(number, str(unclear))


def _find(names: list[str], left: str, right: str, winner: str, file: str) -> _Columns:
    """The columns that hold the models and the outcome."""
    for given in (left, right, winner):
        if given and given not in names:
            raise PlaygroundError(f"'{file}' has no column '{given}'. Its columns are: {', '.join(names[:50])}.")
    if not left and not right and not winner and {"models", "winner"} <= set(names):
        return _Columns(models=True)
    written = {each.strip().casefold(): each for each in reversed(names)}
    for columns in COLUMNS:
        one, two, end = (written.get(each, each) for each in columns)
        found = _Columns(left or one, right or two, winner or end)
        if {found.left, found.right, found.winner} <= set(names):
            if len({found.left, found.right, found.winner}) < 3:
                break
            return found
    raise PlaygroundError(
        f"'{file}' does not say in which columns the two models and the winner are. Name three of its columns: "
        f"{', '.join(names[:50])}."
    )


def _rows(part: Rows, columns: _Columns) -> Iterator[dict[str, Any]]:
    names = list(part.columns)
    for values in zip(*part.columns.values(), strict=True):
        yield dict(zip(names, values, strict=True))


def _ballot(row: dict[str, Any], columns: _Columns, battle: str) -> Ballot:
    """The vote in a row.

    Raises:
        _Unclear: It is none.
    """
    if columns.models:
        return _own(row, battle)
    models = _name(row.get(columns.left), columns.left), _name(row.get(columns.right), columns.right)
    if models[0] == models[1]:
        raise _Unclear(f"'{models[0]}' is on both sides: a vote between a model and itself tells nothing.")
    if row.get("anony") is False:
        raise _Unclear("The names were shown before the vote ('anony' is false).")
    lengths, markdown = _style(row)
    outcome, time = _outcome(row.get(columns.winner), columns), _time(row.get("tstamp", row.get("timestamp")))
    return Ballot(
        models, outcome, _identity(row, models, outcome) or battle, time,
        _text(row.get("category")), _language(row.get("language")), lengths, markdown,
    )  # fmt: skip


def _identity(row: dict[str, Any], models: tuple[str, str], outcome: str) -> str:
    """A name of the battle that stays when LMArena's file has grown; "" where rows have no id that no other file has."""
    for key in ("question_id", "id"):
        if re.fullmatch(UUID, str(row.get(key))):
            facts = [row.get(each) for each in (key, "judge", "turn", "evaluation_order", "tstamp", "timestamp")]
            content = json.dumps([*facts, *models, outcome], default=str)
            return f"import-{hashlib.sha256(content.encode()).hexdigest()[:24]}"
    return ""


def _own(row: dict[str, Any], battle: str) -> Ballot:
    """A vote of our own raw export; it keeps its battle, so that importing it where it came from is refused there."""
    models = row.get("models")
    if not isinstance(models, list):
        raise _Unclear("'models' is no list of names.")
    names = [_name(each, "models") for each in models]
    if len(set(names)) < len(names):
        raise _Unclear("A model is on two sides: a vote between a model and itself tells nothing.")
    known = {key: value for key, value in row.items() if value is not None}
    try:
        body = {"battle": battle, "time": "", **known, "models": names}
        return _BALLOT.validate_json(json.dumps(body, default=str), strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = "".join(f"{part}: " for part in first["loc"][:1])
        said = first["msg"].removeprefix("Value error, ").rstrip(".")
        raise _Unclear(f"It is no vote: {place}{said}.") from error


def _name(value: Any, column: str) -> str:
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise _Unclear(f"'{column}' holds no model's name.")
    text = str(value).strip()
    if not text or len(text) > LONGEST:
        raise _Unclear(f"'{column}' is empty." if not text else f"'{column}' is longer than {LONGEST} characters.")
    return text


def _outcome(value: Any, columns: _Columns) -> str:
    text = str(value).strip().casefold() if isinstance(value, str) else ""
    named = {columns.left.casefold(): "a", columns.right.casefold(): "b"}  # a file may have model_b on the left
    found = named.get(text) or OUTCOMES.get(text)
    if found is None:
        shown = f"'{value}'" if value not in (None, "") else "Nothing"
        raise _Unclear(f"{shown} in '{columns.winner}' is no outcome. Outcomes are model_a, model_b, tie, both_bad.")
    return found


def _style(row: dict[str, Any]) -> tuple[tuple[int, ...], tuple[tuple[int, int, int], ...]]:
    """Length and Markdown of both answers: as counted by LMArena, or of the conversations, or nothing."""
    facts = row.get("conv_metadata")
    if isinstance(facts, dict):
        sides = [[_sum(facts.get(key.format(side))) for key in _FACTS] for side in "ab"]
        if all(count is not None for side in sides for count in side):
            whole = [[int(count or 0) for count in side] for side in sides]
            return tuple(each[0] for each in whole), tuple((each[1], each[2], each[3]) for each in whole)
    if not (row.get("conversation_a") and row.get("conversation_b")):
        return (), ()
    answers = [
        "\n\n".join(each.text for each in turns_of(row[f"conversation_{side}"]) if each.role == "assistant")
        for side in "ab"
    ]
    return tuple(map(len, answers)), tuple(map(measure, answers))


_FACTS = ("sum_assistant_{}_tokens", "header_count_{}", "list_count_{}", "bold_count_{}")


def _sum(value: Any) -> int | None:
    """A count, or counts by kind added up."""
    if isinstance(value, dict):
        parts = [_sum(each) for each in value.values()]
        return None if None in parts else sum(each or 0 for each in parts)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
        return None
    return int(value)


def _time(value: Any) -> str:
    """When it was, as rows of the store have it; "" when the file does not say."""
    try:
        if isinstance(value, datetime) or (isinstance(value, str) and not value.replace(".", "", 1).isdigit()):
            moment = value if isinstance(value, datetime) else datetime.fromisoformat(value)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(float(value), UTC)
        else:
            return ""
    except (ValueError, OverflowError, OSError):
        return ""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")[:26] + "Z"


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _language(value: Any) -> str:
    """The code of a language that is given by its code or its English name; another word as it is."""
    text = _text(value)
    return "" if text.casefold() in ("unknown", "und") else _codes().get(text.casefold(), text)


@cache
def _codes() -> dict[str, str]:
    codes = [one + two for one in ascii_lowercase for two in ascii_lowercase]
    return {name(code).casefold(): code for code in codes if name(code) != code}


def _parquet(path: Path) -> Iterator[Rows]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    start = 0
    try:
        for batch in pq.ParquetFile(path).iter_batches(PARQUET_ROWS):
            yield Rows(batch.to_pydict(), batch.num_rows, start)
            start += batch.num_rows
    except pa.ArrowException as error:
        raise PlaygroundError(f"'{path.name}' is damaged after row {start:,}. Download it again.") from error


def _origin(path: Path) -> str:
    with path.open("rb") as file:
        return f"import-{hashlib.file_digest(file, 'sha256').hexdigest()[:16]}"
