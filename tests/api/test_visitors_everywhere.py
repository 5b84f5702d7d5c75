"""A stranger on a Space, who knows every ref of the owner's, calls every endpoint and every listener of every app by hand."""

import json
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from apps import cards
from shared import records
from shared.records import Record
from shared.store import Store
from tests.api.test_forged_files import call
from tests.server import serving
from tests.told_server import ToldServer

KEYS = {"HF_TOKEN": "hf_" + "canaryCANARY" * 3, "PLAYGROUND_SERVER_KEYS": "farm=sk-canary-of-the-farm"}
TEXT = "canary-4c1b: what only the owner may read"
SECRET_NAME = "private-canary-model"


def fill(home: Path) -> list[str]:
    """A dataset, a model and a record of the owner's; their refs and ids."""
    store = Store(home)
    refs = []
    for kind, name, file, content in (
        ("datasets", "private-canary-data", "data.jsonl", json.dumps({"text": TEXT})),
        ("uploads", "private-canary-file", "file.jsonl", json.dumps({"text": TEXT})),
        ("models", SECRET_NAME, "config.json", json.dumps({"model_type": "llama", "note": TEXT})),
        ("adapters", "private-canary-adapter", "adapter_config.json", json.dumps({"base_model_name_or_path": TEXT})),
    ):
        with store.writing(kind, name) as folder:
            (folder / file).write_text(content)
            refs.append(store.put(kind, name, folder).ref)
    kept = records.save(store, Record("dataset_explorer", "load", {"source": TEXT}, {"rows": 1}))
    store.close()
    return [*refs, kept.id]


def calls(url: str, words: list[str]) -> Iterator[tuple[str, int, list[Any]]]:
    """Every function of a page, once with its defaults and then with words in every place that takes a text: each word for an endpoint, one for a listener."""
    with urllib.request.urlopen(f"{url}/config", timeout=60) as answer:
        config = json.load(answer)
    with urllib.request.urlopen(f"{url}/gradio_api/info?all_endpoints=true", timeout=60) as answer:
        info = json.load(answer)
    kinds = {c["id"]: c["type"] for c in config["components"]}
    defaults = {c["id"]: c["props"].get("value") for c in config["components"]}
    for fn in config["dependencies"]:
        described = info["named_endpoints"].get(f"/{fn['api_name']}", {}).get("parameters", [])
        plain = [defaults.get(each) for each in fn["inputs"]]
        texts = [defaults.get(each) in (None, "") and kinds[each] != "state" for each in fn["inputs"]]
        for place, parameter in enumerate(described):
            plain[place] = parameter.get("parameter_default")
            texts[place] = parameter.get("type", {}).get("type") == "string" and not parameter["type"].get("enum")
            if plain[place] is None and parameter.get("type", {}).get("type") == "array":
                plain[place] = []
        yield fn["api_name"], fn["id"], plain
        if any(texts):
            for word in words if described else words[fn["id"] % len(words) :][:1]:
                yield (
                    fn["api_name"],
                    fn["id"],
                    [word if text else each for each, text in zip(plain, texts, strict=True)],
                )
        for place, parameter in enumerate(described):
            if parameter.get("type", {}).get("type") == "array":
                yield fn["api_name"], fn["id"], [words if at == place else each for at, each in enumerate(plain)]


@pytest.mark.slow
def test_nothing_of_the_owners_reaches_a_visitor(tmp_path: Path) -> None:
    home = tmp_path / "home"
    refs = fill(home)
    with ToldServer({"red-7b": lambda prompt: prompt}) as farm:
        host = farm.url.partition("//")[2].partition("/")[0]
        words = [*refs, f"local:{SECRET_NAME}", "local:private", "openai:farm/red-7b", "openai:farm/x", "/etc/passwd"]
        secrets = [*KEYS.values(), "sk-canary-of-the-farm", host, TEXT, SECRET_NAME, str(home)]
        made = 0
        with serving(
            home, SPACE_ID="somebody/arena", GRADIO_SERVER_NAME="127.0.0.1",
            PLAYGROUND_SERVERS=farm.declared("farm"), **KEYS,
        ) as space:  # fmt: skip
            for card in cards():
                url = space.url + card.path.rstrip("/")
                for name, fn, data in calls(url, words):
                    said = call(url, fn, data)
                    made += 1
                    sent = json.dumps(data)
                    shown = [each for each in secrets if each in said and each not in sent]
                    assert not shown, f"{card.name}.{name} showed {shown} to {sent[:300]}: {said[-1500:]}"
            log = space.log.read_text()
        assert farm.faults.requests == []
    assert made > 300
    assert not [each for each in secrets[:3] if each in log.replace(str(home), "")]
    assert "function has no backend method" not in log, "a listener that runs in the browser alone was called"
