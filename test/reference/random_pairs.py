"""Small random pairs of a language model and a reward model that together cover every switch of every family's config."""

import shutil
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForSequenceClassification, PreTrainedTokenizerFast

from layer_norm_pairs import LAYER_NORM_PAIRS
from rotary_pairs import ROTARY_PAIRS
from stored_elsewhere import as_stored_elsewhere

BEGIN, END, OTHER_END = "<|begin|>", "<|end|>", "<|turn|>"

LONG = " ".join(f"Item {n}: a red box, {n * 7} apples and a note that says {n * n}." for n in range(10))
PROMPTS = {
    "short": "\n\nHuman: How far is the moon?\n\nAssistant:",
    "characters": "Grüße aus Århus: naïve café ☃ 😀, 日本",
    "long": f"\n\nHuman: {LONG}\n\nAssistant:",  # longer than a piece of 256 tokens
}

TEXTS = [*PROMPTS.values(), "the and that is of to in a for on with it you was how what when where"] * 3

LINEAR = {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0}
# With heads of 16 there are pairs in each of its three bands: kept, blended and slowed down.
LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
    "rope_theta": 100.0,
}


def theta(value: float):
    return {"rope_type": "default", "rope_theta": value}


# family: model_type of config.json, Llama unless given. heads, kv: query heads and key heads. The rest are fields of config.json, and how
# the weights are stored.
PAIRS = {
    **ROTARY_PAIRS,
    **LAYER_NORM_PAIRS,
    "grouped": {
        "covers": "2 query heads a key head, head_dim other than hidden / heads, rope_theta, untied; F32",
        "seed": 100,
        "lm": {"heads": 4, "kv": 2, "head_dim": 12, "rope_parameters": theta(500.0), "tie_word_embeddings": False},
        "reward": {"heads": 4, "kv": 2, "head_dim": 10, "rope_parameters": theta(300000.0), "layers": 3},
    },
    "biased": {
        "covers": "a key head for each query head, attention_bias, mlp_bias, rms_norm_eps, tied; F32",
        "seed": 200,
        "lm": {"heads": 2, "kv": 2, "attention_bias": True, "mlp_bias": True, "rms_norm_eps": 0.2, "tie_word_embeddings": True},
        "reward": {"heads": 4, "kv": 4, "attention_bias": True, "mlp_bias": True, "rms_norm_eps": 0.1},
    },
    "linear": {
        "covers": "one key head for all, linear rope scaling, attention_bias alone, sharded, untied; F16",
        "seed": 300,
        "dtype": torch.float16,
        "shard": "30KB",
        "lm": {"heads": 4, "kv": 1, "rope_parameters": LINEAR, "attention_bias": True, "tie_word_embeddings": False},
        "reward": {"heads": 4, "kv": 1, "rope_parameters": LINEAR, "attention_bias": True},
    },
    "llama3": {
        "covers": "llama3 rope scaling, mlp_bias alone, tied; BF16, the LM sharded",
        "seed": 400,
        "dtype": torch.bfloat16,
        "shard": "40KB",
        "lm": {"heads": 4, "kv": 2, "head_dim": 16, "rope_parameters": LLAMA3, "mlp_bias": True, "tie_word_embeddings": True},
        "reward": {"heads": 2, "kv": 1, "head_dim": 16, "rope_parameters": LLAMA3, "mlp_bias": True, "shard": "5GB"},
    },
}

# Parts of names: of tables of embeddings, and of projections whose scores shall be sharp.
TABLES = ("embed_tokens", "embed_in", "embed_positions", "wte", "wpe")
SHARP = ("q_proj", "k_proj", "qkv_proj", "c_attn", "query_key_value")


def make_tokenizer() -> PreTrainedTokenizerFast:
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    special = [BEGIN, END, OTHER_END]
    trainer = trainers.BpeTrainer(
        vocab_size=280, special_tokens=special, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(TEXTS, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BEGIN} $A", special_tokens=[(BEGIN, 0)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=BEGIN, eos_token=END, pad_token=END, clean_up_tokenization_spaces=False
    )


def make_config(family: str, heads: int, kv: int | None = None, layers: int = 2, **fields):
    sizes = {
        "hidden_size": 32,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "max_position_embeddings": 512,
        "bos_token_id": 0,
        "eos_token_id": 1,
        "pad_token_id": 1,
    }
    if kv is not None:
        sizes |= {"num_key_value_heads": kv, "intermediate_size": 56}
    return AutoConfig.for_model(family, **{**sizes, **fields})


@torch.no_grad()
def perturb(model, generator: torch.Generator):
    """Random weights of which none can be left out unseen: sharp attention, biases and norms far from their defaults."""
    for name, weight in model.named_parameters():
        noise = torch.randn(weight.shape, generator=generator)
        if name.endswith("bias"):
            weight.copy_(0.6 * noise)
        elif "norm" in name or ".ln_" in name:
            centre = 0 if model.config.model_type.startswith("gemma") else 1
            weight.copy_(centre + 0.4 * noise)
        elif any(table in name for table in TABLES):
            weight.copy_(noise)
        else:
            fan_in = weight.shape[0 if ".c_" in name else 1]  # GPT-2's Conv1D
            gain = 2.0 if any(part in name for part in SHARP) else 1.0
            weight.copy_(gain * noise / fan_in**0.5)
    if hasattr(model, "score"):
        model.score.weight.mul_(2.0)
    else:
        # End tokens are likely enough to be seen; a tied table keeps its scale for the input as well.
        rows = model.lm_head.weight
        rows.mul_(0.4 if model.config.tie_word_embeddings else 3.0)
        rows[1:3].mul_(1.5)


def save_pair(folder: Path, spec, seed: int):
    """Writes both checkpoints with their tokenizer; `generation_config.json` of the LM names two end tokens."""
    shutil.rmtree(folder, ignore_errors=True)
    tokenizer = make_tokenizer()
    generator = torch.Generator().manual_seed(seed)
    for role, kind in (("lm", AutoModelForCausalLM), ("reward", AutoModelForSequenceClassification)):
        fields = dict(spec[role])
        shard = fields.pop("shard", spec.get("shard", "5GB"))
        stored = fields.pop("stored", None)
        config = make_config(spec.get("family", "llama"), vocab_size=len(tokenizer), **fields)
        if role == "reward":
            config.num_labels = 1
        model = kind.from_config(config)
        perturb(model, generator)
        if role == "lm":
            model.generation_config.eos_token_id = [1, 2]
        model = model.to(spec.get("dtype", torch.float32))
        model.save_pretrained(folder / role, max_shard_size=shard)
        tokenizer.save_pretrained(folder / role)
        if stored:
            as_stored_elsewhere(folder / role, **stored)
