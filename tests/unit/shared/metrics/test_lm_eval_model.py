import math

import pytest

pytest.importorskip("lm_eval")

from lm_eval.api.instance import Instance

from shared.errors import PlaygroundError
from shared.metrics.lm_eval_model import PlaygroundModel

from .fakes import Bytes, nats


def asked(kind: str, *arguments: tuple) -> list[Instance]:
    return [Instance(kind, {}, each, place) for place, each in enumerate(arguments)]


def test_loglikelihood_with_spaces_moved_and_greedy_told() -> None:
    model = PlaygroundModel(Bytes(), "m")
    found = model.loglikelihood(asked("loglikelihood", ("aaaa", "aa"), ("abc: ", "d"), ("", "汉字")))
    assert [each for each, _ in found] == pytest.approx([nats("aa", "aaaa"), nats(" d", "abc:"), nats("汉字")])
    assert [greedy for _, greedy in found] == [True, False, False]


def test_rolling_covers_every_byte_once() -> None:
    text = "many words in a row " * 12
    one = PlaygroundModel(Bytes(), "m", window=1000, overlap=100)
    assert one.loglikelihood_rolling(asked("loglikelihood_rolling", (text,), ("",))) == pytest.approx([nats(text), 0.0])
    cut = PlaygroundModel(Bytes(), "m", window=96, overlap=32).loglikelihood_rolling(
        asked("loglikelihood_rolling", (text,))
    )
    assert nats(text) < 0
    assert cut[0] < nats(text), "less context costs more"


def test_a_first_token_without_probability_is_charged_eight_bits_a_byte() -> None:
    (free,) = PlaygroundModel(Bytes(first=False), "m").loglikelihood_rolling(asked("loglikelihood_rolling", ("ab",)))
    assert free == pytest.approx(-8 * math.log(2) + nats("b", "a"))


def test_generation_ends_where_it_should() -> None:
    models = Bytes(lambda prompt: "4\nQuestion: more" if prompt == "2+2" else "5 5")
    model = PlaygroundModel(models, "m")
    options = {"until": ["\n", "", "Question:"], "do_sample": False, "temperature": 0.9, "max_gen_toks": 9}
    assert model.generate_until(asked("generate_until", ("2+2", options), ("3+2", {"until": " "}))) == ["4", "5"]
    decoding = next(each.decoding for each in models.asked if each.text == "2+2")
    assert (decoding.temperature, decoding.max_new_tokens, decoding.stop) == (0.0, 9, ["\n", "Question:"])


def test_sampling_only_where_a_task_asks_for_it() -> None:
    models = Bytes(lambda prompt: "x")
    PlaygroundModel(models, "m").generate_until(
        asked("generate_until", ("p", {"do_sample": True, "temperature": 0.2, "top_p": 0.95, "top_k": 5}))
    )
    decoding = models.asked[0].decoding
    assert (decoding.temperature, decoding.top_p, decoding.top_k) == (0.2, 0.95, 5)


def test_conversations_reach_the_backend_as_messages() -> None:
    models = Bytes(lambda prompt: "hello")
    model = PlaygroundModel(models, "m")
    context = model.apply_chat_template([{"role": "system", "content": "s"}, {"role": "user", "content": "你好"}])
    assert model.generate_until(asked("generate_until", (context, {}))) == ["hello"]
    assert [(each.role, each.content) for each in models.asked[0].messages] == [("system", "s"), ("user", "你好")]
    assert models.asked[0].text == ""
    with pytest.raises(PlaygroundError, match="plain text"):
        model.loglikelihood(asked("loglikelihood", (context, "a")))
    with pytest.raises(PlaygroundError, match="without the chat template"):
        model.apply_chat_template([], add_generation_prompt=False)
    assert model.tokenizer_name == "m"


def test_whoever_watches_is_told_and_can_end_it() -> None:
    told: list[int] = []
    PlaygroundModel(Bytes(), "m", watch=told.append).loglikelihood(asked("loglikelihood", *[("a", "b")] * 20))
    assert told == [16, 20]

    def end(done: int) -> None:
        raise KeyError("enough")

    with pytest.raises(KeyError):
        PlaygroundModel(Bytes(), "m", watch=end).loglikelihood(asked("loglikelihood", ("a", "b")))


def test_nothing_asked_is_nothing_answered() -> None:
    model = PlaygroundModel(Bytes(), "m")
    assert model.loglikelihood([]) == model.loglikelihood_rolling([]) == model.generate_until([]) == []
