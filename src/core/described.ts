import type { OperatorFunction } from 'rxjs'
import type { Need } from './model.js'

/**
 * An operator as data: its name in the registry, its checked options, and how many logits it needs (by default what the operators after
 * it need). `observes` marks an operator that changes nothing and is therefore no part of a decoder's spec.
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
  /** The operators inside this one, in order. It then has no entry of its own. */
  readonly parts?: readonly DescribedOperator<never, unknown>[]
}

/**
 * Attaches an entry to an operator. `steps` builds the decoder's spec from the entries. Use it to give your own operator a name and, among its
 * options, a version: a folder of rows refuses a run with another version.
 *
 * @example steps(topK({ k: 10 }), described({ name: 'lastOne', options: { version: 1 } }, lastOne), selectGreedy())
 */
export const described = <In, Out>(entry: OperatorEntry, operator: OperatorFunction<In, Out>): DescribedOperator<In, Out> =>
  Object.assign((...[source]: Parameters<typeof operator>) => operator(source), { entry })
