import json

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.datasets.files import Limits
from shared.datasets.kinds import (
    BOOL,
    DEEP,
    EMPTY,
    FLOAT,
    INT,
    LARGE,
    LONG,
    MIXED,
    NULL,
    TEXT,
    WIDE,
    Kind,
    arrow_type,
    fit,
    infer,
    merge,
    seal,
)

SMALL = Limits(keys=3, depth=3)


def listed(kind):
    return Kind("list", kind)


def struct(**fields):
    return Kind("struct", fields=tuple(fields.items()))


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([], NULL),
        ([None, None], NULL),
        ([True, None], BOOL),
        ([1, None, -5], INT),
        ([2**53, -(2**53)], INT),
        ([2**53 + 1], LONG),
        ([2**63 - 1, -(2**63)], LONG),
        ([2**63], LARGE),
        ([-(2**63) - 1, 1], LARGE),
        ([0.5, None], FLOAT),
        ([1, 0.5], FLOAT),
        ([float("nan"), 1], FLOAT),
        ([2**53 + 1, 0.5], MIXED),
        (["a", None, ""], TEXT),
        (["a", 1], MIXED),
        ([True, 1], MIXED),
        ([True, 1.5], MIXED),
        ([{}, []], MIXED),
        ([[1], None, []], listed(INT)),
        ([[], [None]], listed(NULL)),
        ([[1], ["a"]], listed(MIXED)),
        ([{"a": 1}, {"b": "x"}, None], struct(a=INT, b=TEXT)),
        ([{"a": 1}, {"a": "x"}], struct(a=MIXED)),
        ([{}], struct()),
        ([{"a": 1, "b": 1}, {"c": 1, "d": 1}], WIDE),
        ([[[[1]]]], listed(listed(listed(INT)))),
        ([[[[[1]]]]], listed(listed(listed(DEEP)))),
    ],
)
def test_kinds_of_values(values, kind):
    assert infer(values, SMALL) == kind


@pytest.mark.parametrize(
    ("a", "b", "both"),
    [
        (NULL, TEXT, TEXT),
        (INT, INT, INT),
        (INT, LONG, LONG),
        (INT, FLOAT, FLOAT),
        (LONG, FLOAT, MIXED),
        (LARGE, INT, LARGE),
        (LARGE, LONG, LARGE),
        (LARGE, TEXT, MIXED),
        (BOOL, INT, MIXED),
        (TEXT, INT, MIXED),
        (MIXED, INT, MIXED),
        (MIXED, NULL, MIXED),
        (listed(NULL), listed(INT), listed(INT)),
        (listed(INT), TEXT, MIXED),
        (struct(a=INT), struct(b=INT), struct(a=INT, b=INT)),
        (struct(a=INT), struct(a=TEXT), struct(a=MIXED)),
        (struct(a=INT, b=INT), struct(c=INT, d=INT), WIDE),
        (WIDE, struct(a=INT), WIDE),
        (WIDE, TEXT, MIXED),
        (DEEP, DEEP, DEEP),
        (DEEP, TEXT, MIXED),
        (struct(), struct(a=INT), struct(a=INT)),
    ],
)
def test_kinds_unify_in_either_order(a, b, both):
    assert merge(a, b, SMALL) == both
    assert merge(b, a, SMALL).name == both.name
    assert merge(both, a, SMALL) == both


def test_sealing_leaves_nothing_that_parquet_cannot_hold():
    assert seal(NULL) == TEXT
    assert seal(LONG) == INT
    assert seal(struct()) == EMPTY
    assert seal(listed(struct(a=NULL, b=struct()))) == listed(struct(a=TEXT, b=EMPTY))
    assert arrow_type(seal(listed(struct(a=LONG, b=BOOL, c=FLOAT, d=MIXED)))) == pa.list_(
        pa.struct([("a", pa.int64()), ("b", pa.bool_()), ("c", pa.float64()), ("d", pa.string())])
    )


def test_fit_turns_only_what_is_kept_as_text_into_text():
    seen = []
    kind = struct(a=MIXED, b=listed(struct(c=MIXED)), d=INT)
    value = {"a": {"x": [1, None]}, "b": [{"c": "plain"}, {"c": 1.0}, {}, None], "d": 4}
    fitted = fit(value, kind, "col", lambda *what: seen.append(what))
    assert fitted == {"a": '{"x": [1, null]}', "b": [{"c": "plain"}, {"c": "1.0"}, {}, None], "d": 4}
    assert seen == [
        ("col.a", "mixed", {"x": [1, None]}),
        ("col.b[].c", "mixed", "plain"),
        ("col.b[].c", "mixed", 1.0),
    ]


def test_plain_kinds_need_no_fitting():
    assert struct(a=listed(INT)).plain
    assert not struct(a=listed(struct(b=MIXED))).plain


values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abcde"), inner, max_size=4),
    max_leaves=12,
)


def stripped(value):
    """What may be lost: null and missing are the same."""
    if isinstance(value, dict):
        return {key: stripped(part) for key, part in value.items() if part is not None and stripped(part) is not None}
    return [stripped(part) for part in value] if isinstance(value, list) else value


def restored(value, kind):
    """The value as it was, from what Arrow gives back."""
    if value is None:
        return None
    if kind.name == "json":
        return value
    if kind.items is not None:
        return [restored(item, kind.items) for item in value]
    if kind.name == "struct":
        return {key: restored(value[key], part) for key, part in kind.fields if value[key] is not None}
    return value


def as_kept(value, kind):
    """The value with what is kept as text as text."""
    if value is None:
        return None
    if kind.name == "json":
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if kind.items is not None:
        return [as_kept(item, kind.items) for item in value]
    if kind.name == "struct":
        kinds = dict(kind.fields)
        return {key: as_kept(part, kinds[key]) for key, part in value.items() if part is not None}
    return value


@settings(deadline=None, max_examples=25)
@given(st.lists(values, max_size=8), st.lists(values, max_size=8))
def test_no_value_is_lost_on_the_way_to_arrow(first, second):
    limits = Limits(keys=4, depth=3)
    kind = seal(merge(infer(first, limits), infer(second, limits), limits))
    both = first + second
    array = pa.array([fit(value, kind, "", lambda *_: None) for value in both], arrow_type(kind))
    array.validate(full=True)
    assert [restored(value, kind) for value in array.to_pylist()] == [as_kept(value, kind) for value in both]


@settings(deadline=None, max_examples=25)
@given(st.lists(values, max_size=10), st.integers(0, 10))
def test_kinds_of_parts_unify_to_the_kind_of_the_whole(whole, cut):
    limits = Limits(keys=4, depth=3)
    parts = merge(infer(whole[:cut], limits), infer(whole[cut:], limits), limits)
    assert _sorted(parts) == _sorted(infer(whole, limits))


def _sorted(kind):
    if kind.items is not None:
        return Kind("list", _sorted(kind.items))
    return Kind(kind.name, fields=tuple(sorted((key, _sorted(part)) for key, part in kind.fields)))
