r"""Votes that three new models need: our choice of pairs against pairs drawn evenly.

    python -m benchmarks.pair_sampling [--seeds 5] [--within 30]

Twenty models are settled: each pair met often enough that all intervals are narrower than asked for. Then three models without a
single vote join. Both ways of drawing pairs go on until the widest 95% interval of the leaderboard is within +-30 points. The
claim: ours needs at most 40% of the votes. A vote falls as Bradley-Terry strengths say; every seed is another set of strengths.
"""

import random

import numpy as np

SETTLED, NEW = 20, 3
CLAIM = 0.40


def simulate(
    uniform: bool, seed: int, within: float = 30.0, settled: int = SETTLED, new: int = NEW, look: int = 50
) -> int:
    """Votes until the widest interval of the leaderboard is within so many points on either side.

    Args:
        uniform: Whether pairs are drawn evenly; else by `sampling.draw`.
        seed: Decides strengths, votes and draws.
        within: Half the width that is wanted, in points.
        settled: How many models are settled.
        new: How many join.
        look: After how many votes to look again.
    """
    from apps.model_arena import sampling
    from apps.model_arena.ballot import Ballot
    from apps.model_arena.counts import Counts

    chance, numbers = random.Random(seed), np.random.default_rng(seed)
    strength = numbers.normal(0, 0.6, settled + new)
    names = [f"model-{number}" for number in range(settled + new)]
    counts = Counts()

    def vote(one: int, two: int) -> None:
        won = chance.random() < 1 / (1 + np.exp(strength[two] - strength[one]))
        counts.add(Ballot((names[one], names[two]), "a" if won else "b", "", ""))

    while widest(counts, settled) > 0.9 * within:
        for _ in range(200):
            vote(*chance.sample(range(settled), 2))
    count = 0
    while widest(counts, settled + new) > within:
        for _ in range(look):
            # The table is read once in a while, as in an arena where several people vote at the same time.
            if count % 10 == 0:
                table = counts.table()
            pair = chance.sample(names, 2) if uniform else sampling.draw(table, names, 2, chance)
            vote(names.index(pair[0]), names.index(pair[1]))
            count += 1
    return count


def widest(counts: object, models: int) -> float:
    """Half the widest 95% interval of a leaderboard; infinite while not all models can be compared."""
    from apps.model_arena.leaderboard import build

    rows = build(counts).rows  # type: ignore[arg-type]
    rated = [(row.upper - row.lower) / 2 for row in rows if row.upper is not None and row.lower is not None]
    return max(rated) if len(rated) == models else float("inf")


def main() -> None:
    import argparse

    parser = argparse.ArgumentParser(description="Votes that new models need.")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--within", type=float, default=30.0)
    given = parser.parse_args()
    shares = []
    for seed in range(given.seeds):
        even, ours = simulate(True, seed, given.within), simulate(False, seed, given.within)
        shares.append(ours / even)
        print(f"  seed {seed}: evenly {even:6,} votes, ours {ours:6,}: {ours / even:.0%}")
    print(f"{np.mean(shares):.1%} of the votes in the mean, {max(shares):.1%} at most (claim at most {CLAIM:.0%})")
    raise SystemExit(0 if max(shares) <= CLAIM else 1)


if __name__ == "__main__":
    main()
