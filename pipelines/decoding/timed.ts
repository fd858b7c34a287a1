import { defer, type OperatorFunction, tap } from 'rxjs'
import type { Decoder, LogitsStep, Selected } from '../../src/core/step.js'
import { chained } from './steps.js'

/** How long one step was with an operator, from coming in to going out: a model's answer is waited for in `batchReward`. */
export type OperatorTime = Readonly<{ operator: string; ms: number }>

export type TimedOptions = Readonly<{
  /** The clock, in milliseconds, such as `() => performance.now()`. */
  clock: () => number
  /** Told of every step: its operators in their order, and the step that they came to. */
  onStep: (times: readonly OperatorTime[], step: Selected) => void
}>

/**
 * The same decoder, its operators timed: it decodes the same tokens under the same spec. A decoder that was not made by `steps` is timed as
 * one operator, `custom`; a decoder that is not wrapped costs nothing.
 *
 * @example generate(prompts, timed(args(), { clock: () => performance.now(), onStep: (times) => console.log(times) }), models)
 */
export const timed =
  (decoder: Decoder, { clock, onStep }: TimedOptions): Decoder =>
  (models) => {
    const whole = decoder(models)
    const operators = whole.operators ?? [whole]
    const names = whole.operators?.map(({ entry }) => entry?.name ?? 'custom') ?? ['custom']
    const operator: OperatorFunction<LogitsStep, Selected> = (source) =>
      defer(() => {
        const times: OperatorTime[] = []
        let cameIn = 0
        const first = tap(() => {
          cameIn = clock()
        })
        const after = (index: number) =>
          tap(() => {
            const wentOut = clock()
            times.push({ operator: names[index]!, ms: wentOut - cameIn })
            cameIn = wentOut
          })
        const last = tap((step: Selected) => onStep(times, step))
        return source.pipe(
          chained<LogitsStep, Selected>([first, ...operators.flatMap((each, index) => [each, after(index)]), last]),
        )
      })
    return Object.assign(operator, whole.spec && { spec: whole.spec }, { need: whole.need ?? 'all' })
  }
