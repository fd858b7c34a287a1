import type { ServerInfo } from '../state/serverInfo.js'
import { DEFAULT_WEIGHT, freeName, type RewardSetting, weightRange } from '../state/settings.js'
import { NumberField } from './NumberField.js'
import { OptionField } from './OptionField.js'

export type RewardListProps = Readonly<{
  rewards: readonly RewardSetting[]
  server: ServerInfo | undefined
  /** Whether the decoder adds rewards by weight. */
  hasWeight: boolean
  onChange: (rewards: readonly RewardSetting[]) => void
}>

/** What a function begins with, where an option has no default. */
const firstOptions: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  length: { target: 80 },
  regex: { pattern: '\\bfriend', count: true },
  words: { wanted: ['friends'], banned: [] },
}

/** The rewards, each with its weight, and a choice of more. */
export function RewardList({ rewards, server, hasWeight, onChange }: RewardListProps) {
  const replace = (index: number, change: Partial<RewardSetting>): void =>
    onChange(rewards.map((reward, at) => (at === index ? { ...reward, ...change } : reward)))
  const unused = (server?.rewards ?? []).filter((name) => !rewards.some((reward) => reward.name === name))
  const add = (choice: string): void => {
    const [kind, name] = choice.split(':', 2)
    if (kind === 'model' && name !== undefined) onChange([...rewards, { name, weight: DEFAULT_WEIGHT }])
    if (kind === 'function' && name !== undefined)
      onChange([...rewards, { name: freeName(name, rewards), weight: 1, function: name, options: firstOptions[name] ?? {} }])
  }
  return (
    <div class="rewards-list">
      {rewards.map((reward, index) => (
        <fieldset key={reward.name}>
          <legend>{reward.name}</legend>
          {rewards.length > 1 && (
            <button
              type="button"
              class="plain remove"
              aria-label={`Remove ${reward.name}`}
              onClick={() => onChange(rewards.filter((_, at) => at !== index))}
            >
              ×
            </button>
          )}
          {hasWeight && (
            <div class="weight">
              <input
                type="range"
                aria-label={`Weight of ${reward.name}`}
                min={0}
                max={Math.max(10, reward.weight || 0)}
                step={0.1}
                value={reward.weight || 0}
                onInput={({ currentTarget }) => replace(index, { weight: Number(currentTarget.value) })}
              />
              <NumberField
                name="Weight"
                value={reward.weight}
                range={weightRange}
                onChange={(weight) => replace(index, { weight })}
              />
            </div>
          )}
          {Object.entries(server?.functions.find(({ name }) => name === reward.function)?.options.properties ?? {}).map(
            ([name, schema]) => (
              <OptionField
                key={name}
                {...{ name, schema }}
                value={reward.options?.[name] ?? schema.default}
                onChange={(value) => replace(index, { options: { ...reward.options, [name]: value } })}
              />
            ),
          )}
        </fieldset>
      ))}
      {server && (
        <select aria-label="Add a reward" value="" onChange={({ currentTarget }) => add(currentTarget.value)}>
          <option value="">+ Add a reward</option>
          {unused.map((name) => (
            <option key={name} value={`model:${name}`}>
              {name}
            </option>
          ))}
          {server.functions.map(({ name }) => (
            <option key={name} value={`function:${name}`}>
              {name} (function)
            </option>
          ))}
        </select>
      )}
    </div>
  )
}
