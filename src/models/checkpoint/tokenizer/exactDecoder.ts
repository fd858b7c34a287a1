import {
  ByteFallbackDecoder,
  ByteLevelDecoder,
  MetaspaceDecoder,
  ReplaceDecoder,
  SequenceDecoder,
  type Tokenizer,
} from '@huggingface/tokenizers'

/** A byte-order mark is a character like any other: it was in the text. */
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

/** Bytes of a token in which each character stands for one; of any other token, its own. */
function bytesOf(token: string, byteByCharacter: Readonly<Record<string, unknown>>): Uint8Array | readonly number[] {
  const bytes = Array.from(token, (character) => byteByCharacter[character])
  return bytes.includes(undefined) ? new TextEncoder().encode(token) : bytes.map(Number)
}

/**
 * Decoders as in transformers. A run of byte tokens (`<0xE2>`) that is not UTF-8 becomes one U+FFFD a byte, where the library keeps
 * its valid part; byte-order marks stay; all signs for a space at the beginning go, where it drops one, and none with the scheme
 * `never`; added tokens are bytes like others where they are written so; `$&` in a replacement means itself.
 */
export function exactDecoder(part: Tokenizer['decoder']): void {
  if (part instanceof SequenceDecoder) part.decoders.forEach(exactDecoder)
  else if (part instanceof ByteFallbackDecoder) part.decode_chain = decodeByteTokens
  else if (part instanceof ByteLevelDecoder) {
    const byteByCharacter = part.byte_decoder
    part.decode_chain = (tokens) => [
      lossy.decode(Uint8Array.from(tokens.flatMap((token) => [...bytesOf(token, byteByCharacter)]))),
    ]
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
