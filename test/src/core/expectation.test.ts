import { describe, expect, it } from 'vitest'
import * as z from 'zod'
import { expectation } from '../../../src/core/expectation.js'
import { fp32Number } from '../../../src/core/fp32Number.js'
import { positiveInteger, positiveNumber } from '../../../src/models/checkpoint/readJson.js'

const said = (schema: z.ZodType, value: unknown): string => expectation(schema, schema.safeParse(value).error!.issues[0]!)

describe('what was expected', () => {
  it.each<[string, z.ZodType, unknown, string]>([
    ['the description of a field', positiveInteger, '1', 'an integer >= 1'],
    ['that of a field that may be missing', positiveNumber.nullish(), '100', 'a number > 0'],
    ['that of a field with a default', positiveNumber.default(1), '100', 'a number > 0'],
    ['else the type', z.number().nullish(), '100', 'a number'],
    ['a list', z.array(z.number()), '100', 'a list'],
    ['an object', z.looseObject({}), '100', 'an object'],
    ['true or false', z.boolean(), 'true', 'true or false'],
    ['text', z.string(), 1, 'text'],
    ['what a check says itself', fp32Number, 1e308, 'a number that fp32 can hold (at most 3.4e38)'],
    ['the description where a check says nothing', z.custom(() => false).describe('a function'), 1, 'a function'],
  ])('is %s', (_, schema, value, expected) => expect(said(schema, value)).toBe(expected))
})
