"""Pages of a dataset: by number, filter and order."""

import datetime
import decimal

import pyarrow as pa
import pytest

from apps.dataset_explorer import duck, table
from shared.errors import PlaygroundError
from tests.unit.dataset_explorer.tables import ODD, column, dataset, read

WORDS = ["Apfel", "äpfel", "苹果 apple", None, "", "apple pie", "Ünïcode", "x", "APPLE", "pie"]


@pytest.fixture
def ten(workspace):
    """Ten rows in four row groups."""
    columns = {
        "n": list(range(10)),
        "word": WORDS,
        ODD: [f"v{n}" for n in range(10)],
        "score": [None, 1.5, float("nan"), -2.0, 0.1, 2.0, 1e300, float("inf"), 2.5, 3.0],
        "row": [n % 2 == 0 for n in range(10)],
        "chat": [[{"role": "user", "Role": f"line {n}"}] for n in range(10)],
    }
    return dataset(workspace, columns)


def numbers(ten, **asked) -> list[int]:
    page = table.page(ten, count=100, **asked)
    assert page.total == len(page.numbers)
    return page.numbers


# -------------------------------------------------------------------------------------------------------- by number


def test_rows_by_number(ten):
    page = table.page(ten, 2, 3)
    assert page.columns == ten.columns
    assert page.numbers == [2, 3, 4]
    assert page.total == 10
    assert page.rows[0] == [2, "苹果 apple", "v2", "NaN", True, [{"role": "user", "Role": "line 2"}]]


def test_every_page_agrees_with_the_file(ten):
    everything = table.page(ten, 0, 10).rows
    for start in range(11):
        for count in range(12 - start):
            page = table.page(ten, start, count)
            assert page.rows == everything[start : start + count]
            assert page.numbers == list(range(start, min(10, start + count)))


def test_beyond_the_end(ten):
    assert table.page(ten, 8, 5).numbers == [8, 9]
    assert table.page(ten, 10, 5) == table.Page(ten.columns, [], [], 10)
    assert table.page(ten, 500, 5).rows == []


def test_no_rows_and_one_row(workspace):
    empty = dataset(workspace, {"a": pa.array([], pa.string())})
    assert table.page(empty) == table.Page(["a"], [], [], 0)
    assert table.page(empty, column="a", value="x") == table.Page(["a"], [], [], 0)
    assert table.page(empty, order="a").rows == []
    one = dataset(workspace, {"a": ["字"]})
    assert table.page(one, column="a", value="字").rows == [["字"]]


def test_rows_of_a_file_as_load_reads_it(workspace):
    (workspace / "x.jsonl").write_text('{"问": "二加二？", "n": 4}\n{"问": null}\n', encoding="utf-8")
    found = read(workspace / "home", workspace / "x.jsonl")
    assert table.page(found).rows == [["二加二？", 4], [None, None]]
    assert table.page(found, column="问", value="二").numbers == [0]


def test_long_cells_are_cut(workspace):
    page = table.page(dataset(workspace, {"text": ["x" * 50_000]}))
    assert page.rows[0][0].endswith("… [50,000 characters]")


# --------------------------------------------------------------------------------------------------------- by filter


def test_contains_ignores_case_in_every_script(ten):
    assert numbers(ten, column="word", value="APPLE") == [2, 5, 8]
    assert numbers(ten, column="word", value="Äpfel") == [1]
    assert numbers(ten, column="word", value="üNÏ") == [6]
    assert numbers(ten, column="word", value="苹果") == [2]
    assert numbers(ten, column="word", value="%") == []


def test_contains_without_a_column_looks_in_each(ten):
    assert numbers(ten, value="v7") == [7]
    assert numbers(ten, value="LINE 4") == [4]
    assert numbers(ten, value="pie") == [5, 9]


def test_contains_looks_at_values_of_objects_not_at_their_names(ten):
    assert numbers(ten, column="chat", value="user line 3") == [3]
    assert numbers(ten, column="chat", value="role") == []


def test_a_column_name_that_is_sql(ten):
    assert numbers(ten, column=ODD, test="equals", value="v3") == [3]
    assert numbers(ten, order=ODD, descending=True) == [9, 8, 7, 6, 5, 4, 3, 2, 1, 0]


@pytest.mark.parametrize("value", ["' OR 1=1 --", "'; DROP TABLE data; --", "?", "$1", "\\", "\x00"])
def test_a_value_that_is_sql_is_a_value(ten, value):
    for name in ("word", ODD, ""):
        assert numbers(ten, column=name, value=value) == []
        assert numbers(ten, column=name, test="equals", value=value) == []


@pytest.mark.parametrize(
    ("column", "test", "value", "found"),
    [
        ("n", "equals", "3", [3]),
        ("n", "equals", "3.0", [3]),
        ("n", "equals", "3.5", []),
        ("n", "not equals", "3", [0, 1, 2, 4, 5, 6, 7, 8, 9]),
        ("n", "above", "6.5", [7, 8, 9]),
        ("n", "above", "7", [8, 9]),
        ("n", "below", "1e0", [0]),
        ("n", "below", "-99999999999999999999999", []),
        ("score", "above", "2", [6, 7, 8, 9]),
        ("score", "below", "0.1", [3]),
        ("score", "equals", "0.1", [4]),
        ("score", "not equals", "2", [0, 1, 2, 3, 4, 6, 7, 8, 9]),
        ("score", "missing", "", [0, 2]),
        ("word", "missing", "", [3, 4]),
        ("word", "missing", "whatever", [3, 4]),
        ("word", "equals", "apple pie", [5]),
        ("word", "equals", "Apple Pie", []),
        ("word", "not equals", "x", [0, 1, 2, 3, 4, 5, 6, 8, 9]),
        ("word", "above", "pi", [1, 2, 6, 7, 9]),
        ("word", "longer than", "7", [2, 5]),
        ("word", "shorter than", "2", [4, 7]),
        ("row", "equals", "true", [0, 2, 4, 6, 8]),
        ("row", "equals", "FALSE", [1, 3, 5, 7, 9]),
        ("chat", "longer than", "0", list(range(10))),
        ("chat", "longer than", "1", []),
        ("chat", "equals", "user line 6", [6]),
        ("", "equals", "6", [6]),
        ("", "equals", "v6", [6]),
        ("", "not equals", "true", [1, 3, 5, 7, 9]),
        ("", "missing", "", [0, 2, 3, 4]),
        ("", "longer than", "8", [5]),
    ],
)
def test_tests(ten, column, test, value, found):
    assert numbers(ten, column=column, test=test, value=value) == found


def test_large_whole_numbers_are_compared_exactly(workspace):
    large = dataset(workspace, {"n": [2**53, 2**53 + 1, 2**62]})
    assert numbers(large, column="n", test="equals", value="9007199254740993") == [1]
    assert numbers(large, column="n", test="above", value="9007199254740993") == [2]
    assert table.page(large).rows == [["9007199254740992"], ["9007199254740993"], ["4611686018427387904"]]


def test_dates_and_times(workspace):
    days = [datetime.date(2020, 1, day) for day in (1, 2, 3)]
    moments = [datetime.datetime(2020, 1, 1, hour, tzinfo=datetime.UTC) for hour in (1, 2, 3)]
    when = dataset(workspace, {"day": days, "at": moments})
    assert numbers(when, column="day", test="above", value="2020-01-02") == [2]
    assert numbers(when, column="at", test="below", value="2020-01-01T02:00:00Z") == [0]
    assert numbers(when, column="day", value="01-03") == [2]
    with pytest.raises(
        PlaygroundError, match="'soon' cannot be compared with column 'day', which holds dates or times"
    ):
        table.page(when, column="day", test="above", value="soon")


def test_empty_values_let_every_row_pass(ten):
    assert table.page(ten, column="word", test="equals", value="").total == 10


def test_total_counts_beyond_the_page(ten):
    page = table.page(ten, 1, 2, "row", "equals", "true")
    assert (page.numbers, page.total) == ([2, 4], 5)
    assert table.page(ten, 4, 2, "row", "equals", "true").numbers == [8]
    assert table.page(ten, 7, 2, "row", "equals", "true") == table.Page(ten.columns, [], [], 5)


# ---------------------------------------------------------------------------------------------------------- by order


def test_numbers_are_sorted_as_numbers_and_missing_ones_come_last(ten):
    assert numbers(ten, order="score") == [3, 4, 1, 5, 8, 9, 6, 7, 0, 2]
    assert numbers(ten, order="score", descending=True) == [7, 6, 9, 8, 5, 1, 4, 3, 0, 2]


def test_equal_ones_stay_in_source_order(ten):
    assert numbers(ten, order="row") == [1, 3, 5, 7, 9, 0, 2, 4, 6, 8]
    assert numbers(ten, order="row", descending=True) == [0, 2, 4, 6, 8, 1, 3, 5, 7, 9]


def test_texts_are_sorted_by_their_first_characters(workspace):
    same = "x" * table.KEY
    found = dataset(workspace, {"text": [same + "b", same + "a", "w", None]})
    assert numbers(found, order="text") == [2, 0, 1, 3]


def test_order_of_objects_is_that_of_their_text(ten):
    assert numbers(ten, order="chat", descending=True)[:2] == [9, 8]


def test_filter_and_order_and_page_together(ten):
    page = table.page(ten, 1, 2, "n", "above", "3", "score", True)
    assert page.numbers == [6, 9]
    assert page.total == 6
    assert [row[0] for row in page.rows] == [6, 9]


# ------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"column": "nn", "value": "x"}, "There is no column 'nn'. Columns are 'n', 'word'"),
        ({"order": 'n"'}, "There is no column 'n\"'"),
        ({"test": "like", "value": "x"}, "There is no test 'like'. Tests are contains, equals"),
        ({"test": "above", "value": "1"}, "choose the column"),
        (
            {"column": "n", "test": "above", "value": "many"},
            "'many' cannot be compared with column 'n', which holds numbers",
        ),
        ({"column": "row", "test": "equals", "value": "2x"}, "which holds true or false"),
        ({"column": "word", "test": "longer than", "value": "long"}, "'long' is no length"),
        ({"start": -1}, "Rows are numbered from 0"),
        ({"count": -1}, "Rows are numbered from 0"),
    ],
)
def test_mistakes(ten, asked, words):
    with pytest.raises(PlaygroundError) as caught:
        table.page(ten, **asked)
    assert words in str(caught.value)


def test_a_file_that_is_gone_is_a_sentence_without_its_path(ten):
    ten.path.unlink()
    with pytest.raises(PlaygroundError, match="DuckDB says") as caught:
        table.page(ten, order="n")
    assert str(ten.path) not in str(caught.value)


def test_what_takes_too_long_is_stopped(ten, monkeypatch):
    monkeypatch.setattr(table, "SECONDS", 0.0)
    monkeypatch.setattr(
        duck,
        "text_of",
        lambda value, kind: "(SELECT sum(a.range * b.range) FROM range(1000000) a, range(1000000) b)::VARCHAR",
    )
    with pytest.raises(PlaygroundError, match="stopped after 0 seconds"):
        table.page(ten, column="word", value="x")


# ------------------------------------------------------------------------------------------------------- other types


def test_a_filtered_page_shows_what_a_plain_page_shows(workspace):
    """Whatever Parquet can hold; among it what DuckDB renames, rounds or cannot read."""
    day = datetime.date(2020, 1, 1)
    found = dataset(
        workspace,
        pa.table(
            {
                "n": pa.array([1, 2]),
                "null": pa.nulls(2),
                "nanoseconds": pa.array([1234567890123456789, None], pa.timestamp("ns", "UTC")),
                "duration": pa.array([5, None], pa.duration("ms")),
                "time": pa.array([1, 2], pa.time64("us")),
                "bytes": pa.array([b"a\xff", None]),
                "map": pa.array([[("a", 1)], None], pa.map_(pa.string(), pa.int64())),
                "dictionary": pa.array(["x", None]).dictionary_encode(),
                "view": pa.array(["x", None], pa.string_view()),
                "unsigned": pa.array([2**64 - 1, None], pa.uint64()),
                "half": pa.array([1.5, float("nan")], pa.float16()),
                "day": pa.array([day, None]),
                "decimal": pa.array([decimal.Decimal("1.10"), None]),
                "fixed": pa.array([[1, 2], None], pa.list_(pa.int64(), 2)),
                "object": pa.array([{"a": 1, "A": [{"": "x"}]}, None]),
            }
        ),
    )
    plain = table.page(found)
    assert table.page(found, order="n") == plain
    assert table.page(found, column="n", test="above", value="0") == plain
    cells = dict(zip(plain.columns, plain.rows[0], strict=True))
    assert cells["nanoseconds"] == "2009-02-13T23:31:30.123456789+00:00"
    assert cells["object"] == {"a": 1, "A": [{"": "x"}]}
    assert cells["map"] == {"a": 1}
    assert numbers(found, column="map", value="1") == [0]
    assert numbers(found, column="decimal", test="equals", value="1.1") == [0]
    assert column(plain.rows, 0) == [1, 2]


def test_names_that_differ_in_case_alone_are_different_columns(workspace):
    found = dataset(workspace, pa.table([pa.array(["x", "y"]), pa.array(["y", "x"])], names=["a", "A"]))
    assert numbers(found, column="a", test="equals", value="x") == [0]
    assert numbers(found, column="A", test="equals", value="x") == [1]


def test_columns_called_like_duckdbs_own(workspace):
    found = dataset(workspace, {"file_row_number": ["x", "y"], "c0": ["y", "x"], "t": [5, 6], "filename": ["a", "b"]})
    assert numbers(found, column="file_row_number", test="equals", value="y") == [1]
    assert numbers(found, column="c0", test="equals", value="y") == [0]
    assert numbers(found, order="t", descending=True) == [1, 0]
