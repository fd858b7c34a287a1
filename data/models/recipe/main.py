"""Makes the embedded models: `python data/models/recipe/main.py --data ../shared/data`.

Stages, each skipped where its result is there: lm (tokenizer and chat-lm), samples, rewards (chat-rm and judge-rm, side by side),
evaluate (needs Node and a built `dist`: replies are decoded by rxargs), card, encoder (needs none of the others). Intermediate files lie
in the folder given with --work.
On two server cores the whole takes between two and three hours, 80 minutes of it chat-lm, 51 the reward models; memory stays below 8 GiB.
"""

import argparse
import json
import multiprocessing
import shutil
from pathlib import Path

from card import write_cards
from encoder import train_encoder
from encoder_card import write_encoder_card
from evaluate import evaluate
from lm import train_lm
from reward import HALVES, train_reward
from sample import sample_all
from texts import hh_pairs
from tokenizer import load_tokenizer

STAGES = ("lm", "samples", "rewards", "evaluate", "card", "encoder")
CHECKPOINTS = ("dpo",)  # for `rxargs reproduce` alone: made only when asked for by --stage
SAMPLE_TOKENS = 64


def lm(data: Path, out: Path, work: Path) -> None:
    if not (out / "chat-lm" / "model.safetensors").exists():
        train_lm(data, out / "chat-lm", work)


def samples(data: Path, out: Path, work: Path) -> None:
    """One reply for each HH train pair, drawn from chat-lm."""
    file = work / "train-samples.json"
    if file.exists():
        return
    prompts = load_tokenizer(out / "chat-lm")([pair.prompt for pair in hh_pairs(data, "train")])["input_ids"]
    longest = 1024 - SAMPLE_TOKENS
    short = [ids if len(ids) <= longest else ids[:1] + ids[1 - longest :] for ids in prompts]
    file.write_text(json.dumps(sample_all(out / "chat-lm", short, SAMPLE_TOKENS, seed=1)))


def train_one(name: str, data: Path, out: Path, work: Path) -> None:
    import torch

    torch.set_num_threads(max(1, multiprocessing.cpu_count() // len(HALVES)))
    drawn = json.loads((work / "train-samples.json").read_text())
    train_reward(name, data, out / "chat-lm", drawn, out / name, work)


def rewards(data: Path, out: Path, work: Path) -> None:
    """Both at once: two runs of one core each are faster than one run of two after the other."""
    context = multiprocessing.get_context("spawn")
    missing = [name for name in HALVES if not (out / name / "model.safetensors").exists()]
    runs = [context.Process(target=train_one, args=(name, data, out, work)) for name in missing]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
        if run.exitcode != 0:
            raise RuntimeError(f"a reward model's run ended with {run.exitcode}")


def judged(data: Path, out: Path, work: Path) -> None:
    if not (out / "metrics.json").exists():
        evaluate(data, out, work)
        shutil.copy(work / "metrics.json", out / "metrics.json")


def encoder(data: Path, out: Path, work: Path) -> None:
    if not (out / "encoder" / "model.safetensors").exists():
        train_encoder(data, out / "encoder", work)
        write_encoder_card(data, out, work)


def dpo(data: Path, out: Path, work: Path) -> None:
    # trl is needed by nothing else: requirements-dpo.txt.
    from dpo import train_dpo

    train_dpo(data, out / "chat-lm", reproduction(out) / "dpo-lm", work)


def reproduction(out: Path) -> Path:
    return out.parent / "reproduction" / "checkpoints"


def main() -> None:
    here = Path(__file__).resolve().parent
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with hh-rlhf/ and self-dialogue/")
    parser.add_argument("--out", type=Path, default=here.parent, help="where the model folders go")
    parser.add_argument("--work", type=Path, default=here.parents[2] / "out" / "recipe", help="states, samples, replies")
    parser.add_argument("--stage", choices=STAGES + CHECKPOINTS, help="only this one")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    (options.out / "chat-lm").mkdir(parents=True, exist_ok=True)
    run = {"lm": lm, "samples": samples, "rewards": rewards, "evaluate": judged, "card": write_cards, "encoder": encoder}
    run |= {"dpo": dpo}
    for stage in [options.stage] if options.stage else STAGES:
        print(f"stage {stage}", flush=True)
        run[stage](options.data, options.out, options.work)


if __name__ == "__main__":
    main()
