import * as z from 'zod'

/** Formats that XGrammar enforces, though a `date` may be February 31. `json-pointer` is missing because it lets unescaped quotes into a string. */
const FORMATS = [
  ...['date', 'time', 'date-time', 'duration', 'email', 'hostname', 'ipv4', 'ipv6'],
  ...['uri', 'uri-reference', 'uri-template', 'uuid'],
] as const

const count = z.int().min(0).describe('an integer >= 0')
const whole = z.int().describe('an integer of at most 2^53')
const schema = z.union([z.boolean(), z.record(z.string(), z.unknown())]).describe('a schema')
const schemas = z.array(schema).min(1).describe('a list of schemas')
const byName = z.record(z.string(), schema).describe('an object of schemas')

/** Keywords that do not restrict values. */
const annotations = {
  ...{ title: z.unknown(), description: z.unknown(), default: z.unknown(), examples: z.unknown(), $comment: z.unknown() },
  ...{ deprecated: z.unknown(), readOnly: z.unknown(), writeOnly: z.unknown(), $schema: z.unknown() },
  ...{ $defs: byName, definitions: byName },
}

/** Enforced keywords by `type`. */
const ofType = {
  string: {
    pattern: z.string().describe('text'),
    format: z.enum(FORMATS).describe(`one of ${FORMATS.join(', ')}`),
    minLength: count,
    maxLength: count,
  },
  integer: { minimum: whole, maximum: whole, exclusiveMinimum: whole, exclusiveMaximum: whole },
  number: {},
  boolean: {},
  null: {},
  array: {
    items: schema,
    prefixItems: schemas,
    minItems: count,
    maxItems: count,
    uniqueItems: z.literal(false).describe('false'),
  },
  object: {
    ...{ properties: byName, required: z.array(z.string()).describe('a list of names') },
    ...{ additionalProperties: schema, patternProperties: byName, propertyNames: schema },
    ...{ minProperties: count, maxProperties: count },
  },
} as const
export type TypeName = keyof typeof ofType
export const typeNames = Object.keys(ofType) as TypeName[]

/** The first of these keywords in a schema decides its form. All its other keywords must be annotations. */
const forms: Readonly<Record<string, Readonly<Record<string, z.ZodType>>>> = {
  $ref: { $ref: z.string().describe('text') },
  const: { const: z.unknown(), type: z.unknown() },
  enum: { enum: z.array(z.unknown()).min(1).describe('a list of values'), type: z.unknown() },
  anyOf: { anyOf: schemas },
  oneOf: { oneOf: schemas },
  allOf: { allOf: schemas.max(1).describe('a list of one schema: several are not enforced together') },
}

export type Form = Readonly<{ name: string; keywords: Readonly<Record<string, z.ZodType>> }>

/** Allowed keywords of a schema, by its form or its `type`. */
export function formOf(given: Readonly<Record<string, unknown>>): Form {
  const named = Object.keys(forms).find((keyword) => Object.hasOwn(given, keyword))
  if (named !== undefined) return { name: `\`${named}\``, keywords: { ...annotations, ...forms[named] } }
  const type = z
    .enum(typeNames)
    .or(z.array(z.enum(typeNames)).min(1))
    .describe(`one of ${typeNames.join(', ')}, or a list`)
  const { type: name } = given
  const own = typeof name === 'string' && Object.hasOwn(ofType, name) ? ofType[name as TypeName] : {}
  const said = typeof name === 'string' ? `type ${name}` : name === undefined ? 'a schema without `type`' : 'a list of types'
  return { name: said, keywords: { ...annotations, type, ...own } }
}
