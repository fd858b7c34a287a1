import { map } from 'rxjs'
import * as z from 'zod'
import { BANNED, withDenseLogits } from '../src/core/denseLogits.js'
import { type DescribedOperator, described } from '../src/core/described.js'
import type { TextCodec } from '../src/core/model.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { processor, registryEntry } from '../src/core/registryEntry.js'
import type { LogitsStep } from '../src/core/step.js'
import { endsWith, stands, type Words, wordOptions, writings } from '../src/core/text/words.js'

export const forcedWordsOptions = z.strictObject({
  ...wordOptions,
  within: z.int().min(1).describe('an integer >= 1'),
  endTokenIds: z.array(z.int().min(0)).readonly().describe('a list of token ids'),
})
export type ForcedWordsOptions = Readonly<{
  /** Words as texts or token ids. */
  words: Words
  /** The words appear within this many tokens of the reply. */
  within: number
  /** Codec of the language model. */
  codec: TextCodec
  /** Token ids that end a reply. */
  endTokenIds: readonly number[]
}>

/**
 * Forces words, each a text or its token ids, into the first `within` tokens of the reply. End tokens are banned until all words have
 * appeared. Once the remaining tokens only just suffice, the missing words are forced in order. Goes before `topK`. A reply that ends
 * earlier (`maxNewTokens`, a stop string) may lack words.
 *
 * - in, out: `logits`: Float32[V], dense; a banned token has −∞, if a token is forced, all others have −∞
 * - errors: `OptionError` at call time for no words, an empty word, or no codec; `ShapeError` for sparse logits
 *
 * A text has appeared if the reply holds it as the tokenizer encodes it, with or without a leading space; it is forced with one.
 * Constrained beam search (Post and Vilar, 2018) finds likelier places; this operator needs one beam.
 */
export function forcedWords<S extends LogitsStep>(options: ForcedWordsOptions): DescribedOperator<S, S> {
  const { words, within, codec, endTokenIds } = parseOptions(forcedWordsOptions, options, 'forcedWords')
  const all = words.map((word) => writings(word, codec))

  return described(
    { name: 'forcedWords', options: { words, within }, need: 'all' },
    map((step: S) => {
      const { tokenIds } = step.sequence
      const missing = all.filter((ways) => !ways.some((ids) => stands(tokenIds, ids))).map((ways) => ways.at(-1)!)
      if (missing.length === 0) return step
      const needed = missing.reduce((sum, ids) => sum + ids.length, 0)
      return withDenseLogits(step, (values) => {
        for (const id of endTokenIds) values[id] = BANNED
        if (within - tokenIds.length > needed) return
        const forced = nextOf(missing[0]!, tokenIds)
        values.fill(BANNED)
        values[forced] = 0
      })
    }),
  )
}

/** Finds the next token of the word, whose first tokens may end the reply already. */
function nextOf(ids: readonly number[], tokenIds: readonly number[]): number {
  let length = ids.length - 1
  while (length > 0 && !endsWith(tokenIds, ids, length)) length--
  return ids[length]!
}

export const forcedWordsEntry = registryEntry(
  'forces words into the first tokens of the reply',
  forcedWordsOptions.omit({ codec: true, endTokenIds: true }),
  { ...processor, models: { codec: 'codec', endTokenIds: 'endTokenIds' } },
  ({ words, within }, { lm }) => forcedWords({ words, within, codec: lm.codec, endTokenIds: lm.endTokenIds }),
)
