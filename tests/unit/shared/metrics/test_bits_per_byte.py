import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import PlaygroundError
from shared.metrics import bits_per_byte as bpb
from shared.metrics.bits_per_byte import Bits, measure, windows
from shared.models.protocol import Scored, Token

from .fakes import Bytes, nats


def scored(*tokens: tuple[str, float], first: bool = True) -> Scored:
    return Scored(tuple(Token(text, place, logprob) for place, (text, logprob) in enumerate(tokens)), first)


def test_worked_example() -> None:
    # Probabilities 1/2, 1/4 and 1/8 are 1 + 2 + 3 bits; "héllo" has 6 bytes.
    found = measure(scored(("hé", math.log(1 / 2)), ("ll", math.log(1 / 4)), ("o", math.log(1 / 8))), "héllo")
    assert found.bits == pytest.approx(6)
    assert found.bytes == 6
    assert found.rate == pytest.approx(1)


def test_uniform_bytes_cost_eight_bits_in_every_language() -> None:
    for text in ("plain", "naïve", "汉字", "مرحبا", "🎉🎉"):
        tokens = [("x", math.log(1 / 256))] * len(text.encode())
        assert measure(scored(*tokens), text).rate == pytest.approx(8)


@pytest.mark.parametrize("text", ["The cat sat.", "猫坐在垫子上。", "قطة", "a"])
def test_equals_an_independent_computation(text: str) -> None:
    found = measure(Bytes().score("m", [text])[0], text)
    assert found.rate == pytest.approx(-nats(text) / math.log(2) / len(text.encode()), abs=1e-9)


def test_a_first_token_without_probability_is_left_out_of_both_sums() -> None:
    found = measure(scored(("The", 0.0), (" cat", math.log(1 / 16)), first=False), "The cat")
    assert (found.bits, found.bytes) == (pytest.approx(4), 4)


def test_a_first_token_inside_a_character_is_counted_against_the_model() -> None:
    # 汉 is three bytes and three tokens: the first is left out, the other two cost bits, none of their bytes count.
    found = measure(
        scored(("\ufffd", 0.0), ("\ufffd", -math.log(2)), ("\ufffd", -math.log(2)), ("a", -math.log(2)), first=False),
        "汉a",
    )
    assert (found.bits, found.bytes) == (pytest.approx(3), 1)
    assert measure(scored(("a\ufffd", 0.0), ("b", -1.0), first=False), "a汉b").bytes == 1


def test_nothing_costs_nothing() -> None:
    assert windows("") == []
    assert measure(scored(), "") == Bits(0.0, 0)
    assert measure(scored(first=False), "").rate == 0.0
    assert bpb.pooled([]) == Bits(0.0, 0)


def test_one_token_without_probability_is_nothing() -> None:
    assert measure(scored(("all", 0.0), first=False), "all") == Bits(0.0, 0)


@pytest.mark.parametrize("bad", [-math.inf, math.nan])
def test_probability_zero_is_said(bad: float) -> None:
    with pytest.raises(PlaygroundError, match="probability 0"):
        measure(scored(("a", bad)), "a")


def test_pooled_and_mean_differ_by_the_weight_of_long_documents() -> None:
    many = [Bits(10, 10), Bits(90, 30), Bits(0, 0)]
    assert bpb.pooled(many).rate == pytest.approx(2.5)


def test_windows_of_a_worked_example() -> None:
    found = windows("one two three four five six", size=16, overlap=6)
    assert [each.text for each in found] == ["one two three", " four five", " six"]
    assert [each.context for each in found] == ["", " three", "r five"]


def test_disjoint_windows_have_no_context() -> None:
    assert {each.context for each in windows("words " * 50, size=32, overlap=0)} == {""}


@given(st.text(max_size=400), st.integers(8, 120), st.integers(0, 100))
def test_windows_are_the_text_and_never_too_long(text: str, room: int, overlap: int) -> None:
    text = text.encode("utf-8", "ignore").decode()
    found = windows(text, room + overlap, overlap)
    assert "".join(each.text for each in found) == text
    for place, each in enumerate(found):
        before = "".join(every.text for every in found[:place])
        assert each.text
        assert len((each.context + each.text).encode()) <= room + overlap
        assert before.endswith(each.context)
        assert not place or len(each.context.encode()) > min(overlap, len(before.encode())) - 4


@pytest.mark.parametrize(("size", "overlap"), [(16, 9), (16, 16), (16, -1)])
def test_windows_without_room_are_refused(size: int, overlap: int) -> None:
    with pytest.raises(PlaygroundError, match="no room"):
        windows("text", size, overlap)


def test_text_without_spaces_is_cut_between_characters() -> None:
    text = "汉字没有空格" * 30
    found = windows(text, 64, 32)
    assert "".join(each.text for each in found) == text
    assert all(len(each.text.encode()) >= 30 for each in found[:-1])


@pytest.mark.parametrize("white", ["\n\n", "    ", "\u3000", "\t"])
def test_no_context_ends_with_white_space(white: str) -> None:
    text = f"word{white}".join("abcdefghij" * 4)
    for each in windows(text, 40, 16)[1:]:
        assert each.context == each.context.rstrip()


def test_nothing_but_white_space_is_cut_all_the_same() -> None:
    assert [len(each.text) for each in windows("\n" * 100, 40, 16)] == [40, 24, 24, 12]
