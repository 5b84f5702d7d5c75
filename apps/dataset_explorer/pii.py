"""Personal data and secrets in rows: where they are, of what kind, whether check digits agree; never shown in full."""

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cache
from itertools import accumulate
from typing import Any

from apps.dataset_explorer.patterns import KINDS, Kind, Match
from apps.dataset_explorer.sheet import portions
from shared.errors import PlaygroundError

_PORTION = 1 << 22
_BEFORE, _AFTER = 160, 8


@dataclass(frozen=True)
class Finding:
    """Something in a row that should perhaps not be there.

    Attributes:
        row: The row, counted from 0.
        kind: What it is: "email", "phone", "credit_card", "hf_token" and so on.
        start: Its first character in the row.
        end: One after its last character.
        masked: What may be shown of it.
        reserved: It belongs to nobody: a private address, an example's domain, a test number, a placeholder.
        secret: It opens something: a key, token or password.
    """

    row: int
    kind: str
    start: int
    end: int
    masked: str
    reserved: bool = False
    secret: bool = False


@dataclass(frozen=True)
class PiiTally:
    """How much was found; tallies of several batches add up.

    Attributes:
        rows: Rows that were searched.
        found: For each kind, findings that are somebody's.
        hit: For each kind, rows with such findings.
        reserved: For each kind, findings that are nobody's.
    """

    rows: int = 0
    found: dict[str, int] = field(default_factory=dict)
    hit: dict[str, int] = field(default_factory=dict)
    reserved: dict[str, int] = field(default_factory=dict)

    def __add__(self, other: "PiiTally") -> "PiiTally":
        return PiiTally(
            self.rows + other.rows,
            _sum(self.found, other.found),
            _sum(self.hit, other.hit),
            _sum(self.reserved, other.reserved),
        )


def _sum(one: dict[str, int], two: dict[str, int]) -> dict[str, int]:
    return {name: one.get(name, 0) + two.get(name, 0) for name in one | two}


def kinds() -> dict[str, str]:
    """Every kind that can be looked for, with what it is; "passport" alone is not looked for unless it is named."""
    return {kind.name: kind.says.split(",")[0] for kind in reversed(KINDS)}


def find(texts: Any, only: Iterable[str] = ()) -> list[Finding]:
    """Personal data and secrets of every row.

    Every pattern runs in linear time (RE2), whatever the text. Numbers count only where check digits, lengths and number
    plans agree, or where a word such as "phone" stands before them.

    Args:
        texts: A `pyarrow.StringArray`, or a sequence of strings; null is read as empty.
        only: Kinds to look for, as `kinds` names them; all but "passport" when empty.

    Returns:
        Findings in the order of rows and places; two never overlap.

    Raises:
        PlaygroundError: A kind is unknown.
    """
    wanted = set(only) or {kind.name for kind in KINDS if kind.default}
    if unknown := sorted(wanted - set(kinds())):
        raise PlaygroundError(f"There is no kind of personal data '{unknown[0]}'. Kinds: {', '.join(kinds())}.")
    found: list[Finding] = []
    first = 0
    for portion in portions(texts, _PORTION):
        found += _search(portion, first, [kind for kind in KINDS if kind.name in wanted])
        first += len(portion)
    return found


def tally(findings: Iterable[Finding], rows: int) -> PiiTally:
    """How much was found in a batch.

    Args:
        findings: What `find` returned.
        rows: Rows that were searched.
    """
    found, reserved = dict[str, int](), dict[str, int]()
    hit = dict[str, set[int]]()
    for each in findings:
        counts = reserved if each.reserved else found
        counts[each.kind] = counts.get(each.kind, 0) + 1
        if not each.reserved:
            hit.setdefault(each.kind, set()).add(each.row)
    return PiiTally(rows, found, {kind: len(places) for kind, places in hit.items()}, reserved)


def mask(kind: str, text: str) -> str:
    """What may be shown of a finding: enough to recognise it, too little to use it.

    Args:
        kind: Its kind.
        text: All of it.
    """
    if kind == "private_key":
        return text.partition("\n")[0][:40] + "…"
    if kind == "email":
        name, _, domain = text.rpartition("@")
        return f"{name[0]}…@{domain[0]}….{domain.rpartition('.')[2]}"
    shown = 4 if len(text) >= 20 else 2 if len(text) >= 10 else 1
    return f"{text[:shown]}…{text[-2:]}" if len(text) >= 10 else f"{text[:shown]}…"


@cache
def _compiled(pattern: str) -> Any:
    import re2

    options = re2.Options()
    options.encoding = re2.Options.Encoding.UTF8
    return re2.compile(pattern.encode(), options)


def _search(portion: list[str], first: int, wanted: list[Kind]) -> list[Finding]:
    """All rows side by side as bytes, a zero byte after each: one pass of each pattern, however many rows there are."""
    rows = [text.encode("utf-8", "surrogatepass") for text in portion]
    data = b"\0".join(rows) + b"\0"
    ends = list(accumulate(len(row) + 1 for row in rows))
    taken: dict[int, list[tuple[int, int]]] = {}
    found: list[Finding] = []
    for kind in wanted:
        for hit in _compiled(kind.pattern).finditer(data):
            span = _accept(kind, hit, data)
            if span is None:
                continue
            start, end, reserved = span
            row = bisect_left(ends, start + 1)
            begin = ends[row] - len(rows[row]) - 1
            if end >= ends[row] or any(start < stop and end > go for go, stop in taken.get(row, ())):
                continue
            taken.setdefault(row, []).append((start, end))
            text = _decode(data[start:end])
            place = len(_decode(data[begin:start]))
            shown = mask(kind.name, text)
            found.append(Finding(first + row, kind.name, place, place + len(text), shown, reserved, kind.secret))
    return sorted(found, key=lambda each: (each.row, each.start))


def _accept(kind: Kind, hit: Any, data: bytes) -> tuple[int, int, bool] | None:
    """Start, end and whether it is reserved, when the kind's check agrees."""
    start, end = hit.span(1) if "(?P<value>" in kind.pattern else hit.span()
    before = _decode(data[max(0, start - _BEFORE) : start]).rpartition("\0")[2][-40:]
    after = _decode(data[end : end + _AFTER]).partition("\0")[0][:2]
    text = _decode(data[start:end])
    verdict = kind.check(Match(text, before, after))
    if verdict is None:
        return None
    if isinstance(verdict, bool):
        return start, end, verdict
    return start, start + len(text[:verdict].encode("utf-8", "surrogatepass")), False


def _decode(data: bytes) -> str:
    # A cut through a character at the edge of the surroundings loses that character alone.
    return data.decode("utf-8", "ignore")
