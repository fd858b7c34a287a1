import { canonicalJson } from '../../core/canonicalJson.js'
import type { RewardKind, RunMeta } from '../../core/run.js'

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> => typeof value === 'object' && value !== null

/** Finds the model or function behind each reward column: `reward`, and `reward_NAME` for the others. Leaves out a column if the run does not name its origin. */
export function rewardKinds({ spec, models }: RunMeta): Readonly<Record<string, RewardKind>> {
  const scored = typeof spec.score === 'string' ? spec.score : undefined
  const names = scored !== undefined ? [scored] : Array.isArray(spec.rewards) ? spec.rewards.map(String) : []
  const functions = isObject(spec.rewardFunctions) ? spec.rewardFunctions : {}
  const kindOf = (name: string, within: readonly string[] = []): RewardKind | undefined => {
    const source = models[scored === undefined ? `reward ${name}` : name]
    if (source) {
      const { path, sha256 = path, label, model } = source
      const of = [label, model].filter((each) => each !== undefined).join(', ')
      return { identity: canonicalJson([sha256, label, model]), about: of === '' ? path : `${path} (${of})` }
    }
    const own = functions[name]
    if (own === undefined) return undefined
    // An ensemble names its members, and another run may have other rewards under these names.
    const { of = [] } = isObject(own) && isObject(own.ensemble) ? own.ensemble : {}
    const members = (of as readonly string[]).filter((member) => !within.includes(member))
    const kinds = members.map((member) => kindOf(member, [...within, name])?.identity ?? null)
    return { identity: canonicalJson([own, kinds]), about: JSON.stringify(own) }
  }
  return Object.fromEntries(
    names.flatMap((name, index) => {
      const kind = kindOf(name)
      return kind ? [[index === 0 ? 'reward' : `reward_${name}`, kind] as const] : []
    }),
  )
}
