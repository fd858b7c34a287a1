"""Contrastive search as transformers 4.46 has it (removed from transformers 5), fp32, on small random checkpoints.

Writes data/golden/methods/contrastive.json: cases of `lm` (a folder of data/golden), k and alpha, the prompt's and the reply's token ids. The
margins between the best and the second score are found by a plain loop without a cache, written here: no choice hangs on less than 1e-4,
and its tokens are transformers' own. test/contrastive.golden.test.ts compares.

    python3 -m venv .venv && .venv/bin/pip install -r test/reference/requirements-contrastive.txt
    .venv/bin/python test/reference/contrastive_search.py
"""

import json
from pathlib import Path

import torch
from tokenizers import Tokenizer
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

GOLDEN = Path(__file__).resolve().parents[2] / "data/golden"
LMS = ["grouped/lm", "gpt2/lm", "opt/lm"]
PROMPTS = [
    "\n\nHuman: How far is the moon?\n\nAssistant:",
    "Grüße aus Århus: naïve café",
    "\n\nHuman: My neighbour plays the drums at night and I cannot sleep. What should I say to them, and when?\n\nAssistant:",
    "Tell me about bread.",
]
SETTINGS = [{"k": 8, "alpha": 0.6}, {"k": 4, "alpha": 0.3}, {"k": 20, "alpha": 0.9}]
NEW_TOKENS = 24
LEAST_MARGIN = 1e-4


@torch.no_grad()
def plain(model, prompt, ends, k, alpha):
    """Each step's scores of the chosen candidate and the least margin."""
    tokens, scores, least = list(prompt), [], 1.0
    while len(scores) < NEW_TOKENS and not (scores and tokens[-1] in ends):
        logits = model(torch.tensor([tokens]), use_cache=False).logits[0, -1].double()
        values, ids = torch.softmax(logits, 0).topk(k + 1)
        least = min(least, float(values[k - 1] - values[k]) / float(values[k - 1]))
        values, ids = values[:k], ids[:k]
        batch = torch.tensor([tokens + [int(token)] for token in ids])
        states = model(batch, output_hidden_states=True, use_cache=False).hidden_states[-1].double()
        states = states / states.norm(dim=2, keepdim=True)
        likeness = (states[:, :-1] @ states[:, -1:].transpose(1, 2))[:, :, 0].max(1).values
        all_scores = (1 - alpha) * values - alpha * likeness
        best = all_scores.topk(2).values
        least = min(least, float(best[0] - best[1]))
        tokens.append(int(ids[int(all_scores.argmax())]))
        scores.append(round(float(best[0]), 6))
    return tokens[len(prompt) :], scores, least


def main():
    logging.set_verbosity_error()
    cases = []
    for folder in LMS:
        tokenizer = Tokenizer.from_file(str(GOLDEN / folder / "tokenizer.json"))
        config = AutoConfig.from_pretrained(GOLDEN / folder)
        if rope := getattr(config, "rope_parameters", None):
            config.rope_theta = rope["rope_theta"]  # transformers 4 looks for it here
        options = {"torch_dtype": torch.float32, "attn_implementation": "eager"}
        model = AutoModelForCausalLM.from_pretrained(GOLDEN / folder, config=config, **options).eval()
        ends = model.generation_config.eos_token_id
        ends = set(ends if isinstance(ends, list) else [ends])
        found = 0
        for text in PROMPTS:
            prompt = tokenizer.encode(text).ids
            for setting in SETTINGS:
                tokens, scores, least = plain(model, prompt, ends, **setting)
                if least < LEAST_MARGIN:
                    continue
                ids = torch.tensor([prompt])
                given = model.generate(
                    input_ids=ids,
                    attention_mask=torch.ones_like(ids),
                    top_k=setting["k"],
                    penalty_alpha=setting["alpha"],
                    max_new_tokens=NEW_TOKENS,
                    do_sample=False,
                    pad_token_id=0,
                )[0, len(prompt) :].tolist()
                if given != tokens:
                    raise SystemExit(f"{folder}: transformers gives {given}, the plain loop {tokens}")
                cases.append({"lm": folder, "prompt": text, **setting, "promptTokenIds": prompt, "tokenIds": given, "scores": scores})
                found += 1
        if found < 3:
            raise SystemExit(f"{folder}: only {found} cases whose choices are clear")
    lines = ",\n".join(json.dumps(case, separators=(",", ":"), ensure_ascii=False) for case in cases)
    (GOLDEN / "methods/contrastive.json").write_text(f"[\n{lines}\n]\n")
    print(len(cases), "cases")


main()
