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


# Where the 16-bit numbers of a block lie, for types that the gguf package does not write.
SCALES = {"Q4_K": (0, 2), "Q6_K": (208,), "Q2_K": (80, 82), "Q3_K": (108,), "Q5_K": (0, 2), "IQ4_NL": (0,)}


def random_blocks(random, name: str, rows: int, width: int):
    block, size = gguf.GGML_QUANT_SIZES[TYPES[name]]
    data = random.integers(0, 256, (rows * width // block, size), dtype=np.uint8)
    for place, value in zip(SCALES[name], (0.01, 0.02)):
        data[:, place : place + 2] = np.array([value], dtype=np.float16).view(np.uint8)
    return data.reshape(rows, -1)


def write_types(file: Path):
    writer = gguf.GGUFWriter(file, "llama")
    random = np.random.default_rng(0)
    values = random.normal(0, 0.5, (2, 256)).astype(np.float32)
    for name in ("F16", "BF16", "Q8_0", "Q4_0", "Q4_1", "Q4_K", "Q6_K", "Q5_0", "Q5_1", "Q2_K", "Q3_K", "Q5_K", "IQ4_NL"):
        kind = TYPES[name]
        data = random_blocks(random, name, 2, 256) if name in SCALES else gguf.quants.quantize(values, kind)
        writer.add_tensor(name, data, raw_dtype=kind)
        writer.add_tensor(f"{name}.values", gguf.quants.dequantize(data, kind).astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
