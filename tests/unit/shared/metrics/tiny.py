"""A Llama of random weights over byte tokens, and nothing else: what metrics are held against transformers with."""

from collections.abc import Iterator, Sequence

from shared.models.protocol import Delta, Event, Finish, Request, Scored, Start, Timeouts, Token
from shared.policy import OWNER, Caller

BEGIN = 256


class Tiny:
    """One random Llama, asked as `Models` is. Tokens are bytes; with `begin`, a begin token stands before every text."""

    def __init__(self, begin: bool = True) -> None:
        import torch
        from transformers import LlamaConfig, LlamaForCausalLM

        torch.manual_seed(3)
        config = LlamaConfig(
            vocab_size=257, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
            num_key_value_heads=2, max_position_embeddings=600, bos_token_id=BEGIN, eos_token_id=BEGIN, initializer_range=0.4,
        )  # fmt: skip
        self.model = LlamaForCausalLM(config).eval().double()
        self.begin = begin

    def ids(self, text: str) -> list[int]:
        return [BEGIN] * self.begin + list(text.encode())

    def loss(self, text: str, context: str = "") -> float:
        """What transformers itself says: its mean loss over the tokens of the text, times their number, in nats."""
        import torch

        ids = torch.tensor([self.ids(context + text)])
        labels = ids.clone()
        labels[:, : len(self.ids(context))] = -100
        counted = int((labels[:, 1:] != -100).sum())
        with torch.no_grad():
            return float(self.model(input_ids=ids, labels=labels).loss) * counted if counted else 0.0

    def score(
        self, ref: str, texts: Sequence[str], contexts: Sequence[str] = (), caller: Caller = OWNER
    ) -> list[Scored]:
        return [self._one(*pair) for pair in zip(texts, contexts or [""] * len(texts), strict=True)]

    def _one(self, text: str, context: str) -> Scored:
        import torch

        ids = self.ids(context + text)
        with torch.no_grad():
            logs = self.model(input_ids=torch.tensor([ids])).logits[0].log_softmax(-1)
        tokens, greedy = [], True
        for place in range(len(self.ids(context)), len(ids)):
            logprob = float(logs[place - 1, ids[place]]) if place else 0.0
            greedy = greedy and (not place or int(logs[place - 1].argmax()) == ids[place])
            tokens.append(Token(bytes([ids[place]]).decode("utf-8", "replace"), ids[place], logprob))
        return Scored(tuple(tokens), self.begin or bool(context), greedy)

    def stream(
        self, ref: str, request: Request, timeouts: Timeouts = Timeouts(), caller: Caller = OWNER
    ) -> Iterator[list[Event]]:
        import torch

        yield [Start(ref)]
        ids = torch.tensor([self.ids(request.text)])
        made = self.model.generate(
            ids, max_new_tokens=min(8, request.decoding.max_new_tokens), do_sample=False, pad_token_id=0
        )
        text = bytes(each for each in made[0, ids.shape[1] :].tolist() if each < 256).decode("utf-8", "replace")
        yield [Delta(text or " "), Finish("length")]
