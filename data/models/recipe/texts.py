"""The training texts: HH-RLHF pairs and Self-Dialogue chats in the form `\n\nHuman: …\n\nAssistant: …`."""

import gzip
import hashlib
import json
import random
import re
from dataclasses import dataclass
from pathlib import Path

HUMAN, ASSISTANT = "\n\nHuman:", "\n\nAssistant:"
CANDIDATES = 20  # replies to choose from, including the right one
DRAWS = 5  # draws of candidates for each prompt


@dataclass(frozen=True)
class Pair:
    prompt: str  # ends in "\n\nAssistant:"
    chosen: str
    rejected: str


def read_jsonl(path: Path):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def hh_pairs(data: Path, split: str) -> list[Pair]:
    rows = read_jsonl(data / "hh-rlhf" / f"{split}.jsonl.gz")
    return [Pair(row["prompt"], row["chosen"], row["rejected"]) for row in rows]


def dialogues(data: Path) -> list[str]:
    """Reads chats of two speakers. The second one is the assistant; a last turn of the first one is dropped."""
    texts = []
    for row in read_jsonl(data / "self-dialogue" / "self_dialogues.jsonl.gz"):
        turns = [turn.strip() for turn in row["turns"] if turn.strip()]
        turns = turns[: len(turns) // 2 * 2]
        if turns:
            texts.append("".join(f"{(HUMAN, ASSISTANT)[i % 2]} {turn}" for i, turn in enumerate(turns)))
    return texts


def last_turn(prompt: str) -> str:
    return prompt[prompt.rindex(HUMAN) :]


def half(text: str, salt: str) -> int:
    """Returns 0 or 1 by a hash, so a text always falls into the same half."""
    return hashlib.sha256(f"{salt}\0{text}".encode()).digest()[0] & 1


def first_turn(prompt: str) -> str:
    return prompt.split(ASSISTANT)[0]


def reward_half(pairs: list[Pair], which: int) -> list[Pair]:
    """The pairs of one reward model. The halves share no first human turn."""
    return [pair for pair in pairs if half(first_turn(pair.prompt), "reward") == which]


def prompts(pairs: list[Pair], which: str) -> list[str]:
    """The dev prompts, each once. A hash of the first human turn splits them into validation and test."""
    side = {"validation": 0, "test": 1}[which]
    return sorted({pair.prompt for pair in pairs if half(first_turn(pair.prompt), "prompt") == side})


def lm_documents(pairs: list[Pair]) -> list[str]:
    """Puts chosen replies after the whole prompt, rejected ones after its last turn only, so no prompt is read twice an epoch."""
    documents = [pair.prompt + pair.chosen for pair in pairs]
    documents += [last_turn(pair.prompt) + pair.rejected for pair in pairs]
    return documents


def shuffled(items: list, seed: int) -> list:
    items = list(items)
    random.Random(seed).shuffle(items)
    return items


def replies_of(pair: Pair) -> list[tuple[str, str]]:
    """Every reply of the assistant with its context. The last prompt has two, the chosen and the rejected one."""
    found, before = [], ""
    turns = pair.prompt.split(ASSISTANT)[:-1]
    for turn, following in zip(turns, turns[1:]):
        before += turn + ASSISTANT
        found.append((before, following.split(HUMAN)[0]))
    return [*found, (pair.prompt, pair.chosen), (pair.prompt, pair.rejected)]


def turns_of(chat: str) -> list[str]:
    return [turn for turn in re.split(f"(?:{HUMAN}|{ASSISTANT}) ", chat) if turn]


def candidates(count: int, seed: int = 0) -> list[list[list[int]]]:
    """Draws DRAWS lists of reply indices for each of `count` prompts: its own first, then 19 others."""
    rng = random.Random(seed)
    others = [[place for place in range(count) if place != own] for own in range(count)]
    return [[[own, *rng.sample(others[own], CANDIDATES - 1)] for _ in range(DRAWS)] for own in range(count)]
