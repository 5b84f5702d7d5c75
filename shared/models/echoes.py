"""A prompt that a server sends back with the log-probability of each token, read as the score of a text."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from math import log

from shared.models.protocol import Scored, Token


def tokens_of(text: str, echoed: Sequence[Token], known: Sequence[bool]) -> tuple[list[Token], bool]:
    """The tokens of a text, without the begin token that a tokenizer may put before it.

    Args:
        text: What was sent.
        echoed: What came back.
        known: Whether each has a log-probability; the very first has none.

    Returns:
        The tokens, and whether the first of them has a log-probability.

    Raises:
        ValueError: What came back is another text.
    """
    tokens, begun = list(echoed), bool(known) and known[0]
    if tokens and not begun and not (tokens[0].text and text.startswith(tokens[0].text)):
        tokens, begun = tokens[1:], True
    together = "".join(token.text for token in tokens)
    # half a character in a token reads as U+FFFD, or as bytes:\x.. from vLLM
    if not tokens or (together.lstrip() != text.lstrip() and "�" not in together and "bytes:" not in together):
        raise ValueError("the text that came back is not the one that was sent")
    return tokens, begun


Echo = Callable[[str], Awaitable[tuple[list[Token], bool]]]


async def score_each(echo: Echo, texts: Sequence[str], contexts: Sequence[str]) -> list[Scored]:
    """Scores of texts behind their contexts, one request a text and one more a context.

    Args:
        echo: Asks for a text's tokens, and whether the first has a log-probability.
        texts: What to score.
        contexts: What precedes each text; none, or as many as texts.
    """
    lengths = {"": 0}
    scored = []
    for text, context in zip(texts, contexts or [""] * len(texts), strict=True):
        before = context.rstrip()  # blanks belong to the token behind them
        if before not in lengths:
            lengths[before] = len((await echo(before))[0])
        scored.append(score(*await echo(context + text), lengths[before]))
    return scored


def score(tokens: Sequence[Token], begun: bool, skipped: int) -> Scored:
    """The score of what stands behind a context.

    Args:
        tokens: Of context and text together.
        begun: Whether the first of them has a log-probability.
        skipped: How many tokens the context has.
    """
    own = list(tokens[skipped:])
    first = skipped > 0 or begun
    if own and not first:
        own[0] = replace(own[0], logprob=0.0)
    return Scored(tuple(own), first, all(_likeliest(token) for token in own[0 if first else 1 :]))


def _likeliest(token: Token) -> bool:
    """Whether no token was likelier; without alternatives only more than half of all probability proves it."""
    if token.top:
        return token.logprob >= token.top[0][1] - 1e-6
    return token.logprob > log(0.5)
