import { OptionError } from '../../../core/errors.js'
import type { TokenizerFiles } from './tokenizerFiles.js'

/** Tokens by id as the vocabulary writes them, empty for tokens without text. `kind` tells how bytes are written. */
export type Vocabulary = Readonly<{ kind: 'byte_level' | 'byte_fallback'; tokens: readonly string[] }>

/**
 * The vocabulary of a tokenizer of bytes. Special and other added tokens have no text here.
 *
 * @throws OptionError for another kind of tokenizer, such as WordPiece, whose tokens do not determine their text
 */
export function vocabularyOf(
  { tokenizer, specialIds, vocabSize }: TokenizerFiles,
  tokenOf: (id: number) => string | undefined,
): Vocabulary {
  const decoder = JSON.stringify(tokenizer.decoder ?? null)
  const byteLevel = decoder.includes('"ByteLevel"')
  if (!byteLevel && !decoder.includes('"ByteFallback"')) {
    const { type = 'unknown' } = tokenizer.model as Readonly<{ type?: string }>
    throw new OptionError(`A grammar needs a tokenizer of bytes (byte-level or with byte fallback), got ${type} without them`)
  }
  const added = new Set((tokenizer.added_tokens as readonly Readonly<{ id: number }>[] | null | undefined)?.map(({ id }) => id))
  const tokens = Array.from({ length: vocabSize }, (_, id) => (specialIds.has(id) || added.has(id) ? '' : (tokenOf(id) ?? '')))
  return { kind: byteLevel ? 'byte_level' : 'byte_fallback', tokens }
}
