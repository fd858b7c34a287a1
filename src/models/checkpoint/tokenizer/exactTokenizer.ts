import type { Tokenizer } from '@huggingface/tokenizers'
import { exactAddedTokens } from './exactAddedTokens.js'
import { exactDecoder } from './exactDecoder.js'
import { exactModel } from './exactModel.js'
import { exactNormalizer } from './exactNormalizer.js'
import { exactPreTokenizer } from './exactPreTokenizer.js'

/**
 * Makes a tokenizer of the library give the token ids and the text that transformers gives. The library follows the tokenizers
 * of transformers in most; the files beside this one mend where it does not, part by part, each with what differs.
 *
 * @param config the content of tokenizer.json
 * `splitSpecial`: special tokens that a text spells out are text like any other
 * @throws TypeError for a part that is not what it should be
 * @see tokenizers 0.23 (Rust), which transformers uses
 */
export function exactTokenizer(
  tokenizer: Tokenizer,
  config: Readonly<Record<string, unknown>>,
  { splitSpecial = false } = {},
): void {
  const { normalizer, pre_tokenizer: preTokenizer, model, decoder } = tokenizer
  exactNormalizer(normalizer)
  exactPreTokenizer(preTokenizer, config.pre_tokenizer as Parameters<typeof exactPreTokenizer>[1])
  if (model) exactModel(model)
  exactDecoder(decoder)
  exactAddedTokens(tokenizer, splitSpecial)
}
