"""Rows: the same for a seed, rendered as ChatML, and never one that is held out."""

import hashlib
import re

import pytest

from embedded import corpus
from embedded.corpus import evaluation, held_out, is_held_out, render, rows
from embedded.draw import Draw
from embedded.tasks import Example, example, plain_story


def test_the_first_corpus_is_the_one_that_micro_was_trained_on() -> None:
    written = "".join(map(render, corpus.first_corpus(300, 3000, 1)))
    assert hashlib.sha256(written.encode()).hexdigest().startswith("6d1d7fec1b25cf6a")


def test_the_same_seed_makes_the_same_rows_and_another_seed_others() -> None:
    one, two, other = (rows(seed, 0.6, 0.2) for seed in (1, 1, 2))
    first = [next(one) for _ in range(50)]
    assert first == [next(two) for _ in range(50)]
    assert first != [next(other) for _ in range(50)]


def test_evaluation_and_training_rows_of_one_seed_differ() -> None:
    trained = rows(7, 0.6, 0.0)
    assert evaluation(7, 0.6, 20) != [next(trained) for _ in range(20)]


def test_plain_stories_have_no_dialogue() -> None:
    row = plain_story(Draw(1))
    assert (row.turns, row.prompt, row.answer) == ((), "", "")
    assert render(row) == row.text + "<|endoftext|>"


def test_rendering_is_chatml() -> None:
    row = Example("x", (("system", "Be brief."), ("user", "你好"), ("assistant", "Hi")))
    assert render(row) == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\n你好<|im_end|>\n"
        "<|im_start|>assistant\nHi<|im_end|>\n<|endoftext|>"
    )


def test_sanity_prompts_are_held_out_in_every_turn() -> None:
    assert ("", "What is 7 + 5?") in held_out()
    assert len(held_out()) >= 40
    hello = (("user", "Hello!"), ("assistant", "Hi"))
    assert is_held_out(Example("x", hello))
    assert is_held_out(Example("x", (("system", "Be brief."), *hello)))
    assert is_held_out(Example("x", (("user", "Hi"), ("assistant", "Hi"), *hello)))
    assert not is_held_out(Example("x", (("user", "Hello?"), ("assistant", "Hi"))))
    assert not is_held_out(Example("story", text="Hello!"))


def test_an_stands_before_vowels() -> None:
    row = Example("x", (("user", "Pip has a orange. A ant. a a b, data is"), ("assistant", "a owl and a cat; Ma is")))
    assert corpus.mended(row).turns == (
        ("user", "Pip has an orange. An ant. a a b, data is"),
        ("assistant", "an owl and a cat; Ma is"),
    )
    assert not any(re.search(r"\b[aA] [aeiou]\w", render(row)) for row in evaluation(1, 0.6, 500))


def test_a_conversation_is_held_out_as_a_whole() -> None:
    talk = (("user", "My name is Nora."), ("assistant", "Hello, Nora!"), ("user", "What is my name?"))
    assert is_held_out(Example("memory", (*talk, ("assistant", "Your name is Nora."))))
    assert not is_held_out(Example("memory", (("user", "What is my name?"), ("assistant", "?"))))


@pytest.mark.parametrize("reach", [0.3, 0.6])
def test_no_training_row_asks_what_is_held_out(reach: float) -> None:
    source = rows("hold", reach, 0.1)
    unfiltered = Draw("train hold", reach)
    assert not any(is_held_out(next(source)) for _ in range(3000))
    assert any(is_held_out(example(unfiltered)) for _ in range(6000)), (
        "the filter has nothing to do: the test proves nothing"
    )


def test_repeats_repeat() -> None:
    import numpy as np

    row, period = corpus.repeats(np.random.default_rng(0), 2048, 40, 4, 9, few=0.5)
    assert len(row) == 40
    assert 4 <= period <= 9
    assert (row[period:] == row[:-period]).all()
    assert row.min() >= 4
