import {
  BertPreTokenizer,
  ByteLevelPreTokenizer,
  DigitsPreTokenizer,
  FixedLengthPreTokenizer,
  MetaspacePreTokenizer,
  PunctuationPreTokenizer,
  SequencePreTokenizer,
  SplitPreTokenizer,
  type Tokenizer,
  WhitespacePreTokenizer,
  WhitespaceSplitPreTokenizer,
} from '@huggingface/tokenizers'
import { PUNCTUATION } from './punctuation.js'
import { remembered } from './remembered.js'
import { type Behavior, splitBy } from './splitBy.js'

/** GPT-2's pattern of words, the default of byte-level pre-tokenizers, with Unicode's white space for `\s`. */
const WORDS =
  /'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\p{White_Space}\p{L}\p{N}]+|\p{White_Space}+(?!\P{White_Space})|\p{White_Space}+/gu
const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\u200C\\u200D'
const WORDS_OR_SIGNS = new RegExp(`[${WORD}]+|[^${WORD}\\p{White_Space}]+`, 'gu')
const SPACE = /\p{White_Space}+/gu
const NUMBER = /\p{N}/gu

const behaviors: ReadonlyMap<string, Behavior> = new Map<string, Behavior>(
  (['Removed', 'Isolated', 'MergedWithPrevious', 'MergedWithNext', 'Contiguous'] as const).map((name) => [
    name.toLowerCase(),
    name,
  ]),
)

/** Most files write `MergedWithPrevious`, some `merged_with_previous`. */
const behaviorOf = (config: object): Behavior | undefined =>
  'behavior' in config && typeof config.behavior === 'string'
    ? behaviors.get(config.behavior.replaceAll('_', '').toLowerCase())
    : undefined

type Config = Readonly<Record<string, unknown>> | null | undefined

/**
 * Makes pre-tokenizers work as in transformers; `config` is their part of tokenizer.json. The library differs in these ways:
 *
 * - It ignores the behavior of a split (except `removed`) and some switches of Metaspace.
 * - It keeps only the matches of an inverted split.
 * - Digits and words are ASCII only, and white space is JavaScript's (with U+FEFF, without U+0085).
 * - A run of punctuation is one sign.
 * - Fixed lengths cut surrogate pairs.
 */
export function exactPreTokenizer(part: Tokenizer['pre_tokenizer'], config: Config): void {
  if (part instanceof SequencePreTokenizer) {
    const configs = config?.pretokenizers as readonly Config[]
    for (const [index, inner] of part.tokenizers.entries()) exactPreTokenizer(inner, configs[index])
  } else if (part instanceof MetaspacePreTokenizer) exactMetaspace(part, config)
  else if (part instanceof ByteLevelPreTokenizer) exactByteLevel(part)
  else if (part instanceof WhitespacePreTokenizer) part.pre_tokenize_text = (text) => text.match(WORDS_OR_SIGNS) ?? []
  else if (part !== null) {
    const split = splitOf(part)
    if (split) part.pre_tokenize_text = split
  }
}

function exactByteLevel(part: ByteLevelPreTokenizer): void {
  const characterOf = part.byte_encoder
  const bytesAsCharacters = remembered((word) => Array.from(Buffer.from(word), (byte) => characterOf[byte]).join(''))
  part.pre_tokenize_text = (text) => {
    const whole = part.add_prefix_space && !text.startsWith(' ') ? ` ${text}` : text
    return (part.use_regex ? (whole.match(WORDS) ?? []) : [whole]).map(bytesAsCharacters)
  }
}

/** The function of a pre-tokenizer that only splits. */
function splitOf(part: NonNullable<Tokenizer['pre_tokenizer']>): ((text: string) => string[]) | undefined {
  if (part instanceof SplitPreTokenizer) {
    const { pattern, config } = part
    if (pattern === null) throw new TypeError('a Split has neither a String nor a Regex for its pattern')
    return (text) => splitBy(text, pattern, behaviorOf(config), config.invert)
  }
  if (part instanceof PunctuationPreTokenizer) return (text) => splitBy(text, PUNCTUATION, behaviorOf(part.config))
  if (part instanceof DigitsPreTokenizer)
    return (text) => splitBy(text, NUMBER, part.config.individual_digits ? 'Isolated' : 'Contiguous')
  if (part instanceof WhitespaceSplitPreTokenizer) return (text) => splitBy(text, SPACE, 'Removed')
  if (part instanceof BertPreTokenizer)
    return (text) => splitBy(text, SPACE, 'Removed').flatMap((word) => splitBy(word, PUNCTUATION))
  if (part instanceof FixedLengthPreTokenizer) {
    const pieces = new RegExp(`[^]{1,${part.config.length}}`, 'gu')
    return (text) => text.match(pieces) ?? []
  }
  return undefined
}

function exactMetaspace(part: MetaspacePreTokenizer, config: Config): void {
  // Older files use this name.
  if (config?.add_prefix_space === false) part.prepend_scheme = 'never'
  if (config?.split === false) return
  const sign = new RegExp(part.replacement.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'), 'gu')
  const whole = part.pre_tokenize_text.bind(part)
  part.pre_tokenize_text = (text, options) => whole(text, options).flatMap((words) => splitBy(words, sign, 'MergedWithNext'))
}
