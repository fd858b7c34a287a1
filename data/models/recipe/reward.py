"""chat-rm and judge-rm: chat-lm's body, two more layers and one score, trained on pairs (Bradley and Terry) at whole replies and at prefixes;
small-rm is the same on small-lm's body.

The score is read at the last token, also of an unfinished reply, because ARGS scores each candidate token in place.
"""

import json
import random
import time
from collections import defaultdict
from pathlib import Path

import torch
import torch.nn.functional as F
from transformers import LlamaForSequenceClassification

from ends import raise_ends
from lm import load_lm
from pairs import Balance, epoch, items, vocabulary
from texts import hh_pairs, reward_half
from tokenizer import load_tokenizer
from tree import stacked

STEPS = 2800
TOKENS_A_STEP = 3072
RATE = 5e-4
ADDED = 2  # layers on top of the language model's; they see what chat-lm expected, and so how surprising a token is
FROZEN = 2  # lowest layers that keep chat-lm's weights; the embedding does, too
HELD_OUT = 300  # pairs of the other model's half, measured during training
AVERAGED = 0.3  # the final weights are the mean over this last share of the run
SEEDS = {"chat-rm": 11, "judge-rm": 23, "small-rm": 11}
HALVES = {"chat-rm": 0, "judge-rm": 1, "small-rm": 0}
RAISED = {"chat-rm": 2.0, "judge-rm": 0.0, "small-rm": 2.0}  # added to the learnt scores of end tokens; chosen by length on validation prompts


def reward_from_lm(folder: Path):
    lm, tokenizer = load_lm(folder)
    lm.config.num_labels = 1
    lm.config.num_hidden_layers += ADDED
    model = LlamaForSequenceClassification(lm.config)
    new = model.model.load_state_dict(lm.model.state_dict(), strict=False).missing_keys
    for name in new:
        if name.endswith(("o_proj.weight", "down_proj.weight")):  # new layers start as the identity
            torch.nn.init.zeros_(model.model.get_parameter(name))
    torch.nn.init.normal_(model.score.weight, std=0.01)
    for frozen in (model.model.embed_tokens, *model.model.layers[:FROZEN]):
        frozen.requires_grad_(False)
    return model, tokenizer


def schedule(progress: float) -> float:
    """Warms up over 5% of the run, then falls in a line to 5%."""
    return min(1.0, progress / 0.05, 1.0 - 0.95 * progress)


def train_reward(name: str, data: Path, lm: Path, samples: list[list[int]], out: Path, work: Path, steps: int = STEPS) -> None:
    """`samples`: one reply of chat-lm for each HH train pair, in the file's order."""
    seed = SEEDS[name]
    torch.manual_seed(seed)
    rng = random.Random(seed)
    pairs = hh_pairs(data, "train")
    mine = set(map(id, reward_half(pairs, HALVES[name])))
    chosen = [(pair, sample) for pair, sample in zip(pairs, samples, strict=True) if id(pair) in mine]
    model, tokenizer = reward_from_lm(lm)
    strangers = [(pair, sample) for pair, sample in zip(pairs, samples, strict=True) if id(pair) not in mine][:HELD_OUT]
    half, held = (items(tokenizer, [pair for pair, _ in some], [sample for _, sample in some]) for some in (chosen, strangers))
    words, end, balance = vocabulary(tokenizer, half), tokenizer.eos_token_id, Balance()
    watched = epoch(held, words, Balance(), TOKENS_A_STEP, random.Random(0))
    params = [param for param in model.parameters() if param.requires_grad]
    groups = [{"params": [p for p in params if (p.ndim > 1) == wide], "weight_decay": 0.1 * wide} for wide in (True, False)]
    optimizer = torch.optim.AdamW(groups, RATE, betas=(0.9, 0.98), fused=True)

    @torch.compile(dynamic=True)
    def rewards_of(input_ids, position_ids, attention_mask):
        with torch.autocast("cpu", torch.bfloat16):
            hidden = model.model(input_ids, attention_mask=attention_mask, position_ids=position_ids, use_cache=False).last_hidden_state
        return model.score(hidden.float())[..., 0]

    def compared(length, trees):
        """Rewards of the better and the worse reply of every pair of a batch, with kinds and weights."""
        rewards = rewards_of(**stacked(trees, length, end))
        kinds, rows, better, worse, weights = zip(*((kind, i, a, b, w) for i, tree in enumerate(trees) for kind, a, b, w in tree.pairs))
        rows = torch.tensor(rows)
        return kinds, rewards[rows, torch.tensor(better)], rewards[rows, torch.tensor(worse)], torch.tensor(weights)

    @torch.no_grad()
    def held_out():
        right = defaultdict(list)
        for batch in watched:
            kinds, better, worse, _ = compared(*batch)
            for kind, fine in zip(kinds, (better > worse).tolist()):
                right[kind].append(fine)
        return {kind: round(sum(fine) / len(fine), 3) for kind, fine in sorted(right.items())}

    curve, began, batches, averaged, means = [], time.time(), [], None, defaultdict(lambda: [0.0, 0.0, 0])
    model.train()
    for step in range(steps):
        batches = batches or epoch(half, words, balance, TOKENS_A_STEP, rng)
        length, trees = batches.pop()
        kinds, better, worse, weights = compared(length, trees)
        losses = -F.logsigmoid(better - worse)
        # The small square keeps scores near 0, because pairs alone do not fix their level.
        loss = (losses * weights).sum() / len(trees) + 0.001 * (better.square().mean() + worse.square().mean())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(params, 1.0)
        for group in optimizer.param_groups:
            group["lr"] = RATE * schedule(step / steps)
        optimizer.step()
        optimizer.zero_grad()
        for kind, one, right in zip(kinds, losses.tolist(), (better > worse).tolist()):
            means[kind] = [means[kind][0] + one, means[kind][1] + right, means[kind][2] + 1]
        if step >= steps * (1 - AVERAGED):
            averaged = averaged or [torch.zeros_like(param) for param in params]
            torch._foreach_add_(averaged, [param.detach() for param in params])
        if step % 100 == 99 or step == steps - 1:
            scores = {kind: [round(one / n, 4), round(right / n, 3)] for kind, (one, right, n) in sorted(means.items())}
            curve.append({"step": step + 1, "loss and accuracy": scores})
            if step % 400 == 399:
                curve[-1]["held out"] = held_out()
            means.clear()
            print(f"{name} {json.dumps(curve[-1])} {(step + 1) * TOKENS_A_STEP / (time.time() - began):.0f} tokens/s", flush=True)
            torch.save(model.state_dict(), work / f"{name}.pt")
    taken = steps - -int(-steps * (1 - AVERAGED) // 1)
    with torch.no_grad():
        for param, total in zip(params, averaged):
            param.copy_(total / taken)
    if RAISED[name]:
        for param in model.parameters():
            param.requires_grad_(False)
        raise_ends(model.eval(), half, words, RAISED[name], seed)
    model.half().save_pretrained(out)
    tokenizer.save_pretrained(out)
    (work / f"{name}.json").write_text(json.dumps({"curve": curve, "minutes": (time.time() - began) / 60, "steps": steps}))


def load_reward(folder: Path):
    return LlamaForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval(), load_tokenizer(folder)


@torch.no_grad()
def tracks(model, sequences: list[list[int]], tokens: int = 8192) -> list[torch.Tensor]:
    """Scores every token of each sequence, in batches of like length and at most about `tokens` tokens."""
    scores = [torch.empty(0)] * len(sequences)
    order = sorted(range(len(sequences)), key=lambda i: len(sequences[i]))
    while order:
        rows = max(1, tokens // len(sequences[order[-1]]))
        batch, order = order[-rows:], order[:-rows]
        longest = len(sequences[batch[-1]])
        ids = torch.tensor([sequences[i] + [0] * (longest - len(sequences[i])) for i in batch])
        hidden = model.model(ids, use_cache=False).last_hidden_state  # causal, so pads on the right change nothing
        for i, row in zip(batch, model.score(hidden)[..., 0]):
            scores[i] = row[: len(sequences[i])].clone()
    return scores


def rewards(model, sequences: list[list[int]]) -> torch.Tensor:
    """Scores the last token of each sequence."""
    return torch.stack([track[-1] for track in tracks(model, sequences)])
