import { map } from 'rxjs'
import * as z from 'zod'
import { BANNED, withDenseLogits } from '../src/core/denseLogits.js'
import { type DescribedOperator, described } from '../src/core/described.js'
import type { TextCodec } from '../src/core/model.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { processor, registryEntry } from '../src/core/registryEntry.js'
import type { LogitsStep } from '../src/core/step.js'
import { endsWith, type Words, wordOptions, writings } from '../src/core/text/words.js'

export const bannedWordsOptions = z.strictObject(wordOptions)
export type BannedWordsOptions = Readonly<{
  /** Words as texts or token ids. */
  words: Words
  /** Codec of the language model. */
  codec: TextCodec
}>

/**
 * Bans words, each a text or its token ids, by banning the token that would complete one. A text is banned as the tokenizer encodes it,
 * with and without a leading space; other tokens can still spell it. Goes before `topK`.
 *
 * - in, out: `logits`: Float32[V], dense; a banned token has −∞
 * - errors: `OptionError` at call time for no words, an empty word, or no codec; `ShapeError` for sparse logits
 *
 * A word may begin in the prompt.
 *
 * @see transformers NoBadWordsLogitsProcessor
 */
export function bannedWords<S extends LogitsStep>(options: BannedWordsOptions): DescribedOperator<S, S> {
  const { words, codec } = parseOptions(bannedWordsOptions, options, 'bannedWords')
  const sequences = words.flatMap((word) => writings(word, codec))

  return described(
    { name: 'bannedWords', options: { words }, need: 'all' },
    map((step: S) =>
      withDenseLogits(step, (values) => {
        const before = [...step.sequence.promptTokenIds, ...step.sequence.tokenIds]
        for (const ids of sequences) if (endsWith(before, ids, ids.length - 1)) values[ids.at(-1)!] = BANNED
      }),
    ),
  )
}

export const bannedWordsEntry = registryEntry(
  'bans the token that would complete a word',
  bannedWordsOptions.omit({ codec: true }),
  { ...processor, models: { codec: 'codec' } },
  ({ words }, { lm }) => bannedWords({ words, codec: lm.codec }),
)
