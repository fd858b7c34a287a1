import { ByteFallbackDecoder, SequenceDecoder, type Tokenizer } from '@huggingface/tokenizers'

/** A byte-order mark is a character like any other: it was in the text. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

const byteOf = (token: string): number | undefined => {
  const digits = /^<0x([0-9A-Fa-f]{2})>$/.exec(token)?.[1]
  return digits === undefined ? undefined : Number.parseInt(digits, 16)
}

function textOf(bytes: readonly number[]): string[] {
  if (bytes.length === 0) return []
  try {
    return [utf8.decode(Uint8Array.from(bytes))]
  } catch {
    return bytes.map(() => '\uFFFD')
  }
}

function decodeBytes(tokens: string[]): string[] {
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

/**
 * Makes byte tokens (`<0xE2>`) decode as in transformers: a run that is not UTF-8 becomes one U+FFFD a byte. The library keeps
 * the valid part of such a run and drops byte-order marks.
 */
export function exactByteFallback(decoder: Tokenizer['decoder']): void {
  if (decoder instanceof SequenceDecoder) decoder.decoders.forEach(exactByteFallback)
  if (decoder instanceof ByteFallbackDecoder) decoder.decode_chain = decodeBytes
}
