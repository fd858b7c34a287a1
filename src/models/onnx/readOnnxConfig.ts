import * as z from 'zod'
import { ModelError } from '../../core/errors.js'
import { labelFields, labelsOf } from '../checkpoint/heads/labels.js'
import { checkJson, positiveInteger } from '../checkpoint/readJson.js'

/** What a ready graph's config.json is asked for; the graph itself says the rest. */
export type OnnxConfig = Readonly<{ family: string; vocabSize: number; contextLength: number; labels: readonly string[] }>

const size = positiveInteger.nullish().describe('an integer >= 1')
/** What families call the length of their context. */
const LENGTHS = ['max_position_embeddings', 'n_positions', 'n_ctx', 'max_seq_len', 'seq_length'] as const
/** Families that number positions from behind the padding token's id. */
const SHIFTED = ['roberta', 'xlm-roberta', 'camembert', 'xlm-roberta-xl']

const schema = z.looseObject({
  model_type: z.string().describe('the name of a family'),
  vocab_size: positiveInteger,
  ...labelFields,
  pad_token_id: z.number().int().nullish().describe('a token id'),
  ...(Object.fromEntries(LENGTHS.map((name) => [name, size])) as Record<(typeof LENGTHS)[number], typeof size>),
})

/**
 * Reads the config.json that lies beside a ready graph. Any family will do.
 *
 * @throws ModelError naming the field, the file, what was expected and what is there
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
