"""The only way out to an address that a person typed: public hosts alone, each hop checked, size and time limited.

A name is resolved once for each hop, every answer is checked, and the connection goes to the checked address itself, so
that a name which answers differently the second time (DNS rebinding) gains nothing. The name stays in the Host header
and in the TLS handshake. No cookies, no credentials and no proxies are ever sent or read.
"""

import ipaddress
import queue
import re
import socket
import tempfile
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import httpcore

from shared.errors import NotAllowed, PlaygroundError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

PORTS = frozenset({80, 443, 8080})  # what a Hugging Face Space may reach as well
REDIRECTS = frozenset({301, 302, 303, 307, 308})
PIECE = 64 * 1024
ASKED = (("User-Agent", "llm-playground"), ("Accept", "*/*"), ("Accept-Encoding", "identity"))
GLOBAL_UNICAST = ipaddress.IPv6Network("2000::/3")
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Reserved, although Python calls some of them global, which ones depending on its patch release: protocol assignments
# (RFC 6890, with the metadata service of Oracle's cloud), 6to4 (RFC 7526), documentation (RFC 9637), and the address in
# the public range under which every Azure machine finds its host.
RESERVED = ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32", "2001::/23", "2002::/16", "3fff::/20")
NOT_PUBLIC = tuple(ipaddress.ip_network(text) for text in RESERVED)
HOST = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*\.?")
NUMBER = re.compile(r"(.*\.)?(0x[0-9a-f]*|[0-9]+)\.?")  # WHATWG URL: such a host is an IPv4 address in some notation


def public(address: Address) -> bool:
    """Whether an address belongs to the public internet.

    Args:
        address: IPv4 or IPv6. An IPv4 address inside an IPv6 one (mapped, NAT64) is judged as itself.

    Returns:
        False for loopback, private, link-local (cloud metadata), shared, multicast, reserved and tunnel addresses.
    """
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return public(address.ipv4_mapped)
        if address in NAT64:
            return public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
        if address not in GLOBAL_UNICAST:
            return False
    reserved = any(address.version == net.version and address in net for net in NOT_PUBLIC)
    return address.is_global and not address.is_multicast and not address.is_reserved and not reserved


def resolve(host: str, port: int) -> list[str]:
    """Every address that the system's resolver gives for a name, in its order.

    Raises:
        OSError: The name has no address.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


@dataclass(frozen=True)
class Rules:
    """What a fetch may reach and how much it may take.

    Attributes:
        seconds: Longest time for everything together, redirects included.
        size: Most bytes of the answer, counted after decompression.
        redirects: Most redirects that are followed; each is checked like the first address.
        ports: Ports that may be connected to.
        resolve: Addresses of a name; asked once for each hop.
        allowed: Whether an address may be connected to; all addresses of a name have to be allowed.
    """

    seconds: float = 60.0
    size: int = 64 * 1024 * 1024
    redirects: int = 5
    ports: frozenset[int] = PORTS
    resolve: Callable[[str, int], list[str]] = resolve
    allowed: Callable[[Address], bool] = public


PUBLIC = Rules()


@dataclass(frozen=True)
class Fetched:
    """What an address answered.

    Attributes:
        url: The address that was asked for.
        final_url: The address that answered, after redirects.
        type: Media type without parameters, lower case: "text/html"; "" when the server named none.
        charset: The character set that the server named, lower case; "" when it named none.
        size: Bytes, after decompression.
        data: The bytes; empty when they were written to a file.
        path: The file that holds the bytes, when a folder was given. The caller deletes it.
    """

    url: str
    final_url: str
    type: str
    charset: str
    size: int
    data: bytes = field(default=b"", repr=False)
    path: Path | None = None


@dataclass(frozen=True)
class _Target:
    """A checked address: where to connect, and what to ask for there."""

    url: httpcore.URL
    text: str
    authority: str
    addresses: list[str]


def get(url: str, folder: Path | None = None, rules: Rules = PUBLIC) -> Fetched:
    """Read a public http or https address.

    Args:
        url: The address. Letters outside ASCII are encoded as browsers do.
        folder: Where to write the answer as a temporary file; None keeps it in memory.
        rules: Limits; the default allows public addresses, 64 MiB and one minute.

    Raises:
        NotAllowed: The address, or one it redirects to, is not a public web address.
        PlaygroundError: It cannot be reached, answers with an error, or is too big or too slow.
    """
    deadline = time.monotonic() + rules.seconds
    here = url
    with _explained(url, rules):
        for _ in range(rules.redirects + 1):
            target = _check(here, rules, deadline)
            pool = httpcore.ConnectionPool(network_backend=_Pinned(target.addresses, deadline))
            asked = [("Host", target.authority), *ASKED]
            with pool, pool.stream("GET", target.url, headers=asked) as response:
                if response.status not in REDIRECTS:
                    return _receive(url, target.text, response, folder, rules)
                here = _redirected(target.text, response)
    raise PlaygroundError(
        f"'{url}' redirects more than {rules.redirects} times, the last time to '{here}'. Give the final address."
    )


@contextmanager
def _explained(url: str, rules: Rules) -> Iterator[None]:
    """Turn what went wrong on the wire into a sentence."""
    try:
        yield
    except httpcore.TimeoutException as error:
        raise PlaygroundError(
            f"'{url}' did not answer in full within {rules.seconds:g} seconds. Try later, or upload the file instead."
        ) from error
    except (httpcore.NetworkError, httpcore.ProtocolError) as error:
        why = str(error) or type(error).__name__
        raise PlaygroundError(f"'{url}' could not be read: {why}. Check the address, or try later.") from error


def _check(url: str, rules: Rules, deadline: float) -> _Target:
    """Refuse an address that is not plainly a public web page, else find out where to connect."""
    if any(ord(letter) <= 32 or letter in "\\\x7f" for letter in url):
        raise PlaygroundError(f"{url!r} has a space, a backslash or a control character in it. Give a plain address.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise PlaygroundError(f"'{url}' is not an address: {error}. It has to look like https://host/path.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise PlaygroundError(f"'{url}' is not a web address. It has to start with http:// or https://.")
    if "@" in parts.netloc:
        raise NotAllowed(f"The address of '{parts.hostname}' carries a name or a password. Give it without them.")
    port = port if port is not None else 443 if parts.scheme == "https" else 80
    if port not in rules.ports:
        allowed = ", ".join(str(each) for each in sorted(rules.ports))
        raise NotAllowed(f"'{url}' names port {port}. Only the ports {allowed} can be fetched from.")
    host = _host(parts.hostname)
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._") + (
        f"?{quote(parts.query, safe='/%:@!$&()*+,;=~-._?')}" if parts.query else ""
    )
    shown = f"[{host}]" if ":" in host else host
    authority = shown if parts.port is None else f"{shown}:{port}"
    address = httpcore.URL(scheme=parts.scheme, host=host, port=port, target=path)
    addresses = _addresses(host, port, rules, deadline)
    return _Target(address, f"{parts.scheme}://{authority}{path}", authority, addresses)


def _host(name: str) -> str:
    """A host as the resolver gets it: an address in its usual form, or a name in ASCII."""
    if "%" not in name:
        try:
            return str(ipaddress.ip_address(name))
        except ValueError:
            pass
    try:
        host = name.encode("idna").decode("ascii").lower()
    except UnicodeError as error:
        raise PlaygroundError(f"'{name}' is not a host name: {error}.") from error
    if not HOST.fullmatch(host):
        raise PlaygroundError(f"'{name}' is not a host name. It may hold letters, digits, dots and hyphens.")
    if NUMBER.fullmatch(host):
        raise NotAllowed(f"'{name}' is an address written as a number. Give the host's name.")
    return host


def _addresses(host: str, port: int, rules: Rules, deadline: float) -> list[str]:
    """Every address of a host, all of them allowed. The resolver has no time limit of its own, hence the thread."""
    answers: queue.SimpleQueue[list[str] | OSError | UnicodeError] = queue.SimpleQueue()

    def ask() -> None:
        try:
            answers.put(rules.resolve(host, port))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    if ":" in host or NUMBER.fullmatch(host):
        answers.put([host])
    else:
        threading.Thread(target=ask, daemon=True).start()
    try:
        found = answers.get(timeout=max(0.0, deadline - time.monotonic()))
    except queue.Empty as error:
        raise httpcore.ConnectTimeout from error
    if not isinstance(found, list) or not found:
        raise PlaygroundError(f"No host is called '{host}', or there is no network. Check the address.")
    checked = [ipaddress.ip_address(text.partition("%")[0]) for text in found]
    if not all(rules.allowed(address) for address in checked):
        raise NotAllowed(f"'{host}' is not on the public internet. Only public web addresses can be fetched.")
    return [str(address) for address in checked]


def _redirected(here: str, response: httpcore.Response) -> str:
    """The address that a redirect names."""
    location = _header(response, b"location")
    if not location:
        raise PlaygroundError(f"'{here}' redirects (status {response.status}) without saying where to.")
    try:
        return urljoin(here, location)
    except ValueError as error:
        raise PlaygroundError(f"'{here}' redirects to '{location}', which is not an address.") from error


def _receive(url: str, final: str, response: httpcore.Response, folder: Path | None, rules: Rules) -> Fetched:
    """Read the answer within the limits, into memory or into a file."""
    if response.status != 200:
        raise PlaygroundError(f"'{final}' answered with status {response.status}{_meaning(response.status)}.")
    length = _header(response, b"content-length")
    if length.isdigit() and int(length) > rules.size:
        raise _too_big(final, rules)
    kind, _, parameters = _header(response, b"content-type").lower().partition(";")
    charset = re.search(r"charset=[\"']?([a-z0-9._-]+)", parameters)
    known = Fetched(url, final, kind.strip(), charset[1] if charset else "", size=0)
    answer = _limited(_decoded(response, final), final, rules)
    if folder is None:
        data = b"".join(answer)
        return replace(known, size=len(data), data=data)
    with tempfile.NamedTemporaryFile(dir=folder, prefix="fetched-", delete=False) as file:
        path, whole = Path(file.name), False
        try:
            size = sum(file.write(piece) for piece in answer)
            whole = True
        finally:
            if not whole:
                path.unlink()
    return replace(known, size=size, path=path)


def _limited(pieces: Iterable[bytes], url: str, rules: Rules) -> Iterator[bytes]:
    """The same pieces, until there are too many bytes of them."""
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > rules.size:
            raise _too_big(url, rules)
        yield piece


def _too_big(url: str, rules: Rules) -> PlaygroundError:
    size = f"{rules.size / 2**20:.0f} MiB" if rules.size >= 2**20 else f"{rules.size:,} bytes"
    return PlaygroundError(f"'{url}' is bigger than {size}. Download it and upload the file, or take a part of it.")


def _decoded(response: httpcore.Response, url: str) -> Iterator[bytes]:
    """The bytes of an answer. We ask for them as they are; some servers compress all the same."""
    encoding = _header(response, b"content-encoding").lower().strip()
    if encoding in ("", "identity"):
        yield from response.iter_stream()
    elif encoding in ("gzip", "x-gzip", "deflate"):
        try:
            yield from _inflated(response.iter_stream(), url)
        except zlib.error as error:
            raise PlaygroundError(f"'{url}' is said to be {encoding} and is not: {error}.") from error
    else:
        raise PlaygroundError(
            f"'{url}' came compressed as '{encoding[:40]}', which we did not ask for and do not read."
        )


def _inflated(pieces: Iterable[bytes], url: str) -> Iterator[bytes]:
    """Decompressed bytes, never more than PIECE at once however small the input is."""
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)  # gzip and zlib alike
    for piece in pieces:
        rest = piece
        while rest:
            if inflater.eof:  # gzip files may be several, one after the other
                inflater = zlib.decompressobj(zlib.MAX_WBITS | 32)
            yield inflater.decompress(rest, PIECE)
            rest = inflater.unused_data if inflater.eof else inflater.unconsumed_tail
    yield inflater.flush()
    if not inflater.eof:
        raise PlaygroundError(f"'{url}' ended in the middle of its compressed data. Try again.")


def _header(response: httpcore.Response, name: bytes) -> str:
    found = [value for key, value in response.headers if key.lower() == name]
    return found[0].decode("utf-8", "replace") if found else ""


def _meaning(status: int) -> str:
    if status in (401, 403):
        return ": it wants a login or refuses programs. Download it yourself and upload the file"
    if status in (404, 410):
        return ": there is no such page. Check the address"
    if status == 429 or status >= 500:
        return ": the server is busy or broken. Try later"
    return ""


class _Pinned(httpcore.NetworkBackend):
    """Connects to the checked addresses, whatever the name would resolve to now."""

    def __init__(self, addresses: list[str], deadline: float) -> None:
        self._addresses, self._deadline = addresses, deadline

    def connect_tcp(self, host: str, port: int, *_: Any, **__: Any) -> httpcore.NetworkStream:
        """The first connection that succeeds; each address gets an equal part of the time that is left."""
        for number, address in enumerate(self._addresses):
            left = self._deadline - time.monotonic()
            last = number == len(self._addresses) - 1
            try:
                wait = max(0.001, left / (len(self._addresses) - number))
                return _Timed(httpcore.SyncBackend().connect_tcp(address, port, timeout=wait), self._deadline)
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if last:
                    raise
        raise httpcore.ConnectError(f"'{host}' has no address")


class _Timed(httpcore.NetworkStream):
    """A connection of which every read and write has to end before one common moment."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream, self._deadline = stream, deadline

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout
        return left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> "_Timed":
        return _Timed(self._stream.start_tls(ssl_context, server_hostname, self._left()), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
