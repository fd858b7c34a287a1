const graphemes = new Intl.Segmenter('en', { granularity: 'grapheme' })
const encoder = new TextEncoder()
const decoder = new TextDecoder('utf-8', { ignoreBOM: true })

/** Fields of a unit of the double array: whether it has a value, the value, its label, and the offset of its children. */
const hasLeaf = (unit: number): boolean => ((unit >>> 8) & 1) === 1
const leafOf = (unit: number): number => unit & 0x7fffffff
const labelOf = (unit: number): number => unit & 0x800000ff
const offsetOf = (unit: number): number => (unit >>> 10) << ((unit & 0x200) >>> 6)

/** The value of the shortest key of the double array that is a prefix of the bytes. */
function shortestPrefix(units: Uint32Array, bytes: Uint8Array): number | undefined {
  let position = offsetOf(units[0] ?? 0)
  for (const byte of bytes) {
    if (byte === 0) return undefined
    position ^= byte
    const unit = units[position]
    if (unit === undefined || labelOf(unit) >>> 0 !== byte) return undefined
    position ^= offsetOf(unit)
    if (hasLeaf(unit)) return leafOf(units[position] ?? 0)
  }
  return undefined
}

/**
 * SentencePiece's normalization table as a function. The table holds the length of a double-array trie (uint32), the trie, and the
 * replacements, each with a zero byte at its end; the trie's values point to them. As in transformers, a grapheme of less than 6 bytes
 * is looked up as a whole first, then its characters one by one. A match of any prefix replaces the whole.
 *
 * @param base64 `precompiled_charsmap` of tokenizer.json
 * @throws TypeError when the table is broken
 * @see spm_precompiled 0.1, lib.rs `normalize_string`
 */
export function precompiledCharsmap(base64: unknown): (text: string) => string {
  if (typeof base64 !== 'string') throw new TypeError('a Precompiled normalizer has no precompiled_charsmap')
  const bytes = Buffer.from(base64, 'base64')
  const length = bytes.length < 4 ? Number.NaN : bytes.readUInt32LE(0)
  if (!(length % 4 === 0 && length <= bytes.length - 4)) throw new TypeError('a precompiled_charsmap is cut short')
  const units = Uint32Array.from({ length: length / 4 }, (_, i) => bytes.readUInt32LE(4 + 4 * i))
  const replacements = bytes.subarray(4 + length)
  const replaced = (text: string): string | undefined => {
    const begin = shortestPrefix(units, encoder.encode(text))
    return begin === undefined ? undefined : decoder.decode(replacements.subarray(begin, replacements.indexOf(0, begin)))
  }
  const known = new Map<string, string>()
  const normalized = (grapheme: string): string => {
    const whole = Buffer.byteLength(grapheme) < 6 ? replaced(grapheme) : undefined
    return whole ?? Array.from(grapheme, (character) => replaced(character) ?? character).join('')
  }
  return (text) => {
    let result = ''
    for (const { segment } of graphemes.segment(text)) {
      let made = known.get(segment)
      if (made === undefined) {
        made = normalized(segment)
        if (known.size < 10_000) known.set(segment, made)
      }
      result += made
    }
    return result
  }
}
