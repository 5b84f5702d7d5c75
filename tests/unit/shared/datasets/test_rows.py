import pytest

from shared.datasets.files import Limits
from shared.datasets.rows import NOTES, Refusal, Tally, check_width, in_columns, unique_names
from shared.errors import PlaygroundError


def test_refusals_are_counted_and_the_first_are_listed():
    tally = Tally(2)
    for row in range(1, 5):
        tally.refuse(row, "broken", "c", row * 10)
    assert tally.refused_rows == 4
    assert tally.refused == [Refusal(1, "broken", "c", 10), Refusal(2, "broken", "c", 20)]
    tally.accepted = 3
    tally.clear()
    assert (tally.accepted, tally.refused_rows, tally.refused, tally.notes) == (0, 0, [], [])


def test_notes_are_kept_once_and_not_without_end():
    tally = Tally()
    for number in range(NOTES + 20):
        tally.note(f"note {number}")
        tally.note(f"note {number}")
    assert tally.notes[0] == "note 0"
    assert len(tally.notes) == NOTES + 1
    assert tally.notes[-1] == "There are more remarks; these are the first."


def test_rows_become_columns_in_the_order_of_first_sight():
    (part,) = in_columns([{"b": 1}, {"a": 2, "b": None}], 7, Limits())
    assert part.columns == {"b": [1, None], "a": [None, 2]}
    assert list(part.columns) == ["b", "a"]
    assert (part.count, part.start, part.literal) == (2, 7, False)
    assert next(iter(in_columns([{}], 0, Limits()))).count == 1


def test_unique_names():
    assert unique_names(["a", "b"]) == (["a", "b"], [])
    assert unique_names(["a", "a", "a_2", "a"])[0] == ["a", "a_3", "a_2", "a_4"]
    assert unique_names(["", "column_1", ""])[0] == ["column_1_2", "column_1", "column_3"]
    many = unique_names(["x"] * 50)[0]
    assert len(set(many)) == 50


def test_width():
    check_width(5, 1, Limits(columns=5))
    with pytest.raises(PlaygroundError, match="6 different columns; at most 5"):
        check_width(6, 1, Limits(columns=5))
