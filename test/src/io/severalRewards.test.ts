import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readColumns } from '../../../src/io/readRows.js'
import { toParquet } from '../../../src/io/toParquet.js'
import { tempFolder } from '../../tempFolder.js'
import { query } from './duckdb.js'
import { errorRow, fakeRun, gathered, meta, row } from './fakeRun.js'

let folder: string
tempFolder((path) => {
  folder = join(path, 'out')
})

const runMeta = meta({ rewards: ['safe', 'short', 'v1.5-rm'] })
const otherRewards = { short: { reward: -2, rewards: [-0.5, -1, -2] }, 'v1.5-rm': { reward: 7, rewards: null } }

describe('rows of a run with several rewards', () => {
  it('have a column of each, which DuckDB reads', async () => {
    await toParquet(folder, fakeRun([row('a', { otherRewards })], { runMeta }))
    expect(
      await query(`select reward, rewards, reward_short, rewards_short, "reward_v1.5-rm" v, "rewards_v1.5-rm" vs
        from '${folder}/*.parquet'`),
    ).toEqual([{ reward: 0.5, rewards: [0.25, 0.5, 0.75], reward_short: -2, rewards_short: [-0.5, -1, -2], v: 7, vs: null }])
    expect((await gathered(readColumns(folder)))[0]).toMatchObject({ 'reward_v1.5-rm': 7, rewards_short: [-0.5, -1, -2] })
  })

  it("have each one's candidates in a trace", async () => {
    const step = { tokenIds: Int32Array.of(3, 4), logits: Float32Array.of(2, 1), scores: Float32Array.of(2, 1) }
    const trace = [{ ...step, rewards: Float32Array.of(1, 0), otherRewards: { short: Float32Array.of(-1, -2) } }]
    const traced = meta({ ...runMeta.spec, trace: true })
    await toParquet(folder, fakeRun([row('a', { otherRewards, trace })], { runMeta: traced }))
    expect(
      await query(`select candidate_rewards, candidate_rewards_short, "candidate_rewards_v1.5-rm" v from '${folder}/*.parquet'`),
    ).toEqual([{ candidate_rewards: [[1, 0]], candidate_rewards_short: [[-1, -2]], v: [null] }])
  })

  it('have the same columns in every part, including parts of error rows and retried rows', async () => {
    const policy = () => ({ rows: 1, milliseconds: 1000 })
    await toParquet(folder, fakeRun([errorRow('a'), row('b', { otherRewards })], { runMeta }), { policy })
    const columns = (file: string) =>
      query(`describe select * from '${folder}/${file}'`).then((all) => all.map(({ column_name: name }) => name))
    expect(await columns('part-00000.parquet')).toEqual(await columns('part-00001.parquet'))
    await toParquet(folder, fakeRun([row('a', { otherRewards })], { runMeta }), { retryErrors: true })
    expect(await query(`select id, reward_short from '${folder}/part-*.parquet' order by id`)).toEqual([
      { id: 'a', reward_short: -2 },
      { id: 'b', reward_short: -2 },
    ])
  })

  it('do not mix with rows of other rewards', async () => {
    await toParquet(folder, fakeRun([row('a', { otherRewards })], { runMeta }))
    const other = fakeRun([row('b')], { runMeta: meta({ rewards: ['safe', 'kind', 'v1.5-rm'] }) })
    await expect(toParquet(folder, other)).rejects.toThrow('`rewards[1]` "short", but this run has "kind"')
  })
})
