"""Votes for tests: written short, drawn by chance, and read from the real sets beside the project."""

import csv
import json

import numpy as np

from apps.model_arena.ballot import SIDES, Ballot


def vote(models, winner, battle="", **more):
    """`vote("x y", "a")`: x is shown first and wins."""
    return Ballot(tuple(models.split()), winner, battle, "", **more)


def drawn(count, strengths, seed, sides=2, ties=0.0):
    """Votes as Bradley-Terry strengths say; with more sides, the winner is drawn by strength (Luce's choice)."""
    chance = np.random.default_rng(seed)
    names = [f"m{number}" for number in range(len(strengths))]
    found = []
    for number in range(count):
        chosen = chance.choice(len(strengths), sides, replace=False)
        odds = np.exp(np.asarray(strengths)[chosen])
        winner = "tie" if chance.random() < ties else SIDES[chance.choice(sides, p=odds / odds.sum())]
        found.append(Ballot(tuple(names[place] for place in chosen), winner, str(number), ""))
    return found


def real(folder, name):
    """Votes of a real set, and the reference beside it."""
    with (folder / "votes" / name / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        ends = {"left": "a", "right": "b", "tie": "tie"}
        found = [
            Ballot((row["left"], row["right"]), ends[row["winner"]], str(number), "")
            for number, row in enumerate(csv.DictReader(file))
        ]
    return found, json.loads((folder / "votes" / f"ref_{name}.json").read_text("utf-8"))
