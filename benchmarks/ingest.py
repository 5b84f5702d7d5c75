"""Claims about reading files, each beside its peers in one run.

    python -m benchmarks.ingest [--rows 50000] [--line 200] [--parquet 5000000] [--folder out]

* A JSON Lines file of 50,000 rows (about 25 MB) is in the store and shows its first page after less than one second of one
  core, although every row is checked (duplicate keys, surrogates, depth, mixed types), hashed and made durable.
* A line of 200 MB is refused with its place, the rows around it are read, and memory stays bounded.
* A Parquet file of 5 million rows opens and pages under 1 GB, whether its row groups are small (it is read through once and
  copied) or large (it is written anew).

Each contender is a process of its own. Processor seconds and peak memory count from after its imports; `seconds` is the
clock. Ratios are theirs divided by ours.
"""

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

WORDS = [f"{a}{b}" for a in ("sto", "ra", "li", "men", "tu", "ver") for b in ("ne", "k", "ring", "sa", "tor", "p")]


def write_rows(path: Path, rows: int) -> None:
    """Instructions of about 520 bytes each, some columns missing now and then."""
    noise = random.Random(1)
    with path.open("w") as file:
        for number in range(rows):
            row: dict[str, object] = {
                "id": number,
                "instruction": " ".join(noise.choices(WORDS, k=14)),
                "input": " ".join(noise.choices(WORDS, k=noise.choice((0, 0, 12)))),
                "output": " ".join(noise.choices(WORDS, k=90)),
            }
            if number % 7 == 0:
                row["tags"] = noise.choices(WORDS, k=3)
            file.write(json.dumps(row) + "\n")


def write_conversations(path: Path, rows: int) -> None:
    noise = random.Random(2)
    with path.open("w") as file:
        for _ in range(rows):
            roles = ("user", "assistant", "user", "assistant")
            messages = [{"role": role, "content": " ".join(noise.choices(WORDS, k=22))} for role in roles]
            file.write(json.dumps({"messages": messages}) + "\n")


def write_line(path: Path, megabytes: int) -> None:
    with path.open("w") as file:
        file.write('{"text": "before"}\n{"text": "')
        for _ in range(megabytes):
            file.write("x" * 1_000_000)
        file.write('"}\n{"text": "after"}\n')


def write_parquet(path: Path, rows: int, group: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema({"id": pa.int64(), "text": pa.string(), "label": pa.string()})
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=1) as writer:
        for start in range(0, rows, group):
            ids = range(start, min(start + group, rows))
            texts = [f"Row {i} of {i * 2654435761 % 2**32:x} and {i * 40503 % 65521:x}" for i in ids]
            columns = {"id": list(ids), "text": texts, "label": [WORDS[i % 4] for i in ids]}
            writer.write_table(pa.table(columns, schema), row_group_size=group)


def ours(path: Path, folder: Path) -> Callable[[], object]:
    import pyarrow.compute
    import pyarrow.parquet  # noqa: F401 - not part of reading

    from shared.datasets.ingest import ingest
    from shared.store import Store

    store = Store(folder / "home")
    store.claim()

    def run() -> object:
        *_, dataset = ingest(store, path, "benchmark")
        page = dataset.page(0, 20)
        last = dataset.page(dataset.rows - 1, 1)
        return {"rows": dataset.rows, "refused": dataset.refused_rows, "page": len(page), "last": bool(last)}

    return run


def datasets_library(path: Path, folder: Path) -> Callable[[], object]:
    os.environ.update(
        HF_HUB_OFFLINE="1", HF_DATASETS_CACHE=str(folder / "cache"), HF_DATASETS_DISABLE_PROGRESS_BARS="1"
    )
    import datasets

    def run() -> object:
        found = datasets.load_dataset(
            path.suffix.strip(".").replace("jsonl", "json"), data_files=str(path), split="train"
        )
        return {
            "rows": len(found),
            "page": len(found[:20]["text" if "text" in found.column_names else found.column_names[0]]),
        }

    return run


def pyarrow_json(path: Path, folder: Path) -> Callable[[], object]:
    import pyarrow.json as reader

    def run() -> object:
        options = reader.ReadOptions(use_threads=False)
        table = reader.read_json(path, read_options=options)
        return {"rows": table.num_rows, "page": len(table.slice(0, 20).to_pylist())}

    return run


CONTENDERS = {"ours": ours, "datasets": datasets_library, "pyarrow.json": pyarrow_json}


def measure(contender: str, path: Path) -> None:
    """Run one contender in this process and print what it took."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        run = CONTENDERS[contender](path, Path(folder))
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        clock, processor = time.perf_counter(), time.process_time()
        try:
            result = run()
        except Exception as error:  # noqa: BLE001 - a peer that fails is a result
            result = {"failed": type(error).__name__}
        seconds, processor = time.perf_counter() - clock, time.process_time() - processor
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "processor": processor, "before": before, "after": after, "result": result}))


def compare(title: str, path: Path, contenders: list[str]) -> None:
    """Every contender in a process of its own, and ratios to ours."""
    print(f"\n{title} ({path.stat().st_size / 1e6:.1f} MB)")
    base = 0.0
    for contender in contenders:
        command = [sys.executable, "-m", "benchmarks.ingest", "--contender", contender, "--file", str(path)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(f"  {contender:13} died: {done.stderr.strip().splitlines()[-1:]}")
            continue
        found = json.loads(done.stdout.strip().splitlines()[-1])
        base = base or found["processor"]
        print(
            f"  {contender:13} {found['processor']:6.2f} s processor (x {found['processor'] / base:.1f}), "
            f"{found['seconds']:6.2f} s, peak {found['after'] / 1024:5.0f} MB "
            f"({(found['after'] - found['before']) / 1024:+.0f} MB), {json.dumps(found['result'])}"
        )


MAKERS: dict[str, Callable[[Path, int], None]] = {
    "rows": write_rows,
    "conversations": write_conversations,
    "line": write_line,
    "small-groups": lambda path, rows: write_parquet(path, rows, 16_384),
    "large-groups": lambda path, rows: write_parquet(path, rows, 1 << 20),
}


def made(what: str, path: Path, size: int) -> Path:
    """A file, made in a process of its own: a child begins with the peak memory of its parent."""
    command = [sys.executable, "-m", "benchmarks.ingest", "--make", what, "--file", str(path), "--size", str(size)]
    subprocess.run(command, check=True)
    return path


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rows", type=int, default=50_000)
    options.add_argument("--line", type=int, default=200, help="megabytes of the long line")
    options.add_argument("--parquet", type=int, default=5_000_000)
    options.add_argument("--folder", type=Path, help="where the files are made; a temporary folder by default")
    options.add_argument("--contender", help=argparse.SUPPRESS)
    options.add_argument("--make", help=argparse.SUPPRESS)
    options.add_argument("--file", type=Path, help=argparse.SUPPRESS)
    options.add_argument("--size", type=int, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.contender:
        measure(chosen.contender, chosen.file)
        return
    if chosen.make:
        MAKERS[chosen.make](chosen.file, chosen.size)
        return
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        folder, rows, parquet = Path(name), chosen.rows, chosen.parquet
        path = made("rows", folder / "rows.jsonl", rows)
        compare(f"{rows:,} instructions as JSON Lines: read, stored, first page", path, [*CONTENDERS])
        path = made("conversations", folder / "conversations.jsonl", rows)
        compare(f"{rows:,} conversations as JSON Lines", path, [*CONTENDERS])
        path = made("line", folder / "line.jsonl", chosen.line)
        compare(f"Two rows and a line of {chosen.line} MB between them", path, [*CONTENDERS])
        for what in ("small-groups", "large-groups"):
            path = made(what, folder / f"{what}.parquet", parquet)
            compare(f"{parquet:,} rows of Parquet, {what}", path, ["ours", "datasets"])


if __name__ == "__main__":
    main()
