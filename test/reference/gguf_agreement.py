"""Compares rows of `rxargs generate --lm FILE.gguf` with transformers, which widens the same file to fp32.

    python gguf_agreement.py FILE.gguf rows.jsonl [--reward ADAPTER] [--weight 1.5] [--k 10]

Prompt ids are compared with the file's own tokenizer and chat template, tokens with those that greedy search takes, or with `--reward`
ARGS-greedy, the reward being the one label of a PEFT adapter on the same file. Printed: rows with equal ids and tokens, and
the largest distance of a logit and of a reward.
"""

import argparse
import json
from pathlib import Path

import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer, DynamicCache
from transformers.utils import logging

logging.set_verbosity_error()
logging.disable_progress_bar()


def load_reward(file: Path, adapter: str):
    from peft import PeftModel

    options = {"gguf_file": file.name, "dtype": torch.float32, "num_labels": 1}
    base = AutoModelForSequenceClassification.from_pretrained(file.parent, **options)
    ranked = PeftModel.from_pretrained(base, adapter).merge_and_unload().eval()
    return ranked


def rewards_of(ranked, ids, candidates):
    """Rewards of the tokens that may follow at the last places of `ids`: candidates read the keys and values of one pass up to there."""
    layers = ranked.model(input_ids=torch.tensor([ids]), use_cache=True).past_key_values.layers
    for step, tokens in enumerate(candidates):
        length = len(ids) - len(candidates) + step + 1
        cache = DynamicCache()
        for index, layer in enumerate(layers):
            keys, values = (part[:, :, :length].expand(len(tokens), -1, -1, -1) for part in (layer.keys, layer.values))
            cache.update(keys, values, index)
        states = ranked.model(input_ids=torch.tensor(tokens)[:, None], past_key_values=cache).last_hidden_state
        yield ranked.score(states[:, -1])[:, 0]


@torch.no_grad()
def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("file", type=Path)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--reward")
    parser.add_argument("--weight", type=float, default=1.5)
    parser.add_argument("--k", type=int, default=10)
    args = parser.parse_args()
    tokenizer = AutoTokenizer.from_pretrained(args.file.parent, gguf_file=args.file.name)
    lm = AutoModelForCausalLM.from_pretrained(args.file.parent, gguf_file=args.file.name, dtype=torch.float32).eval()
    reward = load_reward(args.file, args.reward) if args.reward else None
    rows = [json.loads(line) for line in args.rows.read_text().splitlines()]
    same_prompts = same_replies = 0
    logit_distance = score_distance = 0.0
    for row in rows:
        messages = [{"role": "user", "content": row["user_message"]}]
        prompt = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=True)["input_ids"]
        same_prompts += prompt == row["prompt_token_ids"]
        ids = row["prompt_token_ids"]
        tokens = row["token_ids"]
        # A pass over the reply gives at each place what a pass up to there would give.
        logits = lm(input_ids=torch.tensor([[*ids, *tokens[:-1]]])).logits[0, len(ids) - 1 :]
        top, candidates = torch.topk(logits, args.k)
        scores = top.clone()
        if reward is not None:
            steps = rewards_of(reward, [*ids, *tokens[:-1]], candidates.tolist())
            for index, rewards in enumerate(steps):
                scores[index] += args.weight * rewards
        chosen = candidates.gather(1, scores.argmax(-1, keepdim=True))[:, 0].tolist()
        for index, (token, other) in enumerate(zip(tokens, chosen)):
            if token != other:
                print(f"{row['id']}: token {index} is {token}, transformers has {other}: scores {scores[index].sort(descending=True)[0][:2].tolist()}")
                break
            score_distance = max(score_distance, abs(scores[index].max().item() - row["scores"][index]))
        logit_distance = max(logit_distance, (logits[torch.arange(len(tokens)), tokens] - torch.tensor(row["logits"])).abs().max().item())
        same_replies += tokens == chosen
    print(f"{same_prompts} of {len(rows)} prompts and {same_replies} of {len(rows)} replies are equal;", end=" ")
    print(f"logits within {logit_distance:.1e}, scores within {score_distance:.1e}")


if __name__ == "__main__":
    main()
