import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { finished, jsonl, root, started } from '../rxargs.js'

let folder: string
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rxargs-tune-slow-'))
})
afterAll(() => rm(folder, { recursive: true, force: true }))

it('tunes the embedded models, and its command decodes with the best setting', { timeout: 300_000 }, async () => {
  const prompts = `${root}data/prompts/sample.jsonl`
  const judge = ['--judge', `${root}data/models/judge-rm`]
  const grid = ['--k', '5,10', '--weight', '0.1,1.5', '--limit', '24', '--max-new-tokens', '16']
  const { code, stdout, stderr } = await finished(started(['tune', prompts, ...judge, ...grid, '-o', 'tuned/', '--json'], folder))
  expect(code, stderr).toBe(0)
  const { best, settings, command } = JSON.parse(stdout)
  // A weight of 0.1 changes little, and greedy replies of so small a model loop.
  expect(best.weight).toBeGreaterThanOrEqual(0.5)
  const rows = new Map(settings.map((row: { name: string; rows: number }) => [row.name, row.rows]))
  expect([rows.get('greedy'), rows.get(best.name)]).toEqual([24, 24])
  expect(stderr).toMatch(/coarse grid, 16 prompts: k-\d+-weight-1.5 leads 4 settings, 2 behind: /)

  const words = command.replace(/^npx rxargs /, '').split(' ')
  const decoded = await finished(started([...words, '--limit', '2'], folder))
  expect(decoded.code, decoded.stderr).toBe(0)
  const made = await finished(started(['cat', 'out/'], folder))
  const tuned = await finished(started(['cat', `tuned/${best.name}`], folder))
  const byId = (text: string) => new Map(jsonl(text).map(({ id, token_ids: ids }) => [id, ids]))
  for (const [id, ids] of byId(made.stdout)) expect(ids).toEqual(byId(tuned.stdout).get(id))
})
