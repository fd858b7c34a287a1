import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { readRows } from '../../../src/io/readRows.js'
import { jsonl, pair, reward, root, rxargs } from '../cli/rxargs.js'

const camel = (name: string): string => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase())

describe('readRows', () => {
  it('uses the field names of rows, and keeps the names of further rewards', async () => {
    const out = join(await mkdtemp(join(tmpdir(), 'rxargs-rows-')), 'out')
    const args = ['generate', `${root}data/prompts/sample.jsonl`, ...pair, '--reward', `my_other_rm=${reward}`]
    await rxargs([...args, '--limit', '1', '--max-new-tokens', '2', '--trace', '-o', out])
    const rows: Record<string, unknown>[] = []
    for await (const row of readRows(out)) rows.push(row)
    const names = ['reward', 'rewards', 'candidate_rewards'].map((kind) => `${kind}_my_other_rm`)
    const columns = Object.keys(jsonl((await rxargs(['cat', out])).stdout)[0]!)
    expect(columns).toEqual(expect.arrayContaining(names))
    const own = columns.filter((column) => !names.includes(column)).map(camel)
    expect(Object.keys(rows[0]!).sort()).toEqual(
      [...own, 'reward_my_other_rm', 'rewards_my_other_rm', 'candidateRewards_my_other_rm'].sort(),
    )
    expect(rows[0]).toMatchObject({ finishReason: 'length', tokenIds: expect.any(Array), candidateRewards: expect.any(Array) })
    const some: Record<string, unknown>[] = []
    for await (const row of readRows(out, ['id', 'tokenIds'])) some.push(row)
    expect(some).toEqual([{ id: rows[0]!.id, tokenIds: rows[0]!.tokenIds }])
  })
})
