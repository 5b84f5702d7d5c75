import asyncio
import json
import socket
import time
from email.utils import formatdate

import pytest

from shared.errors import PlaygroundError
from shared.models.http import Endpoint, FailedError, explain, meaning, parse, wait
from shared.models.protocol import Timeouts
from shared.models.sse import MalformedError
from tests.openai_server import OpenAiServer


@pytest.mark.parametrize(
    "url",
    [
        "",
        "localhost:8000",
        "ftp://host/v1",
        "http://",
        "file:///etc/passwd",
        "http://[::1",
        "http://h:99999",
        "http://h:0",
    ],
)
def test_an_address_that_is_none(url: str):
    with pytest.raises(PlaygroundError, match="is no address of a server"):
        Endpoint("openai:x/m", url)


def test_a_password_in_the_address_is_refused_and_not_shown():
    with pytest.raises(PlaygroundError, match="has a password in it") as error:
        Endpoint("openai:x/m", "http://me:hunter2@host/v1")
    assert "hunter2" not in str(error.value)


@pytest.mark.parametrize("key", ["sk 1", "sk-1\n", "schlüssel", "\x7f"])
def test_a_key_that_no_header_could_hold_is_not_shown(key: str):
    with pytest.raises(PlaygroundError, match="Paste it again") as error:
        Endpoint("openai:x/m", "http://host", key)
    assert key not in str(error.value)


def test_the_key_is_masked_wherever_it_stands():
    endpoint = Endpoint("openai:x/m", "http://host", "sk-secret")
    assert "sk-secret" not in repr(endpoint)
    failure = endpoint.fail("refused", "no such key: sk-secret \ud83d\n\n!", 401).failure
    assert failure.message == "openai:x/m: no such key: *** \ufffd !"
    assert endpoint.hide("sk-secretsk-secret") == "******"
    assert len(endpoint.say("x" * 9999)) <= 520


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ('{"error": {"message": "too long", "type": "x"}}', "too long"),
        ('{"error": "Model is overloaded", "error_type": "overloaded"}', "Model is overloaded"),
        ('{"detail": "Not authenticated"}', "Not authenticated"),
        ('{"detail": [{"loc": ["body", 0], "msg": "missing"}, {"msg": "bad"}]}', "body.0: missing; bad"),
        ('{"object": "error", "message": "no model"}', "no model"),
        ('{"errors": ["a", "b"]}', "a; b"),
        ('["a", {"message": "b"}]', "a; b"),
        ('"plain"', "plain"),
        ('{"code": 7}', '{"code": 7}'),
        ('{"error": null}', '{"error": null}'),
        ("Too  many\nrequests", "Too many requests"),
        ("<html><head><title>502</title><script>x()</script></head><body>Bad &amp; gone</body>", "502 Bad & gone"),
        ("<!-- x --><style>p{}", ""),
        ("", ""),
        ("你好", "你好"),
        ('{"error":' * 50 + '"deep"' + "}" * 50, None),
    ],
)
def test_the_servers_own_words(body: str, words: str | None):
    assert explain(body) == words if words is not None else "deep" in explain(body)


@pytest.mark.parametrize(
    ("status", "words", "kind"),
    [
        (429, "", "overloaded"), (503, "", "overloaded"), (529, "", "overloaded"), (401, "", "refused"), (404, "", "refused"),
        (302, "", "refused"), (408, "", "server"), (424, "", "server"), (500, "", "server"), (204, "", "malformed"),
        (500, "CUDA out of memory", "memory"), (500, "OOM killed", "memory"), (500, "a zoom", "server"),
    ],
)  # fmt: skip
def test_what_a_status_means(status: int, words: str, kind: str):
    assert meaning(status, words) == kind


def test_retry_after_in_seconds_and_as_a_date():
    assert (wait("7"), wait("0.5"), wait("-3"), wait("1e9"), wait("nan"), wait(""), wait("soon")) == (
        7,
        0.5,
        0,
        86400,
        None,
        None,
        None,
    )
    soon, past = formatdate(time.time() + 60, usegmt=True), formatdate(0, usegmt=True)
    assert wait(past) == 0
    assert 50 < (wait(soon) or 0) <= 61


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "America/New_York"])
def test_a_date_without_a_zone_means_greenwich(zone: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        soon = time.strftime(
            "%a %b %d %H:%M:%S %Y", time.gmtime(time.time() + 60)
        )  # RFC 9110: the third form of a date
        assert 50 < (wait(soon) or 0) <= 61
    finally:
        monkeypatch.undo()
        time.tzset()


@pytest.mark.parametrize(
    "page", ["<!--" * 16_000, "<" * 65_000, "<script>" * 8_000, "<style " * 9_000 + "x", "< " * 30_000]
)
def test_a_page_of_nothing_but_beginnings_is_read_at_once(page: str):
    began = time.process_time()
    explain(page)
    assert time.process_time() - began < 1


def test_a_key_that_json_writes_otherwise_is_masked():
    key = 'sk-"quoted\\\\'
    said = Endpoint("x", "http://host", key).say(explain(json.dumps({"code": f"no key {key}"})))
    assert "quoted" not in said


def test_json_that_is_none_is_quoted():
    with pytest.raises(MalformedError, match="no JSON: Traceback"):
        parse("Traceback (most")
    with pytest.raises(MalformedError, match="no JSON: nothing"):
        parse("")
    with pytest.raises(MalformedError, match="byte 0xff is no UTF-8"):
        parse(b'"\xff"')


def fetch(url: str, timeouts: Timeouts = Timeouts(), body: object = None) -> object:
    return asyncio.run(Endpoint("openai:x/m", url, "sk-1").fetch("/models", body, timeouts))


def test_a_server_that_is_down():
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(FailedError, match="nobody answers at") as error:
        fetch(f"http://127.0.0.1:{port}")
    assert error.value.failure.kind == "connect"
    assert error.value.status == 0


def test_a_connection_that_is_not_taken():
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(4):  # the queue of connections fills; the next one is left hanging
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(full.getsockname())
        with pytest.raises(FailedError, match=r"no connection to .* within 0.2 s") as error:
            fetch(f"http://127.0.0.1:{full.getsockname()[1]}", Timeouts(connect=0.2))
        for one in waiting:
            one.close()
    assert error.value.failure.kind == "connect"


def test_a_document_that_takes_too_long_or_is_none():
    with OpenAiServer() as server:
        assert fetch(server.url + "/v1")["object"] == "list"  # type: ignore[index]
        server.faults.kind = "deaf"
        with pytest.raises(FailedError, match=r"took more than 0\.1 s"):
            fetch(server.url, Timeouts(total=0.1), {})
        server.faults.kind = ""
        server.plain = lambda path, body: "\udc80"  # type: ignore[method-assign]
        assert fetch(server.url, Timeouts(), {}) == "\udc80"


def raw(answer: bytes) -> FailedError:
    """What comes of a server that sends these bytes and closes."""

    async def ask() -> None:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            await writer.drain()
            writer.close()

        async with await asyncio.start_server(handle, "127.0.0.1", 0) as server:
            port = server.sockets[0].getsockname()[1]
            await Endpoint("openai:x/m", f"http://127.0.0.1:{port}").fetch("/models", None, Timeouts(total=60))

    with pytest.raises(FailedError) as error:
        asyncio.run(ask())
    return error.value


def test_a_document_that_is_broken():
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    assert raw(head + b"Content-Length: 2\r\n\r\n\xff\xff").failure.kind == "malformed"
    assert raw(head + b"Content-Length: 9\r\n\r\n{}").failure.kind == "truncated"
    assert raw(head + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}").failure.kind == "malformed"
    assert raw(b"SSH-2.0-OpenSSH_9.6\r\n\r\n").failure.kind == "truncated"
    assert raw(b"HTTP/1.1 204 No Content\r\n\r\n").failure.kind == "malformed"
    assert "disk full" in raw(b"HTTP/1.1 500 Oh\r\nContent-Length: 99\r\n\r\ndisk full").failure.message


def test_a_document_without_end():
    assert (
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n" + b" " * (64 * 2**20 + 70000)).failure.kind
        == "malformed"
    )


def test_a_key_goes_to_no_other_place():
    with OpenAiServer() as server:
        server.faults.kind = "elsewhere"
        with pytest.raises(
            FailedError, match=r"redirects to http://localhost:9/v1/chat/completions, which is not followed"
        ):
            fetch(server.url, Timeouts(), {})
        (_, headers, _), = server.faults.requests  # fmt: skip
        assert headers["authorization"] == "Bearer sk-1"


def test_an_encrypted_address_has_certificates_to_check():
    import ssl

    context = Endpoint("x", "https://host")._context
    assert isinstance(context, ssl.SSLContext)
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert Endpoint("x", "https://host")._proxied
    assert not Endpoint("x", "http://127.0.0.1:1")._proxied


def test_a_proxy_that_refuses_is_no_broken_answer(monkeypatch: pytest.MonkeyPatch):
    with OpenAiServer() as proxy:  # it knows no CONNECT
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(FailedError, match="proxy") as error:
            fetch("https://127.0.0.2:1", Timeouts(), {})
        assert error.value.failure.kind == "connect"
        assert proxy.faults.requests == []


@pytest.mark.parametrize("proxy", ["socks5://127.0.0.1:1", "what://127.0.0.1:1"])
def test_a_proxy_that_cannot_be_used_is_said(proxy: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(FailedError, match="proxy") as error:
        fetch("https://127.0.0.2:1", Timeouts(), {})
    assert error.value.failure.kind == "connect"


def test_no_proxy_sees_a_key(monkeypatch: pytest.MonkeyPatch):
    with OpenAiServer() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        with pytest.raises(FailedError, match="nobody answers at"):
            fetch("http://127.0.0.2:1", Timeouts(), {})
        assert proxy.faults.requests == []
        with pytest.raises(FailedError):  # without a key the proxy is asked; it knows no such path
            asyncio.run(Endpoint("x", "http://127.0.0.2:1").fetch("/models", {}))
        assert len(proxy.faults.requests) == 1


@pytest.mark.skipif(not socket.has_ipv6, reason="no IPv6 here")
def test_an_address_of_ipv6():
    async def ask() -> object:
        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
            await writer.drain()
            writer.close()

        try:
            made = await asyncio.start_server(handle, "::1", 0)
        except OSError:
            pytest.skip("no IPv6 here")
        async with made as server:
            port = server.sockets[0].getsockname()[1]
            return await Endpoint("x", f"http://[::1]:{port}", "sk-1").fetch("/models", None, Timeouts(total=5))

    assert asyncio.run(ask()) == {}
    assert not Endpoint("x", "http://[::1]:8000/v1")._proxied
