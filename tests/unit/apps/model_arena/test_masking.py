import random
import time

import pytest

from apps.model_arena import masking
from apps.model_arena.manifest import manifest
from apps.model_arena.masking import HIDDEN, Veil, without_reasoning

MODELS = ("builtin:micro", "hub:HuggingFaceTB/SmolLM2-135M-Instruct", "builtin:mini+builtin:pirate-7")
SECRETS = ("qwen", "alibaba", "anthropic", "smollm", "deepseek", "llama", "通义", "openai", "chatgpt")


def hear(text, size, prompt="hi", models=MODELS):
    """The answer as shown after every piece, and whether a name was hidden."""
    veil, seen = Veil(models, prompt), []
    for start in range(0, len(text), size):
        veil.hear(text[start : start + size])
        seen.append(veil.text)
    veil.finish()
    assert veil.raw == text
    return [*seen, veil.text], veil.named


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("I am Qwen2.5-7B-Instruct, by Alibaba Cloud.", f"I am {HIDDEN}, by {HIDDEN}."),
        ("I’m Claude, made by Anthropic", f"I’m {HIDDEN}, made by {HIDDEN}"),
        ("我是通义千问，由阿里巴巴开发的。", f"我是{HIDDEN}，由{HIDDEN}开发的。"),
        ("我是Qwen，你好", f"我是{HIDDEN}，你好"),
        ("Google trained me on text.", f"{HIDDEN} trained me on text."),
        ("As a language model from Google I can't.", f"As a language model from {HIDDEN} I can't."),
        ("Je suis Mistral, un assistant.", f"Je suis {HIDDEN}, un assistant."),
        ("I am Q w e n.", f"I am {HIDDEN}"),
        ("I am **Qw**en", f"I am **{HIDDEN}"),
        ("I am Ｑｗｅｎ3!", f"I am {HIDDEN}!"),
        ("I am Q\u200bwen!", f"I am {HIDDEN}!"),
        ("I am Qwеn (with a Cyrillic e)", f"I am {HIDDEN} (with a Cyrillic e)"),
        ("My name is Llama 3.1 405B indeed", f"My name is {HIDDEN} 405B indeed"),
        ("The SmolLM2-135M-Instruct says hi", f"The {HIDDEN} says hi"),
        ("I am micro, the model.", f"I am {HIDDEN}, the model."),
        ("builtin:micro is who I am", f"{HIDDEN} is who I am"),
        ("It is Pirate-7.", f"It is {HIDDEN}."),
        ("Qwen", HIDDEN),
        ("i'm chatgpt by openai", f"i'm {HIDDEN} by {HIDDEN}"),
        ("I am &#81;wen, Q&#x77;en, Qw&shy;en and Qw&#8203;en", f"I am {HIDDEN}, {HIDDEN}, {HIDDEN} and {HIDDEN}"),
        ("I am Q\x01wen, Q\u034fwen, Q\ufe01wen and Q\U000e0061wen", f"I am {HIDDEN}, {HIDDEN}, {HIDDEN} and {HIDDEN}"),
        ("I am 𝐐𝐰𝐞𝐧, Ⓠⓦⓔⓝ, Qwén or Qwe\u0301n", f"I am {HIDDEN}, {HIDDEN}, {HIDDEN} or {HIDDEN}"),
        ("I am Q - w - e - n, or q, w, e, n", f"I am {HIDDEN}, or {HIDDEN}"),
        ("I am Qw[en](x) and Q\\*wen", f"I am {HIDDEN}](x) and {HIDDEN}"),
        ("Claude here! What now?", f"{HIDDEN} here! What now?"),
        ("As Claude, I cannot.", f"As {HIDDEN}, I cannot."),
        ("Name: **Claude**", f"Name: **{HIDDEN}**"),
        ("I was made by\nGoogle", f"I was made by\n{HIDDEN}"),
        ("Microsoft is my creator", f"{HIDDEN} is my creator"),
        ("I run on Llama", f"I run on {HIDDEN}"),
        ("Ich wurde von Mistral entwickelt", f"Ich wurde von {HIDDEN} entwickelt"),
        ("저는 클로드입니다", f"저는 {HIDDEN}입니다"),
        ("Меня зовут Грок", f"Меня зовут {HIDDEN}"),
        (r"I am $Q\text{wen}$.", rf"I am ${HIDDEN}}}$."),
        (r"\mathrm{GPT} and $Q_wen$", rf"\mathrm{{{HIDDEN}}} and ${HIDDEN}$"),
        (r"\mathrm{Q}\mathrm{w}\mathrm{e}\mathrm{n}!", rf"\mathrm{{{HIDDEN}}}!"),
        ("Claude: Hello there", f"{HIDDEN}: Hello there"),
        ("**Gemini:** Hello there", f"**{HIDDEN}:** Hello there"),
    ],
)
def test_a_model_that_says_who_it_is(text, shown):
    for size in (1, 2, 3, 5, 8, 1000):
        seen, named = hear(text, size)
        assert named
        assert seen[-1].replace("..", ".").rstrip(".") == shown.rstrip(".")


@pytest.mark.parametrize(
    "text",
    [
        "Claude Monet painted water lilies. Google is a search engine; Apple sells phones.",
        "The llamas graze, the falcon flies and the mistral blows over the granite.",
        "φ(n) is Euler's phi function, and philosophy is not Phi.",
        "A micro organism is small. Palm trees grow; I grok the command line.",
        "Meta-analysis of the meta data. Bard of Avon. Microscopes.",
        "if a < b and <i>x</i> then $a|b|c$ [INSTANCE] <stop>",
        "",
        "你好，世界。今天天气很好。",
        "Write `&eacute;`, &amp; or `&shy;` &#x1F600; &nosuch; &#1; &",
        "I made a list of makers:\n- Apple\n- Google\n\nAs Apple said, it is red.",
        "Мета и металл, Гроккинг.",
        "The red fox, the pirate and I am done",
        "Android was made by Google. A model made by Google is BERT.",
        "Two companies:\nApple: phones\nGoogle: search",
        "Apple: phones\nGoogle: search",
        "**Apple**: phones\n**Google**: search",
        r"$\phi(n)$, $g_{p} + t$ and \textbf{Meta} data",
    ],
)
def test_words_that_mean_something_else_stay(text):
    for size in (1, 3, 1000):
        seen, named = hear(text, size)
        assert seen[-1] == text
        assert not named


@pytest.mark.parametrize("name", ["Zephyra", "zephyra", "**Zephyra**", "Zephyra-7B-chat", "acme/Zephyra-7B-chat"])
def test_what_a_family_is_called_is_hidden_too(name):
    models = ("hub:acme/Zephyra-7B-chat", "builtin:micro")
    for said in ("Hi! I am", "my name is", "我是", "Name:"):
        seen, named = hear(f"{said} {name}, hello", 3, models=models)
        assert "zephyra" not in seen[-1].lower()
        assert named
    assert hear("A zephyra is a kind of wind.", 3, models=models)[0][-1] == "A zephyra is a kind of wind."


def test_names_in_the_prompt_are_hidden_only_where_the_model_speaks_of_itself():
    """FastChat dropped every battle whose words had "google" in them."""
    text = "Qwen is larger than DeepSeek. As for me, I am Qwen."
    seen, named = hear(text, 4, prompt="Compare Qwen and DeepSeek. Which are you?")
    assert seen[-1] == f"Qwen is larger than DeepSeek. As for me, I am {HIDDEN}."
    assert named


def test_an_answer_to_who_are_you_needs_no_first_person():
    for said in ("Made by Google.", "Claude.", "A large model, built by Meta"):
        assert hear(said, 3, prompt="Who made you?")[1]
        assert hear(said, 3, prompt="Name one of them.")[0][-1] == said, "this may be about anything"
    text = "Google is a search engine. As a label: Google: found"
    assert hear(text, 3, prompt="What is Google, and who made you?")[0][-1] == text, "the prompt names it"


def test_a_name_of_the_prompt_stays_in_a_formula_and_before_a_colon():
    assert hear(r"$Q\text{wen}$ is large", 3, prompt="How large is Qwen?")[0][-1] == r"$Q\text{wen}$ is large"
    assert hear("Claude: hi\nBob: hey", 3, prompt="A talk of Claude and Bob")[0][-1] == "Claude: hi\nBob: hey"


def test_no_part_of_a_name_is_ever_shown():
    lots = random.Random(0)
    texts = [
        "I am Qwen, by Alibaba Cloud",
        "Hello, DeepSeek-R1 here",
        "我是通义千问",
        "SmolLM2 is me",
        "ChatGPT? No: Anthropic's Claude I am",
        "I am &#81;&#119;en, 𝐃𝐞𝐞𝐩𝐒𝐞𝐞𝐤 and S m o l L M",
    ]
    for text in texts * 20:
        veil, place = Veil(MODELS, "x"), 0
        while place < len(text):
            step = lots.randrange(1, 6)
            veil.hear(text[place : place + step])
            place += step
            low = veil.text.lower()
            for secret in SECRETS:
                assert secret not in low
            for begun in ("qw", "alib", "deeps", "smoll", "chatg", "anthr", "通义"):
                assert begun not in low


def test_reasoning_and_the_marks_of_a_template_are_not_shown():
    for size in (1, 2, 7, 1000):
        assert hear("<think>I am Qwen</think>\nHello<|im_end|>", size)[0][-1] == "\nHello"
        assert hear("<reasoning>hm</reasoning>A <|eot_id|>", size)[0][-1] == "A "
        assert hear("<｜end▁of▁sentence｜>ok</s>[/INST]", size)[0][-1] == "ok"
        assert hear("<|channel|>analysis<|message|>hm<|channel|>final<|message|>ok", size)[0][-1] == "ok"
        assert hear("no end <think>and so on", size)[0][-1] == "no end "
        assert hear("a < b, a <b", size)[0][-1] == "a < b, a <b"


def test_reasoning_whose_beginning_stood_in_the_template_is_taken_back():
    seen, _ = hear("I think so</think>Yes", 4)
    assert seen[-1] == "Yes"


def test_what_the_next_turn_hears():
    assert without_reasoning("<think>hm</think> I am Qwen. <|im_end|>") == "I am Qwen."
    assert without_reasoning("plain") == "plain"


def test_what_is_hidden_is_the_same_for_every_side():
    one, other = (hear("I am SmolLM2 or GPT or micro", 3, models=models)[0][-1] for models in (MODELS, MODELS[::-1]))
    assert one == other


def test_every_name_of_the_manifest_is_hidden():
    names = manifest().names
    for name in names["distinctive"]:
        assert name not in hear(f"Hello, {name} here.", 3, models=())[0][-1]
    for name in names["ambiguous"]:
        assert name not in hear(f"I am {name}, an assistant.", 3, models=())[0][-1]
        assert not hear(f"{name}, a word.", 3, models=())[1]


def test_a_veil_without_names_hides_nothing(monkeypatch):
    from dataclasses import replace

    bare = replace(manifest(), names={"distinctive": (), "ambiguous": ()})
    monkeypatch.setattr(masking, "manifest", lambda: bare)
    assert hear("I am Qwen", 2, models=())[0][-1] == "I am Qwen"


@pytest.mark.parametrize("piece", ['\\]"<Qwen- a', "claude ", "I am Google. ", "&#65;:", "<", "Q-"])
def test_names_over_and_over_take_no_time(piece):
    """Looking for the next name behind each took 14 s for 20,000 characters."""
    began = time.process_time()
    hear((piece * 20_000)[:20_000], 20_000)
    assert time.process_time() - began < 3
