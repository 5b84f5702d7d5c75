import math
from pathlib import Path

import pytest

from shared.env import Environment
from shared.errors import NotAllowed, PlaygroundError
from shared.metrics.exact import Rules
from shared.metrics.measuring import Bench, Measuring, measure, solution, taken
from shared.metrics.tasks import Choice, Code, Exact, Task, Text, Translation
from shared.policy import Caller

from .fakes import Bytes, nats

CALLER = Caller("somebody", owner=False)


def outcomes(models, task: Task, settings: Measuring | None = None, run_code: bool = False):
    bench = Bench(models, "m", settings or Measuring(), CALLER, Environment(home=Path("/nowhere"), run_code=run_code))
    found = [each for some in measure(bench, task) for each in some]
    return sorted(found, key=lambda each: each.item)


def task(kind: str, *items, rules: Rules | None = None) -> Task:
    return Task("t", kind, "T", "", "", items, rules or Rules())


def test_texts_are_scored_in_windows_with_context() -> None:
    text = "the quick brown fox jumps over the lazy dog " * 8
    models = Bytes()
    found = outcomes(
        models, task("text", Text(text, "d", "en"), Text("ok", "d", "en")), Measuring(window=96, overlap=32)
    )
    bits, size = found[0].rows["bits_per_byte"]
    assert size == len(text)
    calls = [(t, c) for texts, contexts in models.calls for t, c in zip(texts, contexts, strict=True)]
    assert max(len(t + c) for t, c in calls) <= 96
    assert bits == pytest.approx(-sum(nats(t, c) for t, c in calls if t != "ok") / math.log(2))
    assert found[0].rows["bits_per_byte_mean"] == (pytest.approx(bits / size), 1)
    assert found[1].rows["bits_per_byte"][1] == 2
    assert models.callers == {"somebody"}


def test_a_text_of_which_nothing_can_be_scored_has_no_number() -> None:
    assert outcomes(Bytes(first=False), task("text", Text("x")))[0].rows == {}


def test_choices_are_scored_given_the_question() -> None:
    models = Bytes()
    item = Choice("abab abab", ("zq", "ab", "xy"), 1, " ", "d", "en")
    zh = Choice("问题", ("答", "问"), 1, "")
    found = outcomes(models, task("choices", item, zh))
    assert found[0].answer == "ab"
    assert found[0].rows == dict.fromkeys(("acc", "acc_norm", "acc_bytes"), (1.0, 1.0))
    assert found[1].rows["acc"] == (1.0, 1.0)
    pairs = {(t, c) for texts, contexts in models.calls for t, c in zip(texts, contexts, strict=True)}
    assert pairs == {(" zq", "abab abab"), (" ab", "abab abab"), (" xy", "abab abab"), ("答", "问题"), ("问", "问题")}


def test_exact_match_of_chat_and_of_text() -> None:
    models = Bytes(lambda prompt: " Paris\nand more" if "France" in prompt else "")
    one = task(
        "exact",
        Exact("Capital of France?", ("Paris",)),
        Exact("Of Peru?", ("Lima",)),
        rules=Rules(extract="first_line"),
    )
    found = outcomes(models, one)
    assert [each.rows["exact_match"] for each in found] == [(1.0, 1.0), (0.0, 1.0)]
    assert found[0].answer == " Paris\nand more"
    assert {each.messages[0].content for each in models.asked} == {"Capital of France?", "Of Peru?"}
    assert all(each.decoding.temperature == 0 for each in models.asked)
    models.asked.clear()
    outcomes(models, one, Measuring(chat=False, max_new_tokens=7))
    assert {each.text for each in models.asked} == {
        "Question: Capital of France?\nAnswer:",
        "Question: Of Peru?\nAnswer:",
    }
    assert {each.decoding.max_new_tokens for each in models.asked} == {7}


def test_translations_are_counted() -> None:
    models = Bytes(lambda prompt: "早上好。" if "Good morning" in prompt else "不知道")
    items = (
        Translation("Good morning.", ("早上好。", "早安。"), "d", "zh", "en"),
        Translation("Hi.", ("你好。",), "d", "zh", "en"),
    )
    found = outcomes(models, task("translation", *items))
    assert len(found[0].rows["bleu"]) == 10
    assert len(found[0].rows["chrf"]) == 18
    assert "from English into Chinese" in models.asked[0].messages[0].content
    outcomes(models, task("translation", *items), Measuring(chat=False))
    assert models.asked[-1].text.endswith("\nChinese:")


ADD = Code("def add(a, b):\n", "def check(candidate):\n    assert candidate(1, 2) == 3\n", "add")


def test_programs_are_run_where_that_is_allowed() -> None:
    models = Bytes(lambda prompt: "    return a + b\n")
    found = outcomes(models, task("code", ADD), Measuring(chat=False), run_code=True)
    assert found[0].rows == {"pass_at_1": (1.0, 1.0)}
    assert "\ndef" in models.asked[0].decoding.stop
    wrong = outcomes(Bytes(lambda prompt: "    return a - b\n"), task("code", ADD), run_code=True)
    assert wrong[0].rows == {"pass_at_1": (0.0, 1.0)}
    assert "AssertionError" in wrong[0].why


def test_programs_are_refused_before_the_model_is_asked() -> None:
    models = Bytes(lambda prompt: "    return a + b\n")
    with pytest.raises(NotAllowed, match="PLAYGROUND_RUN_CODE"):
        outcomes(models, task("code", ADD))
    assert models.asked == []


@pytest.mark.parametrize(
    ("answer", "program"),
    [
        ("    return a + b", "def add(a, b):\n    return a + b"),
        ("def add(a, b):\n    return a", "def add(a, b):\n    return a"),
        ("Sure:\n```python\ndef add(a, b):\n    return 1\n```\nThat is it.", "def add(a, b):\n    return 1\n"),
        ("```\n    return 2\n```", "def add(a, b):\n    return 2\n"),
        ("``` python\ndef add(a, b):\n    return 3\n```", "def add(a, b):\n    return 3\n"),
        ("    def add_all(*x): ...\n    return a", "def add(a, b):\n    def add_all(*x): ...\n    return a"),
        ("```python", "def add(a, b):\n```python"),
        ("", "def add(a, b):\n"),
    ],
)
def test_the_program_in_an_answer(answer: str, program: str) -> None:
    assert solution(ADD, answer) == program


def test_a_limit_takes_from_every_part() -> None:
    assert taken(10, 0) == taken(10, 10) == taken(10, 99) == list(range(10))
    assert taken(10, 3) == [0, 3, 6]
    assert taken(3, 1) == [0]
    assert len(outcomes(Bytes(), task("text", *[Text(f"{n}") for n in range(9)]), Measuring(limit=4))) == 4


def test_items_of_another_kind_are_refused() -> None:
    with pytest.raises(PlaygroundError, match="holds other items"):
        outcomes(Bytes(), task("text", Exact("q", ("a",))))
