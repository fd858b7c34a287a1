import { concatMap, from, map, take, throwIfEmpty } from 'rxjs'
import * as z from 'zod'
import { type DescribedOperator, described } from '../src/core/described.js'
import { OptionError, ShapeError } from '../src/core/errors.js'
import { highestCosine } from '../src/core/math.js'
import type { LanguageModel } from '../src/core/model.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { lmName, lmNamed, registryEntry } from '../src/core/registryEntry.js'
import type { Candidates } from '../src/core/step.js'
import type { Normalized } from './logNormalizer.js'

const isLm = (value: unknown): value is LanguageModel => typeof value === 'object' && value !== null && 'logits' in value

export const degenerationPenaltyOptions = z.strictObject({
  lm: z.custom<LanguageModel>(isLm).describe('a language model among the models'),
  alpha: z.number().min(0).max(1).default(0.6).describe('a number from 0 to 1'),
})
export type DegenerationPenaltyOptions = Readonly<{
  /** The language model, for its hidden states; `undefined` is refused with a clear message. */
  lm: LanguageModel | undefined
  /** Weight of the similarity to the context, from 0 to 1 (0.6). */
  alpha?: number | undefined
}>

/**
 * Replaces each candidate's score by `(1 − alpha) · p − alpha · s`. p is its probability; s is the highest cosine between its last hidden
 * state and that of any token of prompt and reply. With `alpha` 0 candidates keep the order of their probabilities.
 *
 * - in: `sequence`, `tokenIds`: Int32[k], `tokenLogits`: Float32[k], `logNormalizer`
 * - out: `scores`: Float32[k]
 * - errors: `OptionError` at call time for an invalid `alpha`, and for a language model that is missing or returns no hidden states;
 *   `ShapeError` unless it returns one per position and candidate
 *
 * @see A Contrastive Framework for Neural Text Generation (Su et al., 2022), Eq. 5; transformers 4.46 generation/utils.py `_ranking_fast`
 */
export function degenerationPenalty<S extends Candidates & Normalized>(
  options: DegenerationPenaltyOptions,
): DescribedOperator<S, S> {
  const { lm, alpha } = parseOptions(degenerationPenaltyOptions, options, 'degenerationPenalty')
  if (!lm.capabilities.hiddenStates || !lm.hiddenStates)
    throw new OptionError(
      `Expected language model \`${lm.name}\` to return hidden states, which contrastive search compares; it returns only logits`,
    )
  const statesOf = lm.hiddenStates

  const penalize = (step: S, states: readonly Float32Array[]): S => {
    const { sequence, tokenIds, tokenLogits, logNormalizer } = step
    const positions = sequence.promptTokenIds.length + sequence.tokenIds.length
    if (states.length !== positions + tokenIds.length)
      throw new ShapeError(
        `Expected ${positions + tokenIds.length} hidden states from \`${lm.name}\`, one per position and candidate, got ${states.length}`,
      )
    const similarity = highestCosine(states.slice(0, positions), states.slice(positions))
    const score = (logit: number, i: number) => (1 - alpha) * Math.exp(logit - logNormalizer) - alpha * similarity[i]!
    return { ...step, scores: tokenLogits.map(score) }
  }
  return described(
    { name: 'degenerationPenalty', options: { lm: lm.name, ...(options.alpha !== undefined && { alpha }) } },
    concatMap((step: S) =>
      from(statesOf(step.sequence, step.tokenIds)).pipe(
        take(1),
        throwIfEmpty(() => new ShapeError(`Expected hidden states from \`${lm.name}\`, got none`)),
        map((states) => penalize(step, states)),
      ),
    ),
  )
}

export const degenerationPenaltyEntry = registryEntry(
  'scores candidates by probability minus similarity of hidden states to the context',
  degenerationPenaltyOptions.extend(lmName.shape),
  { needs: ['scores', 'logNormalizer'], changes: ['scores'], models: { lm: 'lm' } },
  ({ lm, ...options }, models) => degenerationPenalty({ lm: lmNamed(lm, models), ...options }),
)
