import type { ModelConfig } from './checkpoint/config.js'
import type { EncoderConfig } from './checkpoint/encoderConfig.js'
import type { SessionRun } from './runtime/protocol.js'

/** Families whose feed-forward layer is two products, not three. */
const ungated: ReadonlySet<ModelConfig['family']> = new Set(['opt', 'gpt2', 'gpt_neox'])

/**
 * Floating-point operations of a run's linear layers, a multiplication and an addition for each weight and token. After the last attention
 * only the tokens that are read go on. Attention is not counted.
 */
export function linearFlops(config: ModelConfig): (run: Pick<SessionRun, 'tokens' | 'reads'>) => number {
  const width = 'embeddingSize' in config ? config.embeddingSize : config.hiddenSize
  const { hiddenSize, intermediateSize, layers, heads, kvHeads, headDim, vocabSize } = config
  const inputs = hiddenSize * (heads + 2 * kvHeads) * headDim
  const rest = heads * headDim * hiddenSize + (ungated.has(config.family) ? 2 : 3) * hiddenSize * intermediateSize
  const projection = width === hiddenSize ? 0 : width * hiddenSize
  const head = width * (config.head === 'lm' ? vocabSize : 1)
  return ({ tokens, reads }) =>
    2 * (tokens * (projection + layers * inputs + (layers - 1) * rest) + reads * (rest + projection + head))
}

/** The same of an encoder's runs: every token goes through all layers. */
export function encoderFlops({
  hiddenSize,
  intermediateSize,
  layers,
}: EncoderConfig): (run: Pick<SessionRun, 'tokens'>) => number {
  const layer = 4 * hiddenSize * hiddenSize + 2 * hiddenSize * intermediateSize
  return ({ tokens }) => 2 * tokens * layers * layer
}
