"""A JSON document as a stream of values, so that an array of gigabytes takes the memory of its longest row.

A value that is broken in itself is handed on as such, and reading goes on behind it. Where its end cannot be found the
file is broken.
"""

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from shared.datasets.files import BrokenFile, Source
from shared.datasets.json_values import RowParser, syntax, too_long
from shared.datasets.rows import Unreadable

_SPACE = re.compile(r"[ \t\r\n]*")
_MARKS = re.compile(r'\\.|["\[\]{}]', re.DOTALL)
_SCALAR = re.compile(r"[^,\]}\s]*")
_PAIRS = {"]": "[", "}": "{"}


class Scanner:
    """Finds where a list, an object or a string ends, without reading what is in it; goes on over several texts."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._quoted = self._escaped = False

    def feed(self, text: str, at: int) -> int:
        """The place after the value's last character, or -1 when it ends in a later text.

        Raises:
            ValueError: A bracket closes what another one opened; its argument is the place.
        """
        at += self._escaped
        self._escaped = False
        for mark in _MARKS.finditer(text, at):
            token, at = mark[0], mark.end()
            if token == '"':
                self._quoted = not self._quoted
                if not self._quoted and not self._open:
                    return at
            elif self._quoted or token[0] == "\\":
                continue
            elif token in _PAIRS:
                if not self._open or self._open.pop() != _PAIRS[token]:
                    raise ValueError(mark.start())
                if not self._open:
                    return at
            else:
                self._open.append(token)
        self._escaped = text.endswith("\\", at)
        return -1


@dataclass
class Element:
    """One value of a document: the value, or why it cannot be read.

    Attributes:
        number: Counted from 1 in its array.
        byte: Offset of its first byte.
        size: Characters.
        value: What it is.
        wrong: What is wrong with it.
    """

    number: int
    byte: int
    size: int
    value: Any = None
    wrong: Unreadable | None = None


class Document:
    """A JSON document, read from its beginning to its end, through a window of text.

    Attributes:
        parser: What reads the values.
    """

    def __init__(self, source: Source, parser: RowParser) -> None:
        self.parser = parser
        self._name, self._limits = source.path.name, source.limits
        self._stream = source.chunks()
        self._decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        self._text, self._at, self._ended = "", 0, False
        self._known = (0, source.start)  # a place in the text, and its offset in the file

    def _fill(self) -> None:
        """Let go of what was read, and at least double what is left."""
        self._known = (0, self._byte())
        parts = [self._text[self._at :]]
        size = wanted = len(parts[0])
        while size <= 2 * wanted and not self._ended:
            chunk = next(self._stream, None)
            self._ended = chunk is None
            parts.append(self._decoder.decode(chunk or b"", self._ended))
            size += len(parts[-1])
        self._text, self._at = "".join(parts), 0

    def _byte(self) -> int:
        """Offset in the file of where reading is."""
        place, offset = self._known
        passed = self._text[place : self._at]
        offset += len(passed) if passed.isascii() else len(passed.encode("utf-8", "surrogateescape"))
        self._known = (self._at, offset)
        return offset

    def _error(self, what: str) -> BrokenFile:
        return BrokenFile(f"'{self._name}' is not valid JSON: {what}. Mend it there, or export it as JSON Lines.")

    def peek(self) -> str:
        """The next character that is no space, without going past it; "" at the end."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._fill()

    def take(self, expected: str, after: str) -> str:
        """Go past the next character, which is one of those expected.

        Raises:
            BrokenFile: It is not.
        """
        char = self.peek()
        if not char:
            raise BrokenFile(f"'{self._name}' breaks off at byte {self._byte():,}, {after}. Download it again.")
        if char not in expected:
            wanted = " or ".join(f"'{one}'" for one in expected)
            raise self._error(f"at byte {self._byte():,}, {after}, is '{char}' where {wanted} should be")
        self._at += 1
        return char

    def element(self, number: int) -> Element:
        """The next value, whole or refused; the document goes on after it.

        Raises:
            BrokenFile: Its end cannot be found.
        """
        if not self.peek():
            raise BrokenFile(f"'{self._name}' breaks off at byte {self._byte():,}. Download it again.")
        byte = self._byte()
        while True:
            value, wrong = None, None
            try:
                value, end = self.parser.value(self._text, self._at)
            except (json.JSONDecodeError, Unreadable) as error:
                end, wrong = self._broken(error, number, byte)
            if self._ended or -1 < end < len(self._text):
                break
            if len(self._text) - self._at > self._limits.line:
                return self._skip(number, byte)
            self._fill()
        if end < 0:
            raise BrokenFile(
                f"'{self._name}' breaks off inside record {number:,}, which begins at byte {byte:,}, or a bracket or "
                "quote is missing there. Download it again, or mend it there."
            )
        size = end - self._at
        if size > self._limits.line:
            wrong = Unreadable(too_long(size, self._limits))
        elif not self._text.isascii():
            wrong = wrong or _invalid(self._text[self._at : end])
        self._at = end
        return Element(number, byte, size, value, wrong)

    def _broken(self, error: json.JSONDecodeError | Unreadable, number: int, byte: int) -> tuple[int, Unreadable]:
        """Where the value at hand ends (-1: not in this text), and what is wrong with it."""
        begin, end = self._at, -1
        if self._text[begin : begin + 1] in ("{", "[", '"'):
            try:
                end = Scanner().feed(self._text, begin)
            except ValueError as place:
                self._at = place.args[0]
                char, at = self._text[self._at], self._byte()
                where = f"in record {number:,}, which begins at byte {byte:,}"
                raise self._error(f"'{char}' at byte {at:,}, {where}, closes what another bracket opened") from error
        elif scalar := _SCALAR.match(self._text, begin):
            end = scalar.end()
        if isinstance(error, json.JSONDecodeError):
            text = self._text[begin:end] if end >= 0 else self._text[begin:]
            error = syntax(json.JSONDecodeError(error.msg, text, error.pos - begin), text)
        return end, error

    def _skip(self, number: int, byte: int) -> Element:
        """Go past a value that is too long to be held."""
        scanner, size = Scanner(), 0
        while (end := scanner.feed(self._text, self._at)) < 0:
            size += len(self._text) - self._at
            self._at = len(self._text)
            if self._ended:
                raise BrokenFile(f"'{self._name}' breaks off inside record {number:,}, which begins at byte {byte:,}.")
            self._fill()
        size += end - self._at
        self._at = end
        return Element(number, byte, size, wrong=Unreadable(too_long(size, self._limits)))

    def elements(self) -> Iterator[Element]:
        """The values of the array that comes next."""
        self.take("[", "at the beginning of an array")
        number = 0
        while self.peek() != "]":  # also after the last comma: a comma too many loses nothing
            number += 1
            yield self.element(number)
            if self.take(",]", f"after record {number:,}") == "]":
                return
        self.take("]", "at the end of an array")

    def members(self) -> Iterator[tuple[str, bool]]:
        """Keys of the object that comes next, and whether an array follows, which must be read before going on."""
        self.take("{", "at the beginning of an object")
        number = 0
        while self.peek() != "}":
            number += 1
            key = self.element(number).value
            if type(key) is not str:
                raise self._error(f"at byte {self._byte():,} is no key in quotes")
            self.take(":", f"after key '{key}'")
            is_array = self.peek() == "["
            yield key, is_array
            if not is_array:
                self.element(number)
            if self.take(",}", f"after the value of '{key}'") == "}":
                return
        self.take("}", "at the end of an object")

    def values(self) -> Iterator[Element]:
        """Values one after another, to the end."""
        number = 0
        while self.peek():
            number += 1
            yield self.element(number)

    def end(self) -> None:
        """Check that nothing follows.

        Raises:
            BrokenFile: Something does.
        """
        if char := self.peek():
            raise self._error(f"it goes on after its end, with '{char}' at byte {self._byte():,}")


def _invalid(text: str) -> Unreadable | None:
    """Bytes that are not valid UTF-8 came through as half surrogates."""
    if not text.isascii():
        try:
            text.encode()
        except UnicodeEncodeError as error:
            byte = ord(text[error.start]) & 0xFF
            at = len(text[: error.start].encode())
            return Unreadable(f"is not valid UTF-8 (byte 0x{byte:02x})", at)
    return None
