import * as z from 'zod'
import { ModelError } from '../../core/errors.js'
import { checkJson } from './readJson.js'

/** How a model wants its decoding to end. */
export type GenerationConfig = Readonly<{
  /** Every end token, in the order of the file; empty when the model names none. */
  endTokenIds: readonly number[]
  stopStrings: readonly string[]
}>

const id = z.number().int().nonnegative()
const text = z.string().min(1)

const schema = z.looseObject({
  eos_token_id: z
    .union([id, z.array(id)])
    .nullish()
    .describe('a token id or a list of them'),
  stop_strings: z
    .union([text, z.array(text)])
    .nullish()
    .describe('a string or a list of strings'),
})

const listOf = <T extends string | number>(value: T | readonly T[] | null | undefined): readonly T[] =>
  value == null ? [] : [...new Set([value].flat() as T[])]

export type JsonFile = Readonly<{ json: Readonly<Record<string, unknown>>; file: string }>

/**
 * Reads end tokens and stop strings from generation_config.json, each from config.json where that has none. Sampling
 * defaults of the file (temperature, lengths and the like) are not taken over: a run says what it does itself.
 *
 * @throws ModelError when a field is of the wrong type or an end token lies outside the vocabulary
 */
export function readGenerationConfig(config: JsonFile, generation: JsonFile | undefined, vocabSize: number): GenerationConfig {
  const sources = [generation, config].filter((source) => source !== undefined)
  const read = sources.map(({ json, file }) => ({ ...checkJson(schema, json, file), file }))
  const ends = read.find(({ eos_token_id: ids }) => ids != null)
  const stops = read.find(({ stop_strings: strings }) => strings != null)
  const endTokenIds = listOf(ends?.eos_token_id)
  const outside = endTokenIds.find((endId) => endId >= vocabSize)
  if (outside !== undefined)
    throw new ModelError(
      `Expected \`eos_token_id\` in ${ends?.file} to be below the vocabulary size ${vocabSize}, got \`${outside}\``,
    )
  return { endTokenIds, stopStrings: listOf(stops?.stop_strings) }
}
