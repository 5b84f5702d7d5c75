import json

import pytest

from apps.dataset_explorer import plots
from apps.dataset_explorer.contrast import TellingWord
from apps.dataset_explorer.landscape import Cluster, Landscape, Point
from apps.dataset_explorer.report import Breach, Exposure, Share
from apps.dataset_explorer.spreads import Spread
from shared.palette import SERIES

EVIL = '<a href="https://example.org">click</a><b>'


def seen(figure):
    """What a person reads on a figure, and what it is made of."""
    made = json.loads(figure.to_json())
    layout = made["layout"]
    assert not layout.get("title")
    assert layout["template"]["layout"]["showlegend"] is False
    assert layout["height"] >= 44
    notes = [each["text"] for each in layout.get("annotations", [])]
    assert all(not each.get("textangle") for each in layout.get("annotations", []))
    return made, notes


def lengths(numbers, unit="tokens"):
    return Spread.of(numbers).lengths(unit)


def heights(trace):
    return [float(value) for value in trace["y"]]


def test_lengths_show_every_row_and_where_the_context_ends():
    figure = plots.draw_lengths(lengths([*range(100), 5000]), context=60)
    made, notes = seen(figure)
    assert list(figure.data[0].y) == [each.rows for each in lengths([*range(100), 5000]).bins]
    assert "Context 60" in notes
    assert any("Last bar: 1 up to 5,000" in note for note in notes)
    assert made["layout"]["shapes"][0]["x0"] == 60
    starts = [each.start for each in lengths([*range(100), 5000]).bins]
    assert list(figure.data[0].marker.color) == [SERIES[1] if start > 60 else SERIES[0] for start in starts]
    assert figure.data[0].customdata[-1][1] == "1 rows"
    assert made["layout"]["height"] == plots.HEIGHT


@pytest.mark.parametrize(
    ("numbers", "context", "note"),
    [
        ([1, 2, 3], 2048, "Context 2,048: all 3 rows fit"),
        ([*range(100), 5000], 300, "Context 300 is in the last bar"),
        ([7], 7, "Context 7: all 1 rows fit"),
    ],
)
def test_a_context_beyond_the_bars_is_said(numbers, context, note):
    figure = plots.draw_lengths(lengths(numbers), context)
    assert note in seen(figure)[1]


def test_without_a_context_there_is_no_line():
    made, notes = seen(plots.draw_lengths(lengths([1, 2, 3])))
    assert notes == []
    assert "shapes" not in made["layout"]


def breach(rows, says="Share of characters"):
    return Breach("rule", says, "share", None, 0.3, rows, rows / 10_000)


def test_rules_that_are_broken_have_their_number_at_the_end_of_the_bar():
    figure = plots.draw_rules([breach(1234), breach(3, EVIL + "x" * 100), breach(0)])
    made, notes = seen(figure)
    assert list(figure.data[0].x) == [1234, 3]
    assert list(figure.data[0].text) == ["1,234 (12.3%)", "3 (<0.1%)"]
    assert list(figure.data[0].y) == [1, 0]
    assert made["layout"]["height"] == 2 * plots.ROW + 8
    assert notes[0] == "Share of characters"
    assert all(len(note.replace("&lt;", "<").replace("&gt;", ">")) <= plots.LABEL for note in notes)
    assert "<a" not in figure.to_json()


def test_languages_beyond_twelve_are_one_bar():
    shares = [Share(f"l{n}", f"Language {n}", 100 - n, 0.05) for n in range(15)]
    figure = plots.draw_shares([Share("und", "und", 200, 0.2), *shares])
    notes = seen(figure)[1]
    assert len(notes) == plots.LISTED
    assert (notes[0], notes[-1]) == ("Not told", "5 others")
    assert sum(figure.data[0].x) == 200 + sum(each.rows for each in shares)
    assert len(plots.draw_shares(shares[:12]).data[0].x) == 12


def test_secrets_are_called_so():
    found = [Exposure("hf_token", "Hub token", True, 2, 3, []), Exposure("email", "E-mail address", False, 5, 9, [])]
    figure = plots.draw_private(found)
    assert seen(figure)[1] == ["Hub token (secret)", "E-mail address"]
    assert list(figure.data[0].marker.color) == [SERIES[1], SERIES[0]]


def test_two_datasets_have_one_scale_and_are_named():
    figure = plots.draw_two_lengths(lengths([1, 2, 2, 3]), lengths(range(1000)), (EVIL, "two"))
    made, notes = seen(figure)
    assert "<a" not in "".join(notes)
    assert "two" in notes[1]
    assert "median 500" in notes[1] or "median 499" in notes[1]
    assert [trace["xaxis"] for trace in made["data"]] == ["x", "x"]
    assert [trace["yaxis"] for trace in made["data"]] == ["y", "y2"]
    for trace, width in zip(figure.data, (1, 50), strict=True):
        assert sum(float(y) * width for y in trace.y) == pytest.approx(1)  # the areas are shares of rows
    assert figure.data[0].marker.color[0] != figure.data[1].marker.color[0]


def test_telling_words_carry_both_counts():
    figure = plots.draw_telling_words([TellingWord("界", 1200, 3, 9.5), TellingWord("b", 8, 1, 2.0)], second=True)
    assert seen(figure)[1] == ["界", "b"]
    assert list(figure.data[0].text) == ["1,200 : 3", "8 : 1"]
    assert figure.data[0].marker.color[0] == SERIES[1]


def landscape(points, clusters, labels):
    sizes = [clusters.count(each) for each in range(len(labels))]
    found = [Cluster(size, label.split(", "), [0]) for size, label in zip(sizes, labels, strict=True)]
    numbered = zip(range(len(points)), points, clusters, strict=True)
    return Landscape([Point(row, x, y, cluster) for row, (x, y), cluster in numbered], found, len(points), (0.5, 0.2))


def test_a_map_has_a_label_in_each_cluster_and_no_two_on_each_other():
    points = [
        (x + dx, y + dy) for x, y in ((0, 0), (0, 0.1), (9, 9), (9, 0)) for dx in (-0.1, 0.1) for dy in (-0.1, 0.1)
    ]
    clusters = [n // 4 for n in range(16)]
    figure = plots.draw_map(
        landscape([*points, (4, 4)], [*clusters, 6], ["one, two", EVIL, "three", "four", "none", "here", ""]),
        [EVIL] * 17,
    )
    made, notes = seen(figure)
    assert figure.data[0].type == "scattergl"
    assert len(notes) == 5
    assert (notes[0], notes[-1]) == ("<b>one, two</b>", "<b>1 rows</b>")
    assert "<a" not in figure.to_json()
    places = [(each["x"], each["y"]) for each in made["layout"]["annotations"]]
    assert places[0] == (0, 0)
    assert abs(places[1][1] - places[0][1]) > 0.5
    assert figure.data[0].marker.color[-1] == plots.GREY
    assert len(set(figure.data[0].marker.color)) == 5


def test_a_crowd_of_clusters_in_one_place_keeps_what_can_be_read():
    figure = plots.draw_map(landscape([(0, 0)] * 9 + [(1, 1)], [*range(10)], [f"c{n}" for n in range(10)]))
    assert 5 <= len(seen(figure)[1]) < 10
    assert figure.data[0].hoverinfo == "skip"


@pytest.mark.parametrize(
    ("figure", "text"),
    [
        (plots.draw_lengths(lengths([]), 100), "No rows"),
        (plots.draw_rules([breach(0)]), "No row breaks a rule"),
        (plots.draw_shares([]), "None found"),
        (plots.draw_private([]), "None found"),
        (plots.draw_telling_words([]), "No word is typical"),
        (plots.draw_map(Landscape([], [], 0, (0.0, 0.0))), "No rows"),
    ],
)
def test_nothing_is_said_to_be_nothing(figure, text):
    assert seen(figure)[1] == [text]


def test_two_datasets_without_rows():
    assert len(seen(plots.draw_two_lengths(lengths([]), lengths([]), ("a", "b")))[1]) == 2
