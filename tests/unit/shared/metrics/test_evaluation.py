import math
from dataclasses import replace
from pathlib import Path

import pytest
import sacrebleu

from shared import records
from shared.env import Environment
from shared.errors import PlaygroundError
from shared.metrics import evaluation
from shared.metrics.evaluation import Evaluation, compare, run, summarise
from shared.metrics.exact import Rules
from shared.metrics.measuring import Measuring, Outcome
from shared.metrics.tasks import Exact, Task, Text, Translation, task
from shared.progress import Progress

from .fakes import Bytes, nats

HERE = Environment(home=Path("/nowhere"))
FAST = Measuring(draws=200)
TEXTS = (Text("once upon a time", "stories", "en"), Text("print(1)", "code", "python"), Text("月亮", "prose", "zh"))
QUESTIONS = tuple(Exact(f"{n}?", (str(n),), "numbers" if n < 4 else "more", "en") for n in range(8))


def parts(models=None, tasks=(), settings=FAST) -> list[Progress | Evaluation]:
    return list(run(models or Bytes(), "m", tasks, settings, environment=HERE))


def last(*args, **kwargs) -> Evaluation:
    found = parts(*args, **kwargs)[-1]
    assert isinstance(found, Evaluation)
    return found


def of(found: Evaluation, key: str):
    return next(each for each in found.metrics if each.key == key)


def test_bits_per_byte_are_pooled_over_tasks_and_told_apart_by_domain_and_language() -> None:
    one = Task("one", "text", "One", "", "", TEXTS[:1])
    two = Task("two", "text", "Two", "", "", TEXTS[1:])
    found = last(tasks=[one, two])
    texts = [each.text for each in TEXTS]
    size = sum(len(each.encode()) for each in texts)
    pooled = -sum(map(nats, texts)) / math.log(2) / size
    whole = of(found, "bits_per_byte")
    assert whole.value == pytest.approx(pooled, abs=1e-9)
    assert (whole.n, whole.unit, whole.higher) == (3, "bits/byte", False)
    assert whole.lower < whole.value < whole.upper
    rates = [-nats(each) / math.log(2) / len(each.encode()) for each in texts]
    assert of(found, "bits_per_byte_mean").value == pytest.approx(sum(rates) / 3, abs=1e-9)
    assert of(found, "bits_per_byte.code.python").value == pytest.approx(rates[1], abs=1e-9)
    assert of(found, "bits_per_byte.prose.zh").lower is None, "one document"
    assert found.results["bits_per_byte.stories.en"] == pytest.approx(rates[0], abs=1e-9)


def test_progress_and_partial_results_stream() -> None:
    one, two = Task("one", "text", "One", "", "", TEXTS), Task("two", "exact", "Two", "", "", QUESTIONS)
    found = parts(Bytes(lambda prompt: "1"), [one, two])
    steps = [each for each in found if isinstance(each, Progress)]
    assert [each.done for each in steps] == sorted(each.done for each in steps)
    assert steps[0] == Progress("Measuring: One", 0, 11, None)
    assert steps[-1].done == steps[-1].total == 11
    assert steps[-1].eta_seconds == 0
    results = [each for each in found if isinstance(each, Evaluation)]
    assert [each.complete for each in results] == [False, True]
    assert {each.name for each in results[0].metrics} == {"bits_per_byte", "bits_per_byte_mean"}
    assert found[-1] is results[-1]
    assert [(each.task, each.item) for each in results[-1].outcomes] == [("one", n) for n in range(3)] + [
        ("two", n) for n in range(8)
    ]


def test_exact_match_with_parts() -> None:
    found = last(
        Bytes(lambda prompt: "1" if prompt == "1?" else "6" if prompt == "6?" else "x"),
        [Task("numbers", "exact", "N", "", "", QUESTIONS)],
    )
    assert of(found, "exact_match.numbers").value == 0.25
    assert of(found, "exact_match.numbers.numbers.en").value == 0.25
    assert of(found, "exact_match.numbers.more.en").n == 4
    assert found.metrics[0].key == "exact_match.numbers", "the whole comes first"


def test_a_task_of_one_part_is_not_shown_twice() -> None:
    found = last(Bytes(lambda prompt: "x"), [Task("t", "exact", "T", "", "", QUESTIONS[:3])])
    assert [each.key for each in found.metrics] == ["exact_match.t"]
    assert found.metrics[0].value == 0
    assert found.metrics[0].upper == pytest.approx(1 - 0.025 ** (1 / 3)), "none of three is not proof of none"


def test_translations_equal_sacrebleu_and_keep_its_signature() -> None:
    known = {"Good morning.": "早上好。", "It is raining today.": "今天下雨", "Thank you very much.": "谢谢"}

    def answer(prompt: str) -> str:
        return known.get(prompt.rpartition("\n")[2], "我不知道。")

    ours = task("en-zh")
    found = last(Bytes(answer), [ours])
    answers = [answer(each.source) for each in ours.items if isinstance(each, Translation)]
    references = [list(each.references) for each in ours.items if isinstance(each, Translation)]
    streams = [[each[place] if place < len(each) else None for each in references] for place in range(2)]
    bleu = sacrebleu.BLEU(tokenize="zh")
    assert of(found, "bleu.en-zh").value == pytest.approx(bleu.corpus_score(answers, streams).score, abs=1e-6)
    assert of(found, "bleu.en-zh").signature == str(bleu.get_signature())
    chrf = sacrebleu.CHRF()
    assert of(found, "chrf.en-zh").value == pytest.approx(chrf.corpus_score(answers, streams).score, abs=1e-6)
    assert of(found, "chrf.en-zh").signature == str(chrf.get_signature())


def test_results_can_be_a_record(house) -> None:
    found = last(Bytes(lambda prompt: "Paris"), ["answers", "choices", "prose"], Measuring(limit=6, draws=100))
    assert found.complete
    record = records.save(house.store, records.Record("model_arena", "evaluate", {"model": "m"}, found.results))
    assert record.results["acc.choices"] == found.results["acc.choices"]
    assert (
        0
        <= found.results["acc.choices.lower"]
        <= found.results["acc.choices"]
        <= found.results["acc.choices.upper"]
        <= 1
    )


def test_comparison_is_paired() -> None:
    ours = Task("t", "exact", "T", "", "", QUESTIONS, Rules())
    good = last(Bytes(lambda prompt: prompt[:-1]), [ours])
    bad = last(Bytes(lambda prompt: prompt[:-1] if prompt < "5" else "x"), [ours])
    gap = compare(good, bad, FAST)[0]
    assert (gap.name, gap.task, gap.higher) == ("exact_match", "t", True)
    assert (gap.gap.value, gap.gap.n) == (0.375, 8)
    assert gap.gap.lower <= 0.375 <= gap.gap.upper
    texts = Task("x", "text", "X", "", "", TEXTS)
    assert {each.name for each in compare(last(tasks=[texts]), last(tasks=[texts]))} == {
        "bits_per_byte",
        "bits_per_byte_mean",
    }
    only = replace(good, outcomes=good.outcomes[:2])
    assert compare(only, bad)[0].gap.n == 2
    assert compare(good, last(tasks=[texts])) == [], "they have nothing in common"


def test_tasks_are_taken_once_and_must_be_known() -> None:
    ours = Task("t", "text", "T", "", "", TEXTS)
    assert len(last(tasks=[ours, ours]).outcomes) == 3
    with pytest.raises(PlaygroundError, match="at least one task"):
        parts(tasks=[])
    with pytest.raises(PlaygroundError, match="no task 'nope'"):
        parts(tasks=["nope"])


def test_only_what_has_new_items_is_drawn_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand draws for each metric after each task, for five models, were seconds that nobody needed."""
    drawn: list[int] = []
    real = evaluation.intervals.bootstrap
    monkeypatch.setattr(
        evaluation.intervals, "bootstrap", lambda rows, *rest: drawn.append(len(rows)) or real(rows, *rest)
    )
    answers = [Outcome("facts", place, "", "", {"exact_match": (place % 2, 1.0)}) for place in range(8)]
    prose = [Outcome("prose", place, "", "", {"bits_per_byte": (place + 5.0, 9.0)}) for place in range(6)]
    code = [Outcome("code", place, "", "", {"bits_per_byte": (place + 1.0, 9.0)}) for place in range(3)]
    settings, found = Measuring(draws=50), []
    for upto in (answers, answers + prose, answers + prose + code):
        found = summarise(upto, [], settings, found)
    assert drawn == [8, 6, 9], "each once, and bits per byte again when more bytes came"
    assert found == summarise(answers + prose + code, [], settings)


def test_stopping_asks_no_more() -> None:
    models = Bytes(lambda prompt: "x")
    stream = run(models, "m", ["prose", "answers"], FAST, environment=HERE)
    while not isinstance(next(stream), Evaluation):
        pass
    stream.close()
    assert models.asked == []


def test_the_process_environment_says_whether_programs_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PLAYGROUND_RUN_CODE", raising=False)
    with pytest.raises(PlaygroundError, match="PLAYGROUND_RUN_CODE"):
        list(run(Bytes(), "m", ["functions"]))


def test_summary_of_nothing_is_empty() -> None:
    assert summarise([], []) == []
    assert Evaluation("m", (), (), 0.0, True).results == {}


def test_every_metric_has_a_scale() -> None:
    found = last(Bytes(lambda prompt: "x"), ["answers", "choices", "prose", "en-zh"], Measuring(limit=2, draws=100))
    assert {each.name for each in found.metrics} | {"pass_at_1"} == set(evaluation.SCALES)
    rows = [Outcome("t", place, "", "", {"pass_at_1": (1.0, 1.0)}) for place in range(4)]
    assert summarise(rows, [])[0].value == 1
