"""Raises a reward model's scores of end tokens by a fixed amount, through the end token's embedding alone.

A step of ARGS takes the best of k candidates. The noise in their scores favours the many tokens that go on over the one end token, so
replies get too long. The end token occurs in no prompt and no unfinished reply, so changing its embedding changes no other score.
"""

import random

import torch

from pairs import Item, Vocabulary, early, left_cut

STEPS, ROWS, RATE = 120, 24, 5e-3
PROMPT, REPLY = 96, 64  # tokens at most


def ended(items: list[Item], words: Vocabulary, rng: random.Random) -> list[list[int]]:
    """Prompts with replies that end, half of them where people ended them, half before."""
    sequences = []
    for item in rng.sample(items, ROWS):
        reply = item.chosen[:-1]
        kept = early(item.chosen, words.marks, rng) if rng.random() < 0.5 else None
        sequences.append(left_cut(item.prompt, PROMPT) + reply[: kept or len(reply)][:REPLY] + [words.end])
    return sequences


def raise_ends(model, items: list[Item], words: Vocabulary, amount: float, seed: int) -> float:
    """Trains one row of the embedding and returns the mean distance from `amount` over its last steps."""
    rng = random.Random(seed)
    table = model.model.embed_tokens.weight.requires_grad_(False)
    begun = table[words.end].clone()
    change = torch.zeros_like(begun, requires_grad=True)
    optimizer = torch.optim.Adam([change], RATE)
    distances = []

    def scores(row, ids, last):
        embedded = torch.where((ids == words.end)[..., None], row, table[ids])
        hidden = model.model(inputs_embeds=embedded, use_cache=False).last_hidden_state  # causal, so pads on the right change nothing
        return model.score(hidden[torch.arange(len(ids)), last])[:, 0]

    for step in range(STEPS):
        sequences = ended(items, words, rng)
        longest = max(map(len, sequences))
        ids = torch.tensor([sequence + [0] * (longest - len(sequence)) for sequence in sequences])
        last = torch.tensor([len(sequence) - 1 for sequence in sequences])
        with torch.no_grad():
            target = scores(begun, ids, last) + amount
        errors = scores(begun + change, ids, last) - target
        errors.square().mean().backward()
        optimizer.param_groups[0]["lr"] = RATE * (1 - step / STEPS)
        optimizer.step()
        optimizer.zero_grad()
        distances.append(errors.abs().mean().item())
        if step % 20 == 19:
            print(f"ends: step {step + 1}, mean distance {sum(distances[-20:]) / 20:.3f}", flush=True)
    with torch.no_grad():
        table[words.end] += change
    return sum(distances[-20:]) / 20
