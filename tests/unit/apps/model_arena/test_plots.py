import json

import numpy as np
import pytest

from apps.model_arena import plots
from apps.model_arena.ballot import Ballot
from apps.model_arena.counts import Counts
from apps.model_arena.history import follow
from apps.model_arena.leaderboard import build
from apps.model_arena.position import PositionBias, estimate
from apps.model_arena.win_rates import win_rates
from shared.palette import color_of
from tests.unit.apps.model_arena.votes import drawn, vote

EVIL = '<a href="https://example.org">x</a>'
VOTES = drawn(400, np.linspace(-1, 1, 8), 1, ties=0.1)


def seen(figure):
    """A figure as JSON has it, and the texts beside its marks."""
    text = figure.to_json()
    assert "<a" not in text
    assert "\\u003ca" not in text.lower()
    made = json.loads(text)
    assert made["layout"]["height"] >= 44
    assert made["layout"]["template"]["layout"]["showlegend"] is False
    return made, [each["text"] for each in made["layout"].get("annotations", [])]


def test_ratings_have_their_intervals_and_colours():
    rows = build(VOTES).rows
    figure = plots.draw_ratings(rows)
    made, notes = seen(figure)
    assert len(made["data"]) == len(rows) == 8
    for trace, row in zip(figure.data, rows, strict=True):
        assert trace.x[0] == row.rating
        assert trace.error_x.array[0] == pytest.approx(row.upper - row.rating)
        assert trace.error_x.arrayminus[0] == pytest.approx(row.rating - row.lower)
        assert trace.marker.color == trace.error_x.color == color_of(row.model)
        assert row.model in notes
    assert [trace.y[0] for trace in figure.data] == list(range(7, -1, -1))
    sure = build([*drawn(3000, np.array([2, 0, -2.0]), 1)]).rows
    assert "rank 1," in plots.draw_ratings(sure).data[0].hovertext


def test_models_that_cannot_be_compared_are_not_drawn():
    figure = plots.draw_ratings(build([*VOTES, vote("best m0", "a")]).rows)
    assert len(figure.data) == 8
    assert seen(plots.draw_ratings(build([vote("x y", "a")]).rows))[1] == ["No model can be rated yet"]


def test_win_rates_are_a_table_with_gaps():
    rates = win_rates(Counts([vote("x y", "a"), vote("x y", "b"), vote("x z", "a")]).table())
    figure = plots.draw_win_rates(rates)
    made, _ = seen(figure)
    (trace,) = figure.data
    assert [list(row) for row in trace.z] == rates.rates
    assert [list(row) for row in trace.text] == [["", "50", "100"], ["50", "", ""], ["0", "", ""]]
    assert "95%: " in trace.hovertext[0][1]
    assert trace.hovertext[1][2] == ""
    assert made["layout"]["yaxis"]["autorange"] == "reversed"
    assert seen(plots.draw_win_rates(win_rates(Counts().table())))[1] == ["No two models have met yet"]


def test_only_the_first_twenty_win_rates_are_drawn():
    votes = drawn(2000, np.zeros(25), 2)
    (trace,) = plots.draw_win_rates(win_rates(Counts(votes).table())).data
    assert len(trace.z) == len(trace.z[0]) == 20
    assert trace.texttemplate is None


def test_history_has_bands_and_names_at_the_ends():
    moments = follow(VOTES, 8)
    figure = plots.draw_history(moments)
    made, notes = seen(figure)
    assert len(made["data"]) == 12
    ranked = [row.model for row in build(VOTES).rows[:6]]
    assert [note.split("<b>")[1][:-4] for note in notes] == ranked
    for band, line in zip(figure.data[::2], figure.data[1::2], strict=True):
        assert max(band.y) >= max(line.y)
        assert min(band.y) <= min(line.y)
        assert band.fill == "toself"
    one = plots.draw_history(moments, ["m1", "nobody"])
    assert one.data[1].line.color == color_of("m1")
    assert len(one.data) == 2
    assert seen(plots.draw_history([]))[1] == ["No ratings to follow yet"]
    assert plots.draw_history(follow([vote("x y", "tie")])).data[1].mode == "lines+markers"


def test_lines_of_one_colour_are_told_apart():
    votes = drawn(300, np.zeros(12), 1)
    lines = plots.draw_history(follow(votes), [f"m{place}" for place in range(12)]).data[1::2]
    assert len({line.line.color for line in lines}) < len(lines) == 12
    assert len({(line.line.color, line.line.dash) for line in lines}) == 12
    marks = [dot.marker for dot in plots.draw_ratings(build(votes).rows).data]
    assert len({(mark.color, mark.symbol) for mark in marks}) == 12


def test_names_at_the_ends_do_not_cover_each_other():
    figure = plots.draw_history(follow([vote("x y", "tie"), vote("y z", "tie")]))
    places = sorted(note.y for note in figure.layout.annotations)
    assert min(np.diff(places)) > 0


def test_position_bias_shows_what_chance_would_give():
    figure = plots.draw_position(estimate(Counts([*VOTES, vote("x y z", "b")]).table()))
    made, notes = seen(figure)
    assert [note.split(":")[0] for note in notes] == [
        "Side a of 2", "Side b of 2", "Side a of 3", "Side b of 3", "Side c of 3",
    ]  # fmt: skip
    assert [shape["x0"] for shape in made["layout"]["shapes"]] == [0.5, 0.5, 1 / 3, 1 / 3, 1 / 3]
    assert all(trace.error_x.array is not None for trace in figure.data)
    assert seen(plots.draw_position(PositionBias()))[1] == ["No vote has a winner yet"]


def test_one_vote_does_not_tell_the_share_of_a_place():
    first, second = plots.draw_position(estimate(Counts([vote("x y", "a")]).table())).data
    assert (first.x[0], first.error_x.array[0]) == (1, 0)
    assert first.error_x.arrayminus[0] == pytest.approx(1 - 0.2065493, abs=1e-6)  # Wilson's, as in win rates
    assert (second.x[0], second.error_x.arrayminus[0]) == (0, 0)
    assert second.error_x.array[0] == pytest.approx(1 - 0.2065493, abs=1e-6)


def test_long_names_that_begin_alike_are_told_apart():
    names = [f"openai:our-own-farm/model-{place}" for place in range(3)]
    names += [
        "hub:owner/some-base-model@0123456789abcdef",
        "hub:owner/some-base-model@0123456789abcdef+local:poet@abcdef012345",
    ]
    votes = [Ballot((one, two), "tie", "", "") for one in names for two in names if one < two]
    ends = seen(plots.draw_history(follow(votes)))[1]
    labels = [text.split("<b>")[1][:-4] for text in ends]
    assert len(set(labels)) == 5
    assert all(len(text) <= 15 for text in labels)
    assert any("poet" in text for text in labels)
    rows = plots.draw_win_rates(win_rates(Counts(votes).table())).data[0].y
    assert any(row.endswith("+local:poet") for row in rows)
    two = [Ballot(("local:a-model@000000000001", "local:a-model@000000000002"), "tie", "", "")]
    assert len({note for note in seen(plots.draw_ratings(build(two).rows))[1] if "<b>" not in note}) == 2


def test_names_are_escaped_and_shortened():
    votes = [Ballot((f"{EVIL} {'n' * 90}", "b"), winner, "", "") for winner in "ab"]
    notes = seen(plots.draw_ratings(build(votes).rows))[1]
    assert any("…" in note and len(note) <= 60 for note in notes)
    seen(plots.draw_win_rates(win_rates(Counts(votes).table())))
    seen(plots.draw_history(follow(votes)))
