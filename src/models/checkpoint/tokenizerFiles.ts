import { join } from 'node:path'
import * as z from 'zod'
import { ModelError } from '../../core/errors.js'
import { exactPreTokenizer } from './exactPreTokenizer.js'
import { checkJson, readOptionalJson, readOptionalText } from './readJson.js'

const addedToken = z.looseObject({ id: z.number().int().nonnegative(), content: z.string() })

/** A token beside the model's own vocabulary; special ones are left out of decoded text. */
export type AddedToken = z.output<typeof addedToken> & { special?: unknown }

const vocabulary = z.union([z.record(z.string(), z.number().int().nonnegative()), z.array(z.tuple([z.string()], z.unknown()))])

const tokenizerSchema = z.looseObject({
  model: z.looseObject({ vocab: vocabulary }).describe('a model with its vocabulary'),
  added_tokens: z.array(addedToken).nullish().describe('a list of tokens with id and content'),
})

const namedTemplates = z.array(z.looseObject({ name: z.string(), template: z.string() }))
const tokenText = z.union([z.string(), z.looseObject({ content: z.string() })])

const configSchema = z.looseObject({
  chat_template: z
    .union([z.string(), namedTemplates, z.record(z.string(), z.string())])
    .nullish()
    .describe('a template or a list of named ones'),
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
  template?: string
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

/** The template of that name among several, or the only one. */
function templateOf(given: Config['chat_template']): string | undefined {
  if (given == null || typeof given === 'string') return given ?? undefined
  if (Array.isArray(given)) return given.find(({ name }) => name === 'default')?.template
  return new Map(Object.entries(given)).get('default')
}

/**
 * Reads tokenizer.json, tokenizer_config.json, special_tokens_map.json (older folders) and chat_template.jinja, which wins
 * over a template in tokenizer_config.json. All but the first may be absent. Which tokens are put around a text is tokenizer.json's
 * affair: `add_bos_token` and `add_eos_token` of tokenizer_config.json count only without it, as in transformers 5.
 *
 * @throws ModelError when tokenizer.json is missing or a file is not what it should be
 */
export async function readTokenizerFiles(folder: string): Promise<TokenizerFiles> {
  const file = join(folder, 'tokenizer.json')
  const configFile = join(folder, 'tokenizer_config.json')
  const json = await readOptionalJson(file)
  if (json === undefined)
    throw new ModelError(`Expected ${file}, found no such file (a SentencePiece or vocab.json tokenizer alone is not read)`)
  const { model, added_tokens: own } = checkJson(tokenizerSchema, json, file)
  const ownConfig = checkJson(configSchema, (await readOptionalJson(configFile)) ?? {}, configFile)
  const older = ownConfig.added_tokens_decoder ? undefined : await readOptionalJson(join(folder, 'special_tokens_map.json'))
  const { byRole, texts } = specialTokensOf({ ...ownConfig, ...older })
  const { truncation: _truncation, padding: _padding, version: _version, ...parts } = json
  const ids = idsOf(model.vocab)
  const addedTokens = mergeAddedTokens(own ?? [], ownConfig, texts, ids)
  return {
    tokenizer: {
      ...parts,
      normalizer: parts.normalizer ?? null,
      pre_tokenizer: exactPreTokenizer(parts.pre_tokenizer),
      decoder: parts.decoder ?? null,
      post_processor: parts.post_processor ?? null,
      added_tokens: addedTokens,
    },
    config: ownConfig,
    specialTokens: byRole,
    template: (await readOptionalText(join(folder, 'chat_template.jinja'))) ?? templateOf(ownConfig.chat_template),
    vocabSize: [...ids.values(), ...addedTokens.map(({ id }) => id)].reduce((most, id) => Math.max(most, id + 1), 0),
  }
}
