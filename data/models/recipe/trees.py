"""Training rows of the reward models: one prompt and many replies as a tree, so that the prompt is computed once.

A row holds the prompt, then its replies as branches that do not see each other. Leaves are single tokens hung into a branch at
some depth, seen by nobody: an end token that comes too early, a token that goes on where the reply should have ended.
"""

import random
from dataclasses import dataclass, field

import torch

ROW = 448  # tokens a row; replies to other prompts fill it up
REPLY = 64  # tokens of a reply that are read
PREFIXES = 4  # positions at which two replies are compared before their ends
WEIGHTS = {"hh": 1.0, "other": 0.6, "sample": 0.8, "early": 0.3, "late": 0.15}
PROMPT = -1


@dataclass
class Example:
    """Token ids of a prompt and of replies to it, each with its end token unless it was cut."""

    prompt: list[int]
    chosen: list[int]
    rejected: list[int]
    samples: list[list[int]]


@dataclass
class Row:
    ids: list[int] = field(default_factory=list)
    depth: list[int] = field(default_factory=list)
    branch: list[int] = field(default_factory=list)
    leaf: list[bool] = field(default_factory=list)
    pairs: list[tuple[str, int, int, float]] = field(default_factory=list)  # kind, better, worse, weight

    def add(self, tokens: list[int], branch: int, start: int, leaf: bool = False) -> list[int]:
        first = len(self.ids)
        self.ids += tokens
        self.depth += range(start, start + len(tokens))
        self.branch += [branch] * len(tokens)
        self.leaf += [leaf] * len(tokens)
        return list(range(first, len(self.ids)))


def compare(row: Row, kind: str, better: list[int], worse: list[int], share: float, rng: random.Random) -> None:
    """Where both replies end (or are cut), and at a few positions before, where both are equally long."""
    weight = WEIGHTS[kind] * share
    common = min(len(better), len(worse)) - 1
    row.pairs.append((kind, better[-1], worse[-1], 0.6 * weight))
    if common > 1:
        for _ in range(PREFIXES):
            at = rng.randrange(1, common)
            row.pairs.append((kind, better[at], worse[at], 0.4 * weight / PREFIXES))


def build_row(example: Example, others: list[list[int]], end: int, stray: int, rng: random.Random) -> Row:
    row = Row()
    replies = [example.chosen, example.rejected, rng.choice(example.samples)]
    leaves = 3
    room = ROW - leaves - sum(len(reply) for reply in replies)
    prompt = example.prompt
    keep = min(len(prompt), room - len(others[0]))
    # The begin token stays, the oldest turns go.
    prompt = prompt if keep == len(prompt) else prompt[:1] + prompt[len(prompt) - keep + 1 :]
    row.add(prompt, PROMPT, 0)
    chosen, rejected, sample = (row.add(reply, i, len(prompt)) for i, reply in enumerate(replies))
    compare(row, "hh", chosen, rejected, 1.0, rng)
    compare(row, "sample", chosen, sample, 0.6, rng)
    compare(row, "sample", rejected, sample, 0.4, rng)
    fitting = []
    left = ROW - leaves - len(row.ids)
    for other in others:
        if len(other) <= left:
            fitting.append(other)
            left -= len(other)
    for i, other in enumerate(fitting):
        placed = row.add(other, 3 + i, len(prompt))
        compare(row, "other", chosen, placed, 0.6 / len(fitting), rng)
        compare(row, "other", rejected, placed, 0.4 / len(fitting), rng)
    length = len(example.chosen) - 1
    for _ in range(2):
        at = rng.randrange(1, length) if length > 1 else 0
        (early,) = row.add([end], 0, len(prompt) + at, leaf=True)
        row.pairs.append(("early", chosen[at], early, WEIGHTS["early"] / 2))
    if example.chosen[-1] == end:
        (late,) = row.add([stray], 0, len(prompt) + length, leaf=True)
        row.pairs.append(("late", chosen[-1], late, WEIGHTS["late"]))
    return row


def collate(rows: list[Row], pad: int):
    """ids, depths [B, ROW], mask [B, 1, ROW, ROW] (added to the scores), and the pairs as flat indices with weights."""
    size = (len(rows), ROW)
    ids, depth = torch.full(size, pad), torch.zeros(size, dtype=torch.long)
    branch, leaf = torch.full(size, -2), torch.ones(size, dtype=torch.bool)
    for i, row in enumerate(rows):
        n = len(row.ids)
        ids[i, :n], depth[i, :n] = torch.tensor(row.ids), torch.tensor(row.depth)
        branch[i, :n], leaf[i, :n] = torch.tensor(row.branch), torch.tensor(row.leaf)
    related = (branch[:, None, :] == PROMPT) | (branch[:, None, :] == branch[:, :, None])
    seen = related & ~leaf[:, None, :] & (depth[:, None, :] < depth[:, :, None])
    seen |= torch.eye(ROW, dtype=torch.bool)
    mask = torch.zeros(seen.shape).masked_fill(~seen, -1e9)[:, None]
    flat = [(i * ROW + better, i * ROW + worse, weight) for i, row in enumerate(rows) for _, better, worse, weight in row.pairs]
    better, worse, weight = zip(*flat, strict=True)
    return ids, depth, mask, torch.tensor(better), torch.tensor(worse), torch.tensor(weight)
