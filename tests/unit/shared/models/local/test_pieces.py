"""Whole characters and stop texts, whatever the borders of the tokens."""

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.models.local.pieces import LONGEST, Pieces
from shared.models.protocol import Token


def decode(ids: Sequence[int]) -> str:
    """Every token is a byte."""
    return bytes(ids).decode(errors="replace")


def run(data: bytes, stops: Sequence[str] = (), **settings: object) -> tuple[list[str], Pieces]:
    pieces = Pieces(decode, tuple(stops), **settings)
    told = []
    for byte in data:
        told.append(pieces.add(byte)[0])
        if pieces.stopped:
            break
    told.append(pieces.flush()[0])
    return told, pieces


def test_a_character_comes_whole() -> None:
    told, _ = run("a€😀中".encode())
    assert [piece for piece in told if piece] == ["a", "€", "😀", "中"]


def test_a_character_cut_off_is_told_as_unreadable() -> None:
    told, _ = run(b"ab" + "中".encode()[:2])
    assert "".join(told) == "ab\N{REPLACEMENT CHARACTER}"


def test_a_stop_text_is_never_told() -> None:
    told, pieces = run(b"one STOP two", ["STOP"])
    assert pieces.stopped
    assert "".join(told) == "one "
    assert not any("S" in piece for piece in told)


def test_what_only_began_like_a_stop_text_is_told() -> None:
    told, pieces = run(b"one STO", ["STOP"])
    assert not pieces.stopped
    assert "".join(told) == "one STO"
    told, pieces = run(b"SSTOSTOP", ["STOP"])
    assert "".join(told) == "SSTO"
    assert pieces.stopped


def test_the_first_of_several_stop_texts_counts() -> None:
    told, _ = run(b"abcdef", ["de", "cd"])
    assert "".join(told) == "ab"


def test_sentencepiece_keeps_the_space_after_the_prompt() -> None:
    words = ["▁The", "▁sky", "▁is"]

    def read(ids: Sequence[int]) -> str:
        return "".join(words[each] for each in ids).replace("▁", " ").removeprefix(" ")

    pieces = Pieces(read, before=(0,))
    assert [pieces.add(1)[0], pieces.add(2)[0]] == [" sky", " is"]
    pieces = Pieces(read)
    assert [pieces.add(1)[0], pieces.add(2)[0]] == ["sky", " is"]


def test_sentencepiece_keeps_the_space_after_a_special_token() -> None:
    words = ["▁The", "▁sky", "", "▁is"]

    def read(ids: Sequence[int]) -> str:
        return "".join(words[each] for each in ids).replace("▁", " ").removeprefix(" ")

    for specials in range(1, 9):
        pieces = Pieces(read)
        told = [pieces.add(token)[0] for token in (0, 1, *[2] * specials, 3, 1)]
        assert "".join([*told, pieces.flush()[0]]).startswith("The sky")
        if specials < LONGEST:
            assert "".join(told) == "The sky is sky"


def test_tokens_come_with_their_text() -> None:
    pieces = Pieces(decode, ("cd",))
    said = [pieces.add(byte, Token(chr(byte), byte, -1.0)) for byte in b"abc"]
    assert [(text, [token.text for token in tokens]) for text, tokens in said] == [("a", ["a"]), ("b", ["b"]), ("", [])]
    text, tokens = pieces.flush()
    assert (text, [token.text for token in tokens]) == ("c", ["c"])
    pieces = Pieces(decode, ("cd",))
    told = [pieces.add(byte, Token(chr(byte), byte, -1.0)) for byte in b"abcd"]
    assert [token.text for _, tokens in told for token in tokens] == ["a", "b"]
    assert pieces.flush() == ("", ())


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.binary(max_size=60), st.text(max_size=30).map(str.encode)))
def test_the_pieces_are_the_text(data: bytes) -> None:
    told, _ = run(data)
    assert "".join(told) == decode(data)


@settings(max_examples=300, deadline=None)
@given(st.text("ab😀c", max_size=30), st.lists(st.text("ab😀", min_size=1, max_size=3), max_size=3))
def test_the_pieces_end_before_the_first_stop_text(text: str, stops: list[str]) -> None:
    told, _ = run(text.encode(), stops)
    ends = [text.index(stop) + len(stop) for stop in stops if stop in text]
    if not ends:
        assert "".join(told) == text
        return
    seen = text[: min(ends)]  # the stop text that is complete first ends it
    assert "".join(told) == seen[: min(seen.index(stop) for stop in stops if stop in seen)]


@pytest.mark.parametrize("stops", [(), ("€",)])
def test_nothing(stops: tuple[str, ...]) -> None:
    assert run(b"", stops)[0] == [""]
