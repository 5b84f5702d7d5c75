import math
from collections import Counter

import numpy as np
import pytest
import sacrebleu

from shared.errors import PlaygroundError
from shared.metrics import translation
from shared.metrics.intervals import bootstrap
from shared.metrics.translation import bleu_of, chrf_of, rows, score

ENGLISH = ["the cat is on the mat", "there is a dog in the garden", "hello world", "it rains", ""]
GIVEN = [
    ["the cat sat on the mat", "a cat is on the mat"],
    ["a dog is in the garden"],
    ["hello world"],
    ["it is raining now"],
    ["x"],
]
CHINESE = ["猫在椅子上睡觉。", "今天下雨", "我是学生。"]
WANTED = [["猫正睡在椅子上。", "猫在椅子上睡觉。"], ["今天在下雨。"], ["我是一名学生。"]]


def streams(references: list[list[str]]) -> list[list[str | None]]:
    deepest = max(map(len, references))
    return [[each[place] if place < len(each) else None for each in references] for place in range(deepest)]


def test_bleu_of_a_worked_example() -> None:
    # 5 of 6 words, 3 of 5 pairs, 1 of 4 triples, no quadruple (smoothed to 1/2 of 3); the lengths are equal.
    found = score("bleu", ["the cat is on the mat"], [["the cat sat on the mat"]])
    assert found.score == pytest.approx(100 * (5 / 6 * 3 / 5 * 1 / 4 * 0.5 / 3) ** 0.25, abs=1e-9)
    assert "tok:13a" in found.signature
    assert f"version:{sacrebleu.__version__}" in found.signature


def plain_chrf(answer: str, reference: str) -> float:
    """chrF2 of one sentence, from the definition in Popović (2015), orders without n-grams left out."""
    answer, reference = answer.replace(" ", ""), reference.replace(" ", "")
    precisions, recalls = [], []
    for order in range(1, 7):
        given = Counter(answer[i : i + order] for i in range(len(answer) - order + 1))
        wanted = Counter(reference[i : i + order] for i in range(len(reference) - order + 1))
        if given and wanted:
            both = (given & wanted).total()
            precisions.append(both / given.total())
            recalls.append(both / wanted.total())
    p, r = np.mean(precisions), np.mean(recalls)
    return 100 * 5 * p * r / (4 * p + r) if p + r else 0.0


@pytest.mark.parametrize(
    ("answer", "reference"), [("the cat", "the mat"), ("猫在睡觉", "猫睡觉了"), ("same", "same"), ("a", "b")]
)
def test_chrf_equals_the_definition(answer: str, reference: str) -> None:
    assert score("chrf", [answer], [[reference]]).score == pytest.approx(plain_chrf(answer, reference), abs=1e-9)


@pytest.mark.parametrize(("answers", "references", "language"), [(ENGLISH, GIVEN, "en"), (CHINESE, WANTED, "zh")])
def test_equals_sacrebleu_called_directly(answers, references, language) -> None:
    tokenise = "zh" if language == "zh" else "13a"
    bleu = sacrebleu.corpus_bleu(answers, streams(references), tokenize=tokenise).score
    chrf = sacrebleu.corpus_chrf(answers, streams(references)).score
    assert score("bleu", answers, references, language).score == pytest.approx(bleu, abs=1e-9)
    assert score("chrf", answers, references, language).score == pytest.approx(chrf, abs=1e-9)
    assert f"tok:{tokenise}" in score("bleu", answers, references, language).signature
    # and so do the summed counts that the bootstrap scores
    assert float(bleu_of(rows("bleu", answers, references, language).sum(axis=0))) == pytest.approx(bleu, abs=1e-6)
    assert float(chrf_of(rows("chrf", answers, references, language).sum(axis=0))) == pytest.approx(chrf, abs=1e-6)


def test_summed_counts_score_as_sacrebleu_does_on_every_resample() -> None:
    from sacrebleu.metrics.bleu import BLEU
    from sacrebleu.metrics.chrf import CHRF

    for measure, of, metric in (("bleu", bleu_of, BLEU()), ("chrf", chrf_of, CHRF())):
        table = rows(measure, ENGLISH, GIVEN)
        picks = np.random.default_rng(0).integers(len(table), size=(200, len(table)))
        sums = table[picks].sum(axis=1)
        wanted = [metric._compute_score_from_stats([int(n) for n in each]).score for each in sums]
        assert of(sums) == pytest.approx(wanted, abs=1e-6)


def test_rows_of_one_sentence_at_a_time_are_the_same() -> None:
    table = rows("bleu", ENGLISH, GIVEN)
    one = [rows("bleu", [answer], [wanted])[0] for answer, wanted in zip(ENGLISH, GIVEN, strict=True)]
    assert np.array_equal(table, one)


def test_interval_of_bleu_holds_its_value() -> None:
    found = bootstrap(rows("bleu", ENGLISH * 4, GIVEN * 4), bleu_of, draws=300)
    assert found.lower < found.value < found.upper
    assert found.value == pytest.approx(score("bleu", ENGLISH * 4, GIVEN * 4).score, abs=1e-6)


def test_words_are_no_measure_of_chinese() -> None:
    wrong = score("bleu", CHINESE, WANTED, "en").score
    assert score("bleu", CHINESE, WANTED, "zh").score > wrong
    assert "tok:char" in score("bleu", ["雨です。"], [["雨です。"]], "ja").signature


def test_perfect_and_worthless() -> None:
    assert score("bleu", ["one two three four five"], [["one two three four five"]]).score == pytest.approx(100)
    assert score("chrf", ["猫"], [["猫"]]).score == pytest.approx(100)
    assert score("bleu", ["x y z w"], [["a b c d"]]).score == 0
    assert score("chrf", [""], [["abc"]]).score == 0
    assert math.isclose(float(chrf_of(np.zeros(18))), 0.0)
    assert float(bleu_of(np.zeros(10))) == 0.0


@pytest.mark.parametrize(("answers", "references"), [([], []), (["a"], [[]]), (["a", "b"], [["a"]])])
def test_nothing_to_score_is_refused(answers, references) -> None:
    with pytest.raises(PlaygroundError, match="at least one reference"):
        score("chrf", answers, references)
    with pytest.raises(PlaygroundError, match="at least one reference"):
        translation.rows("bleu", answers, references)
