"""A dataset judged, cleaned and mixed through gradio_client, from this process to a server in another; every record replays."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from tests.conftest import SHARED

GSM8K = SHARED / "data" / "instruct" / "gsm8k" / "train.jsonl"
DIVERSITY = {"distinct_1", "distinct_2", "distinct_3", "entropy_bits", "mattr", "compression_ratio"}
LEAK = "Janet’s ducks lay 16 eggs per day. She eats three for breakfast every morning and bakes muffins for her friends every day with four."


@pytest.fixture
def ask(explorer: Client, portal: Client) -> Callable[..., dict]:
    """Calls an endpoint, and replays the record that it left."""

    def called(endpoint: str, **given: object) -> dict:
        result = explorer.predict(**given, api_name=f"/{endpoint}")
        replayed = portal.predict(id=result["record"], api_name="/replay")
        assert replayed["same"], replayed["rows"]
        assert replayed["exact"], replayed["why"]
        assert replayed["record"] not in ("", result["record"])
        return result

    return called


@pytest.fixture
def chinese(tmp_path: Path) -> Path:
    """200 questions and answers, 20 of them again, one with other numbers, one address, one empty answer, one test item."""
    rows = [
        {
            "question": f"小明有{i}个苹果，小红比他多{i % 7 + 2}个，两个人一共有多少个苹果？第{i}题",
            "answer": f"一共有{2 * i + i % 7 + 2}个苹果。",
        }
        for i in range(200)
    ]
    rows += rows[:20]
    rows.append(
        {"question": "怎样联系客服？请告诉我邮箱地址。", "answer": "请写信到 wang.fang@mail-server.org 联系我们。"}
    )
    rows.append({"question": "这个问题没有回答吗？", "answer": ""})
    rows.append({"question": LEAK, "answer": "18"})
    path = tmp_path / "中文.jsonl.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()))
    return path


def test_a_chinese_file_of_our_own(ask, explorer: Client, chinese: Path) -> None:
    loaded = ask("load", source=handle_file(str(chinese)))
    assert (loaded["rows"], loaded["shape"]) == (223, "qa")
    ref = loaded["dataset"]

    profile = ask("profile", dataset=ref)
    assert profile["rows"] == 223
    assert set(profile["diversity"]) >= DIVERSITY
    assert profile["languages"][0]["code"] == "zh"
    assert [each["kind"] for each in profile["private"]] == ["email"]

    exact = ask("duplicates", dataset=ref, kind="exact")
    assert exact["removable"] == list(range(200, 220))
    assert exact["groups"][0] == [0, 200]
    assert exact["pairs"][0] == {"a": 0, "b": 200, "similarity": 1.0}
    assert ask("duplicates", dataset=ref, kind="normalised")["removable"] == exact["removable"]

    leaks = ask("contamination", dataset=ref, benchmarks=["gsm8k"])
    assert [(hit["row"], hit["benchmark"], hit["item"]) for hit in leaks["hits"]] == [(222, "gsm8k", "gsm8k/test/0")]

    assert ask("licence", dataset=ref)["use"] == "unknown"
    assert ask("licence", dataset=ref, tag="cc-by-nc-4.0")["use"] == "no"

    for way, query in (("keyword", "客服"), ("regex", "客.邮|客服")):
        assert [each["row"] for each in ask("search", dataset=ref, query=query, way=way)["matches"]] == [220]
    near = ask("search", dataset=ref, query="e-mail address of the support", way="semantic", column="answer", limit=3)
    assert near["matches"][0]["row"] == 220

    drawn = ask("map", dataset=ref, column="answer", sample=40, clusters=3)
    assert (len(drawn["points"]), sum(each["size"] for each in drawn["clusters"]), drawn["rows"]) == (40, 40, 223)

    told = ask("explain", dataset=ref, row=205)
    assert [(each["row"], each["kind"]) for each in told["partners"] if each["kind"] == "exact"] == [(5, "exact")]
    assert told["language"] == "zh"
    assert all({"rule", "value", "least", "most", "spans"} <= set(each) for each in told["rules"])
    assert ask("explain", dataset=ref, row=220)["findings"][0]["kind"] == "email"

    rules = {
        "exact": True,
        "empty_answers": True,
        "personal": "mask",
        "benchmarks": ["gsm8k"],
        "edits": [{"row": 0, "column": "answer", "value": "两个。"}],
    }
    seen = explorer.predict(dataset=ref, rules=rules, preview=True, api_name="/clean")
    assert (seen["dataset"], seen["record"]) == ("", "")
    made = ask("clean", dataset=ref, rules=rules, preview=False)
    assert (made["rows"], made["kept"], made["masked"], made["edited"]) == (223, seen["kept"], 1, 1)
    assert seen["removed"] == made["removed"]
    assert {221, 222} < {each["row"] for each in made["removed"]}
    first = explorer.predict(dataset=made["dataset"], count=1, api_name="/page")
    assert first["rows"][0][1] == "两个。"
    # The recipe, as it was saved, gives the same ref again.
    recipe = made["recipe"]
    assert (
        ask("clean", dataset=recipe["sources"][0], rules=recipe["settings"]["rules"], preview=False)["dataset"]
        == made["dataset"]
    )
    assert ask("duplicates", dataset=made["dataset"], kind="exact")["removable"] == []

    contrast = ask("compare", first=ref, second=made["dataset"])
    numbers = {each["name"]: each["difference"] for each in contrast["numbers"]}
    assert numbers["rows"] == made["kept"] - 223

    parts = [{"dataset": made["dataset"], "weight": 2}, {"dataset": "builtin:chinese-instructions", "weight": 1}]
    mixed = ask("mix", parts=parts, rows=90, seed=7, to_messages=True)
    assert [part["rows"] for part in mixed["parts"]] == [60, 30]
    assert (mixed["rows"], mixed["shape"]) == (90, "messages")
    assert ask("mix", parts=parts, rows=90, seed=7, to_messages=True)["dataset"] == mixed["dataset"]


def test_gsm8k(ask, explorer: Client) -> None:
    if not GSM8K.is_file():
        pytest.skip("the real datasets are not beside the project (../shared/data)")
    ref = ask("load", source=handle_file(str(GSM8K)))["dataset"]
    profile = ask("profile", dataset=ref, column="question")
    assert profile["rows"] == 7473
    assert set(profile["diversity"]) >= DIVERSITY
    near = ask("duplicates", dataset=ref, column="question")
    assert [(pair["a"], pair["b"]) for pair in near["pairs"]] == [(2483, 6691)]
    assert near["removable"] == [6691]
    leaks = ask("contamination", dataset=ref, benchmarks=["gsm8k"], column="question")
    assert len({hit["row"] for hit in leaks["hits"]}) == 11
    assert ask("licence", dataset=ref, tag="mit")["licence"] == "MIT"
    assert ask("search", dataset=ref, query="Josie", column="question")["matches"]
    assert ask("search", dataset=ref, query=r"\bJosie\b", way="regex", column="question")["total"] >= 1
    partner = ask("explain", dataset=ref, row=2483, column="question")["partners"][0]
    assert (partner["row"], partner["kind"]) == (6691, "near")
    rules = {"near": True, "duplicates_column": "question", "benchmarks": ["gsm8k"], "column": "question"}
    seen = explorer.predict(dataset=ref, rules=rules, preview=True, api_name="/clean")
    made = ask("clean", dataset=ref, rules=rules, preview=False)
    assert made["kept"] == seen["kept"] == 7473 - 12
    contrast = ask("compare", first=ref, second=made["dataset"], column="question")
    assert contrast["sharing"]["exact_first"] == made["kept"]
    mixed = ask(
        "mix",
        parts=[{"dataset": made["dataset"], "weight": 3}, {"dataset": "builtin:english-instructions"}],
        rows=200,
        to_messages=True,
    )
    assert [part["rows"] for part in mixed["parts"]] == [150, 50]


@pytest.mark.parametrize(
    ("endpoint", "given", "message"),
    [
        ("search", {"query": "(a", "way": "regex"}, "cannot be used"),
        ("search", {"query": ""}, "query is empty"),
        ("profile", {"column": "nothing"}, "no column 'nothing'"),
        ("profile", {"tokenizer": "nobody/nothing"}, "nobody/nothing"),
        ("duplicates", {"threshold": 2}, "threshold"),
        ("contamination", {"benchmarks": ["mmlu"]}, "no benchmark 'mmlu'"),
        ("explain", {"row": 130}, "no row 130"),
        ("clean", {"rules": {"exakt": True}}, "exact"),
        ("clean", {"rules": {"rows": list(range(130))}, "preview": False}, "would leave none of the 130 rows"),
        ("map", {"sample": 1}, "sample"),
    ],
)
def test_what_cannot_be_asked_is_said_in_words(explorer: Client, endpoint: str, given: dict, message: str) -> None:
    with pytest.raises(AppError, match=message):
        explorer.predict(dataset="builtin:dirty-mixture", **given, api_name=f"/{endpoint}")


def test_a_mix_of_nothing(explorer: Client) -> None:
    with pytest.raises(AppError, match="No dataset was named"):
        explorer.predict(parts=[], api_name="/mix")
