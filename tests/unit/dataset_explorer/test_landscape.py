import numpy as np
import pyarrow as pa
import pytest

from apps.dataset_explorer.landscape import (
    Landscape,
    draw_landscape,
    find_clusters,
    map_rows,
    project,
    sample_rows,
)
from shared.progress import Progress


def blobs(seed=0, sizes=(30, 20, 10), size=8):
    draw = np.random.default_rng(seed)
    middles = np.eye(size)[: len(sizes)]
    points = np.concatenate([middles[each] + 0.02 * draw.normal(size=(n, size)) for each, n in enumerate(sizes)])
    return (points / np.linalg.norm(points, axis=1, keepdims=True)).astype(np.float32)


def test_samples_are_drawn_once_in_order_and_alike():
    assert sample_rows(5, 10).tolist() == [0, 1, 2, 3, 4]
    drawn = sample_rows(1000, 50, seed=3)
    assert len(set(drawn.tolist())) == 50
    assert drawn.tolist() == sorted(drawn.tolist()) == sample_rows(1000, 50, seed=3).tolist()
    assert drawn.tolist() != sample_rows(1000, 50, seed=4).tolist()
    assert sample_rows(0).tolist() == []


def test_projection_is_that_of_a_singular_value_decomposition():
    vectors = blobs()
    places, explained = project(vectors)
    centred = vectors - vectors.mean(axis=0)
    left, strength, _ = np.linalg.svd(centred.astype(np.float64), full_matrices=False)
    reference = left[:, :2] * strength[:2]
    assert np.abs(places) == pytest.approx(np.abs(reference), abs=1e-6)
    assert explained == pytest.approx(tuple((strength**2 / (strength**2).sum())[:2]))
    for axis in (0, 1):
        direction = centred.T @ places[:, axis]
        assert direction[np.abs(direction).argmax()] > 0


def test_projection_of_one_row_equal_rows_and_none():
    for vectors in (np.ones((1, 4), np.float32), np.full((5, 4), 0.1, np.float32)):
        places, explained = project(vectors)
        assert places.tolist() == [[0, 0]] * len(vectors)
        assert explained == (0, 0)
    assert project(np.zeros((0, 4), np.float32))[0].shape == (0, 2)


def test_clusters_are_those_that_were_made_largest_first():
    vectors = blobs()
    order = np.random.default_rng(1).permutation(60)
    labels, middles = find_clusters(vectors[order], 3)
    assert labels.tolist() == np.repeat([0, 1, 2], [30, 20, 10])[order].tolist()
    for each in range(3):
        assert middles[each] == pytest.approx(vectors[order][labels == each].mean(axis=0), abs=1e-6)


def test_the_same_seed_gives_the_same_clusters():
    vectors = np.random.default_rng(5).normal(size=(300, 8)).astype(np.float32)
    one, two = find_clusters(vectors, 6, seed=1), find_clusters(vectors, 6, seed=1)
    assert np.array_equal(one[0], two[0])
    assert np.bincount(one[0]).tolist() == sorted(np.bincount(one[0]).tolist(), reverse=True)
    distances = ((vectors[:, None] - one[1]) ** 2).sum(axis=2)
    assert np.array_equal(distances.argmin(axis=1), one[0])


def test_fewer_different_rows_than_clusters():
    labels, middles = find_clusters(np.repeat(np.eye(3, dtype=np.float32), [4, 1, 2], axis=0), 8)
    assert labels.tolist() == [0, 0, 0, 0, 2, 1, 1]
    assert middles.shape == (3, 3)
    assert find_clusters(np.ones((9, 4), np.float32), 8)[0].tolist() == [0] * 9
    assert find_clusters(np.zeros((0, 4), np.float32), 8)[1].shape == (0, 4)


TEXTS = [*["apples and pears grow on trees"] * 30, *["python code returns a list"] * 20, *["机器学习有趣"] * 10]


def test_a_map_names_its_clusters():
    found = draw_landscape(range(100, 160), TEXTS, blobs(), 160, clusters=3)
    assert [each.size for each in found.clusters] == [30, 20, 10]
    assert set(found.clusters[0].keywords) == {"apples", "pears", "grow", "trees"}
    assert set(found.clusters[1].keywords) == {"python", "code", "returns", "list"}
    assert found.clusters[2].keywords == ["机器学习"]
    assert [point.row for point in found.points] == list(range(100, 160))
    assert {point.cluster for point in found.points[:30]} == {0}
    middle = blobs()[:30].mean(axis=0)
    nearest = np.argsort(((blobs()[:30] - middle) ** 2).sum(axis=1))[:3] + 100
    assert found.clusters[0].representatives == nearest.tolist()
    assert found.rows == 160


class Kinds:
    """An embedder for tests: a vector for fruit, one for code."""

    ref = "test:kinds"
    size = 2

    def embed(self, texts):
        return np.array([[float("apple" in text), float("apple" not in text)] for text in texts], np.float32).reshape(
            -1, 2
        )


def test_rows_are_sampled_across_arrays():
    texts = [f"apple {n}" if n % 3 else f"code {n}" for n in range(90)]
    arrays = [pa.array(texts[:40]), pa.array([], pa.string()), pa.array(texts[40:41]), pa.array(texts[41:])]
    items = list(map_rows(arrays, 90, Kinds(), budget=30, clusters=2))
    assert all(isinstance(item, Progress) for item in items[:-1])
    found = items[-1]
    assert [point.row for point in found.points] == sample_rows(90, 30).tolist()
    kinds = {point.row: found.clusters[point.cluster].keywords[0] for point in found.points}
    assert all(kind == ("apple" if row % 3 else "code") for row, kind in kinds.items())


def test_no_rows_and_one_row():
    assert list(map_rows([], 0, Kinds()))[-1] == Landscape([], [], 0, (0.0, 0.0))
    found = list(map_rows([pa.array([None], pa.string())], 1, Kinds()))[-1]
    assert [(each.size, each.keywords, each.representatives) for each in found.clusters] == [(1, [], [0])]
