import pytest

from apps.dataset_explorer.keeping import keep
from shared import records
from shared.policy import OWNER, Caller


@pytest.mark.parametrize("artifacts", [None, {"dataset": "local:b@0123456789ab"}])
def test_the_owner_leaves_a_record(house, artifacts):
    settings = {"dataset": "local:a@0123456789ab", "query": "中文", "limit": 3}
    made = keep("search", settings, {"total": 2}, OWNER, {"dataset": "local:a@0123456789ab"}, artifacts)
    (record,) = records.find(house.store)
    assert record.id == made
    assert (record.app, record.action, record.settings) == ("dataset_explorer", "search", settings)
    assert (record.results, record.inputs) == ({"total": 2}, {"dataset": "local:a@0123456789ab"})
    assert record.artifacts == (artifacts or {})


def test_a_visitor_leaves_none(house):
    assert keep("search", {}, {}, Caller("a3f", owner=False), {}) == ""
    assert records.find(house.store) == []
