"""The embedding map: the endpoint map."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field

from apps.dataset_explorer.keeping import keep
from apps.dataset_explorer.landscape import Cluster, Landscape, Point, map_rows
from shared.datasets.dataset import open_dataset
from shared.embedding import EmbeddingCache, minilm
from shared.policy import OWNER, Caller
from shared.progress import Progress
from shared.settings import Column
from shared.suite import suite


@dataclass(frozen=True)
class Mapped:
    """Rows of a dataset as points, where near ones mean the same.

    Attributes:
        points: Row, x, y and cluster of each row of the sample.
        clusters: Size, keywords and most typical rows of each cluster, the largest first.
        rows: Rows of the whole dataset.
        explained: Shares of the variance of the embeddings that x and y show, 0 to 1.
        record: Id of the record that draws the same map.
    """

    points: list[Point]
    clusters: list[Cluster]
    rows: int
    explained: tuple[float, float]
    record: str


def map(
    dataset: str,
    column: Column = "",
    sample: Annotated[int, Field(ge=2, le=20_000)] = 1000,
    clusters: Annotated[int, Field(ge=1, le=50)] = 8,
    seed: Annotated[int, Field(ge=0, le=2**53)] = 0,
    caller: Caller = OWNER,
) -> Iterator[Progress | Mapped]:
    """Draw rows as points by meaning: MiniLM embeddings, two principal components, k-means clusters with their keywords.

    Args:
        dataset: The ref that `load` returned.
        column: Whose text is looked at; empty looks at whole rows.
        sample: How many rows to draw at most; 1,000 take about half a minute the first time.
        clusters: How many groups to look for.
        seed: Which rows are drawn, and where the clusters start.
        caller: Who asks.

    Returns:
        Progress while rows are embedded; at last the map.

    Raises:
        PlaygroundError: The dataset or the column is unknown.
    """
    opened = open_dataset(suite().store_of(caller), dataset)
    cache = EmbeddingCache(suite().store_of(caller).home / "cache" / "embeddings")
    made: Landscape | None = None
    for item in map_rows(opened.texts(column), opened.rows, minilm(), cache, sample, clusters, seed):
        if isinstance(item, Progress):
            yield item
        else:
            made = item
    assert made is not None
    settings: dict[str, Any] = {
        "dataset": opened.ref,
        "column": column,
        "sample": sample,
        "clusters": clusters,
        "seed": seed,
    }
    results = {"points": len(made.points), "clusters": len(made.clusters), "explained": sum(made.explained)}
    record = keep("map", settings, results, caller, {"dataset": opened.ref})
    yield Mapped(made.points, made.clusters, made.rows, made.explained, record)
