"""Figures with 95% intervals."""

import math

import numpy as np


def rate(successes: list[bool]) -> dict:
    """A share with Wilson's interval."""
    n = len(successes)
    if n == 0:
        return {"value": None, "low": None, "high": None, "n": 0}
    share, z = sum(successes) / n, 1.96
    middle = (share + z * z / (2 * n)) / (1 + z * z / n)
    reach = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return figure(share, middle - reach, middle + reach, n)


def ratio(above, below, draws: int = 1000, seed: int = 0) -> dict:
    """A ratio of sums, with a bootstrap over the entries."""
    above, below = np.asarray(above, float), np.asarray(below, float)
    picks = np.random.default_rng(seed).integers(len(above), size=(draws, len(above)))
    low, high = np.quantile(above[picks].sum(1) / below[picks].sum(1), (0.025, 0.975))
    return figure(above.sum() / below.sum(), low, high, len(above))


def mean(values) -> dict:
    return ratio(values, np.ones(len(values)))


def figure(value: float, low: float, high: float, n: int) -> dict:
    return {"value": round(float(value), 4), "low": round(float(low), 4), "high": round(float(high), 4), "n": n}


def diversity(ids: list[int]) -> float:
    """The product over n = 2, 3, 4 of the share of n-grams that are distinct (1 - rep-n); a text shorter than n repeats nothing."""
    product = 1.0
    for n in (2, 3, 4):
        grams = list(zip(*(ids[i:] for i in range(n))))
        product *= len(set(grams)) / len(grams) if grams else 1.0
    return product
