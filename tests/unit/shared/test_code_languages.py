"""The programming language of files, snippets and rows."""

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from shared.code_languages import CodeCounts, Guess, count, detect, explain, guess, name

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data" / "instruct"

SNIPPETS = {
    "python": "def area(width, height):\n    if width < 0:\n        raise ValueError('width')\n    return width * height\n",
    "cpp": "#include <vector>\n\nint total(const std::vector<int>& v) {\n    int s = 0;\n    for (auto x : v) s += x;\n    return s;\n}\n",
    "javascript": "const names = people.map((p) => p.name);\nfunction greet(name) {\n  console.log(`Hi ${name}`);\n}\n",
    "rust": "pub fn first(v: &[i32]) -> Option<&i32> {\n    let mut it = v.iter();\n    it.next()\n}\n",
    "lean4": "theorem add_zero' (n : ℕ) : n + 0 = n := by\n  simp\n",
    "julia": "function norm2(v::Vector{Float64})\n    s = 0.0\n    for x in v\n        s += x^2\n    end\n    return sqrt(s)\nend\n",
    "other": 'package main\n\nimport "fmt"\n\nfunc main() {\n\tx := 3\n\tfmt.Println(x)\n}\n',
}
PROSE = [
    "Write a function that returns the sum of two numbers.",
    "How many clips did Natalia sell altogether in April and May? 48/2 = <<48/2=24>>24 #### 72",
    "Let $f(x)=\\frac{1}{2}x^2$. Find $\\int_0^1 f(x)\\,dx$ and simplify: \\begin{align*} a &= b \\end{align*}",
    "请用三句话介绍一下北京的历史，并说明它为什么是首都。",
    "Dear Sam,\n\nthe meeting is moved to Monday; please bring the report (the long one).\n\nBest,\nAnn",
    "",
    "   ",
    "42",
    "🙂🙂",
]


@pytest.mark.parametrize("language", SNIPPETS)
def test_a_snippet_is_told_by_its_content(language):
    found = guess(SNIPPETS[language])
    assert found.language == language
    assert 0.5 < found.confidence <= 1


@pytest.mark.parametrize("language", SNIPPETS)
def test_a_snippet_inside_an_instruction_row_is_found(language):
    assert guess(f"Here is some code that I do not understand. Explain it.\n{SNIPPETS[language]}").language == language


@pytest.mark.parametrize("text", PROSE)
def test_prose_holds_no_code(text):
    assert guess(text) == Guess("none", 1.0)


@pytest.mark.parametrize(
    ("path", "language"),
    [
        ("src/lib.rs", "rust"),
        ("Mathlib/Logic/Basic.lean", "lean4"),
        ("a/b/util.JL", "julia"),
        ("x.hpp", "cpp"),
        ("index.mjs", "javascript"),
        ("setup.py", "python"),
        ("Main.java", "other"),
        ("README.md", "none"),
    ],
)
def test_a_file_is_told_by_its_extension(path, language):
    assert guess("anything", path) == Guess(language, 1.0)


def test_a_path_without_a_known_extension_leaves_it_to_the_content():
    found = detect([SNIPPETS["rust"], "Just a note."], ["Makefile.in", ""])
    assert [one.language for one in found] == ["rust", "none"]


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("py", "python"),
        ("C++", "cpp"),
        ("js", "javascript"),
        ("lean", "lean4"),
        ("julia", "julia"),
        ("go", "other"),
        ("text", "none"),
    ],
)
def test_a_fenced_block_is_told_by_its_tag(tag, language):
    assert guess(f"See:\n```{tag}\nx\n```\nDone.").language == language


@pytest.mark.parametrize("tag", ["", "madeup", "code"])
def test_a_fenced_block_without_a_known_tag_is_told_by_its_content(tag):
    text = f"Explain this please:\n```{tag}\n{SNIPPETS['julia']}```\nThank you."
    assert guess(text).language == "julia"
    assert guess(f"A table:\n```{tag}\nname   age\nAnn    41\n```").language == "none"


def test_of_several_blocks_the_larger_part_counts():
    short, long = "```python\nx = 1\n```", f"```\n{SNIPPETS['rust']}```"
    assert guess(f"First:\n{short}\nthen:\n{long}").language == "rust"
    assert guess(f"~~~js\nvar a\n~~~\nand an unclosed one\n```rust\n{SNIPPETS['rust']}").language == "rust"


def test_fences_in_the_comments_of_a_program_do_not_hide_it():
    doc = '"""\n    norm2(v)\n\nLength of `v`.\n\n```\n3.5 cm\n```\n"""\n'
    assert guess(doc + SNIPPETS["julia"]).language == "julia"


def test_without_types_typescript_is_javascript():
    plain = "export const add = (a, b) => a + b;\nexport default add;\nexpect(add(1, 2)).toBe(3);\n"
    assert guess(plain).language == "javascript"
    typed = "interface Point { x: number; y: number }\nexport const add = (a: number, b: number): number => a + b;\n"
    assert guess(typed).language == "other"


def test_every_text_is_judged_by_itself():
    texts = [*SNIPPETS.values(), *PROSE, f"```py\n{SNIPPETS['python']}```"] * 3
    assert detect(texts) == [guess(text) for text in texts]
    assert detect([]) == []


def test_odd_texts_are_no_obstacle():
    assert guess("\ud83d\ndef f(x):\n    return x\n").language == "python"
    assert guess("\0\0def f(x):\n\0    return x\n").language == "python"
    assert guess("x = 1\n" * 200_000).confidence > 0
    assert guess("عدد الأسطر\n" + SNIPPETS["python"]).language == "python"


def test_counts_of_batches_add_up():
    texts = [SNIPPETS["python"], "A note.", SNIPPETS["rust"], SNIPPETS["rust"]]
    total = count(texts[:1]) + count(texts[1:]) + CodeCounts()
    assert total == CodeCounts(Counter({"python": 1, "none": 1, "rust": 2}))
    assert total.rows == 4
    assert total.shares()[0] == ("rust", "Rust", 2, 0.5)
    assert CodeCounts().shares() == []
    assert count(["x"], ["a.py"]).counts == {"python": 1}


def test_names():
    assert name("cpp") == "C++"
    assert name("none") == "no code"
    assert name("cobol") == "cobol"


def test_an_answer_explains_itself_in_the_words_of_the_text():
    told = explain(SNIPPETS["rust"])
    assert 0 < len(told) <= 8
    assert [weight for _, weight in told] == sorted((weight for _, weight in told), reverse=True)
    assert any("fn" in feature or "mut" in feature or "&" in feature for feature, _ in told)
    assert explain("") == []


def _rows(file: str) -> list[dict]:
    path = SHARED / file
    if not path.exists():
        pytest.skip("needs ../shared/data/instruct")
    data = path.read_bytes()
    text = (gzip.decompress(data) if path.suffix == ".gz" else data).decode("utf-8")
    return [json.loads(line) for line in text.split("\n") if line.strip()]


def _right(texts: list[str], language: str) -> tuple[int, int]:
    return sum(found.language == language for found in detect(texts)), len(texts)


def test_files_by_their_content_alone():
    """None of these repositories is among those of manifests/code_sources.toml."""
    sums = [
        _right([row["text"] for row in _rows(f"code/{one}.jsonl.gz")], one)
        for one in ("julia", "rust", "lean4", "javascript")
    ]
    assert all(right / total >= 0.95 for right, total in sums)


@pytest.mark.parametrize(
    ("file", "column", "language"),
    [
        ("humaneval/humaneval-cpp.jsonl", "prompt", "cpp"),
        ("humaneval/humaneval-js.jsonl", "prompt", "javascript"),
        ("humaneval/humaneval-rs.jsonl", "prompt", "rust"),
        ("humaneval/humaneval-python.jsonl", "prompt", "python"),
        ("humaneval/humaneval-java.jsonl", "prompt", "other"),
        ("humaneval/humaneval-go.jsonl", "prompt", "other"),
        ("humaneval/HumanEval.jsonl.gz", "canonical_solution", "python"),
        ("mbpp/mbpp.jsonl", "code", "python"),
        ("lean4/minif2f.jsonl", "formal_statement", "lean4"),
        ("lean4/proofnet.jsonl", "formal_statement", "lean4"),
        ("gsm8k/test.jsonl", "answer", "none"),
        ("mbpp/mbpp.jsonl", "text", "none"),
    ],
)
def test_snippets(file, column, language):
    right, total = _right([row[column] for row in _rows(file)], language)
    assert right / total >= 0.85


@pytest.mark.parametrize("language", ["julia", "rust", "lean4", "javascript"])
def test_twenty_lines_from_the_middle_of_a_file(language):
    texts = [row["text"].split("\n") for row in _rows(f"code/{language}.jsonl.gz")]
    cuts = ["\n".join(lines[len(lines) // 2 - 10 : len(lines) // 2 + 10]) for lines in texts if len(lines) > 30]
    right, total = _right(cuts, language)
    assert right / total >= 0.85
