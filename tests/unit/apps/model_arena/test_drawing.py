import collections
import random

import pytest

from apps.model_arena import drawing
from apps.model_arena.ballot import Ballot
from shared.errors import PlaygroundError
from shared.policy import OWNER
from shared.rows import now
from tests.unit.apps.model_arena.players import ANN, BLUE, GREEN, RED, play_with


def test_the_draw_can_be_given_and_gets_what_it_needs(house):
    seen = []

    def draw(refs, sides, chance):
        seen.append((refs, sides, isinstance(chance, random.Random)))
        return refs[:sides]

    placed = drawing.place([RED, BLUE, GREEN], 2, 0, ANN, draw)
    assert seen == [(sorted([RED, BLUE, GREEN]), 2, True)]
    assert sorted(placed) == sorted([RED, BLUE, GREEN])[:2]


def test_each_model_is_as_often_on_each_side(house):
    sides = collections.Counter(drawing.place([RED, BLUE], 2, 0, ANN)[0] for _ in range(400))
    assert 140 < sides[RED] < 260  # six standard errors


def test_models_with_fewer_votes_are_drawn_more(house):
    for number in range(60):
        ballot = Ballot((RED, BLUE), "ab"[number % 2], f"{number}", now())
        house.store.append("votes", ballot.to_body(), ballot.battle)
    met = collections.Counter(m for _ in range(100) for m in drawing.place([RED, BLUE, GREEN], 2, 0, ANN))
    assert met[GREEN] > met[RED]
    assert met[GREEN] > met[BLUE]


def test_numbers_of_sides(house):
    for sides, why in ((1, "1 sides"), (7, "7 sides"), (3, "needs 3 models")):
        with pytest.raises(PlaygroundError, match=why):
            drawing.place([RED, BLUE], sides, 0, OWNER)


def test_a_ref_with_and_without_its_commit_is_one_model(house):
    play_with(house)
    sha = "0" * 40
    with pytest.raises(PlaygroundError, match="listed twice"):
        drawing.distinct([f"hub:a/b@{sha}", "hub:a/b"])
    assert drawing.distinct(["builtin:mini", "builtin:mini+builtin:json"]) == [
        "builtin:mini",
        "builtin:mini+builtin:json",
    ]
    assert len(drawing.distinct([f"local:x@{'1' * 12}", f"local:x@{'2' * 12}"])) == 2
