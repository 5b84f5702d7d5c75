import zlib

import pytest

from apps.dataset_explorer import checksums


@pytest.mark.parametrize(
    ("digits", "good"),
    [
        ("4111111111111111", True),
        ("4111111111111112", False),
        ("5555555555554444", True),
        ("2223003122003222", True),
        ("378282246310005", True),
        ("3530111333300000", True),
        ("6250941006528599", True),
        ("30569309025904", True),
        ("1234567812345670", False),  # the check digit agrees, no issuer begins so
        ("41111111111111", False),
    ],
)
def test_cards(digits, good):
    assert checksums.is_card(digits) is good


def test_luhn_against_its_definition():
    for number in range(0, 4000, 7):
        digits = [int(digit) for digit in str(number)]
        doubled = [digit if place % 2 else 2 * digit for place, digit in enumerate(digits, len(digits) % 2)]
        assert checksums.passes_luhn(str(number)) == (sum(sum(map(int, str(each))) for each in doubled) % 10 == 0)


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("DE89370400440532013000", True),
        ("GB82WEST12345698765432", True),
        ("FR1420041010050500013M02606", True),
        ("NO9386011117947", True),
        ("DE88370400440532013000", False),
        ("DE8937040044053201300", False),
        ("XX82WEST12345698765432", False),
        ("", False),
    ],
)
def test_ibans(text, good):
    assert checksums.is_iban(text) is good


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("11010519491231002X", True),  # the example of GB 11643-1999
        ("11010519491231002x", True),
        ("440524188001010014", False),  # born in 1880
        ("110105194912310021", False),
        ("11010519491331002X", False),
        ("99010519491231002X", False),
    ],
)
def test_resident_numbers(text, good):
    assert checksums.is_resident(text) is good


@pytest.mark.parametrize(
    ("text", "good"),
    [
        ("123-45-6789", True),
        ("000-45-6789", False),
        ("666-45-6789", False),
        ("912-45-6789", False),
        ("123-00-6789", False),
    ],
)
def test_social_security_numbers(text, good):
    assert checksums.is_ssn(text) is good


@pytest.mark.parametrize(
    ("digits", "good"),
    [
        ("13812345678", True),
        ("12345678901", False),
        ("13000000000", False),
        ("19811111111", False),
        ("14012345678", False),
    ],
)
def test_mobile_numbers_in_china(digits, good):
    assert checksums.is_china_mobile(digits) is good


def test_country_codes():
    assert all(map(checksums.has_country_code, ("12025550123", "442079460958", "8613812345678", "35312345678")))
    assert not any(map(checksums.has_country_code, ("99912345678", "2101234567", "0123456789")))


@pytest.mark.parametrize(
    ("digits", "good"), [("2025550123", True), ("1025550123", False), ("2021550123", False), ("9115550123", False)]
)
def test_north_american_plan(digits, good):
    assert checksums.is_north_american(digits) is good


def test_github_check_sum():
    alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    body = "zQ3vX8rT1kL6mN9pW2sY5bD7fG4hJ0"
    value = zlib.crc32(body.encode())
    check = "".join(alphabet[value // 62**power % 62] for power in range(5, -1, -1))
    assert checksums.passes_github(f"ghp_{body}{check}")
    assert not checksums.passes_github(f"ghp_{body}000000")


def test_lists_of_numbers():
    assert checksums.expand("7 51-53 098-101") == ("7", "51", "52", "53", "098", "099", "100", "101")
