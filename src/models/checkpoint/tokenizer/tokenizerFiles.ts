import { join } from 'node:path'
import * as z from 'zod'
import { checkJson, readOptionalJson } from '../readJson.js'
import { type FoundTemplate, readTemplate, templateField } from '../template/readTemplate.js'
import { vocabularyFiles } from './vocabularyFiles.js'

const addedToken = z.looseObject({ id: z.number().int().nonnegative(), content: z.string() })

/** A token beside the model's own vocabulary; special ones are left out of decoded text. */
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

/** What the files of a tokenizer say together. */
export type TokenizerFiles = Readonly<{
  /** tokenizer.json with what other files add to it. */
  tokenizer: Readonly<Record<string, unknown>>
  config: Readonly<Record<string, unknown>>
  /** Special tokens by role (`bos_token`, …). */
  specialTokens: ReadonlyMap<string, string>
  /** All tokens that are left out of decoded text. */
  specialIds: ReadonlySet<number>
  template: FoundTemplate
  /** One more than the largest token id. */
  vocabSize: number
}>

type Config = z.output<typeof configSchema>

const textOf = (token: z.output<typeof tokenText>): string => (typeof token === 'string' ? token : token.content)

const idsOf = (vocab: z.output<typeof vocabulary>): ReadonlyMap<string, number> =>
  new Map(Array.isArray(vocab) ? vocab.map(([token], id) => [token, id] as const) : Object.entries(vocab))

/** Special tokens by role, and those that only are in a list. */
function specialTokensOf(config: Readonly<Record<string, unknown>>): { byRole: Map<string, string>; texts: Set<string> } {
  const byRole = new Map<string, string>()
  for (const [role, value] of Object.entries(config)) {
    const token = role.endsWith('_token') ? tokenText.safeParse(value) : undefined
    if (token?.success) byRole.set(role, textOf(token.data))
  }
  const listed = [config.additional_special_tokens, config.extra_special_tokens].flatMap((list) =>
    typeof list === 'object' && list !== null ? Object.values(list) : [],
  )
  const texts = listed.flatMap((value) => {
    const token = tokenText.safeParse(value)
    return token.success ? [textOf(token.data)] : []
  })
  return { byRole, texts: new Set([...byRole.values(), ...texts]) }
}

/** Added tokens of all files: tokenizer_config.json amends tokenizer.json, and what is named as special is special. */
function mergeAddedTokens(
  own: readonly AddedToken[],
  config: Config,
  specials: ReadonlySet<string>,
  ids: ReadonlyMap<string, number>,
): AddedToken[] {
  const byId = new Map(own.map((token) => [token.id, token]))
  for (const [id, token] of Object.entries(config.added_tokens_decoder ?? {})) byId.set(Number(id), { ...token, id: Number(id) })
  const idOfAdded = new Map([...byId.values()].map(({ id, content }) => [content, id]))
  for (const content of specials) {
    const id = idOfAdded.get(content) ?? ids.get(content)
    const known = id === undefined ? undefined : byId.get(id)
    if (id !== undefined && !known?.special) byId.set(id, { ...known, id, content, special: true, normalized: false })
  }
  return [...byId.values()]
}

/**
 * Reads tokenizer.json (or the vocabulary files of older folders), tokenizer_config.json, special_tokens_map.json (older folders)
 * and the chat template. All but the first may be absent. Which tokens are put around a text is tokenizer.json's affair:
 * `add_bos_token` and `add_eos_token` of tokenizer_config.json count only without it, as in transformers 5.
 *
 * @throws ModelError when there is no tokenizer or a file is not what it should be
 */
export async function readTokenizerFiles(folder: string): Promise<TokenizerFiles> {
  const file = join(folder, 'tokenizer.json')
  const configFile = join(folder, 'tokenizer_config.json')
  // Vocabularies are long: looking for a key that comes twice would take longer than reading them.
  const given = await readOptionalJson(file, 'any')
  const ownConfig = checkJson(configSchema, (await readOptionalJson(configFile)) ?? {}, configFile)
  const older = ownConfig.added_tokens_decoder ? undefined : await readOptionalJson(join(folder, 'special_tokens_map.json'))
  const { json, roles } = given ? { json: given, roles: {} } : await vocabularyFiles(folder, { ...ownConfig, ...older })
  const { model, added_tokens: own } = checkJson(tokenizerSchema, json, given ? file : join(folder, 'its vocabulary'))
  const { byRole, texts } = specialTokensOf({ ...roles, ...ownConfig, ...older })
  const { truncation: _truncation, padding: _padding, version: _version, ...parts } = json
  const ids = idsOf(model.vocab)
  const addedTokens = mergeAddedTokens(own ?? [], ownConfig, texts, ids)
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
    specialTokens: byRole,
    specialIds: new Set(addedTokens.filter(({ special }) => special).map(({ id }) => id)),
    template: await readTemplate(folder, ownConfig.chat_template),
    vocabSize: [...ids.values(), ...addedTokens.map(({ id }) => id)].reduce((most, id) => Math.max(most, id + 1), 0),
  }
}
