"""Small GGUF files and PEFT adapters, and what transformers and PEFT answer with them.

    python make_gguf.py   data/golden/gguf/{<name>.gguf, types.gguf, expected.json, adapters/<name>/}

Each model has random weights and a type of its own; the logits are those of the transformers model that has the values of the file, and the
script checks that transformers reads the file as the same model. types.gguf has a tensor of each type beside its values in fp32, widened by
the `gguf` package. Adapters are of the llama file, but for `conv1d`, which is of the gpt2 file.

Needs: torch, transformers, peft, gguf.
"""

import copy
import json
import shutil
from pathlib import Path

import gguf
import numpy as np
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    Gemma2Config,
    Gemma3TextConfig,
    GPT2Config,
    LlamaConfig,
    Phi3Config,
    Qwen2Config,
    Qwen3Config,
)
from transformers.utils import logging

from gguf_types import TYPES, interleave, quantized, write_types
from gguf_vocabularies import byte_vocabulary, piece_vocabulary

logging.set_verbosity_error()
logging.disable_progress_bar()
OUT = Path(__file__).parents[2] / "data/golden/gguf"
AWKWARD = [
    "Hello world!", "  two  spaces ", "it's 12345 o'clock, I'LL", "Übermut 日本 🐱 e\u0301", "a\n\n\tb\r\n c", "x=[1,2];<|end|>y<think>z", "", " ", "camelCase HTTPServer"
]
TEMPLATE = "{{ bos_token }}{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
SHARED = {
    "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
    "head_dim": 16, "max_position_embeddings": 128, "rms_norm_eps": 1e-5, "initializer_range": 0.3, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2,
}
WINDOW = {"sliding_window": 8, "query_pre_attn_scalar": 16}
# Name: config, architecture of GGUF, type of its matrices, pre-tokenizer (None: SentencePiece), whether the projection is the embedding.
CASES = {
    "llama": (LlamaConfig, {"tie_word_embeddings": False}, "F32", "llama-bpe"),
    "qwen2": (Qwen2Config, {"tie_word_embeddings": True}, "F16", "qwen2"),
    "qwen3": (Qwen3Config, {"tie_word_embeddings": False}, "Q8_0", "qwen2"),
    "gemma2": (Gemma2Config, WINDOW, "BF16", None),
    "gemma3": (Gemma3TextConfig, WINDOW, "Q4_0", None),
    "phi3": (Phi3Config, {"tie_word_embeddings": False, "sliding_window": None}, "Q4_1", None),
    "gpt2": (GPT2Config, {"n_embd": 64, "n_layer": 2, "n_head": 4, "n_positions": 128, "initializer_range": 0.3}, "F16", "gpt-2"),
    "llama3-rope": (LlamaConfig, {"tie_word_embeddings": True, "rope_parameters": {"rope_type": "llama3", "rope_theta": 500000.0, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 32}}, "F16", "smollm"),
    "reward": (LlamaConfig, {"tie_word_embeddings": False, "num_labels": 2}, "F16", "llama-bpe"),
}


def gguf_name(name: str, arch: str):
    table = gguf.get_tensor_name_map(getattr(gguf.MODEL_ARCH, arch.upper()), 2)
    if name == "score.weight":
        return "cls.output.weight"
    base, kind = name.rsplit(".", 1)
    return f"{table.get_name(base)}.{kind}"


@torch.no_grad()
def write_model(name: str):
    make, own, type_name, pre = CASES[name]
    arch = "llama" if name in ("llama3-rope", "reward") else name
    torch.manual_seed(len(name))
    tokens, kinds, extra = byte_vocabulary(pre) if pre else piece_vocabulary(arch.startswith("gemma"))
    common = {} if arch == "gpt2" else SHARED
    config = make(**{**common, "vocab_size": len(tokens), "bos_token_id": 1, "eos_token_id": 2, **own})
    auto = AutoModelForSequenceClassification if name == "reward" else AutoModelForCausalLM
    model = auto.from_config(config, attn_implementation="eager").eval().float()
    writer = gguf.GGUFWriter(OUT / f"{name}.gguf", arch)
    writer.add_context_length(128)
    writer.add_embedding_length(64)
    writer.add_block_count(2)
    writer.add_feed_forward_length(256 if arch == "gpt2" else 96)
    writer.add_head_count(4)
    if arch == "gpt2":
        writer.add_layer_norm_eps(1e-5)
    else:
        writer.add_head_count_kv(2)
        writer.add_key_length(16)
        writer.add_value_length(16)
        writer.add_layer_norm_rms_eps(1e-5)
        theta = config.rope_parameters
        theta = theta.get("full_attention", theta)["rope_theta"]
        writer.add_rope_freq_base(theta)
        writer.add_rope_dimension_count(16)
    if arch in ("gemma2", "gemma3"):
        writer.add_sliding_window(8)
    if arch == "gemma2":
        writer.add_attn_logit_softcapping(50.0)
        writer.add_final_logit_softcapping(30.0)
    if name == "reward":
        writer.add_pooling_type(gguf.PoolingType.RANK)
        writer.add_array("llama.classifier.output_labels", ["bad", "good"])
    write_tokenizer(writer, tokens, kinds, pre, extra)
    kind = TYPES[type_name]
    for key, parameter in model.state_dict().items():
        if key == "lm_head.weight" and config.tie_word_embeddings:
            continue
        values = parameter.numpy().copy()
        is_norm = "norm" in key or ".ln_" in key
        if is_norm and key.endswith("weight"):
            values += np.random.default_rng(1).normal(0, 0.1, values.shape).astype(np.float32)
        stored = values
        if arch.startswith("gemma") and is_norm:
            stored = values + 1
        if arch == "gpt2" and values.ndim == 2 and ".h." in key:
            stored = np.ascontiguousarray(values.T)
        if arch == "llama" and ("q_proj" in key or "k_proj" in key):
            stored = interleave(values, 4 if "q_proj" in key else 2)
        is_matrix = stored.ndim == 2 and key != "score.weight" and "wpe" not in key
        data, back = quantized(stored, kind if is_matrix else TYPES.F32)
        writer.add_tensor(gguf_name(key, arch), data, raw_dtype=kind if is_matrix else TYPES.F32)
        # What the file says is what the model computes with.
        if arch.startswith("gemma") and is_norm:
            back = back - 1
        if arch == "gpt2" and values.ndim == 2 and ".h." in key:
            back = np.ascontiguousarray(back.T)
        if arch == "llama" and ("q_proj" in key or "k_proj" in key):
            heads = 4 if "q_proj" in key else 2
            back = back.reshape(heads, back.shape[0] // heads // 2, 2, *back.shape[1:]).swapaxes(1, 2).reshape(back.shape)
        parameter.copy_(torch.from_numpy(np.ascontiguousarray(back)))
    if name == "llama3-rope":
        plain = 1 / (500000.0 ** (torch.arange(0, 16, 2).float() / 16))
        writer.add_tensor("rope_freqs.weight", (plain / model.model.rotary_emb.inv_freq).numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return model


def write_tokenizer(writer, tokens, kinds, pre, extra):
    writer.add_tokenizer_model("gpt2" if pre else "llama")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    if pre:
        writer.add_tokenizer_pre(pre)
        writer.add_token_merges(extra)
    else:
        writer.add_tokenizer_pre("default")
        writer.add_token_scores(extra)
        writer.add_unk_token_id(3)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(0)
    writer.add_add_bos_token(pre != "gpt-2")
    writer.add_eot_token_id(tokens.index("<|end|>"))
    writer.add_chat_template(TEMPLATE)


@torch.no_grad()
def golden_of(name: str, model):
    tokenizer = AutoTokenizer.from_pretrained(OUT, gguf_file=f"{name}.gguf")
    ids = torch.randint(7, model.config.vocab_size, (1, 24), generator=torch.Generator().manual_seed(3))
    out = model.score(model.model(input_ids=ids).last_hidden_state) if name == "reward" else model(input_ids=ids).logits
    if name not in ("reward", "llama3-rope"):
        try:
            other = AutoModelForCausalLM.from_pretrained(OUT, gguf_file=f"{name}.gguf", dtype=torch.float32).eval()
            print(name, "transformers reads the file within", (other(input_ids=ids).logits - out).abs().max().item())
        except RuntimeError as error:
            print(name, "transformers does not read the file:", error)
    texts = [{"text": text, "ids": tokenizer(text).input_ids, "plain": tokenizer(text, add_special_tokens=False).input_ids} for text in AWKWARD]
    for each in texts:
        each["decoded"] = tokenizer.decode(each["plain"], skip_special_tokens=True)
    chat = tokenizer.apply_chat_template([{"role": "user", "content": "hi"}], tokenize=False, add_generation_prompt=True)
    return {"name": name, "ids": ids[0].tolist(), "values": [round(v, 6) for v in out[0, -1].tolist()], "texts": texts, "chat": chat}


def base_of(model, reward: bool):
    if not reward:
        return copy.deepcopy(model)
    config = copy.deepcopy(model.config)
    config.num_labels = 1
    classifier = AutoModelForSequenceClassification.from_config(config, attn_implementation="eager").float()
    classifier.model.load_state_dict(model.model.state_dict())
    return classifier


def adapters(made):
    every = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    settings = {
        "lm": ("llama", {"r": 4, "lora_alpha": 8, "target_modules": every, "task_type": "CAUSAL_LM"}),
        "patterns": ("llama", {"r": 4, "lora_alpha": 8, "target_modules": r".*layers\.1\..*(q_proj|down_proj)", "rank_pattern": {"q_proj": 2}, "alpha_pattern": {r"layers\.1\..*down_proj": 16}, "task_type": "CAUSAL_LM"}),
        "rslora": ("llama", {"r": 4, "lora_alpha": 8, "use_rslora": True, "target_modules": ["v_proj"], "layers_to_transform": [1], "modules_to_save": ["lm_head"], "task_type": "CAUSAL_LM"}),
        "embedding": ("llama", {"r": 4, "lora_alpha": 8, "target_modules": ["embed_tokens", "lm_head"], "task_type": "CAUSAL_LM"}),
        "conv1d": ("gpt2", {"r": 4, "lora_alpha": 8, "target_modules": ["c_attn", "c_proj"], "fan_in_fan_out": True, "bias": "all", "task_type": "CAUSAL_LM"}),
        "score": ("llama", {"r": 4, "lora_alpha": 8, "target_modules": every, "task_type": "SEQ_CLS", "modules_to_save": ["score"]}),
    }
    for name, (base, given) in settings.items():
        torch.manual_seed(7)
        reward = name == "score"
        model = get_peft_model(base_of(made[base], reward), LoraConfig(**given))
        with torch.no_grad():
            for key, parameter in model.named_parameters():
                if parameter.requires_grad:
                    parameter.copy_(torch.randn_like(parameter) * 0.1)
        folder = OUT / "adapters" / name
        model.save_pretrained(folder, save_embedding_layers=False)
        (folder / "README.md").unlink(missing_ok=True)
        start = base_of(made[base], reward)
        merged = PeftModel.from_pretrained(start, folder).merge_and_unload().eval()
        file = folder / "adapter_config.json"
        config = json.loads(file.read_text())
        config["base_model_name_or_path"] = None
        if isinstance(config["target_modules"], list):
            config["target_modules"].sort()
        file.write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
        ids = torch.randint(7, merged.config.vocab_size, (1, 24), generator=torch.Generator().manual_seed(4))
        with torch.no_grad():
            out = merged.score(merged.model(input_ids=ids).last_hidden_state) if reward else merged(input_ids=ids).logits
        yield {"name": name, "base": base, "head": "reward" if reward else "lm", "ids": ids[0].tolist(), "values": [round(v, 6) for v in out[0, -1].tolist()]}


def main():
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir(parents=True)
    write_types(OUT / "types.gguf")
    made = {name: write_model(name) for name in CASES}
    golden = {"models": [golden_of(name, model) for name, model in made.items()], "adapters": list(adapters(made))}
    (OUT / "expected.json").write_text(json.dumps(golden, ensure_ascii=False, separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
