"""Writes the K-quants of a real model: a GGUF file with some of its tensors in Q4_K and Q6_K, rounded by ggml itself.

    python make_kquants.py IN.gguf OUT.gguf LIBGGML_BASE

LIBGGML_BASE is libggml-base.so of llama.cpp, as in the npm package @node-llama-cpp/linux-x64. Q4_K and Q6_K have blocks of 256 weights, so
only matrices with rows of a multiple of 256 can have them: of those, the layers get Q4_K and Q6_K in turn. All else is copied. Then
run gguf_agreement.py on the rows that rxargs decodes with the file.
"""

import argparse
import ctypes

import gguf
import numpy as np

BLOCK = 256
TYPES = [gguf.GGMLQuantizationType.Q4_K, gguf.GGMLQuantizationType.Q6_K]


def quantized(library, values: np.ndarray, kind: gguf.GGMLQuantizationType) -> np.ndarray:
    rows, width = values.shape
    block, size = gguf.GGML_QUANT_SIZES[kind]
    packed = np.empty((rows, width // block * size), dtype=np.uint8)
    source = np.ascontiguousarray(values, dtype=np.float32)
    written = library.ggml_quantize_chunk(
        ctypes.c_int(kind.value), source.ctypes.data_as(ctypes.c_void_p), packed.ctypes.data_as(ctypes.c_void_p),
        ctypes.c_int64(0), ctypes.c_int64(rows), ctypes.c_int64(width), ctypes.c_void_p(None),
    )
    assert written == packed.nbytes, (written, packed.nbytes)
    return packed


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("library")
    args = parser.parse_args()
    library = ctypes.CDLL(args.library)
    library.ggml_quantize_chunk.restype = ctypes.c_size_t
    reader = gguf.GGUFReader(args.source)
    writer = gguf.GGUFWriter(args.target, reader.fields["general.architecture"].contents())
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture":
            continue
        kind = field.types[0]
        writer.add_key_value(name, field.contents(), kind, field.types[1] if kind == gguf.GGUFValueType.ARRAY else None)
    counts = {kind: 0 for kind in TYPES}
    for tensor in reader.tensors:
        width = int(tensor.shape[0])
        if len(tensor.shape) < 2 or width % BLOCK != 0:
            writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
            continue
        kind = TYPES[sum(counts.values()) % len(TYPES)]
        counts[kind] += 1
        values = gguf.dequantize(tensor.data, tensor.tensor_type)
        writer.add_tensor(tensor.name, quantized(library, values, kind), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    print(", ".join(f"{count} matrices in {kind.name}" for kind, count in counts.items()))


if __name__ == "__main__":
    main()
