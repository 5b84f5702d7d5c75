"""An answer let through up to its first stop text, however the stop text is spread over the pieces that arrive."""

from collections.abc import Iterator, Sequence

from shared.models.protocol import Delta, Token

MASK = "***"


class Cut:
    """Passes on the pieces of an answer: never the stop text or what follows it, never a secret, never half a character.

    Some servers (transformers serve, TGI) leave the stop text in the answer, others do not. What could be the beginning of a
    stop text is held back until the next piece tells.

    Attributes:
        stopped: Whether a stop text was found; nothing is passed on any more.
    """

    def __init__(self, stop: Sequence[str] = (), secret: str = "") -> None:
        """An empty answer.

        Args:
            stop: Texts that end it.
            secret: A key that a server might echo; "***" stands in its place. "" for none.
        """
        self._stop = [mark for mark in stop if mark]
        self._secret = secret
        self._marks = [*self._stop, secret] if secret else self._stop
        self._held = ""
        self._tokens: list[Token] = []
        self._said = self._told = 0  # characters passed on, as text and in tokens
        self.stopped = False

    def feed(self, text: str, tokens: Sequence[Token] = ()) -> Iterator[Delta]:
        """The next piece.

        Args:
            text: The piece.
            tokens: Its tokens.

        Yields:
            What can be passed on: at most one piece.
        """
        if self.stopped:
            return
        self._held += text
        self._tokens += tokens
        self._mask()
        end = min((at for mark in self._stop if (at := self._held.find(mark)) >= 0), default=-1)
        self.stopped = end >= 0
        yield from self._pass(end if self.stopped else len(self._held) - self._open())
        if self.stopped:
            self._held, self._tokens = "", []

    def flush(self) -> Iterator[Delta]:
        """What was held back: the answer is over, or something else follows."""
        yield from self._pass(len(self._held))

    def _mask(self) -> None:
        if self._secret and self._secret in self._held:
            self._held = self._held.replace(self._secret, MASK)
            self._tokens = []

    def _open(self) -> int:
        """How many characters at the end may be the beginning of a mark, or of a character in two halves."""
        longest = max((len(mark) for mark in self._marks), default=1) - 1
        for size in range(min(longest, len(self._held)), 0, -1):
            if any(mark.startswith(self._held[-size:]) for mark in self._marks):
                return size
        return 1 if "\ud800" <= self._held[-1:] <= "\udbff" else 0

    def _pass(self, size: int) -> Iterator[Delta]:
        text, self._held = self._held[:size], self._held[size:]
        if not text:
            return
        self._said += len(text)
        tokens = []
        while self._tokens and (
            (not self._held and not self.stopped) or self._told + len(self._tokens[0].text) <= self._said
        ):
            tokens.append(self._tokens.pop(0))
            self._told += len(tokens[-1].text)
        if not self._held:
            self._told = self._said
        yield Delta(whole(text), tuple(tokens))


def whole(text: str) -> str:
    """The text with its surrogate pairs joined; half a pair becomes U+FFFD, because no file could hold it.

    Args:
        text: Text out of JSON, in which half a pair can stand.
    """
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text
