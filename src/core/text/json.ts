/**
 * A number whose JSON text a JavaScript number would change: `22.0`, `1e3`, `-0`, an integer beyond 2^53. `text` has it as it stands in the
 * file: ids need all of it, and a chat template writes 22.0 and 22 differently.
 */
export class JsonNumber {
  constructor(readonly text: string) {}

  toString(): string {
    return this.text
  }

  toJSON(): string {
    return this.text
  }
}

/** An object whose keys keep their order. A plain object puts keys that look like integers first. */
export class JsonObject extends Map<string, Json> {
  toJSON(): Readonly<Record<string, Json>> {
    return Object.fromEntries(this)
  }
}

/** A value as JSON has it. */
export type Json =
  | null
  | boolean
  | number
  | bigint
  | string
  | JsonNumber
  | JsonObject
  | readonly Json[]
  | Readonly<{ [key: string]: Json | undefined }>

/** Turns every `JsonNumber` and `JsonObject` within a value into a number and a plain object. */
export function toPlain(value: unknown): unknown {
  if (value instanceof JsonNumber) return Number(value.text)
  if (Array.isArray(value)) return value.map(toPlain)
  if (typeof value !== 'object' || value === null) return value
  if (!(value instanceof JsonObject) && Object.getPrototypeOf(value) !== Object.prototype) return value
  const entries: [string, unknown][] = value instanceof JsonObject ? [...value] : Object.entries(value)
  return Object.fromEntries(entries.map(([key, inner]) => [key, toPlain(inner)]))
}
