"""Training the table by which programs are told apart."""

import json

import pytest

from shared import code_training
from shared.code_training import NONE, Sizes, Source, choose_words, cut_pieces, main, read_sources, train, write_table

PYTHON = "import math\n\ndef area(r):\n    if r < 0:\n        return None\n    return math.pi * r ** 2\n\nfor r in range(3):\n    print(area(r))\n"
RUST = "use std::f64;\n\npub fn area(r: f64) -> Option<f64> {\n    if r < 0.0 {\n        return None;\n    }\n    Some(r * r)\n}\n"
GO = 'package main\n\nimport "fmt"\n\nfunc area(r float64) float64 {\n\treturn r * r\n}\n\nfunc main() {\n\tfmt.Println(area(2))\n}\n'
TALK = (
    "The area of a circle grows with the square of its radius.\nNobody knows who found this first, or where it was.\n"
)
SOURCES = [
    Source("python", "one", (PYTHON * 4,)),
    Source("python", "two", (PYTHON.replace("area", "size") * 4,)),
    Source("rust", "three", (RUST * 4,)),
    Source("rust", "one", (RUST.replace("area", "size") * 4,)),
    Source("go", "four", (GO * 4,)),
    Source("go", "five", (GO.replace("area", "size") * 4,)),
    Source(NONE, "three", (TALK * 20,)),
    Source(NONE, "four", (TALK.replace("circle", "square") * 20,)),
]
SMALL = Sizes(main=60, other=40, none=60, words=60, features=80, steps=60, rarest=4)


def test_pieces_of_every_language_are_cut_and_dressed():
    languages = [NONE, "python", "rust", "go"]
    pieces = cut_pieces(SOURCES, languages, ["python", "rust"], SMALL)
    assert [int((pieces.languages == place).sum()) for place in range(4)] == [60, 60, 60, 40]
    assert {SOURCES[origin].language for origin in pieces.sources[pieces.languages == 1].tolist()} == {"python"}
    again = cut_pieces(SOURCES, languages, ["python", "rust"], SMALL)
    assert pieces.texts == again.texts
    asked = [
        text
        for text, place in zip(pieces.texts, pieces.languages.tolist(), strict=True)
        if place == 1 and text[:5] in "Write a Imple"
    ]
    assert asked


def test_words_are_those_that_tell_languages_apart():
    pieces = cut_pieces(SOURCES, [NONE, "python", "rust", "go"], ["python", "rust"], SMALL)
    words = choose_words(pieces, 4, SMALL).words
    assert len(words) <= 60
    assert {"def", "fn", "func"} <= set(words)
    assert "\n" not in words
    assert not any(word[0].isdigit() for word in words)


def test_a_table_that_was_trained_tells_its_languages(tmp_path, monkeypatch):
    rows = train(SOURCES, ["python", "rust"], SMALL)
    table = tmp_path / "weights.tsv"
    write_table(rows, table)
    lines = table.read_text("utf-8").splitlines()
    assert lines[0] == "feature\tnone\tpython\trust\tgo"
    assert lines[1].startswith("\t")
    assert len(lines) == 82
    weights = {line.split("\t")[0]: [int(one) for one in line.split("\t")[1:]] for line in lines[1:]}
    best = {feature: max(range(4), key=values.__getitem__) for feature, values in weights.items()}
    assert best["def"] == 1
    assert best["fn"] == 2
    assert best["func"] == 3


def test_sources_are_read_as_the_manifest_says(tmp_path):
    project = tmp_path / "owner" / "project"
    (project / "src").mkdir(parents=True)
    (project / "src" / "a.py").write_text(PYTHON)
    (project / "src" / "short.py").write_text("x = 1")
    (project / "b.rs").write_text(RUST)
    (project / "notes.md").write_text(f"{TALK}```\n{RUST}```\n")
    (project / "exam.jsonl").write_text("\n".join(json.dumps({"q": TALK, "n": number}) for number in range(5)))
    manifest = {
        "source": [
            {"language": "python", "repository": "owner/project", "files": "^src/.*\\.py$"},
            {"language": NONE, "repository": "owner/project", "files": "\\.md$"},
            {"language": NONE, "repository": "owner/project", "files": "\\.jsonl$", "rows": 3},
        ],
        "own": [{"language": "sql", "texts": ["SELECT 1;", "SELECT 2;", "SELECT 3;"]}],
    }
    found = read_sources(tmp_path, manifest)
    assert [(one.language, one.name, len(one.texts)) for one in found] == [
        ("python", "owner/project", 1),
        (NONE, "owner/project", 1),
        (NONE, "owner/project", 3),
        ("sql", "own", 2),
        ("sql", "own", 1),
    ]
    assert "fn" not in found[1].texts[0]


def test_the_script_writes_the_table(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(code_training, "read_sources", lambda folder, manifest: SOURCES)
    monkeypatch.setattr(code_training, "Sizes", lambda: SMALL)
    monkeypatch.setattr(
        code_training, "train", lambda sources, named, sizes: [("none\tpython", []), ("", [1, 2]), ("def", [3, 4])]
    )
    main([str(tmp_path), "--out", str(tmp_path / "table.tsv")])
    assert (tmp_path / "table.tsv").read_text("utf-8") == "feature\tnone\tpython\n\t1\t2\ndef\t3\t4\n"
    assert "1 features" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["python", "JavaScript", "Java", "LICENSE"])
def test_the_names_of_languages_tell_nothing(name):
    assert code_training.NAMED.fullmatch(name)
