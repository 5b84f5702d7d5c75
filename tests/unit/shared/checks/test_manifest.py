from pathlib import Path

import pytest

from shared.checks import axes, checks, chosen
from shared.checks.manifest import MANIFEST, Check
from shared.errors import PlaygroundError

EXAMPLES = [
    pytest.param(check, kind, answer, id=f"{check.id}-{kind}-{n}")
    for check in checks()
    for kind in ("right", "nearly", "wrong")
    for n, answer in enumerate(getattr(check.examples, kind))
]
ENTRY = """[[checks]]
id = "one"
axis = "facts"
prompt = "What is the capital of France?"
checker = "exact"
expect.values = ["Paris"]
note = "A fact."
examples = { right = ["Paris"], nearly = ["Pari"], wrong = ["Rome"] }
"""


@pytest.mark.parametrize(("check", "kind", "answer"), EXAMPLES)
def test_every_example_is_judged_rightly(check: Check, kind: str, answer: str) -> None:
    verdict = check.judge(answer)
    assert verdict.passed == (kind == "right"), verdict.why
    assert bool(verdict.why) != verdict.passed, "a verdict that is not a pass says why"


def test_how_many_there_are_and_on_how_many_axes() -> None:
    assert 44 <= len(checks()) <= 60
    assert sum(check.core for check in checks()) == 32
    assert len(axes()) >= 14
    assert axes(checks()[:3]) == ("chat", "arithmetic")


def test_code_is_asked_in_six_languages() -> None:
    languages = {check.expect.get("language", "python") for check in checks() if check.axis == "code"}
    assert languages == {"python", "cpp", "javascript", "rust", "lean", "julia"}


def test_every_core_id_is_one_of_the_32() -> None:
    ids = (
        "greet who add1 add2 sub2 mul1 add3 word1 cmp unit cap1 cap2 capzh zh1 zh2 copy1 copy2 rev last sort upper "
        "spell count opp sent1 sent2 json1 json2 code1 ctx1 ctx2 story"
    )
    assert {check.id for check in checks() if check.core} == set(ids.split())


def test_prompts_are_short_and_different() -> None:
    conversations = [check.conversation for check in checks()]
    assert len(set(conversations)) == len(conversations)
    assert max(sum(len(message.content) for message in each) for each in conversations) < 200


def test_a_request_is_greedy_and_starts_with_the_system_prompt() -> None:
    secret = chosen(ids=["secret"])[0]
    request = secret.request(seed=7)
    assert [message.role for message in request.messages] == ["system", "user"]
    assert (request.decoding.temperature, request.decoding.seed) == (0.0, 7)
    assert request.decoding.max_new_tokens == 64
    assert secret.request(max_new_tokens=500).decoding.max_new_tokens == 500
    assert chosen(ids=["story"])[0].request(max_new_tokens=100).decoding.max_new_tokens == 200
    assert [m.role for m in chosen(ids=["memory_name"])[0].conversation] == ["user", "assistant", "user"]


def test_an_answer_that_must_end_by_itself() -> None:
    check = chosen(ids=["three_times"])[0]
    assert check.judge("tea tea tea").passed
    assert "cut off" in check.judge("tea tea tea", complete=False).why
    assert chosen(ids=["add1"])[0].judge("12", complete=False).passed


def test_choosing() -> None:
    assert chosen() == checks()
    assert {check.axis for check in chosen(["json"])} == {"json"}
    assert [check.id for check in chosen(["stopping"], ["who"])] == ["who", "three_times"]
    assert len(chosen(core=True)) == 32


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"axis": ["jsn"]}, "no axis 'jsn'. Did you mean: json?"),
        ({"ids": ["ad1"]}, "no check 'ad1'. Did you mean: add1?"),
        ({"ids": ["?"]}, "Did you mean: greet, who"),
        ({"axis": ["stopping"], "core": True}, "No check is left"),
    ],
)
def test_choosing_what_is_not_there(arguments: dict, words: str) -> None:
    with pytest.raises(PlaygroundError, match=words.replace("?", r"\?")):
        chosen(**arguments)


def test_a_manifest_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(f"max_new_tokens = 9\n{ENTRY}")
    (check,) = checks(tmp_path / "own.toml")
    assert (check.id, check.max_new_tokens, check.core) == ("one", 9, False)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[[", "is not TOML"),
        ("", "holds no checks"),
        ("cheks = []", "unknown field 'cheks'"),
        (ENTRY.replace("axis", "axes"), "check 1 'one', field 'axis'"),
        (ENTRY.replace('"one"', '"One!"'), "check 1 'One!', field 'id'"),
        (ENTRY.replace('["Pari"]', "[]"), r"field 'examples\.nearly'"),
        (ENTRY.replace('"exact"', '"exakt"'), "no checker 'exakt'"),
        (ENTRY.replace("expect.values", "expect.value"), "takes no 'value'"),
        (ENTRY.replace("expect.values", "# "), "cannot use 'values'"),
        (ENTRY.replace('["Paris"]\nnote', '"Paris"\nnote'), "cannot use 'values'"),
        (ENTRY.replace("prompt =", "system ="), "either a prompt or messages"),
        (ENTRY + 'messages = [{ role = "user", content = "Hi" }]', "either a prompt or messages"),
        (ENTRY.replace('"What is the capital of France?"', '""') + 'messages = [{ role = "assistant", content = "Hi" }]',
         "the last message must be the user's"),
        (ENTRY.replace('"exact"', '"matches"').replace("values", "pattern").replace('["Paris"]\nnote', '"("\nnote'), "not closed"),
        (ENTRY + ENTRY, "two checks 'one'"),
    ],
)  # fmt: skip
def test_faults_of_a_manifest(text: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(text)
    with pytest.raises(PlaygroundError, match=words):
        checks(tmp_path / "own.toml")


def test_a_missing_manifest(tmp_path: Path) -> None:
    with pytest.raises(PlaygroundError, match=r"own\.toml cannot be read"):
        checks(tmp_path / "own.toml")
    assert MANIFEST.name == "sanity.toml"
