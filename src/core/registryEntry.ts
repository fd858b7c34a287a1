import * as z from 'zod'
import type { DescribedOperator } from './described.js'
import { OptionError } from './errors.js'
import type { LanguageModel, Reward } from './model.js'
import { didYouMean } from './nearest.js'
import type { DecoderModels } from './step.js'

/**
 * An operator as data. Fields of a step are named as in code; a need may be met by one of several fields (`logits|scores`).
 *
 * - `options`: the schema of its options as data; a model is named there
 * - `adds`: fields with their shapes, in which an option's name stands for its value: `Int32[k]`
 * - `changes`: fields that it gives other values or another length
 * - `models`: options that name a model, and what kind
 * - `from`: the module of an operator that did not come with this package
 */
export type RegisteredOperator = Readonly<{
  about: string
  options: z.ZodObject
  needs: readonly string[]
  adds: Readonly<Record<string, string>>
  drops: readonly string[]
  changes: readonly string[]
  models: Readonly<Record<string, ModelKind>>
  from?: string
  make: (options: Readonly<Record<string, unknown>>, models: DecoderModels) => DescribedOperator<never, unknown>
}>

/** What an option takes of the models: a reward or language model by its name, or what the language model brings along. */
export const modelKinds = ['reward', 'lm', 'codec', 'endTokenIds'] as const
export type ModelKind = (typeof modelKinds)[number]

/** What an operator needs of a step, and what it makes of it. */
type Flow = Pick<RegisteredOperator, 'needs'> & Partial<Pick<RegisteredOperator, 'adds' | 'drops' | 'changes' | 'models'>>

/** The registry's entry of an operator, which stands in the operator's own file. */
export const registryEntry = <T extends z.ZodObject>(
  about: string,
  options: T,
  flow: Flow,
  make: (options: z.input<T>, models: DecoderModels) => DescribedOperator<never, unknown>,
): RegisteredOperator => ({
  ...{ about, options, adds: {}, drops: [], changes: [], models: {} },
  ...flow,
  // The operator checks its options itself; the spec then says what was given, without the defaults.
  make: (given, models) => make(given as z.input<T>, models),
})

/** Of an operator that turns logits into n candidates. */
export const candidates = (n: string): Flow => ({
  needs: ['logits'],
  adds: { tokenIds: `Int32[${n}]`, tokenLogits: `Float32[${n}]`, scores: `Float32[${n}]` },
  drops: ['logits'],
})
/** Of an operator that chooses a candidate. */
export const choice: Flow = { needs: ['scores'], adds: { index: 'number', tokenId: 'number' } }
/** Of an operator that scores candidates. */
export const scoring: Flow = {
  needs: ['scores'],
  adds: { rewards: 'Float32 by name, one a candidate' },
  models: { reward: 'reward' },
}
/** Of an operator that changes logits. */
export const processor: Flow = { needs: ['logits'], changes: ['logits'] }
/** Fields of which candidates are dropped together. */
export const cut = ['tokenIds', 'tokenLogits', 'scores']

/** A reward as data is its name; none: the first one. */
export const rewardName = z.strictObject({ reward: z.string().min(1).optional().describe('the name of a reward') })

/** A language model as data is its name; none: the one that decodes. */
export const lmName = z.strictObject({ lm: z.string().min(1).optional().describe('the name of a language model') })

/** @throws OptionError for a name that no reward has; undefined where none is named and there is none */
export function rewardNamed(name: string | undefined, { reward, rewards }: DecoderModels): Reward | undefined {
  if (name === undefined) return reward
  const found = rewards.get(name)
  if (found) return found
  const names = [...rewards.keys()]
  const [known, hint] = [names.join(', ') || 'none', didYouMean(name, names)]
  throw new OptionError(`Expected \`reward\` to be one of the rewards (${known}), got \`${name}\`${hint}`, ['reward'])
}

/** @throws OptionError for a name that no further language model has; `lm` itself where none is named */
export function lmNamed(name: string | undefined, { lm, lms }: DecoderModels): LanguageModel {
  if (name === undefined || name === lm.name) return lm
  const found = lms.get(name)
  if (found) return found
  const names = [...lms.keys()]
  const [known, hint] = [names.join(', ') || 'none', didYouMean(name, names)]
  throw new OptionError(
    `Expected a further language model named \`${name}\`, found ${known}${hint}; give it by \`--other-lm ${name}=FOLDER\`, or \`lms\` of \`loadModels\``,
    ['lm'],
  )
}
