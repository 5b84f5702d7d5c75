"""Measuring models through the core: our own tasks and named benchmarks, gaps between models, and the record."""

import json
from dataclasses import replace

import pytest

from apps.model_arena import core, evaluating
from apps.model_arena.evaluating import Measured
from shared import calls, records
from shared.env import Environment
from shared.errors import NotAllowed, PlaygroundError
from shared.metrics import benchmarks, harness, tasks
from shared.metrics.evaluation import Evaluation, Metric
from shared.metrics.measuring import Outcome
from shared.models.models import Models
from shared.models.protocol import Delta, Failure, Finish, Start
from shared.models.scripted import Scripted
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.suite import Suite, using
from shared.ui.wiring import _plain
from tests.unit.shared.models.toys import Loader

FEW = {"limit": 4, "draws": 100}
KNOWING, GUESSING = "toy:knowing", "toy:guessing"


def knowing(request):
    """Answers the questions of the task "answers", each with its first right answer."""
    asked = request.messages[-1].content
    item = next((each for each in tasks.task("answers").items if each.question == asked), None)
    return [Start("k"), Delta(item.answers[0] if item else "?"), Finish("stop")]


@pytest.fixture
def models(house):
    """One model that knows the answers and likes "the", and one that guesses."""
    house.models.add(Scripted(KNOWING, knowing, scores={"the": -0.1}))
    house.models.add(Scripted(GUESSING, [Start("g"), Delta("forty-two"), Finish("stop")], scores={}))
    house.models.add(Scripted("toy:mute", [Finish("stop")]))
    return house.models


def evaluate(*named, tasks=("answers",), **more):
    """Everything that comes, and the last of it; JSON must take all of it."""
    arguments = {"models": list(named), "tasks": list(tasks), "settings": FEW, **more}
    got = list(calls.call(core.evaluate, arguments, OWNER))
    for item in got:
        json.dumps(_plain(item), allow_nan=False)
    return got, got[-1]


def values(numbers):
    return {metric.key: metric.value for metric in numbers}


def test_one_model(house, models):
    got, measured = evaluate(KNOWING)
    assert measured.models == [KNOWING]
    assert values(measured.metrics[0])["exact_match.answers"] == 1
    assert (measured.gaps, measured.complete) == ([], True)
    record = records.load(house.store, measured.record)
    assert (record.app, record.action, record.inputs) == ("model_arena", "evaluate", {"model_1": KNOWING})
    assert record.results[f"{KNOWING}.exact_match.answers"] == 1
    assert record.settings["settings"]["limit"] == 4
    steps = [each for each in got if isinstance(each, Progress)]
    assert [(step.done, step.total) for step in steps] == [(n, 4) for n in range(5)]
    assert all(step.stage == f"{KNOWING}: Measuring: {tasks.task('answers').title}" for step in steps)


def test_two_models_and_the_gap_between_them(models):
    got, measured = evaluate(GUESSING, KNOWING, tasks=["answers", "choices", "prose", "en-zh"])
    assert [values(numbers)["exact_match.answers"] for numbers in measured.metrics] == [0, 1]
    gaps = {gap.metric: gap for gap in measured.gaps}
    assert set(gaps) >= {"exact_match.answers", "acc.choices", "bits_per_byte", "bleu.en-zh", "chrf.en-zh"}
    gap = gaps["exact_match.answers"]
    assert (gap.first, gap.second, gap.difference) == (KNOWING, GUESSING, 1)
    assert (gap.lower, gap.upper) == (pytest.approx(2 * 0.025 ** (1 / 4) - 1), 1), "four items are no proof"
    likes = gaps["bits_per_byte"]
    assert likes.difference < 0, "fewer bits for the model that expects 'the'"
    assert likes.lower <= likes.difference <= likes.upper
    partial = [each for each in got if isinstance(each, Measured)]
    assert all(not (each.complete or each.gaps or each.record) for each in partial[:-1])
    assert [len(each.metrics) for each in partial] == [1, 1, 1, 1, 2, 2, 2, 2, 2]
    assert any("(2 of 2 models)" in each.stage for each in got if isinstance(each, Progress))


def test_one_item_has_no_interval_and_no_infinity(models):
    _, measured = evaluate(KNOWING, GUESSING, settings={"limit": 1, "draws": 100})
    (gap,) = measured.gaps
    assert (gap.difference, gap.lower, gap.upper) == (-1, None, None)


def test_the_record_measures_the_same_again(house, models):
    _, measured = evaluate(KNOWING, GUESSING, tasks=["choices", "answers"])
    record = records.load(house.store, measured.record)
    *_, again = calls.call(core.evaluate, record.settings, OWNER)
    assert records.load(house.store, again.record).results == record.results
    assert again == replace(measured, record=again.record)


def test_inputs_are_pinned(house):
    house.__dict__["models"] = Models(house.environment, house.catalog, house.store, load=Loader())
    _, measured = evaluate("builtin:micro")
    record = records.load(house.store, measured.record)
    assert record.inputs == {"model_1": house.models.pinned("builtin:micro")}
    assert records.exact(record) == (True, "")


def test_no_task_takes_all_that_run_no_programs(models):
    _, measured = evaluate(KNOWING, tasks=[], settings={"limit": 2, "draws": 100})
    measured_tasks = {metric.task for metric in measured.metrics[0]} - {""}
    assert measured_tasks == {"answers", "choices", "en-zh"}
    assert "bits_per_byte" in values(measured.metrics[0])
    assert {"answers", "functions", "gsm8k", "humaneval"} <= set(evaluating.known_tasks())


def test_a_task_named_twice_is_measured_once(models):
    got, _ = evaluate(KNOWING, tasks=["answers", "answers"])
    assert max(each.total for each in got if isinstance(each, Progress)) == 4


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"models": []}, "No model is named"),
        ({"models": [KNOWING, KNOWING]}, "named twice"),
        ({"models": [f"toy:{n}" for n in range(7)]}, "At most 6"),
        ({"models": [KNOWING, "toy:gone"]}, "'toy:gone'"),
        ({"tasks": ["answer"]}, "no task 'answer'. Did you mean 'answers'"),
        ({"tasks": ["answers", "hellaswg"]}, "Did you mean 'hellaswag'"),
        ({"tasks": ["völlig anders"]}, "Known: answers, choices"),
        ({"tasks": ["answers", "functions"]}, "PLAYGROUND_RUN_CODE=1"),
        ({"tasks": ["answers", "humaneval"]}, "PLAYGROUND_RUN_CODE=1"),
        ({"settings": {"limit": -1}}, "limit"),
        ({"settings": {"limt": 1}}, "Did you mean 'limit'"),
    ],
)
def test_what_cannot_be_measured_is_said_before_anything_is(house, arguments, said):
    asked = Scripted(KNOWING, knowing, scores={})
    house.models.add(asked)
    with pytest.raises(PlaygroundError, match=said):
        list(calls.call(core.evaluate, {"models": [KNOWING], "tasks": ["answers"], **arguments}, OWNER))
    assert asked.requests == []
    assert records.find(house.store) == []


def test_a_model_that_fails_is_named(house, models):
    with pytest.raises(PlaygroundError, match="toy:mute cannot score"):
        evaluate("toy:mute", tasks=["prose"])
    house.models.add(Scripted("toy:broken", [Failure("server", "out of order")]))
    with pytest.raises(PlaygroundError, match="toy:broken failed to answer: out of order"):
        evaluate("toy:broken")
    assert records.find(house.store) == []


def test_a_model_that_fails_leaves_what_was_measured_before_it(house, models):
    house.models.add(Scripted("toy:broken", [Failure("server", "out of order")]))
    with pytest.raises(
        PlaygroundError, match="toy:broken failed to answer: out of order What was measured before"
    ) as caught:
        evaluate(KNOWING, "toy:broken", GUESSING)
    (record,) = records.find(house.store)
    assert record.id[:8] in str(caught.value)
    assert record.settings["models"] == [KNOWING]
    assert record.inputs == {"model_1": KNOWING}
    assert record.results[f"{KNOWING}.exact_match.answers"] == 1


def test_stopped_it_leaves_no_record(house, models):
    stream = calls.call(core.evaluate, {"models": [KNOWING], "tasks": ["answers"]}, OWNER)
    assert isinstance(next(stream), Progress)
    next(stream)
    stream.close()
    assert records.find(house.store) == []


def test_it_is_the_owners(house):
    with pytest.raises(NotAllowed):
        calls.call(core.evaluate, {"models": [KNOWING]}, Caller("ann", owner=False))


def test_a_benchmark_whose_data_is_not_here(models, workspace, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(workspace / "hub"))
    with pytest.raises(PlaygroundError, match=r"GSM8K (is not on this disk|needs Python packages)"):
        evaluate(KNOWING, tasks=["gsm8k"])


def test_programs_are_run_where_they_may_be(workspace):
    with using(Suite(Environment(home=workspace / "home", run_code=True))) as suite:
        program = "```python\ndef add(a, b):\n    return a + b\n```"
        suite.models.add(Scripted("toy:coder", [Start("c"), Delta(program), Finish("stop")]))
        _, measured = evaluate("toy:coder", tasks=["functions"], settings={"limit": 2, "draws": 100})
        assert 0 < values(measured.metrics[0])["pass_at_1.functions"] < 1


def test_own_tasks_and_benchmarks_are_one_evaluation(house, models, monkeypatch):
    """lm-eval itself is tested where it is used; here its part is played, because its data is on few machines."""
    asked = []

    def run(models, ref, names, settings, caller, environment):
        asked.append((ref, list(names)))
        yield Progress("Measuring: ARC", 1)
        one = Metric("acc", "arc_easy", "", "", 0.5, 0.4, 0.6, 10, "share", True, "lm-eval")
        right = (1.0, 1.0) if ref == KNOWING else (0.0, 1.0)
        items = tuple(Outcome("arc_easy", n, "", "", {"acc": right}) for n in range(3))
        yield Evaluation(ref, (one,), items, 1.0, False)
        yield Evaluation(ref, (one, replace(one, task="mmlu", value=0.3)), items, 2.0, True)

    monkeypatch.setattr(harness, "run", run)
    monkeypatch.setattr(benchmarks, "why_not", lambda *arguments: "")
    _, measured = evaluate(GUESSING, KNOWING, tasks=["arc_easy", "answers", "mmlu"])
    assert asked == [(GUESSING, ["arc_easy", "mmlu"]), (KNOWING, ["arc_easy", "mmlu"])]
    for numbers in measured.metrics:
        assert set(values(numbers)) >= {"exact_match.answers", "acc.arc_easy", "acc.mmlu"}
    assert [(gap.metric, gap.difference) for gap in measured.gaps] == [("acc.arc_easy", 1), ("exact_match.answers", 1)]
    assert measured.complete
    _, alone = evaluate(GUESSING, KNOWING, tasks=["mmlu"])
    assert [gap.metric for gap in alone.gaps] == ["acc.arc_easy"]
    assert values(alone.metrics[0])["acc.mmlu"] == 0.3
    assert records.load(house.store, alone.record).results[f"{KNOWING}.acc.mmlu"] == 0.3
