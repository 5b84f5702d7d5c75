"""The quality table against datatrove 0.10.1: processor time of whole processes, and equal verdicts on equal words.

    pip install --no-deps --target out/peers -r benchmarks/quality_table.txt
    python -m benchmarks.quality_table [rows.jsonl | folder ...]

Without arguments the rows come from `../shared/data` where that is, and else from this repository's own text files.
"""

import gzip
import json
import os
import pickle
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PEERS = ROOT / "out" / "peers"
DATA = ROOT.parent / "shared" / "data"
SHORT_ROWS, LONG_ROWS, LONG_CHARACTERS = 30_000, 4_000, 1_500
SUFFIXES = (".jsonl", ".json", ".jsonl.gz", ".jsonl.zst")
# Rules in the order in which datatrove's filters ask them, with the reasons it gives.
ORDER = {
    "GopherRepetitionFilter": [
        ("gopher_duplicate_paragraphs", "dup_para_frac"),
        ("gopher_duplicate_paragraph_characters", "dup_para_char_frac"),
        ("gopher_duplicate_lines", "dup_line_frac"),
        ("gopher_duplicate_line_characters", "dup_line_char_frac"),
        *((f"gopher_top_{n}_gram", f"top_{n}_gram") for n in (2, 3, 4)),
        *((f"gopher_repeated_{n}_grams", f"duplicated_{n}_n_grams") for n in range(5, 11)),
    ],
    "GopherQualityFilter": [
        ("gopher_words", "gopher_short_doc gopher_long_doc"),
        ("gopher_word_length", "gopher_below_avg_threshold gopher_above_avg_threshold"),
        ("gopher_hashes", "gopher_too_many_hashes"),
        ("gopher_ellipses", "gopher_too_many_ellipsis"),
        ("gopher_bullet_lines", "gopher_too_many_bullets"),
        ("gopher_ellipsis_lines", "gopher_too_many_end_ellipsis"),
        ("gopher_alphabetic_words", "gopher_below_alpha_threshold"),
        ("gopher_stop_words", "gopher_enough_stop_words"),
    ],
    # The first of two faults on different lines is C4's reason, so reasons are compared as a set.
    "C4QualityFilter": [
        ("c4_lorem_ipsum", "lorem_ipsum curly_bracket"),
        ("c4_curly_brackets", "lorem_ipsum curly_bracket"),
        ("c4_sentences", "too_few_sentences"),
    ],
    "FineWebQualityFilter": [
        ("fineweb_punctuated_lines", "line_punct_ratio empty"),
        ("fineweb_short_lines", "short_line_ratio"),
        ("fineweb_duplicate_characters", "char_dup_ratio"),
        ("fineweb_line_feeds", "list_ratio"),
    ],
}


def read(path: Path) -> Iterator[str]:
    """Rows of a JSON or JSON Lines file: all values of a row joined by a space."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    if path.suffix == ".zst":
        import zstandard

        content = zstandard.ZstdDecompressor().stream_reader(content).read()
    text = content.decode()
    try:
        rows = json.loads(text)
    except ValueError:
        rows = [json.loads(line) for line in text.split("\n") if line.strip()]
    for row in rows if isinstance(rows, list) else [rows]:
        yield " ".join(leaves(row))


def leaves(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        for each in value:
            yield from leaves(each)
    elif value is not None:
        yield str(value)


def corpora(arguments: list[str]) -> dict[str, list[str]]:
    """Rows to measure: whatever is short, and whatever is long."""
    places = [Path(each) for each in arguments] or ([DATA / "instruct", DATA / "corpus"] if DATA.exists() else [])
    files = [file for place in places for file in (sorted(place.rglob("*")) if place.is_dir() else [place])]
    rows = [row for file in files if file.name.endswith(SUFFIXES) for row in read(file)]
    if not rows:
        sources = [path.read_text() for path in sorted(ROOT.rglob("*.py")) if ".venv" not in path.parts]
        rows = [part for text in sources for part in (text, *text.split("\n\n"))]
    random.Random(0).shuffle(rows)
    long = [row for row in rows if len(row) > LONG_CHARACTERS]
    return {
        "short rows": [row for row in rows if len(row) <= LONG_CHARACTERS][:SHORT_ROWS],
        "long rows": long[:LONG_ROWS],
    }


def run_ours(rows: list[str], out: Path) -> None:
    import pyarrow as pa

    from apps.dataset_explorer import quality

    table = quality.measure(pa.array(rows))
    out.write_bytes(pickle.dumps(quality.verdicts(table, "web").tally()))


def run_ours_as_theirs(rows: list[str], out: Path) -> None:
    from apps.dataset_explorer import quality

    table = quality.measure(rows, once="count", coverage="greedy", script="english")
    broken = quality.verdicts(table, "web").broken
    out.write_bytes(pickle.dumps({name: broken[name].tolist() for pairs in ORDER.values() for name, _ in pairs}))


def run_theirs(rows: list[str], out: Path) -> None:
    from datatrove.data import Document
    from datatrove.pipeline import filters

    asked = [getattr(filters, name)() for name in ORDER]
    # C4's filter rewrites the text of what it keeps: a fresh document for each filter.
    found = [[reason(each.filter, Document(text=row, id="")) for each in asked] for row in rows]
    out.write_bytes(pickle.dumps(found))


def run_theirs_on_our_words(rows: list[str], out: Path) -> None:
    import datatrove.utils.word_tokenizers as tokenizers
    import regex

    from apps.dataset_explorer.c4 import count_sentences

    pattern = regex.compile(
        r"(?V1)[\p{Han}\p{Hiragana}\p{Katakana}]|[[\p{L}\p{M}\p{N}_]--[\p{Han}\p{Hiragana}\p{Katakana}]]+"
    )

    class Ours:
        def word_tokenize(self, text: str) -> list[str]:
            return pattern.findall(text)

        def span_tokenize(self, text: str) -> list[tuple[int, int]]:
            return [(0, 0)] * count_sentences(text)

    tokenizers.load_word_tokenizer = lambda _: Ours()
    run_theirs(rows, out)


def reason(ask: Callable[[Any], Any], document: Any) -> str:
    """Why datatrove drops a row; "" when it keeps it, "error" when it fails (it divides by the number of words)."""
    try:
        kept = ask(document)
    except ZeroDivisionError:
        return "error"
    return "" if kept is True else kept[1]


def measure(role: str, rows: Path, out: Path) -> tuple[float, float]:
    """Processor seconds and peak megabytes of a fresh process that plays one role."""
    before = time.perf_counter()
    path = os.pathsep.join([str(ROOT), str(PEERS)]) if "theirs" in role and role != "run_ours_as_theirs" else str(ROOT)
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.quality_table", role, str(rows), str(out)],
        env=os.environ | {"PYTHONPATH": path},
        cwd=ROOT,
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{role} failed after {time.perf_counter() - before:.0f} s")
    return usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def compare(rows: list[str], ours: dict[str, list[bool]], theirs: list[list[str]]) -> None:
    """Print how many verdicts and reasons agree, and every kind of disagreement."""
    for number, (name, pairs) in enumerate(ORDER.items()):
        equal = same = 0
        odd: dict[str, list[int]] = {}
        for row in range(len(rows)):
            first = next((reasons for rule, reasons in pairs if ours[rule][row]), "")
            other = theirs[row][number]
            equal += bool(first) == bool(other)
            same += bool(first) == bool(other) and (not other or other in first.split())
            if bool(first) != bool(other) or (other and other not in first.split()):
                odd.setdefault(f"ours '{first}', datatrove '{other}'", []).append(row)
        print(f"  {name:24} verdicts equal {equal}/{len(rows)}, first reasons equal {same}/{len(rows)}")
        for what, where in odd.items():
            print(f"    {len(where)} x {what}, e.g. {rows[where[0]][:60]!r}")


def main(arguments: list[str]) -> None:
    if not (PEERS / "datatrove").exists():
        raise SystemExit(f"datatrove is not in {PEERS}. {(__doc__ or '').split(chr(10))[2].strip()}")
    with tempfile.TemporaryDirectory() as folder:
        rows, out = Path(folder, "rows"), Path(folder, "out")
        for name, texts in corpora(arguments).items():
            rows.write_bytes(pickle.dumps(texts))
            print(f"{name}: {len(texts)}, {sum(map(len, texts)) / 1e6:.1f} million characters")
            seconds, memory = measure("run_ours", rows, out)
            peer, much = measure("run_theirs", rows, out)
            shipped = pickle.loads(out.read_bytes())
            print(
                f"  ours {seconds:.2f} cpu-s ({memory:.0f} MB), datatrove as shipped {peer:.2f} cpu-s ({much:.0f} MB)"
            )
            print(f"  ratio {peer / seconds:.1f} (bar: 20)")
            peer, _ = measure("run_theirs_on_our_words", rows, out)
            theirs = pickle.loads(out.read_bytes())
            seconds, _ = measure("run_ours_as_theirs", rows, out)
            ours = pickle.loads(out.read_bytes())
            print(
                f"  same words and n-gram rules: ours {seconds:.2f}, datatrove {peer:.2f} cpu-s: {peer / seconds:.1f}"
            )
            compare(texts, ours, theirs)
            drift = sum(
                bool(a) != bool(b)
                for old, new in zip(shipped, theirs, strict=True)
                for a, b in zip(old, new, strict=True)
            )
            print(
                f"  its own verdicts that change with our words instead of spaCy's: {drift}/{len(texts) * len(ORDER)}"
            )


if __name__ == "__main__":
    if len(sys.argv) == 4 and sys.argv[1].startswith("run_"):
        globals()[sys.argv[1]](pickle.loads(Path(sys.argv[2]).read_bytes()), Path(sys.argv[3]))
    else:
        main(sys.argv[1:])
