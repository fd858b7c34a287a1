"""What the logits processors of transformers, and OpenAI's formulas, make of random logits.

Writes data/golden/processors/processors.json: cases of `operator`, `options`, the prompt's and the reply's token ids, logits before and
after (null: banned). test/operators/processors.golden.test.ts compares.

    python3 test/reference/logits_processors.py
"""

import json
from pathlib import Path

import torch
from transformers import (
    MinPLogitsWarper,
    NoBadWordsLogitsProcessor,
    NoRepeatNGramLogitsProcessor,
    RepetitionPenaltyLogitsProcessor,
    TypicalLogitsWarper,
)

VOCAB = 24
ROOT = Path(__file__).resolve().parents[2]


class OpenAiPenalty:
    """`mu[j] - c[j] * frequency - (c[j] > 0) * presence` over the tokens of the reply."""

    def __init__(self, prompt_length, frequency=0.0, presence=0.0):
        self.prompt_length, self.frequency, self.presence = prompt_length, frequency, presence

    def __call__(self, input_ids, scores):
        counts = torch.bincount(input_ids[0, self.prompt_length :], minlength=VOCAB).float()
        return scores - counts * self.frequency - (counts > 0).float() * self.presence


class Bias:
    def __init__(self, bias):
        self.bias = bias

    def __call__(self, _, scores):
        scores = scores.clone()
        for token, value in self.bias.items():
            scores[0, int(token)] += value
        return scores


def processors(prompt_length):
    words = [[3], [5, 7], [2, 4, 6]]
    return [
        ("repetitionPenalty", {"penalty": 1.3}, RepetitionPenaltyLogitsProcessor(1.3)),
        ("repetitionPenalty", {"penalty": 0.8}, RepetitionPenaltyLogitsProcessor(0.8)),
        ("presencePenalty", {"penalty": 0.6}, OpenAiPenalty(prompt_length, presence=0.6)),
        ("frequencyPenalty", {"penalty": 0.4}, OpenAiPenalty(prompt_length, frequency=0.4)),
        ("logitBias", {"bias": {"3": -100, "8": 2.5}}, Bias({"3": -100, "8": 2.5})),
        ("minP", {"p": 0.1}, MinPLogitsWarper(0.1)),
        ("minP", {"p": 1}, MinPLogitsWarper(1.0)),
        ("typical", {"p": 0.5}, TypicalLogitsWarper(0.5)),
        ("typical", {"p": 0.95}, TypicalLogitsWarper(0.95)),
        ("bannedWords", {"words": words}, NoBadWordsLogitsProcessor(words, eos_token_id=[23])),
        ("noRepeatNgram", {"n": 1}, NoRepeatNGramLogitsProcessor(1)),
        ("noRepeatNgram", {"n": 2}, NoRepeatNGramLogitsProcessor(2)),
        ("noRepeatNgram", {"n": 3}, NoRepeatNGramLogitsProcessor(3)),
    ]


def main():
    torch.manual_seed(0)
    cases = []
    replies = [[], [5], [2, 4], [9, 9, 8, 9, 9], [1, 2, 3, 1, 2], [5, 7, 5, 7, 5]]
    for reply in replies:
        prompt = torch.randint(0, 10, (4,)).tolist()
        logits = (torch.randn(1, VOCAB) * 2).round(decimals=3)
        input_ids = torch.tensor([prompt + reply])
        for operator, options, process in processors(len(prompt)):
            after = process(input_ids, logits.clone())[0]
            expected = [None if value == -torch.inf else round(value.item(), 5) for value in after]
            cases.append({"operator": operator, "options": options, "prompt": prompt, "reply": reply})
            cases[-1] |= {"logits": [round(value, 3) for value in logits[0].tolist()], "expected": expected}
    out = ROOT / "data/golden/processors/processors.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text("[\n" + ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases) + "\n]\n")


main()
