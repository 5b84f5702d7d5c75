"""One value of JSON as a row: what the standard library reads, less what no table can hold.

A row that is no object is kept as the only column, "text" or "value", if the first row is none either; else it is
refused. NaN and Infinity are read as Python writes them. The last of several equal keys wins, with a note.
"""

import json
import re
from typing import Any

from shared.datasets.files import Limits, size_text
from shared.datasets.kinds import WORDS
from shared.datasets.rows import Tally, Unreadable

_TOKENS = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]|[\]}]', re.DOTALL)
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


class RowParser:
    """Reads one row of JSON, and says what is wrong with it otherwise."""

    def __init__(self, limits: Limits, tally: Tally) -> None:
        self._limits, self._tally = limits, tally
        self._repeated: set[str] = set()
        self._column = ""  # of rows that are no objects; decided by the first row
        self._objects: bool | None = None
        self._decoder = json.JSONDecoder(object_pairs_hook=self._object)

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        made = dict(pairs)
        if len(made) != len(pairs):
            keys = [key for key, _ in pairs]
            self._repeated |= {key for key in made if keys.count(key) > 1}
        return made

    def value(self, text: str, at: int = 0) -> tuple[Any, int]:
        """The value that begins at `at`, and where it ends.

        Raises:
            Unreadable: It is not JSON, or nothing that can be kept.
            json.JSONDecodeError: The same, where it is the syntax.
        """
        if self._repeated:
            self._repeated.clear()
        try:
            value, end = self._decoder.raw_decode(text, at)
        except RecursionError as error:
            raise Unreadable(f"is nested more than {self._limits.nesting} levels deep") from error
        except json.JSONDecodeError:
            raise
        except ValueError as error:
            raise Unreadable("has a whole number of more than 4,300 digits") from error
        self._check(text, at, end, value)
        return value, end

    def _check(self, text: str, at: int, end: int, value: Any) -> None:
        """What the syntax allows and a table cannot hold."""
        nesting = self._limits.nesting
        if text.count("{", at, end) + text.count("[", at, end) > nesting and depth(text[at:end]) > nesting:
            raise Unreadable(f"is nested more than {nesting} levels deep")
        if text.find("\\u", at, end) >= 0 and _SURROGATE.search(text, at, end):
            try:
                json.dumps(value, ensure_ascii=False).encode()
            except UnicodeEncodeError as error:
                raise Unreadable("holds half of a surrogate pair (such as \\ud83d alone), which is no text") from error

    def row(self, value: Any) -> dict[str, Any]:
        """A value as a row: it is an object, or what the only column holds.

        Raises:
            Unreadable: Other rows are objects and this is none, or the other way round.
        """
        is_object = type(value) is dict
        if self._objects is None and value is not None:
            self._objects = is_object
            self._column = "text" if type(value) is str else "value"
        if value is None or is_object != self._objects:
            what = "null" if value is None else WORDS[type(value)]
            raise Unreadable(f"is {what}, where the other rows are {'objects' if self._objects else 'values'}")
        for key in sorted(self._repeated):
            where = f"in one object (first in row {self._tally.accepted:,})"
            self._tally.note(f"Key '{key}' is there twice {where}: the last one counts.")
        return value if is_object else {self._column: value}

    def line(self, data: bytes) -> dict[str, Any]:
        """The row that a line holds.

        Raises:
            Unreadable: It holds none.
        """
        text = utf8(data)
        begin = len(text) - len(text.lstrip())
        try:
            value, end = self.value(text, begin)
        except json.JSONDecodeError as error:
            raise syntax(error, text) from error
        if text[end:].strip():
            raise Unreadable("has more than one JSON value in one line", len(text[:end].encode()))
        return self.row(value)


def utf8(data: bytes) -> str:
    """Bytes as text.

    Raises:
        Unreadable: They are not valid UTF-8.
    """
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Unreadable(f"is not valid UTF-8 (byte 0x{data[error.start]:02x})", error.start) from error


def syntax(error: json.JSONDecodeError, text: str) -> Unreadable:
    """A syntax error in words, with its byte offset in the text."""
    message = error.msg[:1].lower() + error.msg[1:]
    rest = text[error.pos : error.pos + 20]
    where = f"at '{rest}'" if rest.strip() else "at its end"
    return Unreadable(f"is not valid JSON: {message} {where}", len(text[: error.pos].encode("utf-8", "replace")))


def depth(text: str) -> int:
    """How many levels of lists and objects a JSON text has, counted without recursion: `depth("[[1], 2]")` is 2."""
    level = deepest = 0
    for token in _TOKENS.finditer(text):
        if token[0] in ("[", "{"):
            level += 1
            deepest = max(deepest, level)
        elif token[0] in ("]", "}"):
            level -= 1
    return deepest


def too_long(size: int, limits: Limits) -> str:
    """Why a long row is refused."""
    return f"has {size_text(size)}, more than the {size_text(limits.line)} that one row may have"
