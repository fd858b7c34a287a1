"""Decoding methods of the literature in plain Python: a full forward pass a step, no cache, fp32, on small random checkpoints.

Writes data/golden/methods/methods.json: cases of `decoder` (a name of the command line) and its options, the prompt's and the reply's token
ids, and each step's score of the chosen token. Random numbers are those of src/core/uniform.ts, written anew here. No choice hangs on less
than 1e-4. test/methods.golden.test.ts compares.

    python3 test/reference/methods.py
"""

import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "data/golden"
FOLDERS = {"lm": "grouped", "expert": "biased", "antiexpert": "linear", "amateur": "llama3"}
# Language models that GenARM takes for rewards.
REWARDS = {"arm": "linear", "other": "llama3"}
PROMPTS = ["\n\nHuman: How far is the moon?\n\nAssistant:", "Grüße aus Århus: naïve café"]
NEW_TOKENS = 8
LEAST_MARGIN = 1e-4
MASK = 2**32 - 1


def murmur(text, seed):
    h = seed
    units = text.encode("utf-16-le")
    for i in range(0, len(units), 2):
        k = (units[i] | units[i + 1] << 8) * 0xCC9E2D51 & MASK
        k = ((k << 15 | k >> 17) & MASK) * 0x1B873593 & MASK
        h ^= k
        h = (((h << 13 | h >> 19) & MASK) * 5 + 0xE6546B64) & MASK
    h ^= len(units) // 2
    h = (h ^ h >> 16) * 0x85EBCA6B & MASK
    h = (h ^ h >> 13) * 0xC2B2AE35 & MASK
    return h ^ h >> 16


def uniform(seed, prompt_id, sample, position):
    """Philox4x32-10 under the key `seed`, at the counter of prompt, sample and position."""
    a, b, c, d = murmur(prompt_id, 0), murmur(prompt_id, 0x9E3779B9), sample, position
    k0, k1 = seed & MASK, seed >> 32
    for _ in range(10):
        x, y = a * 0xD2511F53, c * 0xCD9E8D57
        a, b, c, d = (y >> 32) ^ b ^ k0, y & MASK, (x >> 32) ^ d ^ k1, x & MASK
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return ((a >> 5) * 2**26 + (b >> 6)) / 2**53


class Models:
    def __init__(self):
        options = {"dtype": torch.float32, "attn_implementation": "eager"}
        self.tokenizer = AutoTokenizer.from_pretrained(GOLDEN / "grouped/lm")
        self.lms = {
            name: AutoModelForCausalLM.from_pretrained(GOLDEN / folder / "lm", **options).eval()
            for name, folder in (FOLDERS | REWARDS).items()
        }
        self.rm = AutoModelForSequenceClassification.from_pretrained(GOLDEN / "grouped/reward", **options).eval()
        self.ends = set(self.lms["lm"].generation_config.eos_token_id)

    @torch.no_grad()
    def logits(self, name, ids):
        return self.lms[name](input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]

    @torch.no_grad()
    def rewards(self, ids, candidates):
        batch = torch.tensor([ids + [candidate] for candidate in candidates])
        hidden = self.rm.model(input_ids=batch, use_cache=False).last_hidden_state[:, -1]
        return self.rm.score(hidden)[:, 0]


class Close(Exception):
    """Rounding could decide."""


def sampled(scores, ids, random):
    """Scores of candidates, likeliest first → the one in whose share the number falls."""
    shares = torch.softmax(scores.double(), 0).cumsum(0)
    if (shares - random).abs().min() < LEAST_MARGIN:
        raise Close
    index = int((shares > random).nonzero()[0])
    return int(ids[index]), float(scores[index])


def likeliest(logits, k):
    values, ids = logits.sort(descending=True, stable=True)
    if k < len(values) and values[k - 1] - values[k] < LEAST_MARGIN:
        raise Close
    return values[:k], ids[:k]


def nucleus(logits, p):
    values, ids = logits.sort(descending=True, stable=True)
    mass = torch.softmax(values.double(), 0).cumsum(0)
    if p < 1 and (mass - p).abs().min() < LEAST_MARGIN:
        raise Close
    keep = int((mass < p).sum()) + 1
    return values[:keep], ids[:keep]


def rad(models, prompt, reply, random, k, weight):
    values, ids = likeliest(models.logits("lm", prompt + reply), k)
    rewards = models.rewards(prompt + reply, ids.tolist()).clamp(0, 1)
    return sampled(values + weight * rewards, ids, random)


def genarm(models, prompt, reply, random, weight, p=1):
    values, ids = nucleus(models.logits("lm", prompt + reply), p)
    for name, factor in weight.items():
        values = values + factor * torch.log_softmax(models.logits(name, prompt + reply), 0)[ids]
    return sampled(values, ids, random)


def dexperts(models, prompt, reply, random, p, scale):
    values, ids = nucleus(models.logits("lm", prompt + reply), p)
    difference = models.logits("expert", prompt + reply) - models.logits("antiexpert", prompt + reply)
    return sampled(values + scale * difference[ids], ids, random)


def contrastive_decoding(models, prompt, reply, random, p):
    expert, amateur = (models.logits(name, prompt + reply) for name in ("lm", "amateur"))
    plausible = torch.softmax(expert, 0)
    gap = plausible - p * plausible.max()
    if (gap / plausible).abs().min() < LEAST_MARGIN:
        raise Close
    scores = torch.where(gap >= 0, expert - amateur, -torch.inf)
    best = scores.topk(2)
    if best.values[0] - best.values[1] < LEAST_MARGIN:
        raise Close
    return int(best.indices[0]), float(best.values[0])


def cfg(models, prompt, reply, random, scale, k):
    prompted, plain = models.logits("lm", prompt + reply), models.logits("lm", prompt[-1:] + reply)
    values, ids = likeliest(plain + scale * (prompted - plain), k)
    return sampled(values, ids, random)


METHODS = [
    ("rad", rad, {"k": 5, "weight": 4}),
    ("rad", rad, {"k": 20, "weight": 30}),
    ("genarm", genarm, {"weight": {"arm": 1, "other": 0}}),
    ("genarm", genarm, {"weight": {"arm": 2, "other": -0.5}, "p": 0.9}),
    ("dexperts", dexperts, {"p": 0.9, "scale": 2}),
    ("dexperts", dexperts, {"p": 0.5, "scale": -1}),
    ("contrastive-decoding", contrastive_decoding, {"p": 0.1}),
    ("contrastive-decoding", contrastive_decoding, {"p": 0.5}),
    ("cfg", cfg, {"scale": 1.5, "k": 40}),
    ("cfg", cfg, {"scale": 3, "k": 5}),
]


def decoded(models, method, options, prompt, prompt_id, seed):
    reply, scores = [], []
    while len(reply) < NEW_TOKENS and not (reply and reply[-1] in models.ends):
        token, score = method(models, prompt, reply, uniform(seed, prompt_id, 0, len(reply)), **options)
        reply.append(token)
        scores.append(round(score, 5))
    return {"seed": seed, "tokenIds": reply, "scores": scores}


def write(methods, decode, file):
    logging.set_verbosity_error()
    models = Models()
    cases = []
    for name, method, options in methods:
        for number, text in enumerate(PROMPTS):
            prompt = models.tokenizer(text)["input_ids"]
            for seed in range(100):
                try:
                    case = decode(models, method, options, prompt, f"p{number}", seed)
                    break
                except Close:
                    continue
            else:
                raise SystemExit(f"{name} {options}: every seed came too close")
            cases.append({"decoder": name, "options": options, "id": f"p{number}", "prompt": text, "promptTokenIds": prompt} | case)
    out = GOLDEN / "methods" / file
    out.parent.mkdir(exist_ok=True)
    out.write_text("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")


if __name__ == "__main__":
    write(METHODS, decoded, "methods.json")
