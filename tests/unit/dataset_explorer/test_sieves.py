"""Every rule that looks at one row: which rows it holds back, and how it says why."""

import pyarrow as pa
import pytest

from apps.dataset_explorer.contamination import add_benchmark
from apps.dataset_explorer.recipes import CleanRules
from apps.dataset_explorer.sieves import Sheaf, judged, private, sieves
from apps.dataset_explorer.tokens import token_counter
from shared.embedding import minilm_folder
from shared.errors import PlaygroundError
from shared.shapes import Shape

TEXT = Shape("text", {"text": "text"})
LONG = "The committee met on Tuesday and agreed that the bridge across the river would be repaired before winter. " * 3


def sift(house, rules, rows, first=0, shape=TEXT):
    texts = pa.array(rows, pa.string())
    sheaf = Sheaf(pa.record_batch({"text": texts}), texts, first)
    return {each.rule: each for sieve in sieves(rules, shape, house.store) for each in sieve(sheaf)}


def rows_of(found, rule):
    return found[rule].rows.tolist() if rule in found else []


def test_no_rule_no_sieve(house):
    assert sieves(CleanRules(), TEXT, house.store) == []
    assert sieves(CleanRules(exact=True, near=True, normalised=True), TEXT, house.store) == []


def test_rows_by_number_are_found_in_their_batch(house):
    found = sift(house, CleanRules(rows=[1, 5, 6, 11]), ["a"] * 5, first=5)
    assert rows_of(found, "row") == [0, 1]
    assert "number" in found["row"].reason(0).why


def test_empty_answers(house):
    found = sift(house, CleanRules(empty_answers=True), ["a", "  ", ""])
    assert rows_of(found, "empty_answer") == [1, 2]
    assert "'text'" in found["empty_answer"].reason(0).why


def test_characters_are_counted_as_people_do(house):
    found = sift(house, CleanRules(min_characters=2, max_characters=4), ["א", "ab", "四个汉字", "五个字了吗", "😀", ""])
    assert rows_of(found, "short_characters") == [0, 4, 5]
    assert rows_of(found, "long_characters") == [3]
    reason = found["long_characters"].reason(0)
    assert (reason.value, reason.least, reason.most) == (5, None, 4)
    assert reason.why == "It has 5 characters; at most 4 are asked for."


def test_tokens_are_minilms_by_default(house):
    rows = ["hello", "hello world", "hello world again", "incomprehensibilities"]
    counts = token_counter().count(pa.array(rows)).tolist()
    found = sift(house, CleanRules(min_tokens=2, max_tokens=3), rows)
    assert rows_of(found, "short_tokens") == [row for row, count in enumerate(counts) if count < 2] == [0]
    assert rows_of(found, "long_tokens") == [row for row, count in enumerate(counts) if count > 3]
    assert found["short_tokens"].reason(0).value == counts[0]


@pytest.mark.parametrize("unit", ["characters", "tokens"])
def test_limits_that_exclude_each_other(house, unit):
    with pytest.raises(PlaygroundError, match=f"min_{unit} is 5 and max_{unit} is 4"):
        sieves(CleanRules(**{f"min_{unit}": 5, f"max_{unit}": 4}), TEXT, house.store)


def test_a_tokenizer_that_is_not_there(house):
    with pytest.raises(PlaygroundError, match="tokenizer"):
        sieves(CleanRules(max_tokens=4, tokenizer="nobody/nothing"), TEXT, house.store)


GERMAN = "Der Ausschuss beschloss am Dienstag, die Brücke über den Fluss vor dem Winter reparieren zu lassen."
CHINESE = "委员会星期二决定在冬天之前修好河上的桥。"
HEBREW = "הוועדה החליטה ביום שלישי לתקן את הגשר לפני החורף."


def test_languages(house):
    rows = [LONG, GERMAN, CHINESE, HEBREW, "42", ""]
    assert rows_of(sift(house, CleanRules(languages=["en", "zh"]), rows), "language") == [1, 3]
    found = sift(house, CleanRules(languages=["he"], unknown_language="drop"), rows)
    assert rows_of(found, "language") == [0, 1, 2, 4, 5]
    assert "Chinese" in found["language"].reason(2).why
    assert "Hebrew is kept" in found["language"].reason(2).why
    assert "cannot be told" in found["language"].reason(3).why


def test_a_guess_is_no_reason_to_drop_a_row(house):
    sure = sift(house, CleanRules(languages=["en"], language_confidence=0.0), [GERMAN, CHINESE])
    strict = sift(house, CleanRules(languages=["en"], language_confidence=1.0), [GERMAN[:20], LONG])
    assert rows_of(sure, "language") == [0, 1]
    assert rows_of(strict, "language") == []


@pytest.mark.parametrize("code", ["english", "xx", "und", ""])
def test_a_language_that_is_none(house, code):
    with pytest.raises(PlaygroundError, match="ISO 639-1"):
        sieves(CleanRules(languages=[code]), TEXT, house.store)


def test_quality_tells_value_threshold_and_place(house):
    repeated = "Prices are subject to change.\n" * 6 + LONG
    found = sift(house, CleanRules(quality="web"), [LONG, repeated, ""])
    assert rows_of(found, "quality:gopher_words") == [2]
    assert 1 in rows_of(found, "quality:gopher_duplicate_lines")
    sifted = found["quality:gopher_duplicate_lines"]
    reason = sifted.shown(0)
    assert reason.value > reason.most
    assert f"at most {reason.most:g} is asked for" in reason.why
    assert repeated[reason.start : reason.end].startswith("Prices are subject to change.")
    assert sifted.reason(0).start is None


def test_some_quality_rules_alone(house):
    rules = CleanRules(quality="web", quality_rules=["gopher_words"])
    assert list(judged(rules)) == ["gopher_words"]
    assert list(sift(house, rules, ["too short", LONG])) == ["quality:gopher_words"]
    assert judged(CleanRules()) == {}


@pytest.mark.parametrize(
    ("rules", "words"),
    [
        (CleanRules(quality="web", quality_rules=["gopher_wrods"]), "no quality rule 'gopher_wrods'"),
        (CleanRules(quality="instruction", quality_rules=["gopher_hashes"]), "does not judge by 'gopher_hashes'"),
        (CleanRules(quality_rules=["gopher_words"]), "Set quality to a profile"),
        (CleanRules(personal="drop", personal_kinds=["emial"]), "no kind of personal data 'emial'"),
        (CleanRules(personal_kinds=["email"]), "Set secrets or personal"),
        (CleanRules(benchmarks=["gsm9k"]), "no benchmark 'gsm9k'"),
    ],
)
def test_settings_that_name_nothing_or_do_nothing(house, rules, words):
    with pytest.raises(PlaygroundError, match=words):
        sieves(rules, TEXT, house.store)


KEY = "hf_" + "qRtZpWmXkLvNbCsDfGhJyTuAeKoPiUwQzE"  # made up
MAIL = "write to ann.smith@gmail.com or to bob@web.de"


def test_secrets_and_personal_data_go_by_their_own_rules(house):
    rows = [f"token = {KEY}", MAIL, "nothing", "someone@example.com"]
    assert list(sift(house, CleanRules(personal="drop"), rows)) == ["personal:email"]
    assert rows_of(sift(house, CleanRules(personal="drop"), rows), "personal:email") == [1]
    secret = sift(house, CleanRules(secrets="drop"), rows)
    assert {place for each in secret.values() for place in each.rows.tolist()} == {0}
    assert all(name.startswith("secrets:") for name in secret)


def test_what_is_found_is_never_shown(house):
    found = sift(house, CleanRules(personal="drop", secrets="drop"), [f"{MAIL}, key {KEY}"])
    for sifted in found.values():
        reason = sifted.shown(0)
        for secret in ("ann.smith", "bob@", KEY):
            assert secret not in reason.text
            assert secret not in reason.why
        assert reason.text[reason.start : reason.end] in reason.why


def test_what_could_not_be_masked_goes(house):
    found = sift(house, CleanRules(personal="mask"), [MAIL])
    assert "cannot be masked" in found["personal:email"].reason(0).why


def test_kinds_by_handling():
    assert private(CleanRules()) == {}
    both = private(CleanRules(secrets="mask", personal="drop"))
    assert both["hf_token"] == "mask"
    assert both["email"] == "drop"
    assert "passport" not in both
    assert private(CleanRules(personal="drop", personal_kinds=["passport"])) == {"passport": "drop"}
    assert private(CleanRules(secrets="drop", personal_kinds=["email"])) == {}


LEAK = (
    "Janet’s ducks lay 16 eggs per day. She eats three for breakfast every morning and bakes muffins for her friends every "
    "day with four. She sells the remainder at the farmers' market daily for $2 per fresh duck egg. How much in dollars does "
    "she make every day at the farmers' market?"
)


def test_benchmarks_name_the_item(house):
    found = sift(house, CleanRules(benchmarks=["gsm8k"]), [LONG, f"Solve this. {LEAK}"])
    assert rows_of(found, "contamination:gsm8k") == [1]
    reason = found["contamination:gsm8k"].reason(0)
    assert "gsm8k/test/" in reason.why
    assert "100% of its question" in reason.why
    assert "ducks lay 16 eggs" in f"Solve this. {LEAK}"[reason.start : reason.end]


def test_added_benchmarks(house):
    add_benchmark(house.store, "ours", [{"question": GERMAN, "answer": "Ja, das hat er so beschlossen."}])
    found = sift(house, CleanRules(benchmarks=["ours", "gsm8k"], n=8), [LONG, GERMAN])
    assert {name: each.rows.tolist() for name, each in found.items()} == {"contamination:ours": [1]}


def test_a_path_is_no_tokenizer(house, workspace):
    """It would be read, whatever it is: /dev/zero has no end."""
    path = workspace / "tokenizer.json"
    path.write_bytes((minilm_folder() / "tokenizer.json").read_bytes())
    with pytest.raises(PlaygroundError, match="is not a ref"):
        sieves(CleanRules(max_tokens=4, tokenizer=str(path)), TEXT, house.store)
    assert sieves(CleanRules(max_tokens=4, tokenizer="builtin:minilm"), TEXT, house.store)
