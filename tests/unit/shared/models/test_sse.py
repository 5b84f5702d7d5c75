import asyncio

import pytest

from shared.models.sse import LONGEST, MalformedError, Sent, read_events


def events(*chunks: bytes) -> list[Sent]:
    async def arrive():
        for chunk in chunks:
            yield chunk

    async def read() -> list[Sent]:
        return [event async for event in read_events(arrive())]

    return asyncio.run(read())


STREAM = "\ufeff: keep-alive\r\n\r\ndata: a你\r\ndata:b\r\nid: 7\nretry: 3\n\nevent: error\rdata:  x\r\r:\n\ndata\n\ndata: last".encode()


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 1000])
def test_events_are_the_same_however_the_bytes_are_cut(size: int):
    chunks = [STREAM[place : place + size] for place in range(0, len(STREAM), size)]
    assert events(*chunks) == [Sent("a你\nb"), Sent(" x", "error"), Sent(""), Sent("last")]


def test_nothing_and_only_comments_are_no_events():
    assert events() == []
    assert events(b": ping\n\n", b"", b"\n\n") == []


def test_a_name_without_data_is_no_event():
    assert events(b"event: ping\n\ndata: x\n\n") == [Sent("x")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_every_line_end(end: bytes):
    assert events(end.join([b"data: 1", b"", b"data: 2", b"", b""])) == [Sent("1"), Sent("2")]


def test_a_return_at_the_end_of_a_chunk_and_its_line_feed_are_one_line_end():
    assert events(b"data: 1\r", b"\ndata: 2\r", b"\n\r", b"\n") == [Sent("1\n2")]


@pytest.mark.parametrize("bad", [b"data: \xc3\x28\n\n", b"event: \xff\ndata: x\n\n", "data: 你".encode()[:-1]])
def test_what_is_no_utf8_is_said(bad: bytes):
    with pytest.raises(MalformedError, match=r"byte 0x\w\w is no UTF-8"):
        events(bad)


def test_no_piece_of_a_line_is_shown():
    with pytest.raises(MalformedError) as error:  # a cut could leave half a key, which nothing masks
        events(b"data: sk-secret-of-some-length \xff\n\n")
    assert "secret" not in str(error.value)
    assert "length" not in str(error.value)


def test_a_stream_of_something_else_is_quoted():
    with pytest.raises(MalformedError, match="<html>Bad gateway"):
        events(b"<html>Bad gateway</html>\n")
    assert events(b"HTTP/1.1 200 OK\ndata: x\n\n") == [Sent("x")]


@pytest.mark.parametrize("piece", [b"data: " + b"x" * 70000, b"data: " + b"x" * 70000 + b"\n", b"y" * 70000])
def test_an_endless_event_is_malformed(piece: bytes):
    with pytest.raises(MalformedError, match="more than 4 MiB"):
        events(*[piece] * (LONGEST // 70000 + 2))
