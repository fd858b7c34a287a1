import { isObservable, type Observable, type OperatorFunction, tap } from 'rxjs'
import * as known from '../../operators/index.js'
import type { DescribedOperator } from '../../src/core/described.js'
import { OptionError, ShapeError } from '../../src/core/errors.js'
import type { Need } from '../../src/core/model.js'
import { describeValue } from '../../src/core/parseOptions.js'
import type { Candidates, DecoderSpec, LogitsStep, Selected, StepOperator } from '../../src/core/step.js'
import { checkOrder, type PlacedOperator } from './checkOrder.js'

type Op<In, Out> = DescribedOperator<In, Out>

/**
 * Chains operators into one decoding step. The step has a `spec` (names and options of the operators) and a `need` (which logits). The
 * first operator with a need decides it; an operator without a description needs all logits.
 *
 * @throws OptionError for no operators, for what is none, and for operators of this package in an order that cannot work
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
export function steps<A, B, C, D, E, F, G, H, I extends Selected>(
  a: Op<LogitsStep, A>,
  b: Op<A, B>,
  c: Op<B, C>,
  d: Op<C, D>,
  e: Op<D, E>,
  f: Op<E, F>,
  g: Op<F, G>,
  h: Op<G, H>,
  i: Op<H, I>,
): StepOperator
export function steps<A, B, C, D, E, F, G, H, I, J extends Selected>(
  a: Op<LogitsStep, A>,
  b: Op<A, B>,
  c: Op<B, C>,
  d: Op<C, D>,
  e: Op<D, E>,
  f: Op<E, F>,
  g: Op<F, G>,
  h: Op<G, H>,
  i: Op<H, I>,
  j: Op<I, J>,
): StepOperator
export function steps<A, B, C, D, E, F, G, H, I, J, K extends Selected>(
  a: Op<LogitsStep, A>,
  b: Op<A, B>,
  c: Op<B, C>,
  d: Op<C, D>,
  e: Op<D, E>,
  f: Op<E, F>,
  g: Op<F, G>,
  h: Op<G, H>,
  i: Op<H, I>,
  j: Op<I, J>,
  k: Op<J, K>,
): StepOperator
export function steps<A, B, C, D, E, F, G, H, I, J, K, L extends Selected>(
  a: Op<LogitsStep, A>,
  b: Op<A, B>,
  c: Op<B, C>,
  d: Op<C, D>,
  e: Op<D, E>,
  f: Op<E, F>,
  g: Op<F, G>,
  h: Op<G, H>,
  i: Op<H, I>,
  j: Op<I, J>,
  k: Op<J, K>,
  l: Op<K, L>,
): StepOperator
export function steps(...operators: readonly Op<never, unknown>[]): StepOperator {
  return compose(operators)
}

/** `steps` for operators read from data, which were checked at run time. */
export function compose(operators: readonly DescribedOperator<never, unknown>[]): StepOperator {
  checkOperators(operators)
  const operator = chain<LogitsStep, Selected>(operators)
  const parts = operators.flatMap((each) => each.parts ?? each)
  checkOrder(parts.filter(({ entry }) => !entry?.observes).map(placed))
  return Object.assign(operator, { spec: specOf(parts), need: needOf(parts), operators: parts })
}

/** Plain JavaScript may pass anything. */
function checkOperators(operators: readonly unknown[]): void {
  if (operators.length === 0)
    throw new OptionError('Expected operators in `steps`, such as topK({ k: 10 }) and selectGreedy(), got none')
  operators.forEach((operator, index) => {
    const uncalled = Object.entries(known).find(([, one]) => one === operator)?.[0]
    const got = uncalled === undefined ? describeValue(operator) : `the function \`${uncalled}\` itself; call it: ${uncalled}(…)`
    if (typeof operator !== 'function' || uncalled !== undefined)
      throw new OptionError(`Expected argument ${index + 1} of \`steps\` to be an operator, got ${got}`)
  })
}

/** What is known of an operator: those of this package are in the registry. */
const placed = ({ entry }: DescribedOperator<never, unknown>): PlacedOperator => {
  const name = entry?.name ?? 'custom'
  const flow = Object.hasOwn(known.operators, name) ? known.operators[name] : undefined
  return { name, ...(flow && { flow }) }
}

/** Chains operators whose types are already checked. */
export function chain<In, Out>(operators: readonly DescribedOperator<never, unknown>[]): OperatorFunction<In, Out> {
  const links = (operators as readonly DescribedOperator<unknown, unknown>[]).map((next) => {
    const name = next.entry?.name ?? 'custom'
    const isOwn = next.parts === undefined && !next.entry?.observes && !Object.hasOwn(known.operators, name)
    return { next, name, isOwn }
  })
  const chainOn = (stream: Observable<unknown>, { next, name, isOwn }: (typeof links)[number]): Observable<unknown> => {
    const output: unknown = next(stream)
    if (!isObservable(output))
      throw new ShapeError(`Expected operator \`${name}\` to return an observable, got ${describeValue(output)}`)
    return isOwn ? output.pipe(tap((step) => checkStep(step, name))) : output
  }
  return (source) => links.reduce(chainOn, source as Observable<unknown>) as Observable<Out>
}

/**
 * Checks what an operator of the user's own made of a step.
 *
 * @throws ShapeError that names the operator, for what is no step and for candidates with too few or too many numbers
 */
function checkStep(step: unknown, name: string): void {
  if (typeof step !== 'object' || step === null || !('sequence' in step))
    throw new ShapeError(
      `Expected operator \`${name}\` to return a step with all fields of the one before, got ${describeValue(step)}`,
    )
  const { tokenIds, tokenLogits, scores, rewards } = step as Partial<Candidates & Pick<Selected, 'rewards'>>
  if ([tokenIds, tokenLogits, scores].every((list) => list === undefined)) return
  const ofRewards = Object.entries(rewards ?? {}).map(([reward, list]) => [`rewards.${reward}`, list] as const)
  const lists = Object.entries({ tokenIds, tokenLogits, scores, ...Object.fromEntries(ofRewards) })
  const lengths = lists.map(([, list]) => list?.length)
  if (lengths.every((length) => length !== undefined && length === lengths[0])) return
  const fields = lists.map(([field]) => `\`${field}\``)
  throw new ShapeError(
    `Expected operator \`${name}\` to keep ${fields.slice(0, -1).join(', ')} and ${fields.at(-1)} of one length, got ${lengths.map((length) => length ?? 'none').join(', ')}`,
  )
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
