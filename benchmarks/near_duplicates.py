r"""Near-duplicates: the CPU time of our exact join against datasketch and rensa, which estimate.

    python -m benchmarks.near_duplicates [--rounds 3] [--corpus short|long]

Each side is a process of its own that starts, imports what it needs, reads the same file of texts, and finds the rows
that have a near-duplicate at a Jaccard similarity of 0.7 over 5-word shingles. What counts is user plus system time of the
whole process, all threads together; the sides take turns, and each side's fastest round is its time. The claims: 50,000 short
rows in 1/10 of datasketch's time and 1/1.5 of rensa's, 20,000 documents of 2.4 kB in 1/4 and 1/1.2.

The peers get the cheapest shingling that plain Python has (`re.findall(r"\w+")`, `zip`, `join`; for Chinese that makes a
word of every clause, which is fast and wrong), their bulk functions, and 128 permutations. They are not part of the
environment; `make bench` fetches them: pip install --no-deps --target out/peers -r benchmarks/near_duplicates.txt

The texts are real ones where the data folder beside the repository is there, and else come from a generator.
"""

import json
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

ROOT = Path(__file__).resolve().parents[1]
DATA = ROOT.parent / "shared" / "data"
THRESHOLD = 0.7
CLAIMS = {"short": {"datasketch": 10.0, "rensa": 1.5}, "long": {"datasketch": 4.0, "rensa": 1.2}}
WORD = re.compile(r"\w+")


def ours(texts: list[str]) -> list[int]:
    """Rows in a group of near-duplicates, exactly."""
    sys.path.insert(0, str(ROOT))
    from apps.dataset_explorer.duplicates import find_duplicates

    return sorted(row for group in find_duplicates(texts, "near", THRESHOLD).groups for row in group)


def rensa(texts: list[str]) -> list[int]:
    """Rows that share a band of their R-MinHash signature with another."""
    from rensa import RMinHash, RMinHashLSH

    matrix = RMinHash.digest_matrix_from_token_sets([shingled(text) for text in texts], 128, 42)
    flags = RMinHashLSH(THRESHOLD, 128, 16).query_duplicate_flags_matrix_one_shot(matrix)
    return [row for row, flag in enumerate(flags) if flag]


def rensa_rho(texts: list[str]) -> list[int]:
    """As `rensa`, by its faster pipeline, which looks at a sample of the shingles only."""
    from rensa import RMinHash, RMinHashLSH

    matrix = RMinHash.digest_matrix_from_token_sets_rho([shingled(text) for text in texts], 128, 42)
    flags = RMinHashLSH(THRESHOLD, 128, 16).query_duplicate_flags_matrix_one_shot(matrix)
    return [row for row, flag in enumerate(flags) if flag]


def datasketch(texts: list[str]) -> list[int]:
    """Rows that the LSH index returns for each other."""
    from datasketch import MinHash, MinHashLSH

    sketches = MinHash.bulk(([shingle.encode() for shingle in shingled(text)] for text in texts), num_perm=128)
    index = MinHashLSH(threshold=THRESHOLD, num_perm=128)
    found = set()
    for row, sketch in enumerate(sketches):
        if earlier := index.query(sketch):
            found.update(earlier, (row,))
        index.insert(row, sketch)
    return sorted(found)


def shingled(text: str) -> list[str]:
    """The 5-word shingles of a text, as the peers want them."""
    words = WORD.findall(text.lower())
    if len(words) < 5:
        return [" ".join(words)] if words else []
    return list(map(" ".join, zip(words, words[1:], words[2:], words[3:], words[4:], strict=False)))


def real_texts() -> Iterator[str]:
    """Whole rows of every dataset in the data folder: column values joined by one space."""
    import gzip

    for path in sorted((DATA / "instruct").glob("*/*.json*")):
        if "similarity" in path.name:  # subsets of a file that is read already
            continue
        content = (gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()).decode()
        try:
            rows = json.loads(content)
        except ValueError:
            rows = [json.loads(line) for line in content.split("\n") if line.strip()]
        yield from map(leaves, rows)
    packed = DATA / "corpus" / "real.jsonl.zst"
    if packed.exists():
        import zstandard

        for line in zstandard.ZstdDecompressor().stream_reader(packed.read_bytes()).read().decode().split("\n"):
            if not line:
                continue
            yield leaves({**json.loads(line), "kind": "", "task": "", "lang": ""})


def leaves(value: Any) -> str:
    """A row as one text."""
    if isinstance(value, dict):
        return " ".join(map(leaves, value.values()))
    if isinstance(value, list):
        return " ".join(map(leaves, value))
    return "" if value is None else str(value)


def made_texts(count: int, chance: "random.Random") -> Iterator[str]:
    """Texts of words drawn by Zipf's law, of 60 to 4,000 characters."""
    parts = ["ka", "lo", "mi", "ten", "sur", "ed", "an", "rup", "vi", "on", "tes", "ma", "il", "qu", "ber", "st"]
    vocabulary = ["".join(chance.choices(parts, k=chance.randint(1, 4))) for _ in range(20_000)]
    weights = [1 / (rank + 2) for rank in range(len(vocabulary))]
    for _ in range(count):
        yield " ".join(chance.choices(vocabulary, weights, k=chance.choice([12, 30, 60, 120, 400])))


def cut(texts: list[str], size: int, chance: "random.Random") -> Iterator[str]:
    """Pieces of about `size` characters: shorter texts whole or joined to the next, longer ones parted between words."""
    for text in texts:
        begin = 0
        while begin < len(text):
            end = begin + max(size // 4, int(chance.gauss(size, size / 3)))
            blank = text.find(" ", end)
            end = blank if 0 <= blank < end + 100 else end
            yield text[begin:end]
            begin = end


def edited(text: str, chance: "random.Random") -> str:
    """The text with 1 to 15 % of its words changed, at least one: what real near-duplicates look like."""
    words = text.split(" ")
    for _ in range(max(1, int(len(words) * chance.choice([0.01, 0.03, 0.06, 0.1, 0.15])))):
        words[chance.randrange(len(words))] = chance.choice(["blue", "seven", "Maria", "often", "42", "river"])
    return " ".join(words)


def corpus(kind: str) -> tuple[list[str], str]:
    """50,000 short rows or 20,000 long documents, one in ten an edited copy of another; and where they are from."""
    import random

    chance = random.Random(7)
    count, size = (50_000, 480) if kind == "short" else (20_000, 2400)
    real = (DATA / "instruct").is_dir()
    texts = list(real_texts() if real else made_texts(70_000, chance))
    chance.shuffle(texts)
    texts = texts if kind == "short" else ["\n".join(texts)]
    rows = list(dict.fromkeys(cut(texts, size, chance)))
    chance.shuffle(rows)
    rows = rows[: count * 9 // 10]
    rows += [edited(chance.choice(rows), chance) for _ in range(count - len(rows))]
    chance.shuffle(rows)
    return rows, "real texts" if real else "made texts"


SIDES = {"ours": ours, "rensa": rensa, "rensa rho": rensa_rho, "datasketch": datasketch}


def measure(side: str, path: Path) -> tuple[float, set[int]]:
    """CPU seconds of one side's whole process, and the rows that it found."""
    answer = path.with_suffix(f".{side}")
    child = os.posix_spawn(
        sys.executable, [sys.executable, __file__, "--side", side, str(path), str(answer)], os.environ
    )
    _, status, usage = os.wait4(child, 0)
    if status:
        raise SystemExit(f"{side} failed: is it installed? See the head of {__file__}.")
    return usage.ru_utime + usage.ru_stime, set(json.loads(answer.read_text()))


def take_part(side: str, path: str, answer: str) -> None:
    """What a side's process does."""
    Path(answer).write_text(json.dumps(SIDES[side](json.loads(Path(path).read_text()))))


def compare(kind: str, rounds: int, folder: Path) -> bool:
    """Run all sides on one corpus in turns, and print the ratios; whether the claims hold."""
    rows, source = corpus(kind)
    path = folder / f"{kind}.json"
    path.write_text(json.dumps(rows))
    size = sum(len(row.encode()) for row in rows)
    print(f"\n{kind}: {len(rows):,} rows, {size / 1e6:.1f} MB of {source}")
    runs: dict[str, list[tuple[float, set[int]]]] = {side: [] for side in SIDES}
    for _ in range(rounds):
        for side, results in runs.items():
            results.append(measure(side, path))
    best = {side: min(seconds for seconds, _ in results) for side, results in runs.items()}
    exact, held = runs["ours"][0][1], True
    for side, results in runs.items():
        found = results[0][1]
        right, ratio, claim = len(found & exact), best[side] / best["ours"], CLAIMS[kind].get(side)
        held &= claim is None or ratio >= claim
        print(
            f"  {side:11s}{best[side]:7.2f} CPU s  x{ratio:5.2f} {f'(claim x{claim})' if claim else '':14s}"
            f"  rows found {len(found):6,}"
            f"  precision {right / max(1, len(found)):.3f}  recall {right / max(1, len(exact)):.3f}"
        )
    return held


def main() -> None:
    import argparse
    import tempfile

    parser = argparse.ArgumentParser(description="Near-duplicates: ours against datasketch and rensa.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--corpus", choices=["short", "long"], action="append")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        held = [compare(kind, given.rounds, Path(folder)) for kind in given.corpus or ("short", "long")]
    print("\nAll claims hold." if all(held) else "\nNot all claims hold.")
    raise SystemExit(0 if all(held) else 1)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--side"]:
        take_part(*sys.argv[2:])
    else:
        main()
