import type * as z from 'zod'
import { expectation } from '../../core/expectation.js'
import { didYouMean } from '../../core/nearest.js'
import { describeValue } from '../../core/parseOptions.js'
import { duplicateKey } from '../../core/text/duplicateKey.js'
import { ApiError } from '../ApiError.js'
import { rxargsFields } from './rxargsFields.js'

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
  const issue = innermost(issues.find(({ code }) => code === 'unrecognized_keys') ?? issues[0]!, value)
  if (issue.code === 'unrecognized_keys') {
    const key = issue.keys[0]!
    const known = Object.keys(shapeOf(fieldAt(schema, issue.path)) ?? {})
    const param = short(paramOf([...issue.path, key]))
    return new ApiError(400, `The field \`${param}\` is not supported${hint(key, known, issue.path.length === 0)}`, {
      param,
      code: 'unsupported_parameter',
    })
  }
  const param = paramOf(issue.path) || null
  const field = fieldAt(schema, issue.path)
  if (issue.code === 'invalid_key') {
    const owner = paramOf(issue.path.slice(0, -1))
    const message = `Expected the keys of \`${owner}\` to be ${keysOf(fieldAt(schema, issue.path.slice(0, -1)))}, got \`${short(String(issue.path.at(-1)))}\``
    return new ApiError(400, message, { param, code: 'invalid_value' })
  }
  const got = at(value, issue.path)
  if (got === undefined && issue.path.length === 1)
    return new ApiError(400, `Expected \`${param}\`: ${expectation(field, issue)}`, { param, code: 'missing_required_parameter' })
  return new ApiError(
    400,
    `Expected ${param === null ? 'the body' : `\`${param}\``} to be ${expectation(field, issue)}, got ${short(describeValue(got))}`,
    { param, code: 'invalid_value' },
  )
}

/** Names that others give to our own fields. */
const ours: Readonly<Record<string, string>> = { top_k: 'k' }

/** Points to a field of ours that stands beside OpenAI's, or to a similar name. */
function hint(key: string, known: readonly string[], isTop: boolean): string {
  const own = Object.hasOwn(ours, key) ? ours[key]! : key
  if (isTop && Object.hasOwn(rxargsFields.shape, own)) return ` (did you mean \`rxargs.${own}\`?)`
  return didYouMean(short(key), known)
}

/** For an object that may have one of several forms, what is wrong inside of the form for objects. */
function innermost(issue: z.core.$ZodIssue, value: unknown): z.core.$ZodIssue {
  if (issue.code !== 'invalid_union') return issue
  const given = at(value, issue.path)
  if (typeof given !== 'object' || given === null || Array.isArray(given)) return issue
  const forms = issue.errors.filter((issues) => issues.every(({ code, path }) => path.length > 0 || code === 'unrecognized_keys'))
  const inner = forms.length === 1 ? forms[0]![0] : undefined
  return inner === undefined ? issue : innermost({ ...inner, path: [...issue.path, ...inner.path] }, value)
}

type Definition = Readonly<{
  innerType?: z.ZodType
  element?: z.ZodType
  options?: readonly z.ZodType[]
  keyType?: z.ZodType
  valueType?: z.ZodType
}>

const definitionOf = (field: z.ZodType | undefined): Definition => (field?.def ?? {}) as Definition

const keysOf = (field: z.ZodType | undefined): string => definitionOf(unwrapped(field)).keyType?.description ?? 'names'

/** The deepest schema on the path that says what it expects. */
function fieldAt(schema: z.ZodObject, path: readonly PropertyKey[]): z.ZodType | undefined {
  let [field, described]: (z.ZodType | undefined)[] = [schema, schema]
  for (const key of path) {
    field = inside(unwrapped(field), key)
    if (field === undefined) break
    if (isDescribed(field)) described = field
  }
  return described
}

const isDescribed = (field: z.ZodType): boolean => field.description !== undefined || unwrapped(field)?.description !== undefined

/** The schema of a key, an item, or the same of the one form that has such. */
function inside(field: z.ZodType | undefined, key: PropertyKey): z.ZodType | undefined {
  const shape = shapeOf(field)
  if (shape) return shape[String(key)]
  const { element, valueType, options = [] } = definitionOf(field)
  return element ?? valueType ?? options.map((option) => inside(unwrapped(option), key)).find((found) => found !== undefined)
}

const shapeOf = (field: z.ZodType | undefined) =>
  (unwrapped(field) as Partial<z.ZodObject> | undefined)?.shape as Readonly<Record<string, z.ZodType>> | undefined

function unwrapped(field: z.ZodType | undefined): z.ZodType | undefined {
  const inner = definitionOf(field).innerType
  return inner === undefined ? field : unwrapped(inner)
}
