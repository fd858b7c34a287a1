import * as z from 'zod'
import { ModelError } from '../../../core/errors.js'
import { positiveInteger, positiveNumber } from '../readJson.js'
import type { Activation } from './activation.js'
import { type Rope, type RopeFamily, type RopeFields, readRope, ropeFields } from './rope.js'
import type { SlidingWindow } from './slidingWindow.js'

/** The head's output at a position: logits over the vocabulary, or one reward. */
export type Head = 'lm' | 'reward'

/** The sizes of a decoder. Widths are in elements, `contextLength` in tokens. */
export type DecoderSizes = Readonly<{
  head: Head
  hiddenSize: number
  intermediateSize: number
  layers: number
  heads: number
  /** Heads of keys and values. Each serves `heads / kvHeads` query heads. */
  kvHeads: number
  headDim: number
  /** Whether the output projection shares the embedding's weights. */
  tieWordEmbeddings: boolean
  vocabSize: number
  contextLength: number
}>

/** A decoder with RMS norms, rotary positions and gated MLPs: Llama and its descendants. */
export type DecoderConfig = DecoderSizes &
  Rope &
  Readonly<{
    /** Whether the feed-forward layer is gated: three products, not two. */
    gatedMlp: true
    rmsNormEps: number
    slidingWindow?: SlidingWindow
  }>

/** A decoder with an ungated feed-forward layer and one key head per query head: GPT-2, GPT-NeoX and OPT. */
export type PlainDecoderConfig = DecoderSizes & Readonly<{ gatedMlp: false; activation: Activation }>

/** How config.json names a family of decoders, by type and class, and the function that reads its config. */
export type DecoderFamily = Readonly<{
  modelType: string
  languageModel: string
  rewardModel: string
  read: (json: Readonly<Record<string, unknown>>, head: Head, file: string) => Readonly<{ family: string; contextLength: number }>
}>

export const flag = z.boolean().nullish().describe('true or false')
const optionalInteger = positiveInteger.nullish().describe('an integer >= 1')

/** The usual fields of config.json for sizes. Only GPT-2 has other names. */
export const sizeFields = {
  hidden_size: positiveInteger,
  num_hidden_layers: positiveInteger,
  num_attention_heads: positiveInteger,
  tie_word_embeddings: flag,
  vocab_size: positiveInteger,
  max_position_embeddings: optionalInteger,
}

/** The fields of config.json for Llama and its descendants. */
export const decoderFields = {
  ...sizeFields,
  intermediate_size: positiveInteger,
  num_key_value_heads: optionalInteger,
  head_dim: optionalInteger,
  rms_norm_eps: positiveNumber.nullish().describe('a number > 0'),
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

/** Reads the sizes of Llama and its descendants. */
export function readSizes(fields: Omit<Fields, keyof RopeFields>, head: Head, defaults: DecoderDefaults, file: string) {
  const { hidden_size: hiddenSize, num_attention_heads: heads } = fields
  const kvHeads = (fields.num_key_value_heads === undefined ? defaults.kvHeads : fields.num_key_value_heads) ?? heads
  if (heads % kvHeads !== 0)
    throw new ModelError(`Expected \`num_key_value_heads\` in ${file} to divide ${heads} attention heads, got \`${kvHeads}\``)
  return {
    head,
    hiddenSize,
    intermediateSize: fields.intermediate_size,
    layers: fields.num_hidden_layers,
    heads,
    kvHeads,
    headDim: fields.head_dim ?? defaults.headDim ?? wholeHeadDim('hidden_size', hiddenSize, heads, file),
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
 * Completes the sizes of a decoder without gates and key groups.
 *
 * @param field name of `hiddenSize` in config.json, for the message
 * @throws ModelError if the number of heads does not divide `hiddenSize`
 */
export function plainDecoder(
  sizes: Omit<PlainDecoderConfig, 'kvHeads' | 'headDim' | 'gatedMlp'>,
  field: string,
  file: string,
): PlainDecoderConfig {
  const { hiddenSize, heads } = sizes
  return { ...sizes, kvHeads: heads, headDim: wholeHeadDim(field, hiddenSize, heads, file), gatedMlp: false }
}

/** The width of a head if all heads together are as wide as the model. */
function wholeHeadDim(field: string, hiddenSize: number, heads: number, file: string): number {
  if (hiddenSize % heads === 0) return hiddenSize / heads
  throw new ModelError(`Expected \`${field}\` in ${file} to be a multiple of ${heads} attention heads, got \`${hiddenSize}\``)
}
