import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import * as z from 'zod'
import { ModelError } from '../../../core/errors.js'
import { findAdapter } from '../adapter/findAdapter.js'
import { ggufTokenizer } from '../gguf/ggufTokenizer.js'
import { isGguf, readGguf } from '../gguf/readGguf.js'
import { checkJson, readOptionalJson } from '../readJson.js'
import { type FoundTemplate, readTemplate, templateField } from '../template/readTemplate.js'
import { tokenizerSettings } from './tokenizerSettings.js'
import { VOCABULARY_FILES, vocabularyFiles } from './vocabularyFiles.js'

const addedToken = z.looseObject({ id: z.number().int().nonnegative(), content: z.string() })

/** A token added to the model's own vocabulary. Special ones are left out of decoded text. */
export type AddedToken = z.output<typeof addedToken> & { special?: unknown }

const vocabulary = z.union([z.record(z.string(), z.number().int().nonnegative()), z.array(z.tuple([z.string()], z.unknown()))])

const tokenizerSchema = z.looseObject({
  model: z.looseObject({ vocab: vocabulary }).describe('a model with its vocabulary'),
  added_tokens: z.array(addedToken).nullish().describe('a list of tokens with id and content'),
})

const tokenText = z.union([z.string(), z.looseObject({ content: z.string() })])

const configSchema = z.looseObject({
  chat_template: templateField,
  added_tokens_decoder: z
    .record(z.string().regex(/^\d+$/), z.looseObject({ content: z.string() }))
    .nullish()
    .describe('an object of token ids and tokens'),
})

/** The merged content of a tokenizer's files. */
export type TokenizerFiles = Readonly<{
  /** tokenizer.json, with additions from the other files. */
  tokenizer: Readonly<Record<string, unknown>>
  config: Readonly<Record<string, unknown>>
  /** Messages about settings that are not applied. */
  notices: readonly string[]
  /** Special tokens by role (`bos_token`, …). */
  specialTokens: ReadonlyMap<string, string>
  /** The id of a special token; null if the tokenizer lacks it. */
  specialIdOf: (text: string) => number | null
  /** All tokens that are left out of decoded text. */
  specialIds: ReadonlySet<number>
  template: FoundTemplate
  /** One more than the largest token id. */
  vocabSize: number
  /** One more than the largest id of a token that was not added to the vocabulary. */
  wordCount: number
  addedIds: ReadonlySet<number>
}>

const textOf = (token: z.output<typeof tokenText>): string => (typeof token === 'string' ? token : token.content)

const idsOf = (vocab: z.output<typeof vocabulary>): ReadonlyMap<string, number> =>
  new Map(Array.isArray(vocab) ? vocab.map(([token], id) => [token, id] as const) : Object.entries(vocab))

const ROLES = ['bos_token', 'eos_token', 'unk_token', 'sep_token', 'pad_token', 'cls_token', 'mask_token']
const placeOf = (role: string): number => (ROLES.includes(role) ? ROLES.indexOf(role) : ROLES.length)

/**
 * Special tokens by role, and the texts of all of them, in the order in which transformers adds tokens that no vocabulary has.
 * `additional_special_tokens` is the older name for `extra_special_tokens`.
 */
function specialTokensOf(config: Readonly<Record<string, unknown>>): { byRole: Map<string, string>; texts: Set<string> } {
  const { additional_special_tokens: additional, extra_special_tokens: extra } = config
  const isGiven = typeof extra === 'object' && extra !== null && Object.keys(extra).length > 0
  const listed = Object.values((isGiven ? extra : (additional ?? {})) as object)
  const roles = Object.keys(config).filter((role) => role.endsWith('_token'))
  const byRole = new Map<string, string>()
  for (const role of roles.sort((a, b) => placeOf(a) - placeOf(b))) {
    const token = tokenText.safeParse(config[role])
    if (token.success) byRole.set(role, textOf(token.data))
  }
  const texts = listed.flatMap((value) => {
    const token = tokenText.safeParse(value)
    return token.success ? [textOf(token.data)] : []
  })
  return { byRole, texts: new Set([...byRole.values(), ...texts]) }
}

type Added = Readonly<{
  /** The tokens of tokenizer.json. */
  own: readonly AddedToken[]
  /** The tokens of tokenizer_config.json, or else of added_tokens.json, by id. */
  declared: ReadonlyMap<number, Readonly<{ content: string; special?: unknown }>>
  specials: ReadonlySet<string>
  ids: ReadonlyMap<string, number>
  file: string
}>

/**
 * Merges the added tokens of all files: the other files amend tokenizer.json, and tokens with a role are special. A token that no
 * vocabulary has gets the next id, as in transformers.
 */
function mergeAddedTokens({ own, declared, specials, ids, file }: Added): AddedToken[] {
  const byId = new Map(own.map((token) => [token.id, token]))
  const idOfAdded = new Map(own.map(({ id, content }) => [content, id]))
  const wordIds = new Set(ids.values())
  const nextId = () => Math.max(ids.size, ...[...byId.keys()].map((id) => (id >= ids.size ? id + 1 : 0)))
  for (const [id, token] of [...declared].sort(([a], [b]) => a - b)) {
    const expected = idOfAdded.get(token.content) ?? ids.get(token.content) ?? nextId()
    // A token may fill a hole in the vocabulary.
    if (expected !== id && (byId.has(id) || wordIds.has(id) || idOfAdded.has(token.content) || ids.has(token.content)))
      throw new ModelError(`Expected the token ${JSON.stringify(token.content)} in ${file} to have the id ${expected}, got ${id}`)
    byId.set(id, { ...token, id })
    idOfAdded.set(token.content, id)
  }
  for (const content of specials) {
    const id = idOfAdded.get(content) ?? ids.get(content) ?? nextId()
    const known = byId.get(id)
    if (!known?.special) byId.set(id, { ...known, id, content, special: true, normalized: false })
    idOfAdded.set(content, id)
  }
  return [...byId.values()]
}

/** Reads the added tokens of older folders: texts with their ids. Tokens with a role are special. */
function olderAddedTokens(
  json: Readonly<Record<string, unknown>>,
  specials: ReadonlySet<string>,
  file: string,
): Added['declared'] {
  const entries = Object.entries(json).map(([content, id]) => {
    if (typeof id !== 'number' || !Number.isInteger(id) || id < 0)
      throw new ModelError(
        `Expected ${file} to hold tokens with their ids, got \`${JSON.stringify(id)}\` for ${JSON.stringify(content)}`,
      )
    const special = specials.has(content)
    return [id, { content, special, normalized: !special }] as const
  })
  return new Map(entries)
}

/**
 * Reads a tokenizer and its chat template: tokenizer.json (or the vocabulary files of older folders), and, if they exist,
 * tokenizer_config.json, special_tokens_map.json and added_tokens.json. A GGUF file has them in its metadata. An adapter has its own
 * files or those of its base model.
 *
 * Where versions 4 and 5 of transformers differ, 5 is the reference: `add_bos_token` and `add_eos_token` of tokenizer_config.json count
 * only without tokenizer.json. There is one exception: classes that 5 builds from the vocabulary alone (`LlamaTokenizer` and others) take
 * the parts of tokenizer.json, as in 4.
 *
 * @throws ModelError when there is no tokenizer or a file is broken
 */
export async function readTokenizerFiles(folder: string): Promise<TokenizerFiles> {
  if (isGguf(folder)) return ggufTokenizer(await readGguf(folder))
  const adapter = await findAdapter(folder)
  if (!adapter) return readFolder(folder)
  const names = await readdir(adapter.folder)
  return names.some((name) => TOKENIZERS.includes(name)) ? readFolder(adapter.folder) : readTokenizerFiles(adapter.base)
}

const TOKENIZERS: readonly string[] = ['tokenizer.json', ...VOCABULARY_FILES]

async function readFolder(folder: string): Promise<TokenizerFiles> {
  const file = join(folder, 'tokenizer.json')
  const configFile = join(folder, 'tokenizer_config.json')
  // Vocabularies are long: the search for duplicate keys would take longer than reading them.
  const tokenizerJson = await readOptionalJson(file, 'any')
  const ownConfig = checkJson(configSchema, (await readOptionalJson(configFile)) ?? {}, configFile)
  const isOlder = !ownConfig.added_tokens_decoder
  const { additional_special_tokens: unread, ...older } =
    (isOlder ? await readOptionalJson(join(folder, 'special_tokens_map.json')) : undefined) ?? {}
  const { json, roles } = tokenizerJson
    ? { json: tokenizerJson, roles: {} }
    : await vocabularyFiles(folder, { ...ownConfig, ...older })
  const { model, added_tokens: own } = checkJson(tokenizerSchema, json, tokenizerJson ? file : join(folder, 'its vocabulary'))
  const { byRole, texts } = specialTokensOf({ ...roles, ...ownConfig, ...older })
  const { tokenizer, notices } = tokenizerSettings(json, ownConfig, configFile)
  const { truncation: _truncation, padding: _padding, version: _version, ...parts } = tokenizer
  const ids = idsOf(model.vocab)
  const addedFile = join(folder, 'added_tokens.json')
  const added = isOlder ? await readOptionalJson(addedFile) : undefined
  const declared = isOlder
    ? olderAddedTokens(added ?? {}, texts, addedFile)
    : new Map(Object.entries(ownConfig.added_tokens_decoder ?? {}).map(([id, token]) => [Number(id), token]))
  const addedTokens = mergeAddedTokens({ own: own ?? [], declared, specials: texts, ids, file: isOlder ? addedFile : configFile })
  const addedIds = new Set(addedTokens.map(({ id }) => id))
  const wordCount = [...ids.values()].reduce((most, id) => (addedIds.has(id) ? most : Math.max(most, id + 1)), 0)
  return {
    tokenizer: {
      ...parts,
      normalizer: parts.normalizer ?? null,
      pre_tokenizer: parts.pre_tokenizer ?? null,
      decoder: parts.decoder ?? null,
      post_processor: parts.post_processor ?? null,
      added_tokens: addedTokens,
    },
    config: ownConfig,
    notices:
      unread === undefined
        ? notices
        : [
            ...notices,
            `\`additional_special_tokens\` of special_tokens_map.json in ${folder} is not applied: transformers 5 does not read it`,
          ],
    specialTokens: byRole,
    specialIdOf: (text) => addedTokens.find(({ content }) => content === text)?.id ?? null,
    specialIds: new Set(addedTokens.filter(({ special }) => special).map(({ id }) => id)),
    template: await readTemplate(folder, ownConfig.chat_template),
    vocabSize: [...addedIds].reduce((most, id) => Math.max(most, id + 1), wordCount),
    wordCount,
    addedIds,
  }
}
