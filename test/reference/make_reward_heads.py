"""Golden files of reward heads other than a classifier's one label, in the schema of make_golden.py.

    python make_reward_heads.py [name …]   data/golden/<name>/{reward, golden.json}; the language model is that of data/golden/grouped

A golden JSON also has `label`, where the reward is one of several. Rewards and rows mean:

    labels        the logit of one of three labels
    value-head    DeepSpeed-Chat's layout: body under `rwtranrsformer.`, `v_head.weight` beside it, an architecture without such a head
    value-summary trl's: the language model's own names, its head included, and `v_head.summary` with a bias
    value-stack   GRM's: `v_head.summary` of two linear layers with a ReLU behind each, and a third one; a class of its own
    value-file    LLaMA-Factory's: trl's head in a file of its own, value_head.safetensors
    value-norm    OpenRLHF's: `value_head` without a bias, its number normalized by the mean and deviation of config.json
    cross-encoder an encoder's logit of prompt and completion as a pair of texts, in its own tokens
    vocabulary    an autoregressive reward model: the log-probability of the candidate, and of the whole reply
"""

import json
import re
import shutil
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file
from transformers import (
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    BertConfig,
    BertForSequenceClassification,
)
from transformers.utils import logging

import make_encoders
from make_golden import ROOT, SETTINGS, Pair, decode_case, golden, telling, write
from random_pairs import PROMPTS, make_config, make_tokenizer, perturb
from value_heads import VALUE_HEADS, save_vocabulary

OUT = ROOT / "data/golden"
LM = OUT / "grouped/lm"
LABELS = {0: "verbose", 1: "helpful", 2: "safe"}
OPTIONS = {"dtype": torch.float32, "attn_implementation": "eager"}


class HeadPair(Pair):
    """The language model with a reward that `rewards` reads."""

    def __init__(self, reward: Path):
        self.tokenizer = AutoTokenizer.from_pretrained(LM)
        self.lm = AutoModelForCausalLM.from_pretrained(LM, **OPTIONS).eval()
        self.end_token_ids = self.lm.generation_config.eos_token_id
        self.reward_model = self.load(reward)

    def load(self, folder: Path):
        raise NotImplementedError

    def whole(self, prompt_ids, tokens):
        return self.rewards([prompt_ids + tokens])[0]


class Labels(HeadPair):
    def load(self, folder):
        return AutoModelForSequenceClassification.from_pretrained(folder, **OPTIONS).eval()

    def rewards(self, sequences):
        hidden = self.reward_model.model(input_ids=torch.tensor(sequences), use_cache=False).last_hidden_state
        return self.reward_model.score(hidden[:, -1])[:, 1]


class ValueHead(HeadPair):
    """Reads the head's tensors beside a body that transformers loads from its own names."""

    def load(self, folder):
        body = AutoModel.from_pretrained(folder.with_name("body"), **OPTIONS).eval()
        tensors = {}
        for file in folder.glob("*.safetensors"):
            tensors |= load_file(file)
        names = sorted(name for name in tensors if re.match(r"(v|value)_head\.", name) and name.endswith("weight"))
        self.layers = torch.nn.Sequential(*(module for name in names for module in (self.layer(tensors, name), torch.nn.ReLU())))
        config = json.loads((folder / "config.json").read_text())
        self.mean, self.std = (config["mean"], config["std"]) if config.get("normalize_reward") else (0, 1)
        return body

    @staticmethod
    def layer(tensors, name: str):
        weight, bias = tensors[name], tensors.get(name.replace("weight", "bias"))
        linear = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
        linear.load_state_dict({"weight": weight.float()} | ({} if bias is None else {"bias": bias.float()}))
        return linear

    def rewards(self, sequences):
        hidden = self.reward_model(input_ids=torch.tensor(sequences), use_cache=False).last_hidden_state[:, -1]
        return (self.layers[:-1](hidden)[:, 0] - self.mean) / self.std


class CrossEncoder(HeadPair):
    def load(self, folder):
        self.own_tokenizer = AutoTokenizer.from_pretrained(folder)
        return AutoModelForSequenceClassification.from_pretrained(folder, **OPTIONS).eval()

    def rewards(self, sequences):
        return torch.stack([self.of_pair(self.completion(ids)) for ids in sequences])

    def completion(self, ids):
        skip = {"skip_special_tokens": True, "clean_up_tokenization_spaces": False}
        return self.tokenizer.decode(ids[len(self.tokenizer(self.prompt)["input_ids"]) :], **skip).rstrip("\ufffd")

    def of_pair(self, completion):
        inputs = self.own_tokenizer([self.prompt], [completion], return_tensors="pt")
        return self.reward_model(**inputs).logits[0, 0]


class Vocabulary(HeadPair):
    def load(self, folder):
        return AutoModelForCausalLM.from_pretrained(folder, **OPTIONS).eval()

    def logprobs(self, ids):
        return self.reward_model(input_ids=torch.tensor([ids]), use_cache=False).logits[0].log_softmax(dim=-1)

    def rewards(self, sequences):
        return torch.stack([self.logprobs(ids[:-1])[-1, ids[-1]] for ids in sequences])

    def whole(self, prompt_ids, tokens):
        read = self.logprobs(prompt_ids + tokens)
        return sum(read[len(prompt_ids) + index - 1, token] for index, token in enumerate(tokens))


SIZES = {"heads": 4, "kv": 2, "head_dim": 8, "rope_parameters": {"rope_type": "default", "rope_theta": 700.0}}


def save_labels(folder: Path, config, generator):
    config.num_labels = 3
    config.id2label, config.label2id = LABELS, {name: index for index, name in LABELS.items()}
    model = AutoModelForSequenceClassification.from_config(config)
    perturb(model, generator)
    model.half().save_pretrained(folder)


def save_cross_encoder(folder: Path, _, generator):
    tokenizer = make_encoders.wordpiece()
    config = BertConfig(**make_encoders.SMALL, vocab_size=len(tokenizer), max_position_embeddings=640, num_labels=1)
    model = BertForSequenceClassification(config)
    make_encoders.perturb(model, generator)
    model.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)


KINDS = {
    "labels": (Labels, save_labels, "one of three labels; F16", 1300),
    **{name: (ValueHead, save, covers, first) for name, (save, covers, first) in VALUE_HEADS.items()},
    "cross-encoder": (CrossEncoder, save_cross_encoder, "a BERT classifier over pairs of texts, with a tokenizer of its own; F16", 1700),
    "vocabulary": (Vocabulary, save_vocabulary, "log-probabilities of a language model; F16", 1600),
}


@torch.no_grad()
def make(name: str):
    kind, save, covers, first = KINDS[name]
    folder = OUT / name
    tokenizer = make_tokenizer()
    for seed in range(first, first + 200):
        shutil.rmtree(folder, ignore_errors=True)
        generator = torch.Generator().manual_seed(seed)
        save(folder / "reward", make_config("llama", vocab_size=len(tokenizer), **SIZES), generator)
        if kind is not CrossEncoder:
            tokenizer.save_pretrained(folder / "reward")
        pair = kind(folder / "reward")
        cases = []
        for prompt_id, prompt in PROMPTS.items():
            pair.prompt = prompt
            for setting in SETTINGS:
                case = decode_case(pair, prompt_id, prompt, 14, setting)
                if case is None:
                    break
                case["reward"] = round(float(pair.whole(case["promptTokenIds"], case["tokenIds"])), 6)
                cases.append(case)
        if telling(cases):
            shutil.rmtree(folder / "body", ignore_errors=True)
            content = golden(pair, name, covers, "../grouped/lm", "reward", 14, cases)
            return write(folder / "golden.json", {**content, **({"label": LABELS[1]} if name == "labels" else {})})
    raise SystemExit(f"{name}: no seed keeps the margin")


if __name__ == "__main__":
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    torch.set_num_threads(1)
    for each in sys.argv[1:] or KINDS:
        make(each)
