"""The quality rules again, as slow and as plain as the papers and datatrove 0.10.1 state them: for comparison alone."""

import re
from collections import Counter

import regex

from apps.dataset_explorer.rules import policy_phrases, stop_characters, stop_words

WORD = regex.compile(r"(?V1)[\p{Han}\p{Hiragana}\p{Katakana}]|[[\p{L}\p{M}\p{N}_]--[\p{Han}\p{Hiragana}\p{Katakana}]]+")
SINGLE = regex.compile(r"(?V1)[\p{Han}\p{Hiragana}\p{Katakana}]")
CITATION = re.compile(r"\[\d*]|\[edit]|\[citation needed]")
ENDS = set(stop_characters()) | {"…"}
CLOSERS = "\"'”’」』）)]»"


def values(text: str, once: str = "zero", coverage: str = "union", script: str = "any") -> dict[str, float | None]:
    words = WORD.findall(text)
    return (
        gopher(text, words, script) | repetition(text, words, once, coverage) | c4(text, script) | fineweb(text, words)
    )


def ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def gopher(text, words, script):
    plain = [word for word in words if set(word) - set("_１")]
    long = [word for word in plain if script == "english" or not SINGLE.fullmatch(word)]
    lines = text.splitlines()
    lists = stop_words() if script == "any" else {"en": stop_words()["en"]}
    return {
        "gopher_words": len(plain),
        "gopher_word_length": sum(map(len, long)) / len(long) if long else None,
        "gopher_hashes": ratio(text.count("#"), len(words)),
        "gopher_ellipses": ratio(text.count("...") + text.count("…"), len(words)),
        "gopher_bullet_lines": ratio(sum(line.lstrip().startswith(("•", "-")) for line in lines), len(lines)),
        "gopher_ellipsis_lines": ratio(sum(line.rstrip().endswith(("...", "…")) for line in lines), len(lines)),
        "gopher_alphabetic_words": ratio(sum(any(map(str.isalpha, word)) for word in words), len(words)),
        "gopher_stop_words": max(len(set(each) & set(words)) for each in lists.values()),
    }


def again(pieces):
    seen, found = set(), []
    for piece in pieces:
        if piece in seen:
            found.append(piece)
        seen.add(piece)
    return found


def repetition(text, words, once, coverage):
    found = {}
    for name, pieces in (("paragraph", re.split(r"\n{2,}", text.strip())), ("line", re.split(r"\n+", text))):
        double = again(pieces)
        found[f"gopher_duplicate_{name}s"] = ratio(len(double), len(pieces))
        found[f"gopher_duplicate_{name}_characters"] = ratio(sum(map(len, double)), len(text))
    for n in (2, 3, 4):
        grams = Counter(" ".join(words[start : start + n]) for start in range(len(words) - n + 1))
        gram, count = grams.most_common(1)[0] if grams else ("", 0)
        found[f"gopher_top_{n}_gram"] = ratio(len(gram) * count * (count > 1 or once == "count"), len(text))
    for n in range(5, 11):
        repeated = union(words, n) if coverage == "union" else greedy(words, n)
        found[f"gopher_repeated_{n}_grams"] = ratio(repeated, len(text))
    return found


def union(words, n):
    seen, covered = set(), set()
    for start in range(len(words) - n + 1):
        gram = tuple(words[start : start + n])
        if gram in seen:
            covered |= set(range(start, start + n))
        seen.add(gram)
    return sum(len(words[place]) for place in covered)


def greedy(words, n):
    seen, total, start = set(), 0, 0
    while start < len(words) - n + 1:
        gram = "".join(words[start : start + n])
        total += len(gram) * (gram in seen)
        start += n if gram in seen else 1
        seen.add(gram)
    return total


def ended(line, script):
    if line.endswith("..."):
        return False
    wide = script == "any" and (line[-1:] in ENDS - {"…"} or line[-1:] in set("”’」』»"))
    return line.endswith((".", "?", "!", '"', "'")) or wide


def sentences(line):
    count = 1
    for place in range(1, len(line)):
        if line[place].isspace():
            continue
        head = line[:place]
        if head[-1].isspace():
            head, allowed = head.rstrip(), ENDS
        elif line[place] in ENDS or line[place] in CLOSERS:
            continue
        else:
            allowed = set("。！？｡．")
        count += head[-1:] in allowed or (head[-1:] in CLOSERS and head[-2:-1] in allowed and len(head) > 1)
    return count


def c4(text, script):
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    found = Counter()
    for line in lines:
        words, raw = line.split(), line
        line = CITATION.sub("", line)
        low = line.lower()
        many = len(words) + (len(SINGLE.findall(raw)) if script == "any" else 0)
        long, short, bad_end = any(len(word) > 1000 for word in words), many < 3, not ended(line, script)
        policy = any(phrase in low for phrase in policy_phrases())
        found["long"] += long
        found["short"] += short
        found["bad_end"] += bad_end
        found["javascript"] += "javascript" in low
        found["policy"] += policy
        if long or short or bad_end:
            continue
        found["lorem"] += "lorem ipsum" in low
        if "lorem ipsum" in low or "javascript" in low:
            continue
        found["curly"] += "{" in line
        if "{" not in line and not policy:
            found["sentences"] += sentences(line.strip())
    return {
        "c4_sentences": found["sentences"],
        "c4_lorem_ipsum": found["lorem"],
        "c4_curly_brackets": found["curly"],
        "c4_javascript_lines": found["javascript"],
        "c4_policy_lines": found["policy"],
        "c4_long_words": found["long"],
        "c4_bad_words": 0,
        "c4_long_paragraphs": sum(len(line) >= 200 for line in text.split("\n")),
        "c4_unpunctuated_lines": ratio(found["bad_end"], len(lines)),
        "c4_short_lines": ratio(found["short"], len(lines)),
    }


def fineweb(text, words):
    lines = [line for line in text.split("\n") if line.strip()]
    return {
        "fineweb_punctuated_lines": ratio(sum(line[-1] in stop_characters() for line in lines), len(lines)),
        "fineweb_short_lines": ratio(sum(len(line) <= 30 for line in lines), len(lines)),
        "fineweb_duplicate_characters": ratio(sum(map(len, again(lines))), len(text.replace("\n", ""))),
        "fineweb_line_feeds": ratio(text.count("\n"), len(words)),
    }
