"""The training pairs of a reward model as trees: a prompt with two human-rated replies, a sample of chat-lm and a reply to another prompt."""

import random
from collections import defaultdict
from dataclasses import dataclass

from texts import Pair
from tree import Growing, Pairs, Tree

PROMPT, REPLY, SAMPLE, OTHER = 160, 120, 64, 72  # tokens at most; prompts are cut from the left, replies from the right
LONGEST = 512  # tokens of a tree
STRIDE = 32  # row lengths are padded to a multiple of this
WINDOW = 96  # a batch picks its trees by size from this many

# Weight of each comparison in the loss. `… prefix`: both replies cut to the same number of tokens; the weight is that of all PLACES lengths.
WEIGHTS = {
    "hh": 0.8,
    "hh prefix": 0.4,
    "other": 0.4,
    "other prefix": 0.6,
    "sample": 0.4,
    "sample prefix": 0.4,
    "too early": 0.15,  # the reply goes on, against an end token in its middle
    "too late": 0.15,  # the end token, against running on
}
PLACES = 8
HEAVIEST = 3.0  # largest factor of a whole pair with the rarer order of lengths
POOL = 24  # replies to other prompts, to choose one from


@dataclass
class Item:
    """Token ids of one pair. Replies have their end token."""

    prompt: list[int]
    chosen: list[int]
    rejected: list[int]
    sample: list[int]


def left_cut(prompt: list[int], tokens: int) -> list[int]:
    """Keeps the begin token and the last `tokens` tokens."""
    return prompt if len(prompt) <= tokens else prompt[:1] + prompt[1 - tokens :]


def items(tokenizer, pairs: list[Pair], samples: list[list[int]]) -> list[Item]:
    end = [tokenizer.eos_token_id]
    prompts = tokenizer([pair.prompt for pair in pairs])["input_ids"]
    replies = tokenizer([text for pair in pairs for text in (pair.chosen, pair.rejected)], add_special_tokens=False)["input_ids"]
    return [
        Item(prompt, chosen + end, rejected + end, sample)
        for prompt, chosen, rejected, sample in zip(prompts, replies[::2], replies[1::2], samples, strict=True)
    ]


class Balance:
    """Counts by kind how often the better reply is the longer one. A pair's factor gives both orders the same weight, so length tells nothing."""

    def __init__(self):
        self.counts = defaultdict(lambda: [1, 1])

    def factor(self, kind: str, longer: bool) -> float:
        counts = self.counts[kind]
        counts[longer] += 1
        return min(HEAVIEST, 0.5 * sum(counts) / counts[longer])


def against(
    kind: str, better: list[int], worse: list[int], places: tuple[int, int], end: int, balance: Balance, rng: random.Random
) -> Pairs:
    """Compares whole replies if both have their end, and prefixes of common lengths."""
    common = min(len(better), len(worse)) - 1  # a prefix has no end token
    if common < 1:
        return []
    share = WEIGHTS[kind + " prefix"] / PLACES
    lengths = [rng.randint(1, common) for _ in range(PLACES)]
    pairs = [(kind + " prefix", places[0] + n - 1, places[1] + n - 1, share) for n in lengths]
    if better[-1] == end and worse[-1] == end:
        # Human-rated pairs keep their lengths: a slight preference for longer replies is part of the data.
        factor = 1.0 if kind == "hh" or len(better) == len(worse) else balance.factor(kind, len(better) > len(worse))
        pairs.append((kind, places[0] + len(better) - 1, places[1] + len(worse) - 1, factor * WEIGHTS[kind]))
    return pairs


@dataclass
class Vocabulary:
    end: int
    marks: set[int]  # full stop, question and exclamation mark
    openers: list[int]  # tokens that follow them within replies, with repetitions


def vocabulary(tokenizer, items: list[Item]) -> Vocabulary:
    marks = {tokenizer.convert_tokens_to_ids(mark) for mark in ".!?"}
    openers = [after for item in items for mark, after in zip(item.chosen[:-1], item.chosen[1:-1]) if mark in marks]
    return Vocabulary(tokenizer.eos_token_id, marks, openers)


def early(reply: list[int], marks: set[int], rng: random.Random) -> int | None:
    """Returns the number of tokens before a place where the reply goes on, mostly after a sentence, where an end is plausible."""
    inside = range(1, len(reply) - 1)
    sentences = [kept for kept in inside if reply[kept - 1] in marks]
    return rng.choice(sentences) if sentences and rng.random() < 0.9 else rng.choice(inside) if inside else None


def plant(item: Item, other: list[int], words: Vocabulary, balance: Balance, rng: random.Random) -> Tree:
    """`other`: a reply to another prompt."""
    end = words.end
    chosen, rejected, sample, other = item.chosen[:REPLY], item.rejected[:REPLY], item.sample[:SAMPLE], other[:OTHER]
    size = len(chosen) + len(rejected) + len(sample) + len(other) + 4
    growing = Growing(left_cut(item.prompt, min(PROMPT, LONGEST - size)), LONGEST)
    at, worse = growing.branch(chosen), growing.branch(rejected)
    pairs = against("hh", chosen, rejected, (at, worse), end, balance, rng)
    strange = growing.branch(other)
    drawn = growing.branch(sample)
    for start, reply in ((at, chosen), (worse, rejected)):
        pairs += against("other", reply, other, (start, strange), end, balance, rng)
        pairs += against("sample", reply, sample, (start, drawn), end, balance, rng)
    # As many ends too early as too late. Otherwise the end token itself would gain or lose, and replies would get shorter or longer.
    for start, reply in ((at, chosen), (worse, rejected)):
        kept = early(reply, words.marks, rng)
        if kept:
            pairs.append(("too early", start + kept, growing.leaf(start, kept, end), WEIGHTS["too early"]))
        kept = len(reply) - 1
        if kept and reply[-1] == end:
            pairs.append(("too late", start + kept, growing.leaf(start, kept, rng.choice(words.openers)), WEIGHTS["too late"]))
    return growing.tree(pairs)


def other_reply(item: Item, pool: list[Item], rng: random.Random) -> list[int]:
    """Picks longer and shorter replies than the item's own equally often, if the pool has both, and prefers those short enough to keep their end."""
    replies = [other.chosen for other in pool if other.prompt != item.prompt]
    longer = rng.random() < 0.5
    fitting = [reply for reply in replies if len(reply) <= OTHER and (len(reply) > len(item.chosen)) == longer]
    return rng.choice(fitting or replies)


def epoch(items: list[Item], words: Vocabulary, balance: Balance, tokens: int, rng: random.Random) -> list[tuple[int, list[Tree]]]:
    """Yields one shuffled pass in batches of at most `tokens` tokens, each with the length of its rows."""
    order = rng.sample(range(len(items)), len(items))
    trees = [plant(item, other_reply(item, rng.sample(items, POOL), rng), words, balance, rng) for item in (items[i] for i in order)]
    batches = []
    for first in range(0, len(trees), WINDOW):
        window = sorted(trees[first : first + WINDOW], key=lambda tree: -len(tree.tokens))
        while window:
            length = -(-len(window[0].tokens) // STRIDE) * STRIDE
            batch, window = window[: tokens // length], window[tokens // length :]
            batches.append((length, batch))
    batches = [batch for batch in batches if len(batch[1]) > 1]
    rng.shuffle(batches)
    return batches
