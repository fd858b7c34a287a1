import { useEffect, useState } from 'preact/hooks'
import { isWithin, type NumberRange, numberOf } from '../state/settings.js'

export type NumberFieldProps = Readonly<{
  name: string
  hint?: string
  value: number
  range: NumberRange
  onChange: (value: number) => void
}>

/** A number that somebody types. What is no number within its range is marked, and Run refuses it. */
export function NumberField({ name, hint, value, range, onChange }: NumberFieldProps) {
  const [text, setText] = useState(String(value))
  useEffect(() => {
    if (!Object.is(numberOf(text), value)) setText(String(value))
  }, [value])
  return (
    <label class="field">
      <span>
        {name}
        {hint !== undefined && <small>{hint}</small>}
      </span>
      <input
        type="number"
        inputMode="decimal"
        {...{ min: range.min, max: range.max }}
        step={range.isInteger ? 1 : 'any'}
        value={text}
        aria-invalid={!isWithin(numberOf(text), range)}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value)
          onChange(numberOf(currentTarget.value))
        }}
      />
    </label>
  )
}
