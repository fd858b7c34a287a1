"""Cards of base-lm, small-lm and small-rm, which are made for `rxargs reproduce` alone."""

import json
from pathlib import Path

from card import DATA, architecture, lm_curve, rm_curve, shown, table
from evaluate import dev_bits, reward_models
from lm import KINDS, TOKENS_A_STEP
from reward import STEPS

# Here the chats are not chat-lm's only.
DATA_HERE = DATA.replace(", for chat-lm and its tokenizer only", "")
ALONE = "Made for `rxargs reproduce`; no part of the npm package. "
WHAT = {
    "base-lm": (
        "base-lm: a language model that was not trained on the preference data",
        "chat-lm's architecture and tokenizer, trained from scratch on Self-Dialogue chats alone: no text of HH-RLHF (the tokenizer was learnt on both), whose form of chat "
        "it has from the way the chats are written down. It stands where the paper has a model before fine-tuning; chat-lm was not trained from it.",
    ),
    "small-lm": (
        "small-lm: a smaller language model for chats",
        "Trained as chat-lm was, on the same texts and with its tokenizer.",
    ),
}


def how(stage: str) -> str:
    return (
        "## How to make it again\n\n    python -m venv .venv && .venv/bin/pip install -r data/models/recipe/requirements.txt\n"
        f"    OMP_NUM_THREADS=1 .venv/bin/python data/models/recipe/main.py --data ../shared/data --stage {stage}\n"
    )


def write_lm_card(name: str, data: Path, out: Path, work: Path) -> None:
    run, (title, what) = json.loads((work / f"{name}.json").read_text()), WHAT[name]
    kind = KINDS[name]
    trained = f"{kind.steps:,} steps of {TOKENS_A_STEP:,} tokens in bfloat16 arithmetic, {run['minutes']:.0f} minutes on one core beside other work."
    figures = [("bits per byte", shown(dev_bits(data, out))), ("the same of chat-lm (its card)", shown(dev_bits(data, out.parents[2] / "models" / "chat-lm")))]
    parts = [
        f"# {title}\n\n{what}\n\n{ALONE}{architecture(out)}",
        lm_curve(run, f" {trained}"),
        "## Figures\n\nAll dev texts (prompt and chosen reply).\n\n" + table(("what", "figure"), figures),
        DATA_HERE,
        "What holds of chat-lm's limits (its card) holds here.\n",
        how(name),
    ]
    (out / "README.md").write_text("\n".join(parts))


def write_small_rm_card(data: Path, models: Path, out: Path, work: Path) -> None:
    run = json.loads((work / "small-rm.json").read_text())
    found = reward_models(data, models, work, (out, models / "chat-rm"))
    rows = [(kind, *(shown(found[name][kind], True) for name in ("small-rm", "chat-rm"))) for kind in found["small-rm"]]
    parts = [
        "# small-rm: a smaller reward model\n\nTrained as chat-rm was, on the same pairs, from small-lm's body with two layers more, in "
        f"{run['steps']:,} steps (chat-rm: {STEPS:,}); its end token was raised by 2 as well.\n\n{ALONE}{architecture(out)}",
        rm_curve(run).replace("chat-lm has", "small-lm has"),
        "## Figures\n\nHuman reply preferred, dev pairs.\n\n" + table(("against", "small-rm", "chat-rm"), rows),
        DATA_HERE,
        f"Trained in {run['minutes']:.0f} minutes on one core beside other work. What holds of chat-rm's limits (its card) holds here.\n",
        how("small-rm") + "\nAfter the stages small-lm and samples.\n",
    ]
    (out / "README.md").write_text("\n".join(parts))
