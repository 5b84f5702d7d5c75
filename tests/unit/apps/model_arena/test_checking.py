"""Sanity checks of several models through the core: the matrix as it grows, its record, and what cannot be asked."""

import json
import time
from itertools import pairwise

import pytest

from apps.model_arena import core
from apps.model_arena.checking import CheckRow, Sane
from shared import calls, records
from shared.checks import checks
from shared.errors import NotAllowed, PlaygroundError
from shared.models.models import Models
from shared.models.protocol import Failure
from shared.models.scripted import Scripted
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.ui.wiring import _plain
from tests.unit.shared.checks.models import bad, good, nearly, of, right
from tests.unit.shared.models.toys import Loader

AXES = ["arithmetic", "copying"]


@pytest.fixture
def models(house):
    house.models.add(good("toy:good"))
    house.models.add(bad("toy:bad"))
    house.models.add(Scripted("toy:half", lambda request: (right if of(request).core else nearly)(request)))
    house.models.add(Scripted("toy:down", [Failure("server", "it is on fire")]))
    return house.models


def sanity(*named, **more):
    """Everything that comes, and the last matrix; JSON must take all of it."""
    got = list(calls.call(core.sanity, {"models": list(named), **more}, OWNER))
    for item in got:
        json.dumps(_plain(item), allow_nan=False)
    return got, got[-1]


def on(*axes, core=False):
    return [check for check in checks() if check.axis in axes and (check.core or not core)]


def test_the_matrix_of_two_models(models):
    _, sane = sanity("toy:good", " toy:bad ", axes=AXES)
    wanted = on(*AXES)
    assert [(row.id, row.axis, row.core) for row in sane.rows] == [(each.id, each.axis, each.core) for each in wanted]
    assert [row.prompt for row in sane.rows] == [each.conversation[-1].content for each in wanted]
    for row in sane.rows:
        assert [verdict.outcome for verdict in row.verdicts.values()] == ["passed", "failed"]
        assert row.verdicts["toy:good"].why == ""
        assert row.verdicts["toy:bad"].why
        assert (
            row.verdicts["toy:good"].answer
            == next(each for each in wanted if each.id == row.id).examples.right[0].strip()
        )
    first, second = sane.totals
    assert (first.model, first.passed, first.asked) == ("toy:good", len(wanted), len(wanted))
    assert (second.model, second.passed) == ("toy:bad", 0)
    assert (first.upper, second.lower) == (1, 0)
    assert 0 < second.upper < first.lower < 1
    assert set(first.axes) == set(AXES)
    assert sum(asked for _, asked in first.axes.values()) == len(wanted)
    assert sorted(sane.disputed) == sorted(each.id for each in wanted)
    assert sane.complete


def test_only_the_core(models):
    _, sane = sanity("toy:half", axes=["copying", "json"])
    (total,) = sane.totals
    core_checks = on("copying", "json", core=True)
    assert (total.core_passed, total.core_asked, total.passed) == (len(core_checks),) * 3
    assert total.asked == len(on("copying", "json")) > total.passed
    _, sane = sanity("toy:half", axes=["copying", "json"], core=True)
    assert [row.id for row in sane.rows] == [check.id for check in core_checks]
    assert sane.disputed == []


def test_it_grows_and_is_complete_only_at_the_end(models):
    """Not after the first model either, whose own checks are all there by then."""
    got, last = sanity("toy:good", "toy:bad")
    planned = 2 * len(checks())
    steps = [each for each in got if isinstance(each, Progress)]
    *partial, end = [each for each in got if isinstance(each, Sane)]
    assert end is last
    assert {step.total for step in steps} == {planned}
    assert [step.done for step in steps] == sorted(step.done for step in steps)
    assert steps[0].stage == "Asking toy:good"
    assert not any(each.complete or each.record for each in partial)
    assert (end.complete, bool(end.record)) == (True, True)
    known = [sum(len(row.verdicts) for row in each.rows) for each in partial]
    assert known[:10] == list(range(1, 11)), "at first every answer is shown"
    assert all(after >= 1.1 * before for before, after in pairwise(known)), "and then a tenth more each time"
    assert 1.2 * known[-1] > planned == sum(len(row.verdicts) for row in end.rows)
    order = [check.id for check in checks()]
    for each in partial:
        assert [row.id for row in each.rows] == sorted((row.id for row in each.rows), key=order.index)


def test_what_is_sent_stays_in_proportion_to_what_is_found(house):
    """Frames of the whole matrix at every answer would make it grow as the square."""
    refs = [f"toy:{n}" for n in range(5)]
    for ref in refs:
        house.models.add(good(ref))
    sizes = [len(json.dumps(_plain(each))) for each in sanity(*refs)[0]]
    assert sum(sizes) < 16 * sizes[-1]
    assert len(sizes) < 80


def test_a_model_that_cannot_be_loaded_takes_no_other_with_it(house, models):
    class Broken(Scripted):
        async def stream(self, request, timeouts):
            raise PlaygroundError("toy:broken needs 80 GB, and 24 GB are here.")
            yield

    house.models.add(Broken("toy:broken", []))
    _, sane = sanity("toy:good", "toy:broken", "toy:bad", axes=["copying"])
    assert [(total.passed, total.asked) for total in sane.totals] == [(3, 3), (0, 0), (0, 3)]
    assert sane.totals[1].stopped == "toy:broken needs 80 GB, and 24 GB are here."
    assert sane.complete
    assert sane.record


def test_the_record_asks_the_same_again(house, models):
    _, sane = sanity("toy:good", "toy:bad", axes=["copying"], seed=7)
    record = records.load(house.store, sane.record)
    n = len(on("copying"))
    assert (record.app, record.action) == ("model_arena", "sanity")
    assert record.inputs == {"model_1": "toy:good", "model_2": "toy:bad"}
    assert record.results == {
        "toy:good.passed": n, "toy:good.asked": n, "toy:good.copying": 1,
        "toy:bad.passed": 0, "toy:bad.asked": n, "toy:bad.copying": 0,
    }  # fmt: skip
    *_, again = calls.call(core.sanity, record.settings, OWNER)
    assert records.load(house.store, again.record).results == record.results
    assert [bare(row) for row in again.rows] == [bare(row) for row in sane.rows]


def bare(row: CheckRow):
    return row.id, {ref: (each.outcome, each.why, each.answer) for ref, each in row.verdicts.items()}


def test_seed_and_limit_reach_the_model(house):
    asked = good("toy:seen")
    house.models.add(asked)
    sanity("toy:seen", axes=["copying"], seed=7, max_new_tokens=999)
    assert {request.decoding.seed for request in asked.requests} == {7}
    assert {request.decoding.max_new_tokens for request in asked.requests} == {999}


def test_inputs_are_pinned(house):
    house.__dict__["models"] = Models(house.environment, house.catalog, house.store, load=Loader())
    _, sane = sanity("builtin:micro", axes=["copying"])
    record = records.load(house.store, sane.record)
    assert record.inputs == {"model_1": house.models.pinned("builtin:micro")}
    assert record.settings["models"] == ["builtin:micro"]
    assert records.exact(record) == (True, "")


def test_a_model_that_is_down_is_given_up_and_the_rest_is_asked(house, models):
    _, sane = sanity("toy:down", "toy:good")
    down, fine = sane.totals
    outcomes = [row.verdicts["toy:down"].outcome for row in sane.rows]
    assert set(outcomes) == {"error", "not asked"}
    assert (down.passed, down.asked) == (0, outcomes.count("error"))
    assert "on fire" in down.stopped
    assert fine.passed == fine.asked == len(sane.rows)
    assert sane.complete
    assert records.load(house.store, sane.record).results["toy:down.asked"] == down.asked


def test_stopping_stops_the_models(house):
    slow = Scripted("toy:slow", lambda request: [(0.2, each) for each in right(request)])
    house.models.add(slow)
    stream = calls.call(core.sanity, {"models": ["toy:slow"]}, OWNER)
    next(stream)
    stream.close()
    for _ in range(100):  # what was on its way ends within moments
        if not slow.running:
            break
        time.sleep(0.02)
    assert slow.running == 0
    assert len(slow.requests) < len(checks())
    assert records.find(house.store) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"models": []}, "No model is named"),
        ({"models": [" ", ""]}, "No model is named"),
        ({"models": ["toy:good", " toy:good"]}, "'toy:good' is named twice"),
        ({"models": [f"toy:{n}" for n in range(9)]}, "9 models are named. At most 8"),
        ({"models": ["toy:good"], "axes": ["jsom"]}, "no axis 'jsom'. Did you mean: json"),
        ({"models": ["toy:good"], "seed": -1}, "seed"),
        ({"models": ["toy:good", "toy:gone"]}, "'toy:gone'"),
        ({"models": ["toy:good", "builtin:nobody"]}, "builtin:nobody"),
    ],
)
def test_what_cannot_be_asked_is_said_before_anything_is(house, arguments, said):
    asked = good("toy:good")
    house.models.add(asked)
    with pytest.raises(PlaygroundError, match=said):
        list(calls.call(core.sanity, arguments, OWNER))
    assert asked.requests == []


def test_it_is_the_owners(house):
    with pytest.raises(NotAllowed):
        calls.call(core.sanity, {"models": ["toy:good"]}, Caller("ann", owner=False))


def test_several_models_at_the_least():
    from apps.model_arena.checking import check_models

    assert check_models(["a", " b "], 2, 2) == ["a", "b"]
    with pytest.raises(PlaygroundError, match=r"1 model is named\. Choose at least 2"):
        check_models(["a"], 4, 2)
