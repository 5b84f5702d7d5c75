"""Stamps of files, and outcomes that are kept while they are the same."""

import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from shared.models.stamps import Outcome, Stamp, stamp


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "folder"
    (made / "deep").mkdir(parents=True)
    (made / "deep" / "file").write_text("one")
    (made / "other").write_text("x")
    return made


def rewrite(folder: Path) -> None:
    """Other bytes of the same length at the same place and, as far as programs can say so, at the same time."""
    path = folder / "deep" / "file"
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    time.sleep(0.02)
    path.write_text("two")
    os.utime(path, ns=times)


CHANGES: dict[str, Callable[[Path], object]] = {
    "a file more": lambda folder: (folder / "deep" / "new").touch(),
    "a file less": lambda folder: (folder / "other").unlink(),
    "longer": lambda folder: (folder / "deep" / "file").write_text("longer"),
    "rewritten": rewrite,
    "another name": lambda folder: (folder / "other").rename(folder / "another"),
    "gone": shutil.rmtree,
    "a link that leads elsewhere": lambda folder: (folder / "link").symlink_to(folder / "other"),
}


@pytest.mark.parametrize("change", CHANGES)
def test_every_change_is_seen_and_no_other(folder: Path, change: str) -> None:
    before = stamp([folder])
    assert stamp([folder]) == before
    CHANGES[change](folder)
    assert stamp([folder]).facts != before.facts


def test_what_is_missing_counts_and_its_coming_is_seen(tmp_path: Path) -> None:
    path = tmp_path / "file"
    missing = stamp([path])
    assert (len(missing.facts), missing.newest) == (1, 0)
    path.touch()
    assert stamp([path]).facts != missing.facts
    assert stamp([]) == Stamp((), 0)


def test_what_a_link_leads_to_counts_and_links_in_a_circle_end(folder: Path, tmp_path: Path) -> None:
    (folder / "circle").symlink_to(folder)
    (folder / "blob").symlink_to(tmp_path / "blob")
    before = stamp([folder])
    (tmp_path / "blob").write_text("x")  # it led nowhere
    after = stamp([folder])
    assert after.facts != before.facts
    (tmp_path / "blob").write_text("longer")
    assert stamp([folder]).facts != after.facts


def test_more_facts_and_sums(folder: Path) -> None:
    assert stamp([folder], (1,)).facts != stamp([folder], (2,)).facts
    both = stamp([folder], (1,)) + stamp([folder / "other"])
    assert len(both.facts) == len(stamp([folder]).facts) + 2
    assert both.newest == stamp([folder]).newest


def test_an_outcome_is_kept_while_the_files_are_the_same(folder: Path) -> None:
    outcome: Outcome[int] = Outcome(settled=0)
    made: list[int] = []

    def make() -> int:
        made.append(1)
        return len(made)

    assert [outcome.get(stamp([folder]), make) for _ in range(3)] == [1, 1, 1]
    (folder / "new").touch()
    assert [outcome.get(stamp([folder]), make) for _ in range(2)] == [2, 2]


def test_an_outcome_is_not_kept_so_soon_after_a_change_that_the_next_could_look_the_same(folder: Path) -> None:
    outcome: Outcome[object] = Outcome(settled=60)
    now = stamp([folder])
    assert outcome.get(now, object) is not outcome.get(now, object)
    old = Stamp(now.facts, now.newest - 61 * 10**9)
    assert outcome.get(old, object) is outcome.get(old, object)


def test_many_threads_make_it_once_and_a_failure_is_not_kept(folder: Path) -> None:
    outcome: Outcome[object] = Outcome(settled=0)
    now = stamp([folder])

    def slow() -> object:
        time.sleep(0.05)
        return object()

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: outcome.get(now, slow), range(8)))) == 1
    with pytest.raises(ZeroDivisionError):
        outcome.get(stamp([folder / "other"]), lambda: 1 // 0)
    assert outcome.get(now, object) is not None
