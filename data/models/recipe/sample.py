"""Replies of chat-lm, top-k 40 at temperature 0.7: the other side of the reward models' "human or sample" pairs."""

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import torch

from decoding import Decoder
from lm import load_lm
from texts import HUMAN

TOP_K, TEMPERATURE = 40, 0.7
ROWS = 64  # prompts a batch


def sample(model, prompts: list[list[int]], tokens: int, generator: torch.Generator, end: int) -> list[list[int]]:
    """Draws one reply a prompt, of at most `tokens` tokens. A drawn end token stays."""
    longest = max(map(len, prompts))
    padding = torch.tensor([longest - len(ids) for ids in prompts])
    decoder = Decoder(model)
    decoder.start(padding, longest + tokens)
    logits = decoder(torch.tensor([[end] * (longest - len(ids)) + ids for ids in prompts]))
    replies: list[list[int]] = [[] for _ in prompts]
    for _ in range(tokens):
        values, ids = logits.topk(TOP_K)
        picks = torch.multinomial(torch.softmax(values / TEMPERATURE, -1), 1, generator=generator)
        drawn = ids.gather(1, picks)
        for reply, token in zip(replies, drawn[:, 0].tolist()):
            if not reply or reply[-1] != end:
                reply.append(token)
        if all(reply[-1] == end for reply in replies):
            break
        logits = decoder(drawn)
    return replies


def stopped(reply: list[int], tokenizer) -> list[int]:
    """Ends a reply with an end token before the human's next turn."""
    text = tokenizer.decode(reply)
    if HUMAN not in text:
        return reply
    return tokenizer(text[: text.index(HUMAN)], add_special_tokens=False)["input_ids"] + [tokenizer.eos_token_id]


def begin(folder: Path) -> None:
    global MODEL, TOKENIZER  # one of each a worker process
    torch.set_num_threads(1)
    MODEL, TOKENIZER = load_lm(folder)


def work(job: tuple[int, list[list[int]], int]) -> list[list[int]]:
    seed, prompts, tokens = job
    replies = sample(MODEL, prompts, tokens, torch.Generator().manual_seed(seed), TOKENIZER.eos_token_id)
    return [stopped(reply, TOKENIZER) for reply in replies]


def sample_all(folder: Path, prompts: list[list[int]], tokens: int, seed: int) -> list[list[int]]:
    """Replies in the order of the prompts. Prompts of like length share a batch, and each batch has its own seed."""
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    batches = [order[i : i + ROWS] for i in range(0, len(order), ROWS)]
    jobs = [(seed * 100_000 + number, [prompts[i] for i in batch], tokens) for number, batch in enumerate(batches)]
    replies: list[list[int]] = [[] for _ in prompts]
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(os.cpu_count(), context, initializer=begin, initargs=(folder,)) as pool:
        for batch, drawn in zip(batches, pool.map(work, jobs)):
            for i, reply in zip(batch, drawn):
                replies[i] = reply
    return replies
