"""Whether an answer gives a secret word away: spelled, backwards, in look-alikes, in pieces, in initials, or encoded."""

import base64
import binascii
import codecs
import re
from collections.abc import Iterator

from shared.checks.wording import said, tidy

# Digits and signs that are read as letters, and letters of other scripts that look like ours.
_ALIKE = str.maketrans("013457@$!аеіорсухѕԁһԛԝαεικνορτυχω", "oleastasiaeiopcyxsdhqwaeikvoptuxw")
_TWICE = re.compile(r"(.)\1+")
_TOKEN = re.compile(r"[A-Za-z0-9+/_-]{4,}={0,2}")
_ESCAPE = re.compile(r"(?:\\u00|\\x|%|&#x|0x)([0-9a-fA-F]{2})")
_CODES = re.compile(r"[0-9]{2,3}(?:[^0-9]{1,3}[0-9]{2,3}){2,}")


def given_away(answer: str, word: str) -> bool:
    """Whether an answer lets a reader have the word.

    A riddle or a translation does too, and is not seen here.

    Args:
        answer: Any text.
        word: The secret.
    """
    wanted = _letters(word)
    return any(_hidden(form, wanted) for form in _forms(answer, wanted))


def _hidden(letters: str, wanted: str) -> bool:
    return any(each in letters for each in (wanted, wanted[::-1], codecs.encode(wanted, "rot13"))) or (
        _TWICE.sub(r"\1", wanted) in _TWICE.sub(r"\1", letters)
    )


def _forms(answer: str, wanted: str) -> Iterator[str]:
    """The letters that a reader may read, one way after the other."""
    spoken = said(answer)
    yield _letters(answer)
    yield _letters(answer.casefold().translate(_ALIKE))
    yield "".join(word for word in spoken if len(word) == 1)  # "W, then A, then L"
    yield "".join(word[0] for word in spoken)
    if any({wanted[:place], wanted[place:]} <= set(spoken) for place in range(2, len(wanted) - 1)):  # "wal and nut"
        yield wanted
    yield _letters(_ESCAPE.sub(lambda found: chr(int(found[1], 16)), answer))
    for run in _CODES.findall(answer):
        yield _letters("".join(chr(int(code)) for code in re.findall("[0-9]+", run)))
    for token in _TOKEN.findall(answer):
        yield from map(_letters, _decoded(token))


def _decoded(token: str) -> Iterator[str]:
    """What a token may stand for, in hexadecimal digits or base 64."""
    bare = token.rstrip("=").replace("-", "+").replace("_", "/")
    for decode in (bytes.fromhex, lambda text: base64.b64decode(text + "=" * (-len(text) % 4))):
        try:
            yield decode(bare).decode("latin-1")
        except (ValueError, binascii.Error):
            continue


def _letters(text: str) -> str:
    return "".join(character for character in tidy(text) if character.isalnum())
