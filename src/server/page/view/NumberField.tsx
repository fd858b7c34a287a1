import { useEffect, useState } from 'preact/hooks'

export type NumberFieldProps = Readonly<{
  name: string
  hint?: string
  value: number
  min?: number
  max?: number
  /** 1 for integers. */
  step: number
  disabled?: boolean
  onChange: (value: number) => void
}>

/** A number that somebody types. What is no number within its limits stays in the field, marked, and changes nothing. */
export function NumberField({ name, hint, value, min, max, step, disabled = false, onChange }: NumberFieldProps) {
  const [text, setText] = useState(String(value))
  const accepted = accepts(text, { min, max, step })
  useEffect(() => {
    if (Number(text) !== value) setText(String(value))
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
        {...{ min, max, disabled }}
        step={step === 1 ? 1 : 'any'}
        value={text}
        aria-invalid={!accepted}
        onInput={({ currentTarget }) => {
          setText(currentTarget.value)
          if (accepts(currentTarget.value, { min, max, step })) onChange(Number(currentTarget.value))
        }}
      />
    </label>
  )
}

function accepts(
  text: string,
  { min = -Number.MAX_VALUE, max = Number.MAX_VALUE, step }: Readonly<{ min?: number; max?: number; step: number }>,
) {
  const value = text.trim() === '' ? Number.NaN : Number(text)
  return value >= min && value <= max && (step !== 1 || Number.isSafeInteger(value))
}
