"""Tasks about closed facts: capitals, translations between English and Chinese, greetings."""

from embedded.draw import Draw
from embedded.tasks.sums import Exchange
from embedded.vocabulary import CAPITALS, CHINESE, MEASURES

GREETINGS = (
    ("Hello!", "Hello! How can I help you?"),
    ("Who are you?", "I am a tiny language model trained for the LLM Playground."),
    ("你好！", "你好！我能帮你什么？"),
    ("你是谁？", "我是一个很小的语言模型。"),
    ("Thank you.", "You are welcome!"),
    ("Can you do math?", "Yes, I can add, subtract and multiply small numbers."),
)
MORE_GREETINGS = (
    ("Hi!", "Hello! How can I help you?"),
    ("Hi", "Hello! How can I help you?"),
    ("Hello", "Hello! How can I help you?"),
    ("Good morning!", "Good morning! How can I help you?"),
    ("Hello there!", "Hello! How can I help you?"),
    ("Hey!", "Hello! How can I help you?"),
    ("Tell me who you are.", "I am a tiny language model trained for the LLM Playground."),
    ("Hello! Who are you?", "I am a tiny language model trained for the LLM Playground."),
    ("And who are you?", "I am a tiny language model trained for the LLM Playground."),
    ("Who are you, please?", "I am a tiny language model trained for the LLM Playground."),
    ("Are you a person?", "No, I am a tiny language model."),
    ("What are you?", "I am a tiny language model trained for the LLM Playground."),
    ("What can you do?", "I can copy, count, add, translate a few words and tell little stories."),
    ("Goodbye!", "Goodbye!"),
    ("Thanks!", "You are welcome!"),
    ("谢谢。", "不客气！"),
    ("你好", "你好！我能帮你什么？"),
)
SENTENCES = (
    ("I like {}.", "我喜欢{}。"),
    ("This is a {}.", "这是{one}{}。"),
    ("I have a {}.", "我有{one}{}。"),
    ("Where is the {}?", "{}在哪里？"),
    ("I see a {}.", "我看见{one}{}。"),
    ("He has a {}.", "他有{one}{}。"),
    ("She likes {}.", "她喜欢{}。"),
)


def capital(draw: Draw) -> Exchange:
    """The capital of a country."""
    country = draw.pick(list(CAPITALS))
    prompt = draw.say(
        (f"What is the capital of {country}?", f"Name the capital city of {country}."),
        (f"Which city is the capital of {country}?", f"Tell me the capital of {country}."),
    )
    return prompt, f"The capital of {country} is {CAPITALS[country][0]}."


def country(draw: Draw) -> Exchange:
    """The country of a capital."""
    name = draw.pick(list(CAPITALS))
    city = CAPITALS[name][0]
    return draw.pick((f"{city} is the capital of which country?", f"In which country is {city}?")), (
        f"{city} is the capital of {name}."
    )


def capital_zh(draw: Draw) -> Exchange:
    """The capital of a country, in Chinese."""
    _, name, city = CAPITALS[draw.pick(list(CAPITALS))]
    return draw.say(
        (f"{name}的首都是哪里？",), (f"{name}的首都是哪个城市？", f"{name}的首都叫什么？", f"请问{name}的首都是哪里？")
    ), f"{name}的首都是{city}。"


def to_chinese(draw: Draw) -> Exchange:
    """An English word in Chinese."""
    word = draw.pick(list(CHINESE))
    prompt = draw.say(
        (f"Translate to Chinese: {word}", f'How do you say "{word}" in Chinese?'),
        (f"Translate into Chinese: {word}", f'What is "{word}" in Chinese?', f'Translate "{word}" to Chinese.'),
    )
    return prompt, CHINESE[word]


def to_english(draw: Draw) -> Exchange:
    """A Chinese word in English."""
    word = draw.pick(list(CHINESE))
    said = CHINESE[word]
    prompt = draw.say(
        (f"Translate to English: {said}", f"把“{said}”翻译成英文。"),
        (f"Translate into English: {said}", f'What does "{said}" mean in English?', f'Translate "{said}" to English.'),
    )
    return prompt, word


def sentence(draw: Draw) -> Exchange:
    """A short sentence in the other language."""
    english, chinese = draw.pick(SENTENCES)
    word = draw.pick(list(MEASURES))
    one, two = english.format(word), chinese.format(CHINESE[word], one=MEASURES[word])
    one = one.replace("a apple", "an apple")
    if not MEASURES[word]:
        one = one.replace(f" a {word}", f" {word}")
    elif " a " not in one and " an " not in one and " the " not in one:
        one = one.replace(f" {word}.", f" {word}{'' if word == 'fish' else 's'}.")
    if draw.chance(0.5):
        return draw.pick(
            (f"Translate to Chinese: {one}", f"Translate into Chinese: {one}", f"把这句话翻译成中文：{one}")
        ), two
    return draw.pick((f"Translate to English: {two}", f"Translate into English: {two}", f"把“{two}”翻译成英文。")), one


def greeting(draw: Draw) -> Exchange:
    """A greeting, or who the model is."""
    return draw.pick((*GREETINGS, *MORE_GREETINGS) if draw.reach else GREETINGS)
