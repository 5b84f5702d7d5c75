"""Bits per byte: how many bits a model needs for each byte of a text's UTF-8, whatever its tokens are.

bits per byte = -sum(log2 p(token)) / bytes, as in Gao et al., The Pile (2021), section 3.1, and lm-eval's `bits_per_byte`. Because
bytes are the same for every model, models with different tokenisers can be compared; 8 is what sending the bytes as they are costs.

Long texts are cut into windows that are measured in bytes as well, so that every model sees the same context. A window's text is
scored given up to `overlap` bytes before it. Cuts are made before a space where there is one near, because most tokenisers
begin a token there; elsewhere (Chinese, Japanese) a token may straddle the cut, which costs at most one token a window.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass

from shared.errors import PlaygroundError
from shared.models.protocol import Scored

WINDOW = 480  # with a begin token it fits a model of 512 tokens, whatever the tokeniser
OVERLAP = 240
SPACE = 0x20
WHITE = b" \t\r\n"


@dataclass(frozen=True)
class Window:
    """A piece of a text that is scored at once.

    Attributes:
        context: What stands before it, not scored.
        text: What is scored.
    """

    context: str
    text: str


@dataclass(frozen=True)
class Bits:
    """What a text costs.

    Attributes:
        bits: Bits for the scored tokens.
        bytes: Bytes of UTF-8 that those tokens stand for.
    """

    bits: float
    bytes: int

    @property
    def rate(self) -> float:
        """Bits per byte; 0 for nothing."""
        return self.bits / self.bytes if self.bytes else 0.0


def windows(text: str, size: int = WINDOW, overlap: int = OVERLAP) -> list[Window]:
    """A text cut into windows whose texts, joined, are the text.

    The first window holds `size` bytes with nothing before them; each later one holds up to `size - overlap` new bytes after
    `overlap` bytes of context. With overlap 0 they are disjoint and each starts afresh.

    Args:
        text: The text; "" has no window.
        size: Bytes of context and text together. A byte-level tokeniser never makes more tokens than bytes, so a model whose
            window is `size` + 2 tokens can always take it.
        overlap: Bytes of context before each window but the first.

    Raises:
        PlaygroundError: `overlap` leaves fewer than 8 bytes of each window for new text.
    """
    if overlap < 0 or size - overlap < 8:
        raise PlaygroundError(
            f"Windows of {size} bytes that overlap by {overlap} leave no room. Overlap by at most {max(0, size - 8)} bytes, and by no less than 0."
        )
    data = text.encode()
    found: list[Window] = []
    start = 0
    while start < len(data):
        room = size - overlap if start else size
        end = _cut(data, start, room)
        before = _letter(data, max(0, start - overlap)) if start else 0
        found.append(Window(data[before:start].decode(), data[start:end].decode()))
        start = end
    return found


def measure(scored: Scored, text: str) -> Bits:
    """What one scored text costs.

    A first token without a probability (`Scored.first` is False) is left out of both sums. When it ends inside a character, that
    whole character's bytes are left out, so that the error, at most 3 bytes, is against the model and never for it.

    Args:
        scored: The text's tokens with their log-probabilities.
        text: The text that was scored.

    Raises:
        PlaygroundError: A token has probability 0, so that no number of bits is enough.
    """
    tokens = scored.tokens if scored.first else scored.tokens[1:]
    bits = -math.fsum(token.logprob for token in tokens) / math.log(2)
    if not math.isfinite(bits):
        raise PlaygroundError(
            "The model gives a token of this text probability 0, or none that is a number, so its bits cannot be counted. "
            "Look at the model's numbers (half precision overflows) or at the server's log-probabilities."
        )
    size = len(text.encode())
    if not scored.first and scored.tokens:
        head = scored.tokens[0].text
        head = head if text.startswith(head) else text[: len(head.rstrip("\ufffd")) + 1]
        size -= len(head.encode())
    return Bits(bits, size)


def pooled(many: Iterable[Bits]) -> Bits:
    """All texts as one: sum of bits, sum of bytes. Its `rate` is the headline; long documents weigh more."""
    known = list(many)
    return Bits(math.fsum(each.bits for each in known), sum(each.bytes for each in known))


def _letter(data: bytes, place: int) -> int:
    """The first place at or after `place` where a character begins."""
    while place < len(data) and data[place] & 0xC0 == 0x80:
        place += 1
    return place


def _cut(data: bytes, start: int, room: int) -> int:
    """Where a window that starts at `start` ends: before a space in its last quarter, or else between two characters.

    What comes before a cut never ends with white space where that can be had: backends count a context's last spaces to the text.
    """
    end = start + room
    if end >= len(data):
        return len(data)
    for place in range(end, end - room // 4, -1):
        if data[place] == SPACE and data[place - 1] not in WHITE:
            return place
    end = between = _begin(data, end)
    while end > start:
        before = _begin(data, end - 1)
        if not data[before:end].decode().isspace():
            return end
        end = before
    return between


def _begin(data: bytes, place: int) -> int:
    """Where the character at `place` begins."""
    while data[place] & 0xC0 == 0x80:
        place -= 1
    return place
