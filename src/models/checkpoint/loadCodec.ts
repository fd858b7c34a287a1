import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { Tokenizer } from '@huggingface/tokenizers'
import { ModelError, messageOf } from '../../core/errors.js'
import type { TextCodec } from '../../core/types.js'
import { canonicalJson } from './canonicalJson.js'
import { chatTemplate } from './chatTemplate.js'
import { exactByteFallback } from './exactByteFallback.js'
import { type PairTemplate, pairTemplate } from './tokenizer/pairTemplate.js'
import { readTokenizerFiles, type TokenizerFiles } from './tokenizerFiles.js'

export type CodecOptions = Readonly<{
  /** The clock, for chat templates that tell the date. */
  now?: () => Date
}>

/**
 * A codec that also knows how its tokenizer puts two texts together. `typed`: whether its model wants to know which is which, where
 * tokenizer_config.json does not say.
 */
export type PairCodec = TextCodec & Readonly<{ pairTemplate: (typed: boolean) => PairTemplate }>

/** Settings of tokenizer_config.json that change token ids. */
const SETTINGS = ['remove_space', 'do_lowercase_and_remove_accent'] as const

/** SHA-256 of all that decides token ids; of the special tokens by role, only those that the template mentions do. */
function fingerprintOf({ tokenizer, config, specialTokens, template }: TokenizerFiles): string {
  const mentioned = [...specialTokens].filter(([role]) => template?.includes(role))
  const settings = SETTINGS.map((name) => config[name] ?? null)
  const all = { tokenizer, settings, template: template ?? null, specialTokens: Object.fromEntries(mentioned) }
  return createHash('sha256').update(canonicalJson(all)).digest('hex')
}

const namesTypes = ({ model_input_names: names }: TokenizerFiles['config']): boolean | undefined =>
  Array.isArray(names) ? names.includes('token_type_ids') : undefined

function createTokenizer({ tokenizer, config }: TokenizerFiles, file: string): Tokenizer {
  try {
    const settings = Object.fromEntries(SETTINGS.map((name) => [name, config[name]]))
    const created = new Tokenizer(tokenizer, { ...settings, clean_up_tokenization_spaces: false })
    // A post-processor may name a token that the vocabulary lacks; its id would be undefined.
    const unknown = created.encode('').tokens.find((token) => created.token_to_id(token) === undefined)
    if (unknown !== undefined) throw new Error(`its post-processor adds ${unknown}, which is not in its vocabulary`)
    exactByteFallback(created.decoder)
    return created
  } catch (error) {
    throw new ModelError(`Expected a tokenizer that can be read in ${file}: ${messageOf(error)}`)
  }
}

/**
 * Loads the tokenizer and chat template of a model folder.
 *
 * Decoding: bytes of neighbouring tokens are joined before they are read as UTF-8; ids without a token (a model's vocabulary
 * may be padded) have no text.
 *
 * @throws ModelError when tokenizer.json is missing, damaged, or of a kind that cannot be read
 */
export async function loadCodec(folder: string, options: CodecOptions = {}): Promise<PairCodec> {
  const files = await readTokenizerFiles(folder)
  const tokenizer = createTokenizer(files, join(folder, 'tokenizer.json'))
  const { template: source, specialTokens, vocabSize } = files
  return {
    encode: (text, special) => tokenizer.encode(text, { add_special_tokens: special }).ids,
    decode(tokenIds, skipSpecial) {
      const known = tokenIds.filter((id) => tokenizer.id_to_token(id) !== undefined)
      if (known.length === 0) return ''
      return tokenizer.decode(known, { skip_special_tokens: skipSpecial, clean_up_tokenization_spaces: false })
    },
    render: chatTemplate({ source, specialTokens, folder, now: options.now ?? (() => new Date()) }),
    pairTemplate: (typed) =>
      pairTemplate(files.tokenizer.post_processor, namesTypes(files.config) ?? typed, join(folder, 'tokenizer.json')),
    vocabSize,
    fingerprint: fingerprintOf(files),
  }
}
