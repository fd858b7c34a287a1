import { JsonNumber } from '../../core/text/json.js'
import { stringifyExactly } from '../exactJson.js'

/** Why a row is no prompt; the message is completed with file and line. */
export class Unfit extends Error {}

/** A value as a message shows it, cut to a readable length. */
export const formatValue = (value: unknown): string => {
  if (value === undefined || value === null) return 'nothing'
  if (value instanceof Uint8Array) return 'bytes that are not UTF-8'
  const text = typeof value === 'string' ? value : stringifyExactly(value)
  return `\`${text.length > 40 ? `${text.slice(0, 40)}…` : text}\` (${kindOf(value)})`
}

const kindOf = (value: unknown): string =>
  value instanceof JsonNumber ? 'number' : Array.isArray(value) ? 'array' : typeof value

export const isText = (value: unknown): value is string => typeof value === 'string' && value !== ''

/** Half of a surrogate pair is no character: it has no UTF-8, and would come back as another one. */
export function wellFormed(name: string, text: string): string {
  if (/\p{Surrogate}/u.test(text)) throw new Unfit(`\`${name}\` to be well-formed text, got half a surrogate pair`)
  return text
}
