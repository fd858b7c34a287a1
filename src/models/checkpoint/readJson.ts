import { type FileHandle, open, readFile } from 'node:fs/promises'
import * as z from 'zod'
import { ModelError, messageOf } from '../../core/errors.js'
import { expectation, plainly } from '../../core/expectation.js'
import { duplicateKey } from '../../core/text/duplicateKey.js'

/** Formats a JSON value for an error message, cut to a readable length. */
const quote = (value: unknown): string => {
  if (value === undefined) return 'nothing'
  const json = JSON.stringify(value)
  return `\`${json.length > 80 ? `${json.slice(0, 77)}…` : json}\``
}

/** Whether reading failed because there is no such file. */
export const isMissing = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')

/** @throws ModelError if the file cannot be opened */
export async function openFile(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'r')
  } catch (error) {
    throw new ModelError(`Expected to read ${file}: ${messageOf(error)}`)
  }
}

/** Reads a file that may be absent; `undefined` if it is. */
export async function readOptionalText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, 'utf8')
  } catch (error) {
    if (isMissing(error)) return undefined
    throw new ModelError(`Expected to read ${file}: ${messageOf(error)}`)
  }
}

/**
 * Parses the text of `file`. A model's JSON is always an object.
 *
 * @param keys `any` allows duplicate keys in an object; the last one counts
 * @throws ModelError for text that is not JSON, begins with a byte-order mark (Python refuses it, too), or has a duplicate key
 */
export function parseJson(text: string, file: string, keys: 'once' | 'any' = 'once'): Readonly<Record<string, unknown>> {
  if (text.startsWith('\uFEFF')) throw new ModelError(`Expected ${file} to be JSON without a byte-order mark, got one`)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    throw new ModelError(`Expected ${file} to be JSON: ${messageOf(error)}`)
  }
  const duplicate = keys === 'any' ? undefined : duplicateKey(text)
  if (duplicate !== undefined) throw new ModelError(`Expected each key of ${file} once, got ${JSON.stringify(duplicate)} twice`)
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  throw new ModelError(`Expected ${file} to hold a JSON object, got ${quote(value)}`)
}

/** Reads a JSON object from a file that may be absent; `undefined` if it is. */
export async function readOptionalJson(
  file: string,
  keys?: 'once' | 'any',
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const text = await readOptionalText(file)
  return text === undefined ? undefined : parseJson(text, file, keys)
}

/** Reads a JSON object from a file that must exist. */
export async function readJson(file: string): Promise<Readonly<Record<string, unknown>>> {
  const value = await readOptionalJson(file)
  if (value === undefined) throw new ModelError(`Expected ${file}, found no such file`)
  return value
}

/**
 * Checks a value from a model's file against a schema. The message states a field's `description` as the expectation.
 *
 * @throws ModelError ``Expected `hidden_size` in m/config.json to be an integer >= 1, got `0` ``
 */
export function checkJson<T extends z.ZodType>(schema: T, value: unknown, file: string): z.output<T> {
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  const field = schema instanceof z.ZodObject ? (schema.shape[String(issue.path[0])] as z.ZodType | undefined) : undefined
  const nested =
    issue.path.length > 1 && issue.code !== 'custom'
      ? ` (\`${issue.path.map(String).join('.')}\`: expected ${plainly(issue)})`
      : ''
  const got = issue.path.reduce<unknown>(
    (inner, key) => (typeof inner === 'object' && inner !== null ? (inner as Record<PropertyKey, unknown>)[key] : undefined),
    value,
  )
  throw new ModelError(
    `Expected \`${String(issue.path[0] ?? 'content')}\` in ${file} to be ${expectation(field, issue)}, got ${quote(got)}${nested}`,
  )
}

/** An integer >= 1. */
export const positiveInteger = z.number().int().min(1).describe('an integer >= 1')
/** A finite number > 0. */
export const positiveNumber = z.number().positive().describe('a number > 0')
