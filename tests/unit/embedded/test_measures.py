"""The measures: worked examples, an independent computation, and models whose numbers are known."""

import math
from pathlib import Path

import pytest
import torch

from embedded import WEIGHTS, measures
from embedded.answers import answer, complete, open_model, template
from embedded.measures import Heads, share, story_is_consistent, valid_json
from embedded.tasks import Example
from tests.unit.embedded import tiny


def test_the_hand_built_model_has_a_perfect_induction_head() -> None:
    model, _ = open_model(WEIGHTS / "induction")
    found = measures.heads(model, lowest=2, span=20, rows=4, distinct=True)
    assert found.previous[0][0] == 1
    assert found.copied == 1
    assert found.best == found.induction[1][0] > 0.5
    assert found.induction[0][1] == pytest.approx(sum(1 / (i + 1) for i in range(21, 40)) / 19, abs=1e-3)


def test_head_scores_by_loops() -> None:
    model = tiny.llama(3)
    found = measures.heads(model, span=6, rows=2, seed=5)
    tokens = torch.randint(4, 400, (2, 6), generator=torch.Generator().manual_seed(5))
    tokens = torch.cat([torch.zeros(2, 1, dtype=torch.long), tokens, tokens], 1)
    model.set_attn_implementation("eager")
    with torch.no_grad():
        out = model(tokens, output_attentions=True)
    attention = out.attentions[1][:, 1]
    scores = [float(attention[row, at, at - 5]) for row in range(2) for at in range(7, 12)]
    assert found.induction[1][1] == pytest.approx(sum(scores) / 10, abs=1e-4)
    logs = out.logits.log_softmax(-1)
    second = [-float(logs[row, at - 1, tokens[row, at]]) for row in range(2) for at in range(8, 13)]
    assert found.second_loss == pytest.approx(sum(second) / 10, abs=1e-4)
    first = [-float(logs[row, at - 1, tokens[row, at]]) for row in range(2) for at in range(1, 7)]
    assert found.first_loss == pytest.approx(sum(first) / 12, abs=1e-4)


def test_an_untrained_model_foresees_nothing() -> None:
    found = measures.heads(tiny.llama())
    assert found.second_loss == pytest.approx(math.log(400), abs=0.1)
    assert found.copied < 0.05
    assert tiny.llama().config._attn_implementation == "sdpa"


def test_measuring_heads_leaves_the_model_as_it_was() -> None:
    model = tiny.llama()
    before = model.config._attn_implementation
    measures.heads(model, rows=1)
    assert model.config._attn_implementation == before


def test_the_best_head_is_the_best_of_all_layers() -> None:
    assert Heads([[0.1, 0.2], [0.7, 0.3]], [], 0, 0, 0).best == 0.7


@pytest.mark.parametrize(
    ("text", "consistent"),
    [
        ("One day Mia lost her ball. Mia cried. Tom helped Mia. Thank you, Tom!", True),
        ("One day Mia lost her ball. Tom cried. Then Leo helped Mia.", False),
        ("One day Mia lost her ball. She cried.", False),
        ("One day Mia lost her hat. Mia cried.", False),
        ("", False),
        (
            'There was a fox named Mia. Mia had a ball as a gift from Grandma. "Oh no!" said Mia. Then a bear named Zubo came.',
            True,
        ),
        ("There was a fox named Mia. Mia had a ball. Then a bear named Zubo came, and an owl named Krill.", False),
    ],
)
def test_what_keeps_to_its_names(text: str, consistent: bool) -> None:
    assert story_is_consistent("Mia", "ball", text) is consistent


def test_a_made_up_name_counts_as_a_name() -> None:
    assert story_is_consistent("Blimo", "dax", "Blimo had a dax. The dax was gone, said Blimo.")
    assert not story_is_consistent("Blimo", "dax", "Blim had a dax. The dax was gone, said Blim.")


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ('{"a": 1}', True),
        ("[]", True),
        ("12", False),
        ("", False),
        ("{'a': 1}", False),
        ('{"a": 1} ok', False),
        ('["猫"]', True),
    ],
)
def test_what_is_json(text: str, valid: bool) -> None:
    assert valid_json(text) is valid


def test_shares() -> None:
    assert share({"a": (1, 2), "b": (3, 4)}) == 0.6667
    assert share({}) == 0.0


def test_micro_answers_what_it_knows() -> None:
    model, words = open_model(WEIGHTS / "micro")
    turns = [[("user", "What is the capital of Japan?")], [("user", "Translate to Chinese: cat")], [("user", "Hello!")]]
    said = answer(model, words, turns, longest=20)
    assert said[:2] == ["The capital of Japan is Tokyo.", "猫"]
    assert [answer(model, words, [one], longest=20)[0] for one in turns] == said, "others in the batch change nothing"
    assert complete(model, words, turns[:1], longest=3) == [(complete(model, words, turns[:1], longest=3)[0][0], False)]
    assert complete(model, words, turns[:1])[0][1]
    assert answer(model, words, []) == []
    assert template(words, turns[1]) == "<|im_start|>user\nTranslate to Chinese: cat<|im_end|>\n<|im_start|>assistant\n"


def test_exact_match_is_to_the_letter() -> None:
    model, words = open_model(WEIGHTS / "micro")
    right = Example("cap", (("user", "What is the capital of Japan?"), ("assistant", "The capital of Japan is Tokyo.")))
    wrong = Example("cap", (("user", "What is the capital of Japan?"), ("assistant", "the capital of Japan is Tokyo.")))
    assert measures.exact_match(model, words, [right, wrong, right]) == {"cap": (2, 3)}
    assert measures.exact_match(model, words, []) == {}


def test_rows_to_measure_with_are_fixed() -> None:
    rows = measures.instructions(0.0, 30)
    assert len(rows) == 30
    assert rows == measures.instructions(0.0, 60)[:30]
    assert "story" not in {row.task for row in rows}


def test_speed_is_measured_on_one_thread_and_threads_are_given_back() -> None:
    before = torch.get_num_threads()
    assert measures.tokens_a_second(tiny.llama(), tiny.words(), 5) > 0
    assert torch.get_num_threads() == before
    assert measures.load_seconds(WEIGHTS / "micro", 1) > 0


def test_shares_of_small_samples(tmp_path: Path) -> None:
    model, words = open_model(WEIGHTS / "micro")
    assert measures.stories(model, words, 0.0, 2)[0] in {0.0, 0.5, 1.0}
    assert len(measures.stories(model, words, 0.0, 2)[1]) == 2
    assert measures.stories(model, words, 0.0, 0) == (0.0, [])
    assert measures.json_share(model, words, 4) <= 0.5
    assert measures.story_share(model, words, 2) == 0.0
    assert measures.arithmetic(model, words, 4) <= 0.5
    assert measures.sentence_share(model, words, 4) <= 0.5
