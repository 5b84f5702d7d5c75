"""The portal without a screen: records, replay, what this machine can run, what the manifests know."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal
from uuid import uuid4

from pydantic import Field

from apps import cards
from shared import calls
from shared import records as history
from shared.catalog import DatasetEntry, ModelEntry, Tier
from shared.errors import PlaygroundError
from shared.hardware import Machine, machine, tier
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.records import Record
from shared.suite import suite
from shared.uploads import Download


@dataclass(frozen=True)
class Comparison:
    """Records side by side.

    Attributes:
        records: Their ids, in the order asked for.
        rows: What differs: `{"name": "settings.rank", "values": [8, 16]}`; a missing value is null.
        same: How many settings, inputs, results and packages are equal in all.
    """

    records: list[str]
    rows: list[dict[str, Any]]
    same: int


@dataclass(frozen=True)
class Replayed:
    """A record that was run again.

    Attributes:
        original: Id of the record that was replayed.
        record: Id of the record that the new run left; empty when it left none.
        exact: Whether every input is immutable, so that the same result is to be expected.
        why: Why it is not exact; empty when it is.
        same: Whether results and artifacts came out equal.
        rows: What came out differently: `{"name": ..., "values": [before, now]}`.
    """

    original: str
    record: str
    exact: bool
    why: str
    same: bool
    rows: list[dict[str, Any]] = field(default_factory=list)


@dataclass(frozen=True)
class Capacity:
    """What this machine is and what it can do.

    Attributes:
        machine: Cores, memory, GPUs and disk, as seen inside a container's limits.
        tier: The tier of `manifests/hardware.toml` that it belongs to.
    """

    machine: Machine
    tier: Tier


def records(
    app: str = "", action: str = "", text: str = "", limit: Annotated[int, Field(ge=1, le=1000)] = 100
) -> list[Record]:
    """List experiments, newest first.

    Args:
        app: Only this app's, such as "dataset_explorer"; every app's when empty.
        action: Only this endpoint's, such as "load".
        text: Only records that hold this text in their settings, inputs or artifacts.
        limit: At most so many.

    Returns:
        The records, whole.
    """
    return history.find(suite().store, app=app, action=action, text=text, limit=limit)


def record(id: str) -> Record:
    """Show one experiment.

    Args:
        id: The record's id, as `records` lists it.

    Raises:
        PlaygroundError: There is no such record.
    """
    return history.load(suite().store, id)


def compare_records(ids: list[str]) -> Comparison:
    """Put experiments side by side: what was set differently, and what came out differently.

    Args:
        ids: Two to ten record ids.

    Raises:
        PlaygroundError: A record is unknown, or there are fewer than two or more than ten.
    """
    if not 2 <= len(ids) <= 10:
        raise PlaygroundError(f"{len(ids)} records were named. Choose 2 to 10 to compare.")
    chosen = [history.load(suite().store, each) for each in ids]
    rows = history.difference(chosen)
    different = [row for row in rows if not row.same]
    return Comparison(
        ids, [{"name": row.name, "values": list(row.values)} for row in different], len(rows) - len(different)
    )


def replay(id: str, caller: Caller = OWNER) -> Iterator[Progress | Replayed]:
    """Run an experiment again with the same settings, and say whether the same came out.

    Args:
        id: The record's id.
        caller: Who asks.

    Returns:
        Progress while it runs; at last the comparison with the original. How long something took is no difference.

    Raises:
        PlaygroundError: The record is unknown, or its app or endpoint is not here.
    """
    original = history.load(suite().store, id)
    function = _function(original)
    exact, why = history.exact(original)
    yield Progress(f"Running {original.app}.{original.action} again")
    result = calls.call(function, original.settings, caller)
    if isinstance(result, Iterator):
        final = None
        for item in result:
            final = item
            if isinstance(item, Progress):
                yield item
        result = final
    new = str(getattr(result, "record", ""))
    if not new:
        yield Replayed(id, "", exact, why, same=True)
        return
    repeated = history.load(suite().store, new)
    rows = [row for row in history.difference([original, repeated]) if not row.same]
    timed = {f"results.{name}" for name in [*original.timings, *repeated.timings]}
    out = [row for row in rows if row.name.split(".")[0] in {"results", "artifacts"} and row.name not in timed]
    yield Replayed(id, new, exact, why, not out, [{"name": row.name, "values": list(row.values)} for row in out])


def export_records(ids: list[str] = [], format: Literal["jsonl", "csv"] = "jsonl") -> Download:  # noqa: B006
    """Save experiments as a file.

    Args:
        ids: The records to save; all when empty.
        format: "jsonl" holds everything; "csv" is flat, one row a record.

    Returns:
        The file.
    """
    store = suite().store
    chosen = [history.load(store, each) for each in ids] if ids else history.find(store)
    if not chosen:
        raise PlaygroundError("There is no record yet. Load a dataset in the Dataset Explorer, then export.")
    folder = suite().environment.uploads / f"records-{uuid4().hex}"
    folder.mkdir(parents=True)
    path = folder / f"records.{format}"
    path.write_text(_jsonl(chosen) if format == "jsonl" else _csv(chosen), "utf-8")
    return Download(path)


def hardware() -> Capacity:
    """Say what this machine is and what it can run."""
    home = suite().environment.home
    found = machine(home if home.exists() else home.parent)
    return Capacity(found, tier(found, suite().catalog.tiers()))


def catalog(
    kind: Literal["models", "datasets"] = "models", commercial: bool = False
) -> list[ModelEntry] | list[DatasetEntry]:
    """List the models or datasets that the manifests know, with licence and how sure we are of it.

    Args:
        kind: What to list.
        commercial: Only what may be used commercially without a further condition.
    """
    entries: Any = suite().catalog.models() if kind == "models" else suite().catalog.datasets()
    return [entry for entry in entries if not commercial or entry.commercial == "yes"]


def _function(original: Record) -> calls.Function:
    by_name = {card.name: card for card in cards()}
    if original.app not in by_name or original.action not in by_name[original.app].endpoints:
        raise PlaygroundError(
            f"This record was made by '{original.app}.{original.action}', which this version does not have. "
            "Install the app, or the version that the record's environment names."
        )
    function: calls.Function = getattr(by_name[original.app].core(), original.action)
    return function


def _jsonl(chosen: list[Record]) -> str:
    return "".join(json.dumps(asdict(each), ensure_ascii=False) + "\n" for each in chosen)


def _csv(chosen: list[Record]) -> str:
    rows = [_flat(each) for each in chosen]
    names = list(dict.fromkeys(name for row in rows for name in row))
    out = io.StringIO()
    writer = csv.DictWriter(out, names)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def _flat(each: Record) -> dict[str, Any]:
    """A record as one row: nested names joined by dots."""
    row: dict[str, Any] = {}
    for name, value in asdict(each).items():
        if not isinstance(value, dict):
            row[name] = value
            continue
        for key, inner in value.items():
            row[f"{name}.{key}"] = (
                inner if isinstance(inner, str | int | float) else json.dumps(inner, ensure_ascii=False)
            )
    return row
