"""Golden files: what transformers answers, by a full forward pass a step without any cache, in fp32.

    python make_golden.py                       small random pairs: data/golden/<pair>/{lm,reward,golden.json}
    python make_golden.py --models data/models  the embedded pair: data/golden/embedded.json

A golden JSON (ids are token ids, numbers fp32 rounded to 6 decimals):

    name            of the pair
    covers          which switches of config.json the pair is there for
    lm, reward      model folders, relative to the JSON's own
    maxNewTokens    tokens after which a case ends
    endTokenIds     end tokens of the LM's generation_config.json; a case ends after one of them, which is kept
    margin          the least margin of all steps
    cases[]
      id, prompt, promptTokenIds   text, and its ids with the special tokens that the tokenizer adds
      decoder       "greedy", or "args" with k and weight
      tokenIds      decoded tokens
      finishReason  "stop" (end token) or "length"
      completion    text of tokenIds without special tokens
      reward        of prompt and tokenIds as a whole
      steps[]       one a token
        candidateIds, logits       the k likeliest (greedy: one), likeliest first, ties to the lower id
        rewards     args: of prompt, tokens so far and the candidate, read at the candidate's own position
        scores      args: logit + weight * reward; greedy: the logit
        index       of the chosen candidate: the best score, the first of equal ones
        margin      best score minus second best (greedy: logit minus the next one)
        orderMargin least gap between neighbours of the k + 1 likeliest logits

Rounding may decide nothing: margin and orderMargin are above 1e-4 everywhere (random pairs are seeded anew, embedded
prompts passed over, until that is so). Random pairs have cases of both finish reasons, and answer each prompt in at least two ways.
"""

import argparse
import json
import os
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer
from transformers.utils import logging

from random_pairs import PAIRS, PROMPTS, save_pair

ROOT = Path(__file__).resolve().parents[2]
LEAST_MARGIN = 1e-4
SETTINGS = [
    {"decoder": "greedy"},
    {"decoder": "args", "k": 5, "weight": 0.7},
    {"decoder": "args", "k": 10, "weight": 1.5},
]


class Pair:
    """A language model and a reward model with one tokenizer, in fp32."""

    def __init__(self, lm: Path, reward: Path):
        options = {"dtype": torch.float32, "attn_implementation": "eager"}
        self.tokenizer = AutoTokenizer.from_pretrained(lm)
        self.lm = AutoModelForCausalLM.from_pretrained(lm, **options).eval()
        self.reward_model = AutoModelForSequenceClassification.from_pretrained(reward, **options).eval()
        ends = self.lm.generation_config.eos_token_id
        self.end_token_ids = ends if isinstance(ends, list) else [ends]

    def logits(self, ids):
        return self.lm(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1]

    def rewards(self, sequences):
        # Not the model's own pooling: that looks for the last token which is no padding, and end token and padding are one token.
        hidden = self.reward_model.base_model(input_ids=torch.tensor(sequences), use_cache=False).last_hidden_state
        return self.reward_model.score(hidden[:, -1])[:, 0]


def rounded(values):
    return [round(float(value), 6) for value in values]


def decode_step(pair: Pair, ids, decoder, k=1, weight=0.0):
    logits = pair.logits(ids)
    order = torch.sort(logits, descending=True, stable=True)
    candidates, values = order.indices[:k].tolist(), order.values[:k]
    step = {"candidateIds": candidates, "logits": rounded(values)}
    scores, rivals = values, order.values[:2]
    if decoder == "args":
        rewards = pair.rewards([ids + [candidate] for candidate in candidates])
        scores = rivals = values + weight * rewards
        step["rewards"] = rounded(rewards)
    best = torch.sort(rivals, descending=True).values
    index = int(torch.argmax(scores))
    gaps = order.values[:k] - order.values[1 : k + 1]
    step |= {"scores": rounded(scores), "index": index, "margin": float(best[0] - best[1]), "orderMargin": float(gaps.min())}
    return candidates[index], step


@torch.no_grad()
def decode_case(pair: Pair, prompt_id: str, prompt: str, max_new_tokens: int, setting):
    """One case of the schema above, or None where rounding could decide."""
    prompt_ids = pair.tokenizer(prompt)["input_ids"]
    tokens, steps = [], []
    while len(tokens) < max_new_tokens and not (tokens and tokens[-1] in pair.end_token_ids):
        token, step = decode_step(pair, prompt_ids + tokens, **setting)
        if min(step["margin"], step["orderMargin"]) <= LEAST_MARGIN:
            return None
        tokens.append(token)
        steps.append(step)
    return {
        "id": prompt_id,
        "prompt": prompt,
        "promptTokenIds": prompt_ids,
        **setting,
        "tokenIds": tokens,
        "finishReason": "stop" if tokens[-1] in pair.end_token_ids else "length",
        "completion": pair.tokenizer.decode(tokens, skip_special_tokens=True, clean_up_tokenization_spaces=False),
        "reward": round(float(pair.rewards([prompt_ids + tokens])[0]), 6),
        "steps": steps,
    }


def golden(pair: Pair, name: str, covers: str, lm: str, reward: str, max_new_tokens: int, cases):
    margins = [min(step["margin"], step["orderMargin"]) for case in cases for step in case["steps"]]
    for case in cases:
        for step in case["steps"]:
            step |= {"margin": round(step["margin"], 6), "orderMargin": round(step["orderMargin"], 6)}
    return {
        "name": name,
        "covers": covers,
        "lm": lm,
        "reward": reward,
        "maxNewTokens": max_new_tokens,
        "endTokenIds": pair.end_token_ids,
        "margin": round(min(margins), 6),
        "cases": cases,
    }


def write(path: Path, content):
    """One line a step, so that a change can be read."""
    text = json.dumps(content, ensure_ascii=True, separators=(",", ":"))
    text = text.replace('{"candidateIds"', '\n{"candidateIds"').replace('{"id"', '\n{"id"')
    path.write_bytes((text + "\n").encode())
    print(f"{path}: {len(content['cases'])} cases, margin {content['margin']}")


def telling(cases) -> bool:
    """Whether all cases are there, end both ways but not all early, and the reward decides something for every prompt."""
    answers = {(case["id"], tuple(case["tokenIds"])) for case in cases}
    each = [sum(1 for prompt_id, _ in answers if prompt_id == wanted) for wanted in PROMPTS]
    complete = len(cases) == len(PROMPTS) * len(SETTINGS) and sum(len(case["tokenIds"]) for case in cases) >= 80
    return complete and min(each) > 1 and {case["finishReason"] for case in cases} == {"stop", "length"}


def random_pair(name: str, spec, out: Path):
    """Seeds the pair anew until no step is decided by rounding and the cases tell something."""
    folder = out / name
    for seed in range(spec["seed"], spec["seed"] + 200):
        save_pair(folder, spec, seed)
        pair = Pair(folder / "lm", folder / "reward")
        cases = []
        for prompt_id, prompt in PROMPTS.items():
            for setting in SETTINGS:
                case = decode_case(pair, prompt_id, prompt, 14, setting)
                if case is None:
                    break
                cases.append(case)
        if telling(cases):
            return write(folder / "golden.json", golden(pair, name, spec["covers"], "lm", "reward", 14, cases))
    raise SystemExit(f"{name}: no seed keeps the margin")


def embedded(models: Path, out: Path):
    """ARGS with two weights and greedy on the first four prompts whose margins are wide enough."""
    pair = Pair(models / "chat-lm", models / "chat-rm")
    lines = (ROOT / "data/prompts/sample.jsonl").read_text(encoding="utf-8").splitlines()
    cases, taken = [], 0
    # The first four that no step of any setting leaves to rounding.
    for line in filter(str.strip, lines):
        prompt = json.loads(line)
        own = [decode_case(pair, prompt["id"], prompt["prompt"], 24, setting) for setting in SETTINGS]
        if None not in own:
            cases += own
            taken += 1
        if taken == 4:
            break
    if taken < 4:
        raise SystemExit(f"embedded: only {taken} prompts keep the margin")
    lm, reward = (Path(os.path.relpath(models / name, out)).as_posix() for name in ("chat-lm", "chat-rm"))
    write(out / "embedded.json", golden(pair, "embedded", "the embedded models", lm, reward, 24, cases))


def main():
    parser = argparse.ArgumentParser(description="Writes golden files.")
    parser.add_argument("--models", type=Path, help="folder of the embedded models: write their golden file only")
    parser.add_argument("--out", type=Path, default=ROOT / "data/golden")
    parser.add_argument("--only", help="one random pair")
    options = parser.parse_args()
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    options.out.mkdir(parents=True, exist_ok=True)
    if options.models:
        return embedded(options.models, options.out)
    for name, spec in PAIRS.items():
        if options.only in (None, name):
            random_pair(name, spec, options.out)


if __name__ == "__main__":
    main()
