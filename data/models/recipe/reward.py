"""chat-rm and judge-rm: a scalar head on the language model's body, trained on preferences of one half of HH-RLHF each."""

import json
import random
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from transformers import LlamaForCausalLM, LlamaForSequenceClassification

from lm import CONTEXT, config, load_lm
from muon import Muon
from texts import Pair, hh_pairs, reward_half
from trees import REPLY, Example, build_row, collate

ROWS_A_STEP = 8
STEPS = 900
RATE = 6e-4


@dataclass(frozen=True)
class RewardRun:
    name: str
    half: int
    seed: int


RUNS = [RewardRun("chat-rm", 0, 11), RewardRun("judge-rm", 1, 23)]


def reply_ids(tokenizer, text: str) -> list[int]:
    """A reply's tokens with the end token, cut to what is read."""
    return (tokenizer(text, add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id])[:REPLY]


def examples(tokenizer, pairs: list[Pair], samples: dict[str, list[str]]) -> list[Example]:
    found = []
    for pair in pairs:
        texts = samples.get(pair.prompt)
        if not texts or not pair.chosen.strip() or not pair.rejected.strip():
            continue
        found.append(
            Example(
                tokenizer(pair.prompt)["input_ids"],
                reply_ids(tokenizer, pair.chosen),
                reply_ids(tokenizer, pair.rejected),
                [reply_ids(tokenizer, text) for text in texts],
            )
        )
    return found


def reward_model(lm_folder: Path, seed: int) -> LlamaForSequenceClassification:
    torch.manual_seed(seed)
    settings = config()
    settings.num_labels = 1
    model = LlamaForSequenceClassification(settings)
    model.model.load_state_dict(LlamaForCausalLM.from_pretrained(lm_folder, dtype=torch.float32).model.state_dict())
    torch.nn.init.normal_(model.score.weight, std=0.01)
    return model


def train_reward(data: Path, lm_folder: Path, samples_file: Path, out: Path, work: Path, run: RewardRun, steps: int = STEPS) -> None:
    rng = random.Random(run.seed)
    _, tokenizer = load_lm(lm_folder)
    samples = json.loads(samples_file.read_text())
    pool = examples(tokenizer, reward_half(hh_pairs(data, "train"), run.half), samples)
    model = reward_model(lm_folder, run.seed)
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "layers" in n]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "layers" not in n]
    optimizers = [Muon(matrices, RATE, weight_decay=0.05), torch.optim.AdamW(others, RATE, betas=(0.9, 0.95), weight_decay=0.0, fused=True)]

    @torch.compile
    def loss_of(ids, depth, mask, better, worse, weight):
        hidden = model.model(input_ids=ids, position_ids=depth, attention_mask=mask, use_cache=False).last_hidden_state
        rewards = model.score(hidden).flatten()
        gap = rewards[better] - rewards[worse]
        return (weight * F.softplus(-gap)).sum() / weight.sum(), gap

    order: list[int] = []
    curve, began = [], time.time()
    tally: dict[str, list[float]] = {}
    for step in range(steps):
        rows = []
        for _ in range(ROWS_A_STEP):
            if not order:
                order = list(range(len(pool)))
                rng.shuffle(order)
            example = pool[order.pop()]
            others_ids = [rng.choice(pool).chosen for _ in range(12)]
            rows.append(build_row(example, others_ids, tokenizer.eos_token_id, rng.choice(rng.choice(pool).chosen), rng))
        batch = collate(rows, tokenizer.eos_token_id)
        # As many pairs in every step, so that the compiled graph fits them all: the rest has no weight.
        ids, depth, mask, *flat = batch
        room = 512 - flat[0].numel()
        flat = [F.pad(values, (0, room)) if room >= 0 else values[:512] for values in flat]
        loss, gap = loss_of(ids, depth, mask, *flat)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        progress = step / steps
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = RATE * min(1.0, progress / 0.05, (1.0 - progress) / 0.6 + 0.02)
            optimizer.step()
            optimizer.zero_grad()
        kinds = [kind for row in rows for kind, *_ in row.pairs][:512]
        for kind, value in zip(kinds, gap.tolist(), strict=False):
            tally.setdefault(kind, []).append(value > 0)
        if step % 50 == 49 or step == steps - 1:
            right = {kind: round(sum(values) / len(values), 3) for kind, values in tally.items()}
            curve.append({"step": step + 1, "loss": round(loss.item(), 4), **right})
            print(f"{run.name} {curve[-1]} {(time.time() - began) / (step + 1):.2f} s a step", flush=True)
            tally = {}
    model.half().save_pretrained(out)
    tokenizer.save_pretrained(out)
    (work / f"{run.name}.json").write_text(json.dumps({"curve": curve, "pairs": len(pool), "minutes": (time.time() - began) / 60}))


@torch.no_grad()
def rewards_of(model, sequences: list[list[int]], batch_tokens: int = 8192) -> list[float]:
    """The reward read at each sequence's last token; longer ones lose their oldest tokens behind the begin token."""
    cut = [ids if len(ids) <= CONTEXT else ids[:1] + ids[len(ids) - CONTEXT + 1 :] for ids in sequences]
    order = sorted(range(len(cut)), key=lambda i: len(cut[i]))
    rewards = [0.0] * len(cut)
    at = 0
    while at < len(order):
        # Padded on the right, where causal attention does not see it.
        count = max(1, batch_tokens // len(cut[order[min(at + 31, len(order) - 1)]]))
        group = order[at : at + min(count, 32)]
        width = max(len(cut[i]) for i in group)
        ids = torch.tensor([cut[i] + [1] * (width - len(cut[i])) for i in group])
        hidden = model.model(input_ids=ids, use_cache=False).last_hidden_state
        values = model.score(hidden)[..., 0]
        for row, i in enumerate(group):
            rewards[i] = values[row, len(cut[i]) - 1].item()
        at += len(group)
    return rewards


def load_reward(folder: Path) -> LlamaForSequenceClassification:
    return LlamaForSequenceClassification.from_pretrained(folder, dtype=torch.float32).eval()
