"""Prints what transformers answers for texts with an end token, as TRL's RewardTrainer writes them. For test/src/cli/endToken.test.ts.

    python end_token.py

Needs: torch, transformers.
"""

from pathlib import Path

import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

FOLDER = Path(__file__).parents[2] / "data/golden/llama3/reward"
END = "<|end|>"
TEXTS = [("Hi ", "please"), ("Hi ", "no, thank you"), ("A", "word"), ("Hi ", "done<|end|>")]

tokenizer = AutoTokenizer.from_pretrained(FOLDER)
model = AutoModelForSequenceClassification.from_pretrained(FOLDER, dtype=torch.float32).eval()
# The padding of this model is its end token, and transformers reads the reward before padding.
model.config.pad_token_id = None
for prompt, completion in TEXTS:
    text = prompt + completion
    ended = text if text.endswith(END) else text + END
    with torch.no_grad():
        values = [model(**tokenizer(each, return_tensors="pt")).logits[0, 0].item() for each in (text, ended)]
    print(repr(prompt), repr(completion), *(f"{value:.6f}" for value in values))
