"""The bag of words beside the sentence encoder: cosine of TF-IDF vectors with log counts, over lower-case words (`\\w+`)."""

import math
import re
from collections import Counter

import numpy as np

WORD = re.compile(r"\w+")


def words(text: str) -> list[str]:
    return WORD.findall(text.lower())


class BagOfWords:
    """`texts` give the document frequencies."""

    def __init__(self, texts: list[str]):
        self.count, self.document_counts = len(texts), Counter(word for text in texts for word in set(words(text)))

    def vector(self, text: str) -> dict[str, float]:
        rarity = {word: math.log((1 + self.count) / (1 + self.document_counts[word])) + 1 for word in set(words(text))}
        weighed = {word: (1 + math.log(n)) * rarity[word] for word, n in Counter(words(text)).items()}
        size = math.sqrt(sum(weight * weight for weight in weighed.values())) or 1.0
        return {word: weight / size for word, weight in weighed.items()}

    def scores(self, prompts: list[str], replies: list[str]) -> np.ndarray:
        """Cosines [prompts, replies]."""
        heads, tails = ([self.vector(text) for text in texts] for texts in (prompts, replies))
        return np.array([[sum(weight * b.get(word, 0.0) for word, weight in a.items()) for b in tails] for a in heads])
