"""Datasets of the Hugging Face Hub, read into the store at one commit.

huggingface_hub and `datasets` find the repository, its configurations, splits and files; the rows are streamed as Arrow
batches and nothing but the result is kept. No code of a repository is ever run. Only files of that very commit are read.
A caller's token is sent, or none: never one that lies about on this machine.
"""

import queue
import re
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from logging import CRITICAL
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared.datasets import hub_card, hub_errors
from shared.datasets.dataset import Dataset, Refusal
from shared.datasets.ingest import ingest, write_batches
from shared.errors import PlaygroundError
from shared.progress import Progress
from shared.refs import Ref
from shared.store import Store

if TYPE_CHECKING:
    import pyarrow

NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(/[A-Za-z0-9][\w.-]{0,95})?")
BUILDERS = {"parquet": "Parquet", "arrow": "Arrow", "json": "JSON", "csv": "CSV", "text": "text"}
BATCH = 2048  # rows that `datasets` hands over at a time
STALL = 300.0  # seconds without a row after which the Hub is given up


class _Stopped(Exception):
    """Nobody waits for the rest."""


@dataclass(frozen=True)
class _Call:
    """Whom to ask for what, and as whom."""

    store: Store
    name: str
    revision: str
    token: str
    endpoint: str
    cache: Path

    @property
    def key(self) -> str | bool:
        """What the libraries take as token: False forbids them to look for one on this machine."""
        return self.token or False

    def error(self, error: Exception) -> PlaygroundError | None:
        return hub_errors.sentence(error, self.name, self.revision, bool(self.token), self.endpoint)


@dataclass(frozen=True)
class _Found:
    """One split of a dataset at a commit."""

    id: str
    commit: str
    card: dict[str, Any]
    builder: Any
    split: str
    files: list[str]
    rows: int = 0
    notes: list[str] = field(default_factory=list)

    @property
    def ref(self) -> str:
        return str(Ref("hub", self.id, self.commit, str(self.builder.config.name), self.split))

    @property
    def name(self) -> str:
        config = str(self.builder.config.name)
        return "-".join([self.id.split("/")[-1], *([] if config == "default" else [config]), self.split])


def load_hub(
    store: Store,
    id: str,
    *,
    config: str = "",
    split: str = "",
    revision: str = "",
    token: str = "",
    endpoint: str = "https://huggingface.co",
    cache: Path,
) -> Iterator[Progress | Dataset]:
    """Read one split of a Hub dataset into the store.

    Args:
        store: Where it goes.
        id: `owner/name` on the Hub.
        config: Configuration; empty takes the only one, or the one that the card calls the default.
        split: Part, such as "train"; empty takes "train", or the only one.
        revision: Branch, tag or commit; empty is "main". The commit is looked up first, and everything is read at it.
        token: The caller's own Hub token; empty sends none, even where this machine has one.
        endpoint: The Hub's address; it must be what HF_ENDPOINT was when the process started.
        cache: Folder for what the libraries keep; it may be deleted at any time.

    Yields:
        How far it is, with rows read and, where the card tells, rows in all; the last item is the dataset. Its `source`
        is `hub:owner/name@commit#config/split`.

    Raises:
        PlaygroundError: There is no such dataset, revision, configuration or split, or no access to it; the Hub cannot be
            reached; it holds no rows that can be read. Nothing is kept then.
    """
    if not NAME.fullmatch(id):
        raise PlaygroundError(f"'{id[:200]}' is no name of a Hub dataset. Write it as owner/name.")
    call = _Call(store, id, revision or "main", token, endpoint.rstrip("/"), cache)
    yield Progress("Asking the Hub")
    try:
        found = _find(call, config, split)
        try:
            yield from _stream(call, found)
            return
        except (ValueError, TypeError, KeyError) as error:
            if call.error(error) is not None:
                raise
            problem = error
        yield from _read_files(call, found, problem)
    except _failures() as error:
        told = call.error(error)
        if told is None:
            raise
        raise told from error


def _failures() -> tuple[type[Exception], ...]:
    """What the libraries raise when the Hub or the network fails; among it are bugs, which `call.error` does not know."""
    import httpx2
    from huggingface_hub.errors import XetDownloadError

    return OSError, ValueError, RuntimeError, httpx2.HTTPError, XetDownloadError


def _find(call: _Call, config: str, split: str) -> _Found:
    """The commit first, then what is there at it."""
    from huggingface_hub import HfApi

    api = HfApi(endpoint=call.endpoint, token=call.key)
    info = api.dataset_info(call.name, revision=call.revision, timeout=30)
    if info.gated:  # `datasets` would lose the reason on the way
        api.auth_check(call.name, repo_type="dataset")
    files = [each.rfilename for each in info.siblings or []]
    card: dict[str, Any] = info.card_data.to_dict() if info.card_data else {}  # type: ignore[no-untyped-call]
    if ".huggingface.yaml" in files:  # `datasets` lets it overrule the card
        card |= _standalone(api, call, str(info.sha))
    hub_card.check_files(card, call.name)
    names = hub_card.configurations(card)
    if not config and not hub_card.has_default(card):
        raise PlaygroundError(f"'{call.name}' has several configurations. Choose one: {', '.join(names[:50])}.")
    if config and names and config not in names:
        raise PlaygroundError(f"'{call.name}' has no configuration '{config}'. It has {', '.join(names[:50])}.")
    builder = _builder(call, info.id, str(info.sha), config, files)
    return _choose(call, info.id, str(info.sha), card, builder, split)


def _standalone(api: Any, call: _Call, commit: str) -> dict[str, Any]:
    import yaml

    path = api.hf_hub_download(
        call.name, ".huggingface.yaml", repo_type="dataset", revision=commit, cache_dir=call.cache / "files"
    )
    data = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    return data if isinstance(data, dict) else {}


def _library(endpoint: str) -> Any:
    """`datasets`, told to be quiet: no bars, no report of the name to a download counter, no half hour of retries."""
    import datasets

    if datasets.config.HF_ENDPOINT.rstrip("/") != endpoint:
        raise PlaygroundError(
            f"This process reads from {datasets.config.HF_ENDPOINT}, not from {endpoint}. Set HF_ENDPOINT and start again."
        )
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity(CRITICAL)  # what it reports as an error is raised too; huggingface_hub logs retries
    datasets.config.HF_UPDATE_DOWNLOAD_COUNTS = False
    datasets.config.STREAMING_READ_MAX_RETRIES = 1  # each is already 6 attempts of huggingface_hub's over 23 seconds
    datasets.config.STREAMING_OPEN_MAX_RETRIES = 1
    for what in ("READ_RETRY", "READ_SERVER_UNAVAILABLE_RETRY", "READ_RATE_LIMIT_RETRY", "OPEN_RETRY"):
        setattr(datasets.config, f"STREAMING_{what}_INTERVAL", 1)
    return datasets


def _builder(call: _Call, id: str, commit: str, config: str, files: Sequence[str]) -> Any:
    """What `datasets` makes of the repository; without the prefix it would take a folder of that name on this machine."""
    datasets = _library(call.endpoint)
    try:
        return datasets.load_dataset_builder(
            f"hf://datasets/{id}",
            name=config or None,
            revision=commit,
            token=call.key,
            cache_dir=str(call.cache / "datasets"),
            download_config=datasets.DownloadConfig(
                cache_dir=str(call.cache / "downloads"), token=call.key, disable_tqdm=True
            ),
        )
    except (ValueError, RuntimeError, FileNotFoundError) as error:
        if (told := call.error(error)) is not None:
            raise told from error
        raise _unreadable(id, files, config, error) from error


def _unreadable(id: str, files: Sequence[str], config: str, error: Exception) -> PlaygroundError:
    """Why `datasets` finds nothing in the repository."""
    if f"{id.split('/')[-1]}.py" in files:
        return PlaygroundError(
            f"'{id}' is a script that would have to be run to make its rows, and code from the Hub is never run here."
            " Look for a version of it in Parquet or JSON, or download its data and upload that."
        )
    if isinstance(error, FileNotFoundError):
        ends = sorted(
            {Path(each).suffix or Path(each).name for each in files if each not in ("README.md", ".gitattributes")}
        )
        held = f"holds {', '.join(ends[:20])}" if ends else "is empty"
        return PlaygroundError(f"'{id}' {held}: no data that can be read. Read are {', '.join(BUILDERS.values())}.")
    named = f" '{config}'" if config else ""
    text = re.sub(r"\s+", " ", str(error))[:300].rstrip(". ")
    return PlaygroundError(f"The configuration{named} of '{id}' cannot be opened: {text}. Choose another one.")


def _choose(call: _Call, id: str, commit: str, card: dict[str, Any], builder: Any, split: str) -> _Found:
    """The split that was asked for, if its files are rows, and are this commit's own."""
    kind = type(builder).__module__.split(".")[-1]
    if kind not in BUILDERS:
        raise PlaygroundError(f"'{id}' holds {kind} data. Read are {', '.join(BUILDERS.values())}.")
    splits = {str(name): [str(file) for file in files] for name, files in (builder.config.data_files or {}).items()}
    names = ", ".join(list(splits)[:50])
    if split and split not in splits:
        raise PlaygroundError(f"'{id}' has no split '{split}' (configuration '{builder.config.name}'). It has {names}.")
    chosen = split or ("train" if "train" in splits else next(iter(splits)) if len(splits) == 1 else "")
    if not chosen:
        raise PlaygroundError(f"'{id}' has several splits and none is called train. Choose one: {names}.")
    for file in splits[chosen]:
        if not file.startswith(f"hf://datasets/{id}@{commit}/"):
            raise PlaygroundError(f"'{id}' names a file outside of its repository ('{file[:200]}'), which is not read.")
    declared = (builder.info.splits or {}).get(chosen)
    rows = int(getattr(declared, "num_examples", 0) or 0)
    notes = hub_card.notes(card, builder.info.features)
    return _Found(id, commit, card, builder, chosen, splits[chosen], rows, notes)


def _stream(call: _Call, found: _Found) -> Iterator[Progress | Dataset]:
    """The rows as `datasets` reads them, written by another thread, so that progress and a stop are seen meanwhile."""
    rows: queue.SimpleQueue[int] = queue.SimpleQueue()
    stop = threading.Event()
    pool = ThreadPoolExecutor(1, thread_name_prefix="hub")
    work = pool.submit(
        write_batches,
        call.store,
        found.name,
        _batches(found, rows, stop),
        licence=hub_card.licence(found.card),
        source=found.ref,
        notes=found.notes,
    )
    work.add_done_callback(lambda _: rows.put(-1))
    try:
        yield from _watch(rows, found)
        yield work.result()
    finally:
        stop.set()
        pool.shutdown(wait=False)


def _batches(found: _Found, rows: "queue.SimpleQueue[int]", stop: threading.Event) -> "Iterator[pyarrow.RecordBatch]":
    done = 0
    tables = found.builder.as_streaming_dataset(split=found.split).with_format("arrow").iter(batch_size=BATCH)
    for table in tables:
        if stop.is_set():
            raise _Stopped
        yield from _tidy(table).to_batches()
        done += table.num_rows
        rows.put(done)


def _tidy(table: "pyarrow.Table") -> "pyarrow.Table":
    """Without the libraries' notes to themselves, and with plain text where pandas made it large."""
    import pyarrow as pa

    names = {pa.large_string(): pa.string(), pa.large_binary(): pa.binary()}
    fields = [each.with_type(names.get(each.type, each.type)).with_metadata(None) for each in table.schema]
    return table.replace_schema_metadata(None).cast(pa.schema(fields))


def _watch(rows: "queue.SimpleQueue[int]", found: _Found) -> Iterator[Progress]:
    began = time.monotonic()
    while True:
        try:
            told = rows.get(timeout=STALL)
        except queue.Empty:
            raise PlaygroundError(
                f"The Hub sent no row of '{found.id}' for {STALL:.0f} seconds; nothing was kept. Load it again later."
            ) from None
        if told < 0:  # the work is done, well or not
            return
        left = (time.monotonic() - began) / told * (found.rows - told) if found.rows > told > 0 else None
        yield Progress("Reading rows", told, found.rows, left)


def _read_files(call: _Call, found: _Found, problem: Exception) -> Iterator[Progress | Dataset]:
    """The files one by one with this project's own readers, which refuse single rows where `datasets` gives up."""
    from huggingface_hub import HfApi

    prefix = f"hf://datasets/{found.id}@{found.commit}/"
    why = re.sub(r"\s+", " ", str(problem))[:200].rstrip(". ")
    parts: list[Dataset] = []
    with tempfile.TemporaryDirectory(dir=_made(call.cache)) as folder:
        beside = Store(Path(folder))
        try:
            for place, file in enumerate(found.files):
                yield Progress("Reading again, row by row", place, len(found.files))
                path = HfApi(endpoint=call.endpoint, token=call.key).hf_hub_download(
                    found.id, file.removeprefix(prefix), repo_type="dataset", revision=found.commit, local_dir=folder
                )
                *_, part = ingest(beside, Path(path), Path(path).name)
                assert isinstance(part, Dataset)
                parts.append(part)
            yield write_batches(
                call.store,
                found.name,
                (batch for part in parts for batch in part.batches()),
                licence=hub_card.licence(found.card),
                source=found.ref,
                notes=[*found.notes, f"Read row by row, because `datasets` could not: {why}.", *_notes(parts)],
                refused=_refused(parts),
                refused_rows=sum(part.refused_rows for part in parts),
            )
        finally:
            beside.close()


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _notes(parts: Sequence[Dataset]) -> list[str]:
    return [f"{part.name}: {note}" if len(parts) > 1 else note for part in parts for note in part.notes]


def _refused(parts: Sequence[Dataset]) -> list[Refusal]:
    if len(parts) == 1:
        return parts[0].refused
    return [
        Refusal(each.row, f"{each.reason} (in {part.name})", each.column, each.byte)
        for part in parts
        for each in part.refused
    ]
