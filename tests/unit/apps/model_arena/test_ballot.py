import json

import pytest

from apps.model_arena.ballot import Ballot

FULL = Ballot(
    ("hub:a/b@main", "builtin:mini", "openai:x/y"), "c", "battle", "2026-11-22T00:00:00.000000Z", "code", "ja", (3, 0, 7),
    ((1, 2, 3), (0, 0, 0), (0, 1, 0)), ("短い",), "voter", True,
)  # fmt: skip


def test_a_ballot_comes_back_from_json():
    body = json.loads(json.dumps(FULL.to_body()))
    assert Ballot.of_body({**body, "more": 1}) == FULL
    assert Ballot.of_body({"models": ["x", "y"], "winner": "tie", "battle": "1", "time": ""}).markdown == ()


@pytest.mark.parametrize(("winner", "place"), [("a", 0), ("c", 2), ("tie", -1), ("both_bad", -1)])
def test_the_winner_has_a_place(winner, place):
    assert Ballot(("x", "y", "z"), winner, "", "").place == place


@pytest.mark.parametrize(
    ("models", "winner"),
    [(("x",), "a"), (tuple("uvwxyzq"), "a"), (("x", "y"), "c"), (("x", "y"), ""), (("x", "y"), "ab")],
)
def test_what_is_no_ballot_is_refused(models, winner):
    with pytest.raises(ValueError, match="side"):
        Ballot(models, winner, "", "")
