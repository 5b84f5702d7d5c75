"""lm-eval's own tasks and metrics over our models, with no network; slow ones build lm-eval's data."""

import json
import math
from pathlib import Path
from threading import Event, Timer

import pytest

from shared.env import Environment
from shared.errors import NotAllowed, PlaygroundError
from shared.metrics import benchmarks, evaluation, harness, tasks
from shared.metrics.evaluation import Evaluation
from shared.metrics.measuring import Measuring
from shared.metrics.tasks import Task
from shared.progress import Progress

from .fakes import Bytes
from .test_benchmarks import fill

HERE = Environment(home=Path("/nowhere"))
# What datasets and lm-eval leave behind or warn of in their own code.
pytestmark = [pytest.mark.filterwarnings("ignore")]
PLAIN = Measuring(chat=False, draws=100)


@pytest.fixture
def libraries(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """lm-eval, and datasets that keeps its files in this test's folder."""
    pytest.importorskip("lm_eval")
    import datasets

    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", workspace / "cache")


def last(stream) -> Evaluation:
    *steps, found = list(stream)
    assert all(isinstance(each, Progress | Evaluation) for each in steps)
    return found


def split(task: Task) -> list[Task]:
    """One task for each delimiter, as they are written for lm-eval."""
    found = {item.delimiter: [] for item in task.items}
    for item in task.items:
        found[item.delimiter].append(item)
    return [Task(f"{task.name}{n}", task.kind, "", "", "", tuple(items)) for n, items in enumerate(found.values())]


@pytest.mark.slow
@pytest.mark.usefixtures("libraries")
def test_our_numbers_equal_lm_evals_on_our_tasks() -> None:
    models = Bytes(lambda prompt: "Paris" if "France" in prompt else "9")
    theirs = last(
        harness.run_local(models, "m", [tasks.task(name) for name in ("choices", "prose", "code", "answers")], PLAIN)
    ).results
    ours = last(evaluation.run(models, "m", ["prose"], PLAIN, environment=HERE)).results
    assert theirs["bits_per_byte.playground_prose"] == pytest.approx(ours["bits_per_byte"], abs=1e-6)
    ours = last(evaluation.run(models, "m", ["code"], PLAIN, environment=HERE)).results
    assert theirs["bits_per_byte.playground_code"] == pytest.approx(ours["bits_per_byte"], abs=1e-6)
    ours = last(evaluation.run(models, "m", split(tasks.task("choices")), PLAIN, environment=HERE)).results
    for name in ("acc", "acc_norm", "acc_bytes"):
        assert theirs[f"{name}.playground_choices"] == pytest.approx(ours[f"{name}.choices0"], abs=1e-6)
        assert theirs[f"{name}.playground_choices_2"] == pytest.approx(ours[f"{name}.choices1"], abs=1e-6)
    ours = last(evaluation.run(models, "m", ["answers"], PLAIN, environment=HERE)).results
    assert theirs["exact_match.playground_answers"] == pytest.approx(ours["exact_match.answers"], abs=1e-6)
    assert ours["exact_match.answers"] > 0, "an equal nothing would prove nothing"


@pytest.mark.slow
@pytest.mark.usefixtures("libraries")
def test_a_transformer_through_lm_eval() -> None:
    from .tiny import Tiny

    tiny = Tiny()
    small = Task("small", "choices", "", "", "", tasks.task("choices").items[:6])
    theirs = last(harness.run_local(tiny, "m", [small], PLAIN)).results
    ours = last(evaluation.run(tiny, "m", [small], PLAIN, environment=HERE)).results
    for name in ("acc", "acc_norm", "acc_bytes"):
        assert theirs[f"{name}.playground_small"] == pytest.approx(ours[f"{name}.small"], abs=1e-6)


def arc(cache: Path) -> None:
    """Data in the form of ARC-Easy, of our own."""
    folder = fill(cache, "allenai/ai2_arc")
    head = "---\nconfigs:\n- config_name: ARC-Easy\n  data_files:\n"
    for name in ("train", "validation", "test"):
        head += f"  - split: {name}\n    path: {name}.jsonl\n"
        labels = {"text": ["aaaa", "zzzz", "qqqq"], "label": ["A", "B", "C"]}
        rows = [
            {"id": str(n), "question": "aaaa aaaa?", "choices": labels, "answerKey": "A" if n < 3 else "C"}
            for n in range(4)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "README.md").write_text(head + "---\n")


@pytest.mark.usefixtures("libraries")
def test_a_named_benchmark_on_data_that_is_on_disk(workspace: Path) -> None:
    arc(workspace / "hub")
    stream = list(harness.run(Bytes(), "m", ["arc_easy"], PLAIN, environment=HERE, cache=workspace / "hub"))
    found = stream[-1]
    assert isinstance(found, Evaluation)
    assert found.complete
    assert found.results["acc.arc_easy"] == 0.75
    metric = next(each for each in found.metrics if each.key == "acc.arc_easy")
    assert (metric.n, metric.unit, metric.higher, metric.signature) == (4, "share", True, "lm-eval 0.4.13")
    assert 0 <= metric.lower < 0.75 < metric.upper <= 1
    assert [each.rows["acc"] for each in found.outcomes] == [(1.0, 1.0)] * 3 + [(0.0, 1.0)]
    assert {each.task for each in found.outcomes} == {"arc_easy"}
    limited = last(
        harness.run(
            Bytes(),
            "m",
            ["arc_easy"],
            Measuring(chat=False, draws=100, limit=2),
            environment=HERE,
            cache=workspace / "hub",
        )
    )
    assert limited.results["acc.arc_easy"] == 1.0


@pytest.mark.usefixtures("libraries")
def test_questions_answered_in_words_go_through_the_chat_template_and_no_others(workspace: Path) -> None:
    folder = fill(workspace / "hub", "openai/gsm8k")
    head = "---\nconfigs:\n- config_name: main\n  data_files:\n"
    for name in ("train", "test"):
        head += f"  - split: {name}\n    path: {name}.jsonl\n"
        rows = [{"question": f"{n} and 1?", "answer": f"Add.\n#### {n + 1}"} for n in range(3)]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "README.md").write_text(head + "---\n")
    arc(workspace / "hub")
    models = Bytes(lambda prompt: "It is 2, so\n#### 2")
    chat = Measuring(draws=100)
    found = last(harness.run(models, "m", ["gsm8k", "arc_easy"], chat, 1, environment=HERE, cache=workspace / "hub"))
    assert found.results["exact_match.strict-match.gsm8k"] == pytest.approx(1 / 3)
    assert found.results["exact_match.flexible-extract.gsm8k"] == pytest.approx(1 / 3)
    assert found.results["acc.arc_easy"] == 0.75
    assert found.outcomes[0].rows == {
        "exact_match.strict-match": (0.0, 1.0),
        "exact_match.flexible-extract": (0.0, 1.0),
    }
    assert [each.role for each in models.asked[0].messages] == ["user", "assistant", "user"], (
        "one example, as a conversation"
    )


def musr(cache: Path) -> None:
    """Data in the form of MuSR, of our own: a group of three tasks, of 2, 3 and 4 items."""
    folder = fill(cache, "TAUR-Lab/MuSR")
    head = "---\nconfigs:\n- config_name: default\n  data_files:\n"
    for many, name in enumerate(("murder_mysteries", "object_placements", "team_allocation"), start=2):
        head += f"  - split: {name}\n    path: {name}.jsonl\n"
        rows = [
            {
                "narrative": "aaaa",
                "question": "?",
                "choices": "['zz', 'a']",
                "answer_index": n % 2,
                "answer_choice": ("zz", "a")[n % 2],
            }
            for n in range(many)
        ]
        (folder / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (folder / "README.md").write_text(head + "---\n")


@pytest.mark.usefixtures("libraries")
def test_two_models_are_compared_item_by_item_on_a_group(workspace: Path) -> None:
    """A group of three tasks: its nine items are one, as its number is, and one model is right where the other is wrong."""
    musr(workspace / "hub")

    class Other(Bytes):
        def _one(self, text, context):
            return super()._one(text.replace("zz", "aaaa"), context)

    one, two = (
        last(harness.run(models, name, ["musr"], PLAIN, environment=HERE, cache=workspace / "hub"))
        for models, name in ((Bytes(), "one"), (Other(), "two"))
    )
    assert [each.task for each in one.outcomes] == ["leaderboard_musr"] * 9
    assert [each.item for each in one.outcomes] == list(range(9))
    assert len({each.domain for each in one.outcomes}) == 3
    for found in (one, two):
        assert found.metrics[0].key == "acc_norm.leaderboard_musr"
        assert sum(each.rows["acc_norm"][0] for each in found.outcomes) / 9 == pytest.approx(found.metrics[0].value)
    (gap,) = evaluation.compare(one, two, PLAIN)
    assert (gap.name, gap.task, gap.gap.n) == ("acc_norm", "leaderboard_musr", 9)
    assert gap.gap.value == pytest.approx(one.metrics[0].value - two.metrics[0].value)
    assert gap.gap.lower < gap.gap.value < gap.gap.upper
    few = Measuring(chat=False, draws=100, limit=2)
    limited = last(harness.run(Bytes(), "one", ["musr"], few, environment=HERE, cache=workspace / "hub"))
    assert [each.item for each in limited.outcomes] == [0, 1, 2, 3, 5, 6], "the same items have the same places"


@pytest.mark.usefixtures("libraries")
def test_humaneval_goes_through_our_own_runner(workspace: Path) -> None:
    folder = fill(workspace / "hub", "openai/openai_humaneval")
    (folder / "README.md").write_text(
        "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: test\n    path: test.jsonl\n---\n"
    )
    test = "def check(candidate):\n    assert candidate(2) == 4\n"
    rows = [{"prompt": f"def {name}(n):\n", "test": test, "entry_point": name} for name in ("double", "wrong")]
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    models = Bytes(lambda prompt: "    return n * 2\n" if "double" in prompt else "    return n\n")
    allowed = Environment(home=workspace, run_code=True)
    found = last(harness.run(models, "m", ["humaneval"], PLAIN, environment=allowed, cache=workspace / "hub"))
    assert found.results["pass_at_1.humaneval"] == 0.5
    assert {each.decoding.max_new_tokens for each in models.asked} == {1024}
    assert [each.rows["pass_at_1"] for each in found.outcomes] == [(1.0, 1.0), (0.0, 1.0)]


def test_programs_are_refused_before_anything_else(workspace: Path) -> None:
    fill(workspace, "openai/openai_humaneval")
    with pytest.raises(NotAllowed, match="PLAYGROUND_RUN_CODE"):
        list(harness.run(Bytes(), "m", ["humaneval"], environment=HERE, cache=workspace))


def test_data_that_is_not_here_is_refused_in_words(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmarks, "installed", lambda name: True)
    for each in benchmarks.tasks():
        if not each.programs:
            with pytest.raises(PlaygroundError, match="not on this disk"):
                list(harness.run(Bytes(), "m", [each.name], environment=HERE, cache=workspace))


def test_without_lm_eval(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(benchmarks, "installed", lambda name: False)
    with pytest.raises(PlaygroundError, match=r"requirements-lm-eval\.txt"):
        list(harness.run_local(Bytes(), "m", [tasks.task("choices")]))


@pytest.mark.usefixtures("libraries")
def test_a_failure_of_the_model_is_raised() -> None:
    class Broken(Bytes):
        def score(self, *_, **__):
            raise PlaygroundError("This model cannot score.")

    with pytest.raises(PlaygroundError, match="cannot score"):
        last(harness.run_local(Broken(), "m", [tasks.task("choices")], PLAIN))


@pytest.mark.usefixtures("libraries")
def test_stopping_ends_the_work_after_what_is_asked_now() -> None:
    begun, go = Event(), Event()

    class Slow(Bytes):
        def score(self, *given, **more):
            begun.set()
            go.wait(20)
            return super().score(*given, **more)

    models = Slow()
    stream = harness.run_local(models, "m", [tasks.task("choices")], PLAIN)
    while not begun.is_set():
        assert isinstance(next(stream), Progress)
    Timer(0.3, go.set).start()
    stream.close()
    assert len(models.calls) == 1


def test_results_of_lm_eval_as_metrics() -> None:
    results = {
        "results": {
            "gsm8k": {
                "alias": "gsm8k",
                "exact_match,strict-match": 0.25,
                "exact_match_stderr,strict-match": 0.1,
                "sample_len": 20,
            },
            "wiki": {"bits_per_byte,none": 1.5, "bits_per_byte_stderr,none": "N/A"},
            "all": {"acc,none": 1, "acc_stderr,none": 0.0},
        },
        "n-samples": {"gsm8k": {"original": 1319, "effective": 20}},
        "higher_is_better": {"gsm8k": {"exact_match": True}, "wiki": {"bits_per_byte": False}},
    }
    one, two, three = harness.metrics_of(results)
    assert (one.key, one.value, one.n) == ("exact_match.strict-match.gsm8k", 0.25, 20)
    assert (one.lower, one.upper) == (pytest.approx(0.25 - 0.196, abs=1e-4), pytest.approx(0.25 + 0.196, abs=1e-4))
    assert (two.unit, two.higher, two.lower) == ("bits/byte", False, None)
    assert (three.lower, three.upper) == (1.0, 1.0)


def sample(item: int, reading: str, **measures: object) -> dict:
    return {"doc_id": item, "filter": reading, "metrics": list(measures), **measures}


def test_only_rows_that_make_up_a_number_are_kept() -> None:
    results = {
        "samples": {
            "one": [sample(0, "none", acc=1.0, f1=(1, 0), mcc=1), sample(2, "none", acc=0.0, f1=(0, 0), mcc=0)],
            "two": [sample(0, "strict", em=True), sample(0, "loose", em=False), sample(1, "strict", em=False)],
            "all": [sample(0, "none", bits_per_byte=(-8 * math.log(2), 4)), sample(1, "none", bits_per_byte=(0.0, 4))],
            "odd": [sample(0, "none", f1=(1, 1))],
        },
        "results": {
            "one": {"alias": "one", "acc,none": 0.5, "f1,none": 0.7, "mcc,none": 0.1},
            "two": {"em,strict": 0.5, "em,loose": 0.0},
            "all": {"bits_per_byte,none": 1.0},
            "odd": {"f1,none": 0.7},
        },
        "n-samples": {"one": {"original": 5}, "two": {"original": 2}, "all": {"original": 2}, "odd": {"original": 1}},
    }
    found = [(each.task, each.item, each.rows) for each in harness.outcomes_of(results, "no group")]
    assert found == [
        ("one", 0, {"acc": (1.0, 1.0)}),
        ("one", 2, {"acc": (0.0, 1.0)}),
        ("two", 5, {"em.strict": (1.0, 1.0), "em.loose": (0.0, 1.0)}),
        ("two", 6, {"em.strict": (0.0, 1.0)}),
        ("all", 7, {"bits_per_byte": (8.0, 4.0)}),
        ("all", 8, {"bits_per_byte": (0.0, 4.0)}),
    ]
