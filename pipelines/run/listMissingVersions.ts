import type { RewardSource, TextReward } from '../../src/core/rewardSource.js'
import type { Models, RunMeta } from '../../src/core/run.js'
import type { DecoderSpec } from '../../src/core/step.js'
import type { Registry } from '../registry/registry.js'

type Run = Readonly<{
  spec: Readonly<Record<string, unknown>>
  decoder: DecoderSpec | undefined
  models: Models
  registry: Registry
}>

/**
 * Lists the functions without a version and the models without a hash. A resumed run would not notice if one of them changed. Each entry
 * says how to set a version or hash.
 */
export function listMissingVersions({ spec, decoder, models, registry }: Run): string[] {
  const { lms = {}, rewards, hashes } = models
  return [
    ...steps(decoder),
    ...rewards.flatMap((reward) => listMissingOfReward(reward, hashes[`reward ${reward.name}`])),
    ...['lm', ...Object.keys(lms).map((name) => `lm ${name}`)]
      .filter((role) => hashes[role] === undefined)
      .map((role) => `the model \`${role}\` (its hash goes into models.hashes['${role}'])`),
    ...modules(registry, spec.use),
    ...functionsIn(spec).map((name) => `\`spec.${name}\` (a function is no data)`),
  ]
}

/** Does the same for one reward; `hashed` is the hash of its files, if it has any. */
export function listMissingOfReward(reward: RewardSource | TextReward, hashed: RunMeta['models'][string] | undefined): string[] {
  const { name } = reward
  if (hashed !== undefined || ('source' in reward && reward.source !== undefined)) return []
  if (!('scoreTexts' in reward) && !('members' in reward))
    return [`reward \`${name}\` (the hash of its model goes into models.hashes)`]
  if (reward.spec === undefined) return [`reward \`${name}\` (a version is its option: textReward(name, score, { version }))`]
  return functionsIn(reward.spec).map((option) => `\`${option}\` of reward \`${name}\` (a function is no data)`)
}

const NAMED = 'it gets a name and a version by steps(described({ name, options: { version } }, operator))'

function steps(decoder: DecoderSpec | undefined): string[] {
  if (decoder === undefined) return [`the decoder (${NAMED})`]
  return decoder.steps.flatMap((step, index) => {
    if (Object.hasOwn(step, 'custom')) return [`step ${index + 1} of the decoder (${NAMED})`]
    return functionsIn(step).map((option) => `\`${option}\` in step ${index + 1} of the decoder (a function is no data)`)
  })
}

/** Lists modules of operators and decoders without a version in `use`. */
function modules({ operators, decoders }: Registry, use: unknown): string[] {
  const from = new Set([...Object.values(operators), ...Object.values(decoders)].flatMap((entry) => entry.from ?? []))
  const known = typeof use === 'object' && use !== null ? Object.keys(use) : []
  return [...from]
    .filter((module) => !known.includes(module))
    .map(
      (module) =>
        `the operators and decoders of ${module} (their version goes into the option spec: { use: { '${module}': version } })`,
    )
}

/** Finds functions in data, which JSON drops silently, and returns their paths. */
function functionsIn(value: unknown, path = ''): string[] {
  if (typeof value === 'function') return [path]
  if (typeof value !== 'object' || value === null) return []
  return Object.entries(value).flatMap(([key, inner]) => functionsIn(inner, path === '' ? key : `${path}.${key}`))
}
