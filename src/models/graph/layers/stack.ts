import type { GraphBuilder, Value } from '../builder.js'
import type { Weights } from '../weights.js'
import type { DecoderFrame } from './decoder.js'
import { embedding } from './embedding.js'
import { type HeadSize, head, readsEmbedding } from './head.js'
import { type RmsNormSize, rmsNorm } from './rmsNorm.js'

export type Stack = HeadSize &
  Readonly<{
    layers: number
    /** The norm before the head. */
    norm: RmsNormSize
    /** Factor of the embeddings. */
    embeddingScale?: number
    /** Bound of the logits. */
    softCap?: number | undefined
  }>

/** One layer: hidden states [N, 1, hidden] → [N, 1, hidden], the last one [R, 1, hidden]. `path`: prefix of its weights. */
export type Layer = (at: Readonly<{ graph: GraphBuilder; layer: number; path: string; hidden: Value }>) => Value

/** Embedding, layers, last norm and head. */
export function stack(whole: GraphBuilder, weights: Weights, { inputIds }: DecoderFrame, size: Stack, write: Layer): void {
  const { vocabSize, hiddenSize, layers, norm, embeddingScale, softCap } = size
  const table = [vocabSize, hiddenSize] as const
  let hidden = embedding(whole, weights, inputIds, 'model.embed_tokens.weight', table, {
    scale: embeddingScale,
    shared: readsEmbedding(weights, size),
  })
  for (let layer = 0; layer < layers; layer++)
    hidden = write({ graph: whole.scope(`layers.${layer}`), layer, path: `model.layers.${layer}`, hidden })
  head(whole, weights, rmsNorm(whole.scope('head'), weights, hidden, 'model.norm', norm), size, softCap)
}
