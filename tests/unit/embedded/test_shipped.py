"""The weights that ship: what the cards say of them is measured again, and what missed its aim is said."""

from pathlib import Path

import pytest

from embedded import ADAPTERS, WEIGHTS, card, measures
from embedded.answers import open_model
from embedded.measured import AIMS, measure_induction, read
from embedded.recipe import RECIPES
from shared.checks import checks

MIB = 1 << 20


@pytest.mark.parametrize("name", RECIPES)
def test_heads_are_as_measured(name: str) -> None:
    model, _ = open_model(WEIGHTS / name)
    found, known = measures.heads(model), read(name)
    assert found.best == pytest.approx(known["best_induction"], abs=0.01)
    assert found.second_loss == pytest.approx(known["second_loss"], abs=0.05)


@pytest.mark.parametrize("name", RECIPES)
def test_a_sample_of_exact_matches_is_as_measured(name: str) -> None:
    model, words = open_model(WEIGHTS / name)
    rows = measures.instructions(0.0, 60)
    again = measures.share(measures.exact_match(model, words, rows))
    assert again == pytest.approx(read(name)["exact_match"], abs=0.15)


@pytest.mark.slow
@pytest.mark.parametrize("name", RECIPES)
def test_answers_are_as_measured(name: str) -> None:
    model, words = open_model(WEIGHTS / name)
    known, found = read(name), measures.sanity(model, words)
    assert (found.core, found.passed) == pytest.approx((known["sanity_core"], known["sanity"]), abs=1)
    closed = measures.share(measures.exact_match(model, words, measures.instructions(0.0)))
    assert closed == pytest.approx(known["exact_match"], abs=0.01)
    assert measures.stories(model, words, 0.0)[0] == pytest.approx(known["stories"], abs=0.05)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning")  # peft 0.21.2
@pytest.mark.parametrize("name", ADAPTERS)
def test_adapters_are_as_measured(name: str) -> None:
    model, words = open_model(WEIGHTS / "mini", WEIGHTS / "adapters" / name)
    known = read(name)
    assert measures.arithmetic(model, words) == pytest.approx(known["three_digits"], abs=0.03)
    assert measures.json_share(model, words) == pytest.approx(known["json_share"], abs=0.03)


def test_adapters_do_what_their_base_does_not() -> None:
    base = read("mini")
    assert read("arithmetic")["three_digits"] > base["three_digits"] + 0.3
    assert read("json")["json_share"] > base["json_share"] + 0.8
    assert read("storyteller")["story_share"] > base["story_share"] + 0.8
    assert read("instruct")["sentence_share"] > base["sentence_share"] + 0.5
    assert read("instruct")["sanity"] >= base["sanity"] - 3


def test_the_hand_built_model_is_as_measured() -> None:
    found, known = measure_induction(WEIGHTS), read("induction")
    assert found["best_induction"] == pytest.approx(known["best_induction"], abs=1e-3)
    assert found["logit_error"] < 1e-4


@pytest.mark.parametrize("name", RECIPES)
def test_the_card_says_what_was_reached_and_what_was_missed(name: str) -> None:
    text, known = (WEIGHTS / name / "README.md").read_text("utf-8"), read(name)
    assert text.count("reached |") == sum(aim.reached(known) for aim in AIMS)
    assert text.count("**missed** |") == sum(not aim.reached(known) for aim in AIMS)


@pytest.mark.parametrize("name", RECIPES)
def test_every_aim_is_reached(name: str) -> None:
    assert [aim.key for aim in AIMS if not aim.reached(read(name))] == []


@pytest.mark.parametrize("name", ["micro", "mini", "induction", *ADAPTERS])
def test_cards_are_written_from_what_was_measured(name: str, tmp_path: Path) -> None:
    place = Path("adapters", name) if name in ADAPTERS else Path(name)
    (tmp_path / place).mkdir(parents=True)
    card.write(name, tmp_path)
    written = (tmp_path / place / "README.md").read_text("utf-8")
    assert written == (WEIGHTS / place / "README.md").read_text("utf-8")
    assert f"# builtin:{name}" in written
    assert "license: apache-2.0" in written


def test_the_sanity_checks_are_the_ones_that_were_measured() -> None:
    for name in RECIPES:
        assert read(name)["sanity_all"] == len(checks())
        assert set(read(name)["sanity_failed"]) <= {check.id for check in checks()}


def test_everything_together_is_small() -> None:
    files = [path for path in WEIGHTS.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= 16 * MIB
    assert {path.suffix for path in files} <= {".safetensors", ".json", ".jinja", ".md"}
    for name in ADAPTERS:
        assert sum(path.stat().st_size for path in (WEIGHTS / "adapters" / name).iterdir()) <= MIB
