"""Writes the cards of base-lm, small-lm and small-rm, which serve `rxargs reproduce` alone."""

import json
from pathlib import Path

from card import DATA, architecture, lm_curve, rm_curve, format_figure, table
from evaluate import dev_bits, reward_models
from lm import KINDS, TOKENS_A_STEP
from reward import STEPS

# Here the chats are not for chat-lm alone.
DATA_HERE = DATA.replace(", for chat-lm and its tokenizer only", "")
ALONE = "For `rxargs reproduce`; not in the npm package. "
WHAT = {
    "base-lm": (
        "base-lm: a language model that was not trained on the preference data",
        "chat-lm's architecture and tokenizer, trained from scratch on Self-Dialogue chats alone. It has read no text of HH-RLHF (the tokenizer learnt on both); the recipe "
        "writes the chats in that data's form. It takes the place of the paper's model before fine-tuning; chat-lm was not trained from it.",
    ),
    "small-lm": (
        "small-lm: a smaller language model for chats",
        "Trained like chat-lm, on the same texts and with its tokenizer.",
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
    figures = [("bits per byte", format_figure(dev_bits(data, out))), ("the same of chat-lm (its card)", format_figure(dev_bits(data, out.parents[2] / "models" / "chat-lm")))]
    parts = [
        f"# {title}\n\n{what}\n\n{ALONE}{architecture(out)}",
        lm_curve(run, f" {trained}"),
        "## Figures\n\nAll dev texts (prompt and chosen reply).\n\n" + table(("what", "figure"), figures),
        DATA_HERE,
        "The limits on chat-lm's card apply here, too.\n",
        how(name),
    ]
    (out / "README.md").write_text("\n".join(parts))


def write_small_rm_card(data: Path, models: Path, out: Path, work: Path) -> None:
    run = json.loads((work / "small-rm.json").read_text())
    found = reward_models(data, models, work, (out, models / "chat-rm"))
    rows = [(kind, *(format_figure(found[name][kind], True) for name in ("small-rm", "chat-rm"))) for kind in found["small-rm"]]
    parts = [
        "# small-rm: a smaller reward model\n\nTrained like chat-rm on the same pairs, from small-lm's body with two more layers, in "
        f"{run['steps']:,} steps (chat-rm: {STEPS:,}); its end token was raised by 2, too.\n\n{ALONE}{architecture(out)}",
        rm_curve(run).replace("chat-lm has", "small-lm has"),
        "## Figures\n\nShare of dev pairs in which the human reply scores higher.\n\n" + table(("against", "small-rm", "chat-rm"), rows),
        DATA_HERE,
        f"Trained in {run['minutes']:.0f} minutes on one core beside other work. The limits on chat-rm's card apply here, too.\n",
        how("small-rm") + "\nRun the stages small-lm and samples first.\n",
    ]
    (out / "README.md").write_text("\n".join(parts))
