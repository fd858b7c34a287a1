"""Random Llama checkpoint, as a Hugging Face folder and as GGUF: `make_checkpoint.py FOLDER` writes FOLDER/lm and FOLDER/lm.gguf.

Its tokens are ASCII characters, so that each is known by its text: llama-cpp-python's server names tokens by nothing else.
"""

import json
import struct
import sys
from pathlib import Path

import gguf
import numpy as np

LAYERS, WIDTH, INNER, HEADS, KV_HEADS, HEAD, CONTEXT, THETA, EPS = 3, 64, 112, 4, 2, 16, 512, 10000.0, 1e-5
SPECIAL = ["<|begin|>", "<|end|>"]
CHARACTERS = [chr(c) for c in range(33, 127)] + ["Ġ", "Ċ"]
MERGED = ["~~"]  # GGUF wants a merge; its tokens stay unlikely, so that no reply needs it.
TOKENS = SPECIAL + CHARACTERS + MERGED

rng = np.random.default_rng(7)


def random(*shape: int) -> np.ndarray:
    return (rng.standard_normal(shape) / np.sqrt(shape[-1])).astype(np.float32)


def weights() -> dict[str, np.ndarray]:
    head = random(len(TOKENS), WIDTH) * 4
    for token in [*SPECIAL, "~", *MERGED]:
        head[TOKENS.index(token)] = 0
    found = {"model.embed_tokens.weight": random(len(TOKENS), WIDTH), "model.norm.weight": 1 + 0.1 * random(WIDTH), "lm_head.weight": head}
    for layer in range(LAYERS):
        found |= {
            f"model.layers.{layer}.{name}.weight": value
            for name, value in {
                "input_layernorm": 1 + 0.1 * random(WIDTH),
                "post_attention_layernorm": 1 + 0.1 * random(WIDTH),
                "self_attn.q_proj": random(HEADS * HEAD, WIDTH),
                "self_attn.k_proj": random(KV_HEADS * HEAD, WIDTH),
                "self_attn.v_proj": random(KV_HEADS * HEAD, WIDTH),
                "self_attn.o_proj": random(WIDTH, HEADS * HEAD),
                "mlp.gate_proj": random(INNER, WIDTH),
                "mlp.up_proj": random(INNER, WIDTH),
                "mlp.down_proj": random(WIDTH, INNER),
            }.items()
        }
    return found


def write_folder(folder: Path, tensors: dict[str, np.ndarray]) -> None:
    folder.mkdir(parents=True)
    config = {
        "architectures": ["LlamaForCausalLM"], "model_type": "llama", "vocab_size": len(TOKENS), "hidden_size": WIDTH,
        "intermediate_size": INNER, "num_hidden_layers": LAYERS, "num_attention_heads": HEADS, "num_key_value_heads": KV_HEADS,
        "head_dim": HEAD, "hidden_act": "silu", "max_position_embeddings": CONTEXT, "rms_norm_eps": EPS,
        "rope_parameters": {"rope_theta": THETA, "rope_type": "default"}, "tie_word_embeddings": False,
        "bos_token_id": 0, "eos_token_id": 1, "dtype": "float32", "attention_bias": False, "mlp_bias": False,
    }
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    begin = {"SpecialToken": {"id": SPECIAL[0], "type_id": 0}}
    flags = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
    tokenizer = {
        "version": "1.0", "truncation": None, "padding": None, "normalizer": None,
        "added_tokens": [{"id": i, "content": token, **flags} for i, token in enumerate(SPECIAL)],
        "pre_tokenizer": byte_level, "decoder": byte_level,
        "post_processor": {
            "type": "TemplateProcessing", "single": [begin, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [begin, {"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}],
            "special_tokens": {SPECIAL[0]: {"id": SPECIAL[0], "ids": [0], "tokens": [SPECIAL[0]]}},
        },
        "model": {
            "type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": None, "end_of_word_suffix": None,
            "fuse_unk": False, "byte_fallback": False, "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(TOKENS)}, "merges": [["~", "~"]],
        },
    }
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "generation_config.json").write_text(json.dumps({"bos_token_id": 0, "eos_token_id": [1]}))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    tokenizer_config = {"bos_token": SPECIAL[0], "eos_token": SPECIAL[1], "clean_up_tokenization_spaces": False}
    (folder / "tokenizer_config.json").write_text(json.dumps(tokenizer_config))
    header, place = {}, 0
    for name, tensor in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [place, place + tensor.nbytes]}
        place += tensor.nbytes
    head = json.dumps(header).encode()
    head += b" " * (-len(head) % 8)
    data = b"".join(tensor.tobytes() for tensor in tensors.values())
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head + data)


def interleaved(rows: np.ndarray, heads: int) -> np.ndarray:
    """Rows of q or k in the order of GGUF's llama, which turns neighbours; Hugging Face's turns halves."""
    return rows.reshape(heads, 2, HEAD // 2, WIDTH).swapaxes(1, 2).reshape(rows.shape)


def write_gguf(path: Path, tensors: dict[str, np.ndarray]) -> None:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(INNER)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(KV_HEADS)
    writer.add_rope_dimension_count(HEAD)
    writer.add_rope_freq_base(THETA)
    writer.add_layer_norm_rms_eps(EPS)
    writer.add_vocab_size(len(TOKENS))
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("gpt-2")
    writer.add_token_list(TOKENS)
    writer.add_token_types([gguf.TokenType.CONTROL] * len(SPECIAL) + [gguf.TokenType.NORMAL] * (len(TOKENS) - len(SPECIAL)))
    writer.add_token_merges(["~ ~"])
    writer.add_bos_token_id(0)
    writer.add_eos_token_id(1)
    writer.add_add_bos_token(False)  # The text that is sent has its own.
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, LAYERS)
    for name, tensor in tensors.items():
        heads = HEADS if "q_proj" in name else KV_HEADS if "k_proj" in name else 0
        writer.add_tensor(names.get_name(name, try_suffixes=(".weight",)), interleaved(tensor, heads) if heads else tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    out = Path(sys.argv[1])
    made = weights()
    write_folder(out / "lm", made)
    write_gguf(out / "lm.gguf", made)
