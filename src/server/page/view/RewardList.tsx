import type { OptionSchema, ServerInfo } from '../state/serverInfo.js'
import { countRange, DEFAULT_WEIGHT, freeName, type RewardSetting, weightRange } from '../state/settings.js'
import { NumberField } from './NumberField.js'

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

type OptionFieldProps = Readonly<{ name: string; schema: OptionSchema; value: unknown; onChange: (value: unknown) => void }>

/** A field for one option of a reward function, after its schema. */
function OptionField({ name, schema, value, onChange }: OptionFieldProps) {
  if (schema.type === 'integer') return <NumberField name={name} value={Number(value)} range={countRange} onChange={onChange} />
  if (schema.type === 'boolean')
    return (
      <label class="field check">
        <span>{name}</span>
        <input type="checkbox" checked={value === true} onChange={({ currentTarget }) => onChange(currentTarget.checked)} />
      </label>
    )
  if (schema.enum)
    return (
      <label class="field choice">
        <span>{name}</span>
        <select value={String(value)} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
          {schema.enum.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
    )
  const isList = schema.type === 'array'
  return (
    <label class="field">
      <span>
        {name}
        {isList && <small>separated by commas</small>}
      </span>
      <input
        type="text"
        spellcheck={false}
        value={isList && Array.isArray(value) ? value.join(', ') : String(value ?? '')}
        onChange={({ currentTarget: { value: text } }) =>
          onChange(isList ? text.split(',').flatMap((word) => word.trim() || []) : text)
        }
      />
    </label>
  )
}
