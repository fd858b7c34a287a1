"""A Llama as an ONNX graph of the runtime's fused operators, as model builders for the hub's web and mobile models write it."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

MICROSOFT = "com.microsoft"


def grouped_graph(model) -> onnx.ModelProto:
    """`model`: a LlamaForCausalLM with the default rotary embedding and no biases. GroupQueryAttention rotates, and holds the order."""
    config, weights = model.config, {name: value.detach().numpy() for name, value in model.state_dict().items()}
    heads, kv, width = config.num_attention_heads, config.num_key_value_heads, config.head_dim
    nodes, tensors = [], {}

    def constant(name, value):
        tensors[name] = numpy_helper.from_array(np.ascontiguousarray(value), name)
        return name

    def node(op, inputs, output, domain="", **attributes):
        nodes.append(helper.make_node(op, inputs, output if isinstance(output, list) else [output], domain=domain, **attributes))
        return output

    def linear(value, name, output):
        return node("MatMul", [value, constant(name, weights[f"{name}.weight"].T)], output)

    def norm(value, name, output):
        inputs = [value, constant(name, weights[f"{name}.weight"])]
        return node("SimplifiedLayerNormalization", inputs, output, axis=-1, epsilon=config.rms_norm_eps)

    frequencies = config.rope_theta ** -(np.arange(0, width, 2) / width)
    angles = np.arange(config.max_position_embeddings)[:, None] * frequencies[None]
    tables = [constant("cos", np.cos(angles).astype(np.float32)), constant("sin", np.sin(angles).astype(np.float32))]
    axis, one = constant("axis", np.array([1])), constant("one", np.array(1))
    node("ReduceSum", ["attention_mask", axis], "counts", keepdims=0)
    node("Cast", [node("Sub", ["counts", one], "last")], "seqlens_k", to=TensorProto.INT32)
    node("Gather", [node("Shape", ["attention_mask"], "sizes"), one], "total")
    node("Cast", ["total"], "total_sequence_length", to=TensorProto.INT32)

    hidden = node("Gather", [constant("embedding", weights["model.embed_tokens.weight"]), "input_ids"], "embedded")
    for layer in range(config.num_hidden_layers):
        path = f"model.layers.{layer}"
        normed = norm(hidden, f"{path}.input_layernorm", f"{layer}.normed")
        parts = [linear(normed, f"{path}.self_attn.{one}_proj", f"{layer}.{one}") for one in "qkv"]
        past = [f"past_key_values.{layer}.{one}" for one in ("key", "value")]
        attended = [f"{layer}.attended", f"present.{layer}.key", f"present.{layer}.value"]
        inputs = [*parts, *past, "seqlens_k", "total_sequence_length", *tables]
        node("GroupQueryAttention", inputs, attended, MICROSOFT, num_heads=heads, kv_num_heads=kv, do_rotary=1)
        mixed = linear(attended[0], f"{path}.self_attn.o_proj", f"{layer}.mixed")
        after = constant(f"{path}.post", weights[f"{path}.post_attention_layernorm.weight"])
        outputs = [f"{layer}.renormed", "", "", f"{layer}.middle"]
        skip = {"epsilon": config.rms_norm_eps}
        node("SkipSimplifiedLayerNormalization", [hidden, mixed, after], outputs, MICROSOFT, **skip)
        gate = linear(outputs[0], f"{path}.mlp.gate_proj", f"{layer}.gate")
        silu = node("Mul", [gate, node("Sigmoid", [gate], f"{layer}.sigmoid")], f"{layer}.silu")
        up = node("Mul", [silu, linear(outputs[0], f"{path}.mlp.up_proj", f"{layer}.up")], f"{layer}.fed")
        hidden = node("Add", [outputs[3], linear(up, f"{path}.mlp.down_proj", f"{layer}.down")], f"{layer}.out")
    linear(norm(hidden, "model.norm", "normed"), "lm_head", "logits")

    def cache(name, length):
        names = [f"{name}.{layer}.{one}" for layer in range(config.num_hidden_layers) for one in ("key", "value")]
        return [helper.make_tensor_value_info(each, TensorProto.FLOAT, ["B", kv, length, width]) for each in names]

    ids = [helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["B", "S"])]
    mask = [helper.make_tensor_value_info("attention_mask", TensorProto.INT64, ["B", "total"])]
    logits = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["B", "S", config.vocab_size])]
    inputs = [*ids, *mask, *cache("past_key_values", "past")]
    graph = helper.make_graph(nodes, "grouped", inputs, [*logits, *cache("present", "total")], list(tensors.values()))
    opsets = [helper.make_opsetid("", 18), helper.make_opsetid(MICROSOFT, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)
