"""The word lists: whole, and without doubles."""

from embedded.vocabulary import CAPITALS, CHINESE, OPPOSITES, split


def test_facts_are_whole() -> None:
    assert len(CAPITALS) == 18
    assert len(set(CHINESE.values())) == len(CHINESE)
    assert not set(OPPOSITES) & set(OPPOSITES.values())
    assert split("a  b\nc") == ("a", "b", "c")
