"""A file as a stream of UTF-8 bytes and as lines: unpacked and transcoded, in bounded memory, with an eye on bombs.

gzip and zstd are recognised by their first bytes, never by the name. UTF-8 and, with a byte order mark, UTF-16 are
read. Offsets count bytes of the unpacked file (of its UTF-8 form where it was UTF-16).
"""

import codecs
import gzip
import os
import zlib
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, NamedTuple

from shared.errors import PlaygroundError

CHUNK = 1 << 20
HEAD = 1 << 16  # what is looked at to see what a file is
GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True)
class Limits:
    """What one file may cost.

    Attributes:
        line: Bytes of the longest row that is read; a longer one is refused, and reading goes on after it.
        unpacked: Bytes a packed file may always grow to. Beyond that, `ratio` decides.
        ratio: Times its size that a packed file may grow to; a bomb grows a thousandfold, text about fivefold.
        batch_bytes: Source bytes that are held at once, besides one long row.
        batch_rows: Rows that are held at once: a row group of the Parquet file.
        parts: Into how many parts a batch is divided for the way from text to Arrow: what fits the processor's cache
            takes half the time.
        cells: Rows times columns that are held at once.
        columns: Columns a dataset may have.
        keys: Different keys of a nested object before it is kept as JSON text.
        depth: Levels of nesting that are kept as lists and structs; what lies deeper is kept as JSON text.
        nesting: Levels of nesting of a row that is read at all.
        listed: Refused rows that are listed one by one; all are counted.
        document: Bytes of a JSON object of columns, which must be held in memory whole.
        spare: Bytes that stay free on the disk.
    """

    line: int = 64 << 20
    unpacked: int = 1 << 30
    ratio: int = 200
    batch_bytes: int = 16 << 20
    batch_rows: int = 16_384
    parts: int = 8
    cells: int = 4_000_000
    columns: int = 10_000
    keys: int = 256
    depth: int = 32
    nesting: int = 256
    listed: int = 1_000
    document: int = 256 << 20
    spare: int = 512 << 20

    @property
    def part_rows(self) -> int:
        """Rows that a reader hands on together."""
        return max(1, self.batch_rows // self.parts)

    @property
    def part_bytes(self) -> int:
        """Source bytes that a reader hands on together."""
        return max(1, self.batch_bytes // self.parts)


LIMITS = Limits()


class BrokenFile(PlaygroundError):
    """The file cannot be read to its end; whoever counts the rows adds how many came before."""


class Line(NamedTuple):
    """One line of a file.

    Attributes:
        number: Counted from 1.
        start: Byte offset of its first byte.
        data: Its bytes without the newline; None when it is longer than the limit.
        size: Its length in bytes, without the newline.
    """

    number: int
    start: int
    data: bytes | None
    size: int


def size_text(size: float) -> str:
    """A number of bytes as a person reads it: `size_text(3 << 20)` is "3.0 MiB"."""
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{size:.0f} {unit}" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} GiB"


class Source:
    """A file that can be read as often as needed.

    Attributes:
        path: Where it is.
        limits: What it may cost.
        size: Bytes on disk.
        done: Bytes on disk read so far, for progress.
        packing: "gzip", "zstd" or "" (not packed).
        encoding: "utf-8", or what the byte order mark says.
    """

    def __init__(self, path: Path, limits: Limits = LIMITS) -> None:
        self.path, self.limits, self.done = path, limits, 0
        try:
            self.size = path.stat().st_size
            with path.open("rb") as handle:
                start = handle.read(4)
        except OSError as error:
            raise PlaygroundError(f"'{path.name}' cannot be opened: {os.strerror(error.errno or 0)}.") from error
        if not self.size:
            raise PlaygroundError(f"'{path.name}' is empty (0 bytes). Export or download it again.")
        self.packing = "gzip" if start.startswith(GZIP) else "zstd" if start == ZSTD else ""
        self._mark, self.encoding, self._old_mac = b"", "utf-8", False
        self.head = self._read_head()

    def _read_head(self) -> bytes:
        """The first 64 KiB or more as UTF-8; sets the encoding on the way."""
        head = _beginning(self.unpacked())
        if not head:
            raise PlaygroundError(f"'{self.path.name}' is empty once unpacked. Export or download it again.")
        for mark, encoding in MARKS:
            if head.startswith(mark):
                self._mark, self.encoding = mark, encoding
        self._old_mac = b"\r" in head and b"\n" not in head and self.encoding == "utf-8"
        return _beginning(self.chunks())

    def unpacked(self) -> Generator[bytes, None, None]:
        """The file's bytes, unpacked, in chunks of about 1 MiB.

        Raises:
            BrokenFile: The packed stream is cut or damaged, or grows like a bomb.
        """
        with self.path.open("rb") as handle:
            stream = _gunzip(handle) if self.packing == "gzip" else _unzstd(handle) if self.packing else _read(handle)
            total = 0
            try:
                for chunk in stream:
                    total += len(chunk)
                    self.done = handle.tell()
                    if self.packing and total > max(self.limits.unpacked, self.limits.ratio * self.size):
                        raise self._bomb(total)
                    yield chunk
            except _Damage as damage:
                raise BrokenFile(
                    f"'{self.path.name}' {damage}, after {size_text(handle.tell())} of {size_text(self.size)} on disk "
                    f"and {size_text(total)} unpacked. Download or pack it again."
                ) from damage

    def _bomb(self, total: int) -> BrokenFile:
        return BrokenFile(
            f"'{self.path.name}' has {size_text(self.size)} and unpacks to more than {size_text(total)}, over "
            f"{self.limits.ratio} times its size: that looks like a zip bomb, so reading stopped. "
            "If it is real data, unpack it yourself and open the unpacked file."
        )

    def chunks(self) -> Generator[bytes, None, None]:
        """The file's text as UTF-8 bytes, without byte order mark, in chunks of about 1 MiB.

        Bytes that are not valid stay in, and are invalid UTF-8 afterwards, so that the row they are in is refused.
        """
        stream = self.unpacked()
        first = next(stream, b"")
        decoder = None if self.encoding == "utf-8" else codecs.getincrementaldecoder(self.encoding)("surrogatepass")
        for chunk in _after_mark(first, self._mark, stream):
            if decoder is None:
                yield chunk.replace(b"\r", b"\n") if self._old_mac else chunk
            else:
                # Half a surrogate pair passes as bytes that are invalid in UTF-8 too: no UTF-16 makes this fail.
                yield decoder.decode(chunk).encode("utf-8", "surrogatepass")
        if decoder and decoder.getstate()[0]:
            yield b"\xff"  # half a character at the very end: invalid in UTF-8 too, so its row is refused

    @property
    def start(self) -> int:
        """Byte offset of the text: after the byte order mark of UTF-8, else 0."""
        return len(self._mark) if self.encoding == "utf-8" else 0

    def lines(self) -> Iterator[Line]:
        r"""The file's lines, split at \n (at \r where the file has no \n); memory holds one line at most.

        A chunk of nothing but newlines comes as one line of newlines: a gigabyte of them must not take an hour.
        """
        number, start, size = 1, self.start, 0
        held: list[bytes] = []
        for chunk in self.chunks():
            if not size and chunk[:2] == b"\n\n" and chunk.count(b"\n") == len(chunk):
                yield Line(number, start, chunk[:-1], len(chunk) - 1)
                number, start = number + len(chunk), start + len(chunk)
                continue
            *whole, rest = chunk.split(b"\n")
            for piece in whole:
                size += len(piece)
                data = piece if not held else b"".join((*held, piece))
                yield Line(number, start, data if size <= self.limits.line else None, size)
                number, start, size = number + 1, start + size + 1, 0
                held = []
            size += len(rest)
            if size > self.limits.line:
                held = []
            elif rest:
                held.append(rest)
        if size:
            yield Line(number, start, b"".join(held) if size <= self.limits.line else None, size)


def _beginning(stream: Generator[bytes, None, None]) -> bytes:
    """The first 64 KiB or more; what is there of a stream that breaks off, whoever reads on will be told."""
    head = b""
    try:
        while len(head) < HEAD and (chunk := next(stream, b"")):
            head += chunk
    except BrokenFile:
        if not head:
            raise
    stream.close()
    return head


class _Damage(Exception):
    """What is wrong with a packed stream."""


def _after_mark(first: bytes, mark: bytes, rest: Iterator[bytes]) -> Iterator[bytes]:
    yield first[len(mark) :]
    yield from rest


def _read(handle: IO[bytes]) -> Iterator[bytes]:
    while chunk := handle.read(CHUNK):
        yield chunk


def _gunzip(handle: IO[bytes]) -> Iterator[bytes]:
    with gzip.GzipFile(fileobj=handle) as stream:
        while True:
            try:
                chunk = stream.read1(CHUNK)
            except EOFError as error:
                raise _Damage("is a gzip file that breaks off") from error
            except (gzip.BadGzipFile, zlib.error) as error:
                raise _Damage(f"is a damaged gzip file ({error})") from error
            if not chunk:
                return
            yield chunk


def _unzstd(handle: IO[bytes]) -> Iterator[bytes]:
    """Frame by frame, a kilobyte at a time: zstandard has no limit on output, and a kilobyte makes 32 MiB at most."""
    import zstandard

    frame, whole = zstandard.ZstdDecompressor().decompressobj(), True
    try:
        while data := handle.read(1024):
            while data:
                whole = False
                chunk = frame.decompress(data)
                for at in range(0, len(chunk), CHUNK):
                    yield chunk[at : at + CHUNK]
                data = b""
                if frame.eof:
                    data, whole = frame.unused_data, True
                    frame = zstandard.ZstdDecompressor().decompressobj()
    except zstandard.ZstdError as error:
        raise _Damage(f"is a damaged zstd file ({error})") from error
    if not whole:
        raise _Damage("is a zstd file that breaks off")
