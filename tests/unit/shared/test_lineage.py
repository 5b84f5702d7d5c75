"""What is known of where datasets come from."""

import pytest

from shared.licence_names import ORDER, recognise
from shared.lineage import (
    ancestors,
    generator,
    generators_in,
    generators_named,
    origin,
    sets_in,
    sets_named,
)


def test_a_set_is_found_by_its_id_in_any_case_and_by_its_ref():
    assert origin("Tatsu-Lab/Alpaca").id == "tatsu-lab/alpaca"
    assert origin("hub:tatsu-lab/alpaca@0123abc#default/train").id == "tatsu-lab/alpaca"
    assert origin("nobody/knows-this") is None


def test_ancestors_reach_the_beginning_and_each_comes_once():
    made = list(ancestors(origin("silk-road/alpaca-data-gpt4-chinese")))
    assert [parent.id for parent, _ in made] == ["vicgalle/alpaca-gpt4", "tatsu-lab/alpaca"]
    assert [child.id for _, child in made] == ["silk-road/alpaca-data-gpt4-chinese", "vicgalle/alpaca-gpt4"]
    mixed = [parent.id for parent, _ in ancestors(origin("allenai/tulu-v2-sft-mixture"))]
    assert len(mixed) == len(set(mixed))


def test_every_entry_is_whole():
    for known in (origin(name) for name in ("hikariming/alpaca_chinese_dataset", "lianjiatech/belle", "gair/lima")):
        assert known.evidence in ("verified", "recalled")
        assert known.use in ORDER
        for name in known.generators:
            assert generator(name).use in ORDER
        if known.licence:
            assert recognise(known.licence)


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (["gpt-4-0613"], ["openai"]),
        (["Claude 3 Opus", "text-davinci-003"], ["openai", "anthropic"]),
        (["meta-llama/Llama-3.1-70B-Instruct"], ["llama-3.1"]),
        (["meta-llama/Llama-2-7b"], ["llama-2-3"]),
        (["a person"], []),
        ([], []),
    ],
)
def test_models_are_known_by_their_names(names, ids):
    assert generators_named(names) == ids


@pytest.mark.parametrize(
    ("card", "ids"),
    [
        ("The answers were generated with GPT-4o-mini.", ["openai"]),
        ("回答由 ChatGPT 生成。", ["openai"]),
        ("Claude is a name. Our data was written by hand.", []),
        ("We compare with GPT-4 in table 3.", []),
    ],
)
def test_a_card_says_which_model_wrote_the_text(card, ids):
    assert generators_in(card) == ids


@pytest.mark.parametrize(
    ("card", "ids"),
    [
        ("A Chinese translation of Stanford Alpaca.", ["tatsu-lab/alpaca"]),
        ("Rows are converted to the Alpaca format.", []),
        ("It was built from gsm8k.", ["openai/gsm8k"]),
        ("Unlike GSM8K, it is hard. It is based on contests.", []),
    ],
)
def test_a_card_says_what_the_data_was_made_of(card, ids):
    assert [known.id for known in sets_in(card)] == ids


def test_a_name_points_to_known_sets():
    assert [known.id for known in sets_named("someone/my-alpaca-zh")] == ["tatsu-lab/alpaca"]
    assert sets_named("someone/alpaca-format-poems") == []
    assert sets_named("someone/poems") == []
