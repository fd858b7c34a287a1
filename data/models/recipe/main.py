"""Makes the embedded models: `python data/models/recipe/main.py --data ../shared/data`.

Stages, skipped if their result exists: lm (tokenizer and chat-lm), samples, rewards (chat-rm and judge-rm, side by side), evaluate (needs
Node and a built `dist`, because rxargs decodes the replies), card, encoder (needs no other stage). --stage alone makes base-lm, small-lm,
small-rm, dpo and ppo, and makes them anew; `rxargs reproduce` compares with them (data/reproduction/checkpoints).
--work is the folder for intermediate files.
On two server cores all stages take two to three hours: chat-lm 80 minutes, the reward models 51. Memory stays below 8 GiB.
"""

import argparse
import json
import multiprocessing
import shutil
from pathlib import Path

from card import write_cards
from checkpoint_cards import write_lm_card, write_small_rm_card
from encoder import train_encoder
from encoder_card import write_encoder_card
from evaluate import evaluate
from lm import train_lm
from reward import train_reward
from sample import sample_all
from texts import hh_pairs
from tokenizer import load_tokenizer

STAGES = ("lm", "samples", "rewards", "evaluate", "card", "encoder")
CHECKPOINTS = ("base-lm", "small-lm", "small-rm", "dpo", "ppo")  # for `rxargs reproduce` alone; --stage names them
EMBEDDED = ("chat-rm", "judge-rm")
SAMPLE_TOKENS = 64
SMALL_RM_STEPS = 1400  # the other reward models did not improve on held-out pairs after that (data/bench/NOTES.md)


def lm(data: Path, out: Path, work: Path) -> None:
    if not (out / "chat-lm" / "model.safetensors").exists():
        train_lm("chat-lm", data, out / "chat-lm", work)


def samples(data: Path, out: Path, work: Path) -> None:
    """Draws one reply of chat-lm for each HH training pair."""
    file = work / "train-samples.json"
    if file.exists():
        return
    prompts = load_tokenizer(out / "chat-lm")([pair.prompt for pair in hh_pairs(data, "train")])["input_ids"]
    longest = 1024 - SAMPLE_TOKENS
    short = [ids if len(ids) <= longest else ids[:1] + ids[1 - longest :] for ids in prompts]
    file.write_text(json.dumps(sample_all(out / "chat-lm", short, SAMPLE_TOKENS, seed=1)))


def train_one(name: str, data: Path, out: Path, work: Path) -> None:
    import torch

    torch.set_num_threads(max(1, multiprocessing.cpu_count() // len(EMBEDDED)))
    train_reward(name, data, out / "chat-lm", drawn(work), out / name, work)


def drawn(work: Path) -> list[list[int]]:
    return json.loads((work / "train-samples.json").read_text())


def rewards(data: Path, out: Path, work: Path) -> None:
    """Trains both at once: two runs on one core each are faster than two runs in turn on two cores."""
    context = multiprocessing.get_context("spawn")
    missing = [name for name in EMBEDDED if not (out / name / "model.safetensors").exists()]
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


def other_lm(name: str):
    def stage(data: Path, out: Path, work: Path) -> None:
        train_lm(name, data, reproduction(out) / name, work, tokens_of=out / "chat-lm")
        write_lm_card(name, data, reproduction(out) / name, work)

    return stage


def small_rm(data: Path, out: Path, work: Path) -> None:
    """Needs the stages small-lm and samples."""
    made = reproduction(out)
    train_reward("small-rm", data, made / "small-lm", drawn(work), made / "small-rm", work, SMALL_RM_STEPS)
    write_small_rm_card(data, out, made / "small-rm", work)


def dpo(data: Path, out: Path, work: Path) -> None:
    # Only this stage needs trl: requirements-dpo.txt.
    from dpo import train_dpo

    train_dpo(data, out / "chat-lm", reproduction(out) / "dpo-lm", work)


def ppo(data: Path, out: Path, work: Path) -> None:
    # An older trl, which still has PPO: requirements-ppo.txt.
    from ppo import train_ppo

    train_ppo(data, out, reproduction(out) / "ppo-lm", work)


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
    run |= {"base-lm": other_lm("base-lm"), "small-lm": other_lm("small-lm"), "small-rm": small_rm, "dpo": dpo, "ppo": ppo}
    for stage in [options.stage] if options.stage else STAGES:
        print(f"stage {stage}", flush=True)
        run[stage](options.data, options.out, options.work)


if __name__ == "__main__":
    main()
