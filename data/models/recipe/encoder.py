"""encoder: a small BERT that finds the reply of a prompt, trained by contrast within a batch, like SimCSE.

Training changes the embeddings alone, which start as a random projection of TF-IDF vectors. A text is the mean of its tokens' normalised
embeddings, which costs little and covers whole texts. The format needs a layer; it changes nothing.
"""

import copy
import json
import math
import random
import time
from collections import Counter
from pathlib import Path

import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from transformers import BertConfig, BertModel, BertTokenizerFast

from encoder_data import Batches, Corpus, corpus, ids_of, train_wordpiece
from texts import candidates, hh_pairs, prompts

VOCAB, WIDTH, HEADS, INNER, CONTEXT = 8000, 512, 8, 64, 1024
CONSTANT = 20.0  # the length of a rare word's embedding at the start
SPECIAL = ("[CLS]", "[SEP]")
TEMPERATURE = 0.05  # SimCSE's
CHAT_SHARE = 0.2
LEFT_OUT = 0.25  # share of a text's tokens, on average; drawn anew for each side of a pair, as noise
NOISE_WEIGHT = 0.5  # weight of a reply against itself under other noise, SimCSE's positives
BAG = {"steps": 900, "batch": 256, "rate": 4e-3}


def config(pad: int) -> BertConfig:
    return BertConfig(
        vocab_size=VOCAB,
        hidden_size=WIDTH,
        num_hidden_layers=1,
        num_attention_heads=HEADS,
        intermediate_size=INNER,
        max_position_embeddings=CONTEXT,
        pad_token_id=pad,
    )


def fresh(corpus: Corpus, tokenizer: Tokenizer) -> BertModel:
    """Starts from a random projection of TF-IDF vectors: the rarer a token, the longer its embedding. Layer norms would equalise the lengths.
    So the token type's embedding, the same for all, fills two numbers of its own and outweighs them; the last norm removes these two.
    """
    model = BertModel(config(tokenizer.token_to_id("[PAD]")), add_pooling_layer=False)
    texts = [text for pairs in corpus.conversations for text in (pairs[-1][0], *(reply for _, reply in pairs[-2:]))]
    counts = Counter(token for text in texts for token in set(text))
    rarity = torch.tensor([math.log((len(texts) + 1) / (counts[token] + 1)) for token in range(VOCAB)])
    table, layer = model.embeddings, model.encoder.layer[0]
    with torch.no_grad():
        words, kind = table.word_embeddings.weight, table.token_type_embeddings.weight
        words.normal_().mul_(rarity[:, None] / rarity.max())
        words[:, :2] = 0
        words[[tokenizer.token_to_id(name) for name in SPECIAL]] = 0  # every text has these
        for idle in (kind, table.position_embeddings.weight, layer.attention.output.dense.weight, layer.output.dense.weight):
            idle.zero_()
        kind[0, 0], kind[0, 1] = CONSTANT, -CONSTANT
        layer.output.LayerNorm.weight[:2] = 0
    return model


def bag(model: BertModel, texts: list[list[int]]) -> torch.Tensor:
    """Embeddings of texts while the layer is idle: the mean of the normalised token embeddings."""
    table, last = model.embeddings, model.encoder.layer[0].output.LayerNorm
    raised = F.layer_norm(table.word_embeddings.weight + table.token_type_embeddings.weight[0], (WIDTH,))
    starts = torch.tensor([0, *(len(text) for text in texts[:-1])]).cumsum(0)
    flat = torch.tensor([token for text in texts for token in text])
    return F.normalize(F.embedding_bag(flat, raised * last.weight + last.bias, starts, mode="mean"), dim=-1)


class Reader:
    """Embeddings of texts by the whole model, as rxargs computes them: special tokens around each text, the mean of the last hidden states."""

    def __init__(self, model: BertModel, tokenizer: Tokenizer):
        self.model = model
        self.first, self.last = (tokenizer.token_to_id(name) for name in SPECIAL)

    def __call__(self, texts: list[list[int]], groups: int = 16) -> torch.Tensor:
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        size = -(-len(texts) // groups)
        parts = [order[start : start + size] for start in range(0, len(order), size)]
        found = torch.cat([self.read([texts[i] for i in part]) for part in parts])
        return F.normalize(found[torch.tensor(order).argsort()], dim=-1)

    def read(self, texts: list[list[int]]) -> torch.Tensor:
        rows = [[self.first, *text, self.last] for text in texts]
        longest = max(map(len, rows))
        ids = torch.tensor([row + [0] * (longest - len(row)) for row in rows])
        mask = torch.tensor([[1] * len(row) + [0] * (longest - len(row)) for row in rows])
        hidden = self.model(input_ids=ids, attention_mask=mask).last_hidden_state
        return (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)


def noisy(text: list[int], rng: random.Random) -> list[int]:
    share = rng.random() * 2 * LEFT_OUT
    return [token for token in text if rng.random() >= share] or text


def contrast(one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
    """InfoNCE in both directions: each row's partner against all of the batch."""
    scores = one @ other.T / TEMPERATURE
    own = torch.arange(len(one))
    return (F.cross_entropy(scores, own) + F.cross_entropy(scores.T, own)) / 2


def found(embeddings: tuple[torch.Tensor, torch.Tensor]) -> list[list[bool]]:
    """Tells for each prompt and draw of candidates whether its own reply is the nearest."""
    scores = embeddings[0] @ embeddings[1].T
    return [[bool((scores[i, draw[1:]] < scores[i, i]).all()) for draw in draws] for i, draws in enumerate(candidates(len(scores)))]


def trained(model, params, batches: Batches, watched, began: float) -> list[dict]:
    """Trains, keeps the weights that find the most replies, and returns the curve. `watched`: validation prompts and replies."""
    rng = batches.rng
    optimizer = torch.optim.AdamW(params, BAG["rate"], betas=(0.9, 0.98), weight_decay=0.0, fused=True)
    curve, total, best, kept = [], 0.0, -1.0, model.state_dict()

    def watch(step: int, loss: float | None) -> None:
        nonlocal best, kept
        with torch.no_grad():
            right = found(tuple(bag(model, side) for side in watched))
        share = sum(map(sum, right)) / sum(map(len, right))
        curve.append({"step": step, "loss": loss, "found": round(share, 4)})
        print(f"encoder {curve[-1]} {time.time() - began:.0f} s", flush=True)
        if share > best:
            best, kept = share, copy.deepcopy(model.state_dict())

    watch(0, None)
    every = max(1, BAG["steps"] // 7)
    for step in range(BAG["steps"]):
        heads, replies = zip(*batches.batch())
        one, other, again = bag(model, [noisy(text, rng) for text in (*heads, *replies, *replies)]).chunk(3)
        loss = contrast(one, other)
        total += loss.item()
        loss = loss + NOISE_WEIGHT * contrast(other, again)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        progress = step / BAG["steps"]
        optimizer.param_groups[0]["lr"] = BAG["rate"] * min(1.0, progress / 0.05, 1.0 - 0.95 * progress)
        optimizer.step()
        optimizer.zero_grad()
        if step % every == every - 1:
            watch(step + 1, round(total / every, 4))
            total = 0.0
    model.load_state_dict(kept)
    return curve


def train_encoder(data: Path, out: Path, work: Path, seed: int = 5) -> None:
    torch.set_num_threads(1)
    torch.manual_seed(seed)
    rng, began = random.Random(seed), time.time()
    tokenizer = train_wordpiece(data, VOCAB, seed)
    texts = corpus(data, tokenizer)
    model = fresh(texts, tokenizer)
    pairs = hh_pairs(data, "dev")
    validation = set(prompts(pairs, "validation"))
    own = [pair for pair in pairs if pair.prompt in validation]
    watched = [ids_of(tokenizer, [getattr(pair, side) for pair in own]) for side in ("prompt", "chosen")]
    watched = [[text[2 - CONTEXT :] for text in side] for side in watched]

    table, layer = model.embeddings, model.encoder.layer[0]
    few = [table.word_embeddings.weight, table.token_type_embeddings.weight, *layer.output.LayerNorm.parameters()]
    curve = trained(model, few, Batches(texts, BAG["batch"], CHAT_SHARE, rng), watched, began)
    save(model, tokenizer, out)
    minutes = round((time.time() - began) / 60, 1)
    (work / "encoder.json").write_text(json.dumps({"curve": curve, "minutes": minutes}))


def save(model: BertModel, tokenizer: Tokenizer, out: Path) -> None:
    model.half().save_pretrained(out)
    BertTokenizerFast(tokenizer_object=tokenizer, model_max_length=CONTEXT, clean_up_tokenization_spaces=False).save_pretrained(out)


def load_encoder(folder: Path) -> tuple[BertModel, Tokenizer]:
    model = BertModel.from_pretrained(folder, add_pooling_layer=False, dtype=torch.float32).eval()
    return model, Tokenizer.from_file(str(folder / "tokenizer.json"))
