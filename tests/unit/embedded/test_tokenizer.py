"""The tokenizer: digits one by one, every byte comes back, answers marked, and learned again the same."""

import json
from pathlib import Path

import pytest

from embedded import WEIGHTS, tokenizer
from embedded.corpus import END, START
from tests.unit.embedded import tiny


def test_digits_are_tokens_of_their_own_and_bytes_come_back() -> None:
    words = tiny.words()
    text = "Add 1024 and 7. 你好 ż 🦊"
    assert words.decode(words.encode(text, add_special_tokens=False)) == text
    assert words.tokenize("1024") == ["1", "0", "2", "4"]
    assert words.convert_tokens_to_ids(list(tokenizer.SPECIAL)) == [0, 1, 2, 3]


def test_the_template_marks_what_the_assistant_says() -> None:
    words = tiny.words()
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Yo"}, {"role": "user", "content": "?"}]
    text = words.apply_chat_template(talk, tokenize=False, add_generation_prompt=True)
    assert text == (
        "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\nYo<|im_end|>\n"
        "<|im_start|>user\n?<|im_end|>\n<|im_start|>assistant\n"
    )
    coded = words.apply_chat_template(talk, return_dict=True, return_assistant_tokens_mask=True)
    (ids,) = tokenizer.encode(words, [words.apply_chat_template(talk, tokenize=False)])
    marks = (words.convert_tokens_to_ids(word) for word in (START, END, "assistant"))
    assert tokenizer.answer_mask(ids, *marks).astype(int).tolist() == coded["assistant_masks"]


def test_the_tokenizer_that_ships_is_the_one_that_the_recipe_learns(tmp_path: Path) -> None:
    shipped = json.loads((WEIGHTS / "micro" / "tokenizer.json").read_text("utf-8"))
    again = json.loads((WEIGHTS / "mini" / "tokenizer.json").read_text("utf-8"))
    assert shipped["model"] == again["model"]
    few = [text for _, text in zip(range(50), tokenizer.first_texts(40, 2000), strict=False)]
    assert few == [text for _, text in zip(range(50), tokenizer.first_texts(40, 2000), strict=False)]


@pytest.mark.slow
def test_learning_the_tokenizer_again_gives_the_same_file(tmp_path: Path) -> None:
    from embedded.recipe import INSTRUCTIONS, STORIES

    made = tokenizer.learn(2048, tokenizer.first_texts(STORIES, INSTRUCTIONS))
    tokenizer.wrap(made, 512).save_pretrained(tmp_path)
    written = json.loads((tmp_path / "tokenizer.json").read_text("utf-8"))
    assert written == json.loads((WEIGHTS / "micro" / "tokenizer.json").read_text("utf-8"))
