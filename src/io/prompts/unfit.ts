import { JsonNumber } from '../../core/text/json.js'
import { stringifyExactly } from '../exactJson.js'

/** Says why a row is no prompt. The caller adds file and line to the message. */
export class Unfit extends Error {}

/** Formats a value for a message, cut to a readable length. */
export const formatValue = (value: unknown): string => {
  if (value === undefined || value === null) return 'nothing'
  if (value instanceof Uint8Array) return 'bytes that are not UTF-8'
  const text = typeof value === 'string' ? value : stringifyExactly(value)
  return `\`${text.length > 40 ? `${text.slice(0, 40)}…` : text}\` (${kindOf(value)})`
}

const kindOf = (value: unknown): string =>
  value instanceof JsonNumber ? 'number' : Array.isArray(value) ? 'array' : typeof value

export const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** Refuses half a surrogate pair. It has no UTF-8 and would come back as another character. */
export function wellFormed(name: string, text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw new Unfit(`\`${name}\` to be well-formed text, got half a surrogate pair`)
  return text
}
