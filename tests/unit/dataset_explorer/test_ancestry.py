"""Back to what was loaded, and the strictest licence on the way."""

import shutil

import pytest

from apps.dataset_explorer.ancestry import ancestry, judge, strictest
from apps.dataset_explorer.cleaning import clean
from apps.dataset_explorer.mixing import mix
from apps.dataset_explorer.recipes import CleanRules, Part
from shared.datasets.dataset import open_dataset
from shared.licences import verdict
from tests.unit.dataset_explorer.stored import last, stored, texts


@pytest.fixture
def family(house):
    """Two loaded sets, one of them cleaned, mixed, and the mix cleaned."""
    store = house.store
    free = stored(store, {"text": ["a b", "c d", ""]}, "free", licence="mit", source="hub:someone/free@abc#main/train")
    bound = stored(store, {"text": ["e f", "g h"]}, "bound", licence="cc-by-nc-4.0", source="local:up@0123456789ab")
    clean_free = last(clean(free.ref, CleanRules(empty_answers=True), preview=False)).dataset
    mixed = last(mix([Part(clean_free), Part(bound.ref)])).dataset
    final = open_dataset(store, last(clean(mixed, CleanRules(rows=[0]), preview=False)).dataset)
    return free, bound, clean_free, mixed, final


def test_sources_come_before_what_was_made_of_them(house, family):
    free, bound, clean_free, mixed, final = family
    steps = ancestry(house.store, final)
    assert [step.ref for step in steps] == [free.ref, clean_free, bound.ref, mixed, final.ref]
    assert [step.action for step in steps] == ["load", "clean", "load", "mix", "clean"]
    assert steps[0].sources == ["hub:someone/free@abc#main/train"]
    assert steps[3].sources == [clean_free, bound.ref]
    assert [step.rows for step in steps] == [3, 2, 2, 4, 3]


def test_a_source_that_is_used_twice_is_there_once(house):
    one = texts(house.store, "a", "b", "c", name="one")
    other = last(clean(one.ref, CleanRules(rows=[0]), preview=False)).dataset
    mixed = open_dataset(house.store, last(mix([Part(one.ref), Part(other)])).dataset)
    assert [step.ref for step in ancestry(house.store, mixed)] == [one.ref, other, mixed.ref]


def test_the_strictest_source_decides(house, family):
    free, _, clean_free, mixed, final = family
    assert judge(house.store, open_dataset(house.store, clean_free)).use == judge(house.store, free).use == "yes"
    for ref in (mixed, final.ref):
        found = judge(house.store, open_dataset(house.store, ref))
        assert found.use == "no"
        assert found.licence == "MIT AND CC-BY-NC-4.0"
        assert found.why[0] == "The strictest of 2 sources decides: bound."
        assert found.why[1].startswith("bound: CC-BY-NC-4.0 does not permit")
        assert len(found.duties) == len(set(found.duties))
    assert judge(house.store, final, tag="mit").use == "yes"


def test_a_source_that_is_gone_is_no_permission(house, family):
    free, _, clean_free, _, final = family
    shutil.rmtree(free.path.parent)
    step = next(step for step in ancestry(house.store, final) if step.ref == free.ref)
    assert (step.action, step.sources, step.dataset) == ("gone", [], None)
    alone = judge(house.store, open_dataset(house.store, clean_free))
    assert alone.use == "unknown"
    assert free.ref in alone.why[0]
    assert judge(house.store, final).use == "no"


def test_what_is_known_of_a_set_is_known_of_its_clean_part(house):
    known = "hub:hikariming/alpaca_chinese_dataset@abc"
    source = stored(house.store, {"text": ["a", "b"]}, "alpaca", licence="mit", source=known)
    made = open_dataset(house.store, last(clean(source.ref, CleanRules(rows=[0]), preview=False)).dataset)
    entries = house.catalog.datasets()
    assert judge(house.store, made, entries) == judge(house.store, source, entries)
    assert judge(house.store, made, entries).conflicts


def test_licences_that_bind_the_whole_contradict_each_other(house):
    one, two = texts(house.store, "a", name="one"), texts(house.store, "b", name="two")
    found = strictest([(one, verdict(tag="cc-by-sa-4.0")), (two, verdict(tag="gpl-3.0"))])
    assert found.conflicts == ["CC-BY-SA-4.0 asks for the whole under its own terms, which GPL-3.0 does not allow."]
    assert strictest([(one, verdict(tag="cc-by-sa-4.0")), (two, verdict(tag="cc-by-nc-4.0"))]).conflicts
    assert not strictest([(one, verdict(tag="cc-by-sa-4.0")), (two, verdict(tag="mit"))]).conflicts
    assert not strictest([(one, verdict(tag="cc-by-4.0")), (two, verdict(tag="mit"))]).conflicts


def test_a_part_without_a_licence_is_stricter_than_one_with(house):
    one, two = texts(house.store, "a", name="one"), texts(house.store, "b", name="two")
    found = strictest([(one, verdict(tag="mit")), (two, verdict())])
    assert (found.use, found.licence) == ("unknown", "MIT AND LicenseRef-unknown")
    assert strictest([(one, verdict(tag="mit"))]).licence == "MIT"
    assert "strictest" not in strictest([(one, verdict(tag="mit"))]).why[0]
