import * as z from 'zod'
import { ModelError } from '../../../core/errors.js'
import { positiveInteger, positiveNumber } from '../readJson.js'
import { type Rope, type RopeFamily, type RopeFields, readRope, ropeFields } from './rope.js'
import type { SlidingWindow } from './slidingWindow.js'

/** What the head computes at a position: logits over the vocabulary, or one reward. */
export type Head = 'lm' | 'reward'

/**
 * A decoder with RMS norms, rotary positions and gated MLPs, as Llama and its descendants have them. Widths are in elements,
 * `contextLength` in tokens.
 */
export type DecoderConfig = Readonly<{
  head: Head
  hiddenSize: number
  intermediateSize: number
  layers: number
  heads: number
  /** Heads of keys and values. Each serves `heads / kvHeads` query heads. */
  kvHeads: number
  headDim: number
  /** Whether the feed-forward layer is gated: three products, not two. */
  gatedMlp: true
  rmsNormEps: number
  /** Whether the output projection shares the embedding's weights. */
  tieWordEmbeddings: boolean
  vocabSize: number
  contextLength: number
  slidingWindow?: SlidingWindow
}> &
  Rope

/** How config.json names a family of decoders, by type and class, and the function that reads its config. */
export type DecoderFamily = Readonly<{
  modelType: string
  languageModel: string
  rewardModel: string
  read: (json: Readonly<Record<string, unknown>>, head: Head, file: string) => Readonly<{ family: string; contextLength: number }>
}>

export const flag = z.boolean().nullish().describe('true or false')
const optionalInteger = positiveInteger.nullish().describe('an integer >= 1')

/** The fields of config.json that all these families have. */
export const decoderFields = {
  hidden_size: positiveInteger,
  intermediate_size: positiveInteger,
  num_hidden_layers: positiveInteger,
  num_attention_heads: positiveInteger,
  num_key_value_heads: optionalInteger,
  head_dim: optionalInteger,
  rms_norm_eps: positiveNumber.nullish().describe('a number > 0'),
  tie_word_embeddings: flag,
  vocab_size: positiveInteger,
  max_position_embeddings: optionalInteger,
  ...ropeFields,
}

// "swish" is another name for the same function.
export const silu = z.enum(['silu', 'swish']).nullish().describe('`silu` (this family supports no other activation)')

type Fields = z.output<z.ZodObject<typeof decoderFields>>

/** The defaults of transformers for absent fields. `kvHeads` and `headDim` follow from the other sizes unless a family sets them. */
export type DecoderDefaults = Readonly<{
  contextLength: number
  rmsNormEps?: number
  kvHeads?: number
  headDim?: number
  tieWordEmbeddings?: boolean
}>

/** Reads the sizes that all families have. */
export function readSizes(fields: Omit<Fields, keyof RopeFields>, head: Head, defaults: DecoderDefaults, file: string) {
  const { hidden_size: hiddenSize, num_attention_heads: heads } = fields
  const kvHeads = (fields.num_key_value_heads === undefined ? defaults.kvHeads : fields.num_key_value_heads) ?? heads
  if (heads % kvHeads !== 0)
    throw new ModelError(`Expected \`num_key_value_heads\` in ${file} to divide ${heads} attention heads, got \`${kvHeads}\``)
  const ownHeadDim = fields.head_dim ?? defaults.headDim
  if (ownHeadDim === undefined && hiddenSize % heads !== 0)
    throw new ModelError(
      `Expected \`hidden_size\` in ${file} to be a multiple of ${heads} attention heads, got \`${hiddenSize}\``,
    )
  return {
    head,
    hiddenSize,
    intermediateSize: fields.intermediate_size,
    layers: fields.num_hidden_layers,
    heads,
    kvHeads,
    headDim: ownHeadDim ?? hiddenSize / heads,
    gatedMlp: true as const,
    rmsNormEps: fields.rms_norm_eps ?? defaults.rmsNormEps ?? 1e-6,
    tieWordEmbeddings: fields.tie_word_embeddings ?? defaults.tieWordEmbeddings ?? false,
    vocabSize: fields.vocab_size,
    contextLength: fields.max_position_embeddings ?? defaults.contextLength,
  }
}

/** Reads the sizes and positions of a family with the same rotation in all layers. YaRN sets the context length itself. */
export function readDecoder(
  fields: Fields,
  head: Head,
  { rope, ...defaults }: DecoderDefaults & Readonly<{ rope?: Omit<RopeFamily, 'headDim' | 'contextLength'> }>,
  file: string,
) {
  const sizes = readSizes(fields, head, defaults, file)
  const read = readRope(fields, { ...sizes, ...rope }, file)
  const { ropeScaling: scaling } = read
  const stretched = scaling.type === 'yarn' ? Math.floor(scaling.factor * scaling.originalMaxPositionEmbeddings) : 0
  return { ...sizes, ...read, contextLength: Math.max(sizes.contextLength, stretched) }
}

/**
 * The width of a head in a family whose heads together are as wide as the model.
 *
 * @throws ModelError when the number of heads does not divide the width; it names the field
 */
export function wholeHeadDim(field: string, hiddenSize: number, heads: number, file: string): number {
  if (hiddenSize % heads === 0) return hiddenSize / heads
  throw new ModelError(`Expected \`${field}\` in ${file} to be a multiple of ${heads} attention heads, got \`${hiddenSize}\``)
}
