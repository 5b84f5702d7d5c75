"""Rows: as text, as lines, and merged."""

import json
import sqlite3
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.rows import SCHEMA, Row, insert, insert_all, merge, now, of_line, row_of, to_line, to_text, values_of

bodies = st.dictionaries(
    st.text(), st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
)


@pytest.fixture
def connection():
    made = sqlite3.connect(":memory:", isolation_level=None)
    made.executescript(SCHEMA)
    yield made
    made.close()


def test_the_time_is_text_that_sorts_as_time() -> None:
    times = [now() for _ in range(100)]
    assert times == sorted(times)
    assert {len(time) for time in times} == {27}
    assert times[0].endswith("Z")


@pytest.mark.parametrize("kind", ["", "Votes", "a b", "../x", "a/b", ".x", "x" * 65, "数"])
def test_a_kind_is_a_short_plain_word(kind: str) -> None:
    with pytest.raises(ValueError, match="kind"):
        values_of(kind, {}, None)


@pytest.mark.parametrize(("body", "error"), [({"x": float("nan")}, ValueError), ({"x": object()}, TypeError)])
def test_what_json_does_not_have_is_refused(body: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        to_text(body)


def test_text_is_kept_readable_where_a_disk_can_take_it() -> None:
    assert to_text({"q": "你好"}) == '{"q":"你好"}'
    assert to_text({"q": "\ud83d"}) == '{"q":"\\ud83d"}'


@given(bodies, st.none() | st.text(st.characters(exclude_categories=["Cs"])))
def test_a_line_brings_back_the_row(body: dict, key: str | None) -> None:
    row_id, kind, _, time, _, text = values_of("votes", body, None)
    line = to_line(row_id, kind, key, time, text)
    assert line.count(b"\n") == 1
    assert line.endswith(b"\n")
    assert of_line(line) == Row(0, row_id, "votes", key, time, body)
    assert set(json.loads(line)) == {"check", "id", "kind", "key", "time", "body"}


def test_a_line_that_was_cut_or_changed_is_no_row() -> None:
    line = to_line("ab" * 16, "votes", "battle", now(), '{"winner":"a"}')
    for end in range(len(line) - 1):
        assert of_line(line[:end]) is None
    for place in range(len(line) - 1):
        assert of_line(line[:place] + bytes([line[place] ^ 1]) + line[place + 1 :]) is None
    assert of_line(line[:-1]) is not None  # only the line break is missing
    assert of_line(b"") is None


@pytest.mark.parametrize(
    "changed",
    [{"id": 3}, {"kind": "A B"}, {"kind": 1}, {"key": 3}, {"time": None}, {"body": [1]}, {"body": "x"}, {"id": None}],
)
def test_a_line_of_another_make_is_no_row(changed: dict) -> None:
    good = {"id": "ab" * 16, "kind": "votes", "key": None, "time": now(), "body": {}}
    for row, fits in ((good, True), ({**good, **changed}, False)):
        line = to_line(row["id"], row["kind"], row["key"], row["time"], json.dumps(row["body"]))
        assert (of_line(line) is not None) is fits
    rest = json.dumps({"id": "x"})[1:].encode()
    from shared.rows import _check

    assert of_line(b'{"check": "%s", %s' % (_check(rest), rest)) is None  # fields are missing


def test_many_rows_go_in_with_one_statement_unless_a_key_is_taken(connection: sqlite3.Connection) -> None:
    insert(values_of("votes", {}, "a"), connection)
    many = [values_of("votes", {"n": n}, str(n)) for n in range(5)]
    numbers = insert_all(connection, many)
    found = [row_of(each) for each in connection.execute("SELECT seq, id, kind, key, time, body FROM rows")][1:]
    assert [(row.seq, row.id, row.body["n"]) for row in found] == [
        (number, values[0], n) for n, (number, values) in enumerate(zip(numbers, many, strict=True))
    ]
    assert insert_all(connection, [values_of("votes", {}, "new"), values_of("votes", {}, "a")]) is None


def row(number: int, key: str | None, time: str = "") -> Row:
    return Row(0, f"{number:032x}", "votes", key, time or f"2026-01-01T00:00:0{number}.000000Z", {"n": number})


def merged(rows: tuple[Row, ...]) -> set[tuple]:
    connection = sqlite3.connect(":memory:", isolation_level=None)
    connection.executescript(SCHEMA)
    for each in rows:
        merge(connection, each, "remote")
    found = connection.execute("SELECT id, kind, key, time, body FROM rows").fetchall()
    connection.close()
    return set(found)


def test_rows_merge_to_the_same_set_in_every_order() -> None:
    rows = (row(1, "k"), row(2, "k"), row(4, "k", row(1, "k").time), row(3, None), row(5, None), row(2, "k"))
    results = {frozenset(merged(order)) for order in permutations(rows)}
    assert len(results) == 1
    (only,) = results
    assert {each[0] for each in only} == {row(1, "").id, row(3, "").id, row(5, "").id}


@given(
    st.lists(st.tuples(st.integers(1, 6), st.sampled_from(["a", "b", None])), unique_by=lambda each: each[0]), st.data()
)
def test_merging_is_commutative_and_idempotent(parts: list[tuple[int, str | None]], data: st.DataObject) -> None:
    rows = [row(number, key) for number, key in parts]
    other = data.draw(st.permutations(rows))
    assert merged(tuple(rows)) == merged((*other, *rows))


def test_a_row_that_replaces_another_has_a_new_number(connection: sqlite3.Connection) -> None:
    assert merge(connection, row(2, "k"), "remote")
    assert not merge(connection, row(2, "k"), "remote")
    assert not merge(connection, row(3, "k"), "remote")
    assert merge(connection, row(1, "k"), "remote")
    assert connection.execute("SELECT seq, id FROM rows").fetchall() == [(2, row(1, "").id)]
