import * as z from 'zod'
import { ModelError } from '../../../core/errors.js'
import { positiveInteger, positiveNumber } from '../readJson.js'
import { type Rope, type RopeFamily, type RopeFields, readRope, ropeFields } from './rope.js'
import type { SlidingWindow } from './slidingWindow.js'

/** What is read at a position: logits over the vocabulary, or one reward. */
export type Head = 'lm' | 'reward'

/**
 * A decoder with RMS norms, rotary positions and gated MLPs: what Llama and its descendants have in common. Widths are in elements,
 * `contextLength` in tokens.
 */
export type DecoderConfig = Readonly<{
  head: Head
  hiddenSize: number
  intermediateSize: number
  layers: number
  heads: number
  /** Heads of keys and values; each serves `heads / kvHeads` query heads. */
  kvHeads: number
  headDim: number
  /** Whether the feed-forward layer is gated: three products, not two. */
  gatedMlp: true
  rmsNormEps: number
  /** Whether the output projection is the embedding. */
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

/** Fields of config.json that all of them have. */
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

// "swish" is another name of the same function.
export const silu = z.enum(['silu', 'swish']).nullish().describe('`silu` (no other activation is built for this family)')

type Fields = z.output<z.ZodObject<typeof decoderFields>>

/** What transformers takes for a field that the file leaves out; without `kvHeads` and `headDim` they follow from the others. */
export type DecoderDefaults = Readonly<{
  contextLength: number
  rmsNormEps?: number
  kvHeads?: number
  headDim?: number
  tieWordEmbeddings?: boolean
}>

/** The sizes that the fields give, without what is particular to a family. */
export function readSizes(fields: Omit<Fields, keyof RopeFields>, head: Head, defaults: DecoderDefaults, file: string) {
  const { hidden_size: hiddenSize, num_attention_heads: heads } = fields
  const kvHeads = (fields.num_key_value_heads === undefined ? defaults.kvHeads : fields.num_key_value_heads) ?? heads
  if (heads % kvHeads !== 0)
    throw new ModelError(`Expected \`num_key_value_heads\` in ${file} to divide ${heads} attention heads, got \`${kvHeads}\``)
  const wide = fields.head_dim ?? defaults.headDim
  if (wide === undefined && hiddenSize % heads !== 0)
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
    headDim: wide ?? hiddenSize / heads,
    gatedMlp: true as const,
    rmsNormEps: fields.rms_norm_eps ?? defaults.rmsNormEps ?? 1e-6,
    tieWordEmbeddings: fields.tie_word_embeddings ?? defaults.tieWordEmbeddings ?? false,
    vocabSize: fields.vocab_size,
    contextLength: fields.max_position_embeddings ?? defaults.contextLength,
  }
}

/** Sizes and positions of a family whose layers all rotate alike. YaRN says itself how long the context becomes. */
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
 * Width of a head where all heads together are as wide as the model.
 *
 * @throws ModelError naming the field of the model's width, when heads do not divide it
 */
export function wholeHeadDim(field: string, hiddenSize: number, heads: number, file: string): number {
  if (hiddenSize % heads === 0) return hiddenSize / heads
  throw new ModelError(`Expected \`${field}\` in ${file} to be a multiple of ${heads} attention heads, got \`${hiddenSize}\``)
}
