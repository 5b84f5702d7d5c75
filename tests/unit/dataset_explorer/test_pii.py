import json
import zlib
from pathlib import Path

import pyarrow as pa
import pytest

from apps.dataset_explorer import patterns, pii
from shared.errors import PlaygroundError

DATA = Path(__file__).resolve().parents[4] / "shared" / "data" / "instruct"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# Secrets are put together here, so that no scanner takes this file for a leak.
BODY = "zQ3vX8rT1kL6mN9pW2sY5bD7fG4hJ0"
CHECK = "".join(ALPHABET[zlib.crc32(BODY.encode()) // 62**power % 62] for power in range(5, -1, -1))
LONG = BODY + "uE5iO8aR2tC6vB9n"


def found(text, *only):
    return [(each.kind, text[each.start : each.end], each.reserved) for each in pii.find([text], only)]


@pytest.mark.parametrize(
    ("text", "kind", "span", "reserved"),
    [
        ("Write to Ada.Lovelace+x@mail.engine.co.uk.", "email", "Ada.Lovelace+x@mail.engine.co.uk", False),
        ("请联系foo@bar.cn。", "email", "foo@bar.cn", False),
        ("me@example.com", "email", "me@example.com", True),
        ("me@printer.local", "email", "me@printer.local", True),
        ("Reach us: +44 20 7946 0958!", "phone", "+44 20 7946 0958", False),
        ("(+49 30 1234567)", "phone", "+49 30 1234567", False),
        ("+919876543210", "phone", "+919876543210", False),
        ("Call (202) 225-2815 now", "phone", "(202) 225-2815", False),
        ("1-800-275-2273", "phone", "1-800-275-2273", False),
        ("910.538.0115", "phone", "910.538.0115", False),
        ("212-555-0142", "phone", "212-555-0142", True),
        ("London 020 7946 0958", "phone", "020 7946 0958", False),
        ("Paris 01 42 68 53 00.", "phone", "01 42 68 53 00", False),
        ("北京 010-62784321", "phone", "010-62784321", False),
        ("电话010-62784321转", "phone", "010-62784321", False),
        ("服务器8.8.8.8上", "ipv4", "8.8.8.8", False),
        ("Tel.: 30 901820", "phone", "30 901820", False),
        ("我的电话号码是718-0167，", "phone", "718-0167", False),
        ("手机13812345678。", "cn_mobile", "13812345678", False),
        ("+86 138-1234-5678", "cn_mobile", "+86 138-1234-5678", False),
        ("ping 8.8.8.8 now", "ipv4", "8.8.8.8", False),
        ("at 192.168.1.10:80", "ipv4", "192.168.1.10", True),
        ("from 2606:4700:4700::1111.", "ipv6", "2606:4700:4700::1111", False),
        ("fe80::1", "ipv6", "fe80::1", True),
        ("card 4539 1488 0343 6467.", "credit_card", "4539 1488 0343 6467", False),
        ("4539-1488-0343-6467", "credit_card", "4539-1488-0343-6467", False),
        ("4539 1488 0343 6467 12", "credit_card", "4539 1488 0343 6467", False),
        ("3714 496353 98431", "credit_card", "3714 496353 98431", True),
        ("IBAN DE89 3704 0044 0532 0130 00 AND MORE", "iban", "DE89 3704 0044 0532 0130 00", False),
        ("GB82WEST12345698765432", "iban", "GB82WEST12345698765432", False),
        ("SSN 859-56-0028", "us_ssn", "859-56-0028", False),
        ("078-05-1120", "us_ssn", "078-05-1120", True),
        ("身份证11010519491231002X号", "cn_resident_id", "11010519491231002X", False),
        (f"token hf_{BODY}abcd", "hf_token", f"hf_{BODY}abcd", False),
        (f"sk-ant-api03-{LONG}", "anthropic_key", f"sk-ant-api03-{LONG}", False),
        (f"sk-proj-{LONG}", "openai_key", f"sk-proj-{LONG}", False),
        (f"sk-{LONG}", "openai_key", f"sk-{LONG}", False),
        ("AKIA" + "QWERTYUIOP234567", "aws_key", "AKIA" + "QWERTYUIOP234567", False),
        ("AKIA" + "IOSFODNN7EXAMPLE", "aws_key", "AKIA" + "IOSFODNN7EXAMPLE", True),
        (f"ghp_{BODY}{CHECK}", "github_token", f"ghp_{BODY}{CHECK}", False),
        (f"ghp_{BODY}000000", "github_token", f"ghp_{BODY}000000", True),
        ("AIza" + LONG[:35], "google_key", "AIza" + LONG[:35], False),
        ("xoxb-" + "2345678901-" + BODY[:20], "slack_token", "xoxb-" + "2345678901-" + BODY[:20], False),
        ("sk_live_" + BODY, "stripe_key", "sk_live_" + BODY, False),
        ("sk_test_" + BODY, "stripe_key", "sk_test_" + BODY, True),
        ('DB_PASSWORD = "tr0ub4dor&3x"', "assigned_secret", "tr0ub4dor&3x", False),
        ('{"api_key": "q8Z2xV7bN4mK1"}', "assigned_secret", "q8Z2xV7bN4mK1", False),
        ("Your new password: q8Z2xV7bN4mK1.", "assigned_secret", "q8Z2xV7bN4mK1", False),
        ("api_key = your_api_key_123", "assigned_secret", "your_api_key_123", True),
    ],
)
def test_what_is_found(text, kind, span, reserved):
    assert found(text) == [(kind, span, reserved)]


@pytest.mark.parametrize(
    "text",
    [
        "logo@2x.png",
        "a..b@site.com",
        "There are 1234567 beans and 98 765 432 peas.",
        "48/2 = <<48/2=24>>24, 13000000000 in all, 123-456",
        "fib(91) == 4660046610375530309 and 4212883012996",
        "version 10.2.3.4 and v1.2.3.4",
        "300.1.2.3 and 1.2.3.4.5 and 1.2.3",
        "at 12:30:45, std::vector a::b c::d::",
        "4539 1488 0343 6468",
        "-4539148803436467",
        "DE88 3704 0044 0532 0130 00",
        "GB82WEST1234 and 5-859-56-0028",
        "110105194912310021",
        "2021-13-4567 and 123-45-67890",
        "08 02 22 97 38 15 00 40 00 75",
        "x = 13333122222 + y(17209590691)",
        "123.456.7890 is 5 +12345678",
        "+999 123 456 789",
        "512-1111-222",
        "phone 1234567%",
        "call\n192384576",
        "token = tokenizer.encode(text1)",
        'password = os.environ["PASSWORD1"]',
        "secret: https://vault.example/k3y",
        "password: aaaaaaaa1",
        "the password is secret and the token too",
        "sk-learn-is-a-wonderful-library-for-us",
        "eyJhbGciOiJIUzI1.eyJzdWIi.c2ln",
        "",
    ],
)
def test_what_is_not_found(text):
    assert found(text) == []


def test_json_web_token():
    import base64

    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "HS256", "typ": "JWT"}, {"sub": "1"})
    )
    assert found(f"Bearer {head}.{body}.c2lnbmF0dXJl") == [("jwt", f"{head}.{body}.c2lnbmF0dXJl", False)]


def test_private_key_block_with_and_without_its_end():
    line = "-----{} RSA PRIVATE KEY-----"
    block = "\n".join([line.format("BEGIN"), LONG, LONG, line.format("END")])
    assert found(f"key:\n{block}\nrest") == [("private_key", block, False)]
    assert found(line.format("BEGIN") + "\n...") == [("private_key", line.format("BEGIN"), True)]
    # A block that does not end must not reach into the next row.
    both = pii.find([line.format("BEGIN") + "\n" + LONG, block])
    assert [(each.row, each.kind) for each in both if each.kind == "private_key"] == [
        (0, "private_key"),
        (1, "private_key"),
    ]


def test_places_are_characters_in_any_script():
    texts = pa.array(["😀é foo@bar.io", None, "", "مرحبا 8.8.8.8", "e\u0301 " * 3 + "foo@bar.io"], pa.string())
    assert [(each.row, each.start, each.end) for each in pii.find(texts)] == [(0, 3, 13), (3, 6, 13), (4, 9, 19)]


def test_rows_keep_their_numbers_in_any_portion(monkeypatch):
    texts = [f"mail{number}@site.org" if number % 3 else "nothing" for number in range(40)]
    whole = pii.find(texts)
    monkeypatch.setattr(pii, "_PORTION", 50)
    assert pii.find(texts) == whole
    assert [each.row for each in whole] == [number for number in range(40) if number % 3]


def test_nothing_is_shown_in_full():
    secrets = [
        f"hf_{BODY}abcd",
        f"ghp_{BODY}{CHECK}",
        "4539148803436467",
        "foo.bar@site.org",
        "859-56-0028",
        "8.8.8.8",
        "fe80::1",
    ]
    for each, text in zip(pii.find(secrets), secrets, strict=True):
        assert len(each.masked.replace("…", "")) < len(text) * 0.75
        assert text not in each.masked
    assert pii.mask("private_key", "-----BEGIN RSA PRIVATE KEY-----\n" + LONG) == "-----BEGIN RSA PRIVATE KEY-----…"
    assert pii.mask("email", "foo.bar@site.org") == "f…@s….org"


def test_only_the_kinds_asked_for():
    text = "foo@bar.io from 8.8.8.8, passport C01X00T47 or AB1234567"
    assert [each[0] for each in found(text)] == ["email", "ipv4"]
    assert [each[0] for each in found(text, "ipv4", "passport")] == ["ipv4", "passport", "passport"]
    with pytest.raises(PlaygroundError, match="no kind of personal data 'dna'"):
        pii.find([text], ["dna"])


def test_every_kind_says_what_it_is():
    assert pii.kinds()["phone"] == "Phone number"
    assert set(pii.kinds()) == {kind.name for kind in patterns.KINDS}


def test_tallies_of_batches_add_up():
    texts = ["a@site.org b@site.org", "me@example.com", "a@site.org 8.8.8.8"]
    whole = pii.tally(pii.find(texts), 3)
    assert whole == pii.PiiTally(3, {"email": 3, "ipv4": 1}, {"email": 2, "ipv4": 1}, {"email": 1})
    parts = [pii.tally(pii.find(part), len(part)) for part in (texts[:2], texts[2:])]
    assert parts[0] + parts[1] == whole
    assert whole + pii.PiiTally() == whole


def test_entropy():
    assert patterns.entropy("") == 0
    assert patterns.entropy("aabb") == 1
    assert patterns.entropy("abcd") == 2


def test_a_hostile_row_takes_no_longer():
    hostile = "a" * 300_000 + "@" + "a." * 100_000 + "1 " * 100_000 + "-----BEGIN PRIVATE KEY-----" * 1000
    assert {each.kind for each in pii.find([hostile])} <= {"private_key"}


@pytest.mark.skipif(not DATA.exists(), reason="the reference data are not beside the repository")
@pytest.mark.parametrize(
    ("file", "column", "rows"),
    [("gpteacher/codegen-instruct.json", "response", 28), ("llamafactory/c4_demo.jsonl", "text", 7)],
)
def test_reference_counts_of_mail_addresses(file, column, rows):
    content = (DATA / file).read_text()
    texts = [
        row[column] for row in (json.loads(content) if file.endswith("json") else map(json.loads, content.splitlines()))
    ]
    assert len({each.row for each in pii.find(texts, ["email"])}) == rows


@pytest.mark.skipif(not DATA.exists(), reason="the reference data are not beside the repository")
@pytest.mark.parametrize("file", ["gsm8k/train.jsonl", "gsm8k/test.jsonl"])
def test_sums_are_no_personal_data(file):
    rows = [json.loads(line) for line in (DATA / file).read_text().splitlines()]
    assert pii.find([f"{row['question']} {row['answer']}" for row in rows]) == []
