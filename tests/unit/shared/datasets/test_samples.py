import json

import pytest

from shared.datasets.dataset import open_dataset
from shared.datasets.samples import FOLDER, Sample, open_sample, samples
from shared.errors import PlaygroundError
from shared.refs import parse

from .reading import lines, write

SHAPES = {
    "english-instructions": "instruction",
    "chinese-instructions": "instruction",
    "tool-conversations": "messages",
    "preference-pairs": "preference",
    "dirty-mixture": "instruction",
}


@pytest.mark.parametrize("sample", samples(), ids=lambda sample: sample.name)
def test_every_sample_opens_without_a_refused_row(house, sample):
    dataset = open_dataset(house.store, f"builtin:{sample.name}")
    assert dataset.shape.name == SHAPES[sample.name]
    assert (dataset.refused_rows, dataset.notes) == (0, [])
    assert 60 <= dataset.rows <= 200
    assert (dataset.licence, dataset.source) == ("Apache-2.0", f"builtin:{sample.name}")
    assert dataset.ref == sample.ref
    assert parse(dataset.ref).exact
    assert str(dataset.rows) in sample.sentence
    assert open_dataset(house.store, dataset.ref) == dataset
    assert len(house.store.artifacts("datasets")) == 1


def test_samples_are_small_and_all_listed():
    files = {path.name for path in FOLDER.glob("*.jsonl")}
    assert files == {sample.path.name for sample in samples()}
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 200_000
    assert set(SHAPES) == {sample.name for sample in samples()}


def test_tool_calls_have_answers_and_arguments_that_are_json():
    for line in (FOLDER / "tool-conversations.jsonl").read_text(encoding="utf-8").splitlines():
        waiting = []
        for message in json.loads(line)["messages"]:
            for call in message.get("tool_calls", []):
                json.loads(call["function"]["arguments"])
                waiting.append(call["id"])
            if message["role"] == "tool":
                assert message["tool_call_id"] == waiting.pop(0)
        assert not waiting


def test_the_dirty_sample_is_dirty():
    rows = [json.loads(line) for line in (FOLDER / "dirty-mixture.jsonl").read_text(encoding="utf-8").splitlines()]
    texts = [json.dumps(row, ensure_ascii=False) for row in rows]
    assert len(texts) - len(set(texts)) >= 8
    assert sum("example.org" in text for text in texts) >= 6
    assert sum(not row["output"].strip() for row in rows) >= 4
    assert any("؟" in text for text in texts)


def test_unknown_samples_and_other_versions(house, tmp_path):
    with pytest.raises(PlaygroundError, match=r"There is no sample 'nope'\. The samples are: english-instructions,"):
        open_dataset(house.store, "builtin:nope")
    path = write(tmp_path, "mini.jsonl", lines({"text": "one"}))
    offered = [Sample("mini", "Mini", "One row.", "Apache-2.0", path)]
    first = open_sample(house.store, parse("builtin:mini"), offered)
    assert first.page(0, 5) == [{"text": "one"}]
    write(tmp_path, "mini.jsonl", lines({"text": "two"}))
    with pytest.raises(PlaygroundError, match="another version of the sample than this one ships, builtin:mini@"):
        open_sample(house.store, parse(first.ref), offered)
