"""A map of a dataset: sampled rows as points of a plane, near when they are alike, in clusters with keywords.

Embeddings are projected by principal components, clustered by k-means with k-means++ seeds (Arthur and Vassilvitskii, SODA
2007) before the projection, and named by class-based TF-IDF (Grootendorst, arXiv:2203.05794). The same rows and seed give
the same map.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from apps.dataset_explorer.keywords import name_clusters
from shared.embedding import Embedder, EmbeddingCache, Vectors, embed
from shared.progress import Progress
from shared.utf8 import byte_rows

if TYPE_CHECKING:
    import pyarrow as pa

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

BUDGET = 2000
CLUSTERS = 8
_RESTARTS = 4
_ROUNDS = 60
_REPRESENTATIVES = 3


@dataclass(frozen=True)
class Point:
    """A row on the map.

    Attributes:
        row: The row, counted from 0.
        x: Its place along the direction in which rows differ most.
        y: Its place along the second such direction.
        cluster: Its cluster, as a place in the list of clusters.
    """

    row: int
    x: float
    y: float
    cluster: int


@dataclass(frozen=True)
class Cluster:
    """Rows that are alike.

    Attributes:
        size: How many rows of the sample.
        keywords: Words that are more frequent here than elsewhere, most telling first; at most 6.
        representatives: The rows nearest to its middle, at most 3, nearest first.
    """

    size: int
    keywords: list[str]
    representatives: list[int]


@dataclass(frozen=True)
class Landscape:
    """The map of a dataset.

    Attributes:
        points: The rows of the sample, in order.
        clusters: The largest first.
        rows: Rows of the whole dataset.
        explained: Shares of the variance of the embeddings that x and y show, each between 0 and 1.
    """

    points: list[Point]
    clusters: list[Cluster]
    rows: int
    explained: tuple[float, float]


def sample_rows(rows: int, budget: int = BUDGET, seed: int = 0) -> Ints:
    """Rows drawn without replacement, ascending; all of them when there are no more than the budget.

    Args:
        rows: How many rows there are.
        budget: At most so many.
        seed: Another seed draws other rows.
    """
    if rows <= budget:
        return np.arange(rows)
    return np.sort(np.random.default_rng(seed).permutation(rows)[:budget])


def project(vectors: Vectors) -> tuple[Floats, tuple[float, float]]:
    """The two principal components of vectors; the largest number in each direction is positive, so that maps compare.

    Args:
        vectors: Shape (rows, size).

    Returns:
        Coordinates, shape (rows, 2), and the share of the variance that each of them shows.
    """
    if not len(vectors):
        return np.zeros((0, 2)), (0.0, 0.0)
    centred = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    spread, directions = np.linalg.eigh(centred.T @ centred)
    spread, directions = np.maximum(spread[::-1], 0), directions[:, ::-1][:, :2]
    directions = directions * np.sign(directions[np.abs(directions).argmax(axis=0), [0, 1]])
    # Rounding leaves a trace of variance in rows that are all equal.
    if spread[0] < 1e-9 * len(vectors):
        return np.zeros((len(vectors), 2)), (0.0, 0.0)
    return centred @ directions, (float(spread[0] / spread.sum()), float(spread[1] / spread.sum()))


def find_clusters(vectors: Vectors, clusters: int = CLUSTERS, seed: int = 0) -> tuple[Ints, Floats]:
    """The best of four runs of k-means.

    Args:
        vectors: Shape (rows, size).
        clusters: How many clusters; fewer when there are fewer different rows.
        seed: Where the runs start.

    Returns:
        The cluster of each row, shape (rows,), the largest cluster being 0 (and of equal ones the one with the lowest row),
        and the clusters' middles, shape (clusters, size).
    """
    points = vectors.astype(np.float64)
    wanted = min(clusters, len(np.unique(vectors.round(5), axis=0)))
    if not wanted:
        return np.zeros(0, np.int64), np.zeros((0, vectors.shape[1]))
    draw = np.random.default_rng(seed)
    runs = [_settle(points, _seeds(points, wanted, draw)) for _ in range(_RESTARTS)]
    labels, middles, _ = min(runs, key=lambda run: run[2])
    order = sorted(set(labels.tolist()), key=lambda each: (-(labels == each).sum(), np.argmax(labels == each)))
    number = np.zeros(wanted, np.int64)
    number[order] = np.arange(len(order))
    return number[labels], middles[order]


def _distances(points: Floats, middles: Floats) -> Floats:
    """Squared distances. Shape (points, middles)."""
    found: Floats = (points**2).sum(1)[:, None] - 2 * points @ middles.T + (middles**2).sum(1)
    return np.maximum(found, 0)


def _seeds(points: Floats, wanted: int, draw: np.random.Generator) -> Floats:
    """Starting middles: each next one is drawn with a chance that grows with its distance from those before."""
    chosen = [int(draw.integers(len(points)))]
    nearest = _distances(points, points[chosen])[:, 0]
    while len(chosen) < wanted:
        nearest[nearest < 1e-9] = 0
        total = nearest.sum()
        chosen.append(int(np.searchsorted(np.cumsum(nearest), draw.random() * total, side="right")) if total else 0)
        nearest = np.minimum(nearest, _distances(points, points[chosen[-1:]])[:, 0])
    return points[chosen]


def _settle(points: Floats, middles: Floats) -> tuple[Ints, Floats, float]:
    """Lloyd's rounds until nothing moves: labels, middles, and the sum of squared distances."""
    labels = np.full(len(points), -1)
    for _ in range(_ROUNDS):
        distances = _distances(points, middles)
        moved = distances.argmin(axis=1)
        if np.array_equal(moved, labels):
            break
        labels = moved
        counts = np.bincount(labels, minlength=len(middles))
        sums = np.zeros_like(middles)
        np.add.at(sums, labels, points)
        middles = np.where(counts[:, None] > 0, sums / np.maximum(counts, 1)[:, None], middles)
    return labels, middles, float(_distances(points, middles)[np.arange(len(points)), labels].sum())


def draw_landscape(
    numbers: Sequence[int], texts: Sequence[str], vectors: Vectors, rows: int, clusters: int = CLUSTERS, seed: int = 0
) -> Landscape:
    """The map of rows whose embeddings are known.

    Args:
        numbers: The number of each row of the sample in the dataset.
        texts: Their texts.
        vectors: Their embeddings, shape (rows of the sample, size).
        rows: Rows of the whole dataset.
        clusters: How many clusters; fewer when there are fewer different rows.
        seed: Where k-means starts.
    """
    places, explained = project(vectors)
    labels, middles = find_clusters(vectors, clusters, seed)
    keywords = name_clusters(texts, labels.tolist(), len(middles))
    nearness = -_distances(vectors.astype(np.float64), middles)
    found = []
    for each in range(len(middles)):
        members = np.flatnonzero(labels == each)
        best = members[np.lexsort((members, -nearness[members, each]))][:_REPRESENTATIVES]
        found.append(Cluster(len(members), keywords[each], [int(numbers[place]) for place in best]))
    points = [
        Point(int(number), float(x), float(y), int(label))
        for number, (x, y), label in zip(numbers, places, labels, strict=True)
    ]
    return Landscape(points, found, rows, explained)


def map_rows(
    texts: "Iterable[pa.StringArray]",
    rows: int,
    embedder: Embedder,
    cache: EmbeddingCache | None = None,
    budget: int = BUDGET,
    clusters: int = CLUSTERS,
    seed: int = 0,
) -> Iterator[Progress | Landscape]:
    """Sample a dataset, embed the sample, and draw its map.

    Args:
        texts: Arrays of rows, such as `Dataset.texts` yields.
        rows: How many rows there are.
        embedder: What turns texts into vectors.
        cache: Where vectors are kept; None keeps none.
        budget: At most so many rows are embedded.
        clusters: How many clusters; fewer when there are fewer different rows.
        seed: Another seed draws another sample.

    Returns:
        Progress while rows are embedded; at last the map.
    """
    numbers = sample_rows(rows, budget, seed)
    chosen = list(_pick(texts, numbers))
    for item in embed(chosen, embedder, cache, "Embedding rows"):
        if isinstance(item, Progress):
            yield item
        else:
            yield draw_landscape(numbers.tolist(), chosen, item, rows, clusters, seed)


def _pick(texts: "Iterable[pa.StringArray]", numbers: Ints) -> Iterator[str]:
    """The texts of the rows with these ascending numbers."""
    first = 0
    for array in texts:
        low, high = np.searchsorted(numbers, (first, first + len(array)))
        some = array.take((numbers[low:high] - first).tolist()) if high > low else array.slice(0, 0)
        yield from (row.decode("utf-8", "replace") for row in byte_rows(some))
        first += len(array)
