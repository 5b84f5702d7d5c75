"""`builtin:induction`: a two-layer GPT-2 with weights set by hand, so that what each head does is known exactly.

The circuit is the one that Elhage and others (2021) and Olsson and others (2022, arXiv:2209.11895) found in trained models:
one head carries each token's predecessor forward, the next one looks for places where the current token stood before and
copies what came after it.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

BOS, UNKNOWN = "<bos>", "<unk>"
LETTERS = tuple("abcdefghijklmnopqrstuvwxyz")
TOKENS = (BOS, UNKNOWN, *LETTERS)
"""Every token, in the order of its id: the beginning, what is no letter, and 26 letters with spaces between them."""

ROLES = {(0, 0): "previous token", (0, 1): "nothing", (1, 0): "induction", (1, 1): "nothing"}
"""What each head does, by (layer, head). A head that does nothing looks everywhere alike and writes zeros."""


@dataclass(frozen=True)
class Circuit:
    """The numbers that decide what the model does.

    Attributes:
        vocabulary: Tokens that it knows.
        context: Positions that it knows.
        previous: Attention logit of the previous token in the first layer; so high that all others get zero.
        match: Attention logit of a position whose previous token is the current token, in the second layer.
        out: How strongly a copied token counts in the result.
    """

    vocabulary: int = len(TOKENS)
    context: int = 48
    previous: float = 400.0
    match: float = 6.0
    out: float = 5.0

    @property
    def blocks(self) -> dict[str, int]:
        """Where each feature begins in the stream: the token, its position, the token before, the token foreseen."""
        v = self.vocabulary
        return {"token": 0, "position": v, "before": v + self.context, "foreseen": 2 * v + self.context}

    @property
    def half(self) -> int:
        """Features. Each stands in the stream twice, once with its sign turned, so that the mean stays 0."""
        return 3 * self.vocabulary + self.context

    @property
    def width(self) -> int:
        """Numbers that stand for one token in the stream."""
        return 2 * self.half

    def attention(self, tokens: list[int]) -> Floats:
        """Where the induction head looks, by its formula. Shape (tokens, tokens); rows sum to 1.

        With m matches among t + 1 visible positions, a match gets e^b / (m e^b + t + 1 - m).
        """
        ids = np.array(tokens)
        before = np.concatenate([ids[:1], ids[:-1]])  # the first position sees only itself
        scores = np.where(ids[:, None] == before[None, :], math.exp(self.match), 1.0)
        visible = np.tril(scores)
        found: Floats = visible / visible.sum(1, keepdims=True)
        return found

    def logits(self, tokens: list[int]) -> Floats:
        """What the model answers, by its formula. Shape (tokens, vocabulary).

        Three features of size 1 and the foreseen tokens pass the last normalisation together.
        """
        copied = self.attention(tokens) @ np.eye(self.vocabulary)[np.array(tokens)]
        spread = np.sqrt((6 + 2 * (copied**2).sum(1, keepdims=True)) / self.width)
        found: Floats = self.out * copied / spread
        return found


def build(circuit: Circuit | None = None) -> Any:
    """The model, in float32, ready to answer.

    Args:
        circuit: Its numbers; the ones that ship when not given.
    """
    import torch
    from transformers import GPT2Config, GPT2LMHeadModel

    made = circuit or Circuit()
    config = GPT2Config(
        vocab_size=made.vocabulary,
        n_positions=made.context,
        n_embd=made.width,
        n_layer=2,
        n_head=2,
        n_inner=8,
        layer_norm_epsilon=1e-12,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        tie_word_embeddings=False,
        bos_token_id=0,
        eos_token_id=0,
        pad_token_id=0,
    )
    model = GPT2LMHeadModel(config)
    model.train(False)
    with torch.no_grad():
        for weight in model.parameters():
            weight.zero_()
        for module in model.modules():
            if isinstance(module, torch.nn.LayerNorm):
                module.weight.fill_(1.0)
        _embed(model, made)
        _attend(model, made)
        foreseen = made.blocks["foreseen"]
        for token in range(made.vocabulary):
            _write(model.lm_head.weight[token], made, foreseen + token, made.out / 2)
    return model


def _write(row: Any, circuit: Circuit, feature: int, value: float) -> None:
    row[feature] = value
    row[feature + circuit.half] = -value


def _embed(model: Any, circuit: Circuit) -> None:
    for token in range(circuit.vocabulary):
        _write(model.transformer.wte.weight[token], circuit, token, 1.0)
    for position in range(circuit.context):
        _write(model.transformer.wpe.weight[position], circuit, circuit.blocks["position"] + position, 1.0)


def _read(matrix: Any, circuit: Circuit, block: str, column: int, value: float, shift: int = 0) -> None:
    """Lets a head see a block: feature f goes to its column f + shift, times `value`."""
    start = circuit.blocks[block]
    for feature in range(circuit.context if block == "position" else circuit.vocabulary):
        matrix[start + feature, column + feature + shift] = value / 2
        matrix[start + feature + circuit.half, column + feature + shift] = -value / 2


def _attend(model: Any, circuit: Circuit) -> None:
    first, second = (block.attn for block in model.transformer.h)
    width, root = circuit.width, math.sqrt(circuit.width // 2)  # a head has half the width
    # a layer norm divides by the root of the variance: 4 (later 6) entries of size 1 among `width`
    early, late = math.sqrt(4 / width), math.sqrt(6 / width)
    _read(first.c_attn.weight, circuit, "position", 0, early * circuit.previous * root)
    _read(first.c_attn.weight, circuit, "position", width, early, shift=1)
    _read(first.c_attn.weight, circuit, "token", 2 * width, early)
    _read(second.c_attn.weight, circuit, "token", 0, late * circuit.match * root)
    _read(second.c_attn.weight, circuit, "before", width, late)
    _read(second.c_attn.weight, circuit, "token", 2 * width, late)
    for token in range(circuit.vocabulary):
        _write(first.c_proj.weight[token], circuit, circuit.blocks["before"] + token, 1.0)
        _write(second.c_proj.weight[token], circuit, circuit.blocks["foreseen"] + token, 1.0)


def tokenizer(circuit: Circuit | None = None) -> Any:
    """The tokenizer of the hand-built model: letters between spaces, a beginning token in front."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.WordLevel({token: at for at, token in enumerate(TOKENS)}, unk_token=UNKNOWN))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    made.post_processor = processors.TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, 0)])
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=made,
        bos_token=BOS,
        eos_token=BOS,
        pad_token=BOS,
        unk_token=UNKNOWN,
        model_max_length=(circuit or Circuit()).context,
    )


def write(folder: Path) -> None:
    """Writes the model and its tokenizer as transformers loads them."""
    folder.mkdir(parents=True, exist_ok=True)
    build().save_pretrained(folder)
    tokenizer().save_pretrained(folder)
