import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.models.protocol import Token
from shared.models.stops import Cut, whole


def passed(pieces: list[str], stop: tuple[str, ...] = (), secret: str = "") -> list[str]:
    cut = Cut(stop, secret)
    deltas = [delta for piece in pieces for delta in cut.feed(piece)]
    return [delta.text for delta in (*deltas, *cut.flush())]


def test_an_answer_without_stop_texts_passes_as_it_comes():
    assert passed(["a", "", "b你"]) == ["a", "b你"]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (["one END two"], ["one "]),
        (["one E", "N", "D two", "three"], ["one "]),
        (["one E", "N", "d two"], ["one ", "ENd two"]),
        (["EE", "ND"], ["E"]),
        (["a\n", "\nb"], ["a"]),
        (["a\n"], ["a", "\n"]),
        (["x END", "END"], ["x "]),
    ],
)
def test_nothing_of_a_stop_text_passes(pieces: list[str], expected: list[str]):
    assert passed(pieces, ("END", "\n\n", "")) == expected


def test_the_first_of_several_stop_texts_counts():
    assert passed(["a b c"], ("c", "b")) == ["a "]


@given(st.text("ab\n", max_size=30), st.lists(st.text("ab\n", min_size=1, max_size=3), max_size=3), st.data())
def test_the_answer_is_cut_where_the_whole_text_would_be(text: str, stop: list[str], data: st.DataObject):
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    pieces = [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]
    answer = "".join(passed(pieces, tuple(stop)))
    assert not any(mark in answer for mark in stop)
    assert text.startswith(answer)
    if not any(mark in text for mark in stop):
        assert answer == text


def test_a_secret_never_passes():
    assert "".join(passed(["key: sk-", "sec", "ret!", "sk-secret"], secret="sk-secret")) == "key: ***!***"
    assert "".join(passed(["sk-sec END", " sk-secret"], ("END",), "sk-secret")) == "sk-sec "


def test_tokens_go_with_their_text():
    cut = Cut(["END"])
    tokens = [Token(text, place, -1.0) for place, text in enumerate(["a ", "E", "N", "x", " y END"])]
    deltas = [delta for token in tokens for delta in cut.feed(token.text, [token])]
    assert [(delta.text, [token.id for token in delta.tokens]) for delta in deltas] == [
        ("a ", [0]),
        ("ENx", [1, 2, 3]),
        (" y ", []),
    ]
    assert cut.stopped
    assert list(cut.feed("more")) == []
    assert list(cut.flush()) == []


def test_tokens_of_a_masked_text_are_dropped():
    cut = Cut(secret="key")
    (delta,) = cut.feed("a key", [Token("a", 1, 0.0), Token(" key", 2, 0.0)])
    assert (delta.text, delta.tokens) == ("a ***", ())


def test_half_a_character_waits_for_its_other_half():
    assert passed(["a\ud83d", "\ude00b"]) == ["a", "😀b"]
    assert passed(["a\ud83d", "b"]) == ["a", "\ufffdb"]
    assert passed(["\ude00"]) == ["\ufffd"]
    assert whole("नमस्ते 你好") == "नमस्ते 你好"
