"""ARGS in PyTorch, for `rxargs bench --baseline "python3 test/reference/args_baseline.py"`.

Answers one JSON object a line on stdin with one on stdout. Asked:

    lm, reward          model folders, loaded once
    prompt_token_ids    one list a prompt
    concurrency         prompts at the same time (variant batched)
    max_new_tokens, k, weight, end_token_ids

Answered:

    token_ids                  one list a prompt, the end token kept
    seconds, prefill_seconds   of decoding all prompts, and of that what the prompts themselves took; loading is not counted

Variants (--variant):

    paper      the loop of the paper's own code: one prompt at a time, its reward cache copied k times at each step
               (https://github.com/deeplearning-wisc/args, argsearch.py)
    batched    prompts of a group decoded side by side, padded on the left, with one batch of candidates for all of them

With --device cuda the same loops run on a GPU; --dtype fp16 or bf16 computes in 16 bits, --compile through torch.compile. The likeliest token is taken of
fp32 logits in each case.

Greedy (weight 0, k 1) leaves the reward model out.
"""

import argparse
import json
import sys
import time

import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification
from transformers.utils import logging


class Pair:
    def __init__(self, lm: str, reward: str, options):
        if options.threads:
            torch.set_num_threads(options.threads)
        self.device = options.device
        kind = {"dtype": DTYPES[options.dtype], "attn_implementation": "sdpa"}
        self.lm = AutoModelForCausalLM.from_pretrained(lm, **kind).eval().to(self.device)
        ranked = AutoModelForSequenceClassification.from_pretrained(reward, **kind).eval().to(self.device)
        # The head is applied at the candidate's own position: the wrapper would look for the last token that is no padding.
        self.body, self.score = ranked.model, ranked.score
        if options.compile:
            self.lm.forward = torch.compile(self.lm.forward, dynamic=True)
            self.body.forward = torch.compile(self.body.forward, dynamic=True)

    def tensor(self, values):
        return torch.tensor(values, device=self.device)

    def next_logits(self, ids, cache, mask=None, positions=None):
        out = self.lm(
            input_ids=ids,
            past_key_values=cache,
            attention_mask=mask,
            position_ids=positions,
            use_cache=True,
            logits_to_keep=1,
        )
        return out.logits[:, -1].float(), out.past_key_values

    def rewards(self, ids, cache, mask=None, positions=None):
        out = self.body(input_ids=ids, past_key_values=cache, attention_mask=mask, position_ids=positions, use_cache=True)
        return self.score(out.last_hidden_state[:, -1])[:, 0].float(), out.past_key_values

    def clock(self):
        """Seconds, once the device has done its work."""
        if self.device == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter()


def choose(logits, rewards, weight):
    return int(torch.argmax(logits + weight * rewards))


def paper(pair: Pair, asked, spent):
    """One prompt after the other."""
    return [one_prompt(pair, ids, asked, spent) for ids in asked["prompt_token_ids"]]


def one_prompt(pair: Pair, prompt_ids, asked, spent):
    k, weight, ends = asked["k"], asked["weight"], set(asked["end_token_ids"])
    prompt = pair.tensor([prompt_ids])
    begun = pair.clock()
    logits, lm_cache = pair.next_logits(prompt, None)
    reward_cache = pair.rewards(prompt, None)[1] if weight else None
    spent["prefill"] += pair.clock() - begun
    chosen = []
    while True:
        top, ids = torch.topk(logits[0], k)
        index = 0
        if weight:
            reward_cache.batch_repeat_interleave(k)
            rewards, reward_cache = pair.rewards(ids[:, None], reward_cache)
            index = choose(top, rewards, weight)
            reward_cache.batch_select_indices(pair.tensor([index]))
        chosen.append(int(ids[index]))
        if chosen[-1] in ends or len(chosen) == asked["max_new_tokens"]:
            return chosen
        logits, lm_cache = pair.next_logits(pair.tensor([[chosen[-1]]]), lm_cache)


def batched(pair: Pair, asked, spent):
    """Groups of prompts of like length, in the order of their lengths."""
    prompts, size = asked["prompt_token_ids"], asked["concurrency"]
    order = sorted(range(len(prompts)), key=lambda index: len(prompts[index]))
    answers = {}
    for start in range(0, len(order), size):
        group = order[start : start + size]
        answers.update(zip(group, one_group(pair, [prompts[index] for index in group], asked, spent)))
    return [answers[index] for index in range(len(prompts))]


def one_group(pair: Pair, prompts, asked, spent):
    k, weight, ends = asked["k"], asked["weight"], set(asked["end_token_ids"])
    width = max(map(len, prompts))
    ids = pair.tensor([[0] * (width - len(one)) + list(one) for one in prompts])
    mask = pair.tensor([[0] * (width - len(one)) + [1] * len(one) for one in prompts])
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    begun = pair.clock()
    logits, lm_cache = pair.next_logits(ids, None, mask, positions)
    reward_cache = pair.rewards(ids, None, mask, positions)[1] if weight else None
    spent["prefill"] += pair.clock() - begun
    # `live`: which prompt each row of the caches belongs to; rows leave when their prompt has ended.
    chosen, live = [[] for _ in prompts], list(range(len(prompts)))
    while True:
        top, candidates = torch.topk(logits, k)
        mask = torch.cat([mask, torch.ones(len(live), 1, dtype=mask.dtype, device=pair.device)], 1)
        positions = mask.sum(1, keepdim=True) - 1
        picked = torch.zeros(len(live), dtype=torch.long, device=pair.device)
        if weight:
            reward_cache.batch_repeat_interleave(k)
            each = [one.repeat_interleave(k, 0) for one in (mask, positions)]
            rewards, reward_cache = pair.rewards(candidates.reshape(-1, 1), reward_cache, *each)
            picked = torch.argmax(top + weight * rewards.view(-1, k), 1)
        token_ids = candidates.gather(1, picked[:, None])
        stay = []
        for row, (prompt, token_id) in enumerate(zip(live, token_ids[:, 0].tolist())):
            chosen[prompt].append(token_id)
            if chosen[prompt][-1] not in ends and len(chosen[prompt]) < asked["max_new_tokens"]:
                stay.append(row)
        if not stay:
            return chosen
        rows = pair.tensor(stay)
        if weight:
            reward_cache.batch_select_indices(rows * k + picked[rows])
        if len(stay) < len(live):
            lm_cache.batch_select_indices(rows)
        mask, positions, live = mask[rows], positions[rows], [live[row] for row in stay]
        logits, lm_cache = pair.next_logits(token_ids[rows], lm_cache, mask, positions)


VARIANTS = {"paper": paper, "batched": batched}
DTYPES = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


def main():
    parser = argparse.ArgumentParser(description="ARGS in PyTorch; see the top of this file.")
    parser.add_argument("--variant", choices=VARIANTS, default="paper")
    parser.add_argument("--threads", type=int, help="threads of PyTorch (default: its own choice)")
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    parser.add_argument("--dtype", choices=DTYPES, default="fp32")
    parser.add_argument("--compile", action="store_true", help="run the models through torch.compile")
    options = parser.parse_args()
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("Expected a GPU for --device cuda, found none that PyTorch can use")
    logging.disable_progress_bar()
    pairs = {}
    with torch.inference_mode():
        for line in sys.stdin:
            asked = json.loads(line)
            folders = (asked["lm"], asked["reward"])
            if folders not in pairs:
                pairs[folders] = Pair(*folders, options)
            spent = {"prefill": 0.0}
            begun = time.perf_counter()
            token_ids = VARIANTS[options.variant](pairs[folders], asked, spent)
            answer = {"token_ids": token_ids, "seconds": time.perf_counter() - begun, "prefill_seconds": spent["prefill"]}
            print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
