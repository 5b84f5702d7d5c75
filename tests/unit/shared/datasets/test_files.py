import codecs
import gzip
import random

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.datasets import files
from shared.datasets.files import BrokenFile, Limits, Line, Source, size_text
from shared.errors import PlaygroundError

from .reading import PACKERS, write


@pytest.mark.parametrize("packing", PACKERS)
def test_lines_have_numbers_and_byte_offsets(tmp_path, packing):
    source = Source(write(tmp_path, "a.bin", PACKERS[packing](b"one\n\nthree\r\nfour")))
    assert list(source.lines()) == [
        Line(1, 0, b"one", 3),
        Line(2, 4, b"", 0),
        Line(3, 5, b"three\r", 6),
        Line(4, 12, b"four", 4),
    ]


def test_a_last_newline_begins_no_line(tmp_path):
    assert [line.data for line in Source(write(tmp_path, "a", b"a\nb\n")).lines()] == [b"a", b"b"]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7])
def test_lines_do_not_depend_on_where_chunks_end(tmp_path, monkeypatch, chunk):
    monkeypatch.setattr(files, "CHUNK", chunk)
    text = b"alpha\n\r\n\nbeta\xe4\xbd\xa0\n" + b"x" * 20 + b"\ny"
    found = list(Source(write(tmp_path, "a", text), Limits(line=10)).lines())
    assert [(line.start, line.data, line.size) for line in found] == [
        (0, b"alpha", 5),
        (6, b"\r", 1),
        (8, b"", 0),
        (9, b"beta\xe4\xbd\xa0", 7),
        (17, None, 20),
        (38, b"y", 1),
    ]


def test_chunks_of_newlines_come_as_one_line_each(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "CHUNK", 4)
    found = list(Source(write(tmp_path, "a", b"abc\n" + b"\n" * 9 + b"x\n")).lines())
    assert found == [
        Line(1, 0, b"abc", 3),
        Line(2, 4, b"\n\n\n", 3),
        Line(6, 8, b"\n\n\n", 3),
        Line(10, 12, b"", 0),
        Line(11, 13, b"x", 1),
    ]


def test_a_line_of_exactly_the_limit_is_kept_and_a_longer_last_one_is_not(tmp_path):
    found = list(Source(write(tmp_path, "a", b"12345\n123456"), Limits(line=5)).lines())
    assert [(line.data, line.size) for line in found] == [(b"12345", 5), (None, 6)]


def test_byte_order_marks(tmp_path):
    text = "wörter 你好\n😀\n"
    plain = Source(write(tmp_path, "a", codecs.BOM_UTF8 + text.encode()))
    little = Source(write(tmp_path, "b", codecs.BOM_UTF16_LE + text.encode("utf-16-le")))
    big = Source(write(tmp_path, "c.gz", gzip.compress(codecs.BOM_UTF16_BE + text.encode("utf-16-be"))))
    assert [b"".join(source.chunks()).decode() for source in (plain, little, big)] == [text] * 3
    assert (plain.start, little.start) == (3, 0)
    assert (plain.encoding, little.encoding, big.encoding) == ("utf-8", "utf-16-le", "utf-16-be")
    assert next(plain.lines()).start == 3


@settings(deadline=None, max_examples=25)
@given(st.binary(max_size=40))
def test_any_utf16_bytes_come_through_and_broken_ones_are_invalid_utf8(data):
    import tempfile
    from pathlib import Path

    with tempfile.TemporaryDirectory() as folder:
        source = Source(write(Path(folder), "a", codecs.BOM_UTF16_LE + data))
        out = b"".join(source.chunks())
    try:
        text = data.decode("utf-16-le")
    except UnicodeDecodeError:
        with pytest.raises(UnicodeDecodeError):
            out.decode()
    else:
        assert out.decode() == text


def test_carriage_returns_alone_are_newlines(tmp_path):
    assert [line.data for line in Source(write(tmp_path, "a", b"a\rb\rc")).lines()] == [b"a", b"b", b"c"]


@pytest.mark.parametrize("packing", [".gz", ".zst"])
def test_a_cut_stream_says_where_and_gives_what_came_before(tmp_path, packing):
    body = random.Random(7).randbytes(1_500_000).hex().replace("00", "\n").encode()
    packed = PACKERS[packing](body)
    source = Source(write(tmp_path, "a" + packing, packed[: len(packed) // 2]))
    read = []
    with pytest.raises(BrokenFile, match=r"breaks off, after .* on disk and .* unpacked"):
        read.extend(source.lines())
    assert len(read) > 1_000
    assert read[0].data == body.split(b"\n")[0]


def test_a_stream_cut_before_any_data_is_refused_at_once(tmp_path):
    with pytest.raises(BrokenFile, match="breaks off"):
        Source(write(tmp_path, "a.gz", gzip.compress(b"abc")[:9]))


@pytest.mark.parametrize("packing", [".gz", ".zst"])
def test_a_damaged_stream_is_told_apart_from_a_cut_one(tmp_path, packing):
    packed = bytearray(PACKERS[packing](b"some words that are long enough " * 50))
    packed[len(packed) // 2 :] = bytes(len(packed) - len(packed) // 2)
    with pytest.raises(BrokenFile, match="damaged"):
        b"".join(Source(write(tmp_path, "a", bytes(packed))).chunks())


def test_packed_streams_in_several_parts(tmp_path):
    gz = Source(write(tmp_path, "a", gzip.compress(b"a\n") + gzip.compress(b"b\n")))
    skippable = b"\x50\x2a\x4d\x18" + (3).to_bytes(4, "little") + b"xyz"
    zst = Source(write(tmp_path, "b", zstandard.compress(b"a\n") + skippable + zstandard.compress(b"b\n")))
    assert b"".join(gz.chunks()) == b"".join(zst.chunks()) == b"a\nb\n"


@pytest.mark.parametrize("packing", [".gz", ".zst"])
def test_a_bomb_is_stopped(tmp_path, packing):
    path = write(tmp_path, "bomb" + packing, PACKERS[packing](bytes(36 << 20)))
    sizes = []
    with pytest.raises(BrokenFile, match="zip bomb"):
        sizes.extend(map(len, Source(path, Limits(unpacked=8 << 20, ratio=10)).chunks()))
    assert sum(sizes) <= 8 << 20
    assert max(sizes, default=0) <= files.CHUNK


@pytest.mark.parametrize("packing", [".gz", ".zst"])
def test_what_unpacks_far_but_to_little_is_no_bomb(tmp_path, packing):
    source = Source(write(tmp_path, "a" + packing, PACKERS[packing](b"\n" * 3_000_000)), Limits(ratio=10))
    assert sum(map(len, source.chunks())) == 3_000_000


def test_empty_missing_and_folders(tmp_path):
    with pytest.raises(PlaygroundError, match=r"'a\.json' is empty \(0 bytes\)"):
        Source(write(tmp_path, "a.json", b""))
    with pytest.raises(PlaygroundError, match="empty once unpacked"):
        Source(write(tmp_path, "a.gz", gzip.compress(b"")))
    with pytest.raises(PlaygroundError, match="cannot be opened: No such file"):
        Source(tmp_path / "nowhere")
    with pytest.raises(PlaygroundError, match="cannot be opened: Is a directory"):
        Source(tmp_path)


def test_progress_counts_bytes_on_disk(tmp_path):
    packed = gzip.compress(b"row\n" * 10_000)
    source = Source(write(tmp_path, "a.gz", packed))
    list(source.lines())
    assert source.done == source.size == len(packed)


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 bytes"), (1023, "1023 bytes"), (1536, "1.5 KiB"), (3 << 20, "3.0 MiB"), (5 << 30, "5.0 GiB")],
)
def test_sizes_as_people_read_them(size, text):
    assert size_text(size) == text
