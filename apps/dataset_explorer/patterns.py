"""What personal data and secrets look like: one linear-time pattern and one check for each kind."""

import base64
import binascii
import ipaddress
import json
import math
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from apps.dataset_explorer import checksums

Verdict = bool | None
"""What a check says of a match: None: it is not one; True: nobody's (reserved, a test number, a manual's example)."""


@dataclass(frozen=True)
class Match:
    """A stretch of text that a pattern found.

    Attributes:
        text: The stretch itself.
        before: Up to 40 characters before it in its row.
        after: Up to 2 characters after it.
    """

    text: str
    before: str
    after: str


@dataclass(frozen=True)
class Kind:
    """One kind of personal data or secret.

    Attributes:
        name: Its name in results.
        says: What it is, for a person.
        pattern: Where to look, in RE2's syntax; its one group, named `value`, narrows the match.
        check: Says whether a match is one (see `Verdict`), or, as a number, how many of its characters are.
        secret: Whether it opens something.
        default: Whether it is looked for unless asked otherwise.
    """

    name: str
    says: str
    pattern: str
    check: Callable[[Match], Verdict | int]
    secret: bool = False
    default: bool = True


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _email(match: Match) -> Verdict:
    name, _, domain = match.text.lower().rpartition("@")
    known = checksums.facts()["email"]
    if name.startswith(".") or name.endswith(".") or ".." in match.text or domain.startswith("-"):
        return None
    if domain.rpartition(".")[2] in known["files"]:
        return None
    return domain in known["reserved"] or domain.endswith(tuple(known["reserved_suffixes"]))


def _address(text: str) -> Verdict:
    try:
        return not ipaddress.ip_address(text).is_global
    except ValueError:
        return None


def _ipv4(match: Match) -> Verdict:
    # A version number has four parts too.
    if re.search(r"(?a)[\w.]\Z|\bv(er(sion|\.)?)? ?\Z", match.before, re.IGNORECASE) or re.match(
        r"(?a)\w|[.-]\d", match.after
    ):
        return None
    return _address(match.text)


def _ipv6(match: Match) -> Verdict:
    if re.search(r"(?a)[\w:.]\Z", match.before) or re.match(r"(?a)[\w:]", match.after):
        return None
    groups = [group for group in match.text.split(":") if group]
    # `a::b` is a name in C++ or Rust more often than an address.
    if len(groups) < 3 and not re.match(r"2[0-9a-f]{3}:|3[0-9a-f]{3}:|f[cde][0-9a-f]{2}:", match.text, re.IGNORECASE):
        return None
    return _address(match.text)


def _card(match: Match) -> Verdict | int:
    if re.search(r"[.\-+$€£]\Z", match.before) or re.match(r"[.-]\d", match.after):
        return None
    for text in (match.text, match.text.rpartition(" ")[0]):
        digits = _digits(text)
        if digits and checksums.is_card(digits):
            made_up = digits in checksums.facts()["card"]["tests"] or re.search(r"(\d)\1{7}", digits) is not None
            return made_up if text == match.text else len(text)
    return None


def _iban(match: Match) -> Verdict | int:
    length = checksums.iban_length(match.text[:2])
    seen = 0
    for place, character in enumerate(match.text):
        seen += character != " "
        if seen == length:
            rest = match.text[place + 1 : place + 2]
            whole = checksums.is_iban(match.text[: place + 1].replace(" ", "")) and (not rest or rest == " ")
            return place + 1 if whole else None
    return None


def _ssn(match: Match) -> Verdict:
    if match.before.endswith(("-", "+", "/")) or match.after.startswith("-") or not checksums.is_ssn(match.text):
        return None
    return match.text in checksums.facts()["ssn"]["void"]


def _resident(match: Match) -> Verdict:
    return False if checksums.is_resident(match.text) else None


def _china_mobile(match: Match) -> Verdict:
    if re.search(r"[.$¥￥€£\-]\Z", match.before) or re.match(r"[.,-]\d|%", match.after):
        return None
    if not checksums.is_china_mobile(_digits(match.text)[-11:]):
        return None
    # Eleven digits as an argument, an operand or an element are a number like any other, unless a word says otherwise.
    bare = match.text.isdigit() and re.search(r"[(=\[,<>+*/][ \t\"']*\Z", match.before)
    return None if bare and not _is_announced(match.before) else False


def _international(match: Match) -> Verdict:
    if re.search(r"(?a)[\w)\]=*/+}]\s?\Z", match.before) or re.match(r"\d|[.,]\d", match.after):
        return None
    digits = _digits(match.text)
    fewest = 8 if re.search(r"\d[ .()\-]+\d", match.text) else 10
    if not fewest <= len(digits) <= 15 or not checksums.has_country_code(digits):
        return None
    return _fictional(digits[1:]) if digits.startswith("1") and len(digits) == 11 else False


def _fictional(digits: str) -> bool:
    """The North American numbers that are kept for films: 555-0100 to 555-0199; the area 555 is not in use."""
    return digits[3:8] == "55501" or digits.startswith("555")


def _north_american(match: Match) -> Verdict:
    if re.search(r"(?a)[\w.+\-*/=]\Z", match.before) or re.match(r"(?a)\w|[.,-]\d", match.after):
        return None
    digits = _digits(match.text)[-10:]
    if not checksums.is_north_american(digits):
        return None
    return _fictional(digits)


def _national(match: Match) -> Verdict:
    # In a table of numbers, some begin with 0.
    if re.search(r"(?a)[\w.+\-*/=$€£]\Z|\d\s+\Z", match.before) or re.match(r"(?a)\w|[\s.,-]\d", match.after):
        return None
    return False


def _announced(match: Match) -> Verdict:
    """Seven to fifteen digits in any grouping, a word such as "phone" just before them."""
    if not 7 <= len(_digits(match.text)) <= 15 or re.match(r"(?a)\w|[.,]\d|%", match.after):
        return None
    return False if _is_announced(match.before) else None


def _is_announced(before: str) -> bool:
    """Whether what stands before, in the same line, says that a phone number follows."""
    plan = checksums.facts()["phone"]
    words, glue = "|".join(map(re.escape, plan["words"])), "|".join(map(re.escape, plan["glue"]))
    # A word of Latin letters must be whole; Chinese, Japanese and Korean have no space before the word.
    said = rf"(?:(?<![A-Za-z])|(?<=[^\x00-\x7f]))(?:{words})"
    return bool(re.search(rf"{said}[ \t.:：#=\"'(\-–]*(?:(?:{glue})[ \t.:：\"']*){{0,3}}\Z", before, re.IGNORECASE))


def entropy(text: str) -> float:
    """Shannon entropy of the characters, in bits a character; 0 for an empty text."""
    return -sum(count / len(text) * math.log2(count / len(text)) for count in Counter(text).values())


def _is_placeholder(text: str) -> bool:
    low = text.lower()
    return any(word in low for word in checksums.facts()["secret"]["placeholders"]) or entropy(text) < 2.5


def _key(match: Match) -> Verdict:
    body = re.sub(r"^(?:sk-ant|sk-proj|sk|hf|xox.|rk_live|sk_live)[_-]", "", match.text)
    if not re.search(r"[0-9]", body) and entropy(body) < 4:
        return None
    return _is_placeholder(match.text)


def _test_key(match: Match) -> Verdict:
    return "_test_" in match.text or _is_placeholder(match.text)


def _github(match: Match) -> Verdict:
    # A token that fails its own check sum was made up.
    return len(match.text) == 40 and not checksums.passes_github(match.text)


def _jwt(match: Match) -> Verdict:
    head = match.text.split(".")[0]
    try:
        fields = json.loads(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except (binascii.Error, ValueError):
        return None
    return False if isinstance(fields, dict) and "alg" in fields else None


def _private_key(match: Match) -> Verdict:
    body = re.sub(r"-----[A-Z ]+-----|\s", "", match.text)
    return len(body) < 40


def _assigned(match: Match) -> Verdict:
    value = match.text
    letters, digits = bool(re.search(r"[A-Za-z]", value)), bool(re.search(r"\d", value))
    # Code on the right of a name such as `token` is no secret: calls, paths, attributes, variables, hashes of formats.
    if not (letters and digits) or re.search(r"[(){}\[\]<>\\]|^\$|^[\w]+(?:\.[A-Za-z_]\w*)+$|://|^/|\.\w{1,4}$", value):
        return None
    if entropy(value) < (3.0 if len(value) < 20 else 3.5):
        return None
    return _is_placeholder(value)


def _always(match: Match) -> Verdict:
    return _is_placeholder(match.text)


_NAMES = (
    r"(?:api[_-]?key|apikey|secret(?:[_-]?(?:key|access[_-]?key))?|token|passw(?:or)?d|passwd|pwd|passphrase|"
    r"access[_-]?key|auth[_-]?key|private[_-]?key|client[_-]?secret|credentials?|密码|密钥)"
)
_KEYS = r"[A-Za-z0-9_\-]"

KINDS: tuple[Kind, ...] = (
    Kind(
        "private_key",
        "Private key block",
        r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----(?:[^\x00]*?-----END (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----)?",
        _private_key,
        secret=True,
    ),
    Kind("jwt", "JSON web token", rf"\beyJ{_KEYS}{{8,}}\.eyJ{_KEYS}{{4,}}\.{_KEYS}*", _jwt, secret=True),
    Kind("hf_token", "Hugging Face token", r"\b(?:hf_|api_org_)[A-Za-z0-9]{30,}\b", _key, secret=True),
    Kind("anthropic_key", "Anthropic API key", rf"\bsk-ant-{_KEYS}{{20,}}", _key, secret=True),
    Kind("openai_key", "OpenAI API key", rf"\bsk-(?:proj-|svcacct-|admin-)?{_KEYS}{{20,}}", _key, secret=True),
    Kind(
        "aws_key",
        "AWS access key id",
        r"\b(?:AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AROA|AIPA|ANPA|ANVA)[A-Z2-7]{16}\b",
        _always,
        secret=True,
    ),
    Kind(
        "github_token",
        "GitHub token",
        r"\b(?:gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9]{22}_[A-Za-z0-9]{59})\b",
        _github,
        secret=True,
    ),
    Kind("google_key", "Google API key", rf"\bAIza{_KEYS}{{35}}", _always, secret=True),
    Kind(
        "slack_token",
        "Slack token or webhook",
        r"\bxox[abeoprs]-[A-Za-z0-9\-]{10,}|hooks\.slack\.com/services/T\w{6,}/B\w{6,}/\w{16,}",
        _key,
        secret=True,
    ),
    Kind("stripe_key", "Stripe secret key", r"\b(?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,}\b", _test_key, secret=True),
    Kind(
        "assigned_secret",
        "Value that is assigned to a name such as password or api_key",
        rf"(?i)(?:\b|_){_NAMES}\w*[\"'`]?\]?\s*(?::=|=>|[:=：])\s*(?:Bearer )?[\"'`]?(?P<value>[^\s\"'`,;\x00]{{7,199}}[^\s\"'`,;.\x00])",
        _assigned,
        secret=True,
    ),
    Kind(
        "email",
        "E-mail address",
        r"[A-Za-z0-9._%+\-]{1,64}@[A-Za-z0-9\-]+(?:\.[A-Za-z0-9\-]+)*\.[A-Za-z]{2,24}\b",
        _email,
    ),
    Kind("iban", "Bank account (IBAN)", r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b", _iban),
    Kind("cn_resident_id", "Chinese resident identity number", r"\b\d{17}[\dXx]\b", _resident),
    Kind(
        "credit_card",
        "Payment card number",
        r"\b(?:\d{13,19}|\d{4}(?: \d{4}){3}(?: \d{1,3})?|\d{4}(?:-\d{4}){3}|\d{4} \d{6} \d{4,5}|\d{4}-\d{6}-\d{4,5})\b",
        _card,
    ),
    Kind("us_ssn", "US social security number", r"\b\d{3}-\d{2}-\d{4}\b", _ssn),
    Kind("ipv4", "IPv4 address", r"(?:\d{1,3}\.){3}\d{1,3}", _ipv4),
    Kind("ipv6", "IPv6 address", r"(?i)(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?:(?:\.\d{1,3}){3})?", _ipv6),
    Kind(
        "cn_mobile",
        "Chinese mobile number",
        r"(?:\+?86[ \-]?)?\b1[3-9]\d(?:\d{8}|-\d{4}-\d{4}| \d{4} \d{4})\b",
        _china_mobile,
    ),
    Kind("phone", "Phone number, international", r"\+\d{1,3}(?:[ .\-]?\(?\d{1,4}\)?){1,6}\d", _international),
    Kind(
        "phone",
        "Phone number, North America",
        r"(?:1[ .\-])?(?:\(\d{3}\) ?\d{3}[ .\-]\d{4}|\d{3}-\d{3}-\d{4}|\d{3}\.\d{3}\.\d{4})",
        _north_american,
    ),
    Kind(
        "phone",
        "Phone number with an area code that begins with 0",
        r"\(?0(?:\d{2}\)? \d{4} \d{4}|\d{3}\)? \d{3} \d{4}|\d{4}\)? \d{6}|7\d{3} \d{6}|[1-9](?:[ .]\d{2}){4}|\d{2,3}\)?-\d{7,8})",
        _national,
    ),
    Kind("phone", "Phone number, said to be one", r"(?:\(\d{1,5}\)[ .\-]?)?\d(?:[ .\-/]?\d){5,14}", _announced),
    Kind(
        "passport",
        "Letters and digits like those of a passport",
        r"\b(?:[A-Z]{1,2}\d{7,8}|[CFGHJK][0-9CFGHJKLMNPRTVWXYZ]{7}\d)\b",
        lambda _: False,
        default=False,
    ),
)
