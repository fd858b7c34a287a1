"""Ready ONNX folders in the hub's layout, exported from small random models by optimum, and what transformers answers for them.

    python make_onnx.py        data/golden/onnx-{llama,opt}/{lm,reward,golden.json}, data/golden/onnx-encoder/reward

Needs the packages of requirements-onnx.txt: optimum exports with an older transformers than the other golden files are made with. The
golden files are those of make_golden.py, whose head describes them; `others` are files that must answer as `lm` does.

    onnx-llama   lm/onnx/model.onnx (position_ids), decoder_model_merged.onnx (use_cache_branch), model_fp16.onnx, model_q4.onnx,
                 model_gqa.onnx (fused operators, see grouped_graph.py); grouped keys. reward/onnx/model.onnx: logits [B, 1], read at the last token that is no padding
    onnx-opt     lm/model.onnx without position_ids, its weights in model.onnx_data. reward/model.onnx
    onnx-encoder the reward of cross-encoder: BERT, with token_type_ids
"""

import shutil
import tempfile
from pathlib import Path

import onnx
import torch
from onnxruntime.quantization.matmul_nbits_quantizer import MatMulNBitsQuantizer
from onnxruntime.transformers.float16 import convert_float_to_float16
from optimum.exporters.onnx import export, main_export
from optimum.exporters.tasks import TasksManager
from optimum.onnx.graph_transformations import merge_decoders
from transformers import (
    BertForSequenceClassification,
    LlamaConfig,
    LlamaForCausalLM,
    LlamaForSequenceClassification,
    OPTConfig,
    OPTForCausalLM,
    OPTForSequenceClassification,
)
from transformers.utils import logging

from grouped_graph import grouped_graph
from make_golden import LEAST_MARGIN, ROOT, SETTINGS, Pair, decode_case, golden, write
from random_pairs import PROMPTS, make_tokenizer

BLOCK = 16
NEW_TOKENS = 10
HEAD_GAIN = 12.0
SIZES = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "max_position_embeddings": 448}
IDS = {"bos_token_id": 0, "eos_token_id": 1}
LLAMA = {**SIZES, **IDS, "intermediate_size": 32, "num_key_value_heads": 1, "head_dim": 16, "tie_word_embeddings": True}


class OnnxPair(Pair):
    """Rewards by the model's own pooling, which is what an exported graph does."""

    def rewards(self, sequences):
        return self.reward_model(input_ids=torch.tensor(sequences)).logits[:, 0]


def models(name: str, vocab: int):
    """A language model, and a reward model whose padding is no token of any text."""
    labels = {"num_labels": 1, "vocab_size": vocab + 1, "pad_token_id": vocab}
    if name == "onnx-llama":
        reward = {**LLAMA, "num_hidden_layers": 1, **labels}
        return LlamaForCausalLM(LlamaConfig(vocab_size=vocab, **LLAMA)), LlamaForSequenceClassification(LlamaConfig(**reward))
    opt = {**SIZES, **IDS, "ffn_dim": 32, "word_embed_proj_dim": 16, "pad_token_id": 1}
    reward = {**opt, "num_hidden_layers": 1, **labels}
    return OPTForCausalLM(OPTConfig(vocab_size=vocab, **opt)), OPTForSequenceClassification(OPTConfig(**reward))


@torch.no_grad()
def perturb(model, generator: torch.Generator):
    for name, weight in model.named_parameters():
        noise = torch.randn(weight.shape, generator=generator)
        if "norm" in name.lower():
            weight.copy_(0.4 * noise + (0 if name.endswith("bias") else 1))
        elif name.endswith("bias") or "embed" in name:
            weight.copy_(0.4 * noise)
        else:
            # One candidate among many tokens moves a reward little: the head makes it count beside the logits.
            gain = HEAD_GAIN if name.startswith(("score", "classifier")) else 2.0
            weight.copy_(gain * noise / weight.shape[-1] ** 0.5)
    return model.eval()


def compact(file: Path, data: str | None = None):
    """The same graph under short inner names, so that golden files stay small; inputs, outputs and weights keep theirs."""
    model = onnx.load(file)
    kept = {value.name for value in [*model.graph.input, *model.graph.output]}
    kept |= {tensor.name for tensor in model.graph.initializer}
    short = {}

    def rename(graph):
        del graph.value_info[:]
        for index, node in enumerate(graph.node):
            node.name = node.doc_string = ""
            for names in (node.input, node.output):
                names[:] = [name if name in kept or not name else short.setdefault(name, f"v{len(short)}") for name in names]
            for attribute in node.attribute:
                if attribute.HasField("g"):
                    for value in attribute.g.output:
                        kept.add(value.name)
                    kept.update(tensor.name for tensor in attribute.g.initializer)
                    rename(attribute.g)

    rename(model.graph)
    del model.metadata_props[:]
    file.unlink()
    if data:
        onnx.save(model, file, save_as_external_data=True, location=data, size_threshold=256)
    else:
        onnx.save(model, file)


def merged(model, task_config, out: Path):
    """Both decoders in one graph, as optimum wrote them for years and most decoders of the hub are."""
    with tempfile.TemporaryDirectory() as folder:
        parts = []
        for name, behind_cache in (("decoder_model.onnx", False), ("decoder_with_past_model.onnx", True)):
            config = task_config(model.config, task="text-generation", use_past=True, use_past_in_inputs=behind_cache)
            export(model, config, Path(folder) / name, opset=18)
            parts.append(Path(folder) / name)
        merge_decoders(*parts, save_path=out, strict=False)


def task_config_of(model):
    return TasksManager.get_exporter_config_constructor("onnx", model, task="text-generation", library_name="transformers")


def without_positions(model, out: Path):
    """A decoder that counts its positions itself, as exports of some families and of older tools do."""
    config = task_config_of(model)(model.config, task="text-generation", use_past=True, use_past_in_inputs=True)
    kept = {name: axes for name, axes in config.inputs.items() if name != "position_ids"}
    config.__class__ = type("WithoutPositions", (config.__class__,), {"inputs": kept})
    export(model, config, out, opset=18)


def write_llama(lm: Path, model):
    merged(model, task_config_of(model), lm / "decoder_model_merged.onnx")
    onnx.save(grouped_graph(model), lm / "model_gqa.onnx")
    quantizer = MatMulNBitsQuantizer(onnx.load(lm / "model.onnx"), block_size=BLOCK, is_symmetric=True, accuracy_level=4)
    quantizer.process()
    quantizer.model.save_model_to_file(str(lm / "model_q4.onnx"))
    half = convert_float_to_float16(onnx.load(lm / "model.onnx"), disable_shape_infer=True)
    onnx.save(half, lm / "model_fp16.onnx")


def save(folder: Path, name: str, seed: int):
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    tokenizer = make_tokenizer()
    pair = [perturb(model, generator) for model in models(name, len(tokenizer))]
    for role, model, task in zip(("lm", "reward"), pair, ("text-generation-with-past", "text-classification")):
        model.save_pretrained(folder / role)
        tokenizer.save_pretrained(folder / role)
    return pair


def to_onnx(source: Path, out: Path, name: str, lm):
    shutil.rmtree(out, ignore_errors=True)
    for role, task in (("lm", "text-generation-with-past"), ("reward", "text-classification")):
        main_export(str(source / role), output=str(out / role), task=task, device="cpu", opset=18)
        (out / role / "special_tokens_map.json").unlink(missing_ok=True)
        if name == "onnx-llama":
            (out / role / "onnx").mkdir()
            (out / role / "model.onnx").rename(out / role / "onnx/model.onnx")
    if name == "onnx-llama":
        write_llama(out / "lm/onnx", lm)
    else:
        without_positions(lm, out / "lm/model.onnx")
    for file in out.rglob("*.onnx"):
        compact(file, "model.onnx_data" if file.parent.name == "lm" else None)


def all_cases(pair: Pair):
    """The cases of a golden file; none where rounding decides a step or the reward decides nothing."""
    cases, steered = [], 0
    for key, text in PROMPTS.items():
        for setting in SETTINGS:
            case = decode_case(pair, key, text, NEW_TOKENS, setting)
            if case is None:
                return []
            cases.append(case)
        steered += len({tuple(case["tokenIds"]) for case in cases[-len(SETTINGS) :]}) > 1
    return cases if steered > 1 else []


def encoder():
    """The same encoder as the checkpoint of safetensors, so that one answers as the other."""
    source, out = ROOT / "data/golden/cross-encoder/reward", ROOT / "data/golden/onnx-encoder/reward"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json"):
        shutil.copy(source / name, out / name)
    model = BertForSequenceClassification.from_pretrained(source, dtype=torch.float32).eval()
    config = TasksManager.get_exporter_config_constructor(
        "onnx", model, task="text-classification", library_name="transformers"
    )
    export(model, config(model.config, task="text-classification"), out / "model.onnx", opset=18)
    compact(out / "model.onnx")


def make(name: str, covers: str, lm_path: str, others, seed: int):
    """Seeds anew until no step is decided by rounding and the cases tell something, then exports."""
    out = ROOT / "data/golden" / name
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder)
        for seed in range(seed, seed + 200):
            lm, _ = save(source, name, seed)
            pair = OnnxPair(source / "lm", source / "reward")
            cases = all_cases(pair)
            if cases:
                break
        else:
            raise SystemExit(f"{name}: no seed keeps the margin of {LEAST_MARGIN}")
        to_onnx(source, out, name, lm)
    content = golden(pair, name, covers, lm_path, "reward", NEW_TOKENS, cases)
    write(out / "golden.json", {**content, "others": others})


if __name__ == "__main__":
    logging.disable_progress_bar()
    torch.set_num_threads(1)
    make(
        "onnx-llama",
        "a ready ONNX folder: position_ids, grouped keys; merged; fp16; 4-bit blocks",
        "lm",
        ["lm/onnx/decoder_model_merged.onnx", "lm/onnx/model_gqa.onnx"],
        500,
    )
    make("onnx-opt", "a ready ONNX folder: no position_ids, weights in a file of their own", "lm", [], 600)
    encoder()
