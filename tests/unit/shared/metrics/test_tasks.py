import json
import re
from pathlib import Path

import pytest

from shared.errors import PlaygroundError
from shared.metrics import tasks
from shared.metrics.exact import Rules
from shared.metrics.tasks import Choice, Code, Exact, Text, Translation

HEAD = 'name = "mine"\nkind = "{kind}"\ntitle = "Mine"\ndomain = "d"\nlanguage = "en"\n'


def made(folder: Path, kind: str, *items: dict, head: str = "") -> Path:
    (folder / "mine.jsonl").write_text("".join(json.dumps(each) + "\n" for each in items), "utf-8")
    path = folder / "mine.toml"
    path.write_text(HEAD.format(kind=kind) + 'items = "mine.jsonl"\n' + head, "utf-8")
    return path


def test_our_own_tasks_are_what_they_promise() -> None:
    found = {name: tasks.task(name) for name in tasks.names()}
    assert {name: each.kind for name, each in found.items()} == {
        "answers": "exact", "choices": "choices", "code": "text", "en-zh": "translation", "functions": "code", "prose": "text"
    }  # fmt: skip
    assert len(found["choices"].items) >= 30
    assert len(found["answers"].items) >= 30
    assert len(found["en-zh"].items) >= 20
    for each in found.values():
        assert (each.licence, len(each.sha256)) == ("Apache-2.0", 64)
        assert each.about
        assert all(item.domain and item.language for item in each.items)


def test_our_texts_cover_every_domain_and_language_with_about_as_much() -> None:
    sizes: dict[tuple[str, str], int] = {}
    documents: dict[tuple[str, str], int] = {}
    for name in ("prose", "code"):
        for item in tasks.task(name).items:
            assert isinstance(item, Text)
            group = (item.domain, item.language)
            sizes[group] = sizes.get(group, 0) + len(item.text.encode())
            documents[group] = documents.get(group, 0) + 1
    wanted = {("encyclopaedia", language) for language in ("en", "zh", "de", "es", "ja", "ar")}
    wanted |= {(domain, "en") for domain in ("stories", "news", "dialogue")}
    wanted |= {("code", language) for language in ("python", "cpp", "javascript", "rust", "lean4", "julia")}
    assert set(sizes) == wanted
    assert 780 <= min(sizes.values()) <= max(sizes.values()) <= 2000
    assert min(documents.values()) >= 3, "an interval needs several documents"


def test_right_choices_stand_in_every_place() -> None:
    places = [item.answer for item in tasks.task("choices").items]
    assert {places.count(place) for place in range(4)} == {len(places) // 4}
    for item in tasks.task("choices").items:
        assert len(set(item.choices)) == len(item.choices)


def test_our_python_tasks_parse_and_are_met_by_known_solutions() -> None:
    solutions = {
        "add": "return a + b",
        "largest": "return max(numbers)",
        "is_even": "return n % 2 == 0",
        "count_vowels": "return sum(c in 'aeiou' for c in text.lower())",
        "reverse_words": "return ' '.join(reversed(sentence.split()))",
        "without_duplicates": "return list(dict.fromkeys(values))",
        "fibonacci": "a, b = 0, 1\n    for _ in range(n):\n        a, b = b, a + b\n    return a",
        "is_palindrome": "s = [c.lower() for c in text if c.isalpha()]\n    return s == s[::-1]",
        "group_by_length": "d = {}\n    for w in words:\n        d.setdefault(len(w), []).append(w)\n    return d",
        "to_roman": "out = ''\n    for v, s in zip((1000,900,500,400,100,90,50,40,10,9,5,4,1), 'M CM D CD C XC L XL X IX V IV I'.split()):\n"
        "        while n >= v:\n            out += s\n            n -= v\n    return out",
    }
    for item in tasks.task("functions").items:
        assert isinstance(item, Code)
        space: dict = {}
        exec(f"{item.prompt}    {solutions[item.entry]}\n{item.test}", space)
        space["check"](space[item.entry])
        with pytest.raises(AssertionError):
            space["check"](lambda *_: None)


def test_kinds_and_defaults(workspace: Path) -> None:
    path = made(
        workspace,
        "choices",
        {"question": "q", "choices": ["a", "b"], "answer": 1},
        {"question": "q", "choices": ["甲", "乙"], "answer": 0, "language": "zh", "delimiter": ""},
    )
    read = tasks.load(path)
    assert read.items == (Choice("q", ("a", "b"), 1, " ", "d", "en"), Choice("q", ("甲", "乙"), 0, "", "d", "zh"))
    assert tasks.load(
        made(workspace, "exact", {"question": "q", "answers": ["a"]}, head="[rules]\nignore_case = true\n")
    ).rules == Rules(ignore_case=True)
    assert tasks.load(made(workspace, "exact", {"question": "q", "answers": ["a"]})).items == (
        Exact("q", ("a",), "d", "en"),
    )
    assert tasks.load(made(workspace, "translation", {"source": "s", "references": ["r"]})).items == (
        Translation("s", ("r",), "d", "en"),
    )


def test_items_inside_the_file_keep_their_spaces(workspace: Path) -> None:
    path = workspace / "mine.toml"
    path.write_text(HEAD.format(kind="text") + "[[items]]\ntext = '''\n  def f():\n'''\n", "utf-8")
    assert tasks.load(path).items == (Text("  def f():\n", "d", "en"),)


def test_the_hash_changes_with_either_file(workspace: Path) -> None:
    one = tasks.load(made(workspace, "text", {"text": "a"})).sha256
    two = tasks.load(made(workspace, "text", {"text": "b"})).sha256
    three = tasks.load(made(workspace, "text", {"text": "b"}, head="# more\n")).sha256
    assert len({one, two, three}) == 3


@pytest.mark.parametrize(
    ("kind", "item", "words"),
    [
        ("text", {"text": ""}, "item 1: text"),
        ("text", {"text": "a", "txt": "b"}, "item 1: txt"),
        ("text", ["a"], "item 1"),
        ("text", {"text": "\ud83d"}, "unicode string"),
        ("choices", {"question": "q", "choices": ["a"], "answer": 0}, "item 1: choices"),
        ("choices", {"question": "q", "choices": ["a", "b"], "answer": 2}, "answer is 2, but there are 2 choices"),
        ("exact", {"question": "q", "answers": []}, "item 1: answers"),
        ("translation", {"source": "s"}, "item 1: references"),
        ("wrong", {"text": "a"}, "kind"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(workspace: Path, kind: str, item, words: str) -> None:
    with pytest.raises(PlaygroundError, match=re.escape(words)):
        tasks.load(made(workspace, kind, item))


def test_a_translation_task_has_one_language(workspace: Path) -> None:
    one, two = {"source": "s", "references": ["r"]}, {"source": "s", "references": ["r"], "language": "zh"}
    with pytest.raises(PlaygroundError, match="several languages"):
        tasks.load(made(workspace, "translation", one, two))


def test_files_that_are_wrong(workspace: Path) -> None:
    with pytest.raises(PlaygroundError, match="no items"):
        tasks.load(made(workspace, "text"))
    (workspace / "mine.jsonl").write_text('{"text": "a"}\n\n{oops\n')
    with pytest.raises(PlaygroundError, match="line 3"):
        tasks.load(workspace / "mine.toml")
    (workspace / "mine.jsonl").unlink()
    with pytest.raises(PlaygroundError, match=r"mine\.jsonl cannot be read"):
        tasks.load(workspace / "mine.toml")
    (workspace / "mine.toml").write_text("name = ")
    with pytest.raises(PlaygroundError, match="no TOML"):
        tasks.load(workspace / "mine.toml")
    other = workspace / "other.toml"
    other.write_text(HEAD.format(kind="text") + 'items = [{text = "a"}]')
    with pytest.raises(PlaygroundError, match="'other'"):
        tasks.load(other)
    with pytest.raises(PlaygroundError, match="cannot be read"):
        tasks.load(workspace / "none.toml")


def test_data_outside_the_folder_is_never_read(workspace: Path) -> None:
    (workspace / "secret.jsonl").write_text('{"text": "a"}\n')
    inner = workspace / "inner"
    inner.mkdir()
    (inner / "mine.toml").write_text(HEAD.format(kind="text") + 'items = "../secret.jsonl"\n')
    with pytest.raises(PlaygroundError, match="cannot be read"):
        tasks.load(inner / "mine.toml")


def test_an_unknown_name_lists_the_known_ones(workspace: Path) -> None:
    with pytest.raises(PlaygroundError, match="answers, choices"):
        tasks.task("nope")
    with pytest.raises(PlaygroundError, match="the folder is empty"):
        tasks.task("nope", workspace)
