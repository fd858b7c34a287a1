import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { s3Store } from '../../../src/io/stores/s3Store.js'
import { tempFolder } from '../../tempFolder.js'
import { type ConditionalS3, conditionalS3, KEEPS_OBJECTS, server, WITHOUT_SERVER } from '../io/sources/conditionalS3.js'
import { finished, jsonl, lines, pair, reward, rxargs, started, tiny } from './rxargs.js'

let folder: string
tempFolder((path) => {
  folder = path
})

const PROMPTS = 24
async function input(): Promise<string> {
  const path = join(folder, 'in.jsonl')
  const rows = Array.from({ length: PROMPTS }, (_, index) => ({ id: `row-${index}`, prompt: `Tell me about ${index}` }))
  await writeFile(path, lines(...rows))
  return path
}

const partsOf = async (place: string) => (await s3Store(place).list()).filter((name) => name.startsWith('part-')).length
/** Decodes slowly enough to be broken. */
const slowly = [...pair, '--max-new-tokens', '12', '--concurrency', '2', '--part-rows', '2']

describe.skipIf(server === undefined)(`rxargs on S3${server === undefined ? ` (skipped: ${WITHOUT_SERVER})` : ''}`, () => {
  let s3: ConditionalS3
  beforeAll(async () => {
    s3 = await conditionalS3()
  })
  afterAll(() => s3?.close())

  it('writes a run that every verb reads', async () => {
    const [prompts, place, local] = [await input(), 's3://data/verbs/run', join(folder, 'run')]
    const flags = [prompts, ...tiny, '--trace', '--samples', '2']
    const made = await rxargs(['generate', ...flags, '-o', place])
    expect(made).toMatchObject({ code: 0, stderr: expect.stringMatching(/48 rows in \d files? in s3:\/\/data\/verbs\/run/) })
    expect((await rxargs(['generate', ...flags, '-o', place])).stderr).toContain('Nothing to do')
    expect((await rxargs(['generate', ...flags, '-o', local])).code).toBe(0)
    expect((await rxargs(['generate', ...flags, '-o', place, '--dry-run'])).stdout).toMatch(
      /s3:\/\/data\/verbs\/run: \d part files now/,
    )

    const columns = ['--columns', 'id,sample,completion,token_ids,reward,candidate_ids,prompt_hash']
    const rowsOf = async (path: string) =>
      jsonl((await rxargs(['cat', path, ...columns])).stdout)
        .map((each) => JSON.stringify(each))
        .toSorted()
    expect(await rowsOf(place)).toEqual(await rowsOf(local))
    expect((await rowsOf(place)).length).toBe(2 * PROMPTS)

    expect((await rxargs(['verify', `${place}/`, '--input', prompts])).stdout).toMatch(
      /^48 rows in \d files: complete, each once, undamaged\n$/,
    )
    const merged = join(folder, 'all.parquet')
    expect((await rxargs(['merge', place, '-o', merged])).code).toBe(0)
    expect(await rowsOf(merged)).toEqual(await rowsOf(local))

    const { runs } = JSON.parse((await rxargs(['eval', place, local, '--json'])).stdout)
    expect({ ...runs[0], name: '' }).toEqual({ ...runs[1], name: '' })
    expect((await rxargs(['why', place, 'row-3', '--sample', '1', '--json'])).stdout).toBe(
      (await rxargs(['why', local, 'row-3', '--sample', '1', '--json'])).stdout,
    )
    expect((await rxargs(['judge', place, local, '--judge', `rm:${reward}`, '--prompts', '4'])).stdout).toContain(place)
    const page = join(folder, 'page.html')
    expect(await rxargs(['report', place, local, '-o', page])).toMatchObject({ code: 0 })
    expect(await readFile(page, 'utf8')).toContain('<th scope="row">s3://data/verbs/run</th>')
    const scored = await rxargs(['score', place, '--reward', reward, '-o', 's3://data/verbs/scored'])
    expect(scored).toMatchObject({ code: 0, stderr: expect.stringContaining('48 rows') })
    expect((await rxargs(['verify', 's3://data/verbs/scored', '--input', place])).stdout).toContain('48 rows in')
  })

  it('refuses an address that cannot be written before it loads models, and verbs that write other files', async () => {
    const prompts = await input()
    const missing = ['--lm', join(folder, 'no-model')]
    for (const [place, code, message] of [
      ['s3://none/run', 1, 'Expected to write into s3://none/run: there is no bucket `none` at http://127.0.0.1:'],
      ['s3://', 2, 'Expected s3://BUCKET/KEY, got `s3://`'],
      ['https://example.invalid/run', 1, 'Expected a folder of this machine, got https://example.invalid/run'],
    ] as const)
      expect(await rxargs(['generate', prompts, ...missing, '-o', place])).toMatchObject({
        code,
        stderr: expect.stringContaining(message),
      })
    for (const args of [
      ['sweep', prompts, ...tiny, '--weight', '1', '-o', 's3://data/other'],
      ['merge', prompts, '-o', 's3://data/all.parquet'],
      ['report', 's3://data/verbs/none', '-o', 's3://data/page.html'],
    ])
      expect(await rxargs(args)).toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/Expected a (folder|file) of this machine, got s3:\/\/data\//),
      })
    for (const verb of [['cat'], ['eval'], ['verify']])
      expect((await rxargs([...verb, 's3://data/none'])).stderr).toMatch(
        /^rxargs: Expected .*s3:\/\/data\/none, found (nothing there|none)/,
      )
  })

  it.each([1, 3, 6])('loses no row and has none twice after kill -9 at part %i', async (count) => {
    const [prompts, place] = [await input(), `s3://data/killed/${count}`]
    const child = started(['generate', prompts, ...slowly, '-o', place])
    const end = finished(child)
    while ((await partsOf(place)) < count && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5))
    child.kill('SIGKILL')
    await end
    expect(await s3Store(place).list()).toContain('.run.lock')
    const before = jsonl((await rxargs(['cat', place, '--columns', 'id,started_at'])).stdout)
    expect(before.length).toBeGreaterThanOrEqual(2 * count)
    // The owner of the lock was a process of this machine, so nobody waits for the end of its lease.
    const again = await finished(started(['generate', prompts, ...slowly, '-o', place]))
    expect(again).toMatchObject({ code: 0 })
    expect((await rxargs(['verify', place, '--input', prompts])).stdout).toMatch(
      /^24 rows in \d+ files: complete, each once, undamaged\n$/,
    )
    expect(jsonl((await rxargs(['cat', place, '--columns', 'id,started_at'])).stdout)).toEqual(expect.arrayContaining(before))
    expect((await s3Store(place).list()).filter((name) => name.startsWith('.'))).toEqual([])
  })

  it('refuses a second run at once, and ends well when interrupted', async () => {
    const [prompts, place] = [await input(), 's3://data/twice']
    const child = started(['generate', prompts, ...slowly, '-o', place])
    const end = finished(child)
    while ((await partsOf(place)) < 1 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5))
    // It stands still, so that it has not ended when the second one comes.
    child.kill('SIGSTOP')
    const second = await rxargs(['generate', prompts, ...slowly, '-o', place])
    child.kill('SIGINT')
    child.kill('SIGCONT')
    const { code } = await end
    expect(second).toMatchObject({ code: 1, stderr: expect.stringContaining(`${place} is in use: process ${child.pid} on `) })
    expect(code).toBe(130)
    expect((await s3Store(place).list()).filter((name) => name.startsWith('.'))).toEqual([])
  })

  it.skipIf(!KEEPS_OBJECTS)(
    `goes on when the server comes back${KEEPS_OBJECTS ? '' : ' (skipped: moto keeps its objects in memory)'}`,
    async () => {
      const [prompts, place] = [await input(), 's3://data/gone']
      const child = started(['generate', prompts, ...slowly, '-o', place])
      const end = finished(child)
      while ((await partsOf(place)) < 2 && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 5))
      await s3.stop()
      await new Promise((resolve) => setTimeout(resolve, 1000))
      await s3.start()
      expect(await end).toMatchObject({ code: 0 })
      expect((await rxargs(['verify', place, '--input', prompts])).stdout).toContain('24 rows in')
    },
  )
})
