"""Light metrics equal what transformers' own loss gives, to 1e-6."""

import math
from pathlib import Path

import pytest

from shared.env import Environment
from shared.metrics import bits_per_byte, choices
from shared.metrics.evaluation import Evaluation, run
from shared.metrics.measuring import Measuring
from shared.metrics.tasks import Choice, Task, Text

from .tiny import Tiny

TEXTS = ["The cat sat on the mat.", "猫坐在垫子上。", "قطة على السجادة", "x", "for i in range(3):\n    print(i)\n"]


@pytest.fixture(scope="module")
def tiny() -> Tiny:
    return Tiny()


def last(tiny: Tiny, task: Task, settings: Measuring | None = None) -> Evaluation:
    *_, found = run(tiny, "m", [task], settings or Measuring(draws=100), environment=Environment(home=Path("/nowhere")))
    assert isinstance(found, Evaluation)
    return found


def test_bits_per_byte(tiny: Tiny) -> None:
    found = last(tiny, Task("t", "text", "T", "", "", tuple(Text(each, "d", str(n)) for n, each in enumerate(TEXTS))))
    for number, text in enumerate(TEXTS):
        wanted = tiny.loss(text) / math.log(2) / len(text.encode())
        assert found.results[f"bits_per_byte.d.{number}"] == pytest.approx(wanted, rel=1e-6)
    pooled = sum(map(tiny.loss, TEXTS)) / math.log(2) / sum(len(each.encode()) for each in TEXTS)
    assert found.results["bits_per_byte"] == pytest.approx(pooled, rel=1e-6)


def test_bits_per_byte_of_a_long_text_in_windows_that_overlap(tiny: Tiny) -> None:
    # The way of transformers' guide to perplexity: a window moves on by its stride, and what it saw before has no label.
    text = "Every evening at six the boy climbed the water tower to count the trains. " * 12
    found = last(tiny, Task("t", "text", "T", "", "", (Text(text),)), Measuring(window=200, overlap=100, draws=100))
    nats = sum(tiny.loss(each.text, each.context) for each in bits_per_byte.windows(text, 200, 100))
    assert found.results["bits_per_byte"] == pytest.approx(nats / math.log(2) / len(text), rel=1e-6)
    whole = last(tiny, Task("t", "text", "T", "", "", (Text(text[:500]),)), Measuring(window=550, draws=100))
    assert whole.results["bits_per_byte"] == pytest.approx(tiny.loss(text[:500]) / math.log(2) / 500, rel=1e-6)


def test_bits_per_byte_without_a_begin_token() -> None:
    # transformers' loss shifts labels: the first token has no probability and is not in the mean, and its byte is not either here.
    tiny = Tiny(begin=False)
    found = last(tiny, Task("t", "text", "T", "", "", (Text(TEXTS[0]),)))
    assert found.results["bits_per_byte"] == pytest.approx(
        tiny.loss(TEXTS[0]) / math.log(2) / (len(TEXTS[0]) - 1), rel=1e-6
    )


def test_multiple_choice(tiny: Tiny) -> None:
    items = (Choice("The cat", ("sat on it", "flew", "xx"), 0), Choice("问题：", ("是", "不是", "也许"), 2, ""))
    for item in items:
        losses = [tiny.loss(item.delimiter + each, item.question) for each in item.choices]
        wanted = min(range(3), key=lambda place: losses[place])
        normed = min(range(3), key=lambda place: losses[place] / len(item.choices[place]))
        found = last(tiny, Task("t", "choices", "T", "", "", (item,)))
        assert found.outcomes[0].answer == item.choices[wanted]
        assert found.results["acc.t"] == float(wanted == item.answer)
        assert found.results["acc_norm.t"] == float(normed == item.answer)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory):
    """A random Llama with a real byte-level BPE tokenizer, through the local backend; and the same through transformers alone."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    from shared.models.local import LocalModel
    from tests.stand_in import StandIn
    from tests.tiny_models import tiny_llama

    folder = tiny_llama(tmp_path_factory.mktemp("llama"), window=600)
    model = LocalModel(folder, "m")
    models = StandIn(model.view("m"))
    yield models, AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    models.close()
    model.close()


def alone(network, tokenizer, text: str, context: str = "") -> float:
    """Nats of a text given a context: transformers' loss, the context's labels masked; without a context the first token's is, too."""
    import torch

    before = len(tokenizer(context)["input_ids"]) if context else 0
    ids = torch.tensor([tokenizer(context + text)["input_ids"]])
    labels = ids.clone()
    labels[:, :before] = -100
    counted = int((labels[:, 1:] != -100).sum())
    with torch.no_grad():
        return float(network(input_ids=ids, labels=labels).loss) * counted


def test_the_local_backend_with_a_real_tokenizer(local) -> None:
    models, network, tokenizer = local
    long = "The quick brown fox jumps over the lazy dog, and then it runs home through the rain. " * 10
    for text in (*TEXTS[:3], long):
        *_, found = run(
            models,
            "m",
            [Task("t", "text", "T", "", "", (Text(text),))],
            Measuring(draws=100),
            environment=Environment(home=Path("/nowhere")),
        )
        cut = bits_per_byte.windows(text)
        scored = models.score("m", [each.text for each in cut], [each.context for each in cut])
        nats, size = 0.0, len(text.encode())
        for each, tokens in zip(cut, scored, strict=True):
            begin = each.context
            if not begin and tokens.first:
                begin = tokenizer.bos_token  # what the backend puts before a text that stands alone
            elif not begin:
                read = tokens.tokens[0].text
                size -= len((text[0] if "\ufffd" in read else read).encode())
            nats += alone(network, tokenizer, each.text, begin)
        assert found.results["bits_per_byte"] == pytest.approx(nats / math.log(2) / size, rel=1e-6)
    assert len(cut) > 1


def test_choices_of_the_local_backend(local) -> None:
    models, network, tokenizer = local
    item = Choice("Once upon a time there was a", ("small model", "dog", "park"), 0)
    losses = [alone(network, tokenizer, f" {each}", item.question) for each in item.choices]
    (scored,) = models.score("m", [" small model"], [item.question])
    assert -choices.total(scored) == pytest.approx(losses[0], rel=1e-6)
    *_, found = run(
        models,
        "m",
        [Task("t", "choices", "T", "", "", (item,))],
        Measuring(draws=100),
        environment=Environment(home=Path("/nowhere")),
    )
    assert found.outcomes[0].answer == item.choices[losses.index(min(losses))]
