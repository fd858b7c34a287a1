"""Trains a reward of sentiment as a LoRA adapter of a language model.

Usage: train_sentiment.py MODEL SENTENCES NAME OUTPUT
MODEL is a GGUF file or a folder, SENTENCES the folder of the sentences. NAME is what to train:

- `guide` or `judge`: a classifier with one logit, the log-odds that a text is positive. Each learns from sentences of its own. Half of
  them are cut to a random beginning, because guided decoding asks for the reward of beginnings.
- `arm`: an autoregressive reward model as in GenARM (Xu et al., ICLR 2025), with its loss. It is a language model that learns from pairs of a
  positive and a negative sentence of the guide, and its log-probabilities are the reward.

Only the upper layers learn, so what the lower ones make of the sentences is computed once.
"""

import gzip
import json
import random
import sys
import time
from pathlib import Path
from typing import Callable, NamedTuple

import torch
from peft import LoraConfig, TaskType, get_peft_model
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM, AutoTokenizer, LlamaForSequenceClassification

RANK = 8
TARGETS = ["q_proj", "v_proj", "o_proj", "down_proj"]
UPPER = 10
EPOCHS = 2
BATCH = 16
RATE = 5e-4
WARM_UP = 10
BETA = 0.05
SHORTEST = 4
BASE = "HuggingFaceTB/SmolLM2-135M-Instruct"


def sentences(folder: Path, name: str) -> list[tuple[str, float]]:
    with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [(row["text"].strip(), float(row["positive"])) for row in rows]


class Row(NamedTuple):
    """A text: what the lower layers make of it, its token ids, and 1 if it is positive."""

    hidden: torch.Tensor
    ids: torch.Tensor
    positive: float


def adapted(path: Path, head: TaskType) -> tuple[torch.nn.Module, AutoTokenizer]:
    """The language model with an adapter in its upper layers, and its tokenizer. A classifier has a new head of one logit."""
    folder, file = (path, {}) if path.is_dir() else (path.parent, {"gguf_file": path.name})
    tokenizer = AutoTokenizer.from_pretrained(folder, **file)
    model = lm = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **file)
    config = lm.config
    config._name_or_path = lm.name_or_path = BASE
    if head == TaskType.SEQ_CLS:
        config.num_labels = 1
        model = LlamaForSequenceClassification(config)
        model.model = lm.model
    layers = config.num_hidden_layers
    lora = LoraConfig(
        task_type=head,
        r=RANK,
        lora_alpha=2 * RANK,
        target_modules=TARGETS,
        layers_to_transform=list(range(layers - UPPER, layers)),
        layers_pattern="layers",
    )
    return get_peft_model(model, lora), tokenizer


class Reader:
    """Runs the lower and the upper layers apart. Texts are padded on the right, which causal attention never reads."""

    def __init__(self, model: torch.nn.Module) -> None:
        whole = model.base_model.model
        self.head = whole.score if hasattr(whole, "score") else whole.lm_head
        self.decoder = whole.model

    def run(self, layers: list[torch.nn.Module], hidden: torch.Tensor) -> torch.Tensor:
        positions = torch.arange(hidden.shape[1])[None]
        rotary = self.decoder.rotary_emb(hidden, positions)
        for layer in layers:
            out = layer(hidden, attention_mask=None, position_ids=positions, position_embeddings=rotary)
            hidden = out[0] if isinstance(out, tuple) else out
        return hidden

    @torch.no_grad()
    def lower(self, texts: list[list[int]]) -> list[torch.Tensor]:
        """Hidden states below the upper layers, [tokens, size] a text."""
        found: list[torch.Tensor] = [torch.empty(0)] * len(texts)
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(order), 32):
            batch = order[start : start + 32]
            longest = len(texts[batch[-1]])
            ids = torch.tensor([texts[index] + [0] * (longest - len(texts[index])) for index in batch])
            hidden = self.run(self.decoder.layers[:-UPPER], self.decoder.embed_tokens(ids))
            for row, index in enumerate(batch):
                found[index] = hidden[row, : len(texts[index])].clone()
        return found

    def upper(self, hidden: list[torch.Tensor]) -> torch.Tensor:
        """What the head reads at each token: [texts, tokens, size]."""
        padded = torch.nn.utils.rnn.pad_sequence(hidden, batch_first=True)
        return self.decoder.norm(self.run(self.decoder.layers[-UPPER:], padded))

    def logits(self, hidden: list[torch.Tensor]) -> torch.Tensor:
        """A classifier's logit at the last token of each text: [texts]."""
        last = torch.tensor([len(one) - 1 for one in hidden])
        return self.head(self.upper(hidden)[torch.arange(len(hidden)), last])[:, 0]

    def log_likelihoods(self, hidden: list[torch.Tensor], texts: list[torch.Tensor]) -> torch.Tensor:
        """The log-likelihood of the token ids of each text after its first: [texts]."""
        top = self.upper(hidden)
        sums = []
        for row, ids in zip(top, texts):
            logs = torch.log_softmax(self.head(row[: len(ids) - 1]), -1)
            sums.append(logs.gather(1, ids[1:, None]).sum())
        return torch.stack(sums)


@torch.no_grad()
def right(reader: Reader, rows: list[Row]) -> float:
    """The share of texts whose sign a classifier gets right."""
    rows = sorted(rows, key=lambda row: len(row.ids))
    parts = [rows[start : start + 32] for start in range(0, len(rows), 32)]
    says = torch.cat([reader.logits([row.hidden for row in part]) > 0 for part in parts]).tolist()
    return round(sum(said == bool(row.positive) for said, row in zip(says, rows)) / len(rows), 4)


@torch.no_grad()
def likelihoods(reader: Reader, rows: list[Row]) -> torch.Tensor:
    parts = [rows[start : start + 32] for start in range(0, len(rows), 32)]
    return torch.cat([reader.log_likelihoods([row.hidden for row in part], [row.ids for row in part]) for part in parts])


def halves(rows: list[Row]) -> list[Row]:
    cut = [max(SHORTEST, len(row.ids) // 2) for row in rows]
    return [Row(row.hidden[:length], row.ids[:length], row.positive) for row, length in zip(rows, cut)]


def learn(model: torch.nn.Module, steps: int, name: str, loss_of_batch: Callable[[], torch.Tensor]) -> None:
    """Takes `steps` steps of AdamW, each on the loss of another batch."""
    started = time.time()
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / WARM_UP, (steps - step) / (steps - WARM_UP))
    )
    for step in range(steps):
        loss = loss_of_batch()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        if step % 10 == 9 or step == steps - 1:
            print(f"{name}: step {step + 1} of {steps}, loss {loss.item():.3f}, {time.time() - started:.0f} s", file=sys.stderr, flush=True)


def train_classifier(model: torch.nn.Module, rows: list[Row], dev: list[Row], name: str, chance: random.Random) -> dict:
    reader = Reader(model)
    order: list[int] = []

    def cut(hidden: torch.Tensor) -> torch.Tensor:
        if len(hidden) <= SHORTEST or chance.random() < 0.5:
            return hidden
        return hidden[: chance.randint(SHORTEST, len(hidden) - 1)]

    def loss() -> torch.Tensor:
        nonlocal order
        if len(order) < BATCH:
            order = chance.sample(range(len(rows)), len(rows)) + order
        batch = [rows[order.pop()] for _ in range(BATCH)]
        says = reader.logits([cut(row.hidden) for row in batch])
        return torch.nn.functional.binary_cross_entropy_with_logits(says, torch.tensor([row.positive for row in batch]))

    steps = int(EPOCHS * len(rows) / BATCH)
    learn(model, steps, name, loss)
    return {
        "sentences": len(rows),
        "steps": steps,
        "dev sentences": len(dev),
        "dev right": right(reader, dev),
        "dev right, first half of each sentence": right(reader, halves(dev)),
    }


def train_arm(model: torch.nn.Module, rows: list[Row], dev: list[Row], name: str, chance: random.Random) -> dict:
    reader = Reader(model)

    def pairs(of: list[Row]) -> list[tuple[Row, Row]]:
        """Each positive text with a negative one, as many as there are of both."""
        sides = [[row for row in of if row.positive == sign] for sign in (1, 0)]
        return list(zip(*(chance.sample(side, len(side)) for side in sides)))

    left: list[tuple[Row, Row]] = []

    def loss() -> torch.Tensor:
        if len(left) < BATCH // 2:
            left.extend(pairs(rows))
        batch = [row for _ in range(BATCH // 2) for row in left.pop()]
        says = reader.log_likelihoods([row.hidden for row in batch], [row.ids for row in batch])
        return -torch.nn.functional.logsigmoid(BETA * (says[0::2] - says[1::2])).mean()

    dev_pairs = pairs(dev)
    before = [likelihoods(reader, list(side)) for side in zip(*dev_pairs)]
    steps = EPOCHS * len(pairs(rows)) // (BATCH // 2)
    learn(model, steps, name, loss)
    gains = [likelihoods(reader, list(side)) - old for side, old in zip(zip(*dev_pairs), before)]
    return {
        "sentences": len(rows),
        "steps": steps,
        "dev pairs": len(dev_pairs),
        "dev pairs whose positive sentence gains more likelihood": round((gains[0] > gains[1]).float().mean().item(), 4),
    }


def main() -> None:
    path, folder, name, output = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    seed = {"guide": 1, "judge": 2, "arm": 3}[name]
    torch.manual_seed(seed)
    model, tokenizer = adapted(path, TaskType.CAUSAL_LM if name == "arm" else TaskType.SEQ_CLS)
    reader = Reader(model)

    def read(part: str) -> list[Row]:
        texts, labels = zip(*sentences(folder, part))
        ids = [tokenizer(text)["input_ids"] for text in texts]
        return [Row(hidden, torch.tensor(own), label) for hidden, own, label in zip(reader.lower(ids), ids, labels)]

    train = train_arm if name == "arm" else train_classifier
    rows, dev = read("guide" if name == "arm" else name), read("dev")
    print(f"{name}: sentences read", file=sys.stderr, flush=True)
    figures = train(model, rows, dev, name, random.Random(seed))
    model.save_pretrained(output)
    (output / "README.md").unlink(missing_ok=True)
    weights = load_file(output / "adapter_model.safetensors")
    save_file({key: value.half() for key, value in weights.items()}, output / "adapter_model.safetensors", {"format": "pt"})
    (output / "training.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures), file=sys.stderr)


if __name__ == "__main__":
    main()
