"""Writes the model cards (README.md of each model folder) from the curves and figures of the run."""

import json
from pathlib import Path

TITLES = {
    "chat-lm": "chat-lm: a small language model for chats",
    "chat-rm": "chat-rm: the reward model that guides chat-lm",
    "judge-rm": "judge-rm: the reward model that judges and never guides",
}
WHAT = {
    "chat-lm": "It writes replies in the form `\\n\\nHuman: …\\n\\nAssistant: …`, trained from scratch with its own byte-level BPE tokenizer.",
    "chat-rm": "It scores a prompt with a reply, finished or not, at the last token. It was trained on half of the HH-RLHF pairs, from chat-lm's body with two more layers. Afterwards its end token was raised by 2.",
    "judge-rm": "Like chat-rm, but without the raised end token, with the other half of the pairs (no first human turn in common) and another seed. So it can judge what chat-rm guided.",
}
DATA = """## Data and licences

- [HH-RLHF](https://github.com/anthropics/hh-rlhf) (MIT): 6,846 pairs to train, 795 to measure. **They are the published *test*
  files, cleaned and split again by the first human turn: accuracies here are not comparable with published ones.**
- [Self-Dialogue Corpus](https://github.com/jfainberg/self_dialogue_corpus) (BSD-3-Clause): 24,163 chats, for chat-lm and its tokenizer only.

HH-RLHF contains offensive text by design, so these models may write or prefer such text. The weights have this repository's
licence, Apache-2.0; the notices of the data's licences stay with the data.
"""
LIMITS = """## Limits

A few million parameters, trained on a few million tokens, write fluent English without knowledge. Replies repeat themselves, guided
ones too. The model demonstrates and tests reward-guided decoding. It is no assistant, and nobody should follow its advice. The reward
models tell human replies from samples, and from replies to another prompt, in about four of five cases. On human-rated pairs they are at
chance, and they have memorised their training pairs (see the curve). Guided replies stay with the prompt's subject and end earlier. They
are not more correct, and some still loop. English only; context 1,024 tokens.

The judge shares its body and its kinds of pairs with the guide, and so some of its blind spots. Its figures say that the guide's
preferences hold on other data, not that people would agree.
"""
HOW = """## How to make it again

    python -m venv .venv && .venv/bin/pip install -r data/models/recipe/requirements.txt
    npm ci && npm run build
    .venv/bin/python data/models/recipe/main.py --data ../shared/data

The recipe is seeded and resumes by stage, and its evaluation decodes with rxargs. It takes two to three hours on two server cores.
The reward models are the fourth try (data/bench/NOTES.md has the others). They trained side by side in 51 minutes, in bfloat16
arithmetic on a server CPU that has it. chat-lm's run stopped at step 1,750 and resumed without its optimiser's state.
Intervals are 95%: Wilson's for shares, bootstrap for means.
"""


def format_figure(figure, percent: bool = False) -> str:
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
        f"{config['num_attention_heads']} heads, {config['num_key_value_heads']} key-value heads, feed-forward "
        f"{config['intermediate_size']}, vocabulary {config['vocab_size']}, context {config['max_position_embeddings']}; "
        f"{config['dtype']}, {size:.1f} MB.\n"
    )


RESUMED = " The run stopped at step 1,750 and resumed from its weights with a new optimiser state."


def lm_curve(run: dict, note: str = "") -> str:
    rows = [(point["step"], point["loss"], point["bits_per_byte"]) for point in run["curve"]]
    text = f"Bits per byte of 100 dev texts during training.{note}"
    return f"## Curve\n\n{text}\n\n" + table(("step", "loss, nats a token", "bits per byte"), rows)


def rm_curve(run: dict) -> str:
    kinds = sorted(run["curve"][-1]["loss and accuracy"])
    picked = run["curve"][::3] if len(run["curve"]) > 8 else run["curve"]
    picked = picked + [run["curve"][-1]] * (picked[-1] is not run["curve"][-1])
    rows = [(point["step"], *(point["loss and accuracy"].get(kind, ["", ""])[1] for kind in kinds)) for point in picked]
    text = "## Curve\n\nShare of training pairs in the right order since the row above, by kind.\n\n" + table(("step", *kinds), rows)
    held_out = [(point["step"], *point["held out"].values()) for point in run["curve"] if "held out" in point]
    if held_out:
        text += "\nThe same for pairs of the other model's half. This model never learns from them (chat-lm has read their texts).\n\n"
        text += table(("step", *kinds), held_out)
    return text


def decoding(found: dict) -> str:
    kinds = list(next(iter(found["decoders"].values())))
    rows = [(kind, *(format_figure(one[kind], share(kind)) for one in found["decoders"].values())) for kind in kinds]
    text = f"## Guided decoding\n\nTest prompts; k = 10, weight {found['weight']} (chosen on validation prompts), 128 tokens at most.\n\n"
    text += table(("", *found["decoders"]), rows) + "\n"
    pairs = [(f"{which}: {kind}", format_figure(value, True)) for which in ("args against greedy", "args-stochastic against top-k") for kind, value in found[which].items()]
    pairs.append(("reward gain of args over greedy, in standard deviations", found["reward gain in standard deviations of greedy"]))
    pairs.append(("mean length of args against top-k sampling's", found["length against top-k"]))
    text += "Judged by judge-rm, which never guides. It scores replies at their last token of text, without the end token, so none gains by how it ended.\n\n"
    text += table(("what", "figure"), pairs)
    weights = found["validation, by weight"]
    kinds = ("win-tie", "win-tie where lengths are within 20%", "reward by chat-rm", "diversity", "tokens")
    rows = [(weight, *(format_figure(one[kind], share(kind)) for kind in kinds), one["length against top-k"]) for weight, one in weights.items()]
    return text + "\nValidation prompts, args against greedy:\n\n" + table(("weight", *kinds, "length against top-k"), rows)


def write_cards(data: Path, out: Path, work: Path) -> None:
    metrics = json.loads((work / "metrics.json").read_text())
    for name, title in TITLES.items():
        run = json.loads((work / f"{name}.json").read_text())
        parts = [f"# {title}\n\n{WHAT[name]}\n\n{architecture(out / name)}"]
        if name == "chat-lm":
            rows = [(kind, format_figure(value)) for kind, value in metrics["language model"].items()]
            parts += [lm_curve(run, RESUMED), "## Figures\n\nAll dev texts (prompt and chosen reply).\n\n" + table(("what", "figure"), rows)]
        else:
            rows = [(kind, format_figure(value, True)) for kind, value in metrics["reward models"][name].items()]
            parts += [rm_curve(run), "## Figures\n\nShare of dev pairs in which the human reply scores higher.\n\n" + table(("against", "accuracy"), rows)]
        if name != "judge-rm":
            parts.append(decoding(metrics["guided decoding"]))
        parts += [DATA, LIMITS, HOW]
        (out / name / "README.md").write_text("\n".join(parts))
