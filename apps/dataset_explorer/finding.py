"""Finding rows by keyword, pattern and meaning: the endpoint search."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal
from uuid import uuid4

from pydantic import Field

from apps.dataset_explorer.keeping import keep
from shared import search as searching
from shared.datasets.dataset import Dataset, open_dataset
from shared.embedding import EmbeddingCache, minilm
from shared.errors import PlaygroundError
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.settings import Column
from shared.suite import suite

Way = Literal["keyword", "regex", "semantic"]
CHARACTERS = 600  # of each row that are shown


@dataclass(frozen=True)
class Match:
    """A row that was found.

    Attributes:
        row: Its number.
        score: BM25, number of matches, or cosine, by the way of searching; more is better.
        text: The part of the row around the first match, at most 600 characters.
        spans: Start and end of what matches, in `text`.
    """

    row: int
    score: float
    text: str
    spans: list[tuple[int, int]]


@dataclass(frozen=True)
class Matches:
    """What a search found.

    Attributes:
        matches: The best rows, best first; for a pattern, in the order of the rows.
        total: How many rows match at all; for meaning, every row does more or less.
        record: Id of the record that searches again.
    """

    matches: list[Match]
    total: int
    record: str


def search(
    dataset: str,
    query: str,
    way: Way = "keyword",
    column: Column = "",
    limit: Annotated[int, Field(ge=1, le=500)] = 20,
    ignore_case: bool = True,
    caller: Caller = OWNER,
) -> Iterator[Progress | Matches]:
    """Find rows by keyword (BM25), by a regular expression, or by meaning.

    Keywords are found in every language; a pattern takes time linear in the text, whatever it is (RE2); meaning is the
    cosine of MiniLM sentence embeddings, which are kept, so that a second search is quick.

    Args:
        dataset: The ref that `load` returned.
        query: Words, a regular expression in RE2's syntax, or a sentence.
        way: "keyword", "regex" or "semantic".
        column: Whose text is searched; empty searches whole rows.
        limit: How many rows to return at most.
        ignore_case: Whether capitals match small letters in a regular expression.
        caller: Who asks.

    Returns:
        Progress; at last what was found.

    Raises:
        PlaygroundError: The query is empty, the pattern has a fault, or the dataset or column is unknown.
    """
    if not query.strip():
        raise PlaygroundError("The query is empty. Type words, a pattern or a sentence.")
    store = suite().store_of(caller)
    opened = open_dataset(store, dataset)
    found = searching.Found([], 0)
    for item in _steps(store.home, opened, query, way, column, limit, ignore_case):
        if isinstance(item, Progress):
            yield item
        else:
            found = item
    matches = _shown(opened, column, found.hits, query if way == "keyword" else "")
    settings: dict[str, Any] = {
        "dataset": opened.ref, "query": query, "way": way, "column": column, "limit": limit, "ignore_case": ignore_case,
    }  # fmt: skip
    record = keep("search", settings, {"total": found.total, "matches": len(matches)}, caller, {"dataset": opened.ref})
    yield Matches(matches, found.total, record)


def _steps(
    home: Path, opened: Dataset, query: str, way: Way, column: str, limit: int, ignore_case: bool
) -> Iterator[Progress | searching.Found]:
    if way == "regex":
        yield from searching.find_pattern(opened.texts(column), query, limit, ignore_case, opened.rows)
    elif way == "semantic":
        texts = [text for array in opened.texts(column) for text in array.to_pylist()]
        cache = EmbeddingCache(home / "cache" / "embeddings")
        yield from searching.find_meaning(texts, query, minilm(), cache, limit)
    else:
        path = _index_file(home, opened, column)
        for item in _index(opened, column, path):
            yield item if isinstance(item, Progress) else item.search(query, limit)


def _index_file(home: Path, opened: Dataset, column: str) -> Path:
    name = hashlib.sha256(f"{opened.path.parent.name} {column}".encode()).hexdigest()[:24]
    return home / "cache" / "keywords" / f"{name}.npz"


def _index(opened: Dataset, column: str, path: Path) -> Iterator[Progress | searching.KeywordIndex]:
    """The kept index, or a new one that is kept."""
    if path.exists():
        try:
            yield searching.KeywordIndex.load(path)
            return
        except searching.BrokenIndex:
            pass  # what is built now takes its place
    path.parent.mkdir(parents=True, exist_ok=True)
    for item in searching.build_index(opened.texts(column), opened.rows):
        if not isinstance(item, Progress):
            # Another search may read the file meanwhile: it appears when it is whole.
            part = path.with_name(f"{path.stem}-{uuid4().hex}.npz")
            item.save(part)
            part.replace(path)
        yield item


def _shown(opened: Dataset, column: str, hits: list[searching.Hit], query: str) -> list[Match]:
    texts = opened.texts_of((hit.row for hit in hits), column)
    return [_match(hit, texts[hit.row], searching.mark(texts[hit.row], query) if query else hit.spans) for hit in hits]


def _match(hit: searching.Hit, text: str, spans: list[tuple[int, int]]) -> Match:
    begin = max(0, spans[0][0] - CHARACTERS // 4) if spans else 0
    end = begin + CHARACTERS
    inside = [(start - begin, min(stop, end) - begin) for start, stop in spans if start < end]
    return Match(hit.row, float(hit.score), text[begin:end], inside)
