"""Server-sent events read from bytes as they arrive: any line end, split characters, comments, several data lines."""

from collections.abc import AsyncIterable, AsyncIterator, Iterator
from dataclasses import dataclass

LONGEST = 4 * 2**20  # bytes of one event; an answer's piece has some hundred
JUNK = 2000  # bytes kept of what is no event, for the error's words
BOM = b"\xef\xbb\xbf"


class MalformedError(Exception):
    """What came is no stream of events; the message says why."""


@dataclass(frozen=True)
class Sent:
    """One event.

    Attributes:
        data: Its data lines, joined by line feeds.
        name: Its `event` field, "" when it has none.
    """

    data: str
    name: str = ""


async def read_events(chunks: AsyncIterable[bytes]) -> AsyncIterator[Sent]:
    r"""The events of a stream, as https://html.spec.whatwg.org/multipage/server-sent-events.html has them.

    Unlike a browser, the last event counts even when the stream ends without the empty line behind it: servers forget it.

    Args:
        chunks: The bytes, cut anywhere. Lines end in `\n`, `\r\n` or `\r`.

    Yields:
        Each event that has data. Comments, keep-alives and other fields are left out.

    Raises:
        MalformedError: Not UTF-8, an event of more than 4 MiB, or a stream in which no line is one of an event.
    """
    lines, event = _Lines(), _Event()
    async for chunk in chunks:
        for line in lines.split(chunk):
            if sent := event.take(line):
                yield sent
        if lines.size + event.size > LONGEST:
            raise MalformedError(f"one event has more than {LONGEST // 2**20} MiB")
    for line in (lines.rest(), b""):
        if sent := event.take(line):
            yield sent
    if event.junk and not event.any:
        raise MalformedError("no stream of events: " + event.junk.decode("utf-8", "replace"))


class _Lines:
    """Bytes cut at line ends."""

    def __init__(self) -> None:
        self._parts: list[
            bytes
        ] = []  # of the unfinished line; joined once, so that a long one costs no more than its bytes
        self._after_return = False  # the last chunk ended in \r: a \n that follows belongs to it
        self._first = True
        self.size = 0

    def split(self, chunk: bytes) -> Iterator[bytes]:
        """The lines that this chunk completes."""
        if self._after_return and chunk.startswith(b"\n"):
            chunk = chunk[1:]
            self._after_return = False
        if not chunk:
            return
        self._after_return = chunk.endswith(b"\r")
        *whole, rest = chunk.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
        for line in whole:
            yield self._join(line)
        self._parts.append(rest)
        self.size += len(rest)

    def rest(self) -> bytes:
        """What stands behind the last line end."""
        return self._join(b"")

    def _join(self, end: bytes) -> bytes:
        line = b"".join([*self._parts, end])
        self._parts.clear()
        self.size = 0
        if self._first:
            self._first = False
            line = line.removeprefix(BOM)
        return line


class _Event:
    """The fields of the event that is being read."""

    def __init__(self) -> None:
        self._data: list[str] = []
        self._name = ""
        self.size = 0
        self.junk = b""
        self.any = False  # whether any line was one of an event

    def take(self, line: bytes) -> Sent | None:
        """One line; the event, when this line ends it."""
        if not line:
            sent = Sent("\n".join(self._data), self._name) if self._data else None
            self._data, self._name, self.size = [], "", 0
            return sent
        field, _, value = line.partition(b":")
        if field not in (b"", b"data", b"event", b"id", b"retry"):
            self.junk = (self.junk + line + b"\n")[:JUNK]
            return None
        self.any = True
        if field in (b"data", b"event"):
            text = _decode(value.removeprefix(b" "))
            if field == b"event":
                self._name = text
            else:
                self._data.append(text)
                self.size += len(value)
        return None


def _decode(line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:  # what stands around it is not shown: it could be a piece of a key
        raise MalformedError(f"byte {line[error.start]:#x} is no UTF-8, at place {error.start} of a line") from None
