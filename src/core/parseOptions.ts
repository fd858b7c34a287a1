import * as z from 'zod'
import { OptionError } from './errors.js'

/** `0` (number), as error messages show what came. */
const shown = (value: unknown): string =>
  value === undefined
    ? 'nothing'
    : `\`${typeof value === 'string' ? value : (JSON.stringify(value) ?? String(value))}\` (${value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value})`

const at = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value)

/**
 * Checks options against their schema, the same one that the registry and the command line use. A field's `description` is
 * what the message says was expected.
 *
 * @throws OptionError ``Expected `k` to be an integer >= 1, got `0` (number)``
 */
export function parseOptions<T extends z.ZodType>(schema: T, options: unknown): z.output<T> {
  const parsed = schema.safeParse(options)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]!
  if (issue.code === 'unrecognized_keys') {
    const known = schema instanceof z.ZodObject ? Object.keys(schema.shape).join(', ') || 'none' : 'none'
    throw new OptionError(`Unknown option \`${issue.keys[0]}\`; known: ${known}`)
  }
  const name = String(issue.path[0] ?? 'options')
  const field = schema instanceof z.ZodObject ? (schema.shape[name] as z.ZodType | undefined) : undefined
  throw new OptionError(
    `Expected \`${name}\` to be ${field?.description ?? issue.message}, got ${shown(at(options, issue.path))}`,
  )
}
