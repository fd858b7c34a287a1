import * as z from 'zod'
import { OptionError } from './errors.js'
import { expectation } from './expectation.js'
import { didYouMean } from './nearest.js'

const isFunction = (value: unknown): boolean => typeof value === 'function'
const isRun = (value: unknown): boolean =>
  typeof value === 'object' && value !== null && 'deliveries' in value && typeof value.deliveries === 'function'

/** Formats a value for an error message, such as `0` (number). */
export const describeValue = (value: unknown): string =>
  value === undefined
    ? 'nothing'
    : `\`${short(plain(value))}\` (${value === null ? 'null' : Array.isArray(value) ? 'array' : typeof value})`

/** The longest value in a message. */
const LONGEST = 300

const short = (text: string): string => (text.length <= LONGEST ? text : `${text.slice(0, LONGEST)}…`)

function plain(value: unknown): string {
  // JSON has no NaN, no infinities and no bigints.
  if (typeof value !== 'object' || value === null) return String(value)
  try {
    return JSON.stringify(value) ?? String(value)
  } catch {
    return Object.prototype.toString.call(value)
  }
}

/** Schemas of arguments that are no data, for functions that plain JavaScript calls with anything. */
export const aPath = z.string().min(1).describe('the path of a file or folder')
export const aFunction = z.custom<(...args: never[]) => unknown>(isFunction).describe('a function')
export const aSignal = z.instanceof(AbortSignal).describe('an AbortSignal')
export const aRun = z.custom<object>(isRun).describe('a run, such as generate(…) returns')

const at = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value)

/**
 * Checks options against their schema, which the registry and the command line use, too. A field's `description` is the expectation in the
 * message.
 *
 * @param of the function that takes the options, for messages
 * @throws OptionError ``Expected `k` to be an integer >= 1, got `0` (number)``
 */
export function parseOptions<T extends z.ZodType>(schema: T, options: unknown, of?: string): z.output<T> {
  const parsed = schema.safeParse(options)
  if (parsed.success) return parsed.data
  // A misspelt option is also a missing one. The misspelt name says more.
  const { issues } = parsed.error
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!
  if (issue.code === 'unrecognized_keys') {
    const known = schema instanceof z.ZodObject ? Object.keys(schema.shape) : []
    const [key] = issue.keys
    const [owner, hint] = [of === undefined ? '' : ` of \`${of}\``, didYouMean(key!, known)]
    throw new OptionError(`Unknown option \`${key}\`${owner}${hint}; known: ${known.join(', ') || 'none'}`, [...issue.path, key!])
  }
  if (issue.path.length === 0 && of !== undefined)
    throw new OptionError(
      `Expected the options of \`${of}\` to be ${expectation(undefined, issue)}, got ${describeValue(options)}`,
    )
  const name = String(issue.path[0] ?? 'options')
  const field = schema instanceof z.ZodObject ? (schema.shape[name] as z.ZodType | undefined) : undefined
  throw new OptionError(
    `Expected \`${name}\` to be ${expectation(field, issue)}, got ${describeValue(at(options, issue.path))}`,
    issue.path,
  )
}
