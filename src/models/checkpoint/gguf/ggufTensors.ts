import { type Tensors, tensorsOf } from '../weights/safetensors.js'
import type { Recipe, Tensor } from '../weights/storedTensor.js'
import type { Architecture } from './ggufConfig.js'
import type { Gguf } from './readGguf.js'

/** Tensor names of llama.cpp and transformers; `blk.*` is per layer. */
type Names = Readonly<{ layers: string; names: Readonly<Record<string, string>>; ofLayer: Readonly<Record<string, string>> }>

const decoder: Names = {
  layers: 'model.layers',
  names: {
    token_embd: 'model.embed_tokens',
    output_norm: 'model.norm',
    output: 'lm_head',
    'cls.output': 'score',
  },
  ofLayer: {
    attn_norm: 'input_layernorm',
    attn_q: 'self_attn.q_proj',
    attn_k: 'self_attn.k_proj',
    attn_v: 'self_attn.v_proj',
    attn_q_norm: 'self_attn.q_norm',
    attn_k_norm: 'self_attn.k_norm',
    attn_output: 'self_attn.o_proj',
    ffn_norm: 'post_attention_layernorm',
    ffn_gate: 'mlp.gate_proj',
    ffn_up: 'mlp.up_proj',
    ffn_down: 'mlp.down_proj',
  },
}

const gemma: Names = {
  ...decoder,
  ofLayer: {
    ...decoder.ofLayer,
    post_attention_norm: 'post_attention_layernorm',
    ffn_norm: 'pre_feedforward_layernorm',
    post_ffw_norm: 'post_feedforward_layernorm',
  },
}

const phi3: Names = {
  ...decoder,
  ofLayer: { ...decoder.ofLayer, attn_qkv: 'self_attn.qkv_proj', ffn_up: 'mlp.gate_up_proj' },
}

const gpt2: Names = {
  layers: 'transformer.h',
  names: {
    token_embd: 'transformer.wte',
    position_embd: 'transformer.wpe',
    output_norm: 'transformer.ln_f',
    output: 'lm_head',
    'cls.output': 'score',
  },
  ofLayer: {
    attn_norm: 'ln_1',
    attn_qkv: 'attn.c_attn',
    attn_output: 'attn.c_proj',
    ffn_norm: 'ln_2',
    ffn_up: 'mlp.c_fc',
    ffn_down: 'mlp.c_proj',
  },
}

const names: Readonly<Record<Architecture, Names>> = {
  llama: decoder,
  qwen2: decoder,
  qwen3: decoder,
  gemma2: gemma,
  gemma3: gemma,
  phi3,
  gpt2,
}

/** Translates a tensor's name to transformers. An unknown name goes under the body, where every tensor must be read. */
function renameTensor(name: string, { layers, names, ofLayer }: Names): string {
  const [, layer, part = '', kind] = /^(?:blk\.(\d+)\.)?(.+)\.(weight|bias)$/.exec(name) ?? []
  const translated = layer === undefined ? names[part] : ofLayer[part]
  if (translated === undefined) return `model.${name}`
  return `${layer === undefined ? translated : `${layers}.${layer}.${translated}`}.${kind}`
}

type Heads = Readonly<{ heads: number; kvHeads: number }>

/**
 * Undoes the changes of llama.cpp's converter: interleaved rows within heads of Llama's queries and keys, 1 added to Gemma's norms, transposed
 * matrices of GPT-2.
 *
 * @see llama.cpp convert_hf_to_gguf.py
 */
function recipeOf(
  name: string,
  architecture: Architecture,
  shape: readonly number[],
  { heads, kvHeads }: Heads,
): Recipe | undefined {
  if (architecture === 'llama' && /\.attn_[qk]\.(weight|bias)$/.test(name))
    return { interleavedHeads: name.includes('.attn_q.') ? heads : kvHeads }
  if (architecture.startsWith('gemma') && name.endsWith('norm.weight')) return { plus: -1 }
  if (architecture === 'gpt2' && name.startsWith('blk.') && shape.length === 2) return { transposed: true }
  return undefined
}

/**
 * The tensors of a GGUF file with the names and values of transformers.
 *
 * @param read names of the tensors that the config has read
 */
export function ggufTensors(
  { file, tensors }: Gguf,
  architecture: Architecture,
  heads: Heads,
  read: ReadonlySet<string>,
): Tensors {
  const located = [...tensors]
    .filter(([name]) => !read.has(name))
    .map(([name, stored]): [string, Tensor] => {
      const recipe = recipeOf(name, architecture, stored.shape, heads)
      const shape = recipe?.transposed ? [...stored.shape].reverse() : stored.shape
      return [renameTensor(name, names[architecture]), { ...stored, shape, ...(recipe && { recipe }) }]
    })
  return tensorsOf(new Map(located), file)
}
