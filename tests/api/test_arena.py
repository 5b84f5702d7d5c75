"""The Model Arena as a stranger uses it: over HTTP, with the models that ship and a server of models that say who they are."""

import csv
import json
import os
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import pairwise
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from tests.api.listening import Visit, get, listen, results
from tests.server import ROOT, Server
from tests.told_server import ToldServer

OURS = ["builtin:mini", "builtin:micro"]
RED, BLUE, GONE, SLOW, JUDGE = (f"openai:farm/{name}-7b" for name in ("red", "blue", "gone", "slow", "judge"))
SECRETS = ("red-7b", "blue-7b", "gone-7b", "openai:", "farm/")
ANIMALS = {"ant", "bee", "cat", "dog", "elk", "fox"}
GREEDY = {"temperature": 0.0, "max_new_tokens": 48}
PATIENCE = 60  # seconds; a safety limit


def endless(_prompt: str) -> Iterator[str]:
    while True:
        yield " on"


@pytest.fixture(scope="module")
def farm() -> Iterator[ToldServer]:
    models = {
        "red-7b": lambda prompt: f"I am red-7b, and I was made at the farm/ by hand. You said: {prompt}",
        "blue-7b": lambda prompt: f"My name is blue-7b. Red or blue, here is what you said, and nothing more: {prompt}",
        "gone-7b": None,
        "slow-7b": endless,
        "judge-7b": lambda prompt: "The first is better. [[A]]",
    }
    with ToldServer(models) as running:
        running.faults.delay = 0.02
        yield running


@pytest.fixture(scope="module")
def variables(farm: ToldServer) -> dict[str, str]:
    return {"PLAYGROUND_SERVERS": farm.declared("farm")}


@pytest.fixture
def stream(arena: Client) -> Callable[..., list[dict]]:
    """Calls an endpoint that streams, and gives everything that it said."""

    def said(endpoint: str, **given: object) -> list[dict]:
        job = arena.submit(**given, api_name=f"/{endpoint}")
        job.result(10 * PATIENCE)
        return job.outputs()

    return said


@pytest.fixture
def battle(arena: Client, stream: Callable[..., list[dict]]) -> Callable[..., str]:
    """Begins a battle and lets it be answered."""

    def begun(prompt: str = "Say something", models: list[str] = OURS, **given: object) -> str:
        asked = arena.predict(prompt=prompt, models=models, **given, api_name="/ask")
        assert stream("answer", battle=asked["battle"], settings=GREEDY)[-1]["finished"]
        return asked["battle"]

    return begun


def replayed(portal: Client, record: str) -> None:
    """Run an experiment again: all but what a clock measured comes out the same."""
    found = portal.predict(id=record, api_name="/replay")
    assert found["exact"], found["why"]
    assert [row for row in found["rows"] if not row["name"].endswith(("seconds", "per_second"))] == []


# One model


def test_the_models_that_can_be_chosen(arena: Client) -> None:
    rows = {row["ref"]: row for row in arena.predict(api_name="/models")}
    for ref in OURS:
        assert {name: rows[ref][name] for name in ("fits", "why", "on_disk", "usable", "chats")} == {
            "fits": True, "why": "", "on_disk": True, "usable": True, "chats": True}  # fmt: skip
        assert (rows[ref]["licence"].lower(), rows[ref]["context"] >= 256) == ("apache-2.0", True)
        assert 500_000 < rows[ref]["parameters"] < 10_000_000
    assert rows[RED]["why"]
    away = [row for row in rows.values() if not row["usable"]]
    assert away
    assert all(row["why"] for row in away), "what is greyed out says why"


def test_a_chat_streams_and_goes_on(stream: Callable[..., list[dict]]) -> None:
    said = stream("chat", model=BLUE, prompt="Good morning", settings=GREEDY)
    texts = [reply["text"] for reply in said]
    assert len(said) > 3
    assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
    assert not any(reply["finished"] for reply in said[:-2])
    last = said[-1]
    assert (last["text"].split(": ")[-1], last["finished"]) == ("Good morning", "stop")
    assert [message["role"] for message in last["messages"]] == ["user", "assistant"]
    second = stream("chat", model=BLUE, prompt="And again", history=last["messages"], settings=GREEDY)[-1]
    assert second["messages"][:2] == last["messages"]
    assert second["text"].endswith("And again")


@pytest.mark.parametrize("model", OURS)
def test_an_embedded_model_answers_the_same_again_and_leaves_a_record(
    stream: Callable[..., list[dict]], portal: Client, model: str
) -> None:
    given = {"model": model, "prompt": "What is 12 + 30?", "system": "Be brief.", "settings": GREEDY}
    first, kept = stream("chat", **given)[-1], stream("chat", **given, keep_record=True)[-1]
    assert first["text"].strip()
    assert kept["text"] == first["text"]
    assert first["finished"] in ("stop", "length")
    assert 0 < first["answer_tokens"] <= 48
    assert first["prompt_tokens"] > 8
    assert first["prompt"].index("Be brief.") < first["prompt"].index("What is 12 + 30?")
    assert (first["record"], len(kept["record"]) > 8) == ("", True)
    replayed(portal, kept["record"])


def test_stopping_an_answer_stops_the_server_that_writes_it(arena: Client, farm: ToldServer) -> None:
    before = farm.faults.running
    job = arena.submit(model=SLOW, prompt="Go", settings={"max_new_tokens": 30_000}, api_name="/chat")
    wait_for(lambda: len(job.outputs()) > 3)
    assert farm.faults.running == before + 1
    assert not job.done()
    job.cancel()
    wait_for(lambda: farm.faults.running == before)


def wait_for(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


def test_sanity_checks_say_the_same_as_the_command_line(
    stream: Callable[..., list[dict]], portal: Client, tmp_path: Path
) -> None:
    told = tmp_path / "told.xml"
    named = [word for ref in OURS for word in ("--model", ref)]
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PLAYGROUND_")}
    command = subprocess.Popen(
        [sys.executable, "-m", "shared.checks", *named, "--core", "--junit", str(told)],
        cwd=ROOT, env=kept | {"PLAYGROUND_HOME": str(tmp_path / "home")}, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    said = stream("sanity", models=OURS, core=True)
    screen, _ = command.communicate(timeout=10 * PATIENCE)
    progress = [each for each in said if "stage" in each]
    assert len(progress) > 4, "it streams"
    assert progress[-1]["done"] == progress[-1]["total"] == 64
    last = said[-1]
    assert last["complete"]
    assert [total["model"] for total in last["totals"]] == OURS
    here = {ref: {row["id"]: row["verdicts"][ref]["outcome"] for row in last["rows"]} for ref in OURS}
    assert here == verdicts(told)
    for total in last["totals"]:
        assert f"{total['model']}: {total['passed']} of 32" in screen
    replayed(portal, last["record"])


def verdicts(report: Path) -> dict[str, dict[str, str]]:
    """By model and check, what a JUnit report says."""
    words = {"failure": "failed", "error": "error", "skipped": "not asked", "system-out": "passed"}
    return {
        suite.get("name", ""): {case.get("name", ""): words[case[0].tag] for case in suite.iter("testcase")}
        for suite in ElementTree.parse(report).iter("testsuite")
    }


def test_a_model_is_measured(stream: Callable[..., list[dict]], portal: Client) -> None:
    said = stream("evaluate", models=OURS, tasks=["choices"])
    last = said[-1]
    assert len(said) > 3
    assert (last["models"], last["complete"]) == (OURS, True)
    for metrics in last["metrics"]:
        whole = next(each for each in metrics if each["name"] == "acc" and not each["domain"])
        assert 0 <= whole["lower"] <= whole["value"] <= whole["upper"] <= 1
        assert (whole["task"], whole["n"]) == ("choices", 40)
    assert {(gap["first"], gap["second"]) for gap in last["gaps"]} == {(OURS[1], OURS[0])}
    replayed(portal, last["record"])


# Battles


def test_a_battle_from_the_question_to_the_leaderboard(arena: Client, stream: Callable[..., list[dict]]) -> None:
    asked = arena.predict(prompt="Write a story about Nora and a lamp.", models=OURS, api_name="/ask")
    id = asked["battle"]
    assert asked == {"battle": id, "sides": ["a", "b"]}
    with pytest.raises(AppError, match="not complete yet"):
        arena.predict(battle=id, winner="a", api_name="/vote")
    first = stream("answer", battle=id, settings=GREEDY)[-1]
    assert first["finished"]
    assert set(first["texts"]) == {"a", "b"}
    assert arena.predict(battle=id, prompt="What is 2 + 2?", api_name="/say") == asked
    second = stream("answer", battle=id, settings=GREEDY)[-1]
    assert [turn["prompt"] for turn in second["turns"]] == ["Write a story about Nora and a lamp.", "What is 2 + 2?"]
    assert second["turns"][0]["texts"] == first["texts"]
    again = stream("regenerate", battle=id, settings={"temperature": 1.5, "max_new_tokens": 24})[-1]
    assert len(again["turns"]) == 2
    arena.predict(battle=id, side="b", turn=1, reaction="like", api_name="/react")
    before = votes_of(arena)
    reveal = arena.predict(battle=id, winner="b", reasons=["Clearer"], api_name="/vote")
    assert sorted(reveal["models"].values()) == sorted(OURS)
    assert all(reveal["timings"][side]["seconds"] > 0 for side in "ab")
    after = votes_of(arena)
    assert {ref: after[ref] - before.get(ref, 0) for ref in OURS} == dict.fromkeys(OURS, 1)
    with pytest.raises(AppError, match="has its vote already"):
        arena.predict(battle=id, winner="a", api_name="/vote")
    with pytest.raises(AppError, match="is over"):
        arena.predict(battle=id, prompt="And now?", api_name="/say")
    assert votes_of(arena) == after
    link = arena.predict(battle=id, api_name="/share")["share"]
    shown = arena.predict(share=link, api_name="/shared_battle")
    assert (shown["winner"], shown["reasons"], shown["reveal"]["models"]) == ("b", ["Clearer"], reveal["models"])
    assert id not in json.dumps(shown)


def votes_of(arena: Client) -> dict[str, int]:
    return {row["model"]: row["battles"] for row in arena.predict(api_name="/leaderboard")["rows"]}


def test_six_sides_of_which_one_fails(arena: Client, stream: Callable[..., list[dict]]) -> None:
    asked = arena.predict(prompt="Good morning", models=[*OURS, RED, BLUE, GONE], sides=5, api_name="/ask")
    said = stream("answer", battle=asked["battle"], settings=GREEDY)
    lost = said[-1]["failed"]
    assert list(lost.values()) == ["This side failed and has no answer."]
    assert sum(bool(text) for text in said[-1]["texts"].values()) == 4
    with pytest.raises(AppError, match="cannot win"):
        arena.predict(battle=asked["battle"], winner=next(iter(lost)), api_name="/vote")
    reveal = arena.predict(battle=asked["battle"], winner="tie", api_name="/vote")
    (side,) = lost
    assert reveal["models"][side] == GONE
    assert "does not exist" in reveal["failures"][side]
    assert {reveal["models"][each] for each in reveal["named"]} == {RED, BLUE}


def test_no_name_is_in_anything_that_is_sent_before_the_vote(server: Server) -> None:
    url = server.url + "/arena"
    heard = get(f"{url}/config") + get(f"{url}/gradio_api/info") + get(f"{url}/gradio_api/openapi.json")
    for models, sides in ([RED, BLUE], 2), ([RED, BLUE, GONE], 3):
        asked = listen(url, "ask", "Who are you?", models, sides, 0)
        id = results(asked)[-1]["battle"]
        early = listen(url, "vote", id, "a", [])
        answered = listen(url, "answer", id, GREEDY)
        said = [result["texts"] for result in results(answered)]
        assert len(said) > 3, "what streams is seen as it comes"
        assert any("[name hidden]" in text for text in said[-1].values())
        more = [listen(url, *call) for call in (
            ("say", id, "Tell me more"), ("vote", id, "a", []), ("answer", id, GREEDY), ("regenerate", id, GREEDY), ("react", id, "a", 1, "like"),
            ("share", id), ("vote", id, "f", []), ("react", id, "f", 1, "like"), ("answer", id, {"max_new_tokens": 0}))]  # fmt: skip
        heard += "".join([asked, early, answered, *more])
        assert hidden(heard) == []
        reveal = listen(url, "vote", id, "both_bad", [])
        assert "red-7b" in reveal, "the same look finds names once they are told"


def test_no_name_is_in_what_the_page_hears_before_the_vote(server: Server) -> None:
    visit = Visit(server.url + "/arena")
    who = {"Models (empty: all of this machine)": [RED, BLUE], "Sides": 2, "Prompt": "Who are you?"}
    said = visit.press("Ask", who)
    assert len(said) >= 3, "asked, the box emptied, and answered"
    assert "[name hidden]" in said[-1] + said[-2]
    visit.press("Say next", {"Prompt": "And who is the other one?"})
    visit.press("Regenerate", {})
    assert hidden(visit.heard) == []
    reveal = "".join(visit.press("Equally good", {}))
    assert "red-7b" in reveal


def hidden(heard: str) -> list[str]:
    """The names that are in there after all."""
    return [name for name in SECRETS if name in heard.lower()]


@pytest.mark.parametrize(
    ("endpoint", "given", "message"),
    [
        ("ask", {"prompt": "  "}, "empty"),
        ("ask", {"prompt": "x" * 20_001}, "20,001 characters"),
        ("ask", {"prompt": "Hi", "models": ["builtin:mini"]}, "needs two models"),
        ("ask", {"prompt": "Hi", "models": ["builtin:mini", "builtin:mini"]}, "listed twice"),
        ("ask", {"prompt": "Hi", "models": OURS, "sides": 3}, "needs 3 models"),
        ("ask", {"prompt": "Hi", "sides": 7}, "sides"),
        ("answer", {"battle": "0" * 32}, "unknown or has expired"),
        ("answer", {"battle": "../../etc/passwd"}, "unknown or has expired"),
        ("say", {"battle": "nothing", "prompt": "Hi"}, "unknown or has expired"),
        ("vote", {"battle": "f" * 32, "winner": "a"}, "unknown or has expired"),
        ("share", {"battle": "f" * 32}, "unknown or has expired"),
        ("shared_battle", {"share": "f" * 24}, "no shared battle"),
        ("side_by_side", {"models": ["builtin:mini"], "prompt": "Hi"}, "needs two models"),
        ("side_by_side", {"models": [], "prompt": "Hi"}, "0 models"),
        ("compare_decoding", {"model": "builtin:mini", "prompt": "Hi", "settings": [{}]}, "1 settings"),
        ("compare_decoding", {"model": "builtin:mini", "prompt": "Hi", "settings": [{}, {}]}, "alike"),
        ("chat", {"model": "builtin:nothing", "prompt": "Hi"}, "builtin:nothing"),
        ("chat", {"model": "builtin:mini", "prompt": ""}, "empty"),
        ("chat", {"model": "builtin:mini", "prompt": "word " * 2_000}, "(?i)token"),
        ("chat", {"model": "builtin:mini", "prompt": "x" * 100_001}, "100,001 characters"),
        ("chat", {"model": GONE, "prompt": "Hi"}, "does not exist"),
        ("chat", {"model": "builtin:mini", "prompt": "Hi", "settings": {"temprature": 1}}, "temperature"),
        ("sanity", {"models": []}, "No model is named"),
        ("sanity", {"models": ["builtin:mini"], "axes": ["jsn"]}, "json"),
        ("evaluate", {"models": ["builtin:mini"], "tasks": ["choice"]}, "choices"),
        ("run_prompts", {"models": ["builtin:mini"]}, "nothing to ask"),
        ("leaderboard", {"anchor": "nobody"}, "nobody"),
    ],
)  # fmt: skip
def test_what_cannot_be_asked_is_said_in_words(arena: Client, endpoint: str, given: dict, message: str) -> None:
    with pytest.raises(AppError, match=message):
        arena.predict(**given, api_name=f"/{endpoint}")


def test_an_early_vote_a_second_answer_and_a_fight_of_two(
    arena: Client, farm: ToldServer, stream: Callable[..., list[dict]]
) -> None:
    id = arena.predict(prompt="Hi", models=[SLOW, RED], api_name="/ask")["battle"]
    job = arena.submit(battle=id, settings=GREEDY, api_name="/answer")
    wait_for(lambda: len(job.outputs()) > 1)
    with pytest.raises(AppError, match="not complete yet"):
        arena.predict(battle=id, winner="a", api_name="/vote")
    with pytest.raises(AppError, match="being answered already"):
        arena.predict(battle=id, api_name="/answer")
    job.cancel()
    wait_for(lambda: farm.faults.running == 0)
    wait_for(lambda: "stopped before the end" in refused(arena, id))


def refused(arena: Client, battle: str) -> str:
    with pytest.raises(AppError) as caught:
        arena.predict(battle=battle, winner="a", api_name="/vote")
    return str(caught.value)


def test_models_side_by_side_and_one_under_several_settings(stream: Callable[..., list[dict]]) -> None:
    last = stream("side_by_side", models=[*OURS, RED], prompt="What is 3 + 4?", settings=GREEDY)[-1]
    assert last["models"] == dict(zip("abc", [*OURS, RED], strict=True))
    assert last["finished"]
    assert "red-7b" in last["texts"]["c"]
    alone = stream("chat", model=OURS[0], prompt="What is 3 + 4?", settings=GREEDY)[-1]
    assert last["texts"]["a"] == alone["text"], "beside others it answers as it does alone"
    settings = [GREEDY, {"temperature": 1.5, "seed": 1, "max_new_tokens": 16}]
    both = stream("compare_decoding", model=OURS[0], prompt="What is 3 + 4?", settings=settings)[-1]
    assert set(both["models"].values()) == {OURS[0]}
    assert both["texts"]["a"] == alone["text"]
    assert both["settings"]["b"]["temperature"] == 1.5
    assert both["timings"]["b"]["tokens"] <= 16


def test_prompts_over_several_models(stream: Callable[..., list[dict]], portal: Client) -> None:
    asked = ["What is 3 + 4?", "日本的首都是哪里？"]
    said = stream("run_prompts", models=[*OURS, GONE], prompts=asked, settings=GREEDY)
    last = said[-1]
    assert any("stage" in each for each in said)
    assert [line["prompt"] for line in last["lines"]] == asked
    assert [(each["answered"], each["failed"]) for each in last["summaries"]] == [(2, 0), (2, 0), (0, 2)]
    assert "does not exist" in last["lines"][0]["cells"][2]["failure"]
    kept = stream("run_prompts", models=OURS, prompts=asked, settings=GREEDY)[-1]["record"]
    assert portal.predict(id=kept, api_name="/record")["id"] == kept


def test_a_judge_is_held_against_people(
    arena: Client, stream: Callable[..., list[dict]], battle: Callable[..., str], portal: Client
) -> None:
    voted = battle("Say three", [RED, BLUE])
    names = arena.predict(battle=voted, winner="a", api_name="/vote")["models"]
    said = stream("judge", model=JUDGE, most=1, settings=GREEDY)
    assert any("stage" in each for each in said)
    last = said[-1]
    (judged,) = last["battles"]
    assert (judged["battle"], judged["models"], judged["people"]) == (voted, [names["a"], names["b"]], "a")
    assert (judged["given"], judged["swapped"]) == ("a", "b"), "it always takes the first"
    assert (last["judge"], last["unreadable"]) == (JUDGE, 0)
    record = portal.predict(id=last["record"], api_name="/record")
    assert (record["action"], record["settings"]["model"]) == ("judge", JUDGE)
    with pytest.raises(AppError, match="does not exist"):
        stream("judge", model=GONE, most=1)


def test_ratings_as_votes_came_in(arena: Client, battle: Callable[..., str]) -> None:
    for _ in range(2):
        arena.predict(battle=battle("Say four", [RED, BLUE]), winner="tie", api_name="/vote")
    moments = arena.predict(api_name="/rating_history")
    board = arena.predict(api_name="/leaderboard")
    counted = [each["votes"] for each in moments]
    assert counted == sorted(counted)
    assert 1 <= len(set(counted)) <= 24
    last = {each["model"]: each["rating"] for each in moments if each["votes"] == counted[-1]}
    assert last == pytest.approx({row["model"]: row["rating"] for row in board["rows"] if row["rating"] is not None})
    assert {RED, BLUE} <= set(last)


# Votes in and out


def test_votes_come_in_and_go_out(arena: Client, stream: Callable[..., list[dict]], tmp_path: Path) -> None:
    path = tmp_path / "票.csv"
    rows = [("ant", "bee", "left"), ("ant", "bee", "tie"), ("cat", "bee", "right"), ("ant", "bee", "perhaps")]
    rows += [("ant", "ant", "left"), ("cat", "dog", "left"), ("elk", "dog", "right"), ("elk", "fox", "left")]
    rows += [("fox", "ant", "left")]
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("one", "two", "who"), *rows])
    given = {"file": handle_file(str(path)), "left": "one", "right": "two", "winner": "who"}
    done = stream("import_votes", **given)[-1]
    assert (done["read"], [each["row"] for each in done["refused"]]) == (7, [4, 5])
    assert "perhaps" in done["refused"][0]["reason"]
    again = stream("import_votes", **given)[-1]
    assert (again["read"], again["known"]) == (0, 7)
    found = arena.predict(api_name="/leaderboard")["rows"]
    mine = {row["model"]: row for row in found if row["model"] in ANIMALS}
    assert {name: row["battles"] for name, row in mine.items()} == {
        "ant": 3,
        "bee": 3,
        "cat": 2,
        "dog": 2,
        "elk": 2,
        "fox": 2,
    }
    assert all(row["lower"] < row["rating"] < row["upper"] for row in mine.values())
    rates = arena.predict(api_name="/win_rates")
    assert rates["votes"] >= 7
    taken = arena.predict(api_name="/export_votes")
    lines = [json.loads(line) for line in Path(taken["file"]).read_text("utf-8").splitlines()]
    assert len(lines) == taken["rows"] >= 7
    assert sum(set(line["models"]) <= ANIMALS for line in lines) == 7
    assert not any("voter" in line for line in lines)
    with pytest.raises(AppError, match=r"(?i)column"):
        arena.predict(file=handle_file(str(path)), winner="nothing", api_name="/import_votes")


def test_battles_become_a_preference_dataset_that_the_explorer_opens(
    arena: Client, server: Server, battle: Callable[..., str]
) -> None:
    won = battle("Say one", [RED, BLUE])
    names = arena.predict(battle=won, winner="a", api_name="/vote")["models"]
    arena.predict(battle=battle("Say two", [RED, BLUE]), winner="tie", api_name="/vote")
    made = arena.predict(format="dpo", name="chosen", api_name="/export_preferences")
    assert made["rows"] >= 1
    assert made["skipped"] >= 1
    with closing(Client(server.url + "/datasets/", verbose=False)) as explorer:
        loaded = explorer.predict(source=made["dataset"], api_name="/load")
        assert (loaded["rows"], loaded["shape"]) == (made["rows"], "preference")
        page = explorer.predict(dataset=made["dataset"], api_name="/page")
    rows = [dict(zip(page["columns"], row, strict=True)) for row in page["rows"]]
    (mine,) = [row for row in rows if json.dumps(row["prompt"]).count("Say one")]
    better, worse = (text_of(mine[column]) for column in ("chosen", "rejected"))
    assert names["a"].removeprefix("openai:farm/") in better
    assert names["b"].removeprefix("openai:farm/") in worse
    kto = arena.predict(format="kto", api_name="/export_preferences")
    assert kto["rows"] == 2 * made["rows"]


def text_of(cell: object) -> str:
    return cell if isinstance(cell, str) else json.dumps(cell)
