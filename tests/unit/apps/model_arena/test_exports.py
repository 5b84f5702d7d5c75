import pytest

from apps.model_arena.exports import Judged, export_preferences
from shared.datasets.dataset import open_dataset
from shared.errors import PlaygroundError
from shared.models.protocol import Message

ASK = (Message("system", "Be brief."), Message("user", "二足す二は？"))


def said(*texts):
    """What followed on one side: an answer, and after a further question the next one."""
    found = [Message("assistant", texts[0])] if texts else []
    for text in texts[1:]:
        found += [Message("user", "And then?"), Message("assistant", text)]
    return tuple(found)


TWO = Judged(ASK, (said("4"), said("five")), "a")
THREE = Judged(ASK, (said("3"), said("4", "5"), said("6")), "b")
SKIPPED = [
    Judged(ASK, (said("4"), said("4.")), "tie"),
    Judged(ASK, (said("x"), said("y")), "both_bad"),
    Judged(ASK, (said("4"), said("4")), "a"),
    Judged(ASK, (said(), said("4")), "a"),
    Judged(ASK, (said(" "), said("4")), "a"),
    Judged((), (said("4"), said("5")), "a"),
]


def rows_of(house, found):
    dataset = open_dataset(house.store, found.dataset)
    assert dataset.rows == found.rows
    return dataset.page(0, 100)


def test_dpo_has_the_winner_with_each_other_side(house):
    found = export_preferences(house.store, [TWO, *SKIPPED, THREE], "dpo")
    assert (found.rows, found.skipped) == (3, 6)
    rows = rows_of(house, found)
    prompt = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "二足す二は？"}]
    assert rows[0] == {
        "prompt": prompt,
        "chosen": [{"role": "assistant", "content": "4"}],
        "rejected": [{"role": "assistant", "content": "five"}],
    }
    assert [each["role"] for each in rows[1]["chosen"]] == ["assistant", "user", "assistant"]
    assert [row["rejected"][0]["content"] for row in rows[1:]] == ["3", "6"]
    notes = " ".join(found.notes)
    for reason in (
        "1 battle skipped: a tie",
        "both were bad",
        "2 battles skipped: the side that won said nothing",
        "prompt is not",
    ):
        assert reason in notes
    assert open_dataset(house.store, found.dataset).notes == found.notes


def test_kto_labels_every_side(house):
    found = export_preferences(house.store, [THREE, *SKIPPED], "kto", "mine")
    assert (found.rows, found.skipped) == (3, 6)
    rows = rows_of(house, found)
    assert [row["label"] for row in rows] == [True, False, False]
    assert rows[0]["completion"][-1] == {"role": "assistant", "content": "5"}
    assert found.dataset.startswith("local:mine@")
    assert open_dataset(house.store, found.dataset).columns == ["prompt", "completion", "label"]


def test_the_same_battles_give_the_same_ref(house):
    one, two = (export_preferences(house.store, [TWO, THREE], "dpo") for _ in range(2))
    assert one == two
    assert one.dataset != export_preferences(house.store, [TWO], "dpo").dataset


@pytest.mark.parametrize("battles", [[], SKIPPED])
def test_without_a_preference_nothing_is_written(house, battles):
    with pytest.raises(PlaygroundError, match=f"of {len(battles)} battles none has a winner"):
        export_preferences(house.store, battles)
    assert house.store.artifacts("datasets") == []


def test_the_format_must_be_known(house):
    with pytest.raises(PlaygroundError, match=r"'orpo' is no format\. Formats are dpo and kto"):
        export_preferences(house.store, [TWO], "orpo")


def test_a_side_that_failed_is_no_bad_example(house):
    battle = Judged(ASK, (said("4"), said(), said("5")), "a")
    assert export_preferences(house.store, [battle], "dpo").rows == 1
    assert export_preferences(house.store, [battle], "kto").rows == 2


def test_many_rows_are_written_in_batches(house, monkeypatch):
    monkeypatch.setattr("apps.model_arena.exports.BATCH", 3)
    battles = [Judged(ASK, (said(str(number)), said("no")), "a") for number in range(8)]
    rows = rows_of(house, export_preferences(house.store, battles))
    assert [row["chosen"][0]["content"] for row in rows] == [str(number) for number in range(8)]
