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
    ['token_ids', { tokenIds: [1, 2 ** 31] }, 'Expected `token_ids` to be INT32, got `2147483648` (number)'],
  ])('names a value of `%s` that its column cannot hold: %j', async (_, fields, message) => {
    await expect(toParquet(folder, fakeRun([row('a'), row('b', fields), row('c')]))).rejects.toThrow(message)
  })
})
