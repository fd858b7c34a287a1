"""Searches of the literature in plain Python, as methods.py does for decoders, whose models, random numbers and form of cases these are.

Writes data/golden/methods/searches.json. `scores` of sampled tokens are their logits. test/methods.golden.test.ts compares.

    python3 test/reference/searches.py
"""

import math

import torch
from methods import LEAST_MARGIN, NEW_TOKENS, Close, likeliest, sampled, uniform, write


def is_over(models, reply):
    return len(reply) == NEW_TOKENS or bool(reply) and reply[-1] in models.ends


def best_of(values):
    """Place of the largest, which no rounding may decide."""
    first, *others = sorted(values, reverse=True)
    if others and first - others[0] < LEAST_MARGIN:
        raise Close
    return values.index(first)


def reward_of(models, ids):
    return float(models.rewards(ids[:-1], ids[-1:])[0])


def top_k_sampled(models, prompt, reply, random, k, temperature):
    values, ids = likeliest(models.logits("lm", prompt + reply), k)
    token, _ = sampled(values / temperature, ids, random)
    return token, float(values[ids.tolist().index(token)])


def rollout(models, prompt, prompt_id, seed, k, weight, rolloutTokens):
    reply, scores = [], []
    while not is_over(models, reply):
        values, ids = likeliest(models.logits("lm", prompt + reply), k)
        all_scores = []
        for value, token in zip(values.tolist(), ids.tolist()):
            rolled = reply + [token]
            while not is_over(models, rolled) and len(rolled) - len(reply) - 1 < rolloutTokens:
                best = models.logits("lm", prompt + rolled).topk(2)
                if best.values[0] - best.values[1] < LEAST_MARGIN:
                    raise Close
                rolled.append(int(best.indices[0]))
            all_scores.append(value + weight * reward_of(models, prompt + rolled))
        best = best_of(all_scores)
        reply.append(int(ids[best]))
        scores.append(all_scores[best])
    return reply, scores


def block_best_of_n(models, prompt, prompt_id, seed, n, k, temperature, blockTokens):
    reply, scores = [], []
    while not is_over(models, reply):
        blocks = []
        for number in range(n):
            block, logits = [], []
            while len(block) < blockTokens and not is_over(models, reply + block):
                random = uniform(seed, prompt_id, number, len(reply + block))
                token, logit = top_k_sampled(models, prompt, reply + block, random, k, temperature)
                block.append(token)
                logits.append(logit)
            blocks.append((block, logits))
        # The same block twice is no matter of rounding: the earlier one is kept.
        different = {tuple(block): (block, logits) for block, logits in blocks}
        rewards = [reward_of(models, prompt + reply + list(block)) for block in different]
        block, logits = list(different.values())[best_of(rewards)]
        reply += block
        scores += logits
    return reply, scores


def cards(models, prompt, prompt_id, seed, k, temperature, entropyThreshold, rewardThreshold, alpha, beta, rampTokens, proposals):
    reply, scores = [], []
    first = (1 - alpha) * reward_of(models, prompt) + alpha * rewardThreshold
    while not is_over(models, reply):
        rejected = []
        for number in range(proposals):
            segment, logits = [], []
            while len(segment) < 64 and not is_over(models, reply + segment):
                entropy = torch.distributions.Categorical(logits=models.logits("lm", prompt + reply + segment)).entropy()
                if abs(entropy - entropyThreshold) < LEAST_MARGIN:
                    raise Close
                if len(segment) >= 4 and entropy >= entropyThreshold:
                    break
                random = uniform(seed, prompt_id, number, len(reply + segment))
                token, logit = top_k_sampled(models, prompt, reply + segment, random, k, temperature)
                segment.append(token)
                logits.append(logit)
            reward = reward_of(models, prompt + reply + segment)
            tokens = len(reply + segment)
            threshold = min(first + tokens * (rewardThreshold - first) / rampTokens, rewardThreshold)
            chance = math.exp((reward - threshold) / beta)
            random = uniform(seed, prompt_id, proposals + number, tokens)
            if abs(chance - random) < LEAST_MARGIN:
                raise Close
            rejected.append((reward, segment, logits))
            if number < proposals - 1 and random < chance:
                break
        else:
            different = {tuple(segment): (reward, segment, logits) for reward, segment, logits in rejected}
            _, segment, logits = list(different.values())[best_of([reward for reward, _, _ in different.values()])]
        reply += segment
        scores += logits
    return reply, scores


CARDS = {"k": 20, "temperature": 1, "alpha": 0.5, "rampTokens": 8}
SEARCHES = [
    ("rollout", rollout, {"k": 5, "weight": 1, "rolloutTokens": 3}),
    ("rollout", rollout, {"k": 10, "weight": 4, "rolloutTokens": 16}),
    ("block-best-of-n", block_best_of_n, {"n": 4, "k": 20, "temperature": 1, "blockTokens": 3}),
    ("block-best-of-n", block_best_of_n, {"n": 3, "k": 40, "temperature": 0.7, "blockTokens": 1}),
    ("cards", cards, CARDS | {"entropyThreshold": 2.2, "rewardThreshold": 2, "beta": 0.7, "proposals": 21}),
    ("cards", cards, CARDS | {"entropyThreshold": 0, "rewardThreshold": 50, "beta": 0.1, "proposals": 3}),
]


def found(models, search, options, prompt, prompt_id, seed):
    reply, scores = search(models, prompt, prompt_id, seed, **options)
    return {"seed": seed, "tokenIds": reply, "scores": [round(score, 5) for score in scores]}


if __name__ == "__main__":
    write(SEARCHES, found, "searches.json")
