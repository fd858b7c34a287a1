import * as z from 'zod'
import { ModelError } from '../../../core/errors.js'
import { checkJson } from '../readJson.js'
import { chooseTemplate, type FoundTemplate } from '../template/readTemplate.js'
import { type PreTokenizer, preTokenizerJson, preTokenizers } from './preTokenizers.js'
import type { Gguf } from './readGguf.js'
import { sentencePieceMerges } from './sentencePieceMerges.js'

const [CONTROL, USER_DEFINED] = [3, 4]

const PREFIX = 'tokenizer.ggml.'
const strings = z.array(z.string()).describe('a list of strings')
const numbers = z.array(z.number()).describe('a list of numbers')
const id = z.int().min(0).optional().describe('a token id')
const flag = z.boolean().optional().describe('true or false')

const schema = z.looseObject({
  'tokenizer.ggml.model': z.literal(['gpt2', 'llama']).describe('gpt2 (byte-level BPE) or llama (SentencePiece)'),
  'tokenizer.ggml.pre': z.string().optional().describe('a string'),
  'tokenizer.ggml.tokens': strings,
  'tokenizer.ggml.merges': strings.optional(),
  'tokenizer.ggml.scores': numbers.optional(),
  'tokenizer.ggml.token_type': numbers.optional(),
  'tokenizer.ggml.bos_token_id': id,
  'tokenizer.ggml.eos_token_id': id,
  'tokenizer.ggml.unknown_token_id': id,
  'tokenizer.ggml.padding_token_id': id,
  'tokenizer.ggml.add_bos_token': flag,
  'tokenizer.ggml.add_eos_token': flag,
  'tokenizer.ggml.add_space_prefix': flag,
  'tokenizer.ggml.remove_extra_whitespaces': z.literal(false).optional().describe('false (this normalizer is not supported)'),
  'tokenizer.ggml.precompiled_charsmap': z
    .undefined()
    .optional()
    .describe('absent (tables of characters in GGUF files are not supported)'),
  'tokenizer.chat_template': z.string().optional().describe('a template'),
})

/** Fields without their prefix. */
type Fields = Readonly<{ pre?: string; tokens: readonly string[]; kinds: readonly number[] }> & z.output<typeof schema>

/** A tokenizer's parts in the form of tokenizer.json. */
type Parts = Readonly<{
  normalizer: object | null
  pre_tokenizer: object | null
  decoder: object
  model: object
  begins: boolean
}>

/**
 * Reads tokenizer and chat template of a GGUF file as the original model has them. Control tokens are special. Control and user-defined tokens match before a text
 * is split.
 *
 * @throws ModelError if the tokenizer is missing, of an unsupported kind, or inconsistent
 * @see llama.cpp src/llama-vocab.cpp; transformers 5 integrations/gguf/gguf_tokenizer_mapping.py
 */
export function ggufTokenizer({ metadata, file }: Gguf) {
  const read = checkJson(schema, metadata, file)
  const { 'tokenizer.ggml.tokens': tokens, 'tokenizer.ggml.token_type': kinds = tokens.map(() => 1) } = read
  if (kinds.length !== tokens.length)
    throw new ModelError(`Expected a \`${PREFIX}token_type\` for each of ${tokens.length} tokens in ${file}, got ${kinds.length}`)
  const fields: Fields = { ...read, tokens, kinds }
  const { begins, ...parts } =
    read['tokenizer.ggml.model'] === 'gpt2' ? byteLevel(fields, file) : sentencePiece(fields, metadata, file)
  const addedTokens = tokens.flatMap((content, index) =>
    kinds[index] === CONTROL || kinds[index] === USER_DEFINED
      ? [{ id: index, content, special: kinds[index] === CONTROL, normalized: false }]
      : [],
  )
  const addedIds = new Set(addedTokens.map((token) => token.id))
  const textOf = (role: 'bos' | 'eos' | 'unknown' | 'padding'): string | undefined => {
    const at = read[`tokenizer.ggml.${role}_token_id`]
    if (at === undefined) return undefined
    if (at >= tokens.length)
      throw new ModelError(`Expected \`${PREFIX}${role}_token_id\` in ${file} to be below ${tokens.length}, got ${at}`)
    return tokens[at]
  }
  const roles = { bos_token: textOf('bos'), eos_token: textOf('eos'), unk_token: textOf('unknown'), pad_token: textOf('padding') }
  const around = (role: 'bos' | 'eos', isAdded: boolean): readonly string[] => {
    if (!isAdded) return []
    const text = roles[`${role}_token`]
    if (text === undefined)
      throw new ModelError(`Expected \`${PREFIX}${role}_token_id\` in ${file}, because texts get that token, found none`)
    return [text]
  }
  const before = around('bos', read['tokenizer.ggml.add_bos_token'] ?? begins)
  const after = around('eos', read['tokenizer.ggml.add_eos_token'] ?? false)
  const specialTokens = new Map(Object.entries(roles).filter((role): role is [string, string] => role[1] !== undefined))
  return {
    tokenizer: { ...parts, post_processor: templateAround(before, after), added_tokens: addedTokens },
    config: {},
    notices: [],
    specialTokens,
    specialIdOf: (text: string) => addedTokens.find(({ content }) => content === text)?.id ?? null,
    specialIds: new Set(addedTokens.filter(({ special }) => special).map((token) => token.id)),
    template: templateOf(metadata),
    vocabSize: tokens.length,
    wordCount: tokens.findLastIndex((_, index) => !addedIds.has(index)) + 1,
    addedIds,
  }
}

function templateAround(before: readonly string[], after: readonly string[]): object {
  const special = (texts: readonly string[]) => texts.map((text) => ({ SpecialToken: { id: text, type_id: 0 } }))
  const single = [...special(before), { Sequence: { id: 'A', type_id: 0 } }, ...special(after)]
  return { type: 'TemplateProcessing', single, pair: single, special_tokens: {} }
}

/** The chat template, or the default one of several. */
function templateOf(metadata: Gguf['metadata']): FoundTemplate {
  const source = metadata['tokenizer.chat_template']
  const named = Object.entries(metadata).flatMap(([key, template]) => {
    const name = /^tokenizer\.chat_template\.(.+)$/.exec(key)?.[1]
    return name !== undefined && typeof template === 'string' ? [{ name, template }] : []
  })
  if (typeof source === 'string') named.push({ name: 'default', template: source })
  return chooseTemplate(named)
}

function preTokenizerOf({ 'tokenizer.ggml.pre': name }: Fields, file: string): PreTokenizer {
  const preTokenizer = preTokenizers.get(name ?? '')
  if (preTokenizer) return preTokenizer
  const names = [...preTokenizers.keys()].join(', ')
  throw new ModelError(
    `Expected \`${PREFIX}pre\` in ${file} to be one of ${names}, got ${name === undefined ? 'none' : `\`${name}\``}`,
  )
}

const BPE = { type: 'BPE', dropout: null, continuing_subword_prefix: null, end_of_word_suffix: null }

function byteLevel(fields: Fields, file: string): Parts {
  const { tokens, 'tokenizer.ggml.merges': merges } = fields
  if (merges === undefined) throw new ModelError(`Expected \`${PREFIX}merges\` in ${file}, found none`)
  const preTokenizer = preTokenizerOf(fields, file)
  return {
    normalizer: null,
    pre_tokenizer: preTokenizerJson(preTokenizer),
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      ...BPE,
      ...{ unk_token: null, fuse_unk: false, byte_fallback: false, ignore_merges: preTokenizer.wholeFirst ?? false },
      vocab: vocabularyOf(tokens),
      merges,
    },
    begins: preTokenizer.begins ?? false,
  }
}

const vocabularyOf = (tokens: readonly string[]): object => Object.fromEntries(tokens.map((token, index) => [token, index]))

const SPACE = '\u2581'

function sentencePiece(fields: Fields, metadata: Gguf['metadata'], file: string): Parts {
  const { 'tokenizer.ggml.scores': scores, 'tokenizer.ggml.unknown_token_id': unknown } = fields
  const architecture = String(metadata['general.architecture'])
  const isGemma = architecture.startsWith('gemma')
  if (scores?.length !== fields.tokens.length)
    throw new ModelError(
      `Expected a \`${PREFIX}scores\` for each of ${fields.tokens.length} tokens in ${file}, got ${scores?.length ?? 'none'}`,
    )
  // Gemma's files store tokens of only spaces as spaces.
  const tokens = isGemma ? fields.tokens.map((token) => (/^ +$/.test(token) ? SPACE.repeat(token.length) : token)) : fields.tokens
  // The order of Gemma's tokens, not their scores, gives the order of merges.
  const order = isGemma ? tokens.map((_, index) => -index) : scores
  const begins = !isGemma && (fields['tokenizer.ggml.add_space_prefix'] ?? true)
  const replace = (from: string, to: string) => ({ type: 'Replace', pattern: { String: from }, content: to })
  const strip = begins ? [{ type: 'Strip', content: ' ', start: 1, stop: 0 }] : []
  return {
    ...spaces(isGemma ? 'gemma' : architecture, begins),
    decoder: { type: 'Sequence', decoders: [replace(SPACE, ' '), { type: 'ByteFallback' }, { type: 'Fuse' }, ...strip] },
    model: {
      ...BPE,
      ...{ unk_token: unknown === undefined ? null : tokens[unknown], fuse_unk: true, byte_fallback: true, ignore_merges: false },
      vocab: vocabularyOf(tokens),
      merges: fields['tokenizer.ggml.merges'] ?? sentencePieceMerges(tokens, order),
    },
    begins: true,
  }
}

/** A family's rule for spaces, which GGUF lacks: Phi-3 adds one before each part of a text, Llama before the first, Gemma none. */
function spaces(family: string, begins: boolean): Pick<Parts, 'normalizer' | 'pre_tokenizer'> {
  const replace = { type: 'Replace', pattern: { String: ' ' }, content: SPACE }
  if (family === 'gemma')
    return {
      normalizer: replace,
      pre_tokenizer: { type: 'Split', pattern: { String: ' ' }, behavior: 'MergedWithPrevious', invert: false },
    }
  if (family === 'phi3')
    return {
      normalizer: begins ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: SPACE }, replace] } : replace,
      pre_tokenizer: null,
    }
  const scheme = begins ? 'first' : 'never'
  return { normalizer: null, pre_tokenizer: { type: 'Metaspace', replacement: SPACE, prepend_scheme: scheme, split: false } }
}
