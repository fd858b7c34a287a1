import type * as z from 'zod'
import { expectation } from '../../core/expectation.js'
import { didYouMean } from '../../core/nearest.js'
import { describeValue } from '../../core/parseOptions.js'
import { duplicateKey } from '../../core/text/duplicateKey.js'
import { ApiError } from '../ApiError.js'

/** Deeper JSON than any field takes; schemas of replies nest, too. */
const MAX_DEPTH = 64
const SHOWN = 200

/**
 * Reads the JSON of a request. Nothing is ignored: an unknown field, a repeated one and a value out of range are errors that name the field.
 *
 * @throws ApiError 400
 */
export function readBody<T extends z.ZodObject>(json: string, schema: T): z.output<T> {
  checkDepth(json)
  let value: unknown
  try {
    value = JSON.parse(json)
  } catch (error) {
    throw new ApiError(400, `Expected the body to be JSON: ${short((error as Error).message)}`, { code: 'invalid_json' })
  }
  const twice = duplicateKey(json)
  if (twice !== undefined) throw new ApiError(400, `Expected each key once, got ${short(JSON.stringify(twice))} twice`)
  const parsed = schema.safeParse(value)
  if (parsed.success) return parsed.data
  throw refusal(parsed.error.issues, schema, value)
}

/** Counts brackets outside of strings, before anything that recurses sees them. */
function checkDepth(json: string): void {
  let depth = 0
  let inString = false
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at)
    if (inString) {
      if (code === 92) at++
      else if (code === 34) inString = false
    } else if (code === 34) inString = true
    else if (code === 91 || code === 123) {
      depth++
      if (depth > MAX_DEPTH) throw new ApiError(400, `Expected JSON at most ${MAX_DEPTH} levels deep, got more`)
    } else if (code === 93 || code === 125) depth--
  }
}

const short = (text: string): string => (text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text)

const at = (value: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined | null)?.[key], value)

/** Makes `rxargs.weight` of a path. */
const paramOf = (path: readonly PropertyKey[]): string => path.map(String).join('.')

function refusal(issues: readonly z.core.$ZodIssue[], schema: z.ZodObject, value: unknown): ApiError {
  // A misspelt field may also be a missing one. The misspelt name says more.
  const issue = issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0]!
    const known = issue.path.length === 0 ? Object.keys(schema.shape) : []
    const param = short(paramOf([...issue.path, key]))
    return new ApiError(400, `The field \`${param}\` is not supported${didYouMean(short(key), known)}`, {
      param,
      code: 'unsupported_parameter',
    })
  }
  const param = paramOf(issue.path) || null
  const field = fieldAt(schema, issue.path)
  const got = at(value, issue.path)
  if (got === undefined && issue.path.length === 1)
    return new ApiError(400, `Expected \`${param}\`: ${expectation(field, issue)}`, { param, code: 'missing_required_parameter' })
  return new ApiError(
    400,
    `Expected ${param === null ? 'the body' : `\`${param}\``} to be ${expectation(field, issue)}, got ${short(describeValue(got))}`,
    { param, code: 'invalid_value' },
  )
}

/** The deepest schema on the path that is known by name. */
function fieldAt(schema: z.ZodObject, path: readonly PropertyKey[]): z.ZodType | undefined {
  let field: z.ZodType | undefined = schema
  for (const key of path) {
    const inner: z.ZodType | undefined = unwrapped(field)
    const shape = (inner as Partial<z.ZodObject> | undefined)?.shape as Readonly<Record<string, z.ZodType>> | undefined
    if (shape === undefined) return field
    field = shape[String(key)]
  }
  return field
}

function unwrapped(field: z.ZodType | undefined): z.ZodType | undefined {
  const inner = (field?.def as Readonly<{ innerType?: z.ZodType }> | undefined)?.innerType
  return inner === undefined ? field : unwrapped(inner)
}
