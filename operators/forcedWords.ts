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
 * Brings words into the reply, each a text or its token ids, within its first `within` tokens. Until all have come, end tokens are banned;
 * from the moment when no more tokens are left than the missing words have, these are written out in their order. Stands before `topK`;
 * a run that ends before (`maxNewTokens`, a stop string) has no room for them.
 *
 * - in, out: `logits`: Float32[V], dense; a banned token has −∞, a forced one is the only one that has not
 * - errors: `OptionError` at call time for no words, an empty one, or no codec; `ShapeError` for sparse logits
 *
 * A text counts as come when it stands there as the tokenizer writes it, with or without a space before it; it is forced with one.
 * Constrained beam search (Post and Vilar, 2018) finds likelier places; this needs one beam.
 */
export function forcedWords<S extends LogitsStep>(options: ForcedWordsOptions): DescribedOperator<S, S> {
  const { words, within, codec, endTokenIds } = parseOptions(forcedWordsOptions, options)
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

/** The token that goes on with the word, as far as it stands at the end already. */
function nextOf(ids: readonly number[], tokenIds: readonly number[]): number {
  let come = ids.length - 1
  while (come > 0 && !endsWith(tokenIds, ids, come)) come--
  return ids[come]!
}

export const forcedWordsEntry = registryEntry(
  'brings words into the first tokens of the reply',
  forcedWordsOptions.omit({ codec: true, endTokenIds: true }),
  { ...processor, models: { codec: 'codec', endTokenIds: 'endTokenIds' } },
  ({ words, within }, { lm }) => forcedWords({ words, within, codec: lm.codec, endTokenIds: lm.endTokenIds }),
)
