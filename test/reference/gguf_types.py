"""Types of GGUF tensors. For make_gguf.py."""

from pathlib import Path

import gguf
import numpy as np

TYPES = gguf.GGMLQuantizationType


def interleave(values, heads: int):
    shape = values.shape
    return values.reshape(heads, 2, shape[0] // heads // 2, *shape[1:]).swapaxes(1, 2).reshape(shape)


def quantized(values, kind):
    if kind == TYPES.F32:
        return values.astype(np.float32), values.astype(np.float32)
    data = gguf.quants.quantize(values.astype(np.float32), kind)
    return data, gguf.quants.dequantize(data, kind).reshape(values.shape)


def write_types(file: Path):
    writer = gguf.GGUFWriter(file, "llama")
    random = np.random.default_rng(0)
    values = random.normal(0, 0.5, (2, 256)).astype(np.float32)
    for name in ("F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q6_K"):
        kind = TYPES[name]
        if name in ("Q4_K", "Q6_K"):
            size = 144 if name == "Q4_K" else 210
            data = random.integers(0, 256, (2, size), dtype=np.uint8)
            scales = np.array([0.01, 0.02], dtype=np.float16).view(np.uint8)
            at = 0 if name == "Q4_K" else 208
            data[:, at : at + (4 if name == "Q4_K" else 2)] = scales[: 4 if name == "Q4_K" else 2]
        else:
            data = gguf.quants.quantize(values, kind)
        writer.add_tensor(name, data, raw_dtype=kind)
        writer.add_tensor(f"{name}.values", gguf.quants.dequantize(data, kind).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
