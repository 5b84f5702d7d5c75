"""Records: what was asked for, with what, where, and what came out; enough to run an experiment again."""

import dataclasses
import hashlib
import importlib.metadata
import json
import math
import os
import platform
import re
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from typing import Any
from uuid import uuid4

from shared.env import ROOT
from shared.errors import PlaygroundError
from shared.refs import Ref, parse
from shared.rows import Row, now
from shared.store import Store

KIND = "records"
PACKAGES = (
    "gradio", "torch", "transformers", "tokenizers", "datasets", "huggingface_hub", "safetensors", "accelerate", "peft",
    "trl", "bitsandbytes", "llguidance", "llama-index-core", "text-generation", "sacrebleu", "lm_eval", "numpy", "pandas", "pyarrow", "duckdb",
)  # fmt: skip

# The Hub's own tokens and its OAuth tokens.
_TOKEN = re.compile(r"(?<![A-Za-z0-9])hf_(?:oauth_)?[A-Za-z0-9]{20,}")


@cache
def _versions() -> dict[str, str]:
    """Versions of the packages that are installed, read from their metadata: nothing is imported."""
    found = {}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@cache
def _commit(root: Path) -> str | None:
    """The project's commit, with "-dirty" after it when files were changed since; None outside a git checkout."""
    if not (root / ".git").exists():
        return None
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None


def _manifests(folder: Path) -> str:
    """Sixteen digits that change when any manifest does; "" when there are none."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    parts = [(path.relative_to(folder).as_posix(), hashlib.sha256(path.read_bytes()).hexdigest()) for path in files]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16] if parts else ""


def environment() -> dict[str, Any]:
    """Where this process runs: Python, platform, machine, cores, commit, packages and manifests.

    Nothing heavy is imported for it.
    """
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": os.cpu_count() or 1,
        "commit": _commit(ROOT),
        "packages": dict(_versions()),
        "manifests": _manifests(ROOT / "manifests"),
    }


class Timing(float):
    """A result that is another one whenever something runs again, such as seconds or a rate: no difference for a replay."""


@dataclass(frozen=True)
class Record:
    """One experiment.

    Attributes:
        app: The app that ran it.
        action: The endpoint of that app.
        settings: All its keyword arguments, so that the record can be run again through the API.
        results: What was measured: names and plain numbers; a `Timing` among them is named in `timings`, too.
        inputs: Datasets and models that went in, by role, as refs.
        artifacts: What came out, by role, as refs.
        environment: Where it ran.
        id: 32 hexadecimal digits.
        time: When it was made, UTC.
        schema: Version of this form.
        timings: Names of the results that say how long something took; filled by `save`.
    """

    app: str
    action: str
    settings: dict[str, Any]
    results: dict[str, float | int]
    inputs: dict[str, str] = field(default_factory=dict)
    artifacts: dict[str, str] = field(default_factory=dict)
    environment: dict[str, Any] = field(default_factory=environment)
    id: str = field(default_factory=lambda: uuid4().hex)
    time: str = field(default_factory=now)
    schema: int = 1
    timings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Difference:
    """One value of several records, side by side.

    Attributes:
        name: Where it is, with dots: "settings.model.rank", "results.accuracy", "environment.packages.torch".
        values: The value in each record, in the order asked for; None where a record has none.
        same: Whether it is equal in all of them.
    """

    name: str
    values: tuple[Any, ...]
    same: bool


def save(store: Store, record: Record) -> Record:
    """Keep a record.

    Returns:
        The record as it was kept: dataclasses, paths, tuples and numpy numbers have become plain JSON.

    Raises:
        PlaygroundError: A result is not a finite number, a setting cannot be written as JSON, or something looks like
            a Hub token.
        Conflict: This record was kept already.
    """
    body = {each.name: getattr(record, each.name) for each in dataclasses.fields(record)}
    for part in ("settings", "inputs", "artifacts", "environment"):
        body[part] = _plain(getattr(record, part), part)
    body["results"] = {name: _number(name, value) for name, value in record.results.items()}
    timed = [name for name, value in record.results.items() if isinstance(value, Timing)]
    body["timings"] = list(dict.fromkeys([*record.timings, *timed]))
    _refuse_tokens(body)
    store.append(KIND, body, key=record.id)
    return Record(**body)


def load(store: Store, id: str) -> Record:
    """The record of that id.

    Raises:
        PlaygroundError: There is none, or it cannot be read.
    """
    row = store.row(KIND, id)
    if row is None:
        raise PlaygroundError(
            f"There is no record '{id[:80]}' in this workspace. See the list of records for their ids."
        )
    record = _record(row)
    if record is None:
        raise PlaygroundError(f"The record '{id}' was made by another version in a form that this one cannot read.")
    return record


def find(store: Store, app: str = "", action: str = "", text: str = "", limit: int = 0) -> list[Record]:
    """Records, newest first.

    Args:
        store: Where they are.
        app: Only this app's.
        action: Only this endpoint's.
        text: Only those in which every one of these words occurs, in app, action, a setting's value or a ref.
        limit: The most records; 0 is all.
    """
    words = text.casefold().split()
    found: list[Record] = []
    for row in store.newest(KIND):
        record = _record(row)
        if record is None or app not in ("", record.app) or action not in ("", record.action):
            continue
        if words and not _holds(record, words):
            continue
        found.append(record)
        if len(found) == limit:
            break
    return found


def difference(records: Sequence[Record]) -> list[Difference]:
    """Every setting, input, result, artifact and environment value of some records side by side, nested names dotted.

    A value that one record lacks counts as None there. Lists are compared whole. 1 is 1.0, and True is neither.
    """
    parts = ("settings", "inputs", "results", "artifacts", "environment")
    flat = [{k: v for part in parts for k, v in _flat(getattr(record, part), f"{part}.")} for record in records]
    names = dict.fromkeys(name for each in flat for name in each)
    rows = []
    for name in sorted(names, key=lambda name: parts.index(name.partition(".")[0])):
        values = tuple(each.get(name) for each in flat)
        rows.append(Difference(name, values, len({_alike(value) for value in values}) < 2))
    return rows


def exact(record: Record) -> tuple[bool, str]:
    """Whether running a record again uses the very same models and data.

    Returns:
        True and "", or False and why not: an input or setting names a served model, or a Hub repository without its
        commit, or an input is no ref at all.
    """
    for name, text in record.inputs.items():
        ref = _ref(text)
        if ref is None:
            return False, f"The input '{name}' is '{text}', which is not a ref that always means the same."
        if not ref.exact:
            return False, f"The input '{name}' is '{text}': {_why(ref)}"
    for name, value in _flat(record.settings):
        for text in value if isinstance(value, list) else [value]:
            ref = _ref(text) if isinstance(text, str) else None
            if ref is not None and not ref.exact:
                return False, f"The setting '{name}' is '{text}': {_why(ref)}"
    return True, ""


def _why(ref: Ref) -> str:
    loose = ref.base if not ref.base.exact or ref.adapter is None else ref.adapter
    if loose.scheme == "hub":
        return "it names no commit, and what it means may change."
    return "a served model is a name, and the server may put another model behind it."


def _ref(text: str) -> Ref | None:
    try:
        return parse(text)
    except PlaygroundError:
        return None


def _record(row: Row) -> Record | None:
    """The record in a row; fields that this version does not know are left out, None when one is missing."""
    names = [each.name for each in dataclasses.fields(Record)]
    if any(not isinstance(row.body.get(name), dict) for name in ("settings", "results", "inputs", "artifacts")):
        return None
    # Until timings were named, a result's own name told: such records stay as they are.
    body = {"timings": [name for name in row.body["results"] if name.endswith(("seconds", "per_second"))]} | row.body
    if any(name not in body for name in names):
        return None
    return Record(**{name: body[name] for name in names})


def _holds(record: Record, words: list[str]) -> bool:
    values = [record.app, record.action, *record.inputs.values(), *record.artifacts.values()]
    values += [_text(value) if not isinstance(value, str) else value for _, value in _flat(record.settings)]
    everything = "\n".join(values).casefold()
    return all(word in everything for word in words)


def _flat(nested: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in nested.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _alike(value: Any) -> tuple[str, Any]:
    """Something to hash and compare that is equal for values that mean the same."""
    number = isinstance(value, Real) and not isinstance(value, bool)
    return ("number", value) if number else ("text", _text(value))


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)


def _plain(value: Any, where: str) -> Any:
    """A value as JSON has it.

    Raises:
        PlaygroundError: It has no such form.
    """
    if value is None or isinstance(value, str | bool):
        return value
    if isinstance(value, Real):
        return _number(where, value)
    if isinstance(value, Ref | Path):
        return str(value)
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(name): _plain(inner, f"{where}.{name}") for name, inner in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [_plain(inner, where) for inner in value]
    raise PlaygroundError(
        f"'{_hidden(where)}' is a {type(value).__name__}, which a record cannot hold. "
        f"Give text, numbers, true, false, null, lists and names with values."
    )


def _number(name: str, value: Any) -> float | int:
    if isinstance(value, Integral) and not isinstance(value, bool):
        return int(value)
    if isinstance(value, Real) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    shown = value if isinstance(value, Real | str) else type(value).__name__
    raise PlaygroundError(
        f"'{_hidden(name)}' is {_hidden(str(shown))[:80]}, which is not a plain, finite number. "
        f"Leave out what could not be measured; give yes and no as 1 and 0."
    )


def _refuse_tokens(body: Mapping[str, Any]) -> None:
    for name, value in _flat(body):
        if _TOKEN.search(name) or _TOKEN.search(_text(value)):
            raise PlaygroundError(
                f"'{_hidden(name)}' holds what looks like a Hugging Face token, and records never keep keys. "
                f"Nothing was saved: take the token out (and revoke it if it was shown to anybody), then run again."
            )


def _hidden(text: str) -> str:
    return _TOKEN.sub("hf_...", text)
