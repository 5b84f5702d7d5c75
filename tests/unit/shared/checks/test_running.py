import threading
import time

import pytest

from shared.checks import checks, chosen, run, run_all
from shared.checks.results import Total
from shared.errors import PlaygroundError
from shared.models.protocol import Delta, Failure, Finish, Request, Start, Timeouts
from shared.models.scripted import Scripted
from tests.unit.shared.checks.models import Stage, of, right, says


def last(results):
    *_, end = results
    return end


def test_a_model_that_is_always_right(stage: Stage) -> None:
    seen = list(run(stage, "good"))
    assert [len(each.results) for each in seen] == list(range(1, len(checks()) + 1))
    end = seen[-1]
    assert end.complete
    assert end.total == Total(len(checks()), len(checks()))
    assert str(end.core) == "32 of 32"
    assert [result.id for result in end.results] == [check.id for check in checks()], "in the manifest's order"
    assert all(result.why == "" and result.seconds >= 0 and result.answer for result in end.results)


def test_a_model_that_is_always_nearly_right(stage: Stage) -> None:
    end = last(run(stage, "bad", chosen(["json", "code"])))
    assert end.total == Total(0, 9)
    assert {result.outcome for result in end.results} == {"failed"}
    assert all(result.why for result in end.results)
    assert end.stopped == ""


def test_questions_are_greedy_with_the_seed_and_the_given_length(stage: Stage) -> None:
    last(run(stage, "good", chosen(["memory"]), seed=3, max_new_tokens=99))
    decodings = [request.decoding for request in stage.backends["good"].requests]
    assert [(each.temperature, each.seed, each.max_new_tokens) for each in decodings] == [(0.0, 3, 99)] * 2


def test_several_are_asked_at_once_and_no_more(stage: Stage) -> None:
    most = 0
    lock = threading.Lock()
    slow = Scripted("slow", lambda request: says("12", delay=0.03))

    class Counting(Stage):
        def stream(self, *arguments):
            nonlocal most
            with lock:
                most = max(most, slow.running + 1)
            return super().stream(*arguments)

    counting = Counting(slow=slow)
    last(run(counting, "slow", chosen(["arithmetic", "facts"]), at_once=4))
    counting.loop.close()
    assert 2 <= most <= 4


def test_a_model_that_is_down_is_given_up(stage: Stage) -> None:
    stage.backends["down"] = Scripted("down", [Failure("connect", "down: nobody answers at 127.0.0.1:9.")])
    end = last(run(stage, "down", at_once=2))
    outcomes = [result.outcome for result in end.results]
    assert outcomes.count("error") in (5, 6), "those that were on their way may still come"
    assert outcomes.count("not asked") == len(checks()) - outcomes.count("error")
    assert end.complete
    assert "5 questions in a row got no answer" in end.stopped
    assert "nobody answers at 127.0.0.1:9" in end.stopped
    assert end.total.passed == 0
    assert len(stage.backends["down"].requests) == outcomes.count("error")


def test_a_failure_now_and_then_is_one_failed_check(stage: Stage) -> None:
    def script(request: Request):
        if of(request).id in ("add1", "mul1"):
            return [Start("some"), Delta("1"), Failure("inter_token", "some: silent for 30 s.")]
        return right(request)

    stage.backends["some"] = Scripted("some", script)
    end = last(run(stage, "some", chosen(["arithmetic"])))
    assert end.total == Total(5, 7)
    assert (end.result("add1").outcome, end.result("add1").why, end.result("add1").answer) == (
        "error",
        "some: silent for 30 s.",
        "1",
    )
    assert end.stopped == ""


def test_no_answer_at_all_is_wrong_but_the_model_is_not_down(stage: Stage) -> None:
    stage.backends["mute"] = Scripted("mute", [Start("mute"), Finish("stop")])
    end = last(run(stage, "mute"))
    assert {result.outcome for result in end.results} == {"failed"}
    assert "answered nothing" in end.results[0].why


def test_a_stream_that_breaks_off(stage: Stage) -> None:
    stage.backends["short"] = Scripted("short", [Start("short"), Delta("12")])
    end = last(run(stage, "short", chosen(ids=["add1"])))
    assert (end.results[0].outcome, end.results[0].answer) == ("error", "12")

    class Ending(Stage):
        def stream(self, *arguments):
            yield [Delta("12")]

    ending = Ending()
    assert "broke off" in last(run(ending, "any", chosen(ids=["add1"]))).results[0].why
    ending.loop.close()


def test_an_overloaded_server_is_asked_again(stage: Stage) -> None:
    tries = []

    def script(request: Request):
        tries.append(request)
        return [Failure("overloaded", "busy: 429.", retry_after=0.01)] if len(tries) < 3 else right(request)

    stage.backends["busy"] = Scripted("busy", script)
    assert last(run(stage, "busy", chosen(ids=["add1"]))).total == Total(1, 1)
    tries[:] = []
    stage.backends["busy"] = Scripted("busy", lambda request: [Failure("overloaded", "busy: 429.", retry_after=0.01)])
    assert last(run(stage, "busy", chosen(ids=["add1"]))).results[0].why == "busy: 429."
    assert len(stage.backends["busy"].requests) == 3


def test_an_answer_that_is_cut_off_where_it_must_end(stage: Stage) -> None:
    stage.backends["long"] = Scripted("long", lambda request: says(of(request).examples.right[0], "length"))
    end = last(run(stage, "long", chosen(ids=["three_times", "add1"])))
    assert [result.outcome for result in end.results] == ["passed", "failed"]


def test_an_unknown_model_is_no_wrong_answer(stage: Stage) -> None:
    with pytest.raises(PlaygroundError, match="There is no model 'gone'"):
        last(run(stage, "gone"))


def test_what_is_refused_after_answers_is_a_result(stage: Stage) -> None:
    class Refusing(Stage):
        def stream(self, ref, request, *rest):
            if of(request).id == "add2":
                raise PlaygroundError("Too long for the window.")
            yield from super().stream(ref, request, *rest)

    refusing = Refusing(**stage.backends)
    end = last(run(refusing, "good", chosen(["arithmetic"]), at_once=1))
    refusing.loop.close()
    assert (end.result("add2").outcome, end.result("add2").why) == ("error", "Too long for the window.")
    assert end.total == Total(6, 7)


def test_half_characters_and_thoughts_do_not_reach_a_result(stage: Stage) -> None:
    stage.backends["odd"] = Scripted("odd", says("<think>\n13?</think>12\udcff"))
    (result,) = last(run(stage, "odd", chosen(ids=["add1"]))).results
    assert (result.answer, result.outcome) == ("12?", "passed")


def test_a_thought_that_is_cut_off_is_no_answer(stage: Stage) -> None:
    stage.backends["slow"] = Scripted("slow", says("<think>7 + 5 = 12", "length"))
    (result,) = last(run(stage, "slow", chosen(ids=["add1"]))).results
    assert (result.outcome, result.answer) == ("failed", "")
    assert "still thinking" in result.why


def test_closing_stops_what_is_being_answered(stage: Stage) -> None:
    slow = Scripted("slow", lambda request: right(request) if of(request).id == "greet" else says("12", delay=30))
    stage.backends["slow"] = slow
    running = run(stage, "slow", at_once=4)
    assert len(next(running).results) == 1
    began = time.monotonic()
    running.close()
    assert time.monotonic() - began < 5
    deadline = time.monotonic() + 5
    while slow.running and time.monotonic() < deadline:
        time.sleep(0.01)
    assert slow.running == 0
    assert len(slow.requests) < 8, "what was waiting is not asked"


def test_time_outs_are_handed_on(stage: Stage) -> None:
    stage.backends["slow"] = Scripted("slow", says("12", delay=30))
    results = run(stage, "slow", chosen(ids=["add1"]), timeouts=Timeouts(connect=0.01, first_token=0.05))
    assert "nothing came" in last(results).results[0].why


def test_models_one_after_the_other(stage: Stage) -> None:
    seen = list(run_all(stage, ["good", "bad"], chosen(["json"]), seed=1))
    assert [len(matrix.models) for matrix in seen] == [1] * 3 + [2] * 3
    matrix = seen[-1]
    assert matrix.axes == {"json": (Total(3, 3), Total(0, 3))}
    assert matrix.disputed == ("json1", "json2", "json_nested")
    assert list(run_all(stage, [])) == []


def test_a_model_that_cannot_be_asked_takes_no_other_with_it(stage: Stage) -> None:
    matrix = last(run_all(stage, ["good", "gone", "bad"], chosen(["json"])))
    assert [results.total for results in matrix.models] == [Total(3, 3), Total(0, 0), Total(0, 3)]
    assert "no model 'gone'" in matrix.models[1].stopped
    assert "no model 'gone'" in last(run_all(stage, ["good", "gone"], chosen(["json"]))).models[1].stopped
    with pytest.raises(PlaygroundError, match="no model 'gone'"):
        last(run_all(stage, ["gone", "lost"], chosen(["json"])))
