"""dpo-lm: chat-lm after direct preference optimisation (Rafailov et al., 2023) by trl's DPOTrainer, on the human-rated pairs."""

import json
import time
from pathlib import Path

import torch
from datasets import Dataset
from trl import DPOConfig, DPOTrainer

from card import DATA, architecture, table
from lm import load_lm, save_lm
from texts import Pair, hh_pairs, shuffled

STEPS, PAIRS_A_STEP = 200, 4
BETA, RATE = 0.1, 5e-5
PROMPT, REPLY = 96, 64  # tokens at most; longer pairs are left out, so none is cut


def short(pairs: list[Pair], tokenizer) -> list[Pair]:
    def within(texts: list[str], most: int) -> list[bool]:
        return [len(ids) <= most for ids in tokenizer(texts)["input_ids"]]

    sides = (("prompt", PROMPT), ("chosen", REPLY), ("rejected", REPLY))
    fits = zip(*(within([getattr(pair, side) for pair in pairs], most) for side, most in sides))
    return [pair for pair, fine in zip(pairs, fits, strict=True) if all(fine)]


def dataset(pairs: list[Pair]) -> Dataset:
    """trl appends the end token to both replies, and the tokenizer the begin token to the prompt."""
    return Dataset.from_list([{"prompt": pair.prompt, "chosen": pair.chosen, "rejected": pair.rejected} for pair in pairs])


def train_dpo(data: Path, chat_lm: Path, out: Path, work: Path, steps: int = STEPS, seed: int = 1) -> None:
    model, tokenizer = load_lm(chat_lm)
    reference, _ = load_lm(chat_lm)
    pairs = shuffled(short(hh_pairs(data, "train"), tokenizer), seed)[: steps * PAIRS_A_STEP]
    dev = shuffled(short(hh_pairs(data, "dev"), tokenizer), seed)[:192]
    settings = DPOConfig(
        output_dir=str(work / "dpo-lm"),
        max_steps=steps,
        per_device_train_batch_size=PAIRS_A_STEP,
        per_device_eval_batch_size=8,
        learning_rate=RATE,
        lr_scheduler_type="linear",
        warmup_steps=steps // 10,
        beta=BETA,
        max_length=PROMPT + REPLY + 2,
        logging_steps=20,
        eval_strategy="steps",
        eval_steps=steps,
        eval_on_start=True,
        save_strategy="no",
        report_to="none",
        use_cpu=True,
        bf16=True,
        gradient_checkpointing=False,
        dataloader_pin_memory=False,
        disable_tqdm=True,
        seed=seed,
    )
    began = time.time()
    trainer = DPOTrainer(
        model, reference, args=settings, train_dataset=dataset(pairs), eval_dataset=dataset(dev), processing_class=tokenizer
    )
    trainer.train()
    minutes = (time.time() - began) / 60
    run = {"log": trainer.state.log_history, "minutes": minutes, "pairs": len(pairs), "dev": len(dev), "steps": steps}
    (work / "dpo-lm.json").write_text(json.dumps(run, indent=1))
    save_lm(trainer.model.eval(), tokenizer, out, torch.bfloat16)
    write_card(run, out)


def write_card(run: dict, out: Path) -> None:
    log = run["log"]
    before, after = (line for line in log if "eval_loss" in line)
    figures = (
        ("loss", "eval_loss"),
        ("share of pairs with the larger margin for the chosen reply", "eval_rewards/accuracies"),
        ("margin, beta times nats", "eval_rewards/margins"),
        ("log-probability of chosen replies, nats", "eval_logps/chosen"),
        ("log-probability of rejected replies, nats", "eval_logps/rejected"),
    )
    curve = [(line["step"], *(f"{line[k]:.3f}" for k in ("loss", "rewards/accuracies", "rewards/margins"))) for line in log if "loss" in line]
    parts = [
        f"# dpo-lm: chat-lm after DPO\n\n{__doc__.split(': ', 1)[1]}\n\nFor `rxargs reproduce`; not in the npm package. {architecture(out)}",
        f"## Training\n\nDPOTrainer of trl 1.16.0 from `data/models/chat-lm`, which is also the reference: {run['steps']} steps of {PAIRS_A_STEP} pairs, "
        f"beta {BETA}, AdamW at {RATE} after {run['steps'] // 10} steps of warm-up, then falling to 0; {run['minutes']:.1f} minutes on one core.\n"
        f"Pairs: {run['pairs']} of the training split, drawn from those with a prompt of at most {PROMPT} tokens and replies of at most {REPLY}.\n",
        "Shares and margins of training pairs since the row above.\n\n" + table(("step", "loss", "right", "margin"), curve),
        f"## Figures\n\n{run['dev']} dev pairs of the same lengths; shares are means over batches. Before training every margin is 0, so no pair counts as right.\n\n"
        + table(("what", "before", "after"), [(what, *(f"{line[key]:.3f}" for line in (before, after))) for what, key in figures]),
        DATA,
        "Chance is a half: so small a model learns little from human ratings (chat-rm and judge-rm are at chance there, too).\n"
        "chat-lm had already read the replies of the training pairs. The limits on chat-lm's card apply here, too.\n",
        "## How to make it again\n\n    python -m venv .venv && .venv/bin/pip install -r data/models/recipe/requirements-dpo.txt\n"
        "    OMP_NUM_THREADS=1 .venv/bin/python data/models/recipe/main.py --data ../shared/data --stage dpo\n",
    ]
    (out / "README.md").write_text("\n".join(parts))
