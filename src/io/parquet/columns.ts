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

/** A value as the libraries take it. Lists stay arrays, JSON becomes text, numbers that are not finite and missing values null. */
type Check = (value: unknown) => unknown

/** What checks values, because the libraries coerce silently. */
export function leafCheck(type: ColumnType, name: string): Check {
  const fits = leaves[type]
  return (value) => {
    if (value === null || value === undefined) return null
    if (typeof value === 'number' && !Number.isFinite(value)) return null
    if (fits(value)) return type === 'JSON' ? stringifyExactly(value) : value
    throw new OutputError(`Expected \`${name}\` to be ${type}, got \`${String(value)}\` (${typeof value})`)
  }
}

function listCheck(type: ColumnType, lists: 1 | 2, name: string): Check {
  const inner = lists === 2 ? listCheck(type, 1, name) : leafCheck(type, name)
  const fits = leaves[type]
  // Lists of numbers need no copy, unless one of them is missing or not finite.
  const mayStay = lists === 1 && isNumeric(type)
  return (value) => {
    if (value === null || value === undefined) return null
    if (!Array.isArray(value))
      throw new OutputError(`Expected \`${name}\` to be a list, got \`${String(value)}\` (${typeof value})`)
    return mayStay && value.every((item) => Number.isFinite(item) && fits(item)) ? value : value.map(inner)
  }
}

/**
 * What checks the values of a column, one after another, and gives them in the form that the libraries take.
 *
 * @throws OutputError from a check, if the value is of another type, or missing where each row must have one
 */
export function checkOf({ type, lists = 0, required = false }: Column, name: string): Check {
  const check = lists === 0 ? leafCheck(type, name) : listCheck(type, lists, name)
  if (!required) return check
  return (value) => {
    if (value === null || value === undefined) throw new OutputError(`Expected each row to have \`${name}\``)
    return check(value)
  }
}
