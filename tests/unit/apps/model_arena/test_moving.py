"""Votes in and out through the core: files of others, our own file, and preferences from battles that were really played."""

import csv
import gzip
import json
from itertools import product

import pytest

from apps.model_arena import battling, core, moving, voting
from apps.model_arena.ballot import KIND, Ballot
from apps.model_arena.live import of_suite
from apps.model_arena.moving import Imported
from shared import calls, records
from shared.datasets.dataset import open_dataset
from shared.errors import NotAllowed, PlaygroundError
from shared.models.protocol import Delta, Failure, Finish, Start
from shared.models.scripted import Scripted
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.ui.wiring import _plain
from shared.uploads import FILE_DATA, Upload
from tests.unit.apps.model_arena.votes import real, vote

TABLE = "model_a,model_b,winner,language\nred,blue,model_a,English\nblue,red,tie,zh\nred,green,tie (bothbad),\n"
RED, BLUE, GREEN = "openai:farm/red", "openai:farm/blue", "openai:farm/green"


@pytest.fixture
def upload(house):
    def make(text, name="votes.csv"):
        path = (
            house.environment.uploads
            / f"{house.store.count('records')}-{len(list(house.environment.uploads.iterdir()))}"
        )
        path.mkdir()
        (path / name).write_bytes(text.encode() if isinstance(text, str) else text)
        return Upload(path / name, name)

    return make


def take(file, **arguments):
    """Import through the same door as a page: the last item, JSON-safe, after nothing but progress."""
    *steps, last = list(calls.call(core.import_votes, {"file": file, **arguments}, OWNER))
    assert all(isinstance(step, Progress) for step in steps)
    assert isinstance(last, Imported)
    json.dumps(_plain(last), allow_nan=False)
    return last


def stored(house):
    return [Ballot.of_body(row.body) for row in house.store.rows(KIND)]


# Import


def test_a_table(house, upload):
    done = take(upload(TABLE))
    assert (done.read, done.known, done.refused, done.refused_rows) == (3, 0, [], 0)
    found = stored(house)
    assert [(each.models, each.winner, each.language) for each in found] == [
        (("red", "blue"), "a", "en"),
        (("blue", "red"), "tie", "zh"),
        (("red", "green"), "both_bad", ""),
    ]
    assert all(len(each.time) == 27 and each.time.endswith("Z") for each in found), "times as rows have them"
    assert {row.model: row.battles for row in core.leaderboard().rows} == {"red": 3, "blue": 2, "green": 1}


def test_what_a_client_sends(house, upload):
    file = upload(TABLE)
    sent = {"path": str(file.path), "orig_name": "mine.csv", "meta": {"_type": FILE_DATA}}
    assert take(sent).read == 3


def test_lmarena_json_with_conversations(house, upload):
    talk = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "**Hello**\n\n- you"}]
    rows = [
        {
            "model_a": "x",
            "model_b": "y",
            "winner": "model_b",
            "tstamp": 1.7e9,
            "conversation_a": talk,
            "conversation_b": talk,
        },
        {"model_a": "y", "model_b": "x", "winner": "model_b", "anony": True},
    ]
    assert take(upload(json.dumps(rows), "arena.json")).read == 2
    first, second = stored(house)
    assert (first.time, second.models) == ("2023-11-14T22:13:20.000000Z", ("y", "x"))
    assert first.lengths == (16, 16)


def test_named_columns(house, upload):
    text = "one\ttwo\twho\nred\tblue\ttwo\n"
    assert take(upload(text, "v.tsv"), left="one", right="two", winner="who").read == 1
    assert stored(house)[0].winner == "b"


def test_what_is_no_vote_is_refused_and_named(house, upload):
    rows = ["red,blue,model_a", "red,blue,maybe", "red,red,model_a", ",blue,tie", "red,blue,", "red,blue,model_b"]
    done = take(upload("model_a,model_b,winner\n" + "\n".join(rows) + "\n"))
    assert (done.read, done.refused_rows) == (2, 4)
    assert [each.row for each in done.refused] == [2, 3, 4, 5]
    for each, said in zip(done.refused, ("'maybe'", "both sides", "'model_a' is empty", "Nothing in"), strict=True):
        assert said in each.reason
    assert house.own(of_suite).counts().table().cells.sum() == 2, "none of them became a tie"


def test_the_same_file_twice_is_harmless(house, upload):
    first, again = take(upload(TABLE)), take(upload(TABLE, "renamed.csv"))
    assert (again.read, again.known) == (0, 3)
    assert first.read == house.store.count(KIND) == 3


def test_a_battle_twice_in_one_file_counts_once(house, upload):
    body = vote("x y", "a", "b1").to_body()
    lines = "".join(json.dumps({**body, "winner": winner}) + "\n" for winner in ("a", "b", "a"))
    done = take(upload(lines, "raw.jsonl"))
    assert (done.read, done.known) == (1, 2)
    assert [each.winner for each in stored(house)] == ["a"]


@pytest.mark.parametrize(
    ("text", "name", "said"),
    [
        ("", "empty.csv", "empty"),
        ("model_a,model_b,winner\n", "head.csv", "head"),
        ("model_a,model_b,winner\nred,red,tie\n", "self.csv", "holds no vote. Row 1: 'red' is on both sides"),
        ("a,b,c\n1,2,3\n", "other.csv", "does not say in which columns"),
        ("just some words", "words.txt", "plain text"),
        ('[{"model_a": "x"', "half.json", "half"),
        (b"\x89PNG\r\n\x1a\n\x00\x00", "picture.csv", "picture"),
    ],
)
def test_a_file_without_votes_leaves_nothing_behind(house, upload, text, name, said):
    with pytest.raises(PlaygroundError, match=said):
        take(upload(text, name))
    assert house.store.count(KIND) == house.store.count("records") == 0
    assert house.store.artifacts("uploads") == []


def test_a_damaged_file_adds_none_of_its_votes(house, upload, monkeypatch):
    """Mended, it is another file with other ids: what it had added before would count twice."""
    monkeypatch.setattr(moving, "BATCH", 100)
    # Names that do not compress, so that many rows come before the place where the archive is cut.
    text = "model_a,model_b,winner\n" + "".join(f"m{n * 7919 % 104729},m{n},model_a\n" for n in range(60_000))
    whole = gzip.compress(text.encode())
    with pytest.raises(PlaygroundError):
        take(upload(whole[: len(whole) * 3 // 4], "cut.csv.gz"))
    assert house.store.count(KIND) == 0


def test_unknown_columns_and_files(house, upload):
    with pytest.raises(PlaygroundError, match="no column 'who'"):
        take(upload(TABLE), winner="who")
    for name, said in (("/etc/passwd", "not an uploaded file"), ("local:votes@0123456789ab", "not in the workspace")):
        with pytest.raises(PlaygroundError, match=said):
            take(name)
    with pytest.raises(PlaygroundError, match="no file yet"):
        take(None)
    with pytest.raises(NotAllowed):
        calls.call(core.import_votes, {"file": upload(TABLE)}, Caller("ann", owner=False))


def test_only_the_first_refused_rows_are_listed(house, upload, monkeypatch):
    monkeypatch.setattr(moving, "LISTED", 5)
    monkeypatch.setattr(moving, "BATCH", 4)
    done = take(upload("model_a,model_b,winner\nx,y,tie\n" + "x,x,tie\n" * 13))
    assert (done.read, len(done.refused), done.refused_rows) == (1, 5, 13)


def test_progress_says_how_far_it_is(house, upload, monkeypatch):
    monkeypatch.setattr(moving, "BATCH", 2)
    steps = [step for step in core.import_votes(upload(TABLE)) if isinstance(step, Progress)]
    assert [(step.stage, step.done, step.total) for step in steps] == [
        ("Reading votes", 2, 0),
        ("Reading votes", 3, 0),
        ("Adding votes", 2, 3),
        ("Adding votes", 3, 3),
    ]


def test_the_record_imports_the_same_votes_again(house, upload):
    file = upload(TABLE)
    record = records.load(house.store, take(file).record)
    assert (record.app, record.action, record.results) == ("model_arena", "import_votes", {"votes": 3, "refused": 0})
    assert record.inputs == {"file": record.settings["file"]}
    assert records.exact(record) == (True, "")
    file.path.unlink()  # uploads do not stay for ever
    *_, again = calls.call(core.import_votes, record.settings, OWNER)
    assert (again.read, again.known) == (0, 3)
    assert records.load(house.store, again.record).results == record.results


def test_8931_real_votes_are_imported_and_ranked(house, upload, real_data):
    votes, reference = real(real_data, "llmfao")
    done = take(upload((real_data / "votes/llmfao/llmfao.csv").read_bytes(), "llmfao.csv"))
    assert (done.read, done.refused_rows) == (8931, 0)
    assert [(each.models, each.winner) for each in stored(house)] == [(each.models, each.winner) for each in votes]
    board = core.leaderboard()
    json.dumps(_plain(board), allow_nan=False)
    assert {row.model: row.rating for row in board.rows} == pytest.approx(reference["ratings"], abs=1e-6)
    assert sum(row.battles for row in board.rows) == 2 * 8931
    rates = core.win_rates()
    json.dumps(_plain(rates), allow_nan=False)
    assert rates.votes == 8931


# Export


def test_what_is_exported_comes_back(house, upload, workspace):
    written = [
        vote(
            "红 blue green", "c", "b1", category="coding", language="zh", lengths=(1, 2, 3), markdown=((0, 1, 2),) * 3
        ),
        vote("blue green", "tie", "b2", reasons=("too “long”",), voter="ann", excluded=True),
        vote("green blue", "both_bad", "b3"),
    ]
    house.store.append_many(KIND, [(each.to_body(), each.battle) for each in written])
    out = core.export_votes()
    json.dumps(_plain(out), allow_nan=False)
    assert out.rows == 3
    assert out.file.path.is_relative_to(house.environment.uploads)
    assert "ann" not in out.file.path.read_text("utf-8")
    assert (take(Upload(out.file.path, "votes.jsonl")).read, house.store.count(KIND)) == (0, 3)

    from shared.env import Environment
    from shared.suite import Suite, using

    environment = Environment(home=workspace / "other")
    environment.uploads.mkdir(parents=True)
    (environment.uploads / "v.jsonl").write_bytes(out.file.path.read_bytes())
    with using(Suite(environment)) as other:
        assert take(Upload(environment.uploads / "v.jsonl", "v.jsonl")).read == 3
        found = stored(other)
        assert [each.battle for each in found] == ["b1", "b2", "b3"]
        assert [(each.models, each.winner, each.lengths, each.markdown) for each in found] == [
            (each.models, each.winner, each.lengths, each.markdown) for each in written
        ]
        assert [(each.reasons, each.excluded, each.voter) for each in found[1:2]] == [(("too “long”",), True, "")]
        assert other.own(of_suite).excluded == 1


def test_votes_that_do_not_count_can_be_left_out(house):
    with pytest.raises(PlaygroundError, match="no votes yet"):
        core.export_votes()
    house.store.append(KIND, vote("x y", "a", "b1", excluded=True).to_body(), "b1")
    with pytest.raises(PlaygroundError, match="no votes yet"):
        core.export_votes(excluded=False)
    assert core.export_votes().rows == 1
    house.store.append(KIND, vote("x y", "a", "b2").to_body(), "b2")
    assert (core.export_votes().rows, core.export_votes(excluded=False).rows) == (2, 1)


# Preferences


@pytest.fixture
def models(house):
    """Three models that say who they are and how often they were asked; green fails when it is asked to."""

    def script(name):
        def answer(request):
            asked = [each for each in request.messages if each.role == "user"]
            if name == "green" and "fail" in asked[-1].content:
                return [Start(name), Failure("server", "out of order")]
            return [Start(name), Delta(f"{name} answer {len(asked)}: "), Delta(asked[-1].content), Finish("stop")]

        return answer

    for name in ("red", "blue", "green"):
        house.models.add(Scripted(f"openai:farm/{name}", script(name)))
    return house.models


def play(winner, *prompts, refs=(RED, BLUE)):
    """A blind battle that is played and voted on; `winner` is a model, "tie" or "both_bad". Its models by side."""
    asked = battling.ask(prompts[0], list(refs), len(refs))
    for place, prompt in enumerate(prompts):
        if place:
            battling.say(asked.battle, prompt)
        list(battling.answer(asked.battle))
    from shared.suite import suite

    names = moving.battles.find(suite().store, asked.battle).names()
    side = next((side for side, ref in names.items() if ref == winner), winner)
    voting.vote(asked.battle, side)
    return names


def exported(house, format="dpo", **more):
    done = calls.call(core.export_preferences, {"format": format, **more}, OWNER)
    json.dumps(_plain(done), allow_nan=False)
    found = open_dataset(house.store, done.dataset)
    assert found.rows == done.rows
    return done, found.page(0, 100)


def test_a_battle_becomes_a_preference(house, models):
    play(RED, "Why is the sky blue?")
    done, (row,) = exported(house)
    assert (done.rows, done.skipped, done.notes) == (1, 0, [])
    assert row == {
        "prompt": [{"role": "user", "content": "Why is the sky blue?"}],
        "chosen": [{"role": "assistant", "content": "red answer 1: Why is the sky blue?"}],
        "rejected": [{"role": "assistant", "content": "blue answer 1: Why is the sky blue?"}],
    }


def test_several_turns_and_sides(house, models):
    play(GREEN, "一", "二", "三", refs=(RED, BLUE, GREEN))
    done, rows = exported(house)
    assert done.rows == 2
    for row in rows:
        assert [each["content"] for each in row["prompt"]] == ["一"]
        assert [each["role"] for each in row["chosen"]] == ["assistant", "user", "assistant", "user", "assistant"]
        assert [each["content"] for each in row["chosen"]] == [
            "green answer 1: 一", "二", "green answer 2: 二", "三", "green answer 3: 三",
        ]  # fmt: skip
    assert {row["rejected"][-1]["content"] for row in rows} == {"red answer 3: 三", "blue answer 3: 三"}
    done, rows = exported(house, "kto", name="mine")
    assert done.dataset.startswith("local:mine@")
    assert sorted(row["label"] for row in rows) == [False, False, True]
    assert [row["completion"][0]["content"][:5] for row in rows if row["label"]] == ["green"]


def test_a_side_that_failed_in_one_turn_is_left_out(house, models):
    play(RED, "Hello", "fail now", refs=(RED, BLUE, GREEN))
    names = play(BLUE, "fail at once", refs=(GREEN, RED, BLUE))
    assert GREEN in names.values()
    done, rows = exported(house)
    assert (done.rows, done.skipped) == (2, 0)
    assert all("green" not in json.dumps(row["rejected"]) for row in rows)
    winners = [row["chosen"][-1]["content"].split()[0] for row in rows]
    assert winners == ["red", "blue"], "the letter among all sides, not among those that answered"


def test_what_gives_no_preference_is_counted(house, models, upload):
    play(RED, "good")
    play("tie", "alike")
    play("both_bad", "bad")
    play("both_bad", "worse")
    *_, shown = core.side_by_side([RED, BLUE], "named")
    core.vote(shown.battle, "a")  # names were shown: the vote is kept, but not counted
    take(upload(TABLE))
    done, rows = exported(house)
    assert (done.rows, done.skipped) == (1, 3 + 1 + 3)
    assert rows[0]["prompt"][0]["content"] == "good"
    notes = " ".join(done.notes)
    assert "2 battles skipped: both were bad" in notes or "3 battles skipped: both were bad" in notes
    assert "1 battle skipped: the vote is not counted in the ratings." in notes
    (record,) = records.find(house.store, action="export_preferences")
    assert (record.results, record.artifacts) == ({"rows": 1, "skipped": 7}, {"dataset": done.dataset})


def test_named_battles_alone_give_no_preference(house, models):
    *_, shown = core.side_by_side([RED, BLUE], "named")
    core.vote(shown.battle, "a")
    with pytest.raises(PlaygroundError, match="none has a winner"):
        core.export_preferences()
    assert house.store.artifacts("datasets") == []


def test_an_imported_vote_on_a_battle_of_ours_has_no_side_to_read(house, models, upload):
    """A raw file names battles that are here while their votes are not, as after a lost disk: nothing is guessed."""
    asked = battling.ask("Hello", [RED, BLUE], 2)
    list(battling.answer(asked.battle))
    take(upload(json.dumps(vote("x y", "a", asked.battle).to_body()), "raw.jsonl"))
    with pytest.raises(PlaygroundError, match="of 1 battles none has a winner"):
        core.export_preferences()


def test_no_votes_no_preferences(house):
    for format in ("dpo", "kto"):
        with pytest.raises(PlaygroundError, match="of 0 battles"):
            core.export_preferences(format)
    with pytest.raises(PlaygroundError, match="'dpo' or 'kto'"):
        calls.call(core.export_preferences, {"format": "orpo"}, OWNER)


def test_a_big_table_takes_seconds_not_minutes(house, upload):
    """The limit is generous: what it keeps out is one query for every row."""
    names = [f"m{place}" for place in range(40)]
    rows = [(one, two, "tie") for one, two in product(names, names) if one != two]
    path = house.environment.uploads / "big.csv"
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows([("left", "right", "winner"), *rows])
    assert take(Upload(path, "big.csv")).read == len(rows) == 1560
