import { JsonNumber, JsonObject } from '../core/text/json.js'

/** Key of the objects that stand for values that JSON lacks. */
const TAG = '$'

const tagged = (kind: string, value: unknown): unknown => ({ [TAG]: kind, value })

/**
 * Turns a value of a prompt into plain JSON without a loss, so that a prompt that went through the queue has the hash that it had before:
 * numbers keep their digits, objects the order of their keys, times and bytes their kind. Undefined fields are dropped.
 */
export function toExactJson(value: unknown): unknown {
  if (typeof value === 'bigint') return tagged('bigint', String(value))
  if (typeof value === 'number') return Number.isFinite(value) && !Object.is(value, -0) ? value : tagged('double', String(value))
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof JsonNumber) return tagged('number', value.text)
  if (value instanceof Date) return tagged('date', value.getTime())
  if (value instanceof Uint8Array) return tagged('bytes', Buffer.from(value).toString('base64'))
  if (Array.isArray(value)) return value.map((item: unknown) => toExactJson(item === undefined ? null : item))
  if (value instanceof JsonObject)
    return tagged(
      'object',
      [...value].map(([key, inner]) => [key, toExactJson(inner)]),
    )
  const entries = Object.entries(value)
    .filter(([, inner]) => inner !== undefined)
    .map(([key, inner]) => [key, toExactJson(inner)] as const)
  return Object.hasOwn(value, TAG) ? tagged('plain', entries) : Object.fromEntries(entries)
}

type Tagged = Readonly<{ value: unknown }>
type Entries = readonly (readonly [string, unknown])[]

const read: Readonly<Record<string, (value: never) => unknown>> = {
  bigint: (text: string) => BigInt(text),
  double: (text: string) => (text === '0' ? -0 : Number(text)),
  number: (text: string) => new JsonNumber(text),
  date: (time: number | null) => new Date(time ?? Number.NaN),
  bytes: (text: string) => new Uint8Array(Buffer.from(text, 'base64')),
  object: (entries: Entries) => new JsonObject(entries.map(([key, inner]) => [key, fromExactJson(inner) as never])),
  plain: (entries: Entries) => Object.fromEntries(entries.map(([key, inner]) => [key, fromExactJson(inner)])),
}

/** Reads what `toExactJson` made. */
export function fromExactJson(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromExactJson)
  if (typeof value !== 'object' || value === null) return value
  const kind = (value as Readonly<Record<string, unknown>>)[TAG]
  if (typeof kind === 'string') return read[kind]!((value as Tagged).value as never)
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, fromExactJson(inner)]))
}
