"""An interpolated 5-gram model with modified Kneser-Ney smoothing (Chen and Goodman, 1999), the baseline of chat-lm."""

import math

import numpy as np

ORDER = 5
BITS = 12  # a token id; five of them fill 60 of the 64 bits of a key


class Level:
    """The n-grams of one order: sorted keys, counts, and the sums of each context."""

    def __init__(self, keys: np.ndarray, counts: np.ndarray):
        self.keys, self.counts = keys, counts
        ones = [(counts == n).sum() for n in (1, 2, 3, 4)]
        y = ones[0] / (ones[0] + 2 * ones[1])
        self.discounts = np.array([0.0] + [n - (n + 1) * y * ones[n] / ones[n - 1] for n in (1, 2, 3)])
        self.contexts, starts = np.unique(keys >> BITS, return_index=True)
        self.totals = np.add.reduceat(counts, starts)
        self.spared = np.add.reduceat(self.discounts[np.minimum(counts, 3)], starts)

    def interpolated(self, keys: np.ndarray, lower: np.ndarray) -> np.ndarray:
        """Probabilities of the queried n-grams, given those of the next lower order."""
        at, known = find(self.keys, keys)
        counts = np.where(known, self.counts[at], 0)
        at, has_context = find(self.contexts, keys >> BITS)
        totals, spared = self.totals[at], self.spared[at]
        return np.where(has_context, (counts - self.discounts[np.minimum(counts, 3)] + spared * lower) / totals, lower)


def find(table: np.ndarray, keys: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    at = np.minimum(np.searchsorted(table, keys), len(table) - 1)
    return at, table[at] == keys


def ngrams(documents: list[list[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Returns the 5-gram that ends at each token after the begin token, and the place of each document's first one."""
    starts = np.cumsum([0] + [len(ids) - 1 for ids in documents])
    keys = np.zeros(starts[-1], np.uint64)
    for start, ids in zip(starts, documents):
        padded = np.array([ids[0]] * (ORDER - 1) + ids[1:], np.uint64)
        key = np.zeros(len(ids) - 1, np.uint64)
        for i in range(ORDER):
            key = (key << np.uint64(BITS)) | padded[i : i + len(key)]
        keys[start : start + len(key)] = key
    return keys, starts


def train(documents: list[list[int]]) -> list[Level]:
    """Counts levels 1 to 5 from documents with a begin token. Lower orders count the tokens that precede."""
    keys, counts = np.unique(ngrams(documents)[0], return_counts=True)
    levels = [Level(keys, counts)]
    for order in range(ORDER - 1, 0, -1):
        keys, counts = np.unique(keys & np.uint64((1 << (BITS * order)) - 1), return_counts=True)
        levels.insert(0, Level(keys, counts))
    return levels


def bits_per_byte(levels: list[Level], documents: list[list[int]], texts: list[str], vocabulary: int) -> np.ndarray:
    """Bits and bytes of each text [texts, 2]: its tokens without begin and end token, as in `lm.bits_per_byte`."""
    keys, starts = ngrams(documents)
    chance = np.full(len(keys), 1 / vocabulary)
    for order, level in enumerate(levels, 1):
        chance = level.interpolated(keys & np.uint64((1 << (BITS * order)) - 1), chance)
    bits = -np.log(chance) / math.log(2)
    return np.array([[bits[a:b].sum(), len(text.encode())] for a, b, text in zip(starts[:-1], starts[1:], texts)])
