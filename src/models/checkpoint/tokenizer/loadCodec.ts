import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { Tokenizer } from '@huggingface/tokenizers'
import { canonicalJson } from '../../../core/canonicalJson.js'
import { ModelError, messageOf } from '../../../core/errors.js'
import type { TextCodec } from '../../../core/model.js'
import { allowedTokens } from '../../grammar/allowedTokens.js'
import { grammarThread } from '../../grammar/grammarThread.js'
import { chatTemplate } from '../template/chatTemplate.js'
import { checkModel } from './checkModel.js'
import { exactTokenizer } from './exactTokenizer.js'
import { type PairTemplate, pairTemplate } from './pairTemplate.js'
import { readTokenizerFiles, type TokenizerFiles } from './tokenizerFiles.js'
import { vocabularyOf } from './vocabularyOf.js'

export type CodecOptions = Readonly<{
  /** The clock, for chat templates that write the date. */
  now?: () => Date
}>

/** A codec that also joins two texts as its tokenizer does. */
export type PairCodec = TextCodec &
  Readonly<{
    /** `typed`: whether the model tells the two texts apart, if tokenizer_config.json does not say. */
    pairTemplate: (typed: boolean) => PairTemplate
    /** One more than the largest id of a token that was not added to the vocabulary. */
    wordCount: number
    addedIds: ReadonlySet<number>
  }>

const BYTES = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)

const HALF_PAIR = /[\uD800-\uDFFF]/gu
const wellFormed = (text: string): string => text.replace(HALF_PAIR, '\uFFFD')

/** Settings of tokenizer_config.json that change token ids. */
const SETTINGS = ['remove_space', 'do_lowercase_and_remove_accent', 'split_special_tokens'] as const

/** SHA-256 of everything that decides token ids. Special tokens count by role only if the template mentions the role. */
function fingerprintOf({ tokenizer, config, specialTokens, template }: TokenizerFiles): string {
  const mentioned = [...specialTokens].filter(([role]) => `${template.source ?? ''}${template.toolSource ?? ''}`.includes(role))
  const settings = SETTINGS.map((name) => config[name] ?? null)
  const all = {
    tokenizer,
    settings,
    template: template.source ?? null,
    tools: template.toolSource ?? null,
    specialTokens: Object.fromEntries(mentioned),
  }
  return createHash('sha256').update(canonicalJson(all)).digest('hex')
}

const namesTypes = ({ model_input_names: names }: TokenizerFiles['config']): boolean | undefined =>
  Array.isArray(names) ? names.includes('token_type_ids') : undefined

function createTokenizer(files: TokenizerFiles, folder: string): { tokenizer: Tokenizer; fingerprint: string } {
  const { tokenizer, config } = files
  try {
    const settings = Object.fromEntries(SETTINGS.map((name) => [name, config[name]]))
    checkModel(tokenizer.model as Readonly<Record<string, unknown>>)
    const created = new Tokenizer(tokenizer, settings)
    exactTokenizer(created, tokenizer, { splitSpecial: config.split_special_tokens === true })
    // A post-processor may name a token that the vocabulary lacks. Its id would be undefined.
    const unknown = created.encode('').tokens.find((token) => created.token_to_id(token) === undefined)
    if (unknown !== undefined) throw new Error(`its post-processor adds ${unknown}, which is not in its vocabulary`)
    return { tokenizer: created, fingerprint: fingerprintOf(files) }
  } catch (error) {
    const reason = error instanceof RangeError ? 'its parts are nested too deeply' : messageOf(error)
    throw new ModelError(`Expected a valid tokenizer in ${join(folder, 'tokenizer.json')}: ${reason}`)
  }
}

/** Ids of byte tokens, if the decoder joins their bytes to characters. */
function byteTokenIdsOf({ tokenizer }: TokenizerFiles, created: Tokenizer): ReadonlySet<number> {
  if (!JSON.stringify(tokenizer.decoder).includes('"ByteFallback"')) return new Set()
  return new Set(BYTES.map((token) => created.token_to_id(token)).filter((id) => id !== undefined))
}

/**
 * Loads the tokenizer and chat template of a model folder.
 *
 * Decoding joins the bytes of neighbouring tokens before it reads them as UTF-8. Ids without a token (a model's vocabulary may be padded)
 * have no text. Encoding reads half a surrogate pair as U+FFFD, as UTF-8 encoders write it.
 *
 * @throws ModelError when the tokenizer is missing, damaged or not supported
 */
export async function loadCodec(folder: string, options: CodecOptions = {}): Promise<PairCodec> {
  const files = await readTokenizerFiles(folder)
  const { tokenizer, fingerprint } = createTokenizer(files, folder)
  const { template, specialTokens, specialIds, vocabSize, wordCount, addedIds } = files
  const vocabulary = () => vocabularyOf(files, (id) => tokenizer.id_to_token(id))
  return {
    encode: (text, special) => tokenizer.encode(wellFormed(text), { add_special_tokens: special }).ids,
    decode(tokenIds, skipSpecial) {
      const tokens: string[] = []
      for (const id of tokenIds) {
        const token = skipSpecial && specialIds.has(id) ? undefined : tokenizer.id_to_token(id)
        if (token !== undefined) tokens.push(token)
      }
      if (tokens.length === 0) return ''
      return tokenizer.decoder ? tokenizer.decoder.decode(tokens) : tokens.join(' ')
    },
    pairTemplate: (typed) =>
      pairTemplate(files.tokenizer.post_processor, namesTypes(files.config) ?? typed, join(folder, 'tokenizer.json')),
    byteTokenIds: byteTokenIdsOf(files, tokenizer),
    render: chatTemplate({ ...template, specialTokens, folder, now: options.now ?? (() => new Date()) }),
    grammar: (source, endTokenIds) => allowedTokens(source, vocabulary(), endTokenIds),
    grammarThread: (source, endTokenIds, limits) => grammarThread({ source, vocabulary: vocabulary(), endTokenIds }, limits),
    vocabSize,
    wordCount,
    addedIds,
    fingerprint,
    notices: files.notices,
  }
}
