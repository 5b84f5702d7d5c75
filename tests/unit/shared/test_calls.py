"""Calling a core function: validation, access and messages."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from apps.portal import core as portal
from shared import calls
from shared.errors import NotAllowed, PlaygroundError
from shared.policy import OWNER, Caller
from shared.uploads import Upload

VISITOR = Caller(id="v", owner=False)


@dataclass(frozen=True)
class Inner:
    dropout: Annotated[float, Field(ge=0, le=0.5)] = 0.05


@dataclass(frozen=True)
class Lora:
    rank: Annotated[int, Field(ge=1, le=256)] = 16
    inner: Inner = Inner()


def train(model: str, lora: Lora = Lora(), kind: Literal["nf4", "none"] = "nf4", caller: Caller = OWNER) -> dict:
    return {"model": model, "lora": lora, "kind": kind, "caller": caller}


def count(upto: int) -> Iterator[int]:
    yield from range(upto)


def broken() -> None:
    class Model(BaseModel):
        x: int

    Model(x="no")


def opens(source: str | Upload) -> str:
    return str(source)


def test_json_becomes_settings_and_the_caller_is_filled_in() -> None:
    made = calls.call(train, {"model": "m", "lora": {"rank": 4, "inner": {"dropout": 0.1}}})
    assert made == {"model": "m", "lora": Lora(4, Inner(0.1)), "kind": "nf4", "caller": OWNER}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"model": "m", "lora": {"rank": 999}}, "lora.rank: Input should be less than or equal to 256, but it is 999."),
        ({"model": "m", "lora": {"rnak": 4}}, "'train' has no setting 'lora.rnak'. Did you mean 'rank'?"),
        ({"model": "m", "lora": {"inner": {"dorpout": 1}}}, "'lora.inner.dorpout'. Did you mean 'dropout'?"),
        ({"modle": "m"}, "has no setting 'modle'. Did you mean 'model'?"),
        ({}, "model is missing: give a value for it."),
        ({"model": "m", "kind": "int3"}, "kind: Input should be 'nf4' or 'none', but it is 'int3'."),
        ({"model": "m", "caller": {"owner": True}}, "has no setting 'caller'. Known: model, lora, kind."),
        ({"model": ["x" * 500]}, "..."),
    ],
)
def test_a_fault_is_told_with_place_and_value(arguments: dict, message: str) -> None:
    with pytest.raises(PlaygroundError) as caught:
        calls.call(train, arguments)
    assert message in str(caught.value)
    assert len(str(caught.value)) < 300


def test_two_faults_are_told_together() -> None:
    with pytest.raises(PlaygroundError, match=r"rank.*kind"):
        calls.call(train, {"model": "m", "lora": {"rank": 0}, "kind": "x"})


def test_a_union_is_told_as_one_fault_without_the_names_of_its_members() -> None:
    with pytest.raises(PlaygroundError) as caught:
        calls.call(opens, {"source": 3})
    assert "uploaded" in str(caught.value) or str(caught.value).startswith("source:")


def test_a_bug_inside_the_function_stays_a_bug() -> None:
    with pytest.raises(ValidationError):
        calls.call(broken, {})


def test_generators_stream_and_last_gives_the_result() -> None:
    assert list(calls.call(count, {"upto": 3})) == [0, 1, 2]
    assert calls.last(calls.call(count, {"upto": 3})) == 2
    assert calls.last(iter(())) is None
    assert calls.result_type(count) is int
    assert calls.result_type(train) is dict


def test_what_a_card_does_not_name_is_the_owners() -> None:
    assert calls.access(train) == "owner"
    assert calls.access(portal.hardware) == "anyone"
    assert calls.access(portal.replay) == "owner"
    with pytest.raises(NotAllowed, match="'train' is for the owner"):
        calls.call(train, {"model": "m"}, VISITOR)
    with pytest.raises(NotAllowed):
        calls.call(portal.replay, {"id": "x"}, VISITOR)


def test_the_card_of_a_function_is_found_by_its_package() -> None:
    assert calls.card_of(portal.hardware).name == "portal"
    assert calls.card_of(train) is None
