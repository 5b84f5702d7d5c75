"""What the card of a Hub dataset says."""

from types import SimpleNamespace

import pytest

from shared.datasets import hub_card
from shared.errors import PlaygroundError


@pytest.mark.parametrize(
    ("card", "text"),
    [
        ({}, ""),
        ({"license": None}, ""),
        ({"license": "mit"}, "mit"),
        ({"license": ["mit", "cc-by-4.0"]}, "mit, cc-by-4.0"),
        ({"license": "other"}, "other"),
        ({"license": "other", "license_name": "odc-by-1.0"}, "other: odc-by-1.0"),
        ({"license": "other", "license_link": "LICENSE"}, "other: LICENSE"),
    ],
)
def test_licence(card, text):
    assert hub_card.licence(card) == text


def test_notes():
    classes = SimpleNamespace(names=["neg", "pos"])
    features = {"text": SimpleNamespace(dtype="string"), "label": classes, "none": SimpleNamespace(names=[])}
    assert hub_card.notes({"language": "zh"}, features) == [
        "Languages, as its card says: zh.",
        "Column 'label' holds classes: 0 = neg, 1 = pos.",
    ]
    assert hub_card.notes({}, None) == []


def test_long_lists_of_classes_are_cut():
    (note,) = hub_card.notes({}, {"label": SimpleNamespace(names=[f"c{n}" for n in range(40)])})
    assert note.endswith("29 = c29 ....")


@pytest.mark.parametrize(
    ("configs", "names", "default"),
    [
        (None, [], True),
        ([{"config_name": "a"}], ["a"], True),
        ([{"config_name": "a"}, {"config_name": "b"}], ["a", "b"], False),
        ([{"config_name": "a"}, {"config_name": "b", "default": True}], ["a", "b"], True),
        ([{"config_name": "a"}, {"config_name": "default"}], ["a", "default"], True),
        ("nonsense", [], True),
        ([{"data_files": "x"}, 3], [], True),
    ],
)
def test_configurations(configs, names, default):
    card = {"configs": configs}
    assert hub_card.configurations(card) == names
    assert hub_card.has_default(card) is default


FINE = ["data/*.jsonl", "train.csv", "**", "a..b/c.json", "数据/训练.jsonl"]
OUTSIDE = [
    "/etc/passwd",
    "../x",
    "a/../../x",
    "..\\x",
    "\\\\host\\x",
    "C:\\x",
    "~/x",
    "http://10.0.0.1/x",
    "zip://x::a.zip",
]


def forms(path: str) -> list[object]:
    """Every way in which a card may name a file."""
    return [path, [path], [{"split": "train", "path": path}], [{"split": "train", "path": [path]}], {"train": path}]


@pytest.mark.parametrize("path", FINE)
def test_files_of_the_repository(path):
    for form in forms(path):
        hub_card.check_files({"configs": [{"data_files": form}]}, "a/b")


@pytest.mark.parametrize("path", OUTSIDE)
def test_files_outside_of_it(path):
    for form in forms(path):
        with pytest.raises(PlaygroundError, match="outside of its repository"):
            hub_card.check_files({"configs": [{"config_name": "x"}, {"data_files": form}]}, "a/b")
    with pytest.raises(PlaygroundError, match="outside of its repository"):
        hub_card.check_files({"configs": {"data_dir": path}}, "a/b")
