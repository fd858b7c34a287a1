import * as z from 'zod'
import { type DescribedOperator, described } from '../../../src/core/described.js'
import { OptionError } from '../../../src/core/errors.js'
import { didYouMean } from '../../../src/core/nearest.js'
import { describeValue, parseOptions } from '../../../src/core/parseOptions.js'
import type { RegisteredOperator } from '../../../src/core/registryEntry.js'
import type { Decoder, DecoderModels, DecoderSpec } from '../../../src/core/step.js'
import { checkOrder } from '../../decoding/checkOrder.js'
import { compose } from '../../decoding/steps.js'
import { builtIn, type Registry } from '../registry.js'

const optionsOf = z.record(z.string(), z.unknown())
const specSchema = z.strictObject({
  name: z.string().min(1).optional().describe('a name'),
  steps: z
    .array(z.record(z.string(), optionsOf.nullish()).refine((step) => Object.keys(step).length === 1))
    .min(1)
    .describe('a list of steps, each one operator with its options, such as { topK: { k: 10 } }'),
})

/** A step of a spec with its registry entry. */
export type CheckedStep = Readonly<{ name: string; operator: RegisteredOperator; options: Readonly<Record<string, unknown>> }>

/**
 * Checks the steps of a decoder read from data. It checks the operators' names, options and order, as the compiler does in code.
 *
 * @throws OptionError, with the place in the spec as its path, for an invalid list, an unknown operator, an invalid option, a step whose
 *   fields are missing, and steps that choose no token
 */
export function checkedSteps(spec: unknown, registry: Registry = builtIn): readonly CheckedStep[] {
  const { steps } = parseOptions(specSchema, spec)
  const checked = steps.map((step, index): CheckedStep => {
    const [name, options] = Object.entries(step)[0]!
    const operator = operatorNamed(name, registry, ['steps', index, name])
    return within(name, index, () => {
      parseOptions(operator.options, options ?? {})
      return { name, operator, options: options ?? {} }
    })
  })
  checkOrder(checked.map(({ name, operator }) => ({ name, flow: operator })))
  return checked
}

/**
 * Makes a decoder from data.
 *
 * @throws OptionError as `checkedSteps`; once the models are there, for a name that no model has
 * @example decoderFromSpec({ steps: [{ topK: { k: 10 } }, { selectGreedy: {} }] })
 */
export function decoderFromSpec(spec: unknown, registry: Registry = builtIn): Decoder {
  const checked = checkedSteps(spec, registry)
  const { name } = spec as DecoderSpec
  return (models) => {
    const operator = compose(checked.map((step, index) => within(step.name, index, () => makeOperator(step, models))))
    return Object.assign(operator, { spec: { ...(name !== undefined && { name }), ...operator.spec! } })
  }
}

/** Makes the operator of a step. A user's operator without a description needs all logits. */
function makeOperator({ name, operator, options }: CheckedStep, models: DecoderModels): DescribedOperator<never, unknown> {
  const one = operator.make(options, models)
  if (typeof one !== 'function') throw new OptionError(`Expected \`make\` to return an RxJS operator, got ${describeValue(one)}`)
  if (one.entry?.name === name) return one
  const need = one.entry?.need ?? (operator.needs.includes('logits') ? 'all' : undefined)
  return described({ name, options, ...(need !== undefined && { need }) }, one)
}

function operatorNamed(name: string, { operators }: Registry, path: readonly PropertyKey[]): RegisteredOperator {
  if (Object.hasOwn(operators, name)) return operators[name]!
  const names = Object.keys(operators)
  const hint = didYouMean(name, names) || `; known: ${names.join(', ')}`
  throw new OptionError(`Expected an operator, got \`${name}\`${hint}`, path)
}

/** Names the step in errors. */
function within<T>(name: string, index: number, make: () => T): T {
  try {
    return make()
  } catch (error) {
    if (!(error instanceof OptionError)) throw error
    throw new OptionError(`\`${name}\`: ${error.message}`, ['steps', index, name, ...error.path])
  }
}
