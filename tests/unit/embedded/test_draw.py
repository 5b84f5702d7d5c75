"""Chance: the same seed draws the same, closed draws stay in the lists, open ones leave them."""

import random

from embedded.draw import Draw
from embedded.vocabulary import MORE_NAMES, NAMES, OBJECTS, WORDS, WORDS_OPEN


def test_closed_draws_stay_in_the_lists() -> None:
    draw = Draw(5)
    assert set(draw.words(3, 6)) <= set(WORDS)
    assert set(draw.names(3)) <= set(NAMES)
    assert set(draw.things(3)) <= set(OBJECTS)
    assert draw.word() in WORDS
    assert not draw.far()


def test_open_draws_leave_the_lists() -> None:
    draw = Draw(5, 1.0)
    words = [word for _ in range(50) for word in draw.words(2, 5)]
    assert sum(word not in WORDS_OPEN for word in words) > 40
    assert any(name not in NAMES + MORE_NAMES for _ in range(20) for name in draw.names(2))
    assert all(len(set(found)) == len(found) for found in (draw.words(2, 8) for _ in range(100)))


def test_a_single_way_to_say_it_takes_no_chance() -> None:
    draw, other = Draw(1), random.Random(1)
    assert draw.say(("only",)) == "only"
    assert draw.random.random() == other.random()
