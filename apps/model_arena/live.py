"""The votes as counts that are always up to date: what a leaderboard needs, at the same cost after any number of votes."""

import json
from collections.abc import Iterator
from threading import Lock
from typing import Any

import numpy as np

from apps.model_arena.ballot import KIND, Ballot
from apps.model_arena.counts import Counts, end_of
from shared.store import Store
from shared.suite import Suite

PAGE = 50_000  # votes that are counted at once
_ROWS = "FROM rows INDEXED BY rows_by_kind WHERE kind = ?"
_NEW = f"""
SELECT seq, json_extract(body, '$.models'), json_extract(body, '$.winner'), coalesce(json_extract(body, '$.category'), ''),
    coalesce(json_extract(body, '$.language'), ''), json_extract(body, '$.excluded')
{_ROWS} AND seq > ? ORDER BY seq LIMIT {PAGE}
"""
Key = tuple[str, str]


class LiveVotes:
    """Counts of all votes of a store, by category and language; new rows are counted when somebody looks.

    Rows of other replicas come in like one's own, and are counted like them. When one of them takes the place of a vote that
    was counted already (two votes on one battle, or a file that was imported in both places), everything is counted anew.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._lock = Lock()
        self._found = _Found()

    def counts(self, category: str = "", language: str = "") -> Counts:
        """The votes of a category and a language as counts; "" is all of them."""
        return self._refresh().counts.get((category, language)) or Counts()

    @property
    def categories(self) -> list[str]:
        """Categories with votes."""
        return sorted({category for category, _ in list(self._refresh().counts)} - {""})

    @property
    def languages(self) -> list[str]:
        """Languages with votes, by code."""
        return sorted({language for _, language in list(self._refresh().counts)} - {""})

    @property
    def excluded(self) -> int:
        """Votes that are stored but not counted."""
        return self._refresh().excluded

    def ballots(self) -> Iterator[Ballot]:
        """Every vote, oldest first, excluded ones too: read from the store, so as slow as there are many."""
        for row in self._store.rows(KIND):
            yield Ballot.of_body(row.body)

    def _refresh(self) -> "_Found":
        with self._lock:
            found = self._found
            while new := self._store.read(_NEW, (KIND, found.seen)):
                if self._replaced(found):  # asked after reading: what comes in between is seen at the next look
                    found = _Found()  # whoever reads meanwhile reads the old counts, not half of the new ones
                else:
                    found.count(new)
            self._found = found
            return found

    def _replaced(self, found: "_Found") -> bool:
        """Whether rows that were counted are gone; only a row from elsewhere takes another one's place."""
        if not self._store.read(f"SELECT 1 {_ROWS} AND seq > ? AND origin != '' LIMIT 1", (KIND, found.seen)):
            return False
        left = self._store.read(f"SELECT count(*) {_ROWS} AND seq <= ?", (KIND, found.seen))
        return int(left[0][0]) < found.rows


class _Found:
    """What was counted so far, up to the row with the number `seen`."""

    def __init__(self) -> None:
        self.seen = self.rows = self.excluded = 0
        self.counts: dict[Key, Counts] = {("", ""): Counts()}

    def count(self, rows: list[tuple[Any, ...]]) -> None:
        """Count what is new: all votes with one number of sides, on one kind of prompt, at once."""
        _, shown, winners, categories, languages, excluded = zip(*rows, strict=True)
        names: dict[str, int] = {}
        seats = {
            text: [names.setdefault(name, len(names)) for name in json.loads(text)] for text in dict.fromkeys(shown)
        }
        kinds: dict[tuple[int, str, str], list[tuple[list[int], int]]] = {}
        ends = {
            each: end_of(*each) for each in {(end, len(seats[text])) for end, text in zip(winners, shown, strict=True)}
        }
        for text, winner, category, language, out in zip(shown, winners, categories, languages, excluded, strict=True):
            seated = seats[text]
            if not out:
                kinds.setdefault((len(seated), category, language), []).append((seated, ends[winner, len(seated)]))
        for (_, category, language), votes in kinds.items():
            models, outcomes = (np.array(each) for each in zip(*votes, strict=True))
            for key in {("", ""), (category, ""), ("", language), (category, language)}:
                counts = self.counts.setdefault(key, Counts())
                counts.add_numbers(list(names), models, outcomes, np.ones(len(votes), np.int64))
        self.seen, self.rows = rows[-1][0], self.rows + len(rows)
        self.excluded += sum(map(bool, excluded))


def of_suite(suite: Suite) -> LiveVotes:
    """The live votes of a Suite; ask for them with `suite().own(of_suite)`."""
    return LiveVotes(suite.store)
