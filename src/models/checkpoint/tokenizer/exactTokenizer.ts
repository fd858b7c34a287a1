import type { Tokenizer } from '@huggingface/tokenizers'
import { exactAddedTokens } from './exactAddedTokens.js'
import { exactDecoder } from './exactDecoder.js'
import { exactModel } from './exactModel.js'
import { exactNormalizer } from './exactNormalizer.js'
import { exactPreTokenizer } from './exactPreTokenizer.js'

/**
 * Makes a tokenizer of the library give the token ids and text of transformers. The library agrees with transformers in most cases. The
 * `exact*` files fix the others, part by part, and describe them.
 *
 * @param config the content of tokenizer.json
 * @param options `splitSpecial`: treats special tokens in a text as ordinary text
 * @throws TypeError for a broken part
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
