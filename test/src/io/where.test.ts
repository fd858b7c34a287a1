import { describe, expect, it } from 'vitest'
import { parseWhere } from '../../../src/io/where.js'

const rows = [
  { id: 'a', reward: 1, error: null, completion: 'I like bread.', token_ids: [1, 2], started_at: new Date(0) },
  { id: "b's", reward: -0.5, error: null, completion: '50%', token_ids: [], started_at: new Date(1e12) },
  { id: 'c', reward: null, error: 'too long', completion: null, token_ids: null, started_at: new Date(2e12) },
]
const found = (condition: string) => rows.filter(parseWhere(condition).matches).map(({ id }) => id[0])

describe('parseWhere', () => {
  it.each([
    ['reward > 0', ['a']],
    ['reward >= -0.5', ['a', 'b']],
    ['reward<>1', ['b']],
    ['-0.5 = reward', ['b']],
    ['reward < 1e3 and not reward = 1', ['b']],
    ['reward is null', ['c']],
    ['error IS NOT NULL', ['c']],
    ['not error is null or reward > 0.5', ['a', 'c']],
    ['(reward > 0 or reward < 0) and error is null', ['a', 'b']],
    ['reward > 0 or reward < 0 and error is not null', ['a']],
    ["id = 'b''s'", ['b']],
    ["id in ('a', 'c')", ['a', 'c']],
    ['reward not in (1, 2)', ['b']],
    ["completion like '%bread%'", ['a']],
    ["completion like '__\\%'", []],
    ["completion like '50_'", ['b']],
    ["completion not like 'I%'", ['b']],
    ['length(token_ids) = 0', ['b']],
    ['length("completion") > 3', ['a']],
    ["started_at >= '2001-01-01'", ['b', 'c']],
    ["not (reward > 0 and error = 'x')", ['b', 'c']],
  ])('%s', (condition, ids) => expect(found(condition)).toEqual(ids))

  it.each([
    ['id > 5', 'Expected two numbers or two texts to compare in `--where`, got ["a",5]'],
    ["reward > '0.5'", 'Expected two numbers or two texts to compare in `--where`, got [1,"0.5"]'],
    ['token_ids = 5', 'Expected two numbers or two texts to compare in `--where`, got [[1,2],5]'],
    ["reward in (2, 'a')", 'Expected two numbers or two texts to compare'],
    ["reward like '1%'", 'Expected a text for `like` in `--where`, got 1'],
    ['length(reward) > 1', 'Expected a text or a list for `length` in `--where`, got 1'],
  ])('refuses values of two kinds: %s', (condition, message) => expect(() => found(condition)).toThrow(message))

  it('compares whole numbers by all their digits', () =>
    expect(parseWhere('id = 9007199254740993').matches({ id: 9007199254740992n })).toBe(false))

  it('knows the columns that it reads, each once', () =>
    expect(parseWhere('reward > 0 and (length(token_ids) < 5 or reward is null)').columns).toEqual(['reward', 'token_ids']))

  it.each([
    ['', 'Expected a column at character 1 of `--where`, got its end'],
    ['reward', 'Expected a comparison (=, !=, <, <=, >, >=, like, in, is null) at character 7'],
    ['reward >', 'Expected a column at character 9 of `--where`, got its end'],
    ['reward > 0 id', 'Expected `and`, `or` or the end at character 12 of `--where`, got `id`'],
    ['(reward > 0', 'Expected `)` at character 12'],
    ['reward not > 0', 'Expected `like` or `in` at character 12'],
    ['id like 5', "Expected a pattern in '…' at character 9"],
    ['id in (id)', "Expected a number or a text in '…' at character 8"],
    ['reward is 5', 'Expected `null` at character 11'],
    ['reward > 0; drop table', 'Expected a column, a value or an operator at character 11 of `--where`, got `; drop table`'],
    ["id = 'open", 'Expected a column, a value or an operator at character 6'],
  ])('refuses %s', (condition, message) => expect(() => parseWhere(condition)).toThrow(message))
})
