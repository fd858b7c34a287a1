"""The model cards: README.md in each model folder, from the curves and the figures of the run."""

import json
from pathlib import Path

TITLES = {
    "chat-lm": "chat-lm: a small language model for chats",
    "chat-rm": "chat-rm: the reward model that guides chat-lm",
    "judge-rm": "judge-rm: the reward model that judges, and never guides",
}
WHAT = {
    "chat-lm": "It writes replies in the form `\\n\\nHuman: …\\n\\nAssistant: …`, trained from scratch with a byte-level BPE tokenizer of its own.",
    "chat-rm": "One score for a prompt and a reply, finished or not; read at the last token. Trained on half of the HH-RLHF pairs, from chat-lm's body with two layers more. Its end token was raised by 2 afterwards.",
    "judge-rm": "As chat-rm, without the raised end token, with the other half of the pairs (no first human turn in common) and another seed, so that it can judge what chat-rm guided.",
}
DATA = """## Data and licences

- [HH-RLHF](https://github.com/anthropics/hh-rlhf) (MIT): 6,846 pairs to train, 795 to measure. **They are the published *test*
  files, cleaned and split again by the first human turn: accuracies here are not comparable with published ones.**
- [Self-Dialogue Corpus](https://github.com/jfainberg/self_dialogue_corpus) (BSD-3-Clause): 24,163 chats, for chat-lm and its tokenizer only.

HH-RLHF contains offensive text by design, and so may what these models write or like. The weights are released under this
repository's licence, Apache-2.0; the notices of the data's licences stay with the data.
"""
LIMITS = """## Limits

A few million parameters and a few million tokens: fluent-looking English with no knowledge behind it, and replies that repeat
themselves, guided ones too. It shows and tests reward-guided decoding; it is no assistant, and gives no advice that should be
followed. The reward models tell human replies from samples, and from replies to another prompt, in about four of five cases; on the pairs that
people rated they are at chance, and they know their training pairs by heart (see the curve). What guiding buys here is replies that stay
with the prompt's subject, and earlier ends; it does not buy right answers, and loops remain. English only; context 1,024 tokens.

The judge shares its body and its kinds of pairs with the guide, and so some of its blind spots: its figures say that the
guide's preferences carry over to other data, not that people would agree.
"""
HOW = """## How to make it again

    python -m venv .venv && .venv/bin/pip install -r data/models/recipe/requirements.txt
    npm ci && npm run build
    .venv/bin/python data/models/recipe/main.py --data ../shared/data

Seeded, and resumable by stage; the evaluation decodes with rxargs itself. Between two and three hours on two server cores.
The reward models are the fourth try (data/bench/NOTES.md tells of the others), trained in 51 minutes, side by side, in bfloat16
arithmetic on a server CPU that has it. chat-lm's run was stopped at step 1,750 and resumed without its optimiser's state.
Curves and figures: 95% intervals, Wilson's for shares, bootstrap for means.
"""


def shown(figure, percent: bool = False) -> str:
    if not isinstance(figure, dict) or "low" not in figure:
        return str(figure)
    if figure["value"] is None:
        return "none"
    value, low, high = (f"{100 * figure[k]:.1f}%" if percent else f"{figure[k]:.3f}" for k in ("value", "low", "high"))
    return f"{value} ({low} to {high}; n = {figure['n']})"


def share(name: str) -> bool:
    return name.startswith(("win-tie", "ties", "ended"))


def table(head: tuple[str, ...], rows: list[tuple]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def architecture(folder: Path) -> str:
    config = json.loads((folder / "config.json").read_text())
    size = (folder / "model.safetensors").stat().st_size / 1e6
    return (
        f"`{config['architectures'][0]}`: {config['num_hidden_layers']} layers, width {config['hidden_size']}, "
        f"{config['num_attention_heads']} heads of which {config['num_key_value_heads']} for keys and values, feed-forward "
        f"{config['intermediate_size']}, vocabulary {config['vocab_size']}, context {config['max_position_embeddings']}; "
        f"{config['dtype']}, {size:.1f} MB.\n"
    )


RESUMED = " The run was stopped at step 1,750 and went on from its weights, with the optimisers' state new."


def lm_curve(run: dict, told: str = "") -> str:
    rows = [(point["step"], point["loss"], point["bits_per_byte"]) for point in run["curve"]]
    note = f"Bits per byte of 100 of the dev texts, while training.{told}"
    return f"## Curve\n\n{note}\n\n" + table(("step", "loss, nats a token", "bits per byte"), rows)


def rm_curve(run: dict) -> str:
    kinds = sorted(run["curve"][-1]["loss and accuracy"])
    picked = run["curve"][::3] if len(run["curve"]) > 8 else run["curve"]
    picked = picked + [run["curve"][-1]] * (picked[-1] is not run["curve"][-1])
    rows = [(point["step"], *(point["loss and accuracy"].get(kind, ["", ""])[1] for kind in kinds)) for point in picked]
    text = "## Curve\n\nShare of the training pairs in the right order, since the line before, by kind.\n\n" + table(("step", *kinds), rows)
    held = [(point["step"], *point["held out"].values()) for point in run["curve"] if "held out" in point]
    if held:
        text += "\nThe same for pairs of the other model's half, which this one never learns from (chat-lm has read their texts).\n\n"
        text += table(("step", *kinds), held)
    return text


def decoding(found: dict) -> str:
    kinds = list(next(iter(found["decoders"].values())))
    rows = [(kind, *(shown(one[kind], share(kind)) for one in found["decoders"].values())) for kind in kinds]
    text = f"## Guided decoding\n\nTest prompts; k = 10, weight {found['weight']} (chosen on validation prompts), 128 tokens at most.\n\n"
    text += table(("", *found["decoders"]), rows) + "\n"
    pairs = [(f"{which}: {kind}", shown(value, True)) for which in ("args against greedy", "args-stochastic against top-k") for kind, value in found[which].items()]
    pairs.append(("reward gain of args over greedy, in standard deviations", found["reward gain in standard deviations of greedy"]))
    pairs.append(("mean length of args against top-k sampling's", found["length against top-k"]))
    text += "Judged by judge-rm, which never guides. Replies are judged at their last token of text, the end token left out, so that none gains by how it ended.\n\n"
    text += table(("what", "figure"), pairs)
    weights = found["validation, by weight"]
    kinds = ("win-tie", "win-tie where lengths are within 20%", "reward by chat-rm", "diversity", "tokens")
    rows = [(weight, *(shown(one[kind], share(kind)) for kind in kinds), one["length against top-k"]) for weight, one in weights.items()]
    return text + "\nValidation prompts, args against greedy:\n\n" + table(("weight", *kinds, "length against top-k"), rows)


def write_cards(data: Path, out: Path, work: Path) -> None:
    metrics = json.loads((work / "metrics.json").read_text())
    for name, title in TITLES.items():
        run = json.loads((work / f"{name}.json").read_text())
        parts = [f"# {title}\n\n{WHAT[name]}\n\n{architecture(out / name)}"]
        if name == "chat-lm":
            rows = [(kind, shown(value)) for kind, value in metrics["language model"].items()]
            parts += [lm_curve(run, RESUMED), "## Figures\n\nAll dev texts (prompt and chosen reply).\n\n" + table(("what", "figure"), rows)]
        else:
            rows = [(kind, shown(value, True)) for kind, value in metrics["reward models"][name].items()]
            parts += [rm_curve(run), "## Figures\n\nHuman reply preferred, dev pairs.\n\n" + table(("against", "accuracy"), rows)]
        if name != "judge-rm":
            parts.append(decoding(metrics["guided decoding"]))
        parts += [DATA, LIMITS, HOW]
        (out / name / "README.md").write_text("\n".join(parts))
