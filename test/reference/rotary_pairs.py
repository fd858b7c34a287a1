"""Specs of random pairs of Llama's descendants: RMS norms, rotary positions, gated MLPs; see random_pairs.py for the fields."""

import torch

LOCAL, FULL = "sliding_attention", "full_attention"

YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 128, "rope_theta": 500.0}

# Windows are shorter than the prompts. A window that is absent from config.json would be 4,096 tokens.
ROTARY_PAIRS = {
    "mistral": {
        "covers": "sliding_window in all layers, head_dim, untied; BF16. The reward: no window, YaRN",
        "seed": 500,
        "family": "mistral",
        "dtype": torch.bfloat16,
        "lm": {"heads": 4, "kv": 2, "head_dim": 12, "sliding_window": 7},
        "reward": {"heads": 4, "kv": 1, "head_dim": 16, "sliding_window": None, "rope_parameters": YARN},
    },
}
