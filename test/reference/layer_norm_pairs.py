"""Pairs of the families with layer norms: OPT, GPT-2, GPT-NeoX. Fields are those of config.json."""

import torch

# Attention masks and frequencies that old versions stored with the weights.
GPT2_BUFFERS = {f"h.{layer}.attn.bias": torch.ones(1, 1, 16, 16).tril() for layer in range(2)}
NEOX_BUFFERS = {
    **{f"gpt_neox.layers.{layer}.attention.bias": torch.ones(1, 1, 16, 16, dtype=torch.bool).tril() for layer in range(2)},
    **{f"gpt_neox.layers.{layer}.attention.masked_bias": torch.tensor(-1e9) for layer in range(2)},
    **{f"gpt_neox.layers.{layer}.attention.rotary_emb.inv_freq": torch.ones(2) for layer in range(2)},
}

OPT = {"hidden_size": 24, "heads": 3, "ffn_dim": 44, "max_position_embeddings": 320}
OPT_350M = {**OPT, "word_embed_proj_dim": 16, "do_layer_norm_before": False}
GPT2 = {"hidden_size": 24, "heads": 3, "max_position_embeddings": 320}
NEOX = {"hidden_size": 32, "heads": 2, "intermediate_size": 52, "max_position_embeddings": 320}

LAYER_NORM_PAIRS = {
    "opt": {
        "family": "opt",
        "covers": "norms before, relu, tied (LM); _remove_final_layer_norm, gelu, projections beside them (reward); F16",
        "seed": 2500,
        "dtype": torch.float16,
        "lm": OPT,
        "reward": {**OPT, "_remove_final_layer_norm": True, "activation_function": "gelu", "word_embed_proj_dim": 20},
    },
    "opt-350m": {
        "family": "opt",
        "covers": "norms after, word_embed_proj_dim, tied, names under decoder. as the hub has them (LM); three layers (reward); F16",
        "seed": 2600,
        "dtype": torch.float16,
        "lm": {**OPT_350M, "stored": {"renamed": [(r"^model\.", "")]}},
        "reward": {**OPT_350M, "layers": 3},
    },
    "opt-plain": {
        "family": "opt",
        "covers": "no enable_bias, no layer_norm_elementwise_affine, gelu, projections, untied (LM); norms after without weights (reward); BF16",
        "seed": 2700,
        "dtype": torch.bfloat16,
        "lm": {
            **OPT,
            "enable_bias": False,
            "layer_norm_elementwise_affine": False,
            "activation_function": "gelu",
            "tie_word_embeddings": False,
            "word_embed_proj_dim": 16,
        },
        "reward": {**OPT, "layer_norm_elementwise_affine": False, "do_layer_norm_before": False},
    },
    "gpt2": {
        "family": "gpt2",
        "covers": "gelu_new, tied, no prefix and masks beside the weights, as the hub has it (LM); n_inner, gelu (reward); F16",
        "seed": 2800,
        "dtype": torch.float16,
        "lm": {**GPT2, "stored": {"renamed": [(r"^transformer\.", "")], "buffers": GPT2_BUFFERS}},
        "reward": {**GPT2, "n_inner": 44, "activation_function": "gelu"},
    },
    "gpt2-scaled": {
        "family": "gpt2",
        "covers": "scores divided by the layer's number alone, layer_norm_epsilon, quick_gelu, untied (LM); by both, "
        "reorder_and_upcast_attn, silu (reward); BF16",
        "seed": 2900,
        "dtype": torch.bfloat16,
        "lm": {
            **GPT2,
            "scale_attn_weights": False,
            "scale_attn_by_inverse_layer_idx": True,
            "layer_norm_epsilon": 0.2,
            "activation_function": "quick_gelu",
            "tie_word_embeddings": False,
        },
        "reward": {
            **GPT2,
            "layers": 3,
            "scale_attn_by_inverse_layer_idx": True,
            "reorder_and_upcast_attn": True,
            "activation_function": "silu",
        },
    },
    "gpt_neox": {
        "family": "gpt_neox",
        "covers": "parallel residual, a quarter of each head rotated, gelu, untied, names and buffers of transformers 4 as in Pythia "
        "(LM); rotary_emb_base, tanh, no prefix (reward); F16",
        "seed": 3000,
        "dtype": torch.float16,
        "lm": {
            **NEOX,
            "stored": {
                "renamed": [(r"^lm_head\.", "embed_out.")],
                "buffers": NEOX_BUFFERS,
                "config": {"rope_parameters": None, "rotary_pct": 0.25, "rotary_emb_base": 500},
            },
        },
        "reward": {
            **NEOX,
            "hidden_act": "tanh",
            "rotary_emb_base": 20,
            "rotary_pct": 0.5,
            "stored": {"renamed": [(r"^gpt_neox\.", "")]},
        },
    },
    "gpt_neox-serial": {
        "family": "gpt_neox",
        "covers": "one after the other, all of each head rotated, no attention_bias, gelu_fast, layer_norm_eps, linear rope scaling, tied "
        "(LM); llama3 rope scaling of a half, parallel without attention_bias (reward); BF16",
        "seed": 3100,
        "dtype": torch.bfloat16,
        "lm": {
            **NEOX,
            "use_parallel_residual": False,
            "attention_bias": False,
            "hidden_act": "gelu_fast",
            "layer_norm_eps": 0.1,
            "rope_parameters": {"rope_type": "linear", "factor": 4.0, "rope_theta": 10000.0, "partial_rotary_factor": 1.0},
            "tie_word_embeddings": True,
        },
        "reward": {
            **NEOX,
            "layers": 3,
            "attention_bias": False,
            "rope_parameters": {
                "rope_type": "llama3",
                "factor": 8.0,
                "low_freq_factor": 1.0,
                "high_freq_factor": 4.0,
                "original_max_position_embeddings": 64,
                "rope_theta": 100.0,
                "partial_rotary_factor": 0.5,
            },
        },
    },
}
