import type { OptionSchema } from '../state/serverInfo.js'
import { rangeOf } from '../state/settings.js'
import { NumberField } from './NumberField.js'

export type OptionFieldProps = Readonly<{
  name: string
  schema: OptionSchema
  value: unknown
  onChange: (value: unknown) => void
}>

/** A field for one option of a decoder or a reward function, after its schema. */
export function OptionField({ name, schema, value, onChange }: OptionFieldProps) {
  const { type, enum: choices, about } = schema
  if (type === 'integer' || type === 'number')
    return (
      <NumberField
        {...{ name, onChange }}
        value={Number(value)}
        range={rangeOf(schema)}
        {...(about !== undefined && { about: `${about} (default: ${String(schema.default)})` })}
      />
    )
  if (type === 'boolean')
    return (
      <label class="field check" title={about}>
        <span>{name}</span>
        <input type="checkbox" checked={value === true} onChange={({ currentTarget }) => onChange(currentTarget.checked)} />
      </label>
    )
  if (choices)
    return (
      <label class="field choice" title={about}>
        <span>{name}</span>
        <select value={String(value)} onChange={({ currentTarget }) => onChange(currentTarget.value)}>
          {choices.map((one) => (
            <option key={one}>{one}</option>
          ))}
        </select>
      </label>
    )
  const isList = type === 'array'
  return (
    <label class="field" title={about}>
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
