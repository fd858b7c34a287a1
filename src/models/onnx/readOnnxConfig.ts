import * as z from 'zod'
import { ModelError } from '../../core/errors.js'
import { labelFields, labelsOf } from '../checkpoint/heads/labels.js'
import { checkJson, positiveInteger } from '../checkpoint/readJson.js'

/** The part of config.json that an exported graph needs. The graph itself has the rest. */
export type OnnxConfig = Readonly<{ family: string; vocabSize: number; contextLength: number; labels: readonly string[] }>

const size = positiveInteger.nullish().describe('an integer >= 1')
/** Names of the context length in different families. */
const LENGTHS = ['max_position_embeddings', 'n_positions', 'n_ctx', 'max_seq_len', 'seq_length'] as const
/** Families whose first position is one more than the id of the padding token. */
const SHIFTED = ['roberta', 'xlm-roberta', 'camembert', 'xlm-roberta-xl']

const schema = z.looseObject({
  model_type: z.string().describe('the name of a family'),
  vocab_size: positiveInteger,
  ...labelFields,
  pad_token_id: z.number().int().nullish().describe('a token id'),
  ...(Object.fromEntries(LENGTHS.map((name) => [name, size])) as Record<(typeof LENGTHS)[number], typeof size>),
})

/**
 * Reads the config.json beside an exported graph, of any family.
 *
 * @throws ModelError for a bad field; the message has the file, what was expected and the value
 */
export function readOnnxConfig(json: unknown, file: string): OnnxConfig {
  const fields = checkJson(schema, json, file)
  const length = LENGTHS.map((name) => fields[name]).find((value) => value != null)
  if (length == null) throw new ModelError(`Expected the length of the context in ${file} (${LENGTHS.join(', ')}), found none`)
  const shift = SHIFTED.includes(fields.model_type) ? (fields.pad_token_id ?? 1) + 1 : 0
  return {
    family: fields.model_type,
    vocabSize: fields.vocab_size,
    contextLength: length - shift,
    labels: labelsOf(fields),
  }
}
