"""Rows that repeat items of benchmarks."""

import json
import random
import re
import string
from pathlib import Path

import pytest

from apps.dataset_explorer import contamination as leaks
from apps.dataset_explorer.benchmark_index import Item, build
from apps.dataset_explorer.contamination import KIND, add_benchmark, contamination, find_benchmark
from apps.dataset_explorer.detector import Detector, Hit
from shared.errors import PlaygroundError
from shared.text import arrow, words

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "instruct"

TRAIN = (
    "A night train leaves the harbour town with 48 sleepy passengers and stops twice before the mountains. "
    "At the first stop 12 people get off and 5 get on; how many passengers reach the mountain village?"
)
ANSWER = "After the first stop there are 48 - 12 + 5 = 41 people left, and nobody leaves before the mountain village. #### 41"
BAKER = "The baker of our street fills 6 trays with 20 small almond biscuits each and sells half of them before the church bell rings."
SHORT = "Which three primes add up to forty one?"
NUMBERS = "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20"
CHINESE = "小明的妈妈在市场上买了三斤苹果和两斤香蕉一共花了多少钱"
ITEMS = [
    Item("toy/0", TRAIN, ANSWER),
    Item("toy/1", BAKER, f"Count: {NUMBERS}. So 60."),
    Item("toy/2", SHORT, "41"),
    Item("toy/3", CHINESE),
    Item("toy/4", TRAIN.split(";")[0] + "; how many stations has the line?"),
]
TOY = build("toy", ITEMS)


def hits(*rows: str, n: int = 10, first: int = 0) -> list[Hit]:
    return Detector([TOY], n).hits(arrow(row.encode("utf-8", "surrogatepass") for row in rows), first)


def changed(text: str) -> str:
    return re.sub(r"\d+", lambda match: str(int(match.group()) * 7 + 3), text)


def test_a_verbatim_question_is_found_with_its_item_and_span():
    (hit,) = hits(f"Q: {BAKER} A:")
    assert (hit.benchmark, hit.item, hit.part, hit.match) == ("toy", "toy/1", "question", "words")
    assert hit.text == BAKER.rstrip(".")
    assert hit.item_coverage == 1.0
    count = len(words(BAKER))
    assert hit.coverage == round((count - 9) / (count + 2 - 9), 4)


@pytest.mark.parametrize(
    ("row", "match"),
    [
        (TRAIN.upper().replace(",", " -- ").replace(";", "!"), "words"),
        (TRAIN.translate(str.maketrans("", "", string.punctuation)).title(), "words"),
        (f"### Instruction:\n{TRAIN}\n\n### Response:\n", "words"),
        (changed(TRAIN), "loose"),
        (ANSWER, "words"),
        (f"{TRAIN}\n{ANSWER}", "words"),
    ],
)
def test_changed_copies_are_found_once_and_as_the_right_item(row, match):
    assert [(hit.item, hit.match) for hit in hits("nothing at all", row)] == [("toy/0", match)]
    assert hits("nothing at all", row)[0].row == 1


def test_other_numbers_every_few_words_are_seen_through():
    question = "Ann has 3 cats, 14 dogs and 5 birds; each cat eats 2 fish, each dog 7 bones and each bird 31 small grey seeds a day."
    index = build("toy", [Item("toy/0", question)])
    (hit,) = Detector([index], 10).hits(arrow([f"Well: {changed(question)} Really?".encode()]))
    assert (hit.match, hit.item, hit.item_coverage) == ("loose", "toy/0", 1.0)
    assert hit.text == changed(question).rstrip(".").removeprefix("")
    half = " ".join(changed(question).split()[:8])
    assert Detector([index], 10).hits(arrow([half.encode()])) == []


def test_a_row_shorter_than_n_has_to_be_the_item():
    (hit,) = hits(SHORT.upper())
    assert (hit.item, hit.match, hit.coverage, hit.text) == ("toy/2", "whole", 1.0, SHORT.upper().rstrip("?"))
    assert hits("41") == []


def test_an_item_shorter_than_n_has_to_be_there_as_a_whole():
    row = f"Here is one more riddle for you, my friend. {SHORT} Tell me soon."
    assert [(hit.item, hit.text) for hit in hits(row)] == [("toy/2", SHORT.rstrip("?"))]
    assert hits(row.replace("forty one", "forty two")) == []


def test_runs_of_numbers_and_letters_alone_prove_nothing():
    assert hits(f"Our list goes {NUMBERS[:26]} and then it stops, as lists do, without any reason given at all.") == []
    (hit,) = hits(f"Count: {NUMBERS}. So 60.")
    assert (hit.item, hit.part) == ("toy/1", "answer")


def test_the_item_that_explains_most_of_a_row_comes_alone():
    assert [hit.item for hit in hits(TRAIN)] == ["toy/0"]
    assert [hit.item for hit in hits(ITEMS[4].question)] == ["toy/4"]
    assert [hit.item for hit in hits(f"{TRAIN} {BAKER}")] == ["toy/0", "toy/1"]


def test_chinese_is_compared_character_by_character():
    (hit,) = hits(f"问题：{CHINESE}？")
    assert (hit.item, hit.text, hit.match) == ("toy/3", CHINESE, "words")
    assert hits("小明的爸爸昨天去学校开会了") == []


@pytest.mark.parametrize("row", ["", "   ", "?!", "🙂", "word", NUMBERS, "the " * 500])
def test_rows_without_content_are_no_hits(row):
    assert hits(row, "", row) == []


def test_odd_characters_leave_the_span_readable():
    (hit,) = hits(f"İstanbul \ud83d {BAKER}")
    assert hit.text == BAKER.rstrip(".").lower()
    (hit,) = hits(f"\ud83d {BAKER}")
    assert hit.text == BAKER.rstrip(".")
    (hit,) = hits(f"İ, “well”: {changed(TRAIN)}")
    assert (hit.match, hit.text) == ("loose", changed(TRAIN).lower().rstrip("?"))


def test_rows_are_counted_over_batches_and_pieces():
    rows = [f"filler number {number} " * 30 for number in range(3000)]
    rows[17] = rows[2999] = BAKER
    assert [hit.row for hit in hits(*rows, first=100)] == [117, 3099]
    batches = [arrow(row.encode() for row in rows[:20]), arrow(row.encode() for row in rows[20:])]
    assert [hit.row for hit in _toy_contamination(batches)] == [17, 2999]


def _toy_contamination(batches):
    detector, row, found = Detector([TOY], 10), 0, []
    for batch in batches:
        found += detector.hits(batch, row)
        row += len(batch)
    return found


@pytest.mark.parametrize("n", [8, 10, 13, 20])
def test_any_n_from_8_is_answered_from_the_same_index(n):
    """Against sets of word tuples, for rows that share a stretch of every length with an item."""
    spelled = words(BAKER)
    rows = [f"zebra {' '.join(spelled[:length])} zebra" for length in range(1, len(spelled) + 1)]
    expected = [length - 1 for length in range(n, len(spelled) + 1)]
    assert [hit.row for hit in hits(*rows, n=n)] == expected


@pytest.mark.parametrize("n", [-1, 0, 7, 65])
def test_an_n_that_cannot_be_answered_says_which_can(n):
    with pytest.raises(PlaygroundError, match=f"n is {n}. Give 8 to 64"):
        contamination([BAKER], ["gsm8k"], n)


def test_a_benchmark_of_ones_own_is_added_by_name_and_ref(house):
    rows = [{"question": BAKER, "answer": "60"}, {"question": TRAIN, "answer": ANSWER}]
    added = add_benchmark(house.store, "exam", rows)
    assert house.store.find(added.ref, KIND).sha == added.sha
    for name in ("exam", added.ref):
        (hit,) = contamination([TRAIN], [name], store=house.store)
        assert (hit.row, hit.benchmark, hit.item) == (0, "exam", "exam/1")
    again = add_benchmark(house.store, "exam", rows)
    assert again.sha == added.sha
    newer = add_benchmark(house.store, "exam", rows[:1])
    assert find_benchmark("exam", house.store).ids == ("exam/0",)
    assert find_benchmark(added.ref, house.store).ids == ("exam/0", "exam/1")
    assert newer.sha != added.sha


def test_columns_are_found_or_asked_for(house):
    named = add_benchmark(house.store, "named", [{"frage": BAKER, "lösung": "60"}], "frage", "lösung")
    assert find_benchmark(named.ref, house.store).ids == ("named/0",)
    with pytest.raises(PlaygroundError, match="has the columns frage"):
        add_benchmark(house.store, "unclear", [{"frage": BAKER}])
    with pytest.raises(PlaygroundError, match="no column 'q' for the question"):
        add_benchmark(house.store, "unclear", [{"frage": BAKER}], "q")
    with pytest.raises(PlaygroundError, match="has the columns none"):
        add_benchmark(house.store, "unclear", [])


@pytest.mark.parametrize(
    ("name", "words"), [("gsm8k", "comes with the project"), ("../x", "cannot be a name"), ("", "cannot")]
)
def test_names_are_checked(house, name, words):
    with pytest.raises(PlaygroundError, match=words):
        add_benchmark(house.store, name, [{"question": BAKER}])


def test_an_unknown_benchmark_names_the_known_ones(house):
    add_benchmark(house.store, "exam", [{"question": BAKER}])
    with pytest.raises(
        PlaygroundError, match="'mmlu'. There are: gsm8k, humaneval, mbpp, math, exam".replace(".", r"\.")
    ):
        contamination(["x"], ["mmlu"], store=house.store)
    with pytest.raises(PlaygroundError, match="There are: gsm8k, humaneval, mbpp, math\\."):
        contamination(["x"], ["mmlu"])


def test_rows_come_as_texts_or_as_batches(monkeypatch):
    monkeypatch.setattr(leaks, "BATCH", 2)
    rows = ["first", f"so {' '.join(['long'] * 12)}", "third", "fourth", "fifth"]
    exam = _lines("gsm8k/test.jsonl")[0]["question"]
    found = [
        contamination(given, ["gsm8k"])
        for given in ([*rows, exam], [arrow(map(str.encode, rows)), arrow([exam.encode()])])
    ]
    assert found[0] == found[1]
    assert [hit.row for hit in found[0]] == [5]


def test_all_shipped_benchmarks_are_asked_when_none_is_named():
    assert contamination(["A row about nothing in particular that stands in no exam, as far as anybody knows."]) == []
    assert contamination([]) == []


def _lines(name: str) -> list[dict]:
    file = SHARED / name
    if not file.exists():
        pytest.skip("needs ../shared/data/instruct")
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def _leaks(question: str, answer: str, dice: random.Random) -> list[str]:
    """The five kinds of leak, one of each."""
    text = dice.choice((question, f"{question}\n{answer}"))
    signs = dice.choice((str.maketrans("", "", string.punctuation), {ord(sign): " " for sign in string.punctuation}))
    return [
        text,
        dice.choice((str.upper, str.lower, str.title))(text).translate(signs),
        re.sub(r"\d+", lambda match: str(dice.randint(1, 10 ** len(match.group()))), text),
        f"### Instruction:\nSolve step by step.\n\n{question}\n\n### Response:\n{dice.choice(('', answer))}",
        answer,
    ]


@pytest.mark.parametrize("seed", range(5))
def test_forty_leaks_of_gsm8k_among_a_thousand_math_rows(seed):
    dice = random.Random(seed)
    exam = _lines("gsm8k/test.jsonl")
    rows = [f"{row['problem']} {row['solution']}" for row in dice.sample(_lines("math/test.json"), 1000)]
    planted = {}
    for kind in range(5):
        for number in dice.sample(range(len(exam)), 8):
            place = dice.choice([place for place in range(1000) if place not in planted])
            planted[place] = f"gsm8k/test/{number}"
            rows[place] = _leaks(exam[number]["question"], exam[number]["answer"], dice)[kind]
    found = {(hit.row, hit.item) for hit in contamination(rows, ["gsm8k"])}
    assert set(planted.items()) <= found
    assert len(found - set(planted.items())) <= 1


@pytest.mark.parametrize(("n", "train_rows", "items"), [(10, 11, 9), (13, 4, 3)])
def test_the_reference_values_of_gsm8k(n, train_rows, items):
    found = contamination([row["question"] for row in _lines("gsm8k/train.jsonl")], ["gsm8k"], n)
    assert (len({hit.row for hit in found}), len({hit.item for hit in found})) == (train_rows, items)
