import type { OperatorFunction } from 'rxjs'
import type { Need } from './model.js'

/**
 * An operator as data: its name in the registry, its checked options, and what it needs of the logits (nothing said: whatever
 * the operators after it need). `observes`: it changes nothing, and so is no part of a decoder's spec.
 */
export type OperatorEntry = Readonly<{
  name: string
  options: Readonly<Record<string, unknown>>
  need?: Need
  observes?: boolean
}>

/** An RxJS operator that knows its registry entry. */
export interface DescribedOperator<In, Out> extends OperatorFunction<In, Out> {
  readonly entry?: OperatorEntry
  /** The operators that this one is made of, in their order; it has no entry of its own then. */
  readonly parts?: readonly DescribedOperator<never, unknown>[]
}

/**
 * The same operator, carrying its entry; `steps` makes the decoder's spec of the entries. An operator of one's own gets a name this way, and among its
 * options a version, by which a folder of rows knows whether it is still the same.
 *
 * @example steps(topK({ k: 10 }), described({ name: 'lastOne', options: { version: 1 } }, lastOne), selectGreedy())
 */
export const described = <In, Out>(entry: OperatorEntry, operator: OperatorFunction<In, Out>): DescribedOperator<In, Out> =>
  Object.assign((...[source]: Parameters<typeof operator>) => operator(source), { entry })
