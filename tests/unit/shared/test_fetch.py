"""The only way out to an address: what it refuses, what it limits, and that it goes to the address it checked."""

import gzip
import ipaddress
import socket
import threading
import time
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from shared.errors import NotAllowed, PlaygroundError
from shared.fetch import PUBLIC, Fetched, Rules, get, public, resolve

Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Server:
    """A web server on one loopback address, which stands in for a public one."""

    address: str
    pages: dict[str, Answer] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def __enter__(self) -> "Server":
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append((self.path, {k.lower(): v for k, v in self.headers.items()}))
                outer.pages.get(self.path, body(404, b"no"))(self)

            def log_message(self, *_: object) -> None:
                pass

        self._http = ThreadingHTTPServer((self.address, 0), Handler)
        self.port = self._http.server_port
        threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._http.shutdown()
        self._http.server_close()

    def rules(self, **names: str) -> Rules:
        """Rules under which `site.test` and the given names are public, at this server's port."""
        known = {"site.test": self.address} | {name.replace("_", "."): where for name, where in names.items()}
        return Rules(
            seconds=5,
            ports=frozenset({self.port}),
            resolve=lambda host, port: [known[host]] if host in known else [],
            allowed=lambda address: str(address) == self.address,
        )

    def url(self, path: str = "/", host: str = "site.test") -> str:
        return f"http://{host}:{self.port}{path}"


def body(status: int, data: bytes, **headers: str) -> Answer:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in ({"Content_Length": str(len(data)), "Content_Type": "text/plain"} | headers).items():
            if value:
                handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return answer


def moved(to: str, status: int = 302) -> Answer:
    return body(status, b"", Location=to)


@pytest.fixture
def server() -> Iterator[Server]:
    with Server("127.0.0.1") as running:
        yield running


def test_a_page(server: Server) -> None:
    server.pages["/a"] = body(200, "héllo".encode(), Content_Type="Text/HTML; Charset=UTF-8")
    found = get(server.url("/a"), rules=server.rules())
    assert found == Fetched(server.url("/a"), server.url("/a"), "text/html", "utf-8", 6, "héllo".encode())
    _, headers = server.asked[0]
    assert headers == {
        "host": f"site.test:{server.port}",
        "user-agent": "llm-playground",
        "accept": "*/*",
        "accept-encoding": "identity",
    }, "no cookie, no credentials, nothing else"


def test_a_page_into_a_file(server: Server, workspace: Path) -> None:
    data = bytes(range(256)) * 1000
    server.pages["/a"] = body(200, data)
    found = get(server.url("/a"), workspace, server.rules())
    assert found.path is not None
    assert found.path.parent == workspace
    assert found.path.read_bytes() == data
    assert (found.size, found.data) == (len(data), b"")


def test_letters_outside_ascii_are_encoded(server: Server) -> None:
    server.pages["/%E4%B8%AD?q=%E6%96%87%20x"] = body(200, b"ok")
    found = get(server.url("/中?q=文%20x"), rules=server.rules())
    assert found.data == b"ok"
    assert found.final_url == server.url("/%E4%B8%AD?q=%E6%96%87%20x")
    server.pages["/"] = body(200, b"root")
    assert get(f"http://site.test:{server.port}", rules=server.rules()).data == b"root"


def test_redirects_are_followed_and_end(server: Server) -> None:
    server.pages |= {
        "/a": moved("b?c=1"),
        "/b?c=1": moved(f"//site.test:{server.port}/c", 308),
        "/c": body(200, b"end"),
    }
    assert get(server.url("/a"), rules=server.rules()).final_url == server.url("/c")
    server.pages["/loop"] = moved("/loop")
    with pytest.raises(PlaygroundError, match="redirects more than 5 times"):
        get(server.url("/loop"), rules=server.rules())
    assert [path for path, _ in server.asked].count("/loop") == 6
    server.pages |= {"/nowhere": moved(""), "/bad": moved("http://[x")}
    for path, why in (("/nowhere", "without saying where to"), ("/bad", "which is not an address")):
        with pytest.raises(PlaygroundError, match=why):
            get(server.url(path), rules=server.rules())


@pytest.mark.parametrize(
    "target",
    [
        "http://inside.test:{port}/secret",  # a name that leads to a private address
        "http://10.0.0.1:{port}/secret",
        "http://169.254.169.254:{port}/latest/meta-data/",
        "http://[::1]:{port}/secret",
        "http://[::ffff:169.254.169.254]:{port}/secret",
        "http://2130706433:{port}/secret",
        "http://user:key@site.test:{port}/secret",
        "http://site.test:22/secret",
        "file:///etc/passwd",
        "gopher://site.test:{port}/_x",
    ],
)
def test_redirects_to_what_is_not_public_are_refused(server: Server, target: str) -> None:
    server.pages["/a"] = moved(target.format(port=server.port))
    with pytest.raises(PlaygroundError):
        get(server.url("/a"), rules=server.rules(inside_test="10.0.0.1"))
    assert [path for path, _ in server.asked] == ["/a"]


def test_a_name_is_resolved_once_and_the_connection_goes_there(server: Server) -> None:
    """DNS rebinding: the second answer would lead to a server on another address."""
    with Server("127.0.0.2") as inside:
        inside.pages["/a"] = body(200, b"secret")
        server.pages["/a"] = body(200, b"public")
        answers = [["127.0.0.1"], ["127.0.0.2"], ["127.0.0.2"]]
        asked: list[str] = []

        def rebinding(host: str, port: int) -> list[str]:
            asked.append(host)
            return answers.pop(0)

        rules = replace(server.rules(), resolve=rebinding)
        assert get(server.url("/a"), rules=rules).data == b"public"
        assert asked == ["site.test"]
        with pytest.raises(NotAllowed, match=r"'site\.test' is not on the public internet"):
            get(server.url("/a"), rules=rules)
        assert inside.asked == []


def test_every_address_of_a_name_has_to_be_public(server: Server) -> None:
    rules = replace(server.rules(), resolve=lambda host, port: ["127.0.0.1", "10.0.0.1"])
    with pytest.raises(NotAllowed):
        get(server.url("/a"), rules=rules)
    assert server.asked == []


def test_the_next_address_is_tried_when_one_does_not_answer(server: Server) -> None:
    server.pages["/a"] = body(200, b"ok")
    rules = replace(
        server.rules(), resolve=lambda host, port: ["127.0.0.3", "127.0.0.1"], allowed=lambda a: a.is_loopback
    )
    assert get(server.url("/a"), rules=rules).data == b"ok"
    only = replace(rules, resolve=lambda host, port: ["127.0.0.3"])
    with pytest.raises(PlaygroundError, match="could not be read"):
        get(server.url("/a"), rules=only)


def test_the_name_stays_in_the_tls_handshake() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        hello: list[bytes] = []

        def take() -> None:
            connection, _ = listener.accept()
            with connection:
                hello.append(connection.recv(4096))

        thread = threading.Thread(target=take)
        thread.start()
        port = listener.getsockname()[1]
        rules = Rules(seconds=5, ports=frozenset({port}), resolve=lambda *_: ["127.0.0.1"], allowed=lambda _: True)
        with pytest.raises(PlaygroundError, match=r"https://books\.test:\d+/a' could not be read"):
            get(f"https://books.test:{port}/a", rules=rules)
        thread.join()
    assert b"books.test" in hello[0]


PRIVATE = """
localhost 127.0.0.1 127.1.2.3 0.0.0.0 10.1.2.3 172.16.0.1 192.168.1.1 169.254.169.254 100.64.0.1
100.100.100.200 168.63.129.16 192.0.0.192 192.88.99.1 224.0.0.1 255.255.255.255 [::1] [::] [::ffff:127.0.0.1]
[::ffff:a9fe:a9fe] [::127.0.0.1] [64:ff9b::7f00:1] [2002:7f00:1::] [2001:0:1::] [3fff::1] [fe80::1] [fc00::1]
[fec0::1] [ff02::1] [fd00:ec2::254] 2130706433 0x7f000001 0x7f.1 0177.0.0.1 127.1 127.0.0.1. １２７.0.0.1
"""


@pytest.mark.parametrize("host", PRIVATE.split())
def test_the_default_refuses_what_is_not_public(host: str) -> None:
    with pytest.raises(NotAllowed):
        get(f"http://{host}/")


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "not a web address"),
        ("example.org/x", "not a web address"),
        ("ftp://example.org/x", "not a web address"),
        ("file:///etc/passwd", "not a web address"),
        ("http:///x", "not a web address"),
        ("http://[::1/x", "not an address"),
        ("http://example.org:99999/", "not an address"),
        ("http://example.org:x/", "not an address"),
        ("http://a b.org/", "space"),
        ("http://example.org\\@10.0.0.1/", "backslash"),
        ("http://example.org/\r\nHost: x", "control character"),
        ("http://%31%32%37.0.0.1/", "not a host name"),
        ("http://[fe80::1%25eth0]/", "not a host name"),
        ("http://a..org/", "not a host name"),
        (f"http://{'a' * 64}.org/", "not a host name"),
        ("http://ex(ample.org/", "not a host name"),
        ("http://me:key@example.org/", "name or a password"),
        ("http://example.org@10.0.0.1/", "name or a password"),
        ("https://example.org:22/", "names port 22"),
        ("http://example.org:0/", "names port 0"),
    ],
)
def test_addresses_that_are_none(url: str, why: str) -> None:
    with pytest.raises(PlaygroundError, match=why) as raised:
        get(url, rules=replace(PUBLIC, resolve=lambda host, port: pytest.fail("asked the resolver")))
    assert "key" not in str(raised.value), "a password is not repeated"


def test_default_ports_and_international_names() -> None:
    seen: list[tuple[str, int]] = []

    def note(host: str, port: int) -> list[str]:
        seen.append((host, port))
        return []

    for url in ("http://example.org/", "https://Bücher.example/", "http://例え.example:8080/"):
        with pytest.raises(PlaygroundError, match="No host is called"):
            get(url, rules=replace(PUBLIC, resolve=note))
    assert seen == [("example.org", 80), ("xn--bcher-kva.example", 443), ("xn--r8jz45g.example", 8080)]


def test_a_resolver_that_fails_or_hangs() -> None:
    def fails(host: str, port: int) -> list[str]:
        raise socket.gaierror(-2, "Name or service not known")

    with pytest.raises(PlaygroundError, match=r"No host is called 'nowhere\.test'"):
        get("http://nowhere.test/", rules=replace(PUBLIC, resolve=fails))
    release = threading.Event()
    rules = replace(PUBLIC, seconds=0.05, resolve=lambda host, port: [str(release.wait(5))])
    with pytest.raises(PlaygroundError, match="did not answer in full within"):
        get("http://slow.test/", rules=rules)
    release.set()


def test_resolve_gives_each_address_once() -> None:
    found = resolve("localhost", 80)
    assert set(found) <= {"127.0.0.1", "::1"}
    assert len(found) == len(set(found)) > 0


def test_size_is_limited(server: Server, workspace: Path) -> None:
    rules = replace(server.rules(), size=1000)
    server.pages["/exact"] = body(200, b"x" * 1000)
    assert get(server.url("/exact"), rules=rules).size == 1000
    server.pages["/promised"] = body(200, b"x" * 1001)
    server.pages["/unsaid"] = body(200, b"x" * 1001, Content_Length="")
    for path in ("/promised", "/unsaid"):
        with pytest.raises(PlaygroundError, match="bigger than 1,000 bytes"):
            get(server.url(path), workspace, rules)
    assert list(workspace.iterdir()) == [], "nothing is left of a file that was too big"
    server.pages["/big"] = body(200, b"", Content_Length=str(2**22))
    with pytest.raises(PlaygroundError, match="bigger than 2 MiB"):
        get(server.url("/big"), rules=replace(rules, size=2**21))


def test_compressed_all_the_same(server: Server) -> None:
    text = b"Tom & Jerry " * 1000
    server.pages["/gzip"] = body(200, gzip.compress(text), Content_Encoding="GZIP")
    server.pages["/two"] = body(200, gzip.compress(text) + gzip.compress(b"end"), Content_Encoding="x-gzip")
    server.pages["/zlib"] = body(200, zlib.compress(text), Content_Encoding="deflate")
    server.pages["/plain"] = body(200, text, Content_Encoding="identity")
    for path in ("/gzip", "/zlib", "/plain"):
        assert get(server.url(path), rules=server.rules()).data == text
    assert get(server.url("/two"), rules=server.rules()).data == text + b"end"
    server.pages["/half"] = body(200, gzip.compress(text)[:-20], Content_Encoding="gzip")
    server.pages["/not"] = body(200, b"plain text", Content_Encoding="gzip")
    server.pages["/br"] = body(200, b"x", Content_Encoding="br")
    for path, why in (("/half", "in the middle"), ("/not", "said to be gzip and is not"), ("/br", "'br'")):
        with pytest.raises(PlaygroundError, match=why):
            get(server.url(path), rules=server.rules())


def test_a_bomb_is_stopped_when_it_has_grown_too_big(server: Server) -> None:
    bomb = gzip.compress(bytes(50 * 2**20))
    assert len(bomb) < 60_000
    server.pages["/bomb"] = body(200, bomb, Content_Encoding="gzip")
    with pytest.raises(PlaygroundError, match="bigger than 1 MiB"):
        get(server.url("/bomb"), rules=replace(server.rules(), size=2**20))


def test_time_is_limited_for_everything_together(server: Server) -> None:
    stop = threading.Event()

    def drip(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not stop.wait(0.02):  # every read gets something in time
            try:
                handler.wfile.write(b"x")
            except OSError:
                return

    def slow_headers(handler: BaseHTTPRequestHandler) -> None:
        stop.wait(5)

    server.pages |= {"/drip": drip, "/slow": slow_headers}
    for path in ("/drip", "/slow"):
        with pytest.raises(PlaygroundError, match=r"within 0\.2 seconds"):
            get(server.url(path), rules=replace(server.rules(), seconds=0.2))
    stop.set()


def test_a_connection_that_breaks_off(server: Server) -> None:
    server.pages["/cut"] = body(200, b"x", Content_Length="100")

    def garbage(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"SSH-2.0-OpenSSH_9.2\r\n")

    server.pages["/ssh"] = garbage
    for path in ("/cut", "/ssh"):
        with pytest.raises(PlaygroundError, match="could not be read"):
            get(server.url(path), rules=server.rules())


@pytest.mark.parametrize(
    ("status", "why"),
    [(401, "wants a login"), (403, "wants a login"), (404, "no such page"), (410, "no such page"), (429, "busy"),
     (503, "busy"), (204, "status 204."), (206, "status 206.")],
)  # fmt: skip
def test_other_answers_are_errors(server: Server, status: int, why: str) -> None:
    server.pages["/a"] = body(status, b"")
    with pytest.raises(PlaygroundError, match=why):
        get(server.url("/a"), rules=server.rules())


@pytest.mark.parametrize("text", ["8.8.8.8", "1.1.1.1", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808"])
def test_public_addresses(text: str) -> None:
    assert public(ipaddress.ip_address(text))


def test_the_deadline_counts_before_the_connection_too() -> None:
    def late(host: str, port: int) -> list[str]:
        time.sleep(0.1)
        return ["127.0.0.1"]

    rules = Rules(seconds=0.1, ports=frozenset({80}), resolve=late, allowed=lambda _: True)
    with pytest.raises(PlaygroundError):
        get("http://late.test/", rules=rules)
