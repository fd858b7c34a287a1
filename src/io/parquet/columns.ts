import { OutputError } from '../../core/errors.js'
import { stringifyExactly } from '../exactJson.js'

/** Types of columns. `JSON` takes every JSON value. */
export type ColumnType = 'UTF8' | 'JSON' | 'INT32' | 'INT64' | 'FLOAT' | 'DOUBLE' | 'TIMESTAMP_MILLIS'

/** A column: its type, how many lists deep its values are, and whether each row must have one. */
export type Column = Readonly<{ type: ColumnType; lists?: 0 | 1 | 2; required?: boolean }>

export type Columns = Readonly<Record<string, Column>>

/** Rows of a row group. Readers keep one in memory. */
export const ROW_GROUP = 1000

/** How pages are compressed. */
export const CODEC = 'GZIP'

const leaves: Readonly<Record<ColumnType, (value: unknown) => boolean>> = {
  UTF8: (value) => typeof value === 'string',
  JSON: (value) => typeof value === 'object',
  INT32: (value) => Number.isInteger(value) && Math.abs(value as number) < 2 ** 31,
  INT64: (value) => Number.isSafeInteger(value),
  FLOAT: (value) => typeof value === 'number',
  DOUBLE: (value) => typeof value === 'number',
  TIMESTAMP_MILLIS: (value) => value instanceof Date && value.getTime() >= 0,
}

const isNumeric = (type: ColumnType): boolean => type === 'INT32' || type === 'FLOAT' || type === 'DOUBLE'

/** Checks a value, because the libraries coerce silently. Numbers that are not finite become null. */
function leafOf(value: unknown, type: ColumnType, name: string): unknown {
  if (value === null || value === undefined) return null
  if (typeof value === 'number' && !Number.isFinite(value)) return null
  if (leaves[type](value)) return type === 'JSON' ? stringifyExactly(value) : value
  throw new OutputError(`Expected \`${name}\` to be ${type}, got \`${String(value)}\` (${typeof value})`)
}

/**
 * Checks a record's value against its column. Lists stay arrays, JSON becomes text, numbers that are not finite and missing values null.
 *
 * @throws OutputError if the value is of another type, or missing where each row must have one
 */
export function cellOf(value: unknown, { type, lists = 0, required = false }: Column, name: string): unknown {
  if (required && (value === null || value === undefined)) throw new OutputError(`Expected each row to have \`${name}\``)
  if (lists === 0 || value === null || value === undefined) return leafOf(value, type, name)
  if (!Array.isArray(value))
    throw new OutputError(`Expected \`${name}\` to be a list, got \`${String(value)}\` (${typeof value})`)
  // Lists of numbers need no copy, unless one of them is missing or not finite.
  if (lists === 1 && isNumeric(type) && value.every((item) => Number.isFinite(item) && leaves[type](item))) return value
  const inner: Column = { type, lists: lists === 2 ? 1 : 0 }
  return value.map((item) => cellOf(item, inner, name))
}
