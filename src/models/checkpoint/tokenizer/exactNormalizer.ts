import {
  BertNormalizer,
  LowercaseNormalizer,
  PrecompiledNormalizer,
  ReplaceNormalizer,
  SequenceNormalizer,
  StripNormalizer,
  type Tokenizer,
} from '@huggingface/tokenizers'
import { precompiledCharsmap } from './precompiledCharsmap.js'

/** Lowers each character by itself, because JavaScript lowers a sigma at the end of a word differently. */
const lowercased = (text: string): string => Array.from(text, (character) => character.toLowerCase()).join('')

const IDEOGRAPHS =
  /[\u4E00-\u9FFF\u3400-\u4DBF\u{20000}-\u{2A6DF}\u{2A700}-\u{2B73F}\u{2B740}-\u{2B81F}\u{2B920}-\u{2CEAF}\uF900-\uFAFF\u{2F800}-\u{2FA1F}]/gu

/** BERT's normalization: removes control characters, accents and capitals, makes white space spaces, and separates ideographs. */
function bertNormalized(text: string, config: BertNormalizer['config'] & object): string {
  const { clean_text: clean, handle_chinese_chars: apart, lowercase, strip_accents: strip } = config as Record<string, unknown>
  let normalized = text
  if (clean !== false)
    normalized = normalized.replace(/(?![\t\n\r])[\0\uFFFD\p{Cc}\p{Cf}\p{Co}]/gu, '').replace(/\p{White_Space}/gu, ' ')
  if (apart !== false) normalized = normalized.replace(IDEOGRAPHS, ' $& ')
  if (strip ?? lowercase ?? true) normalized = normalized.normalize('NFD').replace(/\p{Mn}/gu, '')
  return (lowercase ?? true) ? lowercased(normalized) : normalized
}

/**
 * Makes normalizers work as in transformers. The library approximates SentencePiece's character table, does not separate ideographs
 * beyond U+FFFF, lowers whole words instead of characters, strips JavaScript's white space instead of Unicode's, and expands `$&` in a
 * replacement.
 */
export function exactNormalizer(part: Tokenizer['normalizer']): void {
  if (part instanceof SequenceNormalizer) part.normalizers.forEach(exactNormalizer)
  else if (part instanceof PrecompiledNormalizer) part.normalize = precompiledCharsmap(part.charsmap)
  else if (part instanceof BertNormalizer) part.normalize = (text) => bertNormalized(text, part.config)
  else if (part instanceof LowercaseNormalizer) part.normalize = lowercased
  else if (part instanceof ReplaceNormalizer) {
    const { pattern, config } = part
    if (pattern === null) throw new TypeError('a Replace has neither a String nor a Regex for its pattern')
    part.normalize = (text) => text.replaceAll(pattern, () => config.content)
  } else if (part instanceof StripNormalizer) {
    const { strip_left: left, strip_right: right } = part.config
    const ends = new RegExp(`${left ? '^\\p{White_Space}+' : '(?!)'}|${right ? '\\p{White_Space}+$' : '(?!)'}`, 'gu')
    part.normalize = (text) => text.replace(ends, '')
  }
}
