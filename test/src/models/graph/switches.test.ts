import { describe, expect, it } from 'vitest'
import type { LlamaConfig } from '../../../../src/models/checkpoint/families/llamaConfig.js'
import { chain, configOf, goldenPath, ids, openGraph } from './graphSession.js'

const gap = (a: readonly number[], b: readonly number[]) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)))

describe('every switch of the config', () => {
  const ropeOf = (path: string) => (configOf(goldenPath(path)) as LlamaConfig).ropeScaling
  const llama3 = ropeOf('llama3/lm')
  const yarn = ropeOf('mistral/reward')
  const longrope = ropeOf('phi3/lm')
  const windowed = [
    ...['mistral/lm', 'qwen2/lm', 'qwen2/reward', 'qwen3/reward', 'phi3/lm'],
    ...['gemma2/lm', 'gemma2/reward', 'gemma3/lm', 'gemma3/reward'],
  ]
  const switches: [string, string, Record<string, unknown>, tokens?: number][] = [
    ['rope_theta', 'grouped/lm', { ropeTheta: 10_000 }],
    ['attention_bias', 'biased/lm', { attentionBias: false }],
    ['mlp_bias', 'biased/lm', { mlpBias: false }],
    ['rms_norm_eps', 'biased/lm', { rmsNormEps: 1e-6 }],
    ['linear scaling', 'linear/reward', { ropeScaling: { type: 'none' } }],
    ['factor of linear scaling', 'linear/reward', { ropeScaling: { type: 'linear', factor: 2 } }],
    ['llama3 scaling', 'llama3/reward', { ropeScaling: { type: 'none' } }],
    ['factor of llama3 scaling', 'llama3/reward', { ropeScaling: { ...llama3, factor: 4 } }],
    ['low_freq_factor', 'llama3/reward', { ropeScaling: { ...llama3, lowFreqFactor: 2 } }],
    ['high_freq_factor', 'llama3/reward', { ropeScaling: { ...llama3, highFreqFactor: 8 } }],
    ['original_max_position_embeddings', 'llama3/reward', { ropeScaling: { ...llama3, originalMaxPositionEmbeddings: 32 } }],
    ['yarn scaling', 'mistral/reward', { ropeScaling: { type: 'none' } }],
    ['factor of yarn scaling', 'mistral/reward', { ropeScaling: { ...yarn, factor: 2 } }],
    ['attention_factor', 'mistral/reward', { ropeScaling: { ...yarn, attentionFactor: 1 } }],
    ['beta_fast', 'mistral/reward', { ropeScaling: { ...yarn, betaFast: 4 } }],
    ['beta_slow', 'mistral/reward', { ropeScaling: { ...yarn, betaSlow: 0.1 } }],
    ['truncate', 'mistral/reward', { ropeScaling: { ...yarn, truncate: false } }],
    ['long_factor', 'phi3/lm', { ropeScaling: { ...longrope, longFactor: [1, 1, 1, 1] } }],
    ['short_factor', 'phi3/lm', { ropeScaling: { ...longrope, shortFactor: [1, 1, 1, 1] } }, 40],
    [
      'original_max_position_embeddings of longrope',
      'phi3/lm',
      { ropeScaling: { ...longrope, originalMaxPositionEmbeddings: 60 } },
    ],
    ['partial_rotary_factor', 'phi3/lm', { rotaryDim: 4, ropeScaling: { type: 'none' } }, 40],
    ...windowed.flatMap((path): [string, string, Record<string, unknown>][] => {
      const { tokens, layers } = (configOf(goldenPath(path)) as LlamaConfig).slidingWindow!
      const other = layers.map((local, layer) => (layer === 0 ? !local : local))
      return [
        [`no sliding_window in ${path}`, path, { slidingWindow: undefined }],
        [`sliding_window of ${path}`, path, { slidingWindow: { tokens: tokens - 3, layers } }],
        [`layers with a window in ${path}`, path, { slidingWindow: { tokens, layers: other } }],
      ]
    }),
    ['attention_bias of Qwen3', 'qwen3/lm', { attentionBias: false }],
    ['rms_norm_eps of Qwen3', 'qwen3/lm', { rmsNormEps: 1e-6 }],
    ['query_pre_attn_scalar', 'gemma2/lm', { queryPreAttnScalar: 8 }],
    ['attn_logit_softcapping', 'gemma2/lm', { attnLogitSoftcapping: undefined }],
    ['final_logit_softcapping', 'gemma2/lm', { finalLogitSoftcapping: undefined }],
    ['attention_bias of Gemma 2', 'gemma2/reward', { attentionBias: false }],
    ['query_pre_attn_scalar of Gemma 3', 'gemma3/lm', { queryPreAttnScalar: 8 }],
    ['final_logit_softcapping of Gemma 3', 'gemma3/lm', { finalLogitSoftcapping: undefined }],
    ['positions of full layers', 'gemma3/lm', { ropeScaling: { type: 'none' } }],
    ['positions of local layers', 'gemma3/lm', { localRope: { ropeTheta: 10_000, ropeScaling: { type: 'none' }, rotaryDim: 8 } }],
    ['attention_bias of Gemma 3', 'gemma3/reward', { attentionBias: false }],
  ]

  it.each(switches)('%s changes the answer', async (_, path, changed, tokens = 60) => {
    const answers = await Promise.all(
      [{}, changed].map(async (change) => {
        const graph = await openGraph(goldenPath(path), change)
        const [answer] = await graph.run([chain(graph.empty(), ids(tokens))])
        return [...answer!.heads[0]!]
      }),
    )
    expect(gap(answers[0]!, answers[1]!)).toBeGreaterThan(1e-3)
  })
})
