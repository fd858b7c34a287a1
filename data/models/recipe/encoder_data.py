"""What the sentence encoder learns from: texts of one conversation that belong together, in its own WordPiece tokens."""

import random
from dataclasses import dataclass
from pathlib import Path

from tokenizers import BertWordPieceTokenizer, Tokenizer

from texts import dialogues, hh_pairs, replies_of, shuffled, turns_of

SHORTEST = 3  # tokens of the shortest text
LAST_TURN = 0.6  # share of draws that use the rated replies rather than any turn of the conversation

Texts = tuple[list[int], list[int]]  # a prompt and its reply


@dataclass(frozen=True)
class Corpus:
    """Reads conversations as (prompt, reply) pairs, the rated ones last, and chats as their turns. Token ids without special tokens."""

    conversations: list[list[Texts]]
    chats: list[list[list[int]]]


def train_wordpiece(data: Path, vocab_size: int, seed: int) -> Tokenizer:
    pairs = hh_pairs(data, "train")
    texts = [pair.prompt + pair.chosen for pair in pairs] + [pair.rejected for pair in pairs] + dialogues(data)[::2]
    trained = BertWordPieceTokenizer(lowercase=True)
    trained.train_from_iterator(shuffled(texts, seed), vocab_size=vocab_size, min_frequency=3, show_progress=False)
    return trained._tokenizer


def ids_of(tokenizer: Tokenizer, texts: list[str]) -> list[list[int]]:
    return [one.ids for one in tokenizer.encode_batch(texts, add_special_tokens=False)]


def corpus(data: Path, tokenizer: Tokenizer) -> Corpus:
    """Reads the training split only."""
    nested = [replies_of(pair) for pair in hh_pairs(data, "train")]
    prompts, replies = (iter(ids_of(tokenizer, [pair[side] for pairs in nested for pair in pairs])) for side in (0, 1))
    read = [[(next(prompts), next(replies)) for _ in pairs] for pairs in nested]
    said = [[pair for pair in pairs if len(pair[1]) >= SHORTEST] for pairs in read]
    turns = [turns_of(chat) for chat in dialogues(data)]
    each = iter(ids_of(tokenizer, [turn for chat in turns for turn in chat]))
    chats = [[next(each) for _ in chat] for chat in turns]
    return Corpus([pairs for pairs in said if pairs], [chat for chat in chats if len(chat) > 3])


class Batches:
    """Yields batches of pairs without end, one pair a conversation, so no other reply of a batch belongs to a prompt. Each pass has a new order."""

    def __init__(self, corpus: Corpus, size: int, chat_share: float, rng: random.Random):
        self.corpus, self.size, self.chat_share, self.rng = corpus, size, chat_share, rng
        self.orders: dict[bool, list] = {True: [], False: []}

    def taken(self, chats: bool):
        items = self.corpus.chats if chats else self.corpus.conversations
        self.orders[chats] = self.orders[chats] or self.rng.sample(items, len(items))
        return self.orders[chats].pop()

    def pair(self, chats: bool) -> Texts:
        one = self.taken(chats)
        if not chats:
            return self.rng.choice(one[-2:] if self.rng.random() < LAST_TURN else one)
        at = self.rng.randint(1, len(one) - 1)
        before, after = one[max(0, at - 6) : at], one[at : at + self.rng.choice((1, 2, 4))]
        return [x for turn in before for x in turn], [x for turn in after for x in turn]

    def batch(self) -> list[Texts]:
        chats = self.rng.random() < self.chat_share
        pairs: list[Texts] = []
        while len(pairs) < self.size:
            prompt, reply = self.pair(chats)
            if min(len(prompt), len(reply)) >= SHORTEST:
                pairs.append((prompt, reply))
        return pairs
