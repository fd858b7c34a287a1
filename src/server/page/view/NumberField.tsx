import { useEffect, useId, useState } from 'preact/hooks'
import { isWithin, type NumberRange, numberOf } from '../state/settings.js'

export type NumberFieldProps = Readonly<{
  name: string
  hint?: string
  /** What it does, below the field. */
  about?: string
  value: number
  range: NumberRange
  onChange: (value: number) => void
}>

/** A number that somebody types. What is no number within its range is marked, and Run refuses it. */
export function NumberField({ name, hint, about, value, range, onChange }: NumberFieldProps) {
  const [text, setText] = useState(String(value))
  const id = useId()
  const isValid = isWithin(numberOf(text), range)
  useEffect(() => {
    if (!Object.is(numberOf(text), value)) setText(String(value))
  }, [value])
  const field = (
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
        aria-invalid={!isValid}
        {...(about !== undefined && { 'aria-describedby': id })}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value)
          onChange(numberOf(currentTarget.value))
        }}
      />
    </label>
  )
  if (about === undefined) return field
  return (
    <div class="explained">
      {field}
      <p class={isValid ? 'help' : 'help wrong'} id={id}>
        {isValid ? about : `Expected ${range.expected}`}
      </p>
    </div>
  )
}
