"""ppo-lm: chat-lm after proximal policy optimisation (Schulman et al., 2017) by trl's PPOTrainer, with chat-rm as the reward.

trl 1 no longer has PPO. requirements-ppo.txt has an older trl and the transformers that it needs.
"""

import json
import random
import shutil
import time
from pathlib import Path

import torch
from transformers import LlamaForSequenceClassification
from trl import AutoModelForCausalLMWithValueHead, PPOConfig, PPOTrainer

from card import DATA, architecture, table
from lm import save_lm
from reward import rewards
from texts import HUMAN, hh_pairs, prompts, shuffled
from tokenizer import load_tokenizer

UPDATES, REPLIES = 60, 24
PROMPT, REPLY = 64, 64  # tokens; longer prompts are left out, longer replies cut
RATE, EPOCHS, KL = 1e-4, 2, 0.1
DEV = 64  # prompts


def load(kind, folder: Path):
    """Passes the argument under its name in the older transformers."""
    return kind.from_pretrained(str(folder), torch_dtype=torch.float32)


def short(texts: list[str], tokenizer) -> list[list[int]]:
    return [ids for ids in tokenizer(texts)["input_ids"] if len(ids) <= PROMPT]


def cut(reply: list[int], tokenizer) -> list[int]:
    """Cuts a reply before the human's next turn. Its tokens stay as they were drawn."""
    for n in range(1, len(reply) + 1):
        if HUMAN in tokenizer.decode(reply[:n]):
            return reply[:n]
    return reply


def read(prompt: list[int], reply: list[int], end: int) -> list[int]:
    """Drops the end token, so that ending by itself gains no reward."""
    return prompt + (reply[:-1] if reply[-1:] == [end] else reply)


@torch.no_grad()
def draw(model, tokenizer, prompt_ids: list[list[int]], sampled: bool) -> list[list[int]]:
    """Makes one reply a prompt, sampled or greedy."""
    end, longest = tokenizer.eos_token_id, max(map(len, prompt_ids))
    ids = torch.tensor([[end] * (longest - len(one)) + one for one in prompt_ids])
    mask = torch.tensor([[0] * (longest - len(one)) + [1] * len(one) for one in prompt_ids])
    how = {"do_sample": True, "top_k": 0, "top_p": 1.0, "temperature": 1.0} if sampled else {"do_sample": False}
    out = model.generate(input_ids=ids, attention_mask=mask, max_new_tokens=REPLY, eos_token_id=end, pad_token_id=end, **how)
    replies = [row[: row.index(end) + 1] if end in row else row for row in out[:, longest:].tolist()]
    return [cut(reply, tokenizer) for reply in replies]


def measure(model, tokenizer, guides: dict, prompt_ids: list[list[int]]) -> dict:
    """Means over the dev prompts."""
    end, figures = tokenizer.eos_token_id, {}
    for how in ("greedy", "sampled"):
        torch.manual_seed(0)
        replies = draw(model, tokenizer, prompt_ids, how == "sampled")
        texts = [read(prompt, reply, end) for prompt, reply in zip(prompt_ids, replies, strict=True)]
        for name, guide in guides.items():
            figures[f"reward by {name}, {how}"] = rewards(guide, texts).mean().item()
        figures[f"tokens, {how}"] = sum(map(len, replies)) / len(replies)
    return figures


def train_ppo(data: Path, models: Path, out: Path, work: Path, updates: int = UPDATES, seed: int = 1) -> None:
    """Trains, measures and saves ppo-lm with its card; `models` has chat-lm, chat-rm and judge-rm."""
    torch.manual_seed(seed)
    tokenizer = load_tokenizer(models / "chat-lm")
    guides = {name: load(LlamaForSequenceClassification, models / name).eval() for name in ("chat-rm", "judge-rm")}
    prompt_ids = shuffled(short(sorted({pair.prompt for pair in hh_pairs(data, "train")}), tokenizer), seed)
    dev = shuffled(short(prompts(hh_pairs(data, "dev"), "validation"), tokenizer), seed)[:DEV]
    settings = PPOConfig(
        learning_rate=RATE,
        batch_size=REPLIES,
        mini_batch_size=REPLIES // 2,
        ppo_epochs=EPOCHS,
        adap_kl_ctrl=True,
        init_kl_coef=KL,
        max_grad_norm=1.0,
        seed=seed,
        accelerator_kwargs={"cpu": True},
    )
    policy, reference = (load(AutoModelForCausalLMWithValueHead, models / "chat-lm") for _ in range(2))
    trainer = PPOTrainer(settings, policy, reference, tokenizer)
    lm, rng, end, began = policy.pretrained_model, random.Random(seed), tokenizer.eos_token_id, time.time()
    lm.generation_config.stop_strings = None  # cut() does this; a reply that it cuts has no end token
    before, curve = measure(lm.eval(), tokenizer, guides, dev), []
    for update in range(updates):
        batch = rng.sample(prompt_ids, REPLIES)
        replies = draw(lm.eval(), tokenizer, batch, sampled=True)
        scores = rewards(guides["chat-rm"], [read(*pair, end) for pair in zip(batch, replies, strict=True)])
        policy.train()
        result = trainer.step([torch.tensor(one) for one in batch], [torch.tensor(one) for one in replies], list(scores))
        tokens = sum(map(len, replies)) / REPLIES
        curve.append({"update": update + 1, "reward": scores.mean().item(), "kl": float(result["objective/kl"]), "tokens": tokens})
        print(json.dumps(curve[-1]), flush=True)
    after = measure(lm.eval(), tokenizer, guides, dev)
    run = {"curve": curve, "before": before, "after": after, "minutes": (time.time() - began) / 60, "prompts": len(prompt_ids), "dev": len(dev)}
    (work / "ppo-lm.json").write_text(json.dumps(run, indent=1))
    save_lm(lm, tokenizer, out, torch.bfloat16)
    restore(models / "chat-lm", out)
    write_card(run, out)


def restore(chat_lm: Path, out: Path) -> None:
    """Copies tokenizer and configuration from chat-lm: the older transformers would write them differently."""
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja", "generation_config.json"):
        shutil.copy(chat_lm / name, out / name)
    (out / "special_tokens_map.json").unlink(missing_ok=True)
    config = json.loads((chat_lm / "config.json").read_text()) | {"dtype": "bfloat16"}
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")


def write_card(run: dict, out: Path) -> None:
    curve, width = run["curve"], 10
    groups = [curve[first : first + width] for first in range(0, len(curve), width)]
    rows = [
        (group[-1]["update"], *(f"{sum(one[key] for one in group) / len(group):.2f}" for key in ("reward", "kl", "tokens")))
        for group in groups
    ]
    figures = [(what, *(f"{run[when][what]:.2f}" for when in ("before", "after"))) for what in run["before"]]
    parts = [
        f"# ppo-lm: chat-lm after PPO\n\n{__doc__.split(': ', 1)[1].split(chr(10))[0]}\n\nFor `rxargs reproduce`; not in the npm package. {architecture(out)}",
        f"## Training\n\nPPOTrainer of trl 0.11.4 from `data/models/chat-lm`, which is also the reference: {len(curve)} updates of {REPLIES} replies of at most {REPLY} tokens, "
        f"drawn at temperature 1 from the whole vocabulary, {EPOCHS} passes over each, rate {RATE}, KL coefficient {KL} at first and adapted; {run['minutes']:.0f} minutes on one core "
        f"beside other work. Prompts: {run['prompts']:,} of the training split of at most {PROMPT} tokens. The reward is chat-rm's before the end token, so that ending "
        "by itself gains nothing.\n",
        "Means since the row above: reward of the replies, KL divergence from chat-lm in nats a reply, tokens a reply.\n\n"
        + table(("update", "reward", "KL", "tokens"), rows),
        f"## Figures\n\n{run['dev']} validation prompts of the same lengths, replies of at most {REPLY} tokens; judge-rm had no part in the training. Of two runs we kept the one with the higher rewards by both models (data/bench/NOTES.md).\n\n"
        + table(("what", "before", "after"), figures),
        DATA,
        "Its replies got shorter while the reward grew. The limits on chat-lm's card apply here, too.\n",
        "## How to make it again\n\n    python -m venv .venv-ppo && .venv-ppo/bin/pip install -r data/models/recipe/requirements-ppo.txt\n"
        "    OMP_NUM_THREADS=1 .venv-ppo/bin/python data/models/recipe/main.py --data ../shared/data --stage ppo\n",
    ]
    (out / "README.md").write_text("\n".join(parts))
