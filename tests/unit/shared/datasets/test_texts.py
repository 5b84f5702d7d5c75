import datetime
import decimal

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.datasets.texts import column_texts, row_texts

MOMENT = datetime.datetime(2024, 1, 2, 3, 4, 5)


@pytest.mark.parametrize(
    ("array", "texts"),
    [
        (pa.array(["a", None, "", "中 é"]), ["a", None, "", "中 é"]),
        (pa.array(["a", None], pa.large_string()), ["a", None]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), ["a", "b", "a"]),
        (pa.array([1, None, -(2**63)]), ["1", None, str(-(2**63))]),
        (pa.array([1.0, None, 0.1 + 0.2, 1e-07, float("nan")]), ["1.0", None, "0.30000000000000004", "1e-07", "nan"]),
        (pa.array([True, False, None]), ["true", "false", None]),
        (pa.array([decimal.Decimal("1.50")]), ["1.50"]),
        (pa.array([MOMENT.date()]), ["2024-01-02"]),
        (pa.array([MOMENT], pa.timestamp("s")), ["2024-01-02 03:04:05"]),
        (pa.array([datetime.timedelta(seconds=90)]), ["0:01:30"]),
        (pa.array([b"\x00\xff", None]), [None, None]),
        (pa.array([b"ab"], pa.binary(2)), ["b'ab'"]),
        (pa.array([None, None]), [None, None]),
        (pa.array([["a", None, "b"], [], None, ["c"], [None]]), ["a b", None, None, "c", None]),
        (pa.array([[1, 2], None, [3, 4]], pa.list_(pa.int64(), 2)), ["1 2", None, "3 4"]),
        (pa.array([["a"], ["b", "c"]], pa.large_list(pa.string())), ["a", "b c"]),
        (pa.array([{"a": "x", "b": 1}, None, {"a": None, "b": 2}, {"a": None, "b": None}]), ["x 1", None, "2", None]),
        (pa.array([{}, None], pa.struct([])), [None, None]),
        (pa.array([[("k", 1), ("l", None)], None], pa.map_(pa.string(), pa.int64())), ["k 1 l", None]),
    ],
    ids=lambda part: str(part.type) if isinstance(part, pa.Array) else "",
)
def test_every_type_has_a_text(array, texts):
    assert column_texts(array).to_pylist() == texts
    assert column_texts(array.slice(1)).to_pylist() == texts[1:]
    assert column_texts(array.slice(0, 0)).to_pylist() == []


def test_extension_types_have_the_text_of_their_storage():
    assert column_texts(pa.ExtensionArray.from_storage(pa.json_(), pa.array(["{}"]))).to_pylist() == ["{}"]


def test_a_whole_row_is_its_columns_joined_by_one_space():
    batch = pa.RecordBatch.from_pydict({"a": ["x", None], "b": [1, 2], "c": [[{"t": "p"}, {"t": "q"}], None]})
    assert row_texts(batch).to_pylist() == ["x 1 p q", " 2 "]
    assert row_texts(batch.select(["a"])).to_pylist() == ["x", ""]
    assert row_texts(batch.select([])).to_pylist() == ["", ""]


nested = st.recursive(
    st.none() | st.text(max_size=3) | st.integers(0, 9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.fixed_dictionaries({"a": inner, "b": st.none() | st.text(max_size=2)})
    ),
    max_leaves=6,
)


def leaves(value):
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [leaf for item in value for leaf in leaves(item)]
    return [] if value is None else [str(value)]


@settings(deadline=None, max_examples=30)
@given(st.lists(nested, max_size=5))
def test_texts_are_the_leaves_joined(values):
    try:
        array = pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return  # mixed types are no Arrow array
    found = column_texts(array).fill_null("").to_pylist()
    assert found == [" ".join(leaves(value)) for value in array.to_pylist()]
