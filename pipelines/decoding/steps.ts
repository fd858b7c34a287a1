import type { Observable, OperatorFunction } from 'rxjs'
import type { DescribedOperator } from '../../src/core/described.js'
import type { Need } from '../../src/core/model.js'
import type { DecoderSpec, LogitsStep, Selected, StepOperator } from '../../src/core/step.js'

type Op<In, Out> = DescribedOperator<In, Out>

/**
 * Chains operators into one decoding step. The step has a `spec` (names and options of the operators) and a `need` (which logits). The
 * first operator with a need decides it; an operator without a description needs all logits.
 *
 * @example steps(topK({ k: 10 }), batchReward({ reward }), combineScore({ weight: 1.5 }), selectGreedy())
 */
export function steps<A extends Selected>(a: Op<LogitsStep, A>): StepOperator
export function steps<A, B extends Selected>(a: Op<LogitsStep, A>, b: Op<A, B>): StepOperator
export function steps<A, B, C extends Selected>(a: Op<LogitsStep, A>, b: Op<A, B>, c: Op<B, C>): StepOperator
export function steps<A, B, C, D extends Selected>(a: Op<LogitsStep, A>, b: Op<A, B>, c: Op<B, C>, d: Op<C, D>): StepOperator
export function steps<A, B, C, D, E extends Selected>(
  a: Op<LogitsStep, A>,
  b: Op<A, B>,
  c: Op<B, C>,
  d: Op<C, D>,
  e: Op<D, E>,
): StepOperator
export function steps<A, B, C, D, E, F extends Selected>(
  a: Op<LogitsStep, A>,
  b: Op<A, B>,
  c: Op<B, C>,
  d: Op<C, D>,
  e: Op<D, E>,
  f: Op<E, F>,
): StepOperator
export function steps<A, B, C, D, E, F, G extends Selected>(
  a: Op<LogitsStep, A>,
  b: Op<A, B>,
  c: Op<B, C>,
  d: Op<C, D>,
  e: Op<D, E>,
  f: Op<E, F>,
  g: Op<F, G>,
): StepOperator
export function steps<A, B, C, D, E, F, G, H extends Selected>(
  a: Op<LogitsStep, A>,
  b: Op<A, B>,
  c: Op<B, C>,
  d: Op<C, D>,
  e: Op<D, E>,
  f: Op<E, F>,
  g: Op<F, G>,
  h: Op<G, H>,
): StepOperator
export function steps(...operators: readonly Op<never, unknown>[]): StepOperator {
  return compose(operators)
}

/** `steps` for operators read from data, which were checked at run time. */
export function compose(operators: readonly DescribedOperator<never, unknown>[]): StepOperator {
  const operator = chain<LogitsStep, Selected>(operators)
  const parts = operators.flatMap((each) => each.parts ?? each)
  return Object.assign(operator, { spec: specOf(parts), need: needOf(parts), operators: parts })
}

/** Chains operators whose types are already checked. */
export function chain<In, Out>(operators: readonly DescribedOperator<never, unknown>[]): OperatorFunction<In, Out> {
  const untyped = operators as readonly OperatorFunction<unknown, unknown>[]
  return (source) => untyped.reduce<Observable<unknown>>((stream, next) => next(stream), source) as Observable<Out>
}

/** An operator without an entry appears as `custom`. Operators that only observe do not appear. */
const specOf = (operators: readonly DescribedOperator<never, unknown>[]): DecoderSpec => ({
  steps: operators
    .filter(({ entry }) => !entry?.observes)
    .map(({ entry }) => (entry ? { [entry.name]: entry.options } : { custom: {} })),
})

function needOf(operators: readonly DescribedOperator<never, unknown>[]): Need {
  const decisive = operators.find(({ entry }) => entry === undefined || entry.need !== undefined)
  return decisive?.entry?.need ?? 'all'
}
