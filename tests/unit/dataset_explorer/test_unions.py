"""One schema for several: every value as it is, or a sentence that names column, types and parts."""

import itertools
import json

import pyarrow as pa
import pytest

from apps.dataset_explorer.unions import fit, unite
from shared.errors import PlaygroundError

TURN = pa.struct([("role", pa.string()), ("content", pa.string())])
CALL = pa.struct([("content", pa.string()), ("role", pa.string()), ("tool", pa.list_(pa.int8()))])
JOINED = pa.struct([("role", pa.string()), ("content", pa.string()), ("tool", pa.list_(pa.int8()))])

FIT = [
    (pa.null(), pa.string(), pa.string()),
    (pa.int8(), pa.int64(), pa.int64()),
    (pa.uint8(), pa.uint32(), pa.uint32()),
    (pa.uint8(), pa.int16(), pa.int16()),
    (pa.float32(), pa.float64(), pa.float64()),
    (pa.string(), pa.large_string(), pa.large_string()),
    (pa.binary(), pa.large_binary(), pa.large_binary()),
    (pa.dictionary(pa.int32(), pa.string()), pa.string(), pa.string()),
    (pa.list_(pa.int8()), pa.large_list(pa.int32()), pa.large_list(pa.int32())),
    (pa.list_(pa.null()), pa.list_(TURN), pa.list_(TURN)),
    (pa.list_(pa.dictionary(pa.int8(), pa.string())), pa.list_(pa.string()), pa.list_(pa.string())),
    (pa.struct([("k", pa.dictionary(pa.int8(), pa.string()))]), pa.struct([("k", pa.string())]), pa.struct([("k", pa.string())])),
    (pa.large_list(pa.dictionary(pa.int8(), pa.string())), pa.large_list(pa.string()), pa.large_list(pa.string())),
    (pa.list_(TURN), pa.list_(CALL), pa.list_(JOINED)),
    (pa.date32(), pa.date32(), pa.date32()),
]  # fmt: skip


@pytest.mark.parametrize(("one", "two", "wide"), FIT, ids=str)
def test_types_that_give_way(one, two, wide):
    assert unite([("a", pa.schema([("x", one)])), ("b", pa.schema([("x", two)]))]).field("x").type == wide
    back = unite([("b", pa.schema([("x", two)])), ("a", pa.schema([("x", one)]))]).field("x").type
    assert back == wide or pa.types.is_nested(wide)


CLASH = [
    pa.int64(), pa.uint64(), pa.float64(), pa.string(), pa.bool_(), pa.binary(), pa.date32(), pa.timestamp("us"),
    pa.timestamp("us", "UTC"), pa.decimal128(5, 2), pa.list_(pa.int64()), pa.struct([("a", pa.int64())]),
    pa.map_(pa.string(), pa.int64()), pa.list_(pa.string()), pa.struct([("a", pa.string())]),
]  # fmt: skip


@pytest.mark.parametrize(("one", "two"), [*itertools.combinations(CLASH, 2)], ids=str)
def test_types_that_clash_are_named_with_their_parts(one, two):
    with pytest.raises(PlaygroundError) as caught:
        unite([("left", pa.schema([("x", one)])), ("right", pa.schema([("x", two)]))])
    assert str(caught.value).startswith(f"Column 'x' is {one} in left and {two} in right.")


def test_a_type_that_is_long_is_cut():
    wide = pa.struct([(f"field {number}", pa.int64()) for number in range(50)])
    with pytest.raises(PlaygroundError) as caught:
        unite([("a", pa.schema([("x", wide)])), ("b", pa.schema([("x", pa.int64())]))])
    assert len(str(caught.value)) < 250


def test_the_part_that_brought_the_type_is_named():
    schemas = [
        ("a", pa.schema([("x", pa.null())])),
        ("b", pa.schema([("x", pa.int64())])),
        ("c", pa.schema([("x", pa.string())])),
    ]
    with pytest.raises(PlaygroundError, match="is int64 in b and string in c"):
        unite(schemas)


def test_columns_stand_in_the_order_of_their_first_appearance():
    one, two = pa.schema([("b", pa.int64()), ("a", pa.int64())]), pa.schema([("c", pa.int64()), ("a", pa.int64())])
    assert unite([("x", one), ("y", two)]).names == ["b", "a", "c"]


def test_only_what_may_be_missing_is_nullable():
    sure = pa.field("a", pa.int64(), nullable=False)
    schema = unite([("x", pa.schema([sure, pa.field("b", pa.int64(), nullable=False)])), ("y", pa.schema([sure]))])
    assert [field.nullable for field in schema] == [False, True]


def test_rows_fit_the_schema_of_all():
    one = pa.record_batch({"m": pa.array([[{"role": "u", "content": "x"}], None], pa.list_(TURN)), "n": [1, None]})
    two = pa.record_batch(
        {
            "m": pa.array([[{"content": "y", "role": "a", "tool": [1]}]], pa.list_(CALL)),
            "c": pa.array(["k"]).dictionary_encode(),
        }
    )
    schema = unite([("one", one.schema), ("two", two.schema)])
    rows = fit(one, schema).to_pylist() + fit(two, schema).to_pylist()
    assert rows == [
        {"m": [{"role": "u", "content": "x", "tool": None}], "n": 1, "c": None},
        {"m": None, "n": None, "c": None},
        {"m": [{"role": "a", "content": "y", "tool": [1]}], "n": None, "c": "k"},
    ]


def labels(*names: str) -> dict[bytes, bytes]:
    feature = {"names": list(names), "_type": "ClassLabel"}
    return {b"huggingface": json.dumps({"info": {"features": {"x": feature}}}).encode()}


def test_numbers_of_classes_must_mean_the_same():
    schema = pa.schema([("x", pa.int64())])
    yes, no = schema.with_metadata(labels("no", "yes")), schema.with_metadata(labels("yes", "no"))
    with pytest.raises(PlaygroundError, match="other classes in a than in b"):
        unite([("a", yes), ("b", no)])
    assert unite([("a", yes), ("b", yes)]).metadata == labels("no", "yes")


@pytest.mark.parametrize(
    "metadata",
    [None, {b"huggingface": b"{"}, {b"huggingface": b"[]"}, {b"huggingface": b'{"info": 1}'}, {b"pandas": b"{}"}],
)
def test_other_metadata_is_left_out(metadata):
    schema = pa.schema([("x", pa.int64())], metadata=metadata)
    assert unite([("a", schema)]).metadata is None
