import json
from pathlib import Path

import pytest
import yaml

from shared.errors import PlaygroundError
from shared.metrics import tasks
from shared.metrics.exact import Rules
from shared.metrics.local_tasks import write
from shared.metrics.tasks import Choice, Exact, Task, Text, Translation


def made(folder: Path, kind: str, *items, rules: Rules | None = None) -> list[tuple[dict, list[dict]]]:
    """Description and rows of each lm-eval task that comes of one of ours."""
    found = []
    for id in write(Task("t", kind, "T", "", "", items, rules or Rules(), "5ha"), folder):
        described = yaml.safe_load((folder / f"{id}.yaml").read_text("utf-8"))
        file = Path(described["dataset_kwargs"]["data_files"]["test"])
        found.append((described, [json.loads(line) for line in file.read_text("utf-8").splitlines()]))
    return found


def test_texts(workspace: Path) -> None:
    ((described, rows),) = made(workspace, "text", Text(" keep spaces\n"), Text("汉字"))
    assert rows == [{"text": " keep spaces\n"}, {"text": "汉字"}]
    assert described["task"] == "playground_t"
    assert described["metadata"]["sha256"] == "5ha"
    assert described["metric_list"][0]["higher_is_better"] is False


def test_choices_with_two_delimiters_become_two_tasks(workspace: Path) -> None:
    one, two = made(
        workspace, "choices", Choice("q", ("a", "b"), 1), Choice("问", ("甲", "乙"), 0, ""), Choice("p", ("c", "d"), 0)
    )
    assert (one[0]["task"], one[0]["target_delimiter"], len(one[1])) == ("playground_t", " ", 2)
    assert (two[0]["task"], two[0]["target_delimiter"]) == ("playground_t_2", "")
    assert two[1] == [{"question": "问", "choices": ["甲", "乙"], "answer": 0}]


def test_answers_and_translations(workspace: Path) -> None:
    ((described, rows),) = made(
        workspace, "exact", Exact("q", ("a", "b")), rules=Rules(ignore_case=True, ignore_signs=True)
    )
    assert rows == [{"question": "Question: q\nAnswer:", "answers": ["a", "b"]}]
    measure = described["metric_list"][0]
    assert (measure["ignore_case"], measure["ignore_punctuation"]) == (True, True)
    ((described, rows),) = made(workspace, "translation", Translation("s", ("r", "t")))
    assert rows == [{"question": "s", "answers": "r"}]
    assert [each["metric"] for each in described["metric_list"]] == ["chrf"]


def test_programs_never_go_there(workspace: Path) -> None:
    with pytest.raises(PlaygroundError, match="never goes through lm-eval"):
        write(tasks.task("functions"), workspace)
    assert list(workspace.iterdir()) == []
