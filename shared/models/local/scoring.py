"""Log-probabilities of given texts, many at once: what multiple choice, perplexity and bits per byte are made of."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from shared.errors import PlaygroundError
from shared.models.local.adapters import Adapter
from shared.models.local.loading import Network
from shared.models.protocol import Scored, Token

LOGITS = 2**25  # numbers in one step's logits: 128 MiB in float32


@dataclass(frozen=True)
class Text:
    """A text to be scored.

    Attributes:
        place: Which one it is.
        ids: Its context's tokens and its own.
        begin: How many of them are not scored.
        first: Whether the first scored token has something before it.
    """

    place: int
    ids: tuple[int, ...]
    begin: int
    first: bool


def read_texts(network: Network, ref: str, texts: Sequence[str], contexts: Sequence[str]) -> list[Text]:
    """Tokenise texts, as lm-eval does.

    A context and its text are tokenised together, the context's spaces at its end counted to the text, and the context's
    own number of tokens is cut off. A begin token that the tokenizer adds is not scored.

    Args:
        network: Whose tokenizer is used.
        ref: The model, for messages.
        texts: What is scored.
        contexts: What precedes each; none, or as many as texts.

    Raises:
        PlaygroundError: Their numbers differ, or a text does not fit into the window.
    """
    if contexts and len(contexts) != len(texts):
        raise PlaygroundError(f"{len(texts)} texts came with {len(contexts)} contexts. Give every text one, or none.")
    found = []
    for place, (text, context) in enumerate(zip(texts, contexts or [""] * len(texts), strict=True)):
        head = context.rstrip() if context else ""
        ids = tuple(network.tokenizer(context + text, verbose=False)["input_ids"]) if context or text else ()
        if head:
            begin = len(network.tokenizer(head, verbose=False)["input_ids"])
        else:
            special = network.tokenizer.bos_token_id
            begin = int(bool(ids) and special is not None and ids[0] == special and not _spelt(network, text))
        if len(ids) > network.window:
            raise PlaygroundError(
                f"Text {place + 1} has {len(ids)} tokens with its context, and the window of {ref} has "
                f"{network.window}. Shorten it."
            )
        found.append(Text(place, ids, begin, begin > 0))
    return found


def _spelt(network: Network, text: str) -> bool:
    """Whether the text itself begins with the begin token."""
    return text.startswith(str(network.tokenizer.bos_token))


def batches(network: Network, texts: Sequence[Text]) -> Iterator[list[Text]]:
    """Texts of like length together, as many as one step takes."""
    most = max(1, LOGITS // network.model.get_output_embeddings().weight.shape[0])
    group: list[Text] = []
    for text in sorted(texts, key=lambda each: -len(each.ids)):
        if group and (len(group) + 1) * len(group[0].ids) > most:
            yield group
            group = []
        group.append(text)
    if group:
        yield group


def score_batch(network: Network, texts: Sequence[Text], adapter: Adapter | None) -> list[Scored]:
    """Log-probabilities of some texts.

    Rows are padded on the right, where a causal model cannot look; a row that is too long for one step is read in parts.

    Args:
        network: Who scores.
        texts: What is scored, the longest first.
        adapter: What is on top of the base.
    """
    import torch

    if not texts[0].ids:
        return [Scored((), first=False) for _ in texts]
    width = len(texts[0].ids)
    rows = torch.tensor([[*text.ids, *[0] * (width - len(text.ids))] for text in texts], device=network.device)
    size = network.model.get_output_embeddings().weight.shape[0]
    # a state-space model keeps nothing that a next part could go on from
    part = max(1, LOGITS // (size * len(texts))) if "past_key_values" in network.known else width
    past: Any = None
    values, best = [], []
    with torch.inference_mode(), network.layers.use([adapter]):
        for begin in range(0, width, part):
            whole = part >= width
            given = rows[:, begin : begin + part]
            options = {} if whole else {"past_key_values": past, "use_cache": True}
            said = network.model(input_ids=given, **options)
            past = None if whole else said.past_key_values
            logs = said.logits.float().log_softmax(-1)
            following = rows[:, begin + 1 : begin + part + 1]
            logs = logs[:, : following.shape[1]]
            values.append(logs.gather(-1, following[..., None])[..., 0])
            best.append(logs.argmax(-1) == following)
    logprobs, likeliest = torch.cat(values, 1).tolist(), torch.cat(best, 1).tolist()
    return [_scored(network, text, logprobs[row], likeliest[row]) for row, text in enumerate(texts)]


def _scored(network: Network, text: Text, logprobs: list[float], likeliest: list[bool]) -> Scored:
    """One text's part of a batch; `logprobs[i]` belongs to token i + 1."""
    places = range(text.begin, len(text.ids))
    tokens = tuple(
        Token(network.reads(text.ids[place]), text.ids[place], logprobs[place - 1] if place else 0.0)
        for place in places
    )
    judged = [likeliest[place - 1] for place in places if place]
    return Scored(tokens, text.first, bool(judged) and all(judged))
