import { isDeepStrictEqual } from 'node:util'
import { OptionError } from '../../core/errors.js'
import type { JsonSchema } from '../../core/model.js'
import { integerRange } from './integerRange.js'
import { formOf, type TypeName, typeNames } from './schemaKeywords.js'
import { whyNotEnforced } from './schemaPattern.js'

/** Any character that JSON writes without a backslash. */
const CHARACTER = '[^"\\\\\\x00-\\x1f]'

const BOUNDS = ['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum']

const isObject = (value: unknown): value is JsonSchema => typeof value === 'object' && value !== null && !Array.isArray(value)
const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : [])
const has = (schema: JsonSchema, ...keywords: readonly string[]): boolean => keywords.some((each) => Object.hasOwn(schema, each))
const below = (pointer: string, token: string | number): string =>
  `${pointer}/${String(token).replaceAll('~', '~0').replaceAll('/', '~1')}`

function refuse(pointer: string, reason: string): never {
  throw new OptionError(`Expected a JSON Schema that can be enforced, got ${pointer}: ${reason}`)
}

/**
 * Rewrites a schema so that XGrammar enforces all of it: every text of its grammar is valid by the original schema.
 *
 * XGrammar ignores unknown keywords and some known ones. The list of enforced keywords comes from trials with texts that violate each keyword
 * (test/src/models/grammar/enforcedSchema.test.ts).
 *
 * @throws OptionError with the JSON pointer of a part that XGrammar would not enforce: an unknown keyword, a known one beside a `type` or keyword
 *   that makes XGrammar ignore it, a reference out of the document
 */
export function enforcedSchema(root: JsonSchema): JsonSchema {
  const seen = new Map<string, JsonSchema>()
  const references: { pointer: string; target: string }[] = []

  const visit = (given: unknown, pointer: string, isNamed = true): unknown => {
    if (given === false) return refuse(pointer, '`false` allows no value')
    if (!isObject(given)) return given
    const { $id: _, ...rootWithoutId } = given
    const schema = pointer === '#' ? rootWithoutId : given
    if (isNamed) seen.set(pointer, schema)
    checkKeywords(schema, pointer)
    if (typeof schema.$ref === 'string') references.push({ pointer: below(pointer, '$ref'), target: schema.$ref })
    const inner = Object.entries(schema).map(([keyword, value]) => {
      const at = below(pointer, keyword)
      if (['properties', 'patternProperties', '$defs', 'definitions'].includes(keyword))
        return [keyword, mapValues(value as JsonSchema, (each, name) => visit(each, below(at, name), isNamed))]
      if (['anyOf', 'oneOf', 'allOf', 'prefixItems'].includes(keyword))
        return [keyword, listOf(value).map((each, index) => visit(each, below(at, index), false))]
      if (keyword === 'additionalProperties' || keyword === 'items')
        return [keyword, value === false ? value : visit(value, at, isNamed)]
      return [keyword, keyword === 'propertyNames' ? visit(value, at, isNamed) : value]
    })
    return written(Object.fromEntries(inner) as JsonSchema)
  }

  const enforced = visit(root, '#') as JsonSchema
  for (const { pointer, target } of references) checkReference(seen, pointer, target)
  for (const [pointer, schema] of seen) checkOneOf(schema, pointer, seen)
  return enforced
}

const mapValues = (object: JsonSchema, of: (value: unknown, name: string) => unknown): JsonSchema =>
  Object.fromEntries(Object.entries(object).map(([name, value]) => [name, of(value, name)]))

function checkKeywords(schema: JsonSchema, pointer: string): void {
  const { name, keywords } = formOf(schema)
  for (const [keyword, value] of Object.entries(schema)) {
    const allowed = Object.hasOwn(keywords, keyword) ? keywords[keyword] : undefined
    if (!allowed) refuse(below(pointer, keyword), `\`${keyword}\` is not enforced beside ${name}`)
    const parsed = allowed.safeParse(value)
    const expected = allowed.description ?? parsed.error?.issues[0]?.message
    if (!parsed.success) refuse(below(pointer, keyword), `expected ${expected}, got ${JSON.stringify(value)}`)
  }
  if (has(schema, 'const', 'enum')) checkValues(schema, pointer)
  for (const keyword of ['anyOf', 'oneOf'])
    checkHyphens(
      listOf(schema[keyword]).flatMap((each) => (isObject(each) ? (valuesOf(each) ?? []) : [])),
      below(pointer, keyword),
    )
  if (schema.type === 'string') checkString(schema, pointer)
  if (schema.type === 'integer' && has(schema, ...BOUNDS) && !integerRange(schema))
    refuse(
      pointer,
      'expected bounds with integers between them; up to 1,000 integers beside whole ranges of digits (10 … 99, 100 … 999); below zero only whole ranges (-9, -99, -999 …)',
    )
  if (schema.type === 'object') checkObject(schema, pointer)
}

const typeOf = (value: unknown): TypeName =>
  value === null ? 'null' : Array.isArray(value) ? 'array' : Number.isInteger(value) ? 'integer' : (typeof value as TypeName)

/** XGrammar enforces the values and ignores `type`, so this checks them against it. */
function checkValues({ type, ...schema }: JsonSchema, pointer: string): void {
  const values = 'const' in schema ? [schema.const] : listOf(schema.enum)
  checkHyphens(values, below(pointer, 'enum'))
  if (type === undefined) return
  const types = [type].flat()
  const other = values.find((value) => !types.includes(typeOf(value)) && !(types.includes('number') && typeof value === 'number'))
  if (other !== undefined) refuse(below(pointer, 'type'), `the value ${JSON.stringify(other)} is of another type`)
}

/** XGrammar mixes up the values of a list if several have a hyphen: -3 … -20 include -29, and `--`, `-` and `a-b` include `---`. */
function checkHyphens(values: readonly unknown[], pointer: string): void {
  if (values.filter((value) => JSON.stringify(value).includes('-')).length > 1)
    refuse(pointer, 'a list in which several values have a hyphen is not enforced')
}

function checkString(schema: JsonSchema, pointer: string): void {
  const kinds = [['pattern'], ['format'], ['minLength', 'maxLength']].filter((keywords) => has(schema, ...keywords))
  if (kinds.length > 1) refuse(pointer, `only one of ${kinds.flat().join(', ')} is enforced`)
  const reason = typeof schema.pattern === 'string' ? whyNotEnforced(schema.pattern) : undefined
  if (reason !== undefined) refuse(below(pointer, 'pattern'), reason)
}

/** Keys that a schema names are written once and in order; free keys may come twice, and what they hold may differ from what a name asks. */
function checkObject(schema: JsonSchema, pointer: string): void {
  const names = isObject(schema.properties) ? Object.keys(schema.properties) : []
  const free = ['additionalProperties', 'patternProperties', 'propertyNames'].filter((each) => has(schema, each))
  const open = free.filter((keyword) => schema[keyword] !== false)
  const missing = listOf(schema.required).findIndex((name) => !names.includes(String(name)))
  if (missing !== -1) refuse(below(below(pointer, 'required'), missing), 'only names in `properties` can be required')
  if (names.length > 0 && open.length > 0)
    refuse(below(pointer, open[0]!), `\`${open[0]}\` is not enforced beside \`properties\``)
  const [first, second] = open
  if (second !== undefined || (first === 'propertyNames' && free.length > 1))
    refuse(below(pointer, second ?? 'additionalProperties'), `not enforced beside \`${first}\``)
  for (const keyword of ['minProperties', 'maxProperties'])
    if (has(schema, keyword) && names.length === 0) refuse(below(pointer, keyword), 'only names in `properties` are counted')
  const escaped = names.find((name) => JSON.stringify(name) !== `"${name}"`)
  if (escaped !== undefined) refuse(below(below(pointer, 'properties'), escaped), 'names with escapes are not supported')
  const patterns = isObject(schema.patternProperties) ? Object.keys(schema.patternProperties) : []
  if (patterns.length > 1) refuse(below(pointer, 'patternProperties'), 'only one pattern is enforced')
  for (const pattern of patterns) {
    const reason = whyNotEnforced(pattern)
    if (reason !== undefined) refuse(below(below(pointer, 'patternProperties'), pattern), reason)
  }
}

function checkReference(seen: ReadonlyMap<string, JsonSchema>, pointer: string, target: string): void {
  if (!target.startsWith('#')) refuse(pointer, `\`${target}\` is another document; only references within this one are followed`)
  const passed = new Set<string>()
  for (let next: unknown = target; typeof next === 'string'; next = seen.get(next)?.$ref) {
    if (!seen.has(next) || /[~%]/.test(next))
      refuse(pointer, `expected the JSON pointer of a schema that is not in a list, got \`${next}\``)
    if (passed.has(next)) refuse(pointer, `\`${target}\` refers to itself`)
    passed.add(next)
  }
}

/** Rewrites one schema in keywords that XGrammar enforces in full. */
function written(schema: JsonSchema): JsonSchema {
  if (schema.type === 'string' && has(schema, 'minLength', 'maxLength')) {
    const { minLength = 0, maxLength = '', ...others } = schema
    if (typeof maxLength === 'number' && maxLength < Number(minLength)) return schema
    // XGrammar's own lengths let tabs and control characters into a string.
    return { ...others, pattern: `^${CHARACTER}{${String(minLength)},${String(maxLength)}}$` }
  }
  if (schema.type !== 'integer' || !has(schema, ...BOUNDS)) return schema
  const { $defs, definitions } = schema
  return { ...integerRange(schema), ...($defs !== undefined && { $defs }), ...(definitions !== undefined && { definitions }) }
}

/** XGrammar treats `oneOf` as `anyOf`. That is the same if no value fits two of the schemas. */
function checkOneOf(schema: JsonSchema, pointer: string, seen: ReadonlyMap<string, JsonSchema>): void {
  const resolved = (one: unknown): unknown => (isObject(one) && typeof one.$ref === 'string' ? resolved(seen.get(one.$ref)) : one)
  const apart = (first: unknown, second: unknown): boolean => {
    const [one, other] = [resolved(first), resolved(second)]
    if (!isObject(one) || !isObject(other)) return false
    const [values, others] = [valuesOf(one), valuesOf(other)]
    if (values && others) return values.every((value) => !others.some((each) => isDeepStrictEqual(value, each)))
    const [types, otherTypes] = [typesOf(one), typesOf(other)]
    if (types.every((type) => !otherTypes.includes(type))) return true
    const [named, otherNamed] = [one.properties, other.properties]
    if (one.type !== 'object' || other.type !== 'object' || !isObject(named) || !isObject(otherNamed)) return false
    return listOf(one.required).some(
      (name) => listOf(other.required).includes(name) && apart(named[String(name)], otherNamed[String(name)]),
    )
  }
  for (const one of nested(schema)) {
    const all = listOf(one.oneOf)
    all.forEach((first, index) => {
      if (all.slice(index + 1).some((second) => !apart(first, second)))
        refuse(below(below(pointer, 'oneOf'), index), 'a value may fit this schema of `oneOf` and a later one; use `anyOf`')
    })
  }
}

/** The schema and those in its lists. They share one pointer. */
const nested = (schema: JsonSchema): JsonSchema[] => [
  schema,
  ...['anyOf', 'oneOf', 'allOf', 'prefixItems'].flatMap((keyword) => listOf(schema[keyword]).filter(isObject).flatMap(nested)),
]

const valuesOf = (schema: JsonSchema): readonly unknown[] | undefined =>
  has(schema, 'const') ? [schema.const] : has(schema, 'enum') ? listOf(schema.enum) : undefined

/** `integer` is itself. `number` is both, because a whole number is both. */
const typesOf = (schema: JsonSchema): readonly TypeName[] => {
  const values = valuesOf(schema)
  const types = values ? values.map(typeOf) : schema.type === undefined ? typeNames : ([schema.type].flat() as TypeName[])
  return types.includes('number') ? [...types, 'integer'] : types
}
