"""chat-lm: a small Llama trained from scratch on chats; HH-RLHF takes a growing share of the batches. Makes base-lm and small-lm, too."""

import json
import math
import time
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM

from muon import Muon
from texts import HUMAN, dialogues, hh_pairs, lm_documents, shuffled
from tokenizer import load_tokenizer, train_tokenizer

CONTEXT = 1024
VOCAB = 4096
TOKENS_A_STEP = 4096
STEPS = 2250
RATE = 3e-3
# Lines through (step, value). Share of the rate:
RATES = ((0, 0.0), (90, 1.0), (1200, 1.0), (1750, 0.7), (STEPS, 0.02))
# Share of HH-RLHF rows; the rest are Self-Dialogue chats:
HH_SHARES = ((0, 0.35), (1750, 0.73), (STEPS, 1.0))
# Tokens a row, from a step on:
ROW_LENGTHS = ((0, 256), (1500, 512), (2100, 1024))
# A share of the chats is cut after one of its replies, so the model also sees the end token after inner replies.
CUT_SHARE = 0.25


@dataclass(frozen=True)
class Kind:
    """What distinguishes a language model from the others. With `hh` False it never reads HH-RLHF."""

    layers: int = 6
    width: int = 256
    feed_forward: int = 704
    steps: int = STEPS  # the lines above stretch to this number
    hh: bool = True
    bfloat16: bool = True  # arithmetic in training, faster on CPUs that have it


KINDS = {
    "chat-lm": Kind(bfloat16=False),
    "base-lm": Kind(steps=1200, hh=False),
    "small-lm": Kind(layers=4, width=128, feed_forward=352),
}


def config(kind: Kind) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=VOCAB,
        hidden_size=kind.width,
        intermediate_size=kind.feed_forward,
        num_hidden_layers=kind.layers,
        num_attention_heads=kind.width // 64,
        num_key_value_heads=kind.width // 128,
        max_position_embeddings=CONTEXT,
        rms_norm_eps=1e-5,
        tie_word_embeddings=True,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=1,
    )


class Rows:
    """Yields rows of `length` tokens without end: whole documents in shuffled order. Each row starts at a document."""

    def __init__(self, documents: list[list[int]], generator: torch.Generator):
        self.documents, self.generator, self.order = documents, generator, []

    def document(self) -> list[int]:
        if not self.order:
            self.order = torch.randperm(len(self.documents), generator=self.generator).tolist()
        return self.documents[self.order.pop()]

    def row(self, length: int) -> list[int]:
        tokens: list[int] = []
        while len(tokens) <= length:
            tokens += self.document()
        return tokens[: length + 1]


def encoded(tokenizer, texts: list[str], seed: int) -> list[list[int]]:
    """Adds begin and end token. A share of the chats is cut after one of its replies."""
    generator = torch.Generator().manual_seed(seed)
    cut = []
    for text in texts:
        ends = [i for i in range(1, len(text)) if text.startswith(HUMAN, i)]
        if ends and torch.rand((), generator=generator) < CUT_SHARE:
            text = text[: ends[int(torch.randint(len(ends), (), generator=generator))]]
        cut.append(text)
    return [ids + [tokenizer.eos_token_id] for ids in tokenizer(cut)["input_ids"]]


def at(points: tuple[tuple[int, float], ...], step: int) -> float:
    """Returns the value at a step, on lines through `points`."""
    for (x, y), (next_x, next_y) in zip(points, points[1:], strict=False):
        if step < next_x:
            return y + (next_y - y) * (step - x) / (next_x - x)
    return points[-1][1]


@torch.no_grad()
def bits_per_byte(model, tokenizer, texts: list[str]) -> float:
    """Counts the text's tokens without begin and end token, in windows of the context length that overlap by half."""
    nats, size = 0.0, 0
    for text in texts:
        ids = torch.tensor([tokenizer(text)["input_ids"]])
        done = 1
        while done < ids.size(1):
            start = 0 if done == 1 else done - CONTEXT // 2
            window = ids[:, start : start + CONTEXT]
            logits = model(window).logits[0, done - start - 1 : -1].float()
            nats += F.cross_entropy(logits, window[0, done - start :], reduction="sum").item()
            done = start + window.size(1)
        size += len(text.encode())
    return nats / math.log(2) / size


def train_lm(name: str, data: Path, out: Path, work: Path, tokens_of: Path | None = None, seed: int = 1) -> None:
    """Trains and saves one of KINDS, from the last state in `work` if there is one. `tokens_of` is the folder of its tokenizer."""
    kind, scale = KINDS[name], STEPS / KINDS[name].steps
    torch.manual_seed(seed)
    pairs, chats = hh_pairs(data, "train"), dialogues(data)
    dev = shuffled([pair.prompt + pair.chosen for pair in hh_pairs(data, "dev")], seed)[:100]
    documents = lm_documents(pairs)
    model = LlamaForCausalLM(config(kind))
    state = work / f"{name}.pt"
    done, curve, minutes = 0, [], 0.0
    if state.exists():
        saved = torch.load(state)
        model.load_state_dict(saved["model"])
        done, curve, minutes = saved["step"], saved["curve"], saved["minutes"]
    if tokens_of or state.exists():
        tokenizer = load_tokenizer(tokens_of or out)
    else:
        tokenizer = train_tokenizer(shuffled(documents + chats[::2], seed), VOCAB, CONTEXT)
        tokenizer.save_pretrained(out)
    generator = torch.Generator().manual_seed(seed + done)
    hh, other = (Rows(encoded(tokenizer, texts, seed), generator) for texts in (documents, chats))
    matrices = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    others = [p for n, p in model.named_parameters() if p.ndim != 2 or "embed" in n]
    optimizers = [Muon(matrices, RATE), torch.optim.AdamW(others, RATE, betas=(0.9, 0.95), weight_decay=0.0, fused=True)]

    @torch.compile
    def loss_of(ids):
        with torch.autocast("cpu", torch.bfloat16, enabled=kind.bfloat16):
            logits = model.lm_head(model.model(input_ids=ids[:, :-1], use_cache=False).last_hidden_state)
        return F.cross_entropy(logits.float().flatten(0, 1), ids[:, 1:].flatten())

    began, mean = time.time(), None
    for step in range(done, kind.steps):
        place = step * scale
        length = [tokens for first, tokens in ROW_LENGTHS if place >= first][-1]
        picks = torch.rand(TOKENS_A_STEP // length, generator=generator) < kind.hh * at(HH_SHARES, place)
        ids = torch.tensor([(hh if pick else other).row(length) for pick in picks])
        loss = loss_of(ids)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        # A resumed run has no momentum yet, so its rate warms up again.
        rate = RATE * at(RATES, place) * min(1.0, (step - done + 1) / 20)
        for optimizer in optimizers:
            for group in optimizer.param_groups:
                group["lr"] = rate
            optimizer.step()
            optimizer.zero_grad()
        mean = loss.item() if mean is None else 0.98 * mean + 0.02 * loss.item()
        if step % 250 == 249 or step == kind.steps - 1:
            model.eval()
            curve.append({"step": step + 1, "loss": round(mean, 4), "bits_per_byte": round(bits_per_byte(model, tokenizer, dev), 4)})
            model.train()
            spent = minutes + (time.time() - began) / 60
            print(f"{name} {curve[-1]} {(step + 1 - done) * TOKENS_A_STEP / (time.time() - began):.0f} tokens/s", flush=True)
            torch.save({"model": model.state_dict(), "step": step + 1, "curve": curve, "minutes": spent}, state)
            (work / f"{name}.json").write_text(json.dumps({"curve": curve, "minutes": spent}))
    save_lm(model, tokenizer, out)


def save_lm(model, tokenizer, out: Path, dtype: torch.dtype = torch.float16) -> None:
    model.generation_config = GenerationConfig(
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=[tokenizer.eos_token_id],
        pad_token_id=tokenizer.eos_token_id,
        stop_strings=[HUMAN],
        max_new_tokens=128,
    )
    model.to(dtype).save_pretrained(out)
    tokenizer.save_pretrained(out)


def load_lm(folder: Path):
    return LlamaForCausalLM.from_pretrained(folder, dtype=torch.float32).eval(), load_tokenizer(folder)
