from pathlib import Path

import pytest

from shared.env import Environment
from shared.errors import PlaygroundError
from shared.metrics import benchmarks
from shared.metrics.benchmarks import benchmark, data_of, why_not

HERE = Environment(home=Path("/nowhere"))
NAMED = [
    "ARC",
    "HellaSwag",
    "MMLU",
    "MMLU-Pro",
    "TruthfulQA",
    "WinoGrande",
    "GSM8K",
    "DROP",
    "GPQA",
    "BIG-Bench",
    "MATH",
    "IFEval",
    "MuSR",
    "HumanEval",
]


def fill(cache: Path, data: str, commit: str = "abc", main: bool = False) -> Path:
    """A snapshot in a Hub's cache."""
    place = cache / f"datasets--{data.replace('/', '--')}"
    folder = place / "snapshots" / commit
    folder.mkdir(parents=True)
    (folder / "README.md").write_text("data")
    if main:
        (place / "refs").mkdir()
        (place / "refs" / "main").write_text(commit)
    return folder


def test_all_that_were_promised_are_named() -> None:
    titles = [each.title for each in benchmarks.tasks()]
    assert [name for name in NAMED if not any(title.startswith(name) for title in titles)] == []
    assert len({each.name for each in benchmarks.tasks()}) == len(titles)


def test_every_benchmark_is_where_lm_eval_keeps_it() -> None:
    lm_eval = pytest.importorskip("lm_eval")
    for each in benchmarks.tasks():
        folder = Path(lm_eval.__file__).parent / "tasks" / each.folder
        text = "\n".join(
            path.read_text("utf-8") for path in folder.rglob("*") if path.is_file() and "yaml" in path.name
        )
        assert f": {each.task}\n" in text, each.task
        assert each.data in text, each.data


def test_unknown_names_list_the_known_ones() -> None:
    assert benchmark("gsm8k").data == "openai/gsm8k"
    with pytest.raises(PlaygroundError, match="arc_easy, arc_challenge"):
        benchmark("nope")


def test_what_is_missing_is_said(workspace: Path) -> None:
    pytest.importorskip("lm_eval")
    why = why_not(benchmark("gsm8k"), HERE, workspace)
    assert "not on this disk" in why
    assert "openai/gsm8k" in why
    assert "agreed to its terms" in why_not(benchmark("gpqa"), HERE, workspace)
    fill(workspace, "openai/gsm8k")
    assert why_not(benchmark("gsm8k"), HERE, workspace) == ""


def test_packages_that_are_missing_are_named(monkeypatch: pytest.MonkeyPatch, workspace: Path) -> None:
    monkeypatch.setattr(benchmarks, "installed", lambda name: name != "nltk")
    assert "not installed: nltk." in why_not(benchmark("ifeval"), HERE, workspace)
    monkeypatch.setattr(benchmarks, "installed", lambda name: name != "lm_eval")
    assert "not installed: lm_eval." in why_not(benchmark("arc_easy"), HERE, workspace)


def test_programs_need_permission_first(workspace: Path) -> None:
    fill(workspace, "openai/openai_humaneval")
    assert "PLAYGROUND_RUN_CODE=1" in why_not(benchmark("humaneval"), HERE, workspace)
    assert why_not(benchmark("humaneval"), Environment(home=workspace, run_code=True), workspace) == ""
    assert "never on a Space" in why_not(
        benchmark("humaneval"), Environment(home=workspace, run_code=True, space="a/b"), workspace
    )


def test_the_snapshot_that_main_names_is_taken(workspace: Path) -> None:
    one = benchmark("arc_easy")
    assert data_of(one, workspace) is None
    (workspace / "datasets--allenai--ai2_arc" / "snapshots" / "aaa").mkdir(parents=True)
    assert data_of(one, workspace) is None, "an empty snapshot is no data"
    fill(workspace, one.data, "bbb")
    assert data_of(one, workspace).name == "bbb"
    assert data_of(one, workspace) == data_of(benchmark("arc_challenge"), workspace)
    fill(workspace, one.data, "ccc", main=True)
    assert data_of(one, workspace).name == "ccc"
    data_of(one)  # the machine's own cache can be asked, whatever is in it


def test_installed() -> None:
    assert benchmarks.installed("json")
    assert not benchmarks.installed("no_such_package_here")
