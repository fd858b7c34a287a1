import { catchError, defer, forkJoin, map, type Observable, of } from 'rxjs'
import { ModelLostError, messageOf } from '../../src/core/errors.js'
import type { Reward } from '../../src/core/model.js'
import type { Sequence } from '../../src/core/sequence.js'
import type { Values } from './rows.js'

/** What the rewards gave for a whole sequence; `error` of the first that failed, whose value is null. */
export type Valued = Readonly<{ values: Values; error?: string }>

/**
 * The value of a whole sequence by each reward. One that fails takes nothing from the others.
 *
 * - errors: `ModelLostError`
 */
export function valuesOf(rewards: ReadonlyMap<string, Reward>, sequence: Sequence): Observable<Valued> {
  if (rewards.size === 0) return of({ values: {} })
  const one = (reward: Reward): Observable<Readonly<{ value: number | null; error?: string }>> =>
    defer(() => reward.value(sequence)).pipe(
      map((value) => ({ value })),
      catchError((error: unknown) => {
        if (error instanceof ModelLostError) throw error
        return of({ value: null, error: messageOf(error) })
      }),
    )
  return forkJoin([...rewards.values()].map(one)).pipe(
    map((given) => {
      const failed = given.find(({ error }) => error !== undefined)
      const names = [...rewards.keys()]
      const values = Object.fromEntries(given.map(({ value }, index) => [names[index]!, value]))
      return { values, ...(failed && { error: failed.error }) }
    }),
  )
}
