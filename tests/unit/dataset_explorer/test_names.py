import pytest

from apps.dataset_explorer.names import known_as


@pytest.mark.parametrize(
    ("source", "name", "known"),
    [
        ("hub:openai/gsm8k@" + "a" * 40 + "#main/train", "gsm8k-main-train", "openai/gsm8k"),
        ("hub:openai/gsm8k", "anything", "openai/gsm8k"),
        ("local:alpaca.jsonl.gz@0123456789ab", "alpaca.jsonl.gz", "alpaca"),
        ("builtin:dirty-mixture", "dirty-mixture", "dirty-mixture"),
        ("", "中文.json", "中文"),
        ("", "v1.2-set.JSONL", "v1.2-set"),
        ("", "", ""),
    ],
)
def test_what_a_dataset_is_known_by(source, name, known):
    assert known_as(source, name) == known
