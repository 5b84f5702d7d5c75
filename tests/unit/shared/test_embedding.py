import random
import sqlite3
import threading

import numpy as np
import pytest

from shared.embedding import EmbeddingCache, MiniLM, embed, minilm, minilm_folder
from shared.progress import Progress

TEXTS = [
    "A man is eating food.",
    "Someone has a meal.",
    "The stock market fell by three percent on Monday.",
    "",
    "我喜欢吃苹果。",
    "مرحبا بالعالم",
    "e\u0301clair 😀 \ud800 half a pair",
    "def add(a, b):\n    return a + b",
]


class Letters:
    """An embedder for tests: how often each of four letters occurs."""

    ref = "test:letters"
    size = 4

    def __init__(self):
        self.seen = []

    def embed(self, texts):
        self.seen += texts
        return np.array([[text.count(letter) for letter in "abcd"] for text in texts], np.float32).reshape(-1, 4)


def last(items):
    return list(items)[-1]


def test_like_texts_are_near():
    vectors = minilm().embed(TEXTS)
    assert vectors.shape == (8, 384)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1)
    assert vectors[0] @ vectors[1] > 0.6 > 0.2 > vectors[0] @ vectors[2]


def test_vectors_of_the_reference_implementation():
    # Computed with transformers 5.23.0 and mean pooling, as the test below does.
    vectors = minilm().embed([TEXTS[0], TEXTS[4]])
    assert vectors[0, :5] == pytest.approx([0.03324, 0.00441, -0.00628, 0.04838, -0.1387], abs=1e-5)
    assert vectors[1, :5] == pytest.approx([0.01567, 0.10083, 0.02066, 0.04448, 0.03454], abs=1e-5)


@pytest.mark.slow
def test_the_same_vectors_as_the_reference_implementation():
    import torch
    from transformers import AutoModel, AutoTokenizer

    draw = random.Random(0)
    words = [
        "the",
        "of",
        "a",
        "cat",
        "runs",
        "42",
        "x+y=z",
        "我",
        "是",
        "größer",
        "import",
        "numpy",
        "naïve",
        "😀",
        ".",
        ",",
        "?",
    ]
    texts = [*TEXTS[:6], *(" ".join(draw.choices(words, k=draw.choice([1, 5, 30, 120, 400]))) for _ in range(44))]
    model, tokenizer = AutoModel.from_pretrained(minilm_folder()).eval(), AutoTokenizer.from_pretrained(minilm_folder())
    batch = tokenizer(texts, padding=True, truncation=True, max_length=256, return_tensors="pt")
    mask = batch["attention_mask"][:, :, None].float()
    with torch.inference_mode():
        pooled = (model(**batch).last_hidden_state * mask).sum(1) / mask.sum(1)
    reference = torch.nn.functional.normalize(pooled, dim=1).numpy()
    assert (minilm().embed(texts) * reference).sum(axis=1).min() > 0.99999


def test_without_one_dnn_the_vectors_are_the_same(monkeypatch):
    import torch

    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert MiniLM("cpu").embed(TEXTS) == pytest.approx(minilm().embed(TEXTS), abs=1e-5)


def test_no_texts_and_long_texts():
    assert minilm().embed([]).shape == (0, 384)
    long = "word " * 200_000
    assert minilm().embed([long])[0] == pytest.approx(minilm().embed([long[:3000]])[0], abs=1e-6)
    assert minilm().device in ("cpu", "cuda")
    assert minilm() is minilm()


def test_each_different_text_is_embedded_once(workspace):
    embedder, cache = Letters(), EmbeddingCache(workspace / "cache")
    items = list(embed(["aa", "b", "aa", ""], embedder, cache))
    assert items[-1].tolist() == [[2, 0, 0, 0], [0, 1, 0, 0], [2, 0, 0, 0], [0, 0, 0, 0]]
    assert sorted(embedder.seen) == ["", "aa", "b"]
    assert [(item.done, item.total) for item in items[:-1]] == [(0, 3), (3, 3)]
    again = Letters()
    assert last(embed(["b", "c"], again, cache)).tolist() == [[0, 1, 0, 0], [0, 0, 1, 0]]
    assert again.seen == ["c"]


def test_progress_says_how_long_it_takes():
    items = [
        item
        for item in embed([f"text {n}" for n in range(600)], Letters(), stage="Reading")
        if isinstance(item, Progress)
    ]
    assert [item.done for item in items] == [0, 256, 512, 600]
    assert {item.stage for item in items} == {"Reading"}
    assert items[0].eta_seconds is None
    assert items[-1].eta_seconds == 0


def test_nothing_to_embed(workspace):
    assert last(embed([], Letters(), EmbeddingCache(workspace))).shape == (0, 4)


def test_embedders_do_not_share_vectors(workspace):
    cache, one, two = EmbeddingCache(workspace), Letters(), Letters()
    two.ref = "test:others"
    cache.put(one, ["a"], one.embed(["a"]))
    assert cache.get(two, ["a"]) == {}
    assert cache.get(one, ["b", "a"])[1].tolist() == [1, 0, 0, 0]


def test_the_cache_may_be_deleted_or_torn_at_any_time(workspace):
    cache, embedder = EmbeddingCache(workspace / "cache"), Letters()
    cache.put(embedder, ["a"], embedder.embed(["a"]))
    (file,) = (workspace / "cache").glob("*.sqlite")
    for each in (workspace / "cache").iterdir():
        each.unlink()
    assert cache.get(embedder, ["a"]) == {}
    file.write_bytes(b"this is not a database" * 100)
    assert last(embed(["a"], embedder, cache)).tolist() == [[1, 0, 0, 0]]
    assert last(embed(["a"], embedder, cache)).tolist() == [[1, 0, 0, 0]]
    assert cache.get(embedder, ["a"])[0].tolist() == [1, 0, 0, 0]
    (workspace / "cache").rename(workspace / "gone")
    (workspace / "cache").write_text("a file where the folder was")
    assert last(embed(["a"], embedder, cache)).tolist() == [[1, 0, 0, 0]]


def test_a_vector_of_another_size_is_a_miss(workspace):
    cache, embedder = EmbeddingCache(workspace), Letters()
    cache.put(embedder, ["a"], np.zeros((1, 3), np.float32))
    assert cache.get(embedder, ["a"]) == {}


def test_threads_may_write_at_once(workspace):
    cache, embedder = EmbeddingCache(workspace), Letters()
    texts = [f"{'abcd'[number % 4]}{number}" for number in range(80)]
    vectors = embedder.embed(texts)
    threads = [
        threading.Thread(target=cache.put, args=(embedder, texts[start:], vectors[start:])) for start in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = cache.get(embedder, texts)
    assert np.array_equal([found[place] for place in range(80)], vectors)
    with sqlite3.connect(next(workspace.glob("*.sqlite"))) as file:
        assert file.execute("SELECT count(*) FROM vectors").fetchone() == (80,)
    file.close()
