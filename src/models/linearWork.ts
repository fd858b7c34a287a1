import type { ModelConfig } from './checkpoint/families/config.js'
import type { EncoderConfig } from './checkpoint/families/encoderConfig.js'
import type { SessionRun } from './runtime/watch.js'

/** Cost of a run's linear layers, without attention. */
export type LinearWork = Readonly<{
  /** Floating-point operations: a multiplication and an addition per weight and token. */
  flops: (run: Pick<SessionRun, 'tokens' | 'reads'>) => number
  /** Bytes of fp32 weights that a run reads at least once, including the head. */
  bytes: number
}>

/** Cost of a decoder's runs. After the last attention only the tokens to read continue. */
export function linearWork(config: ModelConfig): LinearWork {
  const width = 'embeddingSize' in config ? config.embeddingSize : config.hiddenSize
  const { hiddenSize, intermediateSize, layers, heads, kvHeads, headDim, vocabSize } = config
  const inputs = hiddenSize * (heads + 2 * kvHeads) * headDim
  const rest = heads * headDim * hiddenSize + (config.gatedMlp ? 3 : 2) * hiddenSize * intermediateSize
  const projection = width === hiddenSize ? 0 : width * hiddenSize
  const head = width * (config.head === 'lm' ? vocabSize : 1)
  return workOf(
    ({ tokens, reads }) =>
      2 * (tokens * (projection + layers * inputs + (layers - 1) * rest) + reads * (rest + projection + head)),
  )
}

/** Cost of an encoder's runs. Every token goes through all layers. */
export function encoderWork({ hiddenSize, intermediateSize, layers }: EncoderConfig): LinearWork {
  const layer = 4 * hiddenSize * hiddenSize + 2 * hiddenSize * intermediateSize
  return workOf(({ tokens }) => 2 * tokens * layers * layer)
}

/** One token costs two operations per weight of four bytes. */
const workOf = (flops: LinearWork['flops']): LinearWork => ({ flops, bytes: 2 * flops({ tokens: 1, reads: 1 }) })
