"""Trains a sentiment classifier as a LoRA adapter of a language model: one logit, the log-odds that a text is positive.

Usage: train_sentiment.py MODEL SENTENCES NAME OUTPUT
MODEL is a GGUF file or a folder, SENTENCES the folder of the sentences, NAME `guide` or `judge`: the sentences to learn from.

Only the upper layers learn, so what the lower ones make of the sentences is computed once. Half of the sentences are cut to a random
beginning, because guided decoding asks for the reward of beginnings.
"""

import gzip
import json
import random
import sys
import time
from pathlib import Path

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
SHORTEST = 4
BASE = "HuggingFaceTB/SmolLM2-135M-Instruct"


def sentences(folder: Path, name: str) -> list[tuple[str, float]]:
    with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [(row["text"].strip(), float(row["positive"])) for row in rows]


def classifier(path: Path) -> tuple[torch.nn.Module, AutoTokenizer]:
    """The language model with a new head of one logit and an adapter in its upper layers, and its tokenizer."""
    folder, file = (path, {}) if path.is_dir() else (path.parent, {"gguf_file": path.name})
    tokenizer = AutoTokenizer.from_pretrained(folder, **file)
    lm = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **file)
    config = lm.config
    config.num_labels = 1
    config._name_or_path = BASE
    model = LlamaForSequenceClassification(config)
    model.model = lm.model
    layers = config.num_hidden_layers
    lora = LoraConfig(
        task_type=TaskType.SEQ_CLS,
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
        self.score = model.base_model.model.score
        self.decoder = model.base_model.model.model

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

    def logits(self, hidden: list[torch.Tensor]) -> torch.Tensor:
        """The logit at the last token of each text: [texts]."""
        padded = torch.nn.utils.rnn.pad_sequence(hidden, batch_first=True)
        last = torch.tensor([len(one) - 1 for one in hidden])
        top = self.run(self.decoder.layers[-UPPER:], padded)[torch.arange(len(hidden)), last]
        return self.score(self.decoder.norm(top))[:, 0]


@torch.no_grad()
def accuracy(reader: Reader, rows: list[tuple[torch.Tensor, float]]) -> float:
    rows = sorted(rows, key=lambda row: len(row[0]))
    right = 0
    for start in range(0, len(rows), 32):
        batch = rows[start : start + 32]
        says = reader.logits([hidden for hidden, _ in batch]) > 0
        right += sum(bool(said) == bool(label) for said, (_, label) in zip(says, batch))
    return round(right / len(rows), 4)


def main() -> None:
    path, folder, name, output = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], Path(sys.argv[4])
    seed = {"guide": 1, "judge": 2}[name]
    torch.manual_seed(seed)
    chance = random.Random(seed)
    started = time.time()
    model, tokenizer = classifier(path)
    reader = Reader(model)

    def read(part: str) -> list[tuple[torch.Tensor, float]]:
        texts, labels = zip(*sentences(folder, part))
        return list(zip(reader.lower([tokenizer(text)["input_ids"] for text in texts]), labels))

    rows, dev = read(name), read("dev")
    print(f"{name}: sentences read in {time.time() - started:.0f} s", file=sys.stderr, flush=True)

    def cut(hidden: torch.Tensor) -> torch.Tensor:
        if len(hidden) <= SHORTEST or chance.random() < 0.5:
            return hidden
        return hidden[: chance.randint(SHORTEST, len(hidden) - 1)]

    steps = int(EPOCHS * len(rows) / BATCH)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=RATE, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / WARM_UP, (steps - step) / (steps - WARM_UP))
    )
    order: list[int] = []
    for step in range(steps):
        if len(order) < BATCH:
            order = chance.sample(range(len(rows)), len(rows)) + order
        batch = [rows[order.pop()] for _ in range(BATCH)]
        says = reader.logits([cut(hidden) for hidden, _ in batch])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(says, torch.tensor([label for _, label in batch]))
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        schedule.step()
        if step % 10 == 9 or step == steps - 1:
            print(f"{name}: step {step + 1} of {steps}, loss {loss.item():.3f}, {time.time() - started:.0f} s", file=sys.stderr, flush=True)

    figures = {
        "sentences": len(rows),
        "steps": steps,
        "dev sentences": len(dev),
        "dev right": accuracy(reader, dev),
        "dev right, first half of each sentence": accuracy(reader, [(hidden[: max(SHORTEST, len(hidden) // 2)], label) for hidden, label in dev]),
    }
    model.save_pretrained(output)
    (output / "README.md").unlink(missing_ok=True)
    weights = load_file(output / "adapter_model.safetensors")
    save_file({key: value.half() for key, value in weights.items()}, output / "adapter_model.safetensors", {"format": "pt"})
    (output / "training.json").write_text(json.dumps(figures, indent=2) + "\n")
    print(json.dumps(figures), file=sys.stderr)


if __name__ == "__main__":
    main()
