"""Asking a model server over HTTP: one request, its errors in the server's own words, and a key that goes nowhere else."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from html import unescape
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shared.errors import PlaygroundError
from shared.models.protocol import Failure, Kind, Timeouts
from shared.models.sse import LONGEST, MalformedError
from shared.models.stops import MASK, whole

if TYPE_CHECKING:
    import ssl

    import httpx

WORDS = 500  # characters of a server's own words that are kept
PATIENCE = 5.0  # seconds for the body of an error, which may never end
Headers = Mapping[str, str]


class FailedError(Exception):
    """An answer that failed: carries the event to whoever writes the stream.

    Attributes:
        failure: What went wrong.
        status: The HTTP status, 0 when there was none.
    """

    def __init__(self, failure: Failure, status: int = 0) -> None:
        super().__init__(failure.message)
        self.failure = failure
        self.status = status


@dataclass(frozen=True)
class Endpoint:
    """A server's address, and the key for it.

    Attributes:
        ref: Who asks; errors begin with it.
        url: Where the server's routes begin, without a slash at the end.
        key: Sent as bearer token to this address alone; "" sends none.

    Raises:
        PlaygroundError: The address is none, carries a password, or the key could not stand in a header.
    """

    ref: str
    url: str
    key: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        try:
            parts = urlsplit(self.url)
            usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
        except ValueError:
            usable = False
        if not usable:
            raise PlaygroundError(f"{self.ref}: '{self._shown()}' is no address of a server. Use http://host:port/v1.")
        if parts.username or parts.password:
            raise PlaygroundError(f"{self.ref}: the address '{self._shown()}' has a password in it. Set it as the key.")
        if self.key and not re.fullmatch(r"[\x21-\x7e]+", self.key):
            raise PlaygroundError(
                f"{self.ref}: the key has a blank, a line break or a non-ASCII character. Paste it again."
            )

    def _shown(self) -> str:
        return re.sub(r"//.*@", "//", self.url)

    def say(self, words: str) -> str:
        """Words for a person: whose they are, cut, the key masked.

        Args:
            words: What happened.
        """
        text = " ".join(self.hide(whole(words)).split())
        return f"{self.ref}: {text if len(text) <= WORDS else text[: WORDS - 1] + '…'}"

    def hide(self, text: str) -> str:
        """The text with the key masked, should a server echo it.

        Args:
            text: Any text from the server.
        """
        for form in (self.key, json.dumps(self.key)[1:-1]) if self.key else ():
            text = text.replace(form, MASK)
        return text

    def fail(self, kind: Kind, words: str, status: int = 0, retry_after: float | None = None) -> FailedError:
        """The failure, to be raised.

        Args:
            kind: What went wrong.
            words: In words.
            status: The HTTP status, 0 when there was none.
            retry_after: Seconds after which the server wants to be asked again.
        """
        return FailedError(Failure(kind, self.say(words), retry_after), status)

    @asynccontextmanager
    async def ask(
        self, path: str, body: Any, timeouts: Timeouts, headers: Headers | None = None
    ) -> "AsyncIterator[httpx.Response]":
        """Send a request and hold its response; leaving the context closes the connection, which ends the server's work.

        Args:
            path: Behind the address.
            body: Sent as JSON with POST; None sends a GET.
            timeouts: `connect` counts here; the others are for whoever reads.
            headers: More headers, in lower case.

        Yields:
            The response, status 200, its body unread.

        Raises:
            FailedError: Nobody answers, another status, or the connection breaks while the body is read.
        """
        import httpx

        url = self.url + path
        sent = {"accept": "text/event-stream, application/json", "accept-encoding": "identity"}
        if self.key:
            sent["authorization"] = f"Bearer {self.key}"
        # json.dumps escapes what is not ASCII, half surrogate pairs too, which UTF-8 could not hold
        content = None if body is None else json.dumps(body).encode()
        if content is not None:
            sent["content-type"] = "application/json"
        method = "GET" if content is None else "POST"
        try:
            async with (
                self._client(timeouts) as client,
                client.stream(method, url, content=content, headers=sent | dict(headers or {})) as response,
            ):
                if response.status_code != 200:
                    raise await self._refusal(response)
                if "text/html" in response.headers.get("content-type", ""):
                    page = explain((await read_some(response)).decode("utf-8", "replace"))
                    raise self.fail("malformed", f"the server sent a web page instead of an answer: {page}", 200)
                yield response
        except MalformedError as error:
            raise self.fail("malformed", str(error), 200) from None
        except httpx.ConnectTimeout:
            raise self.fail("connect", f"no connection to {url} within {timeouts.connect:g} s") from None
        except httpx.ProxyError as error:
            raise self.fail("connect", f"the proxy that the environment names refuses {url} ({error})") from None
        except (httpx.ConnectError, httpx.UnsupportedProtocol, httpx.InvalidURL) as error:
            raise self.fail("connect", f"nobody answers at {url} ({error})") from None
        except httpx.DecodingError as error:
            raise self.fail("malformed", f"the body could not be decoded ({error})") from None
        except httpx.TransportError as error:
            raise self.fail("truncated", f"the connection broke before the answer was complete ({error})") from None

    async def fetch(
        self, path: str, body: Any = None, timeouts: Timeouts = Timeouts(), headers: Headers | None = None
    ) -> Any:
        """Ask for one JSON document.

        Args:
            path: As in `ask`.
            body: As in `ask`.
            timeouts: `connect` and `total` count.
            headers: As in `ask`.

        Raises:
            FailedError: As in `ask`; or it took too long, or is no JSON.
        """
        try:
            async with asyncio.timeout(timeouts.total), self.ask(path, body, timeouts, headers) as response:
                return parse(await read_some(response, 16 * LONGEST))
        except TimeoutError:
            raise self.fail("total", f"{path} took more than {timeouts.total:g} s") from None

    async def _refusal(self, response: "httpx.Response") -> FailedError:
        """What a status other than 200 means."""
        status = response.status_code
        text = explain((await read_some(response)).decode("utf-8", "replace"))
        said = f"the server answered {status} {response.reason_phrase}".rstrip() + (f": {text}" if text else "")
        if 300 <= status < 400:  # followed, the key would go where the server says
            place = response.headers.get("location", "nowhere").split("?")[0]
            said += f" (redirects to {place}, which is not followed: use that address if it is the right one)"
        return self.fail(meaning(status, text), said, status, wait(response.headers.get("retry-after", "")))

    def _client(self, timeouts: Timeouts) -> "httpx.AsyncClient":
        """One a request: a stream may be stopped from another event loop, and a kept connection may have died."""
        import httpx

        limits = httpx.Timeout(None, connect=timeouts.connect)
        try:
            return httpx.AsyncClient(
                verify=self._context, timeout=limits, follow_redirects=False, trust_env=self._proxied
            )
        except (ImportError, ValueError) as error:  # a SOCKS proxy wants another package
            raise self.fail("connect", f"the proxy that the environment names cannot be used ({error})") from None

    @property
    def _context(self) -> "ssl.SSLContext | bool":
        return _certificates() if self.url.startswith("https") else False

    @property
    def _proxied(self) -> bool:
        """Whether proxies of the environment count: not on this machine, nor where they could read the key."""
        parts = urlsplit(self.url)
        return parts.hostname not in {"localhost", "127.0.0.1", "::1"} and (parts.scheme == "https" or not self.key)


def meaning(status: int, words: str = "") -> Kind:
    """What kind of failure a status is.

    Args:
        status: Of HTTP, or one that a server put into its stream.
        words: What the server said; running out of memory is told by them alone.
    """
    if re.search(r"out of memory|\bOOM\b", words, re.IGNORECASE):
        return "memory"
    if status in {429, 503, 529}:
        return "overloaded"
    if status in {200, 204, 206}:
        return "malformed"
    return "refused" if 300 <= status < 500 and status not in {408, 424} else "server"


def wait(header: str) -> float | None:
    """Seconds to wait by a Retry-After header, which has seconds or a date.

    Args:
        header: Its text; "" when there was none.

    Returns:
        Seconds between 0 and a day, or None when it says nothing that can be understood.
    """
    import time
    from email.utils import mktime_tz, parsedate_tz

    try:
        seconds = float(header)
    except ValueError:
        date = parsedate_tz(header)  # without a zone it means Greenwich, as HTTP has it
        if date is None:
            return None
        try:
            seconds = mktime_tz((*date[:9], date[9] or 0)) - time.time()
        except (ValueError, OverflowError):
            return None
    return min(max(seconds, 0.0), 86400.0) if seconds == seconds else None  # not a number is unequal to itself


async def read_some(response: "httpx.Response", most: int = 65536) -> bytes:
    """The beginning of a body, as much as comes within some seconds when it is an error's.

    Args:
        response: Its body is unread.
        most: Bytes; a longer body that is not an error's is malformed.

    Raises:
        MalformedError: An answer of more bytes.
    """
    import httpx

    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(PATIENCE if response.status_code != 200 or most < LONGEST else None):
            async for part in response.aiter_bytes():
                parts.append(part)
                size += len(part)
                if size > most:
                    break
    except (TimeoutError, httpx.TransportError):
        if most >= LONGEST and response.status_code == 200:
            raise
    if size > most >= LONGEST:
        raise MalformedError(f"an answer of more than {most // 2**20} MiB")
    return b"".join(parts)[:most]


def parse(text: str | bytes) -> Any:
    """What a JSON text says.

    Args:
        text: Of a server.

    Raises:
        MalformedError: It is no JSON, or no UTF-8.
    """
    try:
        text = text if isinstance(text, str) else text.decode("utf-8")
        return json.loads(text)
    except UnicodeDecodeError as error:
        raise MalformedError(f"byte {error.object[error.start]:#x} is no UTF-8") from None
    except (ValueError, RecursionError):
        raise MalformedError(f"no JSON: {explain(str(text)) or 'nothing'}") from None


@cache
def _certificates() -> "ssl.SSLContext":
    """What encrypted connections are checked by; reading it takes some ten milliseconds."""
    import httpx

    return httpx.create_ssl_context()


def explain(text: str) -> str:
    """A server's own words, out of the body of an error in any dialect.

    Args:
        text: `{"error": {"message": …}}`, `{"error": …, "error_type": …}`, `{"detail": …}`, `{"message": …}`, HTML or plain.
    """
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        text = text[:65536]
        if re.match(r"\s*<", text):
            # what is not closed ends with the text or at the next <: looking further would take for ever
            text = re.sub(r"(?is)<(script|style)\b.*?(</\1\s*>|$)|<!--.*?(-->|$)", " ", text)
            text = unescape(re.sub(r"<[^<>]*>", " ", text))
        return " ".join(text.split())
    return _said(body)


def _said(body: Any, depth: int = 0) -> str:
    if isinstance(body, str):
        return body
    if isinstance(body, list) and depth < 4:
        return "; ".join(filter(None, (_said(part, depth + 1) for part in body[:5])))
    if isinstance(body, dict) and depth < 4:
        place = ".".join(str(part) for part in body["loc"]) + ": " if isinstance(body.get("loc"), list) else ""
        for name in ("error", "message", "msg", "detail", "errors", "error_message"):
            if body.get(name):
                return place + _said(body[name], depth + 1)
    return json.dumps(body, ensure_ascii=False)
