import gzip
import json

import pandas as pd
import pytest

from apps.model_arena.ballot import Ballot
from apps.model_arena.exports import write_raw
from apps.model_arena.imports import read_votes, stream_votes
from apps.model_arena.leaderboard import build
from shared.errors import PlaygroundError
from tests.unit.apps.model_arena.votes import real, vote

FASTCHAT = {
    "model_a": "x",
    "model_b": "y",
    "winner": "model_a",
    "anony": True,
    "tstamp": 1682351591.1322,
    "language": "English",
}


def written(folder, rows, name="votes.json"):
    path = folder / name
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def reasons(refused):
    return {each.row: each.reason for each in refused}


def test_fastchat_json_is_read(workspace):
    rows = [
        FASTCHAT,
        {**FASTCHAT, "winner": "model_b", "language": "Japanese", "tstamp": "1682351592"},
        {**FASTCHAT, "winner": "tie", "language": "unknown", "tstamp": "2023-04-24T15:53:11+00:00"},
        {**FASTCHAT, "winner": "tie (bothbad)", "language": "xx", "tstamp": None},
        {**FASTCHAT, "winner": "bothbad", "category": "code", "tstamp": "long ago"},
    ]
    votes, refused = read_votes(written(workspace, rows))
    assert refused == []
    assert [each.winner for each in votes] == ["a", "b", "tie", "both_bad", "both_bad"]
    assert [each.language for each in votes] == ["en", "ja", "", "xx", "en"]
    assert votes[0].time == "2023-04-24T15:53:11.132200Z"
    assert [each.time[:19] for each in votes[1:]] == ["2023-04-24T15:53:12", "2023-04-24T15:53:11", "", ""]
    assert votes[4].category == "code"
    assert len({each.battle for each in votes}) == 5


def test_style_comes_from_the_conversations_or_from_what_was_counted(workspace):
    talk = [{"role": "user", "content": "# hi"}, {"role": "assistant", "content": "# A\n- b **c**"}]
    counted = {
        **{f"sum_assistant_{side}_tokens": 7 for side in "ab"},
        **{f"header_count_{side}": {"h1": 1, "h2": 2} for side in "ab"},
        **{f"list_count_{side}": {"ordered": 1, "unordered": 0} for side in "ab"},
        **{f"bold_count_{side}": {"**": 4, "__": 0} for side in "ab"},
    }
    rows = [
        {**FASTCHAT, "conversation_a": talk, "conversation_b": [*talk, *talk]},
        {**FASTCHAT, "conv_metadata": counted},
        {**FASTCHAT, "conv_metadata": {**counted, "bold_count_b": {"**": None}}},
        {**FASTCHAT, "conv_metadata": {**counted, "bold_count_b": float("nan") and None}},
    ]
    votes, refused = read_votes(written(workspace, rows))
    assert refused == []
    assert votes[0].lengths == (13, 28)
    assert votes[0].markdown == ((1, 1, 1), (2, 2, 2))
    assert votes[1].lengths == (7, 7)
    assert votes[1].markdown == ((3, 1, 4), (3, 1, 4))
    assert votes[2].lengths == votes[3].lengths == ()


def test_what_is_no_vote_is_refused_and_never_a_tie(workspace):
    rows = [
        {**FASTCHAT, "winner": "model_c"},
        {**FASTCHAT, "winner": None},
        {**FASTCHAT, "winner": 1},
        {**FASTCHAT, "winner": ""},
        {**FASTCHAT, "model_b": "x"},
        {**FASTCHAT, "model_a": "  "},
        {**FASTCHAT, "model_a": None},
        {**FASTCHAT, "model_a": True},
        {**FASTCHAT, "model_a": "n" * 301},
        {**FASTCHAT, "anony": False},
        {**FASTCHAT, "model_a": 7, "winner": " Model_A "},
    ]
    votes, refused = read_votes(written(workspace, rows))
    assert [(each.models, each.winner) for each in votes] == [(("7", "y"), "a")]
    said = reasons(refused)
    assert list(said) == list(range(1, 11))
    assert said[1].startswith("'model_c' in 'winner' is no outcome")
    assert said[2].startswith("Nothing in 'winner'")
    assert said[3].startswith("'1' in 'winner'")
    assert said[5].startswith("'x' is on both sides")
    assert said[6] == "'model_a' is empty."
    assert "no model's name" in said[7]
    assert "longer than 300" in said[9]
    assert "shown before the vote" in said[10]


def test_csv_with_named_columns(workspace):
    path = workspace / "my votes.csv"
    path.write_text(
        "who,first,second,end\r\n1,x,モデル,LEFT\r\n2,x,モデル,second\r\n3,x,モデル,draw\r\n4,x,モデル,?\r\n", "utf-8"
    )
    votes, refused = read_votes(path, left="first", right="second", winner="end")
    assert [each.winner for each in votes] == ["a", "b", "tie"]
    assert votes[0].models == ("x", "モデル")
    assert list(reasons(refused)) == [4]


def test_the_name_of_a_column_is_the_outcome_of_its_side(workspace):
    rows = [{"model_a": "x", "model_b": "y", "winner": "model_a"}]
    assert read_votes(written(workspace, rows), left="model_b", right="model_a")[0][0].winner == "b"


def test_rows_that_cannot_be_read_keep_their_numbers(workspace):
    path = workspace / "votes.csv"
    path.write_text("left,right,winner\nx,y,left\nx,y\nx,y,nobody\nx,y,right\n", "utf-8")
    votes, refused = read_votes(path)
    assert [each.winner for each in votes] == ["a", "b"]
    assert [each.battle.rpartition("-")[2] for each in votes] == ["1", "4"]
    assert list(reasons(refused)) == [2, 3]
    assert "cannot be read" in refused[0].reason
    lines = workspace / "votes.jsonl"
    lines.write_text(
        '{"left": "x", "right": "y", "winner": "left"}\nbroken\n{"left": "x", "right": "y", "winner": "b"}\n', "utf-8"
    )
    votes, refused = read_votes(lines)
    assert ([each.winner for each in votes], list(reasons(refused))) == (["a", "b"], [2])


@pytest.mark.parametrize(
    ("left", "right", "winner", "said"),
    [
        ("first", "", "", "has no column 'first'. Its columns are: one, two, winner"),
        ("", "", "", "does not say in which columns"),
        ("one", "one", "winner", "does not say in which columns"),
    ],
)
def test_columns_must_be_there(workspace, left, right, winner, said):
    with pytest.raises(PlaygroundError, match=said):
        read_votes(written(workspace, [{"one": "x", "two": "y", "winner": "left"}]), left, right, winner)


@pytest.mark.parametrize(
    ("name", "text", "said"), [("a.txt", "x beats y", "plain text"), ("a.csv", "", "empty"), ("a.json", "{", "a.json")]
)
def test_files_that_hold_no_votes(workspace, name, text, said):
    (workspace / name).write_text(text)
    with pytest.raises(PlaygroundError, match=said):
        read_votes(workspace / name)


def test_parquet_and_packed_files(workspace):
    pd.DataFrame([FASTCHAT, {**FASTCHAT, "winner": "?"}]).to_parquet(workspace / "votes.parquet")
    votes, refused = read_votes(workspace / "votes.parquet")
    assert (len(votes), list(reasons(refused))) == (1, [2])
    (workspace / "votes.json.gz").write_bytes(gzip.compress(json.dumps([FASTCHAT]).encode()))
    assert len(read_votes(workspace / "votes.json.gz")[0]) == 1
    whole = (workspace / "votes.parquet").read_bytes()
    (workspace / "cut.parquet").write_bytes(whole[:4] + bytes(len(whole) - 4))
    with pytest.raises(PlaygroundError, match="damaged"):
        read_votes(workspace / "cut.parquet")


def test_our_own_export_comes_back(workspace):
    votes = [
        vote("x y z", "c", "b1", lengths=(1, 2, 3), markdown=((0, 0, 1),) * 3, reasons=("short",), voter="v"),
        vote("モデル y", "both_bad", "b2", excluded=True),
    ]
    assert write_raw(votes, workspace / "raw.jsonl") == 2
    found, refused = read_votes(workspace / "raw.jsonl")
    assert refused == []
    assert found == [Ballot(**{**each.__dict__, "voter": ""}) for each in votes]
    assert "voter" not in (workspace / "raw.jsonl").read_text("utf-8")


def test_broken_lines_of_our_own_export_are_refused(workspace):
    rows = [
        {"models": "x y", "winner": "a"},
        {"models": ["x", "x"], "winner": "a"},
        {"models": ["x", "y"], "winner": "c"},
        {"models": ["x", None], "winner": "a"},
        {"models": ["x", "y"], "winner": "a", "lengths": 3},
        {"models": ["x", "y"], "winner": "b"},
    ]
    votes, refused = read_votes(written(workspace, rows))
    assert list(reasons(refused)) == [1, 2, 3, 4, 5]
    assert votes[0].battle.startswith("import-")


def test_the_same_file_gives_the_same_battles(workspace):
    path = written(workspace, [FASTCHAT, FASTCHAT])
    one, two = read_votes(path)[0], list(stream_votes(path))
    assert one == two
    other = written(workspace, [FASTCHAT], "other.json")
    assert read_votes(other)[0][0].battle != one[0].battle


def test_real_crowd_votes_are_read_and_ranked(real_data):
    votes, refused = read_votes(real_data / "votes" / "llmfao" / "llmfao.csv")
    assert (len(votes), refused) == (8931, [])
    _, reference = real(real_data, "llmfao")
    for row in build(votes).rows:
        assert row.rating == pytest.approx(reference["ratings"][row.model], abs=1e-6)


LMARENA = {**FASTCHAT, "question_id": "58210e39b3fd4441a2bd4a518bb44c2d", "judge": "arena_user_973", "turn": 1}


def test_a_longer_file_names_the_votes_of_a_shorter_one_alike(workspace):
    """LMArena's files grow: what was imported before keeps its battle, wherever it stands now."""
    other = {**LMARENA, "judge": "arena_user_1", "winner": "tie"}
    new = {**LMARENA, "question_id": "1b1e0c0d-e000-4000-8000-000000000001"}
    old, _ = read_votes(written(workspace, [LMARENA, other]))
    grown, _ = read_votes(written(workspace, [new, other, LMARENA]))
    assert [each.battle for each in grown[1:]] == [each.battle for each in reversed(old)]
    assert len({each.battle for each in [*old, *grown]}) == 3
    plain, _ = read_votes(written(workspace, [{**LMARENA, "question_id": 81}] * 2))
    assert len({each.battle for each in plain}) == 2, "a small number may be another file's as well"


def test_lmarenas_time_and_column_names_in_capitals_are_understood(workspace):
    path = workspace / "new.parquet"
    stamp = pd.Timestamp("2025-07-01T12:00:00.5")
    row = {key: value for key, value in FASTCHAT.items() if key in ("model_a", "model_b", "winner")}
    pd.DataFrame([{**row, "timestamp": stamp}]).to_parquet(path)
    (found,), refused = read_votes(path)
    assert (found.time, refused) == ("2025-07-01T12:00:00.500000Z", [])
    path = workspace / "named.csv"
    path.write_text("Model_A, model_b ,WINNER\nx,y,model_b\n", encoding="utf-8")
    (found,), _ = read_votes(path)
    assert (found.models, found.winner) == (("x", "y"), "b")


def test_reasons_end_with_one_full_stop(workspace):
    rows = [{"models": ["x", "y", "z"], "winner": "d"}, {"models": ["x"], "winner": "a"}]
    _, refused = read_votes(written(workspace, [{"models": ["x", "y"], "winner": "a"}, *rows]))
    assert [each.reason for each in refused] == [
        "It is no vote: 'd' is no outcome of a battle with 3 sides.",
        "It is no vote: A ballot has 2 to 6 sides, not 1.",
    ]
