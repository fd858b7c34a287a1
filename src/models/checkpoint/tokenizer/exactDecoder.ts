import {
  ByteFallbackDecoder,
  ByteLevelDecoder,
  MetaspaceDecoder,
  ReplaceDecoder,
  SequenceDecoder,
  type Tokenizer,
} from '@huggingface/tokenizers'
import { remembered } from './remembered.js'

/** Both keep a byte-order mark, because it was in the text. */
const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
const lossy = new TextDecoder('utf-8', { ignoreBOM: true })

/** The byte that a token like `<0xE2>` stands for. */
export const byteOf = (token: string): number | undefined => {
  const digits = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1]
  return digits === undefined ? undefined : Number.parseInt(digits, 16)
}

function textOf(bytes: readonly number[]): string[] {
  if (bytes.length === 0) return []
  try {
    return [strict.decode(Uint8Array.from(bytes))]
  } catch {
    return bytes.map(() => '\uFFFD')
  }
}

function decodeByteTokens(tokens: readonly string[]): string[] {
  const decoded: string[] = []
  let bytes: number[] = []
  for (const token of tokens) {
    const byte = byteOf(token)
    if (byte !== undefined) bytes.push(byte)
    else {
      decoded.push(...textOf(bytes), token)
      bytes = []
    }
  }
  return [...decoded, ...textOf(bytes)]
}

/** The bytes of a token: one for each character if all stand for bytes, else its UTF-8. */
function bytesOf(token: string, byteByCharacter: Readonly<Record<string, unknown>>): Uint8Array | readonly number[] {
  const bytes = Array.from(token, (character) => byteByCharacter[character])
  return bytes.includes(undefined) ? new TextEncoder().encode(token) : bytes.map(Number)
}

/**
 * Makes decoders work as in transformers:
 *
 * - A run of byte tokens (`<0xE2>`) that is not UTF-8 becomes one U+FFFD for each byte. The library keeps its valid part.
 * - Byte-order marks stay.
 * - All space signs at the beginning go, and none with the scheme `never`. The library drops one.
 * - Added tokens in byte-level characters decode to their bytes.
 * - `$&` in a replacement is plain text.
 */
export function exactDecoder(part: Tokenizer['decoder']): void {
  if (part instanceof SequenceDecoder) part.decoders.forEach(exactDecoder)
  else if (part instanceof ByteFallbackDecoder) part.decode_chain = decodeByteTokens
  else if (part instanceof ByteLevelDecoder) {
    const byteByCharacter = part.byte_decoder
    const bytes = remembered((token) => Buffer.from(bytesOf(token, byteByCharacter)))
    part.decode_chain = (tokens) => [lossy.decode(Buffer.concat(tokens.map(bytes)))]
  } else if (part instanceof MetaspaceDecoder) {
    const { replacement, config } = part
    const first = 'prepend_scheme' in config && config.prepend_scheme === 'never' ? ' ' : ''
    part.decode_chain = (tokens) => tokens.map((token, index) => token.replaceAll(replacement, index === 0 ? first : ' '))
  } else if (part instanceof ReplaceDecoder) {
    const { pattern, config } = part
    if (pattern === null) throw new TypeError('a Replace has neither a String nor a Regex for its pattern')
    part.decode_chain = (tokens) =>
      tokens.map((token) => token.replaceAll(pattern, () => (config as { content: string }).content))
  }
}
