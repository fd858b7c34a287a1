import * as z from 'zod'
import { ModelError } from '../../core/errors.js'
import { checkJson } from './readJson.js'

/** Where a model's replies end. */
export type GenerationConfig = Readonly<{
  /** All end tokens, in the order of the file; empty if the model names none. */
  endTokenIds: readonly number[]
  stopStrings: readonly string[]
  /** Messages about settings that would change a decode and are not applied. */
  notices: readonly string[]
}>

/** Settings of transformers' `generate` that change the next token or the end of a reply, with the values that change nothing. */
const DECODING: ReadonlyMap<string, readonly unknown[]> = new Map<string, readonly unknown[]>([
  ...(['do_sample', 'renormalize_logits', 'remove_invalid_values', 'token_healing'] as const).map(
    (name) => [name, [false]] as const,
  ),
  ...(['temperature', 'top_p', 'typical_p', 'repetition_penalty', 'encoder_repetition_penalty'] as const).map(
    (name) => [name, [1]] as const,
  ),
  ...(['length_penalty', 'diversity_penalty', 'num_beams', 'num_beam_groups', 'guidance_scale'] as const).map(
    (name) => [name, [0, 1]] as const,
  ),
  ...(['top_k', 'min_p', 'top_h', 'epsilon_cutoff', 'eta_cutoff', 'penalty_alpha', 'no_repeat_ngram_size'] as const).map(
    (name) => [name, [0]] as const,
  ),
  ...(['encoder_no_repeat_ngram_size', 'min_length', 'min_new_tokens', 'prompt_lookup_num_tokens'] as const).map(
    (name) => [name, [0]] as const,
  ),
  ...(['suppress_tokens', 'begin_suppress_tokens', 'bad_words_ids', 'force_words_ids', 'constraints'] as const).map(
    (name) => [name, []] as const,
  ),
  ...(['forced_bos_token_id', 'forced_eos_token_id', 'forced_decoder_ids', 'sequence_bias'] as const).map(
    (name) => [name, []] as const,
  ),
  ...(['exponential_decay_length_penalty', 'watermarking_config', 'dola_layers', 'max_time'] as const).map(
    (name) => [name, []] as const,
  ),
  ...(['early_stopping', 'custom_generate'] as const).map((name) => [name, [false]] as const),
])

const isEmpty = (value: unknown): boolean =>
  value === null || value === undefined || (typeof value === 'object' && Object.keys(value).length === 0)

/** transformers ignores these settings unless it samples. */
const SAMPLING = ['temperature', 'top_p', 'top_k', 'min_p', 'top_h', 'typical_p', 'epsilon_cutoff', 'eta_cutoff']

function decodingNotices({ json, file }: JsonFile): string[] {
  const samples = json.do_sample === true
  const settings = [...DECODING].filter(
    ([name, harmless]) => !isEmpty(json[name]) && !harmless.includes(json[name]) && (samples || !SAMPLING.includes(name)),
  )
  if (settings.length === 0) return []
  const names = settings.map(([name]) => `\`${name}\``).join(', ')
  return [`Settings of ${file} that are not applied, because the decoder and its options decide: ${names}`]
}

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
 * Reads end tokens and stop strings from generation_config.json, or from config.json if it has none. Other settings that change a decode
 * (sampling, penalties, forbidden tokens) are not applied: a run sets its own, and the paper's decoders read the model's own logits.
 * `notices` names those settings.
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
  const notices = decodingNotices(generation ?? config)
  return { endTokenIds, stopStrings: listOf(stops?.stop_strings), notices }
}
