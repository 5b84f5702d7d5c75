"""One string names one thing, and comes back from its text as it was."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import PlaygroundError
from shared.refs import Ref, parse

COMMIT = "a" * 40
SHA = "0123456789ab"


@pytest.mark.parametrize(
    ("text", "ref"),
    [
        (f"hub:openai/gsm8k@{COMMIT}", Ref("hub", "openai/gsm8k", COMMIT)),
        (f"hub:openai/gsm8k@{COMMIT}#main/train", Ref("hub", "openai/gsm8k", COMMIT, "main", "train")),
        ("hub:openai/gsm8k#main", Ref("hub", "openai/gsm8k", "", "main")),
        ("hub:a/b#/test.clean", Ref("hub", "a/b", "", "", "test.clean")),
        ("hub:a/b@refs/pr/1#c+d (2)/train", Ref("hub", "a/b", "refs/pr/1", "c+d (2)", "train")),
        (f"local:my-data.csv@{SHA}", Ref("local", "my-data.csv", SHA)),
        ("builtin:mini", Ref("builtin", "mini")),
        (f"builtin:mini@{SHA}", Ref("builtin", "mini", SHA)),
        (f"builtin:mini+local:poet@{SHA}", Ref("builtin", "mini", adapter=Ref("local", "poet", SHA))),
        ("openai:lab/llama3:8b+q4", Ref("openai", "lab/llama3:8b+q4")),
        ("tgi:box", Ref("tgi", "box")),
        ("provider:Qwen/Qwen3-8B:groq", Ref("provider", "Qwen/Qwen3-8B:groq")),
    ],
)
def test_every_form_is_read_and_written_back(text: str, ref: Ref) -> None:
    assert parse(f"  {text}\n") == ref
    assert str(ref) == text


def test_hash_digits_are_lower_case() -> None:
    assert str(parse(f"local:x@{SHA.upper()}")) == f"local:x@{SHA}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "hub:owner/name@commit"),
        ("gsm8k", "local:name@sha"),
        ("s3:bucket/key", "is not a ref. Write one of"),
        ("hub:gsm8k", "hub:owner/name@commit"),
        ("hub:a/../b", "kind 'hub'"),
        ("hub:a/b@..", "kind 'hub'"),
        ("hub:a/b#x/y/z", "kind 'hub'"),
        ("local:x", "at least 12"),
        ("local:x@0123456789a", "at least 12"),
        ("local:x@0123456789ag", "at least 12"),
        (f"local:x@{'0' * 65}", "at least 12"),
        (f"local:a/b@{SHA}", "at least 12"),
        (f"local:数据@{SHA}", "at least 12"),
        ("builtin:", "builtin:name"),
        ("openai:lab", "openai:alias/model"),
        ("tgi:a b", "tgi:alias"),
        ("provider:x", "provider:owner/name"),
        (f"builtin:mini+local:a@{SHA}+local:b@{SHA}", "2 adapters"),
        (f"tgi:box+local:a@{SHA}", "served model"),
        ("builtin:mini+local:a", "at least 12"),
    ],
)
def test_anything_else_is_refused_with_the_form_it_should_have(text: str, says: str) -> None:
    with pytest.raises(PlaygroundError, match=r"Write|takes one|takes") as refusal:
        parse(text)
    assert says in str(refusal.value)


def test_a_long_text_is_not_repeated_whole() -> None:
    with pytest.raises(PlaygroundError) as refusal:
        parse("x" * 100_000)
    assert len(str(refusal.value)) < 800


@pytest.mark.parametrize(
    ("text", "exact"),
    [
        (f"hub:a/b@{COMMIT}", True),
        ("hub:a/b", False),
        ("hub:a/b@main", False),
        (f"hub:a/b@{COMMIT[:39]}", False),
        (f"local:x@{SHA}", True),
        ("builtin:mini", True),
        ("openai:lab/x", False),
        ("tgi:x", False),
        ("provider:a/b", False),
        (f"hub:a/b@{COMMIT}+local:x@{SHA}", True),
        (f"hub:a/b+local:x@{SHA}", False),
        (f"hub:a/b@{COMMIT}+hub:a/c@main", False),
    ],
)
def test_exact_is_what_can_never_change(text: str, exact: bool) -> None:
    assert parse(text).exact is exact


def test_the_base_is_the_model_without_its_adapter() -> None:
    assert str(parse(f"builtin:mini+local:x@{SHA}").base) == "builtin:mini"


names = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,20}", fullmatch=True)
hexes = st.text("0123456789abcdef", min_size=12, max_size=64)


@given(names, names, hexes, names, names)
def test_text_and_ref_are_the_same_thing(owner: str, name: str, sha: str, config: str, split: str) -> None:
    for ref in (
        Ref("hub", f"{owner}/{name}", sha, config, split),
        Ref("hub", f"{owner}/{name}", "", adapter=Ref("local", name, sha)),
        Ref("local", name, sha),
    ):
        assert parse(str(ref)) == ref


@given(st.text(max_size=80))
def test_no_text_makes_it_fail_in_another_way(text: str) -> None:
    try:
        ref = parse(text)
    except PlaygroundError:
        return
    assert parse(str(ref)) == ref
