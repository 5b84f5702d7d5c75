"""Keyword search against bm25s 0.3.16: processor time of whole processes to index and to ask, and equal scores.

    pip install --no-deps --target out/peers -r benchmarks/keyword_search.txt
    python -m benchmarks.keyword_search

Rows are GSM8K questions from `../shared/data` where that is, and else paragraphs of this repository; both sides get the
same words, which bm25s takes from a Python loop and we from the array at once.
"""

import json
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "out" / "peers"
DATA = ROOT.parent / "shared" / "data" / "instruct"
QUERIES = [
    "how many apples are left",
    "train speed miles per hour",
    "half of the eggs",
    "return the list",
    "discount price",
]
ROUNDS = 20


def rows() -> list[str]:
    files = [DATA / "gsm8k" / "train.jsonl", DATA / "gsm8k" / "test.jsonl", DATA / "math" / "test.json"]
    if DATA.exists():
        found = [json.loads(line) for file in files for line in file.read_text().splitlines()]
        texts = [" ".join(map(str, row.values())) for row in found]
    else:
        texts = [part for file in sorted(ROOT.glob("*/*.py")) for part in file.read_text().split("\n\n")]
    # bm25s counts pairs of Han characters into the length of a row, we do not: compare where there are none.
    return [text for text in texts if text.isascii()] * 2


def run_ours(texts: list[str], out: Path) -> None:
    from shared.search import KeywordIndex
    from shared.utf8 import arrow

    index = KeywordIndex.build([arrow(text.encode() for text in texts)])
    for _ in range(ROUNDS):
        found = [index.search(query, 10) for query in QUERIES]
    out.write_bytes(pickle.dumps([[hit.score for hit in each.hits] for each in found]))


def run_theirs(texts: list[str], out: Path) -> None:
    import bm25s

    from shared.text import words

    index = bm25s.BM25(method="lucene", k1=1.2, b=0.75)
    index.index([words(text) for text in texts], show_progress=False)
    for _ in range(ROUNDS):
        found = [index.retrieve([words(query)], k=10, show_progress=False)[1][0].tolist() for query in QUERIES]
    out.write_bytes(pickle.dumps(found))


def measure(role: str, file: Path, out: Path) -> float:
    """Processor seconds of a fresh process."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(PEERS)])}
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.keyword_search", role, file, out], env=environment, cwd=ROOT
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{role} failed")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    if not (PEERS / "bm25s").exists():
        raise SystemExit(f"bm25s is not in {PEERS}. {(__doc__ or '').splitlines()[2].strip()}")
    with tempfile.TemporaryDirectory() as folder:
        file, ours, theirs = (Path(folder, name) for name in ("rows", "ours", "theirs"))
        texts = rows()
        file.write_bytes(pickle.dumps(texts))
        mine, peer = measure("run_ours", file, ours), measure("run_theirs", file, theirs)
        pairs = zip(pickle.loads(ours.read_bytes()), pickle.loads(theirs.read_bytes()), strict=True)
        worst = max(abs(a - b) for one, two in pairs for a, b in zip(one, two, strict=True))
    print(f"{len(texts)} rows, {ROUNDS * len(QUERIES)} queries: ours {mine:.2f} cpu-s, bm25s {peer:.2f} cpu-s")
    print(f"ratio {peer / mine:.1f}, largest difference of a score {worst:.1e}")


if __name__ == "__main__":
    if len(sys.argv) == 4:
        globals()[sys.argv[1]](pickle.loads(Path(sys.argv[2]).read_bytes()), Path(sys.argv[3]))
    else:
        main()
