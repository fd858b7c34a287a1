import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { writeSafetensors } from '../../../../../src/models/checkpoint/writeRandomPair.js'
import { chain, openGraph, tree } from '../graphSession.js'

type Shapes = readonly (readonly [name: string, shape: readonly number[]])[]

const [D, FFN, VOCABULARY, CONTEXT] = [32, 64, 96, 40]
const pair = (name: string, shape: readonly number[]): Shapes => [
  [`${name}.weight`, shape],
  [`${name}.bias`, [shape.length === 1 ? D : shape[0]!]],
]
const conv1d = (name: string, from: number, to: number): Shapes => [
  [`${name}.weight`, [from, to]],
  [`${name}.bias`, [to]],
]

const models: Readonly<Record<string, Readonly<{ config: Record<string, unknown>; shapes: Shapes }>>> = {
  opt: {
    config: {
      ...{ architectures: ['OPTForCausalLM'], hidden_size: D, ffn_dim: FFN, num_hidden_layers: 1, num_attention_heads: 2 },
      ...{ max_position_embeddings: CONTEXT, word_embed_proj_dim: 64 },
    },
    shapes: [
      ['decoder.embed_tokens.weight', [VOCABULARY, 64]],
      ['decoder.embed_positions.weight', [CONTEXT + 2, D]],
      ['decoder.project_in.weight', [D, 64]],
      ['decoder.project_out.weight', [64, D]],
      ...['q_proj', 'k_proj', 'v_proj', 'out_proj'].flatMap((name) => pair(`decoder.layers.0.self_attn.${name}`, [D, D])),
      ...pair('decoder.layers.0.fc1', [FFN, D]),
      ...pair('decoder.layers.0.fc2', [D, FFN]),
      ...['layers.0.self_attn_layer_norm', 'layers.0.final_layer_norm', 'final_layer_norm'].flatMap((name) =>
        pair(`decoder.${name}`, [D]),
      ),
    ],
  },
  gpt2: {
    config: { architectures: ['GPT2LMHeadModel'], n_embd: D, n_inner: FFN, n_layer: 1, n_head: 2, n_positions: CONTEXT },
    shapes: [
      ['wte.weight', [VOCABULARY, D]],
      ['wpe.weight', [CONTEXT, D]],
      ...conv1d('h.0.attn.c_attn', D, 3 * D),
      ...conv1d('h.0.attn.c_proj', D, D),
      ...conv1d('h.0.mlp.c_fc', D, FFN),
      ...conv1d('h.0.mlp.c_proj', FFN, D),
      ...['h.0.ln_1', 'h.0.ln_2', 'ln_f'].flatMap((name) => pair(name, [D])),
    ],
  },
  gpt_neox: {
    config: {
      ...{ architectures: ['GPTNeoXForCausalLM'], hidden_size: D, intermediate_size: FFN, num_hidden_layers: 1 },
      ...{ num_attention_heads: 2, max_position_embeddings: CONTEXT },
    },
    shapes: [
      ['gpt_neox.embed_in.weight', [VOCABULARY, D]],
      ['embed_out.weight', [VOCABULARY, D]],
      ...pair('gpt_neox.layers.0.attention.query_key_value', [3 * D, D]),
      ...pair('gpt_neox.layers.0.attention.dense', [D, D]),
      ...pair('gpt_neox.layers.0.mlp.dense_h_to_4h', [FFN, D]),
      ...pair('gpt_neox.layers.0.mlp.dense_4h_to_h', [D, FFN]),
      ...['layers.0.input_layernorm', 'layers.0.post_attention_layernorm', 'final_layer_norm'].flatMap((name) =>
        pair(`gpt_neox.${name}`, [D]),
      ),
    ],
  },
}

const scratch = mkdtemp(join(tmpdir(), 'rxargs-quantized-'))
afterAll(async () => rm(await scratch, { recursive: true }))

describe.each(Object.keys(models))('weights of %s in 8 and 4 bits', (family) => {
  const { config, shapes } = models[family]!
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(await scratch, `${family}-`))
    await writeFile(join(folder, 'config.json'), JSON.stringify({ ...config, model_type: family, vocab_size: VOCABULARY }))
    await writeSafetensors(join(folder, 'model.safetensors'), shapes, (shape, tensor) => {
      const length = shape.reduce((product, side) => product * side, 1)
      return Float32Array.from({ length }, (_, i) => Math.sin(12.9898 * i + 78.233 * tensor + (i * i) / 97) / 3)
    })
  })

  const logitsOf = async (dtype: 'fp32' | 'q8' | 'q4') => {
    const graph = await openGraph(folder, {}, dtype)
    const prompt = chain(graph.empty(), [3, 1, 4, 15, 9, 26, 5])
    const [first] = await graph.run([prompt])
    const [second] = await graph.run([tree(graph.grown(prompt, first!), [35, 8, 9])])
    await graph.session.release()
    return [...first!.heads, ...second!.heads].flatMap((values) => [...values])
  }

  it.each([
    ['q8', 0.03],
    ['q4', 0.4],
  ] as const)('give nearly the logits of those in fp32 (%s)', async (dtype, most) => {
    const [exact, rounded] = [await logitsOf('fp32'), await logitsOf(dtype)]
    const largest = Math.max(...exact.map(Math.abs))
    const gap = Math.max(...exact.map((value, i) => Math.abs(value - rounded[i]!)))
    expect(gap).toBeGreaterThan(0)
    expect(gap / largest).toBeLessThan(most)
  })
})
