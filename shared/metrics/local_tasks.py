"""Our own tasks as lm-eval tasks: a description and a data file each, so that the harness runs with no network and no download."""

import json
from pathlib import Path
from typing import Any

from shared.errors import PlaygroundError
from shared.metrics.tasks import Choice, Exact, Task, Text, Translation

HIGHER = "higher_is_better"


def write(task: Task, folder: Path) -> list[str]:
    """Write one of our tasks as lm-eval tasks of the same data, for `TaskManager(include_path=folder)`.

    Choices with different delimiters become tasks of their own. BLEU is left out, because lm-eval always splits words as in English.

    Args:
        task: The task; not one that runs programs.
        folder: Where to write; data, descriptions and lm-eval's cache of them.

    Returns:
        lm-eval's ids: playground_<name>.

    Raises:
        PlaygroundError: The task runs programs.
    """
    import yaml

    if task.kind == "code":
        raise PlaygroundError(f"'{task.name}' runs programs, which never goes through lm-eval. Evaluate it here.")
    parts: dict[str, list[dict[str, Any]]] = {}
    for item in task.items:
        delimiter = item.delimiter if isinstance(item, Choice) else " "
        parts.setdefault(delimiter, []).append(_row(item))
    ids = []
    for number, (delimiter, rows) in enumerate(parts.items(), start=1):
        id = f"playground_{task.name}" + (f"_{number}" if number > 1 else "")
        file = folder / f"{id}.jsonl"
        file.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
        loading = {"data_files": {"test": str(file)}, "cache_dir": str(folder / "cache")}
        described = {
            "task": id,
            "dataset_path": "json",
            "dataset_kwargs": loading,
            "test_split": "test",
            "num_fewshot": 0,
        }
        described |= {"target_delimiter": delimiter, "metadata": {"version": 1.0, "sha256": task.sha256}}
        described |= _described(task)
        (folder / f"{id}.yaml").write_text(yaml.safe_dump(described, allow_unicode=True), "utf-8")
        ids.append(id)
    return ids


def _row(item: Any) -> dict[str, Any]:
    if isinstance(item, Text):
        return {"text": item.text}
    if isinstance(item, Choice):
        return {"question": item.question, "choices": list(item.choices), "answer": item.answer}
    if isinstance(item, Exact):
        return {"question": f"Question: {item.question}\nAnswer:", "answers": list(item.answers)}
    if isinstance(item, Translation):
        return {"question": item.source, "answers": item.references[0]}
    raise AssertionError(item)


def _described(task: Task) -> dict[str, Any]:
    """What lm-eval must know about a kind of task."""
    if task.kind == "text":
        return {
            "output_type": "loglikelihood_rolling", "doc_to_text": "", "doc_to_target": "text",
            "metric_list": [{"metric": "bits_per_byte", "aggregation": "bits_per_byte", HIGHER: False}],
        }  # fmt: skip
    if task.kind == "choices":
        measures = [{"metric": name, "aggregation": "mean", HIGHER: True} for name in ("acc", "acc_norm", "acc_bytes")]
        return {
            "output_type": "multiple_choice", "doc_to_text": "question", "doc_to_choice": "choices", "doc_to_target": "answer",
            "metric_list": measures,
        }  # fmt: skip
    rules = {
        "ignore_case": task.rules.ignore_case,
        "ignore_punctuation": task.rules.ignore_punctuation or task.rules.ignore_signs,
    }
    measure = {"metric": "exact_match", "aggregation": "mean", HIGHER: True, **rules}
    if task.kind == "translation":
        measure = {"metric": "chrf", "aggregation": "chrf", HIGHER: True}
    return {
        "output_type": "generate_until", "doc_to_text": "question", "doc_to_target": "answers", "metric_list": [measure],
        "generation_kwargs": {"until": ["\n"], "max_gen_toks": 128, "do_sample": False},
        "filter_list": [{"name": "none", "filter": [{"function": "remove_whitespace"}, {"function": "take_first"}]}],
    }  # fmt: skip
