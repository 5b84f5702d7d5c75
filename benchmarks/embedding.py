"""Our MiniLM against `transformers`: the same vectors, and rows per processor second of whole processes.

    python -m benchmarks.embedding [rows.jsonl]

Without an argument the rows are GSM8K test questions from `../shared/data`, and else paragraphs of this repository.
"""

import json
import os
import pickle
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DATA = ROOT.parent / "shared" / "data" / "instruct" / "gsm8k" / "test.jsonl"
ROWS = 600


def rows(arguments: list[str]) -> list[str]:
    path = Path(arguments[0]) if arguments else DATA
    if path.exists():
        return [" ".join(map(str, json.loads(line).values())) for line in path.read_text().splitlines()[:ROWS]]
    parts = [part for file in sorted(ROOT.glob("shared/*.py")) for part in file.read_text().split("\n\n")]
    return [part for part in parts if len(part) > 80][:ROWS]


def run_ours(texts: list[str], out: Path) -> None:
    from shared.embedding import MiniLM

    out.write_bytes(pickle.dumps(MiniLM().embed(texts)))


def run_theirs(texts: list[str], out: Path) -> None:
    import torch
    from transformers import AutoModel, AutoTokenizer

    from shared.embedding import minilm_folder

    model, tokenizer = AutoModel.from_pretrained(minilm_folder()).eval(), AutoTokenizer.from_pretrained(minilm_folder())
    vectors = []
    with torch.inference_mode():
        for start in range(0, len(texts), 32):
            batch = tokenizer(
                texts[start : start + 32], padding=True, truncation=True, max_length=256, return_tensors="pt"
            )
            mask = batch["attention_mask"][:, :, None].float()
            pooled = (model(**batch).last_hidden_state * mask).sum(1) / mask.sum(1)
            vectors.append(torch.nn.functional.normalize(pooled, dim=1))
    out.write_bytes(pickle.dumps(torch.cat(vectors).numpy()))


def measure(role: str, file: Path, out: Path) -> float:
    """Processor seconds of a fresh process."""
    # One thread each: waiting threads of OpenMP spin, and would count as work.
    environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.embedding", role, file, out], env=environment, cwd=ROOT
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{role} failed")
    return usage.ru_utime + usage.ru_stime


def main(arguments: list[str]) -> None:
    texts = rows(arguments)
    with tempfile.TemporaryDirectory() as folder:
        file, ours, theirs = (Path(folder, name) for name in ("rows", "ours", "theirs"))
        file.write_bytes(pickle.dumps(texts))
        mine, peer = measure("run_ours", file, ours), measure("run_theirs", file, theirs)
        cosine = (pickle.loads(ours.read_bytes()) * pickle.loads(theirs.read_bytes())).sum(1)
    print(
        f"{len(texts)} rows: ours {mine:.1f} cpu-s ({len(texts) / mine:.1f} rows/cpu-s), transformers {peer:.1f} cpu-s"
    )
    print(f"ratio {peer / mine:.2f}, smallest cosine between the two {cosine.min():.7f}")


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1].startswith("run_"):
        globals()[sys.argv[1]](pickle.loads(Path(sys.argv[2]).read_bytes()), Path(sys.argv[3]))
    else:
        main(sys.argv[1:])
