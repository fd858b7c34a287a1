import * as z from 'zod'

const byteLevel = z.looseObject({
  type: z.literal('ByteLevel'),
  add_prefix_space: z.literal(false),
  use_regex: z.literal(true).optional(),
})
const sequence = z.looseObject({ type: z.literal('Sequence'), pretokenizers: z.array(z.unknown()) })

/** The words of GPT-2, which byte-level pre-tokenizers split at when they bring no pattern of their own. */
const WORDS = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"

/**
 * Writes a byte-level pre-tokenizer's built-in pattern out as a split. The tokenizer library means JavaScript's `\s` in the
 * built-in one (with U+FEFF, without U+0085) and Unicode's in a written one; transformers means Unicode's in both.
 */
export function exactPreTokenizer(config: unknown): unknown {
  const nested = sequence.safeParse(config)
  if (nested.success) return { ...nested.data, pretokenizers: nested.data.pretokenizers.map(exactPreTokenizer) }
  const bytes = byteLevel.safeParse(config)
  if (!bytes.success) return config ?? null
  const split = { type: 'Split', pattern: { Regex: WORDS }, behavior: 'Isolated', invert: false }
  return { type: 'Sequence', pretokenizers: [split, { ...bytes.data, use_regex: false }] }
}
