"""The full report on 50,000 rows without embeddings: wall time, processor time and peak memory of all processes together.

    python -m benchmarks.report [rows]

The rows are those of `../shared/data/instruct` where that is (longer ones first come round again until there are enough), and
otherwise made up. Bar: less than 10 s and 1 GB on two idle cores. It is run with as many workers as the product chooses, and
with one process alone; both give the same report, and the ratio between them says what the workers are worth.
"""

import json
import random
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data" / "instruct"
ROWS = 50_000
SUFFIXES = (".jsonl", ".json", ".jsonl.gz")
NOUNS = [
    "apple",
    "river",
    "number",
    "teacher",
    "数字",
    "value",
    "answer",
    "engine",
    "story",
    "Wert",
    "niño",
    "город",
    "table",
]


def rows(count: int) -> list[dict[str, str]]:
    from benchmarks.quality_table import read

    files = sorted(path for path in DATA.rglob("*") if path.name.endswith(SUFFIXES)) if DATA.is_dir() else []
    texts = [text for file in files for text in read(file)]
    dice = random.Random(0)
    while len(texts) < count and not files:
        sentences = (" ".join(dice.choices(NOUNS, k=dice.randint(4, 14))) for _ in range(dice.randint(1, 12)))
        texts.append(". ".join(sentences) + f" {dice.random()}.")
    dice.shuffle(texts)
    texts = (texts * (1 + count // max(1, len(texts))))[:count]
    halves = ((text[: len(text) // 3], text[len(text) // 3 :]) for text in texts)
    return [{"question": one, "answer": two} for one, two in halves]


def make(folder: Path, count: int) -> str:
    """Load the rows into a workspace, and say their ref."""
    from apps.dataset_explorer.survey import portions
    from shared.datasets.dataset import Dataset
    from shared.datasets.ingest import ingest
    from shared.store import Store

    source = folder / "rows.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows(count)), encoding="utf-8")
    store = Store(folder / "home")
    *_, dataset = ingest(store, source, "rows")
    assert isinstance(dataset, Dataset)
    size = sum(batch.nbytes for _, batch in portions(dataset))
    print(f"{dataset.rows} rows, {size / 1e6:.1f} MB")
    store.close()
    return dataset.ref


def look(home: str, ref: str, workers: int) -> None:
    """What one measured process does."""
    from apps.dataset_explorer.portrait import Questions
    from apps.dataset_explorer.report import describe, numbers
    from apps.dataset_explorer.survey import choose_workers, survey
    from shared.datasets.dataset import open_dataset
    from shared.store import Store

    asked = Questions()
    dataset = open_dataset(Store(Path(home)), ref)
    *_, portrait = survey(dataset, asked, workers)
    found = numbers(describe(dataset, portrait, asked, "", 2048))
    print(json.dumps({"workers": workers or choose_workers(dataset), "numbers": found}))


class Meter(threading.Thread):
    """Adds up what a process and its children use, ten times a second; memory shared between them counts once."""

    def __init__(self, process: int) -> None:
        super().__init__(daemon=True)
        self.process, self.peak, self.seconds, self.over = psutil.Process(process), 0.0, {}, False

    def run(self) -> None:
        """Look until `over`."""
        while not self.over:
            total = 0
            try:
                family = [self.process, *self.process.children(recursive=True)]
            except psutil.NoSuchProcess:
                return
            for each in family:
                try:
                    total += each.memory_info().rss
                    used = each.cpu_times()
                    self.seconds[each.pid] = used.user + used.system
                except psutil.NoSuchProcess:
                    continue
            self.peak = max(self.peak, total / 1e6)
            time.sleep(0.05)


def measure(home: Path, ref: str, workers: int) -> dict[str, float]:
    begun = time.perf_counter()
    command = [sys.executable, "-m", "benchmarks.report", "look", str(home), ref, str(workers)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    meter = Meter(process.pid)
    meter.start()
    answer = json.loads(process.communicate()[0])
    meter.over = True
    wall, cpu = time.perf_counter() - begun, sum(meter.seconds.values())
    print(
        f"  {answer['workers']} process(es) for the rows: wall {wall:.1f} s, processors {cpu:.1f} s, "
        f"peak {meter.peak:.0f} MB (resident sets added up), load {psutil.getloadavg()[0]:.1f}"
    )
    return answer["numbers"] | {"wall": wall}


def main(count: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ref = make(Path(folder), count)
        several = measure(Path(folder) / "home", ref, 0)
        alone = measure(Path(folder) / "home", ref, 1)
        print(f"  ratio {alone.pop('wall') / several.pop('wall'):.2f}; the same report: {several == alone}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["look"]:
        look(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else ROWS)
