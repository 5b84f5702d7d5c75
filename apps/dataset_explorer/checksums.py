"""Check digits and number plans: what tells a card, an account or an identity number from any other number."""

import re
import tomllib
import zlib
from datetime import date
from functools import cache
from typing import Any

from shared.env import ROOT

_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


@cache
def facts() -> dict[str, Any]:
    """The tables of manifests/pii.toml."""
    return tomllib.loads((ROOT / "manifests" / "pii.toml").read_text(encoding="utf-8"))


@cache
def expand(listed: str) -> tuple[str, ...]:
    """The numbers of a list such as "4 51-55", each as its digits."""
    found: list[str] = []
    for part in listed.split():
        first, _, last = part.partition("-")
        found += [str(number).zfill(len(first)) for number in range(int(first), int(last or first) + 1)]
    return tuple(found)


def passes_luhn(digits: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 * (value > 9)
    return total % 10 == 0


def is_card(digits: str) -> bool:
    """Whether digits are a payment card's number: an issuer's first digits, its length and the check digit."""
    for issuer in facts()["card"]["issuers"]:
        if len(digits) in issuer["digits"] and digits.startswith(expand(issuer["first"])):
            return passes_luhn(digits)
    return False


def iban_length(country: str) -> int:
    """Characters of an IBAN of that country; 0 for a country that has none."""
    return int(facts()["iban"]["lengths"].get(country, 0))


def is_iban(text: str) -> bool:
    """Whether letters and digits without spaces are an IBAN: the country's length, and 1 modulo 97 (ISO 13616)."""
    if len(text) != iban_length(text[:2]) or not text.isalnum():
        return False
    return int("".join(str(int(character, 36)) for character in text[4:] + text[:4])) % 97 == 1


def is_ssn(text: str) -> bool:
    """Whether `ddd-dd-dddd` can be a United States social security number (SSA: not 000, 666, 9xx; not 00; not 0000)."""
    area, group, serial = text.split("-")
    return area not in ("000", "666") and area < "900" and group != "00" and serial != "0000"


def is_resident(text: str) -> bool:
    """Whether 18 characters are a Chinese resident identity number: province, birthday, check character (GB 11643)."""
    if not text.startswith(expand(facts()["resident"]["provinces"])):
        return False
    try:
        born = date(int(text[6:10]), int(text[10:12]), int(text[12:14]))
    except ValueError:
        return False
    if not 1900 <= born.year <= date.today().year:
        return False
    total = sum(int(digit) * (2 ** (17 - place) % 11) for place, digit in enumerate(text[:17]))
    return "10X98765432"[total % 11] == text[17].upper()


def is_china_mobile(digits: str) -> bool:
    """Whether eleven digits are a mobile number in China; round numbers such as 13000000000 are taken for amounts."""
    return digits.startswith(expand(facts()["phone"]["china"])) and not re.search(r"0{5}$|(\d)\1{6}", digits)


def has_country_code(digits: str) -> bool:
    """Whether digits begin with an assigned country code."""
    plan = facts()["phone"]
    return digits.startswith(expand(plan["one"]) + expand(plan["two"]) + expand(plan["three"]))


def is_north_american(digits: str) -> bool:
    """Whether ten digits follow the North American plan: area and exchange begin with 2 to 9 and are no service code."""
    return bool(re.fullmatch(r"[2-9](?!11)\d{2}[2-9](?!11)\d{2}\d{4}", digits))


def passes_github(token: str) -> bool:
    """Whether a GitHub token of 36 characters ends in the check sum of the others: six digits of base 62 of their CRC-32."""
    body = token.partition("_")[2]
    value, digits = zlib.crc32(body[:-6].encode()), ""
    while value:
        value, rest = divmod(value, 62)
        digits = _BASE62[rest] + digits
    return digits.rjust(6, "0") == body[-6:]
