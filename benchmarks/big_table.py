"""A Parquet file of 5 million rows: open, page, filter, count and sort it under 1 GB, beside plain DuckDB and pandas.

    python -m benchmarks.big_table [rows]

The file is made in a temporary folder first. Each contender is a process of its own, so that its peak memory is its own;
the Dataset Explorer's includes the process in which the SQL query runs. Ratios are theirs divided by ours.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROWS, GROUP, COUNT = 5_000_000, 16_384, 20
NEEDLE, LABEL = "word77", "beta"


def build(path: Path, rows: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema({"id": pa.int64(), "text": pa.string(), "score": pa.float64(), "label": pa.string()})
    labels = ["alpha", "beta", "gamma", "delta"]
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as writer:
        for start in range(0, rows, GROUP):
            ids = range(start, min(start + GROUP, rows))
            texts = [
                f"Row {i} tells of word{i % 9973} and of {i * 2654435761 % 2**32:x} {i * 40503 % 65521:x}" for i in ids
            ]
            scores = [i * 7919 % 1_000_003 / 1000 for i in ids]
            columns = {"id": list(ids), "text": texts, "score": scores, "label": [labels[i % 4] for i in ids]}
            writer.write_batch(pa.record_batch(columns, schema))


def ours(path: Path, rows: int) -> dict[str, Callable[[], object]]:
    from apps.dataset_explorer import table
    from shared.datasets.dataset import Dataset
    from shared.shapes import shape

    names = ["id", "text", "score", "label"]
    dataset = Dataset("local:big@0", "big", rows, names, dict.fromkeys(names, ""), shape(names, []), path=path)

    def numbers(**asked: object) -> object:
        page = table.page(dataset, **{"count": COUNT, **asked})
        return page.numbers, page.total

    return {
        "open, and page, start": lambda: numbers(start=0)[0],
        "SQL: group and average": lambda: sorted(
            table.query(dataset, "SELECT label, count(*), round(avg(score), 3) FROM data GROUP BY label").rows
        ),
        "page, middle": lambda: numbers(start=rows // 2)[0],
        "page, end": lambda: numbers(start=rows - COUNT)[0],
        "filter by text, and count": lambda: numbers(column="text", test="contains", value=NEEDLE),
        "filter by label, and count": lambda: numbers(column="label", test="equals", value=LABEL),
        "sort by number": lambda: numbers(order="score", descending=True)[0],
        "sort by number, middle": lambda: numbers(order="score", start=rows // 2)[0],
        "sort by text, middle": lambda: numbers(order="text", start=rows // 2)[0],
    }


def plain_duckdb(path: Path, rows: int) -> dict[str, Callable[[], object]]:
    import duckdb

    connection = duckdb.connect(config={"threads": 2})
    source = f"read_parquet('{path}')"

    def page(sql: str) -> list[int]:
        return [row[0] for row in connection.execute(f"SELECT id, * FROM {source} {sql}").fetchall()]

    def counted(where: str) -> object:
        total = connection.execute(f"SELECT count(*) FROM {source} WHERE {where}").fetchall()[0][0]
        return page(f"WHERE {where} LIMIT {COUNT}"), total

    return {
        "open, and page, start": lambda: page(f"LIMIT {COUNT}"),
        "SQL: group and average": lambda: sorted(
            list(row)
            for row in connection.execute(
                f"SELECT label, count(*), round(avg(score), 3) FROM {source} GROUP BY label"
            ).fetchall()
        ),
        "page, middle": lambda: page(f"LIMIT {COUNT} OFFSET {rows // 2}"),
        "page, end": lambda: page(f"LIMIT {COUNT} OFFSET {rows - COUNT}"),
        "filter by text, and count": lambda: counted(f"contains(lower(text), '{NEEDLE}')"),
        "filter by label, and count": lambda: counted(f"label = '{LABEL}'"),
        "sort by number": lambda: page(f"ORDER BY score DESC, id LIMIT {COUNT}"),
        "sort by number, middle": lambda: page(f"ORDER BY score, id LIMIT {COUNT} OFFSET {rows // 2}"),
        "sort by text, middle": lambda: page(f"ORDER BY text, id LIMIT {COUNT} OFFSET {rows // 2}"),
    }


def pandas(path: Path, rows: int) -> dict[str, Callable[[], object]]:
    import pandas as pd

    held: dict[str, pd.DataFrame] = {}

    def opened() -> "pd.DataFrame":
        if not held:
            held["data"] = pd.read_parquet(path)
        return held["data"]

    def page(start: int) -> list[int]:
        return opened().iloc[start : start + COUNT]["id"].tolist()

    def where(mask: "pd.Series[bool]") -> object:
        return opened()[mask].head(COUNT)["id"].tolist(), int(mask.sum())

    def ordered(column: str, start: int = 0, ascending: bool = True) -> list[int]:
        found = opened().sort_values([column, "id"], ascending=[ascending, True])
        return found.iloc[start : start + COUNT]["id"].tolist()

    def grouped() -> object:
        found = opened().groupby("label")["score"].agg(["count", "mean"])
        return [[label, int(count), round(mean, 3)] for label, count, mean in found.itertuples()]

    return {
        "open, and page, start": lambda: page(0),
        "SQL: group and average": grouped,
        "page, middle": lambda: page(rows // 2),
        "page, end": lambda: page(rows - COUNT),
        "filter by text, and count": lambda: where(opened()["text"].str.lower().str.contains(NEEDLE, regex=False)),
        "filter by label, and count": lambda: where(opened()["label"] == LABEL),
        "sort by number": lambda: ordered("score", ascending=False),
        "sort by number, middle": lambda: ordered("score", rows // 2),
        "sort by text, middle": lambda: ordered("text", rows // 2),
    }


CONTENDERS = {"ours": ours, "duckdb": plain_duckdb, "pandas": pandas}


def run(name: str, path: Path, rows: int) -> None:
    """One contender: its imports count to its first step, as they do for a person who waits."""
    results = {}
    began = time.perf_counter()
    query = 0.0
    for step, action in CONTENDERS[name](path, rows).items():
        found = action()
        results[step] = (time.perf_counter() - began, json.loads(json.dumps(found)))
        # Linux counts the memory of the parent, at the time of the start, as the child's: look while it is small.
        query = query or resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        began = time.perf_counter()
    server = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"steps": results, "peaks": [server, query]}))


def compare(path: Path, rows: int) -> None:
    told = {}
    for name in CONTENDERS:
        asked = [sys.executable, "-m", "benchmarks.big_table", str(rows), "--as", name, "--file", str(path)]
        told[name] = json.loads(subprocess.run(asked, check=True, capture_output=True, text=True).stdout)
    print(f"{rows:,} rows, {path.stat().st_size / 2**20:,.0f} MiB\n")
    print(f"{'seconds':28}" + "".join(f"{name:>10}" for name in CONTENDERS) + f"{'duckdb/ours':>14}{'pandas/ours':>14}")
    for step, (mine, found) in told["ours"]["steps"].items():
        others = [told[name]["steps"][step] for name in ("duckdb", "pandas")]
        same = "" if all(other[1] == found for other in others) else "   DIFFERENT RESULTS"
        times = "".join(f"{seconds:10.3f}" for seconds in (mine, others[0][0], others[1][0]))
        print(f"{step:28}{times}" + "".join(f"{other[0] / mine:14.2f}" for other in others) + same)
    peaks = [sum(told[name]["peaks"]) for name in CONTENDERS]
    ratios = "".join(f"{peak / peaks[0]:14.2f}" for peak in peaks[1:])
    print(f"{'peak memory, MiB':28}" + "".join(f"{peak:10,.0f}" for peak in peaks) + ratios)
    server, query = told["ours"]["peaks"]
    print(f"\nOurs: {server:,.0f} MiB in the server, {query:,.0f} MiB in the query's process.")
    print(f"Under 1 GB: {'yes' if server + query < 1000 else 'NO'}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="?", type=int, default=ROWS)
    parser.add_argument("--as", dest="name", choices=CONTENDERS, help=argparse.SUPPRESS)
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.name:
        run(asked.name, asked.file, asked.rows)
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "data.parquet"
        build(path, asked.rows)
        compare(path, asked.rows)


if __name__ == "__main__":
    main()
