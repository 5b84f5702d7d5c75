from apps.model_arena.growing import SHARE, Growing


def test_all_is_shown_again_when_a_tenth_more_is_known() -> None:
    growing = Growing()
    shown = [known for known in range(1001) if growing.due(known)]
    assert shown[:12] == [*range(1, 12), 13]
    assert sum(shown) <= 1000 * (1 + 1 / SHARE)
    assert shown[-1] > 900


def test_the_same_is_not_shown_twice() -> None:
    growing = Growing()
    assert [growing.due(known) for known in (0, 1, 1, 2, 2, 200, 200, 219, 221)] == [
        *(False, True, False, True, False, True, False, False, True)
    ]


def test_how_far_it_is_is_said_at_once_and_then_not_too_often() -> None:
    growing = Growing()
    assert growing.telling()
    assert not growing.telling()
