"""How many tokens each row has, for any tokenizer, fast where a tokenizer looks at one word at a time.

BERT's tokenizers (MiniLM's is one) never join what white space or punctuation parts, and each sign of punctuation is one token:
so each different word is tokenized once and the rest is counting. Others, such as byte-level BPE, read whole rows.
"""

import json
import string
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from shared.embedding import MINILM, minilm_folder
from shared.errors import PlaygroundError
from shared.policy import Caller
from shared.refs import Ref, parse
from shared.suite import suite
from shared.text import LEAD, Bytes, Hashes, Places, Words, pieces, utf8

if TYPE_CHECKING:
    import pyarrow as pa

KNOWN = 1 << 20  # different words remembered; more are tokenized again
FILE = "tokenizer.json"
SPACE, SIGN = 1, 2
_KINDS = bytes(
    SPACE if chr(code) in " \t\r\n" else SIGN if chr(code) in string.punctuation else 0 for code in range(256)
)

Bools = NDArray[np.bool_]


class TokenCounter:
    """Counts the tokens of rows, without those that a model adds at both ends; nothing is cut off.

    Args:
        path: A `tokenizer.json`.

    Raises:
        PlaygroundError: The file is no tokenizer.
    """

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer

        facts = _read(path)
        self._tokenizer: Any = Tokenizer.from_file(str(path))
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._apart = _reads_words(facts)
        self._marks = [each["content"].encode() for each in facts["added_tokens"]]
        self._words: Hashes = np.zeros(0, np.uint64)
        self._counts: Places = np.zeros(0, np.int64)

    def count(self, texts: "pa.StringArray") -> Places:
        """Tokens of each row. Shape (rows,).

        Args:
            texts: Rows of text; a null is an empty row.
        """
        parts = [self._count(piece) for piece in pieces(texts)]
        return np.concatenate(parts) if parts else np.zeros(0, np.int64)

    def _count(self, texts: "pa.StringArray") -> Places:
        raw, bounds = utf8(texts)
        data = raw.tobytes()
        if not self._apart or any(mark in data for mark in self._marks):  # "[MASK]" is one token, and no punctuation
            return self._sizes([text or "" for text in texts.to_pylist()])
        kinds = np.frombuffer(data.translate(_KINDS), np.uint8)
        words = _split(raw, bounds, kinds == 0)
        signs = np.append(0, np.cumsum(kinds == SIGN))[bounds]
        codes, first, place = np.unique(words.hashes(), return_index=True, return_inverse=True)
        counts = self._recall(codes)
        new = np.flatnonzero(counts < 0)
        counts[new] = self._sizes([words.word(index).decode("utf-8", "replace") for index in first[new].tolist()])
        self._learn(codes[new], counts[new])
        total = np.append(0, np.cumsum(counts[place]))
        sums: Places = np.diff(total[words.rows]) + np.diff(signs)
        return sums

    def _sizes(self, texts: list[str]) -> Places:
        found = self._tokenizer.encode_batch_fast(texts, add_special_tokens=False)
        return np.fromiter((len(each) for each in found), np.int64, len(texts))

    def _recall(self, codes: Hashes) -> Places:
        """What is known about these words; -1 where nothing is."""
        if not self._words.size:
            return np.full(codes.size, -1, np.int64)
        place = np.minimum(np.searchsorted(self._words, codes), self._words.size - 1)
        return np.where(self._words[place] == codes, self._counts[place], -1)

    def _learn(self, codes: Hashes, counts: Places) -> None:
        if self._words.size + codes.size > KNOWN:
            return
        words, known = np.concatenate((self._words, codes)), np.concatenate((self._counts, counts))
        order = np.argsort(words)
        self._words, self._counts = words[order], known[order]


def _split(raw: Bytes, bounds: Places, kept: Bools) -> Words:
    """The runs of bytes that are kept, of every row."""
    data = np.zeros(2 * LEAD + raw.size + LEAD, np.uint8)
    data[LEAD : LEAD + raw.size] = raw
    inside = np.zeros(data.size, np.bool_)
    inside[LEAD : LEAD + raw.size] = kept
    edges = np.zeros(data.size, np.bool_)
    edges[1:] = inside[1:] != inside[:-1]
    borders = bounds[1:-1] + LEAD  # where one row ends and the next begins without a space
    borders = np.unique(borders[inside[borders - 1] & inside[borders]])
    places = np.sort(np.concatenate((np.flatnonzero(edges), borders, borders[~edges[borders]])))
    starts, ends = places[0::2], places[1::2]
    return Words(data, starts, ends, np.searchsorted(starts, bounds + LEAD).astype(np.int64))


def _read(path: Path) -> dict[str, Any]:
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        facts = None
    if not isinstance(facts, dict) or "model" not in facts or "added_tokens" not in facts:
        raise PlaygroundError(f"'{path.name}' of this model is no tokenizer that can be read. Fetch the model again.")
    return facts


def _reads_words(facts: dict[str, Any]) -> bool:
    """Whether the tokens of a text are those of its words and signs."""
    model, before = facts["model"], facts.get("pre_tokenizer") or {}
    if model.get("type") != "WordPiece" or before.get("type") != "BertPreTokenizer":
        return False
    return (facts.get("normalizer") or {}).get("type") in (None, "BertNormalizer")


@lru_cache(4)
def token_counter(file: str = "") -> TokenCounter:
    """What counts the tokens of a tokenizer; the same one for the same file, so that it remembers words.

    Args:
        file: Path of a `tokenizer.json`; empty is MiniLM's.

    Raises:
        PlaygroundError: It is no tokenizer.
    """
    return TokenCounter(Path(file or minilm_folder() / FILE))


def check_tokenizer(name: str, caller: Caller) -> None:
    """Refuse a tokenizer of a model that this caller may not use; whether it is here is not told then.

    Args:
        name: As for `tokenizer_file`.
        caller: Who asks.

    Raises:
        NotAllowed: It is the owner's.
        PlaygroundError: It is no name of one.
    """
    if name not in ("", MINILM):
        suite().models.visitors.check(_ref(name), caller)


def tokenizer_file(name: str = "") -> Path:
    """Where a tokenizer is.

    Args:
        name: Empty or "builtin:minilm" for MiniLM's; "local:name@sha" for that of a model in the workspace;
            "owner/name" or "hub:owner/name@commit" for one that was fetched from the Hub before. Nothing is fetched here.

    Raises:
        PlaygroundError: It is not there.
    """
    if name in ("", MINILM):
        return minilm_folder() / FILE
    ref = _ref(name)
    if ref.scheme == "local":
        path = suite().store.find(ref).path / FILE
        if path.is_file():
            return path
    elif ref.scheme == "hub":
        from huggingface_hub import try_to_load_from_cache

        found = try_to_load_from_cache(ref.name, FILE, revision=ref.revision or None)
        if isinstance(found, str):
            return Path(found)
    raise PlaygroundError(
        f"There is no tokenizer '{name[:100]}' on this machine. Leave the field empty for MiniLM's, or fetch the model first "
        "and name it as owner/name; nothing is fetched while a dataset is looked at."
    )


def _ref(name: str) -> Ref:
    return parse(name if ":" in name else f"hub:{name}")
