"""Values as JSON can carry them."""

import json
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from apps.dataset_explorer.cells import LONGEST, shown, stored


@pytest.mark.parametrize(
    ("value", "page", "file"),
    [
        (None, None, None),
        (True, True, True),
        (7, 7, 7),
        (2**53 - 1, 2**53 - 1, 2**53 - 1),
        (2**53, "9007199254740992", 2**53),
        (-(2**64), "-18446744073709551616", -(2**64)),
        (0.5, 0.5, 0.5),
        (float("nan"), "NaN", None),
        (float("inf"), "Infinity", None),
        (float("-inf"), "-Infinity", None),
        ("文字 🦆", "文字 🦆", "文字 🦆"),
        (b"a\xff", "base64:Yf8=", "base64:Yf8="),
        (bytearray(b"a"), "base64:YQ==", "base64:YQ=="),
        (memoryview(b"a"), "base64:YQ==", "base64:YQ=="),
        (date(2020, 1, 2), "2020-01-02", "2020-01-02"),
        (time(1, 2, 3), "01:02:03", "01:02:03"),
        (datetime(2020, 1, 2, 3, 4, 5, tzinfo=UTC), "2020-01-02T03:04:05+00:00", "2020-01-02T03:04:05+00:00"),
        (timedelta(days=1, seconds=2), "1 day, 0:00:02", "1 day, 0:00:02"),
        (Decimal("1.10"), 1.1, 1.1),
        (Decimal("5.00"), 5, 5),
        (Decimal(2**70), str(2**70), 2**70),
        (Decimal("0.1234567890123456789"), "0.1234567890123456789", "0.1234567890123456789"),
        (Decimal("NaN"), "NaN", "NaN"),
        (uuid.UUID(int=1), str(uuid.UUID(int=1)), str(uuid.UUID(int=1))),
        ((1, [2.0, None]), [1, [2.0, None]], [1, [2.0, None]]),
        ({"a": {1: b"x"}}, {"a": {"1": "base64:eA=="}}, {"a": {"1": "base64:eA=="}}),
        ({1}, "{1}", "{1}"),
    ],
)
def test_values(value, page, file):
    assert shown(value) == page
    assert stored(value) == file
    json.dumps([page, file], allow_nan=False)


def test_long_texts_are_cut_and_say_so():
    assert shown("x" * LONGEST) == "x" * LONGEST
    assert shown("字" * 20_000) == "字" * LONGEST + "… [20,000 characters]"
    assert stored("x" * 20_000) == "x" * 20_000


def test_long_bytes_are_cut_and_say_so():
    cut = shown(b"x" * 30_000, 100)
    assert cut.startswith("base64:eHh4")
    assert cut.endswith("… [40,000 characters]")
    assert len(cut) < 200


def test_nested_values_share_the_room():
    assert shown([["x" * 6], "y" * 6, "z"], 10) == [["x" * 6], "yyyy… [6 characters]", "… [1 more]"]
    assert shown({"a": "x" * 20, "b": 1, "c": 2}, 10) == {"a": "xxxxxxxxx… [20 characters]", "…": "[2 more]"}
    assert shown(list(range(1_000_000)), 80) == [*range(10), "… [999,990 more]"]


def test_many_long_keys_are_cut_too():
    assert len(json.dumps(shown({f"{n:>100}": None for n in range(1000)}, 1000))) < 1500


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(deadline=None, max_examples=40)
@given(JSON)
def test_whatever_comes_is_json(value):
    for form in (shown(value, 50), stored(value)):
        json.loads(json.dumps(form, allow_nan=False))


@settings(deadline=None, max_examples=40)
@given(JSON)
def test_a_page_stays_small(value):
    def room(each):
        if isinstance(each, dict):
            return sum(len(key) + room(one) for key, one in each.items())
        return sum(map(room, each)) if isinstance(each, list) else len(str(each))

    assert room(shown([value] * 50, 50)) < 50 * 60
