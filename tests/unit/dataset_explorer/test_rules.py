import pytest

from apps.dataset_explorer import quality, rules
from shared.errors import PlaygroundError


def test_every_measured_value_has_its_rule_and_the_other_way_round():
    assert {rule.name for rule in rules.rules()} == set(quality.measure(["one row"]).values)


def test_every_rule_states_its_source_and_why_profiles_differ():
    for rule in rules.rules():
        assert rule.source
        assert rule.says
        assert rule.family == rule.name.split("_")[0]
        assert bool(rule.why) == (rule.web != rule.instruction), rule.name


def test_the_web_profile_is_that_of_the_papers():
    web = rules.thresholds("web")
    assert (web["gopher_words"].least, web["gopher_words"].most) == (50, 100_000)
    assert (web["gopher_word_length"].least, web["gopher_word_length"].most) == (3, 10)
    assert [web[f"gopher_top_{n}_gram"].most for n in (2, 3, 4)] == [0.2, 0.18, 0.16]
    assert [web[f"gopher_repeated_{n}_grams"].most for n in range(5, 11)] == [0.15, 0.14, 0.13, 0.12, 0.11, 0.1]
    assert web["c4_sentences"].least == 5
    assert web["fineweb_duplicate_characters"].most == 0.01


def test_the_instruction_profile_has_no_rule_for_pages():
    asked = rules.thresholds("instruction")
    assert asked["gopher_words"].least == 1
    assert not {"gopher_stop_words", "c4_sentences", "c4_curly_brackets", "fineweb_short_lines"} & set(asked)


def test_unknown_names_are_said_with_what_there_is():
    with pytest.raises(PlaygroundError, match=r"no quality rule 'gopher_word'\. Rules: gopher_words"):
        rules.rule("gopher_word")
    with pytest.raises(PlaygroundError, match="Choose 'web' or 'instruction'"):
        rules.thresholds("other")


def test_words_and_characters_that_say_nothing():
    assert {"the", "with", "about"} <= set(rules.function_words())
    assert "的" in rules.grammar_characters()
    assert len(set(rules.grammar_characters())) == len(rules.grammar_characters())


def test_stop_words_are_told_apart():
    lists = rules.stop_words()
    assert lists["en"] == ("the", "be", "to", "of", "and", "that", "have", "with")
    assert all(len(set(words)) == len(words) == 8 for words in lists.values())
