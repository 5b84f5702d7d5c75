"""The proof that a finding made by hashes is one about words: no two different words or shingles met in one hash."""

import numpy as np

from apps.dataset_explorer.jaccard import ragged
from shared.text import LONGEST, Hashes, Places, Texts, Words, split_words, windows

SHINGLE = 5  # words


def proven(texts: Texts, salt: int) -> bool:
    """Whether no two different words and no two different shingles of these rows have the same hash.

    Args:
        texts: The rows.
        salt: The salt of the hashes.
    """
    words = split_words(texts)
    codes = words.hashes(salt)
    return not (_words_collide(words, codes) or shingles_collide(codes, words.rows))


def _words_collide(words: Words, codes: Hashes) -> bool:
    """Whether two different words have the same hash; words of up to eight bytes never do."""
    lengths = words.ends - words.starts
    long = np.flatnonzero(lengths > 8)
    one, two = (long[each] for each in repeated(codes[long]))
    if np.any(lengths[one] != lengths[two]):
        return True
    for block in range(LONGEST // 8):
        longer = lengths[one] > 8 * block
        one, two = one[longer], two[longer]
        left = words.block(block, words.starts[one], lengths[one])
        if np.any(left != words.block(block, words.starts[two], lengths[two])):
            return True
    longest = np.flatnonzero(lengths[one] > LONGEST)
    return any(words.word(left) != words.word(right) for left, right in zip(one[longest], two[longest], strict=True))


def shingles_collide(codes: Hashes, rows: Places) -> bool:
    """Whether two different runs of words have the same hash.

    Args:
        codes: The hashes of the words.
        rows: Row r has the words rows[r]:rows[r + 1].
    """
    hashes, bounds = windows(codes, rows, SHINGLE, whole=True)
    count = np.diff(bounds)
    place = ragged(rows[:-1], count)
    length = np.repeat(np.minimum(np.diff(rows), SHINGLE), count)
    one, two = repeated(hashes)
    if np.any(length[one] != length[two]):
        return True
    left, right, last = place[one], place[two], length[one] - 1
    if np.any(codes[left + last] != codes[right + last]):
        return True
    full = last == SHINGLE - 1
    after = (np.diff(left) == 1) & (np.diff(right) == 1) & full[1:] & full[:-1]
    begins = np.flatnonzero(~np.append(False, after)[: left.size])  # the others begin with words compared just before
    left, right, last = left[begins], right[begins], last[begins]
    steps = (np.minimum(step, last) for step in range(SHINGLE - 1))
    return any(bool(np.any(codes[left + step] != codes[right + step])) for step in steps)


def repeated(values: Hashes) -> tuple[Places, Places]:
    """Places of equal numbers: through the pairs, each place is linked to every other that has the same number.

    Args:
        values: Numbers whose upper bits are spread evenly, such as hashes.

    Returns:
        The one and the other place of each pair.
    """
    width = min(22, values.size.bit_length())
    slot = (values >> np.uint64(64 - width)).view(np.int64)
    last = np.zeros(1 << width, dtype=np.int32)
    last[slot] = np.arange(values.size, dtype=np.int32)
    other = last.take(slot)
    found = values[other] == values
    lost = np.flatnonzero(~found)
    order = lost[np.argsort(values[lost])]
    same = np.flatnonzero(values[order[1:]] == values[order[:-1]])
    one = np.flatnonzero(found & (other != np.arange(values.size)))
    return np.concatenate((one, order[same])), np.concatenate((other[one], order[same + 1]))
