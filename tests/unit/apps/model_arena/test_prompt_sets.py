import dataclasses

import pytest

from apps.model_arena import prompt_sets
from apps.model_arena.manifest import manifest
from apps.model_arena.prompt_sets import PromptMatrix, difference, run_prompts
from shared import checks, records
from shared.calls import call
from shared.errors import PlaygroundError
from shared.models.protocol import Decoding
from shared.models.scripted import Scripted
from shared.progress import Progress
from tests.unit.apps.model_arena.players import ANN, BLUE, RED, fails, play_with, words


@pytest.fixture
def players(house):
    made = play_with(house, (RED, Scripted.echo(RED)._script), (BLUE, words("Blue ", "says.")))
    yield made
    made.close()


def last(*arguments, **settings):
    *before, matrix = run_prompts(*arguments, **settings)
    assert any(isinstance(each, Progress) for each in before)
    assert not any(each.complete or each.record for each in before if isinstance(each, PromptMatrix))
    assert isinstance(matrix, PromptMatrix)
    assert matrix.complete
    return matrix


def test_two_models_on_two_prompts(players, house):
    matrix = last([RED, BLUE], ["one two", "你好"])
    assert matrix.models == [RED, BLUE]
    assert [[cell.text for cell in line.cells] for line in matrix.lines] == [
        ["one two", "Blue says."],
        ["你好", "Blue says."],
    ]
    assert [(s.answered, s.failed, s.checked) for s in matrix.summaries] == [(2, 0, 0)] * 2
    assert matrix.lines[0].cells[1].timing.tokens == 2
    (record,) = records.find(house.store)
    assert record.id == matrix.record
    assert record.settings["prompts"] == ["one two", "你好"]
    assert record.inputs == {"model_0": f"{RED}@pinned", "model_1": f"{BLUE}@pinned"}
    assert record.results["0_answered"] == 2
    call(run_prompts, record.settings)  # its settings run it again


def test_a_prompt_set_and_a_model_that_fails(house):
    players = play_with(house, (RED, fails("boom")), (BLUE, words("Fine.")))
    matrix = last([RED, BLUE], prompt_set="stories")
    assert [line.prompt for line in matrix.lines] == list(manifest().prompt_sets["stories"].prompts)
    assert matrix.lines[0].cells[0].failure == "boom"
    assert matrix.summaries[0].failed == 3
    assert matrix.summaries[0].cost is None
    players.close()


def test_sanity_checks_stand_in_the_same_matrix(players, monkeypatch):
    some = checks.checks()[:3]
    monkeypatch.setattr(checks, "checks", lambda: some)
    monkeypatch.setattr(checks, "run", lambda models, ref, caller: run(models, ref, some, caller=caller))
    matrix = last([RED, BLUE, "openai:farm/gone"], ["Hi"], sanity=True)
    assert [line.check for line in matrix.lines] == ["", *(check.id for check in some)]
    assert all(len(line.cells) == 3 for line in matrix.lines)
    red, _, gone = matrix.summaries
    assert red.checked == 3
    assert red.passed == sum(line.cells[0].passed is True for line in matrix.lines)
    assert (gone.checked, gone.failed) == (0, 4)
    assert "not here" in matrix.lines[-1].cells[2].failure


run = checks.run


def test_costs_and_speed_come_from_what_was_counted(players, monkeypatch):
    priced = dataclasses.replace(manifest(), prices={BLUE: {"in": 1.0, "out": 10.0}})
    monkeypatch.setattr(prompt_sets, "manifest", lambda: priced)
    matrix = last([RED, BLUE], ["x"], caller=ANN)
    assert matrix.record == ""
    assert matrix.summaries[1].cost == pytest.approx((3 * 1 + 2 * 10) / 1e6)
    assert matrix.summaries[0].cost is None


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"models": []}, "0 models"),
        ({"models": [RED]}, "nothing to ask"),
        ({"models": [RED, RED], "prompts": ["x"]}, "listed twice"),
        ({"models": [f"openai:farm/m{n}" for n in range(13)], "prompts": ["x"]}, "13 models"),
        ({"models": [RED], "prompts": ["x", " "]}, "Prompt 2 is empty"),
        ({"models": [RED], "prompt_set": "nonsense"}, "no prompt set 'nonsense'"),
        ({"models": [RED], "prompts": ["x"] * 201}, "prompts"),
    ],
)
def test_what_cannot_be_run(players, arguments, why):
    with pytest.raises(PlaygroundError, match=why):
        list(call(run_prompts, arguments))


def test_what_was_answered_stands_while_the_rest_is_asked(players):
    """A stop leaves the last of these on the page."""
    seen = [each for each in run_prompts([RED, BLUE], ["one", "two"]) if isinstance(each, PromptMatrix)]
    assert [[len(line.cells) for line in each.lines] for each in seen] == [[1, 0], [1, 1], [2, 1], [2, 2], [2, 2]]
    assert [len(each.summaries) for each in seen] == [0, 1, 1, 2, 2]
    assert seen[0].lines[0].cells[0].text == "one"


def test_an_unknown_model_is_refused_before_any_is_asked(players, house, monkeypatch):
    def pinned(ref):
        raise PlaygroundError(f"There is no model '{ref}'.")

    monkeypatch.setattr(house.models, "pinned", pinned)
    with pytest.raises(PlaygroundError, match="There is no model"):
        list(run_prompts([RED, BLUE], ["x"]))
    assert players.backends[RED].requests == []


def test_odd_prompts_are_asked_as_they_are(players):
    prompts = ["same", "same", " 你好 🙂\n", "x" * 100_000]
    matrix = last([RED], prompts)
    assert [line.prompt for line in matrix.lines] == prompts
    assert [request.messages[-1].content for request in players.backends[RED].requests] == prompts


def test_stopping_stops_the_model(house):
    from tests.unit.apps.model_arena.test_battling import wait_until_idle

    players = play_with(house, (RED, words(*["w "] * 1000, delay=0.05)))
    running = run_prompts([RED], ["x"], settings=Decoding())
    next(running)
    running.close()
    assert wait_until_idle(players)
    assert records.find(house.store) == [], "a record can be run again and gives the same; this would give more"
    players.close()


@pytest.mark.parametrize(
    ("left", "right", "kinds"),
    [
        ("the cat sat", "the dog sat", ["both", "left", "right", "both"]),
        ("same", "same", ["both"]),
        ("", "new", ["right"]),
        ("old", "", ["left"]),
        ("", "", []),
        ("我爱茶", "我爱水", ["both", "left", "right"]),
    ],
)
def test_what_differs(left, right, kinds):
    pieces = difference(left, right)
    assert [piece.kind for piece in pieces] == kinds
    assert "".join(p.text for p in pieces if p.kind != "right") == left
    assert "".join(p.text for p in pieces if p.kind != "left") == right
