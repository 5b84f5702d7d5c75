"""Claim: rows that share commits are >= 8x as many a second as rows with a commit, and so an fsync, of their own.

    python -m benchmarks.group_commit [--seconds 2] [--rounds 3] [--folder out]

Both sides are the same store with the same settings (WAL, synchronous=FULL), the same eight clients and the same rows; one
of them makes commits of one row. The sides take turns, and the median of the rounds counts. A client is a thread that has
so many rows waiting at a time, as a server has that answers many requests at once.

What one can gain has two bounds: the rows that wait (eight clients that wait for every single row gain less than 8x,
whatever the disk), and the time of an fsync against the time that Python needs for a row. So the claim is about clients
with rows waiting, the figures for clients that wait for each row are printed beside it, and the time of an fsync, too:
measured by itself, on the same disk, in the same run. On a disk that answers in 0.1 ms (a virtual one with a cache) the gain
is near the claim; at 1 ms it is far above. A plain loop over sqlite3, one thread and one commit a row, is the last peer.
"""

import argparse
import os
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

from shared.commits import connect
from shared.rows import SCHEMA, insert, values_of
from shared.store import Store

ROOT = Path(__file__).resolve().parent.parent
CLAIM = 8.0
BODY = {"battle": "0" * 32, "winner": "a", "reasons": ["clear", "short"]}
SHAPES = ((8, 1), (32, 1), (8, 16), (8, 64))  # clients, rows that each has waiting
CLAIMED = (8, 64)


def through_store(folder: Path, seconds: float, clients: int, waiting: int, group: int) -> float:
    """Rows a second through the store."""
    store = Store(folder, group)
    store.claim()
    end = time.perf_counter() + seconds
    written = [0] * clients

    def client(number: int) -> None:
        while time.perf_counter() < end:
            first = written[number]
            rows = [store.append_later("votes", BODY, f"{number}-{first + n}") for n in range(waiting)]
            for row in rows:
                row.result()
            written[number] += waiting

    started = time.perf_counter()
    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.perf_counter() - started
    assert store.count("votes") == sum(written)
    store.close()
    return sum(written) / took


def through_sqlite(folder: Path, seconds: float) -> float:
    """Rows a second in a plain loop, one commit each."""
    connection = connect(folder / "rows.sqlite")
    connection.executescript(SCHEMA)
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds:
        insert(values_of("votes", BODY, str(count)), connection)
        count += 1
    took = time.perf_counter() - started
    connection.close()
    return count / took


def fsync_seconds(folder: Path, times: int = 300) -> tuple[float, float]:
    """Median and 95th percentile of writing 16 kB over old bytes and making it durable, as a commit does."""
    path, taken = folder / "probe", []
    path.write_bytes(b"\0" * 16_384 * 16)
    with path.open("r+b", buffering=0) as file:
        os.fsync(file.fileno())
        for number in range(times):
            file.seek(number % 16 * 16_384)
            started = time.perf_counter()
            file.write(os.urandom(16_384))
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - started)
    taken.sort()
    return taken[times // 2], taken[times * 95 // 100]


def measure(folder: Path, seconds: float, rounds: int) -> tuple[dict[str, list[float]], list[tuple[float, float]]]:
    """Rows a second of every side in every round, and what an fsync took around them."""
    sides: dict[str, Callable[[Path], float]] = {"plain": lambda place: through_sqlite(place, seconds)}
    for clients, waiting in SHAPES:
        for name, group in (("one", 1), ("group", 1024)):
            sides[f"{name} {clients}x{waiting}"] = lambda place, c=clients, w=waiting, g=group: through_store(
                place, seconds, c, w, g
            )
    rates: dict[str, list[float]] = {name: [] for name in sides}
    probes = []
    for _ in range(rounds):
        for name, side in sides.items():
            with tempfile.TemporaryDirectory(dir=folder) as place:
                probes.append(fsync_seconds(Path(place), 50))
                rates[name].append(side(Path(place)))
    return rates, probes


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=2.0, help="how long each side writes in each round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--folder", type=Path, default=ROOT / "out", help="on the disk that is meant: /tmp may be memory"
    )
    asked = parser.parse_args()
    asked.folder.mkdir(parents=True, exist_ok=True)
    rates, probes = measure(asked.folder, asked.seconds, asked.rounds)
    median, slow = (statistics.median(each[which] for each in probes) * 1e3 for which in (0, 1))
    print(f"SQLite {sqlite3.sqlite_version}; an fsync takes {median:.2f} ms (median), {slow:.2f} ms (95 of 100)")
    print(f"a plain loop, one commit a row: {statistics.median(rates['plain']):,.0f} rows/s")
    ratio = 0.0
    for clients, waiting in SHAPES:
        one, group = (rates[f"{name} {clients}x{waiting}"] for name in ("one", "group"))
        gain = statistics.median(group) / statistics.median(one)
        ratio = gain if (clients, waiting) == CLAIMED else ratio
        rounds = ", ".join(f"{b / a:.1f}" for a, b in zip(one, group, strict=True))
        what = f"{clients} clients with {waiting} rows waiting each"
        print(
            f"{what}: {statistics.median(one):,.0f} -> {statistics.median(group):,.0f} rows/s, "
            f"{gain:.1f}x (rounds: {rounds})"
        )
    verdict = "met" if ratio >= CLAIM else "MISSED: compare what an fsync takes here with the time of one row"
    print(f"claim: >= {CLAIM:.0f}x with {CLAIMED[0]} clients, {CLAIMED[1]} rows waiting each: {ratio:.1f}x, {verdict}")


if __name__ == "__main__":
    main()
