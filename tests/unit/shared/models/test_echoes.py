import pytest

from shared.models.echoes import score, tokens_of
from shared.models.protocol import Token


def tokens(*pairs: tuple[str, float]) -> list[Token]:
    return [Token(text, 0, value) for text, value in pairs]


def test_the_first_token_has_no_log_probability():
    own, begun = tokens_of("a b", tokens(("a", 0.0), (" b", -0.5)), [False, True])
    assert ([token.text for token in own], begun) == (["a", " b"], False)
    scored = score(own, begun, 0)
    assert (scored.first, scored.greedy, scored.tokens[0].logprob) == (False, True, 0.0)


def test_a_begin_token_is_left_out_and_gives_the_first_word_a_log_probability():
    own, begun = tokens_of("a b", tokens(("<s>", 0.0), ("a", -3.0), (" b", -0.5)), [False, True, True])
    assert ([token.text for token in own], begun) == (["a", " b"], True)
    assert (score(own, begun, 0).first, score(own, begun, 0).greedy) == (True, False)


def test_what_stands_behind_the_context():
    own, begun = tokens_of("a b", tokens(("a", 0.0), (" b", -0.8)), [False, True])
    scored = score(own, begun, 1)
    assert [token.text for token in scored.tokens] == [" b"]
    assert scored.first
    assert not scored.greedy  # -0.8 is less than half of all probability: another token may be likelier


def test_alternatives_tell_whether_a_token_was_the_likeliest():
    likely = Token("b", 0, -0.8, (("b", -0.8), ("c", -0.9)))
    other = Token("c", 0, -0.9, (("b", -0.8), ("c", -0.9)))
    assert score([likely], True, 0).greedy
    assert not score([other], True, 0).greedy
    assert score([], True, 0).greedy


def test_half_a_character_in_a_token_is_no_other_text():
    assert len(tokens_of("你", tokens(("<s>", 0.0), ("�", -1.0), ("�", -1.0)), [False, True, True])[0]) == 2
    assert len(tokens_of("你", tokens(("<s>", 0.0), ("bytes:\\xe4", -1.0)), [False, True])[0]) == 1


@pytest.mark.parametrize("echoed", [[], tokens(("something", -1.0)), tokens(("<s>", 0.0))])
def test_another_text_is_refused(echoed: list[Token]):
    with pytest.raises(ValueError, match="not the one that was sent"):
        tokens_of("a b", echoed, [token.logprob < 0 for token in echoed])
