import * as z from 'zod'
import { ModelError } from '../../../core/errors.js'
import { labelFields, labelsOf } from '../heads/labels.js'
import { checkJson, positiveInteger } from '../readJson.js'
import { type Activation, activationField } from './activation.js'

export type EncoderFamily = 'bert' | 'roberta' | 'xlm-roberta'

/** An encoder: each token attends to all others, and nothing is cached. Widths are in elements, `contextLength` in tokens. */
export type EncoderConfig = Readonly<{
  family: EncoderFamily
  /** The labels of its classifier; empty if it has none. */
  labels: readonly string[]
  hiddenSize: number
  intermediateSize: number
  layers: number
  heads: number
  headDim: number
  activation: Activation
  layerNormEps: number
  vocabSize: number
  /** Number of token types, one for each text of a pair. */
  typeVocabSize: number
  /** Rows of the position table. */
  positions: number
  /** The position of padding. RoBERTa counts from the one after it; BERT counts from 0 and has none. */
  paddingPosition?: number
  contextLength: number
}>

type Architecture = Readonly<{ family: EncoderFamily; classifies: boolean }>

/** Architecture name in config.json → its family, and whether it has a classifier. The head of a masked language model is not used. */
export const encoderArchitectures: ReadonlyMap<string, Architecture> = new Map<string, Architecture>([
  ['BertModel', { family: 'bert', classifies: false }],
  ['BertForMaskedLM', { family: 'bert', classifies: false }],
  ['BertForSequenceClassification', { family: 'bert', classifies: true }],
  ['RobertaModel', { family: 'roberta', classifies: false }],
  ['RobertaForMaskedLM', { family: 'roberta', classifies: false }],
  ['RobertaForSequenceClassification', { family: 'roberta', classifies: true }],
  ['XLMRobertaModel', { family: 'xlm-roberta', classifies: false }],
  ['XLMRobertaForMaskedLM', { family: 'xlm-roberta', classifies: false }],
  ['XLMRobertaForSequenceClassification', { family: 'xlm-roberta', classifies: true }],
])

const never = z.literal(false).nullish().describe('false (cross-attention is not supported)')
const count = positiveInteger

const schema = z.looseObject({
  model_type: z.string(),
  hidden_size: count,
  intermediate_size: count,
  num_hidden_layers: count,
  num_attention_heads: count,
  hidden_act: activationField('gelu'),
  max_position_embeddings: count.nullish().describe('an integer >= 1'),
  type_vocab_size: count.nullish().describe('an integer >= 1'),
  layer_norm_eps: z.number().positive().nullish().describe('a number > 0'),
  vocab_size: count,
  pad_token_id: z.number().int().min(0).nullish().describe('a token id'),
  position_embedding_type: z.literal('absolute').nullish().describe('`absolute` (relative positions are not supported)'),
  is_decoder: never,
  add_cross_attention: never,
  ...labelFields,
})

/** The encoder architecture that a config.json names; undefined if it names another model. */
export function encoderOf(json: Readonly<Record<string, unknown>>): Architecture | undefined {
  const name = Array.isArray(json.architectures) ? json.architectures[0] : undefined
  return encoderArchitectures.get(String(name))
}

/**
 * Reads the config of an encoder. Absent fields take the defaults of transformers. Sizes have no default and are required.
 *
 * @throws ModelError with the field, the file, the expectation and the value
 * @see transformers 5 models/bert/configuration_bert.py, models/roberta/configuration_roberta.py
 */
export function readEncoderConfig(
  json: Readonly<Record<string, unknown>>,
  { family, classifies }: Architecture,
  file: string,
): EncoderConfig {
  const fields = checkJson(schema, json, file)
  const { hidden_size: hiddenSize, num_attention_heads: heads } = fields
  if (fields.model_type !== family)
    throw new ModelError(
      `Expected \`model_type\` in ${file} to be \`${family}\` for this architecture, got \`${fields.model_type}\``,
    )
  if (hiddenSize % heads !== 0)
    throw new ModelError(
      `Expected \`hidden_size\` in ${file} to be a multiple of ${heads} attention heads, got \`${hiddenSize}\``,
    )
  const positions = fields.max_position_embeddings ?? 512
  const padding = family === 'bert' ? undefined : (fields.pad_token_id ?? 1)
  const contextLength = positions - (padding === undefined ? 0 : padding + 1)
  if (contextLength < 1)
    throw new ModelError(`Expected \`max_position_embeddings\` in ${file} to be more than ${padding! + 1}, got \`${positions}\``)
  return {
    family,
    labels: classifies ? labelsOf(fields) : [],
    hiddenSize,
    intermediateSize: fields.intermediate_size,
    layers: fields.num_hidden_layers,
    heads,
    headDim: hiddenSize / heads,
    activation: fields.hidden_act,
    layerNormEps: fields.layer_norm_eps ?? 1e-12,
    vocabSize: fields.vocab_size,
    typeVocabSize: fields.type_vocab_size ?? 2,
    positions,
    ...(padding !== undefined && { paddingPosition: padding }),
    contextLength,
  }
}
