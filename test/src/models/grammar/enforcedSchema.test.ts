import { describe, expect, it } from 'vitest'
import { OptionError } from '../../../../src/core/errors.js'
import { readGrammar } from '../../../../src/models/grammar/readGrammar.js'
import { xgrammar } from '../../../../src/models/grammar/xgrammar.js'

type Schema = Readonly<Record<string, unknown>>

const END = 256
const bytes = Array.from({ length: END }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`)
const loaded = xgrammar()

/** Whether the grammar of a schema takes each text as a whole, byte by byte. */
async function accepted(schema: Schema, texts: readonly string[]): Promise<boolean[]> {
  const { GrammarCompiler, GrammarMatcher, TokenizerInfo } = loaded.library
  const grammar = await readGrammar({ jsonSchema: schema }, loaded)
  const info = await TokenizerInfo.createTokenizerInfo([...bytes, '</s>'], 'byte_fallback', false, END + 1, [END])
  const compiled = await (await GrammarCompiler.createGrammarCompiler(info)).compileGrammar(grammar)
  const all: boolean[] = []
  for (const text of texts) {
    const matcher = await GrammarMatcher.createGrammarMatcher(compiled)
    all.push([...Buffer.from(text), END].every((token) => !matcher.isTerminated() && matcher.acceptToken(token)))
    matcher.dispose()
  }
  return all
}

const string = { type: 'string' }
const integer = { type: 'integer' }
const closed = { type: 'object', additionalProperties: false }
const [a, ab, abc] = [{ a: string }, { a: string, b: string }, { a: string, b: string, c: string }]
const json = (...values: readonly unknown[]): string[] => values.map((value) => JSON.stringify(value))
const tree = { anyOf: [integer, { type: 'array', items: { $ref: '#/$defs/tree' } }] }
const kind = (value: string, more: Schema = {}) => ({
  ...{ ...closed, properties: { kind: { const: value }, ...more }, required: ['kind', ...Object.keys(more)] },
})

describe('a JSON Schema', () => {
  it.each<[string, Schema, string[], string[]]>([
    ['nothing', {}, ['"a"', '1', '{"a": [1, null]}'], ['a', '"\n"']],
    ['type', string, ['"a"', '"\\n"'], ['1', 'null', '"""', '"\\"', '"\t"']],
    ['a list of types', { type: ['string', 'integer'] }, ['"a"', '1'], ['null', '1.5']],
    ['integer', integer, ['0', '-7', '120'], ['1.5', '01', '"1"']],
    ['number', { type: 'number' }, ['1', '1.5', '-2e10'], ['01', '.5', '1.']],
    ['minLength', { ...string, minLength: 2 }, ['"ab"', '"äö"'], ['"a"', '"\t\t"', '"\\"']],
    ['maxLength', { ...string, maxLength: 2 }, ['""', '"😀b"'], ['"abc"', '"\t"', '"""', '"\u0001"']],
    ['a pattern', { ...string, pattern: '^[a-c]+$' }, ['"abc"'], ['"d"', '"abcd"', '""']],
    ['groups and repetitions', { ...string, pattern: '^(?:ab)+?c{2,3}(d|é)?$' }, ['"abcc"', '"ababcccé"'], ['"abc"', '"abccf"']],
    ['ASCII classes', { ...string, pattern: '^\\d[\\w-]{2}\\.\\/$' }, ['"1a-./"'], ['"aa-./"', '"1a-x/"']],
    ['enum', { enum: ['a"\n', 1, null, [1, { b: 2 }]] }, ['"a\\"\\n"', '1', 'null', '[1,{"b":2}]'], ['"b"', '2', '[1]']],
    ['enum beside type', { ...string, enum: ['a', 'b'] }, json('a', 'b'), json('c', 1)],
    ['const', { const: { a: { b: [1] } } }, ['{"a":{"b":[1]}}'], ['{}', '{"a":{}}']],
    ['items', { type: 'array', items: integer, minItems: 1, maxItems: 2 }, ['[1]', '[1, 2]'], ['[]', '[1, 2, 3]', '["a"]']],
    ['prefixItems', { type: 'array', prefixItems: [string], items: integer }, ['["a", 1]', '["a"]'], ['["a", "b"]', '[1]']],
    ['prefixItems alone', { type: 'array', prefixItems: [string], items: false }, ['["a"]'], ['["a", 1]']],
    [
      'properties',
      { type: 'object', properties: ab, required: ['b'] },
      ['{"b": "x"}', '{"a": "x", "b": "y"}'],
      ['{}', '{"a": "x"}', '{"b": 1}', '{"b": "x", "b": "y"}'],
    ],
    ['minProperties', { ...closed, properties: abc, minProperties: 2 }, ['{"a": "x", "c": "x"}'], ['{}', '{"b": "x"}']],
    [
      'maxProperties',
      { ...closed, properties: abc, maxProperties: 2 },
      ['{"a": "x", "c": "x"}', '{}'],
      ['{"a": "x", "b": "x", "c": "x"}'],
    ],
    [
      'minProperties beside required',
      { ...closed, properties: ab, required: ['b'], minProperties: 2 },
      ['{"a": "x", "b": "x"}'],
      ['{"b": "x"}'],
    ],
    ['additionalProperties', { type: 'object', additionalProperties: integer }, ['{}', '{"c": 1}'], ['{"c": "y"}']],
    ['patternProperties', { ...closed, patternProperties: { '^a+$': integer } }, ['{"aa": 1}'], ['{"aa": "x"}', '{"b": 1}']],
    ['propertyNames', { type: 'object', propertyNames: { ...string, pattern: '^[a-c]+$' } }, ['{"ab": 1}'], ['{"d": 1}']],
    ['anyOf', { anyOf: [string, integer] }, ['"a"', '1'], ['null']],
    ['oneOf of types', { oneOf: [string, { type: ['integer', 'null'] }] }, ['"a"', '1', 'null'], ['true']],
    [
      'oneOf of kinds',
      { oneOf: [kind('x'), kind('y', a)] },
      ['{"kind": "x"}', '{"kind": "y", "a": ""}'],
      ['{"kind": "y"}', '{"kind": "z"}'],
    ],
    ['allOf of one', { allOf: [string] }, ['"a"'], ['1']],
    ['$ref', { $ref: '#/$defs/n', $defs: { n: integer } }, ['1'], ['"a"']],
    [
      '$ref to a property',
      { ...closed, properties: { a: integer, b: { $ref: '#/properties/a' } }, required: ['a', 'b'] },
      ['{"a": 1, "b": 2}'],
      ['{"a": 1, "b": "x"}'],
    ],
    ['a recursive $ref', { $ref: '#/$defs/tree', $defs: { tree } }, ['[1, [2]]', '3'], ['"a"', '["a"]']],
    ['$ref to the root', { ...closed, properties: { n: { $ref: '#' } } }, ['{"n": {"n": {}}}'], ['{"n": {"m": 1}}']],
    [
      'annotations',
      {
        $id: 'https://example.org/a',
        $schema: 'x',
        title: 't',
        description: 'd',
        default: 1,
        examples: [1],
        $comment: 'c',
        ...string,
      },
      ['"a"'],
      ['1'],
    ],
    ['true', { ...closed, properties: { a: true } }, ['{"a": [1]}'], ['{"b": 1}']],
  ])('of %s is held to', async (_, schema, valid, invalid) => {
    expect(await accepted(schema, valid)).toEqual(valid.map(() => true))
    expect(await accepted(schema, invalid)).toEqual(invalid.map(() => false))
  })

  it.each([
    ['date', '2020-01-31', '2020-13-01'],
    ['time', '12:00:00Z', '25:00:00Z'],
    ['date-time', '2020-01-31T12:00:00Z', '2020-01-31'],
    ['duration', 'P1D', '1D'],
    ['email', 'a@b.co', 'a'],
    ['hostname', 'a.b', '-'],
    ['ipv4', '1.2.3.4', '1.2.3.999'],
    ['ipv6', '::1', 'x'],
    ['uri', 'http://a', 'x y'],
    ['uri-reference', 'a/b', 'x y'],
    ['uri-template', 'a{b}', '{'],
    ['uuid', '123e4567-e89b-12d3-a456-426614174000', '123'],
  ])('of the format %s is held to', async (format, valid, invalid) => {
    const texts = json(valid, invalid)
    expect(await accepted({ ...string, format }, [...texts, `"${valid}""`, `"${valid}\\"`])).toEqual([true, false, false, false])
  })

  it.each([
    [undefined, -1],
    [undefined, -10],
    [undefined, 0],
    [-9, undefined],
    [-99, 0],
    [0, undefined],
    [1, 10],
    [99, undefined],
    [18, 120],
    [7, 123],
  ])('of integers from %s to %s is held to', async (minimum, maximum) => {
    const values = Array.from({ length: 401 }, (_, index) => index - 200)
    const within = values.map((value) => value >= (minimum ?? -Infinity) && value <= (maximum ?? Infinity))
    const bounds = { ...(minimum !== undefined && { minimum }), ...(maximum !== undefined && { maximum }) }
    expect(await accepted({ ...integer, ...bounds }, values.map(String))).toEqual(within)
    const exclusive = {
      ...(minimum !== undefined && { exclusiveMinimum: minimum - 1 }),
      ...(maximum !== undefined && { exclusiveMaximum: maximum + 1 }),
    }
    expect(await accepted({ ...integer, ...exclusive }, values.map(String))).toEqual(within)
  })

  /** What `then` is would make the object a promise to whoever waits for it. */
  const conditional = JSON.parse('[{"if":{"type":"string"},"then":{}},{"type":"string","then":{}}]') as [Schema, Schema]

  it.each<[string, Schema]>([
    ['#/multipleOf', { ...integer, multipleOf: 5 }],
    ['#/uniqueItems', { type: 'array', uniqueItems: true }],
    ['#/contains', { type: 'array', contains: { const: 1 } }],
    ['#/not', { ...string, not: { const: 'a' } }],
    ['#/if', conditional[0]],
    ['#/then', conditional[1]],
    ['#/dependentRequired', { ...closed, properties: ab, dependentRequired: { a: ['b'] } }],
    ['#/unevaluatedProperties', { type: 'object', properties: a, unevaluatedProperties: string }],
    ['#/unevaluatedItems', { type: 'array', unevaluatedItems: false }],
    ['#/items', { type: 'array', items: [string] }],
    ['#/$dynamicRef', { $dynamicRef: '#a' }],
    ['#/$defs/a/$anchor', { $ref: '#/$defs/a', $defs: { a: { $anchor: 'a' } } }],
    ['#/$defs/a/$id', { $ref: '#/$defs/a', $defs: { a: { $id: 'a' } } }],
    ['#/$ref', { $ref: 'https://example.org/schema' }],
    ['#/$ref', { $ref: 'other.json#/a' }],
    ['#/$ref', { $ref: '#/$defs/none' }],
    ['#/$ref', { $ref: '#/$defs/a', $defs: { a: { $ref: '#/$defs/b' }, b: { $ref: '#/$defs/a' } } }],
    ['#/$ref', { $ref: '#/$defs/a~1b', $defs: { 'a/b': string } }],
    ['#/maximum', { $ref: '#/$defs/a', maximum: 3, $defs: { a: integer } }],
    ['#/allOf', { allOf: [string, { ...string, maxLength: 3 }] }],
    ['#/type', { ...string, allOf: [{ ...string, maxLength: 1 }] }],
    ['#/type', { ...string, anyOf: [{ maxLength: 1 }] }],
    ['#/oneOf/0', { oneOf: [integer, { type: 'number' }] }],
    ['#/oneOf/0', { oneOf: [kind('x'), { type: 'object' }] }],
    ['#/properties/a/oneOf/1', { ...closed, properties: { a: { oneOf: [string, { enum: [1, 2] }, { const: 2 }] } } }],
    ['#/enum', { const: 1, enum: [2] }],
    ['#/enum', { enum: [] }],
    ['#/type', { ...string, enum: ['a', 1] }],
    ['#/minLength', { minLength: 2 }],
    ['#/minimum', { type: ['integer', 'null'], minimum: 2 }],
    ['#/minimum', { type: 'number', minimum: 1 }],
    ['#/exclusiveMaximum', { type: 'number', exclusiveMaximum: 1 }],
    ['#/minimum', { ...integer, minimum: 1.5 }],
    ['#/maximum', { ...integer, maximum: 1e20 }],
    ['#', { ...integer, minimum: 5, maximum: 4 }],
    ['#', { ...integer, minimum: 5000 }],
    ['#', { ...integer, minimum: -20 }],
    ['#', { ...integer, maximum: 100 }],
    ['#/enum', { enum: [-1, -2] }],
    ['#/enum', { ...string, enum: ['ab-c', '-', '--'] }],
    ['#/anyOf', { anyOf: [{ const: '-a' }, { enum: ['-b'] }] }],
    ['#/minLength', { ...string, minLength: '2' }],
    ['#', { ...string, format: 'date', maxLength: 3 }],
    ['#', { ...string, pattern: '^a$', minLength: 1 }],
    ['#/format', { ...string, format: 'json-pointer' }],
    ['#/format', { ...string, format: 'postcode' }],
    ...[
      'b',
      '^ab',
      'ab$',
      '^a|b$',
      '^.$',
      '^[^a]$',
      '^\\s$',
      '^\\W$',
      '^"$',
      '^\\\\$',
      '^\\n$',
      '^\\ba$',
      '^(?=a)a$',
      '^(a)\\1$',
      '^\\p{L}$',
      '^[à-ü]$',
      '^a$b$',
      '(',
    ].map((pattern): [string, Schema] => ['#/pattern', { ...string, pattern }]),
    ['#/required/0', { type: 'object', required: ['a'] }],
    ['#/required/1', { ...closed, properties: a, required: ['a', 'b'] }],
    ['#/additionalProperties', { type: 'object', properties: a, additionalProperties: integer }],
    ['#/additionalProperties', { type: 'object', properties: a, additionalProperties: true }],
    ['#/patternProperties', { ...closed, properties: a, patternProperties: { '^b$': integer } }],
    ['#/patternProperties', { ...closed, patternProperties: { '^a$': integer, '^b$': string } }],
    ['#/patternProperties/^a', { ...closed, patternProperties: { '^a': integer } }],
    ['#/additionalProperties', { ...closed, propertyNames: string }],
    ['#/minProperties', { type: 'object', additionalProperties: integer, minProperties: 2 }],
    ['#/properties/a\\b', { ...closed, properties: { 'a\\b': string } }],
    ['#/properties/a', { ...closed, properties: { a: false } }],
    ['#/properties/a~1b/foo', { ...closed, properties: { 'a/b': { foo: 1 } } }],
    [
      '#/anyOf/1/items/prefixItems/0/foo',
      { anyOf: [string, { type: 'array', items: { type: 'array', prefixItems: [{ foo: 1 }] } }] },
    ],
    ['#/nullable', { ...string, nullable: true }],
  ])('is refused at %s, which would not be enforced: %j', async (pointer, schema) => {
    const refusal = readGrammar({ jsonSchema: schema }, loaded)
    await expect(refusal).rejects.toThrow(OptionError)
    await expect(refusal).rejects.toThrow(`Expected a JSON Schema that can be enforced, got ${pointer}: `)
  })
})
