import * as z from 'zod'
import { batchReward } from '../operators/batchReward.js'
import { batchRewardPruned, batchRewardPrunedOptions } from '../operators/batchRewardPruned.js'
import { combineScore, combineScoreOptions } from '../operators/combineScore.js'
import { pruneCandidates, pruneCandidatesOptions } from '../operators/pruneCandidates.js'
import { sampleTemperature, sampleTemperatureOptions } from '../operators/sampleTemperature.js'
import { selectGreedy, selectGreedyOptions } from '../operators/selectGreedy.js'
import { temperature, temperatureOptions } from '../operators/temperature.js'
import { topK, topKOptions } from '../operators/topK.js'
import { topP, topPOptions } from '../operators/topP.js'
import type { DescribedOperator } from '../src/core/described.js'
import { OptionError } from '../src/core/errors.js'
import { parseOptions } from '../src/core/parseOptions.js'
import type { Decoder, DecoderModels, DecoderSpec } from '../src/core/types.js'
import { composed } from './steps.js'

type AnyOperator = DescribedOperator<never, unknown>

/** An operator by name: the schema of its options as data, the fields it needs in a step (one of several: `a|b`), adds and drops. */
export type OperatorEntry = Readonly<{
  options: z.ZodObject
  needs: readonly string[]
  adds: readonly string[]
  drops: readonly string[]
  make: (options: unknown, models: DecoderModels) => AnyOperator
}>

const entry = <T extends z.ZodObject>(
  options: T,
  fields: Readonly<{ needs: readonly string[]; adds?: readonly string[]; drops?: readonly string[] }>,
  make: (options: z.output<T>, models: DecoderModels) => AnyOperator,
): OperatorEntry => ({
  options,
  adds: [],
  drops: [],
  ...fields,
  make: (given, models) => make(parseOptions(options, given), models),
})

const candidates = { needs: ['logits'], adds: ['tokenIds', 'tokenLogits', 'scores'], drops: ['logits'] }
const choice = { needs: ['scores'], adds: ['index', 'tokenId'] }
/** A reward as data is its name; none: the first one. */
const rewardName = z.strictObject({ reward: z.string().min(1).optional().describe('the name of a reward') })

/** The operators under the names of their files. */
export const operators: Readonly<Record<string, OperatorEntry>> = {
  topK: entry(topKOptions, candidates, (options) => topK(options)),
  topP: entry(topPOptions, candidates, (options) => topP(options)),
  temperature: entry(temperatureOptions, { needs: ['logits|scores'] }, (options) => temperature(options)),
  pruneCandidates: entry(pruneCandidatesOptions, { needs: ['scores'] }, (options) => pruneCandidates(options)),
  batchReward: entry(rewardName, { needs: ['scores'], adds: ['rewards'] }, ({ reward }, models) =>
    batchReward({ reward: rewardNamed(reward, models) }),
  ),
  batchRewardPruned: entry(
    batchRewardPrunedOptions.extend(rewardName.shape),
    { needs: ['scores'], adds: ['rewards'] },
    ({ reward, ...options }, models) => batchRewardPruned({ reward: rewardNamed(reward, models), ...options }),
  ),
  combineScore: entry(combineScoreOptions, { needs: ['rewards'] }, (options) => combineScore(options)),
  selectGreedy: entry(selectGreedyOptions, choice, (options) => selectGreedy(options)),
  sampleTemperature: entry(sampleTemperatureOptions, choice, (options) => sampleTemperature(options)),
}

const specSchema = z.strictObject({
  name: z.string().optional().describe('a name'),
  steps: z
    .array(z.record(z.string(), z.record(z.string(), z.unknown()).nullish()).refine((step) => Object.keys(step).length === 1))
    .min(1)
    .describe('a list of steps, each one operator with its options, such as { topK: { k: 10 } }'),
})

/**
 * A decoder that came as data: the operators' names, options and order are checked as the compiler checks them in code.
 *
 * @throws OptionError for what is no list of steps, an unknown operator, an option that may not be, a step that needs a field which
 *   none before it adds, and steps that choose no token
 * @example decoderFromSpec({ steps: [{ topK: { k: 10 } }, { selectGreedy: {} }] })
 */
export function decoderFromSpec(spec: unknown): Decoder {
  const parsed = parseOptions(specSchema, spec)
  const chain = parsed.steps.map((step) => {
    const [name, options] = Object.entries(step)[0]!
    if (!Object.hasOwn(operators, name))
      throw new OptionError(`Expected an operator (${Object.keys(operators).join(', ')}), got \`${name}\``)
    const operator = operators[name]!
    return { name, operator, options: parseOptions(operator.options, options ?? {}) }
  })
  checkOrder(chain)
  return (models) => {
    const operator = composed(chain.map(({ operator: { make }, options }) => make(options, models)))
    const named: DecoderSpec = { ...(parsed.name !== undefined && { name: parsed.name }), ...operator.spec! }
    return Object.assign(operator, { spec: named })
  }
}

function checkOrder(chain: readonly Readonly<{ name: string; operator: OperatorEntry }>[]): void {
  const fields = new Set(['logits'])
  for (const { name, operator } of chain) {
    const missing = operator.needs.find((need) => !need.split('|').some((field) => fields.has(field)))
    if (missing !== undefined)
      throw new OptionError(`\`${name}\` needs \`${missing.replace('|', '` or `')}\`, which no step before it gives`)
    for (const field of operator.drops) fields.delete(field)
    for (const field of operator.adds) fields.add(field)
  }
  if (!fields.has('tokenId'))
    throw new OptionError('Expected the last steps to choose a token, such as `selectGreedy`; none does')
}

function rewardNamed(name: string | undefined, { reward, rewards }: DecoderModels) {
  if (name === undefined || rewards.has(name)) return name === undefined ? reward : rewards.get(name)
  throw new OptionError(
    `Expected \`reward\` to be one of the rewards (${[...rewards.keys()].join(', ') || 'none'}), got \`${name}\``,
  )
}
