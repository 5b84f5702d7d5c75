from importlib import import_module

import pytest

from shared import records
from shared.keeping import keep
from shared.policy import OWNER, Caller


@pytest.mark.parametrize("artifacts", [None, {"dataset": "local:b@0123456789ab"}])
def test_the_owner_leaves_a_record(house, artifacts):
    settings = {"dataset": "local:a@0123456789ab", "query": "中文", "limit": 3}
    made = keep("some_app", "search", settings, {"total": 2}, OWNER, {"dataset": "local:a@0123456789ab"}, artifacts)
    (record,) = records.find(house.store)
    assert record.id == made
    assert (record.app, record.action, record.settings) == ("some_app", "search", settings)
    assert (record.results, record.inputs) == ({"total": 2}, {"dataset": "local:a@0123456789ab"})
    assert record.artifacts == (artifacts or {})


def test_a_visitor_leaves_none(house):
    assert keep("some_app", "search", {}, {}, Caller("a3f", owner=False), {}) == ""
    assert records.find(house.store) == []


@pytest.mark.parametrize("app", ["dataset_explorer", "model_arena"])
def test_each_app_signs_with_its_own_name(house, app):
    own = import_module(f"apps.{app}.keeping")
    own.keep("search", {}, {"total": 1}, OWNER, {})
    assert [record.app for record in records.find(house.store)] == [app]
