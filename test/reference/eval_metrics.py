"""test/src/eval/expected.json: the metrics of fixed replies, computed apart from rxargs with numpy (perplexity: transformers).

    python eval_metrics.py

    replies[]        tokenIds and diversity: the product over n = 2, 3, 4 of distinct n-grams / n-grams (1 for none)
    cosines[]        a, b and their cosine
    wilson[]         successes, n, and the 95% interval
    bootstrap        a, b: paired numbers; the mean of a - b and its 95% interval by picking n of n, 20,000 times
    perplexity       prompts and replies in token ids of data/golden/grouped/lm: mean negative log-likelihood of each reply, and
                     exp of the mean over all tokens
"""

import json
import math
from pathlib import Path

import numpy as np
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

ROOT = Path(__file__).resolve().parents[2]
Z = 1.959963984540054


def diversity(ids: list[int]) -> float:
    product = 1.0
    for n in (2, 3, 4):
        windows = np.lib.stride_tricks.sliding_window_view(np.array(ids), n) if len(ids) >= n else np.empty((0, n))
        product *= len(np.unique(windows, axis=0)) / len(windows) if len(windows) else 1.0
    return product


def wilson(successes: int, n: int) -> list[float]:
    """The two roots of (p - share)^2 = z^2 p (1 - p) / n."""
    share = successes / n
    roots = np.roots([1 + Z * Z / n, -2 * share - Z * Z / n, share * share])
    return [float(root.real) for root in sorted(roots, key=lambda root: root.real)]


def bootstrap(rng: np.random.Generator) -> dict:
    a = rng.normal(0.4, 1.5, 240)
    b = a * 0.6 + rng.normal(0, 1, 240)
    a, b = a.round(4), b.round(4)
    picks = rng.integers(len(a), size=(20_000, len(a)))
    low, high = np.quantile((a - b)[picks].mean(1), (0.025, 0.975))
    return {"a": a.tolist(), "b": b.tolist(), "value": float((a - b).mean()), "low": float(low), "high": float(high)}


@torch.no_grad()
def perplexity(rng: np.random.Generator) -> dict:
    folder = ROOT / "data/golden/grouped/lm"
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(folder)
    replies, total, count = [], 0.0, 0
    for prompt, length in (("Say", 1), ("How far is the moon?", 7), ("One\ntwo", 23)):
        start = tokenizer(prompt).input_ids
        reply = rng.integers(3, model.config.vocab_size, length).tolist()
        logprobs = model(torch.tensor([start + reply])).logits[0].double().log_softmax(-1)
        losses = [-float(logprobs[len(start) + i - 1, token]) for i, token in enumerate(reply)]
        replies.append({"prompt": prompt, "promptTokenIds": start, "tokenIds": reply, "loss": sum(losses) / len(losses)})
        total, count = total + sum(losses), count + len(losses)
    return {"replies": replies, "value": math.exp(total / count)}


def main() -> None:
    rng = np.random.default_rng(7)
    replies = [[], [5], [5, 5], [5, 6, 7], [9] * 40]
    replies += [rng.integers(0, size, length).tolist() for size, length in ((3, 30), (12, 60), (50_000, 80))]
    cosines = [rng.normal(size=(2, 8)).round(4).tolist() for _ in range(3)]
    golden = {
        "replies": [{"tokenIds": ids, "diversity": diversity(ids)} for ids in replies],
        "cosines": [{"a": a, "b": b, "cosine": float(np.dot(a, b) / np.linalg.norm(a) / np.linalg.norm(b))} for a, b in cosines],
        "wilson": [
            {"successes": k, "n": n, "interval": wilson(k, n)} for k, n in ((0, 5), (5, 5), (1, 7), (150, 300), (297, 300))
        ],
        "bootstrap": bootstrap(rng),
        "perplexity": perplexity(rng),
    }
    (ROOT / "test/src/eval/expected.json").write_text(json.dumps(golden, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
