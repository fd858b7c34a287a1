"""Writes the encoder's card with its figures: the right reply among 20, beside a bag of words on the same candidates."""

import json
from pathlib import Path

import numpy as np
import torch

import stats
from bag_of_words import BagOfWords
from card import format_figure, table
from encoder import CONTEXT, Reader, load_encoder
from encoder_data import ids_of
from texts import candidates, hh_pairs, prompts

WHAT = """# encoder: a small sentence encoder for coherence

The cosine of its embeddings says how well a reply fits its prompt. It is the default of `rxargs eval`, `sweep` and `reproduce`. An embedding is the
mean of the last hidden states (pooling `mean`). Training contrasts within a batch, like [SimCSE](https://arxiv.org/abs/2104.08821): a prompt against its reply,
and a reply against itself under other noise. The lower-case WordPiece tokenizer is its own. It is a BERT in form only: training changed the token embeddings,
which began as a random projection of TF-IDF vectors, and the layer changes nothing. So it is a bag of word pieces and ignores their order.
"""
DATA = """## Data and licences

- [HH-RLHF](https://github.com/anthropics/hh-rlhf) (MIT): every reply of 6,846 training pairs, each after its context. **These are the
  published *test* files, cleaned and split again by the first human turn: figures here are not comparable with published ones.**
- [Self-Dialogue Corpus](https://github.com/jfainberg/self_dialogue_corpus) (BSD-3-Clause): neighbouring turns of 24,163 chats.

It learnt from no dev text. The weights have this repository's licence, Apache-2.0; the notices of the data's licences stay with the data.
"""
LIMITS = """## Limits

It tells subjects apart by words that a prompt and its reply share, or that often occur together. It does not know whether a reply is right, helpful
or well put. A reply that repeats its prompt has the highest possible cosine. English only; texts of at most 1,024 tokens. On both halves it finds
slightly more than the bag of words, but the interval of the difference holds 0, so they are about level. TF-IDF with log counts over its own word
pieces, in all dimensions and untrained, finds 80.1% (76.2% to 83.7%) on the validation half, no less than the encoder. Step, rate (of two) and noise (of
two) were chosen on the validation half. The test half was measured once for this run, but logs of earlier trials printed figures on it, too.
"""
HOW = """## How to make it again

    .venv/bin/python data/models/recipe/main.py --data ../shared/data --stage encoder

It takes one CPU thread. All is seeded except the word pieces: `tokenizers` learns a few others each time, which moved the untrained figure by half
a point. Intervals are 95%, bootstraps over prompts.
"""


def hits(scores: np.ndarray) -> list[float]:
    """Share of draws, for each prompt, in which its own reply has the highest score alone."""
    draws = candidates(len(scores))
    return [float(np.mean([(scores[i, draw[1:]] < scores[i, i]).all() for draw in draws[i]])) for i in range(len(scores))]


@torch.no_grad()
def encoder_scores(folder: Path, heads: list[str], replies: list[str]) -> np.ndarray:
    model, tokenizer = load_encoder(folder)
    read = Reader(model, tokenizer)
    one, other = (read([ids[2 - CONTEXT :] for ids in ids_of(tokenizer, texts)]) for texts in (heads, replies))
    return (one @ other.T).numpy()


def measure(data: Path, folder: Path) -> dict:
    """Figures on the test half, and on the validation half, which chose the step."""
    learnt, pairs = hh_pairs(data, "train"), hh_pairs(data, "dev")
    plain = BagOfWords([text for pair in learnt for text in (pair.prompt, pair.chosen, pair.rejected)])
    figures = {}
    for which in ("test", "validation"):
        half = set(prompts(pairs, which))
        own = [pair for pair in pairs if pair.prompt in half]
        heads, replies = [pair.prompt for pair in own], [pair.chosen for pair in own]
        ours, words = hits(encoder_scores(folder, heads, replies)), hits(plain.scores(heads, replies))
        figures[which] = {
            "encoder": stats.mean(ours),
            "bag of words (TF-IDF cosine)": stats.mean(words),
            "difference": stats.mean([a - b for a, b in zip(ours, words)]),
        }
    return figures


def write_encoder_card(data: Path, out: Path, work: Path) -> None:
    folder = out / "encoder"
    run, figures = json.loads((work / "encoder.json").read_text()), measure(data, folder)
    (work / "encoder-metrics.json").write_text(json.dumps(figures))
    print(json.dumps(figures), flush=True)
    shape = json.loads((folder / "config.json").read_text())
    size = sum(path.stat().st_size for path in folder.glob("*") if path.name != "README.md") / 1e6
    layout = (
        f"`BertModel`: {shape['num_hidden_layers']} layer, width {shape['hidden_size']}, {shape['num_attention_heads']} heads, feed-forward "
        f"{shape['intermediate_size']}, vocabulary {shape['vocab_size']}, context {shape['max_position_embeddings']}; float16, the folder {size:.1f} MB.\n"
    )
    rows = [(which, *(format_figure(one, True) for one in found.values())) for which, found in figures.items()]
    parts = [WHAT, layout, "## Figures\n\nShare of prompts whose own (chosen) reply is the nearest of 20; the other 19 belong to other prompts. Five seeded draws a prompt.\n"]
    parts.append(table(("prompts", *figures["test"]), rows))
    curve = [(point["step"], point["loss"] or "", f"{100 * point['found']:.1f}%") for point in run["curve"]]
    parts.append(f"## Curve\n\n`found` is the share on the validation prompts, which chose the step. Training took {run['minutes']} minutes.\n")
    parts.append(table(("step", "loss of prompts against replies", "found"), curve))
    (folder / "README.md").write_text("\n".join([*parts, DATA, LIMITS, HOW]))
