"""Specs of random pairs of Llama's descendants: RMS norms, rotary positions, gated MLPs; see random_pairs.py for the fields."""

import torch

LOCAL, FULL = "sliding_attention", "full_attention"


def rope(kind: str, theta: float, **fields):
    return {"rope_type": kind, "rope_theta": theta, **fields}


YARN = rope("yarn", 500.0, factor=4.0, original_max_position_embeddings=128)
DYNAMIC = rope("dynamic", 300.0, factor=4.0)


def longrope(pairs: int, part: float):
    """Other divisors for each pair, short and long; half or three quarters of a head rotate."""
    return rope(
        "longrope",
        200.0,
        partial_rotary_factor=part,
        short_factor=[1.0 + 0.2 * pair for pair in range(pairs)],
        long_factor=[2.0 + 0.7 * pair for pair in range(pairs)],
    )


# Windows are shorter than the prompts. One that is absent from config.json would be 4,096 tokens long.
ROTARY_PAIRS = {
    "mistral": {
        "covers": "sliding_window in all layers, head_dim, untied; BF16. The reward: no window, YaRN",
        "seed": 500,
        "family": "mistral",
        "dtype": torch.bfloat16,
        "lm": {"heads": 4, "kv": 2, "head_dim": 12, "sliding_window": 7, "intermediate_size": 32},
        "reward": {
            **{"heads": 4, "kv": 1, "head_dim": 16, "intermediate_size": 40},
            **{"sliding_window": None, "rope_parameters": YARN},
        },
    },
    "qwen2": {
        "covers": "use_sliding_window with max_window_layers, biases of q, k and v, tied; BF16. The reward: layer_types, dynamic scaling",
        "seed": 600,
        "family": "qwen2",
        "dtype": torch.bfloat16,
        "lm": {
            **{"heads": 4, "kv": 2, "layers": 3, "intermediate_size": 32, "tie_word_embeddings": True},
            **{"use_sliding_window": True, "sliding_window": 9, "max_window_layers": 1},
        },
        "reward": {
            **{"heads": 2, "kv": 1, "intermediate_size": 32, "rope_parameters": DYNAMIC},
            **{"use_sliding_window": True, "sliding_window": 6, "layer_types": [LOCAL, FULL]},
        },
    },
    "qwen3": {
        "covers": "norms of query and key heads, attention_bias, head_dim, untied; BF16. The reward: a window from layer 1 on, YaRN, no biases",
        "seed": 700,
        "family": "qwen3",
        "dtype": torch.bfloat16,
        "lm": {
            **{"heads": 4, "kv": 2, "head_dim": 12, "intermediate_size": 32},
            **{"attention_bias": True, "rms_norm_eps": 0.05, "sliding_window": 5},
        },
        "reward": {
            **{"heads": 4, "kv": 4, "head_dim": 8, "intermediate_size": 40, "rope_parameters": YARN},
            **{"use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1},
        },
    },
    "phi3": {
        "covers": "joined projections, half of each head rotated, LongRoPE that changes within the replies, a window; BF16. The reward: three quarters, no window",
        "seed": 800,
        "family": "phi3",
        "dtype": torch.bfloat16,
        "lm": {
            **{"heads": 2, "kv": 1, "intermediate_size": 32, "tie_word_embeddings": True, "sliding_window": 10},
            **{"original_max_position_embeddings": 46, "rope_parameters": longrope(4, 0.5)},
        },
        "reward": {
            **{"heads": 2, "kv": 2, "intermediate_size": 32},
            **{"original_max_position_embeddings": 44, "rope_parameters": longrope(6, 0.75)},
        },
    },
    "gemma2": {
        "covers": "soft caps of scores and logits, query_pre_attn_scalar, norms before and after, local and full layers in turn, tied; BF16. The reward: no caps, attention_bias, layer_types",
        "seed": 900,
        "family": "gemma2",
        "dtype": torch.bfloat16,
        "lm": {
            **{"heads": 4, "kv": 2, "head_dim": 8, "layers": 3, "intermediate_size": 32, "sliding_window": 6},
            **{"query_pre_attn_scalar": 5, "attn_logit_softcapping": 1.5, "final_logit_softcapping": 5.0},
        },
        "reward": {
            **{"heads": 4, "kv": 4, "head_dim": 12, "intermediate_size": 32, "sliding_window": 11, "query_pre_attn_scalar": 12},
            **{"attn_logit_softcapping": None, "attention_bias": True, "layer_types": [FULL, LOCAL]},
        },
    },
    "gemma3": {
        "covers": "norms of query and key heads, positions of local layers and scaled ones of full layers, sliding_window_pattern, tied; BF16. The reward: layer_types, a soft cap of logits that it does not use, attention_bias",
        "seed": 1000,
        "family": "gemma3_text",
        "dtype": torch.bfloat16,
        "lm": {
            **{"heads": 4, "kv": 2, "head_dim": 8, "layers": 3, "intermediate_size": 32, "sliding_window": 6},
            **{"query_pre_attn_scalar": 5, "sliding_window_pattern": 2, "final_logit_softcapping": 6.0},
            "rope_parameters": {FULL: rope("linear", 800.0, factor=8.0), LOCAL: rope("default", 40.0)},
        },
        "reward": {
            **{"heads": 4, "kv": 1, "head_dim": 12, "intermediate_size": 32, "sliding_window": 9, "query_pre_attn_scalar": 9},
            **{"attention_bias": True, "layer_types": [FULL, LOCAL], "final_logit_softcapping": 2.0},
        },
    },
}
