import re

from apps.model_arena.manifest import manifest


def test_the_manifest_holds_together():
    whole = manifest()
    assert set(whole.suspicion.weights) == {
        "too_fast",
        "one_sided",
        "named",
        "asked_for_name",
        "repeated_prompt",
        "burst",
    }
    assert all(0 < weight <= 1 for weight in whole.suspicion.weights.values())
    assert set(whole.categories["order"]) == set(whole.categories["words"])
    for pattern in whole.suspicion.fishing["patterns"]:
        re.compile(pattern)
    assert set(whole.names) == {"distinctive", "ambiguous"}
    assert not set(whole.names["distinctive"]) & set(whole.names["ambiguous"])
    assert all(each.prompts and each.title for each in whole.prompt_sets.values())
    assert all(set(price) == {"in", "out"} for price in whole.prices.values())
