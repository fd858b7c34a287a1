"""Configs of nothing but sizes, with all defaults written out by transformers: test/src/models/checkpoint/families/default_configs.json.

A list of {"family", "sizes", "written"}: `written` is what config.json holds after transformers has filled in what `sizes` leaves out.
"""

import json
from pathlib import Path

from transformers import AutoConfig

FAMILIES = {
    "llama": "LlamaForCausalLM",
    "mistral": "MistralForCausalLM",
    "qwen2": "Qwen2ForCausalLM",
    "qwen3": "Qwen3ForCausalLM",
    "phi3": "Phi3ForCausalLM",
    "gemma2": "Gemma2ForCausalLM",
    "gemma3_text": "Gemma3ForCausalLM",
}
# Heads that any default number of key heads divides; layers enough for a pattern of six.
SIZES = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 7, "num_attention_heads": 32, "vocab_size": 100}


def main():
    pairs = []
    for family, architecture in FAMILIES.items():
        named = {"architectures": [architecture], "model_type": family}
        written = AutoConfig.for_model(family, **SIZES).to_dict() | named
        pairs.append({"family": family, "sizes": named | SIZES, "written": written})
    file = Path(__file__).resolve().parents[2] / "test/src/models/checkpoint/families/default_configs.json"
    file.write_text("[\n" + ",\n".join(json.dumps(pair, sort_keys=True) for pair in pairs) + "\n]\n")


if __name__ == "__main__":
    main()
