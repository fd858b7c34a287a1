import { defer, map, type OperatorFunction } from 'rxjs'
import * as z from 'zod'
import { described } from '../../src/core/described.js'
import { aFunction, parseOptions } from '../../src/core/parseOptions.js'
import type { Decoder, LogitsStep, Selected } from '../../src/core/step.js'
import { chain } from './steps.js'

/** How long a step spent in an operator. `batchReward` includes the wait for the reward. */
export type OperatorTime = Readonly<{ operator: string; ms: number }>

const timedOptions = z.strictObject({ clock: aFunction, onStep: aFunction })

export type TimedOptions = Readonly<{
  /** The clock, in milliseconds, such as `() => performance.now()`. */
  clock: () => number
  /** Called after each step with the time of each operator, in order. */
  onStep: (times: readonly OperatorTime[], step: Selected) => void
}>

const observing = <Step>(look: (step: Step) => void) =>
  described(
    { name: 'timed', options: {}, observes: true },
    map((step: Step) => {
      look(step)
      return step
    }),
  )

/**
 * Times the operators of a decoder, which decodes the same tokens under the same spec. A decoder that `steps` did not make counts as one
 * operator, `custom`.
 *
 * @throws OptionError for an invalid option
 * @example generate(prompts, timed(args(), { clock: () => performance.now(), onStep: (times) => console.log(times) }), models)
 */
export function timed(decoder: Decoder, options: TimedOptions): Decoder {
  parseOptions(z.object({ decoder: aFunction.describe('a decoder, such as args()') }), { decoder }, 'timed')
  parseOptions(timedOptions, options, 'timed')
  const { clock, onStep } = options
  return (models) => {
    const whole = decoder(models)
    const operators = whole.operators ?? [whole]
    const names = whole.operators?.map(({ entry }) => entry?.name ?? 'custom') ?? ['custom']
    const operator: OperatorFunction<LogitsStep, Selected> = (source) =>
      defer(() => {
        const times: OperatorTime[] = []
        let startedAt = 0
        const first = observing((_step: LogitsStep) => {
          startedAt = clock()
        })
        const after = (index: number) =>
          observing(() => {
            const endedAt = clock()
            times.push({ operator: names[index]!, ms: endedAt - startedAt })
            startedAt = endedAt
          })
        const last = observing((step: Selected) => onStep(times, step))
        return source.pipe(
          chain<LogitsStep, Selected>([first, ...operators.flatMap((each, index) => [each, after(index)]), last]),
        )
      })
    return Object.assign(operator, whole.spec && { spec: whole.spec }, { need: whole.need ?? 'all' })
  }
}
