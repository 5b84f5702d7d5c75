"""An answer's text as it grows: tokens become whole characters, and stop texts are never shown, not even in part."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from shared.models.protocol import Token

UNFINISHED = "�"
LONGEST = 4  # bytes of one character: after as many tokens, broken text is broken for good


@dataclass
class Pieces:
    """The text of one answer.

    Attributes:
        decode: Token numbers to text.
        stops: Texts that end the answer.
        before: Tokens that precede the answer and tell how its first token reads (SentencePiece drops a leading space
            otherwise); none when the answer starts a text of its own.
        stopped: A stop text was found; what `add` returned up to then is the whole answer.
    """

    decode: Callable[[Sequence[int]], str]
    stops: tuple[str, ...] = ()
    before: Sequence[int] = ()
    stopped: bool = False
    _window: list[int] = field(default_factory=list)  # tokens whose text is compared: the last settled ones, new ones
    _settled: int = 0  # of these, how many are settled
    _told: str = ""  # what the window has told already
    _held: str = ""  # settled text that may turn out to begin a stop text
    _length: int = 0  # characters that were let go
    _tokens: list[tuple[int, Token]] = field(default_factory=list)  # with where their text begins

    def __post_init__(self) -> None:
        self._window = list(self.before)
        self._settled = len(self._window)
        self._told = self.decode(self._window) if self._window else ""

    def add(self, token: int, said: Token | None = None) -> tuple[str, tuple[Token, ...]]:
        """Take one more token.

        Args:
            token: Its number.
            said: It with its log-probability, where that was asked for.

        Returns:
            The text that can be shown now, and its tokens.
        """
        self._window.append(token)
        if said is not None:
            self._tokens.append((self._length + len(self._held), said))
        text = self.decode(self._window)
        fresh = len(self._window) - self._settled
        if text.endswith(UNFINISHED):
            if fresh < LONGEST:
                return "", ()
            text = text[: max(len(self._told), len(text) - (LONGEST - 1))]
            new, self._told = text[len(self._told) :], text
            return self._release(new)
        new = text[len(self._told) :]
        if not new and fresh < LONGEST:
            return "", ()  # a special token: what follows it may read otherwise without the text before
        self._window = self._window[self._settled :]
        self._settled = len(self._window)
        self._told = self.decode(self._window)
        return self._release(new)

    def flush(self) -> tuple[str, tuple[Token, ...]]:
        """The answer ends: what is left of it, and its tokens."""
        if self.stopped:
            return "", ()
        rest = self.decode(self._window)[len(self._told) :] if len(self._window) > self._settled else ""
        text, tokens = self._release(rest)
        if self.stopped:
            return text, tokens
        text, self._held = text + self._held, ""
        tokens += tuple(token for _, token in self._tokens)
        self._tokens.clear()
        return text, tokens

    def _release(self, new: str) -> tuple[str, tuple[Token, ...]]:
        """Let text go up to a stop text, or up to what may become one."""
        self._held += new
        found = [at for stop in self.stops if (at := self._held.find(stop)) >= 0]
        self.stopped = bool(found)
        keep = min(found) if found else len(self._held) - self._overlap()
        text, self._held = self._held[:keep], self._held[keep:]
        self._length += len(text)
        if not text:
            return "", ()
        tokens = tuple(token for begin, token in self._tokens if begin < self._length)
        self._tokens = [(begin, token) for begin, token in self._tokens if begin >= self._length]
        return text, tokens

    def _overlap(self) -> int:
        """How many of the last held characters begin a stop text."""
        for size in range(min(len(self._held), max(map(len, self.stops), default=1) - 1), 0, -1):
            end = self._held[-size:]
            if any(stop.startswith(end) for stop in self.stops):
                return size
        return 0
