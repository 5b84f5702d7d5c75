"""The definitions in plain Python, written without looking at the product's code: slow, obvious, and independent of it."""

import gzip
import math
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

HAN = [
    (0x2E80, 0x2E99), (0x2E9B, 0x2EF3), (0x2F00, 0x2FD5), (0x3005, 0x3005), (0x3007, 0x3007), (0x3021, 0x3029),
    (0x3038, 0x303B), (0x3400, 0x4DBF), (0x4E00, 0x9FFF), (0xF900, 0xFA6D), (0xFA70, 0xFAD9), (0x16FE2, 0x16FE3),
    (0x16FF0, 0x16FF1), (0x20000, 0x2A6DF), (0x2A700, 0x2EBE0), (0x2F800, 0x2FA1D), (0x30000, 0x323AF),
]  # fmt: skip
KANA = [
    (0x3041, 0x3096), (0x309D, 0x309F), (0x30A1, 0x30FA), (0x30FD, 0x30FF), (0x31F0, 0x31FF), (0x32D0, 0x32FE),
    (0x3300, 0x3357), (0xFF66, 0xFF6F), (0xFF71, 0xFF9D), (0x1AFF0, 0x1AFFE), (0x1B000, 0x1B167), (0x1F200, 0x1F200),
]  # fmt: skip


def alone(character: str) -> bool:
    """Whether it is of the Han, Hiragana or Katakana script."""
    return any(low <= ord(character) <= high for low, high in HAN + KANA)


def words(text: str) -> list[str]:
    """Runs of letters, marks, digits and underscore of the lower-cased text; each Han or Kana character by itself."""
    found, run = [], ""
    for character in text.lower():
        single = alone(character)
        inside = single or character == "_" or unicodedata.category(character)[0] in "LMN"
        if run and (single or not inside):
            found.append(run)
            run = ""
        if single:
            found.append(character)
        elif inside:
            run += character
    return [*found, run] if run else found


def shingles(text: str, size: int = 5) -> set[tuple[str, ...]]:
    """The set of 5-word shingles; a shorter row is one shingle, a row without words has none."""
    row = words(text)
    if len(row) < size:
        return {tuple(row)} if row else set()
    return {tuple(row[start : start + size]) for start in range(len(row) - size + 1)}


def jaccard_pairs(sets: Sequence[set[Any]], threshold: float) -> dict[tuple[int, int], float]:
    """Every pair of sets that are similar enough, by comparing each with each that it shares a member with."""
    holders: dict[Any, list[int]] = defaultdict(list)
    pairs = {}
    for row, members in enumerate(sets):
        for other, overlap in Counter(other for member in members for other in holders[member]).items():
            similarity = overlap / (len(members) + len(sets[other]) - overlap)
            if similarity >= threshold:
                pairs[other, row] = similarity
        for member in members:
            holders[member].append(row)
    return pairs


def equal_pairs(rows: Sequence[Any]) -> dict[tuple[int, int], float]:
    """Every pair of equal rows; None is equal to nothing."""
    places: dict[Any, list[int]] = defaultdict(list)
    pairs = {}
    for row, value in enumerate(rows):
        if value is not None:
            pairs.update({(other, row): 1.0 for other in places[value]})
            places[value].append(row)
    return pairs


def groups(pairs: Any, count: int) -> list[list[int]]:
    """Connected components of two rows or more, by walking from every row that has not been reached."""
    near: dict[int, list[int]] = defaultdict(list)
    for one, two in pairs:
        near[one].append(two)
        near[two].append(one)
    seen: set[int] = set()
    found = []
    for row in range(count):
        if row in seen or row not in near:
            continue
        group, waiting = set(), [row]
        while waiting:
            member = waiting.pop()
            if member not in group:
                group.add(member)
                waiting.extend(near[member])
        seen |= group
        found.append(sorted(group))
    return found


def normalised(text: str) -> str | None:
    """NFKC, lower case, letters with the marks on them and digits; None when nothing is left."""
    kept, on_letter = [], False
    for character in unicodedata.normalize("NFKC", text).lower():
        category = unicodedata.category(character)
        selector = 0xFE00 <= ord(character) <= 0xFE0F or 0xE0100 <= ord(character) <= 0xE01EF
        if category[0] in "LN":
            kept.append(character)
            on_letter = category[0] == "L"
        elif category in ("Mn", "Mc") and on_letter and not selector:
            kept.append(character)
        else:
            on_letter = False
    return "".join(kept) or None


def diversity(rows: Sequence[str]) -> dict[str, float]:
    """Distinct-1/2/3, entropy, MATTR of windows of 100 words over all rows, and the compression ratio."""
    split_rows = [words(row) for row in rows]
    every = [word for row in split_rows for word in row]
    found: dict[str, float] = {"types": len(set(every)), "tokens": len(every)}
    for size in (1, 2, 3):
        grams = [tuple(row[start : start + size]) for row in split_rows for start in range(len(row) - size + 1)]
        found[f"distinct_{size}"] = len(set(grams)) / len(grams) if grams else 0.0
    shares = [count / len(every) for count in Counter(every).values()]
    found["entropy_bits"] = -sum(share * math.log2(share) for share in shares) if shares else 0.0
    found["mattr"] = moving_average(every, 100)
    raw = "\n".join(rows).encode()
    found["compression_ratio"] = len(raw) / len(gzip.compress(raw, 9, mtime=0)) if rows else 0.0
    return found


def moving_average(every: Sequence[str], size: int) -> float:
    """The mean of types / tokens over all windows; a shorter text is one window."""
    if len(every) <= size:
        return len(set(every)) / len(every) if every else 0.0
    window = Counter(every[:size])
    types = [len(window)]
    for left, entered in zip(every, every[size:], strict=False):
        window[entered] += 1
        window[left] -= 1
        if not window[left]:
            del window[left]
        types.append(len(window))
    return sum(types) / len(types) / size
