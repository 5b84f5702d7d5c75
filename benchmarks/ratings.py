r"""Ratings with errors: the time of ours against FastChat's method, and of one refresh of a live leaderboard.

    python -m benchmarks.ratings [--rounds 3] [--votes 1000000 --votes 5000000]

Both sides start from the same data frame of text columns (`model_a`, `model_b`, `winner`; 100 models) and end with a rating and a
95% interval for each model from 100 bootstrap rounds; ours adds sandwich errors. What counts is user plus system time of this
process and its children, all threads together; the sides take turns, and each side's fastest round is its time. The claims:
1/8 of FastChat's time at 1 million votes, 1/10 at 5 million, and at most 10 ms for a vote and a refresh of up to 100 models from
counts that are kept as votes arrive, however many there were and with two, three or six sides.

FastChat's method is that of `compute_bt` and `compute_bootstrap_bt` in its fastchat/serve/monitor/rating_systems.py (no published
package has that file), written again here from its description: names to numbers with pandas.factorize, one row of (first, second,
outcome) a vote, equal rows counted with numpy.unique(axis=0), the likelihood and its slope over these rows with numpy.add.at,
scipy's L-BFGS-B (at most 100 iterations, gtol 1e-6), multinomial draws over the rows, and a pool of one process a core for the
rounds. It needs scipy, which is not part of the environment: pip install --no-deps --target out/peers -r benchmarks/ratings.txt
"""

import os
import resource
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parents[1]
MODELS = 100
BOOTSTRAPS = 100
CLAIMS = {1_000_000: 8.0, 5_000_000: 10.0}
REFRESH = 0.010
BATCH = 10_000


def votes(count: int, models: int = MODELS, seed: int = 0) -> Any:
    """Votes on random pairs as a data frame of text; one in five is a tie, half of these say that both were bad."""
    import pandas as pd

    chance = np.random.default_rng(seed)
    strength = chance.normal(0, 0.6, models)
    first = chance.integers(models, size=count)
    second = (first + chance.integers(1, models, size=count)) % models
    won = chance.random(count) < 1 / (1 + np.exp(strength[second] - strength[first]))
    outcome = np.where(chance.random(count) < 0.2, chance.integers(2, 4, size=count), 1 - won)
    names = np.array([f"owner/model-{number:03}" for number in range(models)], dtype=object)
    ends = np.array(["model_a", "model_b", "tie", "tie (bothbad)"], dtype=object)
    return pd.DataFrame({"model_a": names[first], "model_b": names[second], "winner": ends[outcome]})


def ours(frame: Any) -> dict[str, tuple[float, float, float]]:
    """Rating and ends of the bootstrap interval of each model; sandwich errors are worked out as well."""
    from apps.model_arena import bootstrap, bradley_terry, sandwich
    from apps.model_arena.counts import Counts

    table = Counts.of_columns(frame["model_a"], frame["model_b"], frame["winner"]).table()
    members = list(range(len(table.models)))
    theta = bradley_terry.fit(table.wins)
    sandwich.covariance(table, members, theta)
    draws = bootstrap.resample(table, members, theta, BOOTSTRAPS).thetas
    low, high = np.quantile(bradley_terry.MEAN + bradley_terry.SCALE * draws, [0.025, 0.975], axis=0)
    found = zip(bradley_terry.rate(theta).tolist(), low.tolist(), high.tolist(), strict=True)
    return dict(zip(table.models, found, strict=True))


def fastchat(frame: Any) -> dict[str, tuple[float, float, float]]:
    """The same by FastChat's method."""
    import multiprocessing

    rows, outcomes, names, times = unique_votes(frame)
    ratings = descend(times, rows, outcomes, len(names))
    # Its own bootstrap begins from the data frame again.
    rows, outcomes, names, times = unique_votes(frame)
    chance = np.random.default_rng(seed=0)
    drawn = chance.multinomial(len(frame), times / times.sum(), size=BOOTSTRAPS).astype(np.float64) / len(frame)
    with multiprocessing.get_context("fork").Pool(os.cpu_count()) as pool:
        work = partial(descend, rows=rows, outcomes=outcomes, models=len(names))
        found = np.array(list(pool.imap_unordered(work, drawn)))
        pool.close()
        pool.join()
    low, high = np.quantile(found * 400 + 1000, [0.025, 0.975], axis=0)
    return dict(zip(names, zip((ratings * 400 + 1000).tolist(), low.tolist(), high.tolist(), strict=True), strict=True))


def unique_votes(frame: Any) -> tuple[Any, Any, list[str], Any]:
    """Equal votes counted: pairs, outcomes, names and how often."""
    import pandas as pd

    codes, names = pd.factorize(pd.concat([frame["model_a"], frame["model_b"]]))
    table = np.full((len(frame), 3), 1, dtype=np.int32)
    table[:, 0], table[:, 1] = codes[: len(frame)], codes[len(frame) :]
    table[frame["winner"] == "model_a", 2] = 2
    table[frame["winner"] == "model_b", 2] = 0
    kinds, times = np.unique(table, return_counts=True, axis=0)
    return kinds[:, :2], kinds[:, 2] / 2.0, names.to_list(), times.astype(np.float64)


def descend(times: Any, rows: Any, outcomes: Any, models: int) -> Any:
    """Ratings by L-BFGS-B on the weighted likelihood of the kinds of votes; 1 is 400 points."""
    from scipy.optimize import minimize
    from scipy.special import expit

    alpha = np.log(10.0)

    def loss(ratings: Any) -> tuple[float, Any]:
        pairs = ratings[rows]
        chances = expit(alpha * (pairs[:, 0] - pairs[:, 1]))
        value = -((np.log(chances) * outcomes + np.log(1.0 - chances) * (1.0 - outcomes)) * times).sum()
        slope = np.zeros_like(ratings)
        np.add.at(slope, rows[:, [0, 1]], (-alpha * (outcomes - chances) * times)[:, None] * np.array([1.0, -1.0]))
        return value, slope

    found = minimize(loss, np.zeros(models), jac=True, method="L-BFGS-B", options={"maxiter": 100, "gtol": 1e-6})
    return found["x"]


def spent() -> float:
    """CPU seconds of this process and its ended children so far."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(each.ru_utime + each.ru_stime for each in both)


def measure(side: Callable[[Any], Any], frame: Any) -> tuple[float, float, Any]:
    """CPU and wall seconds of one run, and what it returned."""
    cpu, wall = spent(), time.perf_counter()
    found = side(frame)
    return spent() - cpu, time.perf_counter() - wall, found


def compare(count: int, rounds: int) -> bool:
    """Run both sides in turns, and print the ratio; whether the claim holds."""
    frame = votes(count)
    best: dict[str, tuple[float, float, Any]] = {}
    for _ in range(rounds):
        for name, side in (("ours", ours), ("FastChat", fastchat)):
            run = measure(side, frame)
            best[name] = min(best.get(name, run), run, key=lambda each: each[0])
    mine, theirs = best["ours"], best["FastChat"]
    ratio, claim = theirs[0] / mine[0], CLAIMS.get(count)
    middle = {name: value[0] for name, value in theirs[2].items()}
    shift = 1000 - sum(middle.values()) / len(middle)
    apart = max(abs(mine[2][name][0] - middle[name] - shift) for name in middle)
    width = [np.mean([each[2] - each[1] for each in found.values()]) for found in (mine[2], theirs[2])]
    print(
        f"{count:>11,} votes: ours {mine[0]:6.2f} CPU s ({mine[1]:.2f} s), FastChat's method {theirs[0]:6.2f} CPU s "
        f"({theirs[1]:.2f} s): x{ratio:.1f}{f' (claim x{claim:.0f})' if claim else ''}; ratings differ by at most "
        f"{apart:.3f} points, mean widths of intervals {width[0]:.2f} and {width[1]:.2f}"
    )
    return claim is None or ratio >= claim


def refresh(count: int, sides: int = 2, models: int = MODELS) -> bool:
    """The CPU time from one more vote to the new leaderboard, from counts kept as votes arrive; whether the claim holds."""
    from apps.model_arena.ballot import SIDES, Ballot
    from apps.model_arena.counts import Counts
    from apps.model_arena.leaderboard import build

    chance = np.random.default_rng(1)
    names = [f"owner/model-{number:03}" for number in range(models)]
    counts, start = Counts(), spent()
    for _ in range(0, count, BATCH):
        shown, places = crowd(chance, min(count, BATCH), sides, models)
        ends = np.where(places < 0, 2, places) if sides == 2 else places
        counts.add_numbers(names, shown, ends, np.ones(len(shown), np.int64))
    filled, seconds = spent() - start, []
    for _ in range(30):
        (shown,), (place,) = crowd(chance, 1, sides, models)
        vote = Ballot(tuple(names[each] for each in shown), "tie" if place < 0 else SIDES[place], "battle", "")
        start = time.process_time()
        counts.add(vote)
        build(counts)
        seconds.append(time.process_time() - start)
    middle = float(np.median(seconds))
    print(
        f"{count:>11,} votes of {sides} sides, {models:>3} models: a vote and a refresh take {1000 * middle:4.1f} ms, at most "
        f"{1000 * max(seconds):4.1f} (claim {1000 * REFRESH:.0f} ms); counting all took {filled:.1f} s"
    )
    return middle <= REFRESH


def crowd(chance: Any, count: int, sides: int, models: int) -> tuple[Any, Any]:
    """Votes on random models: who was shown, and which place won by strength (Luce's choice); one in five is a tie, -1."""
    shown = np.argsort(chance.random((count, models)), 1)[:, :sides]
    strength = np.linspace(-1, 1, models)[shown] + chance.gumbel(size=shown.shape)
    return shown, np.where(chance.random(count) < 0.2, -1, strength.argmax(1))


def main() -> None:
    import argparse

    parser = argparse.ArgumentParser(description="Ratings: ours against FastChat's method.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--votes", type=int, action="append")
    given = parser.parse_args()
    counts = given.votes or list(CLAIMS)
    held = [compare(count, given.rounds) for count in counts]
    for sides in (2, 3, 6):
        held += [refresh(count, sides, models) for count in (50_000, 200_000, 1_000_000) for models in (10, 30, MODELS)]
    print("All claims hold." if all(held) else "Not all claims hold.")
    raise SystemExit(0 if all(held) else 1)


if __name__ == "__main__":
    if os.environ.get("OPENBLAS_NUM_THREADS") != "1":  # one thread a process for both sides, as a pool has one a core
        os.execvpe(
            sys.executable,
            [sys.executable, "-m", "benchmarks.ratings", *sys.argv[1:]],
            {**os.environ, "OPENBLAS_NUM_THREADS": "1"},
        )
    main()
