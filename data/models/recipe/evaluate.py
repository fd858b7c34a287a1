"""Computes the figures of the model cards with 95% intervals: language model, reward models, guided against plain decoding."""

import json
from pathlib import Path

import numpy as np
import torch

import kneser_ney
import stats
from lm import CONTEXT, VOCAB, bits_per_byte, load_lm
from replies import Reply, decode
from reward import load_reward, rewards, tracks
from sample import sample_all
from texts import HUMAN, dialogues, hh_pairs, lm_documents, prompts, shuffled
from tokenizer import load_tokenizer

WEIGHTS = (0.5, 1.0, 1.5, 2.5)
VALIDATION, TEST = 60, 300  # prompts
NEW_TOKENS = 128
LONGEST = CONTEXT - NEW_TOKENS  # tokens of a prompt


def dev_bits(data: Path, folder: Path) -> dict:
    """Bits per byte of prompt + chosen reply of every dev pair."""
    model, tokenizer = load_lm(folder)
    texts = [pair.prompt + pair.chosen for pair in hh_pairs(data, "dev")]
    sizes = [len(text.encode()) for text in texts]
    return stats.ratio([bits_per_byte(model, tokenizer, [text]) * size for text, size in zip(texts, sizes)], sizes)


def language_model(data: Path, models: Path) -> dict:
    """chat-lm's bits per byte, and the 5-gram model's on the same tokens."""
    tokenizer = load_tokenizer(models / "chat-lm")
    texts = [pair.prompt + pair.chosen for pair in hh_pairs(data, "dev")]
    documents = lm_documents(hh_pairs(data, "train"))
    found = {"bits_per_byte": dev_bits(data, models / "chat-lm")}
    for name, train_texts in (("all training documents", documents + dialogues(data)), ("HH-RLHF documents only", documents)):
        levels = kneser_ney.train([ids + [tokenizer.eos_token_id] for ids in tokenizer(train_texts)["input_ids"]])
        plain = kneser_ney.bits_per_byte(levels, tokenizer(texts)["input_ids"], texts, VOCAB)
        found[f"bits_per_byte of the 5-gram model, {name}"] = stats.ratio(plain[:, 0], plain[:, 1])
    return found


def reward_models(data: Path, models: Path, work: Path, folders: tuple[Path, ...]) -> dict:
    """Accuracies on the dev pairs, by folder name and kind: whole replies, and both cut to the same number of tokens."""
    pairs = hh_pairs(data, "dev")
    tokenizer = load_tokenizer(models / "chat-lm")
    heads = tokenizer([pair.prompt for pair in pairs])["input_ids"]
    keep = [i for i, ids in enumerate(heads) if len(ids) <= LONGEST]
    heads = [heads[i] for i in keep]
    end = tokenizer.eos_token_id
    tails = {
        side: [ids + [end] for ids in tokenizer([getattr(pairs[i], side) for i in keep], add_special_tokens=False)["input_ids"]]
        for side in ("chosen", "rejected")
    }
    order = shuffled(range(len(keep)), 7)
    after = dict(zip(order, order[1:] + order[:1]))
    tails["other"] = [tails["chosen"][after[i]] for i in range(len(keep))]
    file = work / "dev-samples.json"
    if not file.exists():
        file.write_text(json.dumps(sample_all(models / "chat-lm", heads, NEW_TOKENS, seed=5)))
    tails["sample"] = json.loads(file.read_text())
    found = {}
    for folder in folders:
        model, _ = load_reward(folder)
        found[folder.name] = figures = {}
        # Scores at each token of the replies. A prefix's score is that of the whole reply at its last token.
        scores = {
            side: [track[len(head) :] for head, track in zip(heads, tracks(model, [h + t for h, t in zip(heads, replies)]))]
            for side, replies in tails.items()
        }
        for kind, worse in (("HH pairs", "rejected"), ("reply to another prompt", "other"), ("sample of chat-lm", "sample")):
            both = list(zip(scores["chosen"], scores[worse]))
            figures[kind] = stats.rate([bool(a[-1] > b[-1]) for a, b in both])
            common = [(a, b, min(len(a), len(b)) - 1) for a, b in both]  # a prefix has no end token
            figures[kind + ", cut to one length"] = stats.rate([bool(a[n - 1] > b[n - 1]) for a, b, n in common if n > 0])
            text = [
                (a[-1 - (better[-1] == end)], b[-1 - (other[-1] == end)])
                for (a, b), better, other in zip(both, tails["chosen"], tails[worse])
                if min(len(a), len(b)) > 1
            ]
            figures[kind + ", read before the end token"] = stats.rate([bool(a > b) for a, b in text])
            figures[kind + ", longer reply preferred"] = stats.rate(
                [bool((a[-1] > b[-1]) == (len(a) > len(b))) for a, b in both if len(a) != len(b)]
            )
    return found


class Judge:
    """Scores replies, and compares two decoders on the prompts that both answered."""

    def __init__(self, models: Path):
        (self.judge, self.tokenizer), (self.guide, _) = load_reward(models / "judge-rm"), load_reward(models / "chat-rm")

    def ids(self, reply: Reply) -> list[int]:
        return self.tokenizer(reply.text, add_special_tokens=False)["input_ids"]

    def scores(self, model, replies: dict[str, Reply]) -> dict[str, float]:
        """Reads the score at the last token of text, without the end token, so no reply gains or loses by how it ended."""
        texts = [self.tokenizer(prompt)["input_ids"] + self.ids(reply) for prompt, reply in replies.items()]
        return dict(zip(replies, rewards(model, texts).tolist()))

    def compare(self, guided: dict[str, Reply], plain: dict[str, Reply]) -> dict:
        """Win-tie rates of `guided` by judge-rm; equal texts and scores within 1e-6 are ties."""
        both = [prompt for prompt in guided if prompt in plain]
        a, b = self.scores(self.judge, guided), self.scores(self.judge, plain)
        fine = {p: guided[p].text == plain[p].text or a[p] > b[p] - 1e-6 for p in both}
        sizes = {p: (len(self.ids(guided[p])), len(self.ids(plain[p]))) for p in both}
        matched = [p for p in both if abs(sizes[p][0] - sizes[p][1]) <= 0.2 * max(sizes[p])]
        return {
            "win-tie": stats.rate([fine[p] for p in both]),
            "win-tie where lengths are within 20%": stats.rate([fine[p] for p in matched]),
            "ties": stats.rate([guided[p].text == plain[p].text or abs(a[p] - b[p]) <= 1e-6 for p in both]),
        }

    def describe(self, replies: dict[str, Reply]) -> dict:
        ids = [self.ids(reply) for reply in replies.values()]
        guide = list(self.scores(self.guide, replies).values())
        return {
            "reward by chat-rm": stats.mean(guide),
            "reward by chat-rm, standard deviation": round(float(np.std(guide)), 4),
            "reward by judge-rm": stats.mean(list(self.scores(self.judge, replies).values())),
            "diversity": stats.mean([stats.diversity(one) for one in ids]),
            "tokens": stats.mean([len(one) for one in ids]),
            "ended by the end token": stats.rate([reply.end_token for reply in replies.values()]),
            "ended by a stop string": stats.rate([reply.ended and not reply.end_token for reply in replies.values()]),
        }


def guided_decoding(data: Path, models: Path, work: Path) -> dict:
    """Chooses the weight with the most wins on the validation prompts, among those with a mean length of 70% to 130% of top-k's."""
    judge = Judge(models)
    end = judge.tokenizer.eos_token_id
    pairs = hh_pairs(data, "dev")
    chosen = {
        which: [p for p in shuffled(prompts(pairs, which), 3) if len(judge.tokenizer(p)["input_ids"]) <= LONGEST][:most]
        for which, most in (("validation", VALIDATION), ("test", TEST))
    }

    def run(which: str, decoder: str, *flags: str) -> dict[str, Reply]:
        name = "-".join([which, decoder, *flags[1::2]])
        fixed = ("--template", "none", "--seed", "0", "--max-new-tokens", str(NEW_TOKENS), "--stop", HUMAN, "--concurrency", "48")
        common = ("--decoder", decoder, *fixed)
        return decode(chosen[which], work, name, models, end, *common, *flags)

    plain, sampled = run("validation", "greedy"), run("validation", "top-k")
    usual = judge.describe(sampled)["tokens"]["value"]
    tried = {}
    for weight in WEIGHTS:
        replies = run("validation", "args", "--weight", str(weight))
        tried[weight] = judge.compare(replies, plain) | judge.describe(replies)
        tried[weight]["length against top-k"] = round(tried[weight]["tokens"]["value"] / usual, 3)
        print(f"weight {weight}: {json.dumps(tried[weight])}", flush=True)
    fair = [weight for weight in WEIGHTS if 0.7 <= tried[weight]["length against top-k"] <= 1.3] or list(WEIGHTS)
    weight = max(fair, key=lambda one: tried[one]["win-tie"]["value"])
    replies = {
        "greedy": run("test", "greedy"),
        "top-k": run("test", "top-k"),
        "args": run("test", "args", "--weight", str(weight)),
        "args-stochastic": run("test", "args-stochastic", "--weight", str(weight)),
    }
    described = {name: judge.describe(one) for name, one in replies.items()}
    gain = described["args"]["reward by chat-rm"]["value"] - described["greedy"]["reward by chat-rm"]["value"]
    return {
        "weight": weight,
        "validation, by weight": tried,
        "decoders": described,
        "args against greedy": judge.compare(replies["args"], replies["greedy"]),
        "args-stochastic against top-k": judge.compare(replies["args-stochastic"], replies["top-k"]),
        "reward gain in standard deviations of greedy": round(gain / described["greedy"]["reward by chat-rm, standard deviation"], 3),
        "length against top-k": round(described["args"]["tokens"]["value"] / described["top-k"]["tokens"]["value"], 3),
    }


def evaluate(data: Path, models: Path, work: Path) -> dict:
    torch.manual_seed(0)
    metrics = {}
    for name, found in (
        ("language model", lambda: language_model(data, models)),
        ("reward models", lambda: reward_models(data, models, work, (models / "chat-rm", models / "judge-rm"))),
        ("guided decoding", lambda: guided_decoding(data, models, work)),
    ):
        metrics[name] = found()
        print(f"{name}: {json.dumps(metrics[name])}", flush=True)
        (work / "metrics.json").write_text(json.dumps(metrics, indent=1))
    return metrics
