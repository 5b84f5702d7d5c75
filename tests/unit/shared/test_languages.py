"""The natural language of a text."""

import json
import tomllib
from collections import Counter
from pathlib import Path

import pytest

from shared.languages import Language, LanguageCounts, count, detect, excerpt, name

SHARED = Path(__file__).resolve().parents[4] / "shared"
SENTENCES = tomllib.loads((Path(__file__).resolve().parents[2] / "data" / "languages.toml").read_text("utf-8"))


def codes(*texts: str) -> list[str]:
    return [language.code for language in detect(texts)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("The cat sleeps on the old sofa.", "en"),
        ("中国的首都是北京。", "zh"),
        ("使用 TensorFlow 训练模型", "zh"),
        ("日本の首都はどこですか", "ja"),
        ("안녕하세요, 반갑습니다", "ko"),
        ("ประเทศไทยมีกี่จังหวัด", "th"),
        ("Η Αθήνα είναι πρωτεύουσα", "el"),
        ("מהי בירת צרפת", "he"),
        ("Столица России находится на реке Москве", "ru"),
        ("Կարդում եմ գիրք", "hy"),
        ("საქართველოს დედაქალაქი", "ka"),
        ("தமிழ் மொழி மிகவும் பழமையானது", "ta"),
    ],
)
def test_scripts_and_model_tell_the_language(text, code):
    assert codes(text) == [code]


@pytest.mark.parametrize(
    "text", ["", "   ", "42", "1 + 1 = 2", "🙂🙂🎉", "A", "好", "ok", "\u0301", "####", "http://x.org/a"]
)
def test_a_text_with_too_few_letters_is_honestly_undecided(text):
    assert detect([text]) == [Language("und", 0.0)]


def test_many_texts_at_once_are_each_judged_by_themselves():
    texts = [sentence for sentences in SENTENCES.values() for sentence in sentences]
    together = detect(texts)
    assert together == [found for text in texts for found in detect([text])]
    assert detect([]) == []


def test_the_walk_over_all_rows_scores_as_the_library_does():
    import numpy as np
    from py3langid.langid import LanguageIdentifier

    from shared.languages import _model, _scripts, _shares

    library = LanguageIdentifier.from_model_file("data/model.npz.xz", norm_probs=True)
    texts = [
        "Wie oft hat Polonia den Pokal gewonnen?",
        "Quanti giorni ha un anno bisestile?",
        "ÀÉÎ ÕÜ ß",
        "in the " * 60,
    ]
    latin = _scripts().names.index("latin")
    _, _, penalty, labels = _model().tables[latin]
    library.set_languages(list(labels))
    ours = np.log(_shares(texts, latin)) + penalty
    for text, row in zip(texts, ours, strict=True):
        theirs = dict(library.rank(text))
        shifted = row - np.log(np.exp(row).sum())
        best = {}
        for label, score in zip(labels, np.exp(shifted).tolist(), strict=True):
            best[label] = best.get(label, 0.0) + score
        assert {label: pytest.approx(share, abs=2e-4) for label, share in best.items()} == theirs


def test_fenced_code_links_and_markup_do_not_count():
    text = "Erkläre, was dieses Programm tut:\n```python\nfor name in names:\n    print(the_long_name_of_this)\n```\nDanke dir sehr."
    assert "print" not in excerpt(text)
    assert codes(text) == ["de"]
    assert codes("```\nthis is all inside of a block\n```") == ["und"]
    assert "```" not in excerpt("before\n~~~\nnever closed ```")
    assert excerpt("see https://example.org/a/b and <b>this</b> \\frac now").split() == ["see", "and", "this", "now"]


def test_only_a_sample_of_a_long_text_is_read():
    text = "Der Hund schläft im Garten. " * 40_000
    assert len(excerpt(text)) < 300
    assert codes(text) == ["de"]


def test_capitals_and_composed_letters_make_no_difference():
    assert codes("QUELLE EST LA CAPITALE DE L'AUSTRALIE ?") == ["fr"]
    assert codes("Tho\u0323 tha\u0323ch cao la\u0300 gi\u0300? Viê\u0323t Nam o\u031b\u0309 \u0111âu?") == ["vi"]


def test_half_a_surrogate_pair_is_no_obstacle():
    assert codes("The capital of Australia \ud83d is Canberra.") == ["en"]


def test_counts_of_batches_add_up():
    texts = ["The cat sleeps on the sofa.", "中国的首都是北京。", "", "Die Katze schläft auf dem Sofa."]
    total = count(texts[:2]) + count(texts[2:]) + LanguageCounts()
    assert total == LanguageCounts(Counter({"en": 1, "zh": 1, "und": 1, "de": 1}))
    assert total.rows == 4
    assert ("de", "German", 1, 0.25) in total.shares()
    assert LanguageCounts().shares() == []


def test_languages_have_names():
    assert name("zh") == "Chinese"
    assert name("und") == "not said"
    assert name("tlh") == "tlh"


def test_twelve_more_languages():
    right = [
        (code, found.code) for code, sentences in SENTENCES.items() for found in detect(sentences) if found.code == code
    ]
    assert len(SENTENCES) == 12
    assert all(len(sentences) == 20 for sentences in SENTENCES.values())
    assert len(right) / 240 >= 0.9


@pytest.mark.parametrize("code", ["de", "en", "es", "ru", "zh"])
def test_xquad(code):
    folder = SHARED / "data" / "retrieval" / "xquad"
    if not folder.exists():
        pytest.skip("needs ../shared/data/retrieval/xquad")
    files = (folder / f"{code}.{kind}.jsonl" for kind in ("corpus", "queries"))
    texts = [json.loads(line)["text"] for file in files for line in file.read_text("utf-8").splitlines()]
    assert sum(found.code == code for found in detect(texts)) / len(texts) >= 0.97
