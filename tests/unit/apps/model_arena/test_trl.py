"""What is exported trains with TRL as it is: one step of DPO and of KTO on a tiny random Llama."""

import math
import warnings

import pytest

from apps.model_arena.exports import Judged, export_preferences
from shared.datasets.dataset import open_dataset
from shared.models.protocol import Message

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore")]
TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def small_model(folder):
    """A Llama of two layers and a tokenizer of bytes, both made here; TRL loads its reference model from the folder again."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    special = ["<|pad|>", "<|im_start|>", "<|im_end|>"]
    letters = [*special, *sorted(pre_tokenizers.ByteLevel.alphabet())]
    plain = Tokenizer(models.BPE({letter: number for number, letter in enumerate(letters)}, []))
    plain.pre_tokenizer, plain.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=plain, pad_token=special[0], eos_token=special[2], additional_special_tokens=special[1:2]
    )
    tokenizer.chat_template = TEMPLATE
    config = LlamaConfig(
        vocab_size=len(letters), hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2,
        pad_token_id=0, eos_token_id=2, bos_token_id=1,
    )  # fmt: skip
    LlamaForCausalLM(config).save_pretrained(folder)
    return LlamaForCausalLM.from_pretrained(folder), tokenizer


def battles(count):
    """Votes on one and on two turns, in two languages, with ties between."""
    found = []
    for number in range(count):
        ask = (Message("system", "Be brief."), Message("user", f"What is {number} + 2? 答えて。"))
        right, wrong = Message("assistant", str(number + 2)), Message("assistant", "わかりません。")
        more = (Message("user", "Sure?"), Message("assistant", "Yes."))
        sides = ((wrong,), (right, *more)) if number % 2 else ((wrong, *more), (right, *more))
        found.append(Judged(ask, sides, ("b", "tie", "b")[number % 3]))
    return found


@pytest.mark.parametrize("format", ["dpo", "kto"])
def test_the_export_trains_as_it_is(house, workspace, format):
    pytest.importorskip("trl", reason="TRL is a test oracle; see requirements-dev-nodeps.txt")
    from datasets import load_dataset
    from transformers import set_seed

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if format == "dpo":
            from trl import DPOConfig as Config
            from trl import DPOTrainer as Trainer
        else:
            try:
                from trl import KTOConfig as Config
                from trl import KTOTrainer as Trainer
            except ImportError:
                from trl.experimental.kto import KTOConfig as Config
                from trl.experimental.kto import KTOTrainer as Trainer
    found = export_preferences(house.store, battles(12), format)
    assert found.skipped == 4
    file = str(open_dataset(house.store, found.dataset).path)
    rows = load_dataset("parquet", data_files=file, split="train", cache_dir=str(workspace / "cache"))
    set_seed(0)
    model, tokenizer = small_model(workspace / "model")
    before = model.lm_head.weight.detach().clone()
    config = Config(
        output_dir=str(workspace / "out"), max_steps=1, per_device_train_batch_size=4, learning_rate=1e-2, report_to=[],
        use_cpu=True, save_strategy="no", logging_steps=1, max_length=256, bf16=False,
    )  # fmt: skip
    trainer = Trainer(model=model, args=config, train_dataset=rows, processing_class=tokenizer)
    result = trainer.train()
    assert result.global_step == 1
    assert math.isfinite(result.training_loss)
    assert result.training_loss > 0
    assert not before.equal(model.lm_head.weight)
    logs = [each for each in trainer.state.log_history if "loss" in each]
    assert math.isfinite(logs[0]["loss"])
