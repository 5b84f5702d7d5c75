import gzip
import json
import pickle
import zipfile

import pytest

from shared.datasets.files import Limits, Source
from shared.datasets.formats import recognise, suffix
from shared.errors import PlaygroundError

from .reading import lines, write

ROWS = [{"a": 1}, {"a": 2}]
LINES = lines(*ROWS)
ARRAY = json.dumps(ROWS)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("a.jsonl", LINES, "json lines"),
        ("a.json", LINES, "json lines"),
        ("a.json", "\n \n" + LINES, "json lines"),
        ("a", LINES, "json lines"),
        ("a.txt", LINES, "json lines"),
        ("a.csv", LINES, "json lines"),
        ("a.csv", '{"a": 1}', "json lines"),
        ("a.json", ARRAY, "json document"),
        ("a.jsonl", ARRAY, "json document"),
        ("a.jsonl", "[1]\n[2]\n", "json lines"),
        ("a.jsonl", json.dumps(ROWS, indent=1), "json document"),
        ("a.json", json.dumps(ROWS, indent=1), "json document"),
        ("a.json", '[{"a": 1},\n{"a": 2}]', "json document"),
        ("a.json", '[\n"x",\n"y"\n]', "json document"),
        ("a", ARRAY, "json document"),
        ("a.json", '{"data": [{"a": 1}]}', "json document"),
        ("a.jsonl", '{"data": [{"a": 1}]}', "json lines"),
        ("a.json", json.dumps({"data": ROWS}, indent=1), "json document"),
        ("a.json", "[1, 2]\n[3, 4]\n", "json lines"),
        ("a.json", '"x"\n"y"\n', "json lines"),
        ("a.json", "12\n13\n", "json lines"),
        ("a.json", '{"a": 1,\n{"a": 2}\n', "json lines"),
        ("a.jsonl", '{"a": 1,\n{"a": 2,\n', "json lines"),
        ("a.jsonl", "# comment\n" + LINES, "json lines"),
        ("a.ndjson.zst", LINES, "json lines"),
        ("a.csv", "a,b\n1,2\n", "csv"),
        ("a.csv", "text\nhello\n", "csv"),
        ("a.csv", "[note],b\n1,2\n", "csv"),
        ("a.tsv.gz", "a\tb\n1\t2\n", "csv"),
        ("a", "a;b\n1;2\n", "csv"),
        ("a.dat", "a,b\n1,2\n", "csv"),
        ("a.txt", "a,b\n1,2\n", "text"),
        ("a", "One line, and a half.\nAnother one.\n", "text"),
        ("a.log", "hello\n", "text"),
        ("a.md", "[link](x)\n\ntext\n", "text"),
        ("a.txt", "{not json}\n", "text"),
        ("a.txt", "<html>quoted</html>\n", "text"),
        ("a.parquet", b"PAR1 and so on", "parquet"),
        ("a.json", b"PAR1 and so on", "parquet"),
    ],
)
def test_formats(tmp_path, name, content, kind):
    assert recognise(Source(write(tmp_path, name, content))) == kind


def test_packed_content_is_looked_into(tmp_path):
    assert recognise(Source(write(tmp_path, "data.bin", gzip.compress(LINES.encode())))) == "json lines"


def test_a_first_line_beyond_the_limit_does_not_hide_json_lines(tmp_path):
    text = '{"a": "' + "x" * 500 + '"}\n' + LINES
    assert recognise(Source(write(tmp_path, "a.json", text), Limits(line=100))) == "json lines"
    assert recognise(Source(write(tmp_path, "b.json", "[" + "1, " * 500 + "1]"), Limits(line=100))) == "json document"


def zipped(folder):
    with zipfile.ZipFile(folder / "made", "w") as archive:
        archive.writestr("a.csv", "a,b\n1,2\n")
    return (folder / "made").read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.xlsx", zipped, ["zip archive", ".xlsx", "Unpack or export it"]),
        ("a.pdf", b"%PDF-1.7\n", ["PDF"]),
        ("a.arrow", b"ARROW1\0\0", ["Arrow file. Save it as Parquet"]),
        ("a.pkl", pickle.dumps({"a": 1}), ["pickle", "never read"]),
        ("a.json", pickle.dumps([1], protocol=2), ["pickle"]),
        (
            "a.json",
            "<!DOCTYPE html>\n<html><body>404</body></html>",
            ["HTML page", "login page", "download the data again"],
        ),
        ("a.csv", "  <html>", ["HTML page"]),
        ("a.json", '<?xml version="1.0"?><Error/>', ["XML page"]),
        (
            "a.json.gz",
            gzip.compress(gzip.compress(b"[]", mtime=0), mtime=0),
            ["gzip file inside another", "Unpack it once"],
        ),
        ("a.tar.gz", gzip.compress(b"a" * 257 + b"ustar" + b"0" * 300, mtime=0), ["tar archive"]),
        ("a.bin", b"abc\0def", ["byte 3 is 0", "not Parquet", "UTF-16"]),
        ("a.txt", "hello".encode("utf-32"), ["is 0", "UTF-32"]),
        ("a.parquet", b"not parquet", ["not Parquet", "PAR1"]),
        ("a.json", "hello", ["is not JSON", "begins with 'hello'"]),
        ("a.json", "12 13\n", ["is not JSON"]),
        ("a.json", " \n\t\n", ["only blank space"]),
        ("a.bin", "version https://git-lfs.github.com/spec/v1\noid sha256:1\n", ["Git LFS pointer", "git lfs pull"]),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path, name, content, words):
    content = content(tmp_path) if callable(content) else content
    with pytest.raises(PlaygroundError, match=f"'{name}'") as caught:
        recognise(Source(write(tmp_path, name, content)))
    for word in words:
        assert word in str(caught.value)


def test_suffixes(tmp_path):
    assert [suffix(tmp_path / name) for name in ("a.JSONL.gz", "a.b.csv", "a", "a.gz", ".json.zst")] == [
        ".jsonl",
        ".csv",
        "",
        "",
        "",
    ]
