import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { toParquet } from '../../../../src/io/toParquet.js'
import { tempFolder } from '../../../tempFolder.js'
import { query } from '../duckdb.js'
import { fakeRun, many, row } from '../fakeRun.js'

let folder: string
tempFolder((path) => {
  folder = join(path, 'out')
})

describe('a part file', () => {
  it('has the columns of each row in all row groups of a part, whatever row brings them first', async () => {
    const rows = many(2300, (index) => ({
      ...(index === 2200 && { otherRewards: { short: { reward: 0.5, rewards: [1, 2, 3] } } }),
      ...(index === 700 && { input: { topic: 'x' } }),
    }))
    await toParquet(folder, fakeRun([...rows, row('after')]), { policy: () => ({ rows: 2300, milliseconds: 10_000 }) })
    const part = (number: number) => `'${folder}/part-0000${number}.parquet'`
    expect(await query(`select distinct row_group_num_rows::int n from parquet_metadata(${part(0)}) order by n`)).toEqual([
      { n: 300 },
      { n: 1000 },
    ])
    expect(
      await query(
        `select id, rewards_short, input->>'$.topic' topic from ${part(0)} where reward_short > 0 or input is not null`,
      ),
    ).toEqual([
      { id: 'r700', rewards_short: null, topic: 'x' },
      { id: 'r2200', rewards_short: [1, 2, 3], topic: null },
    ])
    expect((await query(`describe select * from ${part(1)}`)).map(({ column_name: name }) => name)).not.toContain('input')
  })

  it.each([
    ['sample', { sample: 0.5 }, 'Expected `sample` to be INT32, got `0.5` (number)'],
    ['sample', { sample: Number.NaN }, 'Expected each row to have `sample`'],
    ['id', { id: 7 }, 'Expected `id` to be UTF8, got `7` (number)'],
  ])('ends a run by name at a row that has no key, and writes the earlier rows: %s %j', async (_, fields, message) => {
    const rows = [row('a'), row('b', fields as object), row('c')]
    await expect(toParquet(folder, fakeRun(rows, { open: 1 }))).rejects.toThrow(message)
    expect(await query(`select id, reward from '${folder}/*.parquet'`)).toEqual([{ id: 'a', reward: 0.5 }])
  })

  const step = { tokenIds: new Int32Array([1]), logits: new Float32Array([2]), scores: new Float32Array([2]) }
  it.each([
    [{ tokenIds: [1, 2 ** 31] }, '`token_ids` to be INT32, got `2147483648` (number)'],
    [{ reward: 'high' }, '`reward` to be DOUBLE, got `high` (string)'],
    [{ scores: [1, '2', 3] }, '`scores` to be FLOAT, got `2` (string)'],
    [{ rewards: 3 }, '`rewards` to be a list, got `3` (number)'],
    [{ logits: 'abc' }, '`logits` to be a list, got `abc` (string)'],
    [{ completion: 5 }, '`completion` to be UTF8, got `5` (number)'],
    [{ prompt: ['p'] }, '`prompt` to be UTF8, got `p` (object)'],
    [{ seed: '7' }, '`seed` to be INT64, got `7` (string)'],
    [{ otherRewards: { safe: { reward: true, rewards: [1] } } }, '`reward_safe` to be DOUBLE, got `true` (boolean)'],
    [{ trace: [step, { ...step, scores: ['x'] }] }, '`candidate_scores` to be FLOAT, got `x` (string)'],
    [{ trace: 'none' }, '`candidate_ids` to be a list, got `none` (string)'],
  ])(
    'writes an error row for a row with a value that its column cannot hold, and every other row: %j',
    async (fields, message) => {
      const rows = ['a', 'b', 'c', 'd'].map((id) =>
        row(id, { userMessage: 'u', ...(id === 'b' ? (fields as object) : { rewards: [1, 2], tokenIds: [4] }) }),
      )
      expect(await toParquet(folder, fakeRun(rows))).toMatchObject({ written: 4, errors: 1 })
      expect(
        await query(`select id, user_message, error, reward, rewards, token_ids from '${folder}/*.parquet' order by id`),
      ).toEqual(
        ['a', 'b', 'c', 'd'].map((id) =>
          id === 'b'
            ? { id, user_message: 'u', error: `Expected ${message}`, reward: null, rewards: null, token_ids: null }
            : { id, user_message: 'u', error: null, reward: 0.5, rewards: [1, 2], token_ids: [4] },
        ),
      )
      // The same run goes on as if nothing had been wrong.
      expect(await toParquet(folder, fakeRun(rows))).toMatchObject({ written: 0, skipped: 4, skippedErrors: 1 })
      expect(await toParquet(folder, fakeRun(['a', 'b', 'c', 'd'].map((id) => row(id))), { retryErrors: true })).toMatchObject({
        written: 1,
        errors: 0,
      })
    },
  )

  it('has no columns of a row that it could not keep', async () => {
    const wrong = row('b', { otherRewards: { safe: { reward: 1, rewards: 'x' as never } } })
    await toParquet(folder, fakeRun([row('a'), wrong]))
    expect((await query(`describe select * from '${folder}/*.parquet'`)).map(({ column_name: name }) => name)).not.toContain(
      'reward_safe',
    )
  })
})
