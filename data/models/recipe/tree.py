"""Several replies to one prompt in one row. The prompt is computed once, and each reply sees only the prompt and itself."""

from dataclasses import dataclass, field

import numpy as np
import torch

Pairs = list[tuple[str, int, int, float]]  # kind, place of the better token, place of the worse one, weight


@dataclass
class Tree:
    tokens: list[int]
    positions: list[int]
    sees: np.ndarray  # [size, size] booleans: row attends to column
    pairs: Pairs = field(default_factory=list)


class Growing:
    """Builds a tree: branches and single-token leaves hang on the prompt."""

    def __init__(self, prompt: list[int], size: int):
        self.tokens, self.positions = list(prompt), list(range(len(prompt)))
        self.sees = np.zeros((size, size), bool)
        self.root = len(prompt)
        self.sees[: self.root, : self.root] = np.tri(self.root, dtype=bool)

    def branch(self, reply: list[int]) -> int:
        """Adds a reply and returns the place of its first token."""
        start, end = len(self.tokens), len(self.tokens) + len(reply)
        self.sees[start:end, : self.root] = True
        self.sees[start:end, start:end] = np.tri(len(reply), dtype=bool)
        self.tokens += reply
        self.positions += range(self.root, self.root + len(reply))
        return start

    def leaf(self, start: int, kept: int, token: int) -> int:
        """Adds one token after the first `kept` tokens of the branch at `start` and returns its place."""
        place = len(self.tokens)
        self.sees[place, : self.root] = True
        self.sees[place, start : start + kept] = True
        self.sees[place, place] = True
        self.tokens.append(token)
        self.positions.append(self.root + kept)
        return place

    def tree(self, pairs: Pairs) -> Tree:
        used = len(self.tokens)
        return Tree(self.tokens, self.positions, self.sees[:used, :used], pairs)


def stacked(trees: list[Tree], length: int, pad: int) -> dict[str, torch.Tensor]:
    """Tokens and positions [trees, length] and the additive mask [trees, 1, length, length]; a pad sees only itself."""
    tokens = np.full((len(trees), length), pad)
    positions = np.zeros((len(trees), length), np.int64)
    sees = np.tile(np.eye(length, dtype=bool), (len(trees), 1, 1))
    for i, tree in enumerate(trees):
        used = len(tree.tokens)
        tokens[i, :used], positions[i, :used] = tree.tokens, tree.positions
        sees[i, :used, :used] = tree.sees
    mask = torch.zeros(len(trees), 1, length, length)
    mask.masked_fill_(~torch.from_numpy(sees)[:, None], torch.finfo(torch.float32).min)
    return {"input_ids": torch.from_numpy(tokens), "position_ids": torch.from_numpy(positions), "attention_mask": mask}
