import { concatMap, from, map, take, throwIfEmpty } from 'rxjs'
import * as z from 'zod'
import { denseLogits } from '../src/core/denseLogits.js'
import { type DescribedOperator, described } from '../src/core/described.js'
import { ShapeError } from '../src/core/errors.js'
import { fp32Number } from '../src/core/fp32Number.js'
import type { LanguageModel } from '../src/core/model.js'
import { parseOptions } from '../src/core/parseOptions.js'
import { lmName, lmNamed, registryEntry } from '../src/core/registryEntry.js'
import type { Sequence } from '../src/core/sequence.js'
import type { Candidates, LogitsStep } from '../src/core/step.js'

const isLm = (value: unknown): value is LanguageModel => typeof value === 'object' && value !== null && 'logits' in value

export const combineLogitsOptions = z.strictObject({
  lm: z.custom<LanguageModel>(isLm).describe('a language model among the models'),
  factor: fp32Number,
  own: z.number().positive().default(1).describe('a finite number > 0'),
  prompt: z.string().optional().describe('text'),
})
export type CombineLogitsOptions = Readonly<{
  /** The other language model; `undefined` is refused with a clear message. */
  lm: LanguageModel | undefined
  /** Factor of the other model's logits. */
  factor: number
  /** Factor of the step's own logits or scores (1). */
  own?: number | undefined
  /** Text that the other model reads instead of the prompt; empty: the prompt's last token. */
  prompt?: string | undefined
}>

/**
 * Combines the step's logits with those of another language model for the same reply: `own * logits + factor * lm`. After `topK` or
 * `topP` it combines the candidates' scores. Several in a row make an ensemble.
 *
 * With `prompt` the model reads this text instead of the prompt. If the text is empty, it reads only the prompt's last token, as
 * transformers does for guidance without a negative prompt.
 *
 * - in, out: `logits`: Float32[V], dense; or `scores`: Float32[k]
 * - errors: `OptionError` at call time without a language model; `ShapeError` for sparse logits or a different vocabulary; the model's own errors
 *
 * @see DExperts (Liu et al., 2021), Eq. 1; Contrastive Decoding (Li et al., 2023), Eq. 3; classifier-free guidance (Sanchez et al., 2023), Eq. 7
 */
export function combineLogits<S extends LogitsStep | Candidates>(options: CombineLogitsOptions): DescribedOperator<S, S> {
  const { lm, factor, own, prompt } = parseOptions(combineLogitsOptions, options, 'combineLogits')
  const replacement = prompt === undefined || prompt === '' ? undefined : lm.codec.encode(prompt, true)
  const promptOf = ({ promptTokenIds }: Sequence) => (prompt === '' ? promptTokenIds.slice(-1) : replacement)
  const sum = (mine: number, other: number): number => own * mine + factor * other

  const combine = (step: S, other: Float32Array): S => {
    if ('scores' in step) return { ...step, scores: step.scores.map((score, i) => sum(score, other[step.tokenIds[i]!]!)) }
    const values = denseLogits(step.logits)
    if (values.length !== other.length)
      throw new ShapeError(`Expected logits of ${values.length} tokens from \`${lm.name}\`, got ${other.length}`)
    return { ...step, logits: { values: values.map((value, id) => sum(value, other[id]!)) } }
  }
  const { lm: _, ...numbers } = options
  return described(
    { name: 'combineLogits', options: { lm: lm.name, ...numbers }, need: 'all' },
    concatMap((step: S) =>
      from(lm.logits(step.sequence, 'all', promptOf(step.sequence))).pipe(
        take(1),
        throwIfEmpty(() => new ShapeError(`Expected logits from \`${lm.name}\`, got none`)),
        map((logits) => combine(step, denseLogits(logits))),
      ),
    ),
  )
}

export const combineLogitsEntry = registryEntry(
  'adds the logits of another language model to the logits, or to the scores of candidates',
  combineLogitsOptions.extend(lmName.shape),
  { needs: ['logits|scores'], changes: ['logits', 'scores'], models: { lm: 'lm' } },
  ({ lm, ...options }, models) => combineLogits({ lm: lmNamed(lm, models), ...options }),
)
