"""The votes as counts that are always up to date: what a leaderboard needs, at the same cost after any number of votes."""

import json
from collections.abc import Iterator
from threading import Lock
from typing import Any

from apps.model_arena.ballot import KIND, Ballot
from apps.model_arena.counts import Counts
from shared.store import Store
from shared.suite import Suite

Key = tuple[str, str]
_ROWS = "FROM rows INDEXED BY rows_by_kind WHERE kind = ?"
_ALIKE = f"""
SELECT json_extract(body, '$.models'), json_extract(body, '$.winner'),
    coalesce(json_extract(body, '$.category'), ''), coalesce(json_extract(body, '$.language'), ''),
    json_extract(body, '$.excluded'), count(*), max(seq)
{_ROWS} AND seq > ? GROUP BY 1, 2, 3, 4, 5 ORDER BY min(seq)
"""


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
            new = self._store.read(_ALIKE, (KIND, self._found.seen))
            if new and self._replaced():  # asked after reading: what comes in between is seen at the next look
                fresh = _Found()  # whoever reads meanwhile reads the old counts, not half of the new ones
                fresh.count(self._store.read(_ALIKE, (KIND, 0)))
                self._found = fresh
            else:
                self._found.count(new)
            return self._found

    def _replaced(self) -> bool:
        """Whether rows that were counted are gone; only a row from elsewhere takes another one's place."""
        seen = self._found.seen
        if not self._store.read(f"SELECT 1 {_ROWS} AND seq > ? AND origin != '' LIMIT 1", (KIND, seen)):
            return False
        left = self._store.read(f"SELECT count(*) {_ROWS} AND seq <= ?", (KIND, seen))
        return int(left[0][0]) < self._found.rows


class _Found:
    """What was counted so far, up to the row with the number `seen`."""

    def __init__(self) -> None:
        self.seen = self.rows = self.excluded = 0
        self.counts: dict[Key, Counts] = {("", ""): Counts()}

    def count(self, rows: list[tuple[Any, ...]]) -> None:
        """Count what is new; votes that are alike come from the database as one, so that a restart is no long wait."""
        ballots = [Ballot(tuple(json.loads(models)), winner, "", "") for models, winner, *_ in rows]
        for ballot, (_, _, category, language, excluded, times, last) in zip(ballots, rows, strict=True):
            self.seen, self.rows = max(self.seen, last), self.rows + times
            if excluded:
                self.excluded += times
                continue
            keys: set[Key] = {("", ""), (category, ""), ("", language), (category, language)}
            for key in keys:
                if key not in self.counts:
                    self.counts[key] = Counts()
                self.counts[key].add(ballot, times)


def of_suite(suite: Suite) -> LiveVotes:
    """The live votes of a Suite; ask for them with `suite().own(of_suite)`."""
    return LiveVotes(suite.store)
