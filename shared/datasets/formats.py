"""Which format a file has: by its content first, by its name where the content allows several."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from shared.datasets.csv_rows import delimiter
from shared.datasets.files import Line, Source
from shared.errors import PlaygroundError

Format = Literal["json lines", "json document", "csv", "text", "parquet"]

READABLE = "Datasets can be JSON Lines, JSON, CSV, TSV, Parquet or plain text, each also packed with gzip or zstd."
PACKED = (".gz", ".gzip", ".zst", ".zstd")
JSON = (".json", ".jsonl", ".ndjson")
CSV = (".csv", ".tsv", ".tab")
TEXT = (".txt", ".text", ".md", ".markdown")
# Where the bytes are, what they are, what they say the file is, and what to do.
MAGIC = (
    (0, b"PK\x03\x04", "a zip archive (or an .xlsx, .docx, .npz or .pt file, which are zip archives)", "Unpack or export it"),
    (0, b"%PDF", "a PDF document", "Copy its text into a text file"),
    (0, b"ARROW1", "an Arrow file", "Save it as Parquet"),
    (0, b"FEA1", "a Feather file", "Save it as Parquet"),
    (0, b"PARE", "an encrypted Parquet file", "Save it without encryption"),
    (0, b"SQLite format 3", "an SQLite database", "Export the table"),
    (0, b"BZh", "a bzip2 file", "Unpack it, or pack it with gzip or zstd"),
    (0, b"\xfd7zXZ", "an xz file", "Unpack it, or pack it with gzip or zstd"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Unpack it"),
    (0, b"Rar!", "a RAR archive", "Unpack it"),
    (257, b"ustar", "a tar archive", "Unpack it"),
    (0, b"\x1f\x8b", "a gzip file inside another packed file", "Unpack it once"),
    (0, b"\x28\xb5\x2f\xfd", "a zstd file inside another packed file", "Unpack it once"),
    (0, b"ORC", "an ORC file", "Save it as Parquet"),
    (0, b"Obj\x01", "an Avro file", "Save it as Parquet"),
    (0, b"\x89HDF", "an HDF5 file", "Save it as Parquet"),
    (0, b"\x93NUMPY", "a NumPy file", "Save it as Parquet"),
    (0, b"\xd0\xcf\x11\xe0", "an old Office document (.xls, .doc)", "Export it as CSV"),
    (0, b"\x89PNG", "a picture", "Put pictures into a Parquet file"),
    (0, b"\xff\xd8\xff", "a picture", "Put pictures into a Parquet file"),
    (0, b"GIF8", "a picture", "Put pictures into a Parquet file"),
    (0, b"\x7fELF", "a program", "Look for the data beside it"),
    (0, b"version https://git-lfs", "a Git LFS pointer, not the data", "Fetch the data with `git lfs pull` or from the Hub"),
)  # fmt: skip
PICKLE = tuple(bytes((0x80, protocol)) for protocol in range(2, 6))
_MISSING = object()


def suffix(path: Path) -> str:
    """The ending of a file's name that says its format, in lower case: `.jsonl` of `a.jsonl.gz`, "" of `a`."""
    endings = [ending.lower() for ending in path.suffixes]
    while endings and endings[-1] in PACKED:
        endings.pop()
    return endings[-1] if endings else ""


def recognise(source: Source) -> Format:
    """The format of a file.

    Raises:
        PlaygroundError: It has none that can be read, and what it seems to be.
    """
    if source.head.startswith(b"PAR1"):
        return "parquet"
    _refuse_binary(source)
    first = next(_solid(source), None)
    if first is None:
        raise PlaygroundError(f"'{source.path.name}' holds only blank space. {READABLE}")
    ending, head = suffix(source.path), source.head.lstrip() or (first.data or b"").lstrip()
    _refuse_page(source, head[:200].lower(), ending)
    found = _json(source, head[:1], ending)
    if found:
        return found
    if ending in JSON:
        begin = head[:30].decode("utf-8", "replace").split("\n")[0]
        raise PlaygroundError(f"'{source.path.name}' is not JSON: it begins with '{begin}'. {READABLE}")
    if ending in CSV or (ending not in TEXT and _looks_like_csv(source)):
        return "csv"
    return "text"


def _refuse_binary(source: Source) -> None:
    name, head = source.path.name, source.head
    for at, magic, what, todo in MAGIC:
        if head.startswith(magic, at):
            raise PlaygroundError(f"'{name}' is {what}. {todo}, and open that. {READABLE}")
    if head.startswith(PICKLE):
        raise PlaygroundError(
            f"'{name}' is a Python pickle, which can run programs when it is opened, so it is never read. {READABLE}"
        )
    if b"\0" in head:
        byte = source.start + head.index(b"\0")
        raise PlaygroundError(
            f"'{name}' is not text (byte {byte:,} is 0) and not Parquet. If it is text in UTF-16 or UTF-32, save it as "
            f"UTF-8. {READABLE}"
        )
    if suffix(source.path) == ".parquet":
        raise PlaygroundError(f"'{name}' is not Parquet: its first bytes are not 'PAR1'. Download it again. {READABLE}")


def _refuse_page(source: Source, head: bytes, ending: str) -> None:
    """A page of a web server that was saved in place of data."""
    pages = (b"<!doctype html", b"<html", b"<?xml")
    if head.startswith(pages) and ending not in TEXT:
        what = "an XML" if head.startswith(b"<?xml") else "an HTML"
        raise PlaygroundError(
            f"'{source.path.name}' is {what} page, not data: often an error or a login page that was saved in its place. "
            f"Open it in a browser to see, then download the data again. {READABLE}"
        )


def _parse(line: Line) -> Any:
    try:
        return json.loads(line.data or b"")
    except (ValueError, RecursionError):
        return _MISSING


def _json(source: Source, first: bytes, ending: str) -> Format | None:
    """How JSON is laid out; None when it is not JSON. Two lines that are whole values make JSON Lines."""
    if first not in b'[{"-0123456789tfnNI':
        return "json lines" if ending in (".jsonl", ".ndjson") else None
    if ending not in JSON and first not in b"[{":
        return None
    lines = _solid(source)
    top, second = next(lines), next(lines, None)
    value, other = _parse(top), _parse(second) if second else _MISSING
    if ending not in (*JSON, ""):  # a CSV or text file: only lines that are objects say that it is JSON after all
        return "json lines" if type(value) is dict and (second is None or type(other) is dict) else None
    if ending in (".jsonl", ".ndjson") and (first != b"[" or (type(value) is list and second)):
        return "json lines"
    if value is not _MISSING:
        return "json lines" if second or first not in b"[{" else "json document"
    if first == b"{" and type(other) is dict:
        return "json lines"  # the first line is broken or too long, the second is whole
    return "json document" if first in b"[{" else None


def _solid(source: Source) -> Iterator[Line]:
    """Lines that are not blank."""
    for line in source.lines():
        if line.data is None or line.data.strip():
            yield line


def _looks_like_csv(source: Source) -> bool:
    """Whether the first lines all have one delimiter equally often, and there are two at least."""
    lines = [line for line in source.head.decode("utf-8", "replace").split("\n")[:20] if line.strip()]
    mark = delimiter(source)
    counts = {line.count(mark) for line in lines}
    return len(lines) > 1 and len(counts) == 1 and counts != {0}
