import * as z from 'zod'
import type { DescribedOperator } from './described.js'
import { OptionError } from './errors.js'
import type { LanguageModel, Reward } from './model.js'
import { didYouMean } from './nearest.js'
import type { DecoderModels } from './step.js'

/**
 * An operator as data. Fields of a step have their names in code; `logits|scores` needs one of the two.
 *
 * - `options`: the schema of its options as data, with models by name
 * - `adds`: fields with their shapes; `k` in `Int32[k]` is the option of that name
 * - `changes`: fields whose values or length it changes
 * - `models`: options that name a model, with the kind of model
 * - `from`: the module of an operator from outside this package
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

/** What an option takes from the models: a reward or language model by name, or a part of the language model. */
export const modelKinds = ['reward', 'lm', 'codec', 'endTokenIds'] as const
export type ModelKind = (typeof modelKinds)[number]

/** The fields of a step that an operator needs, adds, changes and removes. */
type Flow = Pick<RegisteredOperator, 'needs'> & Partial<Pick<RegisteredOperator, 'adds' | 'drops' | 'changes' | 'models'>>

/** Registry entry of an operator. It is in the operator's own file. */
export const registryEntry = <T extends z.ZodObject>(
  about: string,
  options: T,
  flow: Flow,
  make: (options: z.input<T>, models: DecoderModels) => DescribedOperator<never, unknown>,
): RegisteredOperator => ({
  ...{ about, options, adds: {}, drops: [], changes: [], models: {} },
  ...flow,
  // The operator checks its options itself, so the spec holds the options without defaults.
  make: (values, models) => make(values as z.input<T>, models),
})

/** For an operator that turns logits into n candidates. */
export const candidates = (n: string): Flow => ({
  needs: ['logits'],
  adds: { tokenIds: `Int32[${n}]`, tokenLogits: `Float32[${n}]`, scores: `Float32[${n}]` },
  drops: ['logits'],
})
/** For an operator that chooses a candidate. */
export const choice: Flow = { needs: ['scores'], adds: { index: 'number', tokenId: 'number' } }
/** For an operator that scores candidates. */
export const scoring: Flow = {
  needs: ['scores'],
  adds: { rewards: 'Float32 by name, one a candidate' },
  models: { reward: 'reward' },
}
/** For an operator that changes logits. */
export const processor: Flow = { needs: ['logits'], changes: ['logits'] }
/** Fields that lose the same candidates. */
export const cut = ['tokenIds', 'tokenLogits', 'scores']

/** A reward as data is its name. Default: the first reward. */
export const rewardName = z.strictObject({ reward: z.string().min(1).optional().describe('the name of a reward') })

/** A language model as data is its name. Default: the one that decodes. */
export const lmName = z.strictObject({ lm: z.string().min(1).optional().describe('the name of a language model') })

/** @returns undefined without a name if there are no rewards
 * @throws OptionError for a name that no reward has */
export function rewardNamed(name: string | undefined, { reward, rewards }: DecoderModels): Reward | undefined {
  if (name === undefined) return reward
  const found = rewards.get(name)
  if (found) return found
  const names = [...rewards.keys()]
  const [known, hint] = [names.join(', ') || 'none', didYouMean(name, names)]
  throw new OptionError(`Expected \`reward\` to be one of the rewards (${known}), got \`${name}\`${hint}`, ['reward'])
}

/** @returns `lm` without a name
 * @throws OptionError for a name that no further language model has */
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
