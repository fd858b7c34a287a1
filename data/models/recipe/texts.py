"""The training texts: HH-RLHF pairs and Self-Dialogue chats in the form `\n\nHuman: …\n\nAssistant: …`."""

import gzip
import hashlib
import json
import random
import re
from dataclasses import dataclass
from pathlib import Path

HUMAN, ASSISTANT = "\n\nHuman:", "\n\nAssistant:"
CANDIDATES = 20  # replies to choose among, the right one included
DRAWS = 5  # sets of candidates a prompt


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
    """Two-sided chats; the second speaker is the assistant, a last turn of the first speaker is dropped."""
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
    """0 or 1 by a hash: the same text always falls into the same half."""
    return hashlib.sha256(f"{salt}\0{text}".encode()).digest()[0] & 1


def first_turn(prompt: str) -> str:
    return prompt.split(ASSISTANT)[0]


def reward_half(pairs: list[Pair], which: int) -> list[Pair]:
    """The pairs of one reward model: the halves share no first human turn."""
    return [pair for pair in pairs if half(first_turn(pair.prompt), "reward") == which]


def prompts(pairs: list[Pair], which: str) -> list[str]:
    """The dev prompts, halved by a hash of the first human turn into validation and test; each prompt once."""
    wanted = {"validation": 0, "test": 1}[which]
    return sorted({pair.prompt for pair in pairs if half(first_turn(pair.prompt), "prompt") == wanted})


def lm_documents(pairs: list[Pair]) -> list[str]:
    """Chosen replies after the whole prompt, rejected ones after its last turn only, so that no prompt is read twice an epoch."""
    documents = [pair.prompt + pair.chosen for pair in pairs]
    documents += [last_turn(pair.prompt) + pair.rejected for pair in pairs]
    return documents


def shuffled(items: list, seed: int) -> list:
    items = list(items)
    random.Random(seed).shuffle(items)
    return items


def replies_of(pair: Pair) -> list[tuple[str, str]]:
    """Every reply of the assistant after what stood before it; the last prompt has two, the chosen and the rejected one."""
    found, before = [], ""
    turns = pair.prompt.split(ASSISTANT)[:-1]
    for turn, following in zip(turns, turns[1:]):
        before += turn + ASSISTANT
        found.append((before, following.split(HUMAN)[0]))
    return [*found, (pair.prompt, pair.chosen), (pair.prompt, pair.rejected)]


def turns_of(chat: str) -> list[str]:
    return [turn for turn in re.split(f"(?:{HUMAN}|{ASSISTANT}) ", chat) if turn]


def candidates(count: int, seed: int = 0) -> list[list[list[int]]]:
    """For each of `count` prompts DRAWS lists of places: of its own reply first, and of 19 others."""
    rng = random.Random(seed)
    others = [[place for place in range(count) if place != own] for own in range(count)]
    return [[[own, *rng.sample(others[own], CANDIDATES - 1)] for _ in range(DRAWS)] for own in range(count)]
