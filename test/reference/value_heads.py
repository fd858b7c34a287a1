"""Language models, and those with a value head in the layout of one of the tools that train reward models.

Each function saves a random model of `config` into `folder`, in F16.
"""

import json
import shutil
from functools import partial
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoModelForCausalLM

from random_pairs import perturb


def save_vocabulary(folder: Path, config, generator):
    model = AutoModelForCausalLM.from_config(config)
    perturb(model, generator)
    model.half().save_pretrained(folder)


def save_value_head(folder: Path, config, generator, rename, head: dict, fields: dict | None = None, own_file: bool = False):
    """`head`: shapes by name. The body as transformers has it lies beside the folder, for the oracle alone."""
    save_vocabulary(folder, config, generator)
    shutil.rmtree(folder.with_name("body"), ignore_errors=True)
    shutil.copytree(folder, folder.with_name("body"))
    file = folder / "model.safetensors"
    tensors = {new: tensor for name, tensor in load_file(file).items() if (new := rename(name)) is not None}
    heads = {name: drawn(shape, generator) for name, shape in head.items()}
    save_file(tensors if own_file else tensors | heads, file, metadata={"format": "pt"})
    if own_file:
        save_file(heads, folder / "value_head.safetensors", metadata={"format": "pt"})
    if fields:
        path = folder / "config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **fields}, indent=1) + "\n")


def drawn(shape: tuple[int, ...], generator) -> torch.Tensor:
    return torch.tensor([0.7]).half() if shape == (1,) else (2 * torch.randn(shape, generator=generator) / shape[-1] ** 0.5).half()


def whole(name: str):
    return name


def without_head(name: str):
    return None if name.startswith("lm_head") else name


def deepspeed(name: str):
    return None if name.startswith("lm_head") else name.replace("model.", "rwtranrsformer.", 1)


SUMMARY = {"v_head.summary.weight": (1, 32), "v_head.summary.bias": (1,)}
STACK = {
    "v_head.summary.0.weight": (24, 32),
    "v_head.summary.0.bias": (24,),
    "v_head.summary.2.weight": (24, 24),
    "v_head.summary.2.bias": (24,),
    "v_head.summary.4.weight": (1, 24),
    "v_head.summary.4.bias": (1,),
}
GRM = {"architectures": ["GRewardModel"], "vhead_layer_type": "mlp", "vhead_num_layers": 2, "vhead_num_neurons": 24}
OPENRLHF = {"architectures": ["RewardModel"], "normalize_reward": True, "mean": 0.25, "std": 1.75}

# By the name of the golden folder: what saves it, what it covers, and the first seed that is tried.
VALUE_HEADS = {
    "value-head": (
        partial(save_value_head, rename=deepspeed, head={"v_head.weight": (1, 32)}),
        "DeepSpeed-Chat's v_head beside a body under its own prefix; F16",
        1400,
    ),
    "value-summary": (
        partial(save_value_head, rename=whole, head=SUMMARY),
        "trl's v_head.summary with a bias beside a whole language model; F16",
        1500,
    ),
    "value-stack": (
        partial(save_value_head, rename=without_head, head=STACK, fields=GRM),
        "GRM's v_head.summary of three layers with ReLU between them; F16",
        1800,
    ),
    "value-file": (
        partial(save_value_head, rename=whole, head=SUMMARY, own_file=True),
        "LLaMA-Factory's value_head.safetensors beside a whole language model; F16",
        1900,
    ),
    "value-norm": (
        partial(save_value_head, rename=without_head, head={"value_head.weight": (1, 32)}, fields=OPENRLHF),
        "OpenRLHF's value_head, normalized by the config's mean and std; F16",
        2000,
    ),
}
