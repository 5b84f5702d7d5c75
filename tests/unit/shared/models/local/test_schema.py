"""Answers that follow a JSON Schema, and whoever shares a batch with them."""

import asyncio
import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import torch

from shared.errors import PlaygroundError
from shared.models.builtin import builtin
from shared.models.local import LocalModel
from shared.models.local.schema import guide
from shared.models.protocol import Decoding, Delta, Finish, Request
from tests.tiny_models import tiny_gpt2, tiny_llama, tiny_mamba, tiny_qwen
from tests.unit.shared.models.local.conftest import ask, greedy, listen, text_of

PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string", "minLength": 1, "maxLength": 12},
        "城市": {"enum": ["北京", "上海", "Köln"]},
        "ages": {"type": "array", "items": {"type": "integer", "minimum": 0, "maximum": 120}, "maxItems": 3},
        "pet": {
            "type": "object",
            "properties": {"kind": {"enum": ["cat", "猫"]}, "tame": {"type": "boolean"}},
            "required": ["kind", "tame"],
            "additionalProperties": False,
        },
    },
    "required": ["name", "城市", "ages", "pet"],
    "additionalProperties": False,
}
SCHEMAS: dict[str, dict[str, Any]] = {
    "nested": PERSON,
    "list": {"type": "array", "items": {"enum": ["红", "blue", 3, None]}, "minItems": 2, "maxItems": 4},
    "integer": {"type": "integer", "minimum": -20, "maximum": 300},
    "either": {"anyOf": [{"type": "boolean"}, {"const": {"a": [1, "天"]}}]},
    "words": {"type": "string", "pattern": "^(天|ab){1,3}$"},
}


def enforced(text: str, schema: dict[str, Any], seed: int = 0, **settings: Any) -> Request:
    decoding = {"max_new_tokens": 200, "temperature": 1.0, "seed": seed, "json_schema": json.dumps(schema)} | settings
    return Request(text=text, decoding=Decoding(**decoding))


def check(text: str, schema: dict[str, Any]) -> None:
    jsonschema.validate(json.loads(text), schema)


@pytest.mark.parametrize("name", SCHEMAS)
def test_draws_follow_the_schema_and_leave_others_alone(llama: LocalModel, name: str) -> None:
    view, schema = llama.view("a"), SCHEMAS[name]
    plain = [greedy("The fox", 40), Request(text="Once", decoding=Decoding(40, 1.0, seed=4))]
    alone = [text_of(ask(view, each)) for each in plain]

    async def story() -> list[Any]:
        asked = [enforced("Answer: ", schema, seed, **({"top_p": 0.9} if seed % 2 else {})) for seed in range(8)]
        return await asyncio.gather(*[listen(view, each) for each in [*plain, *asked]])

    found = asyncio.run(story())
    assert [text_of(events) for events in found[:2]] == alone
    answers = [text_of(events) for events in found[2:]]
    for events, answer in zip(found[2:], answers, strict=True):
        assert events[-1] == Finish("stop")
        check(answer, schema)
    assert len(set(answers)) > 1
    assert text_of(ask(view, enforced("Answer: ", schema, 2))) == answers[2], "a seed gives the same answer alone"


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEMAS)
def test_fifty_seeds_of_the_embedded_model(name: str) -> None:
    model = LocalModel(builtin("mini").folder, "builtin:mini", device="cpu")
    view = model.view("builtin:mini")
    try:
        for begin in (0, 25):
            asked = [enforced("Ann is from 北京. As JSON: ", SCHEMAS[name], seed) for seed in range(begin, begin + 25)]
            for events in asyncio.run(_all(view, asked)):
                assert events[-1] == Finish("stop")
                check(text_of(events), SCHEMAS[name])
    finally:
        model.close()


async def _all(view: Any, asked: list[Request]) -> list[Any]:
    return await asyncio.gather(*[listen(view, each) for each in asked])


@pytest.mark.parametrize("make", [tiny_qwen, tiny_gpt2, tiny_mamba])
def test_other_architectures(tmp_path: Path, make: Any) -> None:
    model = LocalModel(make(tmp_path / "model"), "builtin:other", device="cpu")
    for settings in ({"temperature": 0.0}, {"repetition_penalty": 1.5, "top_k": 5}):
        events = ask(model.view("a"), enforced("x", PERSON, 1, **settings))
        assert events[-1] == Finish("stop")
        check(text_of(events), PERSON)
    model.close()


def test_a_draft_model_is_not_asked(tiny: Path, llama: LocalModel) -> None:
    drafted = LocalModel(tiny / "llama", "builtin:tiny", device="cpu", draft=llama)
    request = enforced("x", PERSON, temperature=0.0)
    assert text_of(ask(drafted.view("a"), request)) == text_of(ask(llama.view("a"), request))
    drafted.close()


def test_an_answer_that_is_cut_off_says_so_and_tells_log_probabilities(llama: LocalModel) -> None:
    request = enforced("x", PERSON, max_new_tokens=4)
    events = ask(llama.view("a"), Request(text="x", decoding=request.decoding, logprobs=0))
    assert events[-1] == Finish("length")
    assert '{"name": "'.startswith(text_of(events)[:9].replace("\n", ""))
    assert len([token for event in events if isinstance(event, Delta) for token in event.tokens]) == 4


def test_a_text_may_follow_the_form_of_json_dumps_or_be_indented(llama: LocalModel) -> None:
    value = {"name": "天 a", "城市": "Köln", "ages": [3, 14], "pet": {"kind": "猫", "tame": True}}
    for form in ({}, {"indent": 2}, {"separators": (",", ":")}):
        path = guide(llama.network, json.dumps(PERSON))
        for token in llama.tokenizer(json.dumps(value, ensure_ascii=False, **form))["input_ids"]:
            assert not path.over
            assert path.leave(torch.zeros(1, 384))[0, token] == 0
            path.take(token)
        assert path.over


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{", "The JSON Schema is no JSON: "),
        ('{"a":' * 100_000, "The JSON Schema is no JSON: "),
        ("[1]", r"is no JSON object but \[1\]"),
        ('{"type": "array", "uniqueItems": true}', 'cannot be enforced here: Unimplemented keys: \\["uniqueItems"\\]'),
        ('{"oneOf": [{"type": "integer"}, {"type": "number"}]}', "oneOf constraints are not supported"),
        ('{"type": "integer", "minimum": 5, "maximum": 3}', r"minimum \(5\) is greater than maximum"),
        ('{"type": "nonsense"}', "Invalid type: nonsense"),
        ('{"$ref": "http://127.0.0.1:9/schema"}', "Default retriever does not fetch"),
        ('{"$ref": "file:///etc/passwd"}', "Default retriever does not fetch"),
        ('{"not": {}, "x-guidance": {"lenient": true}}', "Unimplemented keys"),
        ('{"const": NaN}', "cannot be enforced here"),
    ],
)
def test_what_cannot_be_enforced(llama: LocalModel, text: str, words: str) -> None:
    with pytest.raises(PlaygroundError, match=words):
        guide(llama.network, text)
    (failure,) = ask(llama.view("a"), Request(text="x", decoding=Decoding(json_schema=text)))
    assert failure.kind == "refused"
    assert "\n" not in failure.message


def test_a_tokenizer_that_cannot_be_guided(tiny: Path) -> None:
    from tokenizers import Tokenizer, models

    model = LocalModel(tiny / "llama", "builtin:tiny", device="cpu")
    model.tokenizer._tokenizer = Tokenizer(models.WordLevel({"a": 0, "b": 1, "x": 2}, unk_token="x"))
    assert "No schema can be enforced" in ask(model.view("a"), enforced("a", PERSON))[0].message
    model.close()


def test_a_token_that_breaks_the_schema_is_told(llama: LocalModel) -> None:
    path = guide(llama.network, '{"type": "integer"}')
    with pytest.raises(PlaygroundError, match="the JSON Schema cannot be followed further: "):
        path.take(llama.tokenizer("x")["input_ids"][0])


def test_a_model_with_more_numbers_than_tokens(tmp_path: Path) -> None:
    import shutil

    wide = tiny_llama(tmp_path / "wide", vocab=512)
    small = tiny_llama(tmp_path / "small")
    shutil.copy(small / "tokenizer.json", wide / "tokenizer.json")
    model = LocalModel(wide, "builtin:wide", device="cpu")
    assert len(model.tokenizer) < 512
    check(text_of(ask(model.view("a"), enforced("x", PERSON))), PERSON)
    model.close()
