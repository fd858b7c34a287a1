/** How to split texts into words before tokenization, with the defaults that come with it. */
export type PreTokenizer = Readonly<{
  /** Patterns. Each one splits the parts that the earlier ones leave. */
  patterns: readonly string[]
  /** Whether GPT-2's word pattern splits the rest. */
  words?: boolean
  /** Whether a word that is a token stays whole, against the merges. */
  wholeFirst?: boolean
  /** Whether texts begin with the start token if the file does not say. */
  begins?: boolean
}>

const WORDS = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+"
const CONTRACTIONS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
const MODERN_WORDS = (digits: string) =>
  `${CONTRACTIONS}|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`
const UPPER = '[\\p{Lu}\\p{Lt}\\p{Lm}\\p{Lo}\\p{M}]'
const LOWER = '[\\p{Ll}\\p{Lm}\\p{Lo}\\p{M}]'
/** Words that also end before a capital letter. */
const CASED_WORDS = (ending: string, digits: string) =>
  [
    `[^\\r\\n\\p{L}\\p{N}]?${UPPER}*${LOWER}+${ending}`,
    `[^\\r\\n\\p{L}\\p{N}]?${UPPER}+${LOWER}*${ending}`,
    `${digits}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n/]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+`,
  ].join('|')

const gpt2: PreTokenizer = { patterns: [], words: true }
const llama3: PreTokenizer = { patterns: [MODERN_WORDS('\\p{N}{1,3}')], wholeFirst: true, begins: true }
const smaug: PreTokenizer = { patterns: [MODERN_WORDS('\\p{N}{1,3}')] }
const qwen2: PreTokenizer = { patterns: [MODERN_WORDS('\\p{N}')] }
const tekken: PreTokenizer = { patterns: [CASED_WORDS('', '\\p{N}')], wholeFirst: true, begins: true }
const gpt4o: PreTokenizer = { patterns: [CASED_WORDS(`${CONTRACTIONS}?`, '\\p{N}{1,3}')] }
const digitsApart: PreTokenizer = { patterns: ['\\p{N}'], words: true }
const deepseekCoder: PreTokenizer = {
  patterns: ['[\\r\\n]', '\\s?\\p{L}+', '\\s?\\p{P}+', '[\u4E00-\u9FA5\u0800-\u4E00\uAC00-\uD7FF]+', '\\p{N}'],
}
const standard: PreTokenizer = { patterns: ['[\\p{P}\\$\\+<=>\\^~\\|]+', WORDS, '\\p{N}+', '[0-9][0-9][0-9]'] }

/**
 * Pre-tokenizers of byte-level tokenizers by llama.cpp's names. The patterns are those of the original tokenizers, not llama.cpp's spelling of
 * them. Text is not normalized. Qwen's own tokenizer composes characters (NFC), but a GGUF file does not say so, and neither llama.cpp nor
 * transformers does it.
 *
 * @see llama.cpp src/llama-vocab.cpp
 */
export const preTokenizers: ReadonlyMap<string, PreTokenizer> = new Map(
  (
    [
      [gpt2, ['gpt-2', 'phi-2', 'mpt', 'olmo', 'jais', 'exaone4', 'trillion', 'granite-docling']],
      [llama3, ['llama3', 'llama-v3', 'llama-bpe', 'falcon3', 'falcon-h1', 'pixtral', 'midm-2.0', 'lfm2']],
      [smaug, ['smaug-bpe', 'dbrx']],
      [qwen2, ['qwen2', 'deepseek-r1-qwen', 'kormo', 'megrez']],
      [tekken, ['tekken']],
      [gpt4o, ['gpt-4o', 'llama4', 'kanana2']],
      [digitsApart, ['smollm', 'starcoder', 'refact', 'command-r', 'codeshell', 'exaone', 'minerva-7b']],
      [deepseekCoder, ['deepseek-coder']],
      [standard, ['default']],
    ] as const
  ).flatMap(([preTokenizer, names]) => names.map((name) => [name, preTokenizer] as const)),
)

const BYTES = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true }

/** The pre-tokenizer in the form of tokenizer.json. */
export function preTokenizerJson({ patterns, words = false }: PreTokenizer): object {
  const splits = patterns.map((Regex) => ({ type: 'Split', pattern: { Regex }, behavior: 'Isolated', invert: false }))
  return { type: 'Sequence', pretokenizers: [...splits, { ...BYTES, use_regex: words }] }
}
