import * as z from 'zod'
import { aFunction, parseOptions } from '../parseOptions.js'
import type { RunObserver } from './observer.js'

const handler = aFunction.optional()
const observerOptions = z.strictObject({
  ...{ onBegin: handler, onStart: handler, onSkip: handler, onPrompt: handler, onToken: handler },
  ...{ onText: handler, onCall: handler, onBatch: handler, onQueue: handler, onRow: handler },
} satisfies Record<keyof RunObserver, typeof handler>)
const names = Object.keys(observerOptions.shape) as (keyof RunObserver)[]

/** Schema of an `observe` option. */
export const observeOption = z
  .custom<RunObserver | readonly RunObserver[]>((value) => typeof value === 'object' && value !== null)
  .optional()
  .describe('an observer, such as { onRow: (row) => … }, or a list of observers')

/**
 * Makes one observer of several. It has only the functions that one of them has, so nothing else is measured.
 *
 * @throws OptionError for an unknown name, or something that is no function
 */
export function mergeObservers(observe: RunObserver | readonly RunObserver[] = []): RunObserver {
  const observers = Array.isArray(observe) ? (observe as readonly RunObserver[]) : [observe as RunObserver]
  for (const one of observers) parseOptions(observerOptions, one, 'observe')
  const entries = names.flatMap((name) => {
    const own = observers.flatMap((one) => (one[name] ? [(one[name] as (...args: unknown[]) => void).bind(one)] : []))
    if (own.length === 0) return []
    const all = (...args: unknown[]): void => {
      for (const each of own) each(...args)
    }
    return [[name, own.length === 1 ? own[0] : all]]
  })
  return Object.fromEntries(entries) as RunObserver
}
